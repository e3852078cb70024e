/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * region_map.h -- the map of a region under its lock (layer 2).  For region.c,
 * region_take.c and region_give.c, which take the lock by lock_take().
 */
#ifndef REGION_MAP_H
#define REGION_MAP_H

#include <stddef.h>

#include "region/region.h"

/* Drop the lock, and set longest_free. */
void region_map_unlock(struct daxkind_region *r);
/* Release the lock and wait until a flight or a trim has ended. */
void region_map_wait_locked(struct daxkind_region *r);

/* Start a flight: the range is marked taken, and its file space will change.
 * The caller owns flight. */
void region_map_start_flight_locked(
    struct daxkind_region *r, struct region_flight *flight);
/* End a flight, and wake the threads that wait. */
void region_map_end_flight_locked(
    struct daxkind_region *r, struct region_flight *flight);

/* Give a range back to the map.  This cannot fail for a range in flight. */
void region_map_settle_locked(
    struct daxkind_region *r, size_t start, size_t len, unsigned state);
/* Update idle_low. */
void region_map_note_idle_low_locked(struct daxkind_region *r);
/* A part of the region is bad: never hand it out.  For find_bad of backing_ops.
 * The lock is held, or no other thread uses the region yet. */
int region_map_note_bad(void *arg, size_t off, size_t len);

static inline size_t
region_map_offset(const struct daxkind_region *r, size_t start)
{
	return start - (size_t)(uintptr_t)r->base;
}

#endif /* REGION_MAP_H */
