// SPDX-License-Identifier: BSD-2-Clause
/*
 * records.c -- see records.h.
 *
 *   chunk: | header, units' states | unit | unit | ... |    whole pages each
 *   unit:  | record | record | ... | rest |
 */
#include "base/records.h"

#include <stdint.h>

#include "base/export.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"

struct records_item {
	struct records_item *next;
};

struct records_unit {
	struct records_unit *next, *prev; /* of its list */
	struct records_item *spare;       /* free records that were in use */
	struct records_chunk *chunk;
	uint32_t nr_used;    /* handed out, or resting */
	uint32_t nr_touched; /* records from the first that were in use */
};

struct records_chunk {
	struct records_chunk *next;
	char *first; /* unit */
	size_t nr;   /* units */
	struct records_unit units[];
};

/* Small records share a unit.  A larger one wastes less at its end, but is kept
 * longer by a single record in use. */
#define UNIT_MIN_LEN (4 * DK_PAGE)
/* Chunks do not grow beyond this. */
#define MAX_CHUNK_LEN (8 * MIB)

static size_t
unit_len(const struct records *records)
{
	return align_up(max_size(records->size, UNIT_MIN_LEN), DK_PAGE);
}

static size_t
nr_in_unit(const struct records *records)
{
	return unit_len(records) / records->size;
}

/* --- lists of units ---------------------------------------------------------------- */

static void
link_unit(struct records_unit **list, struct records_unit *unit)
{
	unit->prev = NULL;
	unit->next = *list;
	if (unit->next != NULL)
		unit->next->prev = unit;
	*list = unit;
}

static void
unlink_unit(struct records_unit **list, struct records_unit *unit)
{
	if (unit->prev != NULL)
		unit->prev->next = unit->next;
	else
		*list = unit->next;
	if (unit->next != NULL)
		unit->next->prev = unit->prev;
}

/* --- units --------------------------------------------------------------------------- */

static char *
memory_of(const struct records *records, const struct records_unit *unit)
{
	const struct records_chunk *chunk = unit->chunk;

	return chunk->first + (size_t)(unit - chunk->units) * unit_len(records);
}

/* The unit that ptr points into, or NULL. */
static struct records_unit *
find_unit(const struct records *records, const void *ptr)
{
	size_t len = unit_len(records);

	for (struct records_chunk *chunk = records->chunks; chunk != NULL;
	     chunk = chunk->next) {
		/* wraps if ptr is below first */
		uintptr_t off = (uintptr_t)ptr - (uintptr_t)chunk->first;

		if (off / len < chunk->nr)
			return &chunk->units[off / len];
	}
	return NULL;
}

static bool
add_chunk(struct records *records)
{
	size_t nr = records->next_nr;
	size_t len = unit_len(records);
	struct records_chunk *chunk;
	size_t header =
	    align_up(sizeof(*chunk) + nr * sizeof(chunk->units[0]), DK_PAGE);
	void *mem;

	if (os_map_anon(header + nr * len, &mem) < 0)
		return false;
	chunk = mem;
	chunk->first = (char *)mem + header;
	chunk->nr = nr;
	chunk->next = records->chunks;
	records->chunks = chunk;
	if (2 * nr * len <= MAX_CHUNK_LEN)
		records->next_nr = 2 * nr;
	/* From the last to the first, so that they come out in order. */
	for (size_t i = nr; i-- > 0;) {
		chunk->units[i].chunk = chunk;
		link_unit(&records->gone, &chunk->units[i]);
	}
	return true;
}

/* A unit with a free record, moved to the list used; NULL: no memory. */
static struct records_unit *
use_unit(struct records *records)
{
	struct records_unit *unit = records->kept;

	if (records->used != NULL)
		return records->used;
	if (unit != NULL) {
		unlink_unit(&records->kept, unit);
		records->nr_kept--;
	} else {
		if (records->gone == NULL && !add_chunk(records))
			return NULL;
		unit = records->gone;
		DK_ASSUME(unit != NULL); /* a chunk has some */
		unlink_unit(&records->gone, unit);
	}
	link_unit(&records->used, unit);
	return unit;
}

/* None of its records is in use. */
static void
release_unit(struct records *records, struct records_unit *unit)
{
	/* Locked pages (mlockall(2)) cannot be dropped. */
	if (records->nr_kept < records->max_kept ||
	    os_drop_pages(memory_of(records, unit), unit_len(records)) < 0) {
		link_unit(&records->kept, unit);
		records->nr_kept++;
		return;
	}
	unit->spare = NULL;
	unit->nr_touched = 0;
	link_unit(&records->gone, unit);
}

/* --- records ------------------------------------------------------------------------- */

static void *
get_rested(struct records *records)
{
	struct records_item *item = records->resting;

	if (item == NULL)
		return NULL;
	records->resting = item->next;
	records->nr_resting--;
	if (records->resting == NULL)
		records->resting_last = NULL;
	return item;
}

void *
records_get(struct records *records)
{
	struct records_unit *unit = use_unit(records);
	void *record;

	if (unit == NULL)
		return get_rested(records);
	if (unit->spare != NULL) {
		record = unit->spare;
		unit->spare = unit->spare->next;
	} else {
		record =
		    memory_of(records, unit) + unit->nr_touched * records->size;
		unit->nr_touched++;
	}
	unit->nr_used++;
	if (unit->nr_used == nr_in_unit(records))
		unlink_unit(&records->used, unit);
	return record;
}

void
records_put(struct records *records, void *record)
{
	struct records_unit *unit = find_unit(records, record);
	struct records_item *item = record;

	DK_BUG_ON(unit == NULL || unit->nr_used == 0);
	if (unit->nr_used == nr_in_unit(records))
		link_unit(&records->used, unit);
	item->next = unit->spare;
	unit->spare = item;
	unit->nr_used--;
	if (unit->nr_used > 0)
		return;
	unlink_unit(&records->used, unit);
	release_unit(records, unit);
}

void
records_retire(struct records *records, void *record)
{
	struct records_item *item = record;

	item->next = NULL;
	if (records->resting_last != NULL)
		records->resting_last->next = item;
	else
		records->resting = item;
	records->resting_last = item;
	records->nr_resting++;
	if (records->nr_resting > RECORDS_REST)
		records_put(records, get_rested(records));
}

bool
records_has(const struct records *records, const void *ptr)
{
	const struct records_unit *unit = find_unit(records, ptr);

	if (unit == NULL)
		return false;
	size_t off = (uintptr_t)ptr - (uintptr_t)memory_of(records, unit);
	return off % records->size == 0 &&
	       off / records->size < nr_in_unit(records);
}
