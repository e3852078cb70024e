// SPDX-License-Identifier: BSD-2-Clause
/*
 * region_give.c -- takes ranges back, and gives back file space: see region.h.
 *
 * File space (files only): free ranges that still hold file space are idle.  If
 * too much is idle, the thread that frees gives back the excess in large
 * pieces, down to half the limit, so that no workload punches a hole at every
 * call.  The reclaimer's thread gives back the rest once it was unused for a
 * while.
 */
#include "region/region.h"

#include <errno.h>

#include "base/log.h"
#include "base/os.h"
#include "base/util.h"
#include "region/region_map.h"

/* REGION_GIVE_SOON keeps at most this much idle; REGION_GIVE_LATER keeps half
 * as much as is taken, if that is more.  With blocks of mixed sizes that come
 * and go, about a third stays free between them, and punching it repeatedly
 * costs page faults. */
#define IDLE_LIMIT (4 * MIB)
enum {
	IDLE_SHARE = 2
};
/* Limits for the length of one hole: at most this much, so that a flight ends
 * soon; at least TRIM_MIN_LEN at first. */
#define TRIM_MAX_LEN (64 * MIB)
#define TRIM_MIN_LEN (64 * KIB)
/* REGION_GIVE_AT_ONCE: punching takes at most one part in this many of the
 * time; the rest is left to the reclaimer. */
enum {
	TRIM_TIME_SHARE = 10
};

/* --- giving file space back ------------------------------------ */

/* Give one idle range back.  Called with the lock held; drops it in between. */
static int
discard_one_locked(struct daxkind_region *r, size_t min_len, size_t max_len)
{
	lock_assert_held(&r->lock);
	struct space_grant grant;
	int rc = space_take_idle(&r->space, min_len, max_len, &grant);

	if (rc < 0)
		return rc;
	struct region_flight flight = {
	    .start = grant.start, .len = grant.len, .is_discard = true};
	region_map_start_flight_locked(r, &flight);
	region_map_unlock(r);
	rc = backing_discard(
	    r->backing, region_map_offset(r, grant.start), grant.len);
	lock_take(&r->lock);
	region_map_settle_locked(
	    r, grant.start, grant.len, rc == 0 ? SPACE_ZERO : SPACE_HELD);
	region_map_end_flight_locked(r, &flight);
	if (rc == -EOPNOTSUPP && r->can_discard) {
		r->can_discard = false;
		log_write(DK_LOG_WARNING,
		    "the file system cannot punch holes: free file space is "
		    "kept for reuse");
	}
	region_map_note_idle_low_locked(r);
	return rc;
}

void
region_trim(struct daxkind_region *r, size_t keep)
{
	uint64_t began = os_now_us();
	size_t min_len = TRIM_MIN_LEN;

	lock_take(&r->lock);
	if (r->is_trimming || !r->can_discard || region_is_off(r)) {
		region_map_unlock(r);
		return;
	}
	r->is_trimming = true;
	while (space_givable(&r->space) > keep) {
		size_t max_len = min_size(TRIM_MAX_LEN,
		    align_up(space_givable(&r->space) - keep, DK_PAGE));
		int rc =
		    discard_one_locked(r, min_size(min_len, max_len), max_len);

		if (rc == -ENOENT && min_len > DK_PAGE)
			min_len = DK_PAGE;
		else if (rc < 0)
			break;
	}
	r->is_trimming = false;
	(void)pthread_cond_broadcast(&r->settled);
	uint64_t now = os_now_us();
	r->next_trim_us = now + (now - began) * (TRIM_TIME_SHARE - 1);
	region_map_unlock(r);
}

bool
region_trim_unneeded(struct daxkind_region *r)
{
	lock_take(&r->lock);
	size_t idle = space_givable(&r->space);
	bool at_once = r->policy == REGION_GIVE_AT_ONCE;
	size_t unneeded = at_once ? idle : min_size(r->idle_low, idle);
	r->idle_low = idle - unneeded;
	region_map_unlock(r);
	if (unneeded > 0)
		region_trim(r, idle - unneeded);
	lock_take(&r->lock);
	r->idle_low = space_givable(&r->space);
	region_map_unlock(r);
	return at_once;
}

bool
region_has_idle(struct daxkind_region *r)
{
	lock_take(&r->lock);
	bool has_idle = r->can_discard && space_givable(&r->space) > 0;
	region_map_unlock(r);
	return has_idle;
}

void
region_set_policy(struct daxkind_region *r, enum region_policy policy)
{
	lock_take(&r->lock);
	r->policy = policy;
	region_map_unlock(r);
	/* The reclaimer may have just begun a long wait. */
	if (policy == REGION_GIVE_AT_ONCE)
		reclaimer_hurry();
}

/* --- giving ---------------------------------------------------- */

/* Bytes in flight. */
static size_t
flying_len_locked(const struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	size_t sum = 0;

	for (const struct region_flight *f = r->flights; f != NULL; f = f->next)
		sum += f->len;
	return sum;
}

/* The number of bytes that may stay idle. */
static size_t
idle_limit_locked(const struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	size_t taken = r->space.size - r->space.free.total -
		       r->space.bad.total - flying_len_locked(r);

	if (r->policy != REGION_GIVE_LATER)
		return IDLE_LIMIT;
	return max_size(IDLE_LIMIT, taken / IDLE_SHARE);
}

/* Whether the thread that frees should give file space back now, and how many
 * bytes may stay idle. */
static bool
wants_trim_locked(struct daxkind_region *r, size_t *keep)
{
	lock_assert_held(&r->lock);
	bool at_once = r->policy == REGION_GIVE_AT_ONCE;
	size_t limit = idle_limit_locked(r);

	if (!r->can_discard || space_givable(&r->space) == 0)
		return false;
	/* The thread that gives back may be slower than threads that free: wait
	 * for it. */
	while (r->is_trimming && space_givable(&r->space) > limit)
		region_map_wait_locked(r);
	if (r->is_trimming)
		return false;
	if (at_once) {
		*keep = 0;
		return space_givable(&r->space) > limit ||
		       (space_givable(&r->space) > 0 &&
			   os_now_us() >= r->next_trim_us);
	}

	*keep = limit / 2;
	return space_givable(&r->space) > limit;
}

/* If no thread visits the region, its users do so now and then. */
static void
visit_when_due(struct daxkind_region *r)
{
	uint64_t now = os_now_coarse_us();
	uint64_t due =
	    atomic_load_explicit(&r->next_visit_us, memory_order_relaxed);

	if (now >= due && atomic_compare_exchange_strong(&r->next_visit_us,
			      &due, now + (uint64_t)RECLAIMER_PERIOD_MS * 1000))
		(void)region_trim_unneeded(r);
}

/* Unneeded idle space will be given back later. */
static void
note_idle(struct daxkind_region *r)
{
	if (r->backing->is_private)
		visit_when_due(r);
	reclaimer_wake();
}

int
region_give(struct daxkind_region *r, void *addr, size_t len)
{
	size_t start = (size_t)(uintptr_t)addr;
	size_t keep = 0;

	if (region_is_off(r))
		return 0;
	lock_take(&r->lock);
#ifdef DK_DEBUG
	DK_BUG_ON(rangeset_covered(&r->space.free, start, len) != 0);
#endif
	int rc = space_give(&r->space, start, len, SPACE_HELD);
	bool trim = wants_trim_locked(r, &keep);
	bool has_idle = space_givable(&r->space) > 0;
	region_map_unlock(r);
	if (trim)
		region_trim(r, keep);
	if (has_idle)
		note_idle(r);
	return rc;
}

void
region_give_or_lose(struct daxkind_region *r, void *addr, size_t len)
{
	if (region_give(r, addr, len) < 0)
		log_write(DK_LOG_ERROR,
		    "%zu bytes of a region are lost until it is opened again: "
		    "out of memory for a record",
		    len);
}

void
region_give_all(struct daxkind_region *r)
{
	size_t pos = r->space.base, stop = pos + r->size, end;

	if (region_is_off(r))
		return;
	lock_take(&r->lock);
	while (r->flights != NULL)
		region_map_wait_locked(r);
	for (; pos < stop; pos = end) {
		enum space_run run = space_run_at(&r->space, pos, &end);

		if (run == SPACE_RUN_TAKEN)
			region_map_settle_locked(r, pos, end - pos, SPACE_HELD);
	}
	bool has_idle = space_givable(&r->space) > 0;
	region_map_unlock(r);
	if (has_idle)
		note_idle(r);
}
