// SPDX-License-Identifier: BSD-2-Clause
/*
 * region_index.c -- see region_index.h.
 *
 * Tables are made when a region needs them and then stay, so that a reader
 * never meets one that is gone.
 */
#include "region/region_index.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/pool.h"
#include "base/util.h"
#include "region/region.h"
#include "space/rangeset.h"

region_index_entry Region_index[INDEX_TOP_LEN];

/* Guards all below, and writing to the tree. */
static struct lock Lock = DK_LOCK_INIT(RANK_INDEX);
static struct pool Records = {
    .object_size = sizeof(struct daxkind_region), .next_chunk_len = 4096};
static struct pool Area_nodes = {
    .object_size = sizeof(struct rangeset_node), .next_chunk_len = 4096};
/* Tables are many to a mapping; the kernel zeroes them, but for the pointer
 * that the pool keeps in each. */
static struct pool Middle_tables = {
    .object_size = INDEX_MIDDLE_LEN * sizeof(region_index_entry),
    .next_chunk_len = MIB};
static struct pool Low_tables = {
    .object_size = INDEX_LOW_LEN * sizeof(region_index_entry),
    .next_chunk_len = 256 * KIB};
/* The bytes of all regions' areas: they may be smaller than a page. */
static size_t Nr_areas; /* as they were added, neighbours not merged */
static struct rangeset Areas = {.nodes = &Area_nodes, .random = 88172645u};

static struct daxkind_region *Regions; /* linked by index_next, index_prev */

struct level {
	unsigned shift; /* of the address bits that number its entries */
	size_t len;     /* entries in a table */
	struct pool *tables;
};

static const struct level Levels[] = {
    {INDEX_TOP_SHIFT, INDEX_TOP_LEN, NULL},
    {INDEX_MIDDLE_SHIFT, INDEX_MIDDLE_LEN, &Middle_tables},
    {INDEX_LOW_SHIFT, INDEX_LOW_LEN, &Low_tables},
};

int
region_index_new(struct daxkind_region **out)
{
	lock_take(&Lock);
	struct daxkind_region *r = pool_get(&Records);
	lock_drop(&Lock);
	if (r == NULL)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	*out = r;
	return 0;
}

void
region_index_free(struct daxkind_region *r)
{
	lock_take(&Lock);
	pool_put(&Records, r);
	lock_drop(&Lock);
}

/* The table behind an entry, made if there is none. */
static int
get_table(region_index_entry *entry, const struct level *below,
    region_index_entry **out)
{
	uintptr_t value = atomic_load_explicit(entry, memory_order_relaxed);

	if ((value & INDEX_IS_TABLE) == 0) {
		region_index_entry *table = pool_get(below->tables);

		if (table == NULL)
			return -ENOMEM;
		atomic_store_explicit(&table[0], 0, memory_order_relaxed);
		/* A region of the whole entry is never here: areas do not
		 * overlap. */
		value = (uintptr_t)table | INDEX_IS_TABLE;
		atomic_store_explicit(entry, value, memory_order_release);
	}
	*out = (region_index_entry *)(value - INDEX_IS_TABLE);
	return 0;
}

/* Enter value for all of [start, end), addresses of this table. */
static int
fill(region_index_entry *table, unsigned depth, uintptr_t start, uintptr_t end,
    uintptr_t value)
{
	const struct level *level = &Levels[depth];
	uintptr_t slot_len = (uintptr_t)1 << level->shift;

	while (start < end) {
		uintptr_t slot = align_down(start, slot_len);
		uintptr_t to = min_size(slot + slot_len, end);
		region_index_entry *entry =
		    &table[(start >> level->shift) % level->len];
		uintptr_t old =
		    atomic_load_explicit(entry, memory_order_relaxed);
		bool is_whole = start == slot && to == slot + slot_len;

		if (is_whole && (old & INDEX_IS_TABLE) == 0) {
			atomic_store_explicit(
			    entry, value, memory_order_release);
		} else {
			region_index_entry *below;
			int rc = get_table(entry, level + 1, &below);

			if (rc == 0)
				rc = fill(below, depth + 1, start, to, value);
			if (rc < 0)
				return rc;
		}
		start = to;
	}
	return 0;
}

static int
enter(struct daxkind_region *r, uintptr_t value)
{
	uintptr_t start = (uintptr_t)r->base;

	return fill(Region_index, 0, start, start + r->size, value);
}

static void
remove_area(const struct daxkind_region *r)
{
	if (r->area_size == 0)
		return;
	int rc =
	    rangeset_remove(&Areas, (size_t)(uintptr_t)r->area, r->area_size);
	DK_BUG_ON(rc < 0); /* its node was reserved */
	Nr_areas--;
}

int
region_index_add(struct daxkind_region *r)
{
	size_t area = (size_t)(uintptr_t)r->area;
	int rc;

	if (r->size > 0 &&
	    ((uintptr_t)r->base + r->size - 1) >> INDEX_ADDRESS_BITS != 0)
		return error_set(-EINVAL,
		    "%p is beyond the %d bits of a program's addresses",
		    (void *)r->base, INDEX_ADDRESS_BITS);
	lock_take(&Lock);
	if (rangeset_covered(&Areas, area, r->area_size) != 0) {
		rc = error_set(-EEXIST,
		    "%p to %p overlaps a region that is open; end that one "
		    "first",
		    r->area,
		    (const void *)((const char *)r->area + r->area_size));
		goto out;
	}
	if (r->area_size > 0) {
		/* Neighbours are one range, so taking one out can split it:
		 * a node for each is kept in reserve. */
		rc = pool_reserve(&Area_nodes, Nr_areas + 2);
		if (rc == 0)
			rc = rangeset_add(&Areas, area, r->area_size);
		if (rc == 0)
			Nr_areas++;
		if (rc < 0) {
			rc = error_set(rc, "no memory for the region index");
			goto out;
		}
	}
	rc = enter(r, (uintptr_t)r);
	if (rc < 0) {
		/* What was entered has its tables: clearing can not fail
		 * before the entry that did. */
		(void)enter(r, 0);
		remove_area(r);
		rc = error_set(rc, "no memory for the region index");
		goto out;
	}
	r->index_next = Regions;
	if (Regions != NULL)
		Regions->index_prev = r;
	Regions = r;
out:
	lock_drop(&Lock);
	return rc;
}

void
region_index_remove(struct daxkind_region *r)
{
	lock_take(&Lock);
	if (r->index_prev != NULL)
		r->index_prev->index_next = r->index_next;
	else
		Regions = r->index_next;
	if (r->index_next != NULL)
		r->index_next->index_prev = r->index_prev;
	int rc = enter(r, 0); /* the tables are there: nothing can fail */
	DK_BUG_ON(rc < 0);
	remove_area(r);
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
	lock_drop_at_fork(&Lock);
}

void
region_index_walk_at_fork(
    void (*visit)(struct daxkind_region *r, void *arg), void *arg)
{
	for (struct daxkind_region *r = Regions; r != NULL; r = r->index_next)
		visit(r, arg);
}
