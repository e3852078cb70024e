/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * region_map.h -- the map of a region under its lock (layer 2): for region.c,
 * region_take.c and region_give.c, which take the lock by lock_take().
 */
#ifndef REGION_MAP_H
#define REGION_MAP_H

#include <stddef.h>

#include "region/region.h"

/* Drop the lock. */
void region_map_unlock(struct daxkind_region *r);
/* Wait, without the lock, until a flight has ended or a trim. */
void region_map_wait_locked(struct daxkind_region *r);

/* Enter a range that is taken in the map, and whose file space will change;
 * flight is the caller's. */
void region_map_start_flight_locked(
    struct daxkind_region *r, struct region_flight *flight);
/* Remove it, and wake who waits. */
void region_map_end_flight_locked(
    struct daxkind_region *r, struct region_flight *flight);

/* Back to the map; a range that was in flight cannot be lost. */
void region_map_settle_locked(
    struct daxkind_region *r, size_t start, size_t len, unsigned state);
/* Note how little is idle now. */
void region_map_note_idle_low_locked(struct daxkind_region *r);
/* A part of the region is bad: never hand it out.  For the ops' find_bad; the
 * lock is held, or nobody else has the region yet. */
int region_map_note_bad(void *arg, size_t off, size_t len);

static inline size_t
region_map_offset(const struct daxkind_region *r, size_t start)
{
	return start - (size_t)(uintptr_t)r->base;
}

#endif /* REGION_MAP_H */
