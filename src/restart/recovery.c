// SPDX-License-Identifier: BSD-2-Clause
/*
 * recovery.c -- see recovery.h.
 */
#include "restart/recovery.h"

#include <stdint.h>

#include "base/error.h"
#include "base/os.h"

struct search {
	const struct ledger *ledger;
	uint64_t base; /* that addresses in the stacks are of */
	/* For each chunk: the class of the slab that begins there + 1, or 0. */
	uint8_t *classes;
	void (*visit)(void *arg, const struct cached_block *block);
	void *arg;
	size_t end; /* of the stacks that were searched */
};

static int
note_slab(void *arg, const struct ledger_unit *unit)
{
	const struct search *search = arg;

	if (unit->type == LEDGER_SLAB)
		search->classes[unit->off / MEDIUM_CHUNK] =
		    (uint8_t)(unit->size_class + 1);
	return 0;
}

/* Visit the block at off, if it is one. */
static void
visit_cached(const struct search *search, size_t off)
{
	const struct ledger *l = search->ledger;
	size_t chunk = off / MEDIUM_CHUNK;

	/* Of a damaged heap, not all parts have been read. */
	if (chunk >= l->nr_chunks)
		return;
	/* No slab has more than a few chunks. */
	while (chunk > 0 && search->classes[chunk] == 0 &&
	       off / MEDIUM_CHUNK - chunk < 8)
		chunk--;
	if (search->classes[chunk] == 0)
		return;
	unsigned size_class = search->classes[chunk] - 1u;
	const struct ledger_class *c = &l->classes[size_class];
	size_t in_slab = off - chunk * MEDIUM_CHUNK;
	size_t i = in_slab / c->size;
	if (in_slab % c->size != 0 || i >= c->nr_blocks || i < c->nr_reserved)
		return;
	struct cached_block block = {
	    .off = off,
	    .size = c->size,
	    .word = &ledger_bits(l, chunk, size_class)[i / 64],
	    .bit = UINT64_C(1) << i % 64,
	};
	if ((atomic_load(block.word) & block.bit) != 0)
		search->visit(search->arg, &block);
}

static const struct medium_stacks *
stacks_at(const struct ledger *l, size_t off)
{
	return (const void *)(l->base + off);
}

/* An extent of stacks has a page at least. */
static size_t
nr_items(const struct ledger_unit *stacks)
{
	return (stacks->len - sizeof(struct medium_stacks)) / sizeof(uint64_t);
}

static void
search_items(const struct search *search, size_t from, size_t to)
{
	for (size_t off = from; off < to; off += sizeof(uint64_t)) {
		uint64_t item = *(
		    const uint64_t *)(const void *)(search->ledger->base + off);

		/* The address that it had in the other process. */
		if (item > search->base)
			visit_cached(search, item - search->base);
	}
}

static int
search_stacks(void *arg, const struct ledger_unit *unit)
{
	struct search *search = arg;
	const struct ledger *l = search->ledger;

	/* What stood in those in a bad block leaks. */
	if (unit->type != LEDGER_STACKS ||
	    ledger_is_bad(l, unit->off, unit->len))
		return 0;
	/* Where records are damaged, those of a file can have any length and
	 * lie over each other: what has no data is not read, and nothing
	 * twice. */
	size_t off =
	    max_size(unit->off + sizeof(struct medium_stacks), search->end);
	size_t end = unit->off + unit->len;
	while (off < end) {
		size_t hole = end, hole_len = 0;

		if (!l->backing->has_content ||
		    !backing_find_hole(
			l->backing, off, end - off, &hole, &hole_len))
			hole = end;
		search_items(search, off, hole);
		off = hole + hole_len;
	}
	search->end = max_size(search->end, end);
	return 0;
}

int
recovery_walk_cached(const struct ledger *l, const struct superblock *sb,
    void (*visit)(void *arg, const struct cached_block *block), void *arg,
    const struct fault_sink *faults)
{
	size_t len = align_up(l->nr_chunks, DK_PAGE);
	struct search search = {
	    .ledger = l, .base = sb->base, .visit = visit, .arg = arg};
	void *classes;
	int rc = os_map_anon(len, &classes);

	if (rc < 0)
		return error_set(rc, "no memory to look for cached blocks");
	search.classes = classes;
	rc = ledger_walk_with_faults(l, note_slab, &search, faults);
	if (rc == 0)
		rc = ledger_walk_with_faults(l, search_stacks, &search, faults);
	(void)os_unmap(classes, len);
	return rc;
}

struct recovery {
	const struct ledger *ledger;
	struct recovered freed;
};

static void
free_cached(void *arg, const struct cached_block *block)
{
	struct recovery *recovery = arg;

	atomic_store(block->word, atomic_load(block->word) & ~block->bit);
	ledger_persist(recovery->ledger, block->word, sizeof(*block->word));
	recovery->freed.nr_blocks++;
	recovery->freed.bytes += block->size;
}

int
recovery_free_cached(
    struct ledger *l, const struct superblock *sb, struct recovered *freed)
{
	struct recovery recovery = {.ledger = l};
	int rc = recovery_walk_cached(l, sb, free_cached, &recovery, NULL);

	*freed = recovery.freed;
	return rc;
}

struct bound {
	const struct ledger *ledger;
	/* Blocks of each class: room for them in stacks, and allocated. */
	size_t room[MEDIUM_CLASSES], nr[MEDIUM_CLASSES];
};

static int
add_to_bound(void *arg, const struct ledger_unit *unit)
{
	struct bound *bound = arg;

	if (unit->type == LEDGER_SLAB)
		bound->nr[unit->size_class] +=
		    ledger_count(bound->ledger, unit);
	if (unit->type != LEDGER_STACKS ||
	    ledger_is_bad(bound->ledger, unit->off, DK_PAGE))
		return 0;
	const struct medium_stacks *stacks =
	    stacks_at(bound->ledger, unit->off);
	/* It may be damaged. */
	for (size_t i = 0; i < MEDIUM_CLASSES; i++)
		bound->room[i] += min_size(stacks->max[i], nr_items(unit));
	return 0;
}

int
recovery_bound_cached(const struct ledger *l, size_t *bytes)
{
	struct bound bound = {.ledger = l};
	int rc = ledger_walk(l, add_to_bound, &bound);

	*bytes = 0;
	for (size_t i = 0; i < MEDIUM_CLASSES; i++)
		*bytes +=
		    min_size(bound.room[i], bound.nr[i]) * l->classes[i].size;
	return rc;
}

static int
remove_stacks(void *arg, const struct ledger_unit *unit)
{
	if (unit->type == LEDGER_STACKS)
		ledger_remove_extent(arg, unit->off);
	return 0;
}

int
recovery_remove_stacks(struct ledger *l)
{
	return ledger_walk(l, remove_stacks, l);
}
