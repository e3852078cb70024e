// SPDX-License-Identifier: BSD-2-Clause
/*
 * region_index.c -- see region_index.h.
 *
 * Tables are made when a region needs them, and never removed, so that a reader
 * never follows a stale pointer.
 */
#include "region/region_index.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/pool.h"
#include "base/records.h"
#include "base/util.h"
#include "space/rangeset.h"

region_index_slot Region_index[INDEX_TOP_LEN];

/* Guards everything below, and writes to the tree. */
static struct lock Lock = DK_LOCK_INIT(RANK_INDEX);
static struct records Records = RECORDS_INIT(0, RECORDS_KEEP_FEW);
static struct pool Area_nodes = {
    .object_size = sizeof(struct rangeset_node), .next_chunk_len = 4096};
/* A mapping contains many tables.  The kernel zeroes them, except for the
 * pointer that the pool keeps in each. */
static struct pool Middle_tables = {
    .object_size = INDEX_MIDDLE_LEN * sizeof(region_index_slot),
    .next_chunk_len = MIB};
static struct pool Low_tables = {
    .object_size = INDEX_LOW_LEN * sizeof(region_index_slot),
    .next_chunk_len = 256 * KIB};
/* The bytes of all regions' areas, which may be smaller than a page. */
static size_t Nr_areas; /* as added; neighbours are not merged */
static struct rangeset Areas = {.nodes = &Area_nodes, .random = 88172645u};

static struct region_index_entry *Entries;

struct level {
	unsigned shift; /* of the address bits that select a slot */
	size_t len;     /* slots in a table */
	struct pool *tables;
};

static const struct level Levels[] = {
    {INDEX_TOP_SHIFT, INDEX_TOP_LEN, NULL},
    {INDEX_MIDDLE_SHIFT, INDEX_MIDDLE_LEN, &Middle_tables},
    {INDEX_LOW_SHIFT, INDEX_LOW_LEN, &Low_tables},
};

int
region_index_new(size_t size, struct daxkind_region **out)
{
	lock_take(&Lock);
	DK_BUG_ON(Records.size != 0 && Records.size != size);
	Records.size = size;
	struct daxkind_region *r = records_get(&Records);
	lock_drop(&Lock);
	if (r == NULL)
		return -ENOMEM;
	memset(r, 0, size);
	*out = r;
	return 0;
}

void
region_index_free(struct daxkind_region *r)
{
	lock_take(&Lock);
	records_retire(&Records, r);
	lock_drop(&Lock);
}

bool
region_index_is_record(const struct daxkind_region *r)
{
	lock_take(&Lock);
	bool is_record = records_has(&Records, r);
	lock_drop(&Lock);
	return is_record;
}

/* The table behind a slot; makes one if there is none. */
static int
get_table(
    region_index_slot *slot, const struct level *below, region_index_slot **out)
{
	uintptr_t value = atomic_load_explicit(slot, memory_order_relaxed);

	if ((value & INDEX_IS_TABLE) == 0) {
		region_index_slot *table = pool_get(below->tables);

		if (table == NULL)
			return -ENOMEM;
		atomic_store_explicit(&table[0], 0, memory_order_relaxed);
		/* The slot belonged to one region: keep that for the rest of
		 * the table. */
		for (size_t i = 0; value != 0 && i < below->len; i++)
			atomic_store_explicit(
			    &table[i], value, memory_order_relaxed);
		value = (uintptr_t)table | INDEX_IS_TABLE;
		atomic_store_explicit(slot, value, memory_order_release);
	}
	*out = (region_index_slot *)(value - INDEX_IS_TABLE);
	return 0;
}

/* Enter value for all of [start, end), which this table must cover. */
static int
fill(region_index_slot *table, unsigned depth, uintptr_t start, uintptr_t end,
    uintptr_t value)
{
	const struct level *level = &Levels[depth];
	uintptr_t slot_len = (uintptr_t)1 << level->shift;

	while (start < end) {
		uintptr_t from = align_down(start, slot_len);
		uintptr_t to = min_size(from + slot_len, end);
		region_index_slot *slot =
		    &table[(start >> level->shift) % level->len];
		uintptr_t old =
		    atomic_load_explicit(slot, memory_order_relaxed);
		bool is_whole = start == from && to == from + slot_len;

		if (is_whole && (old & INDEX_IS_TABLE) == 0) {
			atomic_store_explicit(
			    slot, value, memory_order_release);
		} else {
			region_index_slot *below;
			int rc = get_table(slot, level + 1, &below);

			if (rc == 0)
				rc = fill(below, depth + 1, start, to, value);
			if (rc < 0)
				return rc;
		}
		start = to;
	}
	return 0;
}

/* Lookups in the region of e find value from now on. */
static int
enter(
    const struct region_index_entry *e, const struct region_index_entry *value)
{
	uintptr_t start = (uintptr_t)e->base;

	return fill(Region_index, 0, start, start + e->size, (uintptr_t)value);
}

static int
check_address(const void *addr, size_t len)
{
	if (len == 0 || ((uintptr_t)addr + len - 1) >> INDEX_ADDRESS_BITS == 0)
		return 0;
	return error_set(-EINVAL,
	    "%p is beyond the %d-bit range of a program's addresses", addr,
	    INDEX_ADDRESS_BITS);
}

static void
remove_area(const struct region_index_entry *e)
{
	if (e->area_size == 0)
		return;
	int rc =
	    rangeset_remove(&Areas, (size_t)(uintptr_t)e->area, e->area_size);
	DK_BUG_ON(rc < 0); /* its node was reserved */
	Nr_areas--;
}

int
region_index_add(struct region_index_entry *e)
{
	size_t area = (size_t)(uintptr_t)e->area;
	int rc = check_address(e->base, e->size);

	if (rc < 0)
		return rc;
	lock_take(&Lock);
	if (rangeset_covered(&Areas, area, e->area_size) != 0) {
		rc = error_set(-EEXIST,
		    "%p to %p overlaps an open region; close that region "
		    "first",
		    e->area,
		    (const void *)((const char *)e->area + e->area_size));
		goto out;
	}
	if (e->area_size > 0) {
		/* Neighbours are merged into one range, so removing an area can
		 * split a range.  Keep a node in reserve for each area. */
		rc = pool_reserve(&Area_nodes, Nr_areas + 2);
		if (rc == 0)
			rc = rangeset_add(&Areas, area, e->area_size);
		if (rc == 0)
			Nr_areas++;
		if (rc < 0) {
			rc = error_set(rc, "no memory for the region index");
			goto out;
		}
	}
	e->around = region_index_look_up(e->base);
	rc = enter(e, e);
	if (rc < 0) {
		/* The slots entered so far have their tables, so clearing them
		 * works, and stops at the slot that failed. */
		(void)enter(e, e->around);
		remove_area(e);
		rc = error_set(rc, "no memory for the region index");
		goto out;
	}
	e->next = Entries;
	if (Entries != NULL)
		Entries->prev = e;
	Entries = e;
out:
	lock_drop(&Lock);
	return rc;
}

void
region_index_remove(struct region_index_entry *e)
{
	lock_take(&Lock);
	if (e->prev != NULL)
		e->prev->next = e->next;
	else
		Entries = e->next;
	if (e->next != NULL)
		e->next->prev = e->prev;
	/* The tables exist, so this cannot fail. */
	int rc = enter(e, e->around);
	DK_BUG_ON(rc < 0);
	remove_area(e);
	lock_drop(&Lock);
}

/* The innermost region that contains an address, or NULL. */
static struct region_index_entry *
region_around(const char *addr)
{
	struct region_index_entry *found = NULL;

	for (struct region_index_entry *e = Entries; e != NULL; e = e->next) {
		if (addr >= e->base && (size_t)(addr - e->base) < e->size &&
		    (found == NULL || e->size < found->size))
			found = e;
	}
	return found;
}

int
region_index_add_piece(struct region_index_entry *e, void *addr, size_t len)
{
	uintptr_t start = (uintptr_t)addr;
	int rc = check_address(addr, len);

	if (rc < 0)
		return rc;
	lock_take(&Lock);
	rc = fill(Region_index, 0, start, start + len, (uintptr_t)e);
	if (rc < 0)
		/* As in region_index_add(). */
		(void)fill(Region_index, 0, start, start + len,
		    (uintptr_t)region_around(addr));
	lock_drop(&Lock);
	return rc;
}

void
region_index_remove_piece(void *addr, size_t len)
{
	uintptr_t start = (uintptr_t)addr;

	lock_take(&Lock);
	/* Splitting a slot may need a table.  If there is no memory for one,
	 * the whole slot keeps its entry, until the next owner of those
	 * addresses is entered. */
	(void)fill(Region_index, 0, start, start + len,
	    (uintptr_t)region_around(addr));
	lock_drop(&Lock);
}

void
region_index_visit(const void *addr,
    void (*visit)(struct daxkind_region *r, void *arg), void *arg)
{
	lock_take(&Lock);
	struct daxkind_region *r = region_index_find(addr);
	if (r != NULL)
		visit(r, arg);
	lock_drop(&Lock);
}

void
region_index_lock_at_fork(void)
{
	lock_take_at_fork(&Lock);
}

void
region_index_unlock_at_fork(void)
{
	lock_drop(&Lock);
}

void
region_index_walk_at_fork(
    void (*visit)(struct daxkind_region *r, void *arg), void *arg)
{
	for (struct region_index_entry *e = Entries; e != NULL; e = e->next)
		visit(e->region, arg);
}
