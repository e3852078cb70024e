// SPDX-License-Identifier: BSD-2-Clause
/*
 * region_map.c -- see region_map.h.
 */
#include "region/region_map.h"

#include "base/log.h"
#include "base/util.h"

static void
note_longest_locked(struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	size_t longest = rangeset_longest_len(&r->space.free);

	/* Flights end soon, and takes wait for them: set no limit meanwhile. */
	if (r->flights != NULL)
		longest = r->size;
	atomic_store_explicit(&r->longest_free, longest, memory_order_release);
}

void
region_map_unlock(struct daxkind_region *r)
{
	note_longest_locked(r);
	lock_drop(&r->lock);
}

void
region_map_wait_locked(struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	note_longest_locked(r);
	lock_wait(&r->lock, &r->settled);
}

void
region_map_start_flight_locked(
    struct daxkind_region *r, struct region_flight *flight)
{
	lock_assert_held(&r->lock);
	flight->next = r->flights;
	r->flights = flight;
}

void
region_map_end_flight_locked(
    struct daxkind_region *r, struct region_flight *flight)
{
	lock_assert_held(&r->lock);
	struct region_flight **link = &r->flights;

	while (*link != flight)
		link = &(*link)->next;
	*link = flight->next;
	(void)pthread_cond_broadcast(&r->settled);
}

void
region_map_settle_locked(
    struct daxkind_region *r, size_t start, size_t len, unsigned state)
{
	lock_assert_held(&r->lock);
	if (space_give(&r->space, start, len, state) < 0)
		log_write(DK_LOG_ERROR,
		    "%zu bytes of a region are lost: out of memory for a "
		    "record",
		    len);
}

void
region_map_note_idle_low_locked(struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	r->idle_low = min_size(r->idle_low, space_givable(&r->space));
}

int
region_map_note_bad(void *arg, size_t off, size_t len)
{
	struct daxkind_region *r = arg;
	size_t start = align_down(off, DK_PAGE);
	size_t end = min_size(align_up(off + len, DK_PAGE), r->size);
	int rc = space_mark_bad(&r->space, r->space.base + start, end - start);

	if (rc == 0)
		log_write(DK_LOG_WARNING,
		    "bad block: %zu bytes at offset %zu are not used",
		    end - start, start);
	return rc;
}
