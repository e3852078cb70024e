// SPDX-License-Identifier: BSD-2-Clause
/*
 * region_take.c -- hands out ranges with file space: see region.h.
 */
#include "region/region.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "region/region_map.h"

/* Small requests also reserve the free rest of their 2 MiB piece.  That saves
 * system calls, and permits huge pages. */
#define AHEAD_LEN DK_HUGE_PAGE
/* Private memory reserves less while there is little of it: where every process
 * gets huge pages, a small program would use one or two. */
#define AHEAD_MIN_LEN (64 * KIB)

static char *
address(size_t start)
{
	return (char *)(uintptr_t)start;
}

/* Whether all of the range is free or in flight, and a part in flight. */
static bool
may_come_back_locked(const struct daxkind_region *r, size_t start, size_t len)
{
	lock_assert_held(&r->lock);
	size_t end = start + len;
	size_t flying = 0;

	if (start < r->space.base || len > r->size ||
	    start - r->space.base > r->size - len)
		return false;
	for (const struct region_flight *f = r->flights; f != NULL;
	     f = f->next) {
		size_t from = max_size(f->start, start);
		size_t to = min_size(f->start + f->len, end);

		flying += from < to ? to - from : 0;
	}
	return flying > 0 &&
	       flying + rangeset_covered(&r->space.free, start, len) == len;
}

static bool
is_discarding_locked(const struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	const struct region_flight *f = r->flights;

	while (f != NULL && !f->is_discard)
		f = f->next;
	return f != NULL;
}

/* --- file space for a range ------------------------------------- */

/* A power of two near the number of bytes that the region holds already. */
static size_t
ahead_len_locked(const struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	size_t len = AHEAD_LEN;
	size_t held = r->space.size - r->space.free.total - r->space.bad.total +
		      r->space.idle.total;

	while (r->backing->is_private && len > AHEAD_MIN_LEN && len > held)
		len /= 2;
	return len;
}

/* Extend *grant over the free hole around it, up to multiples of piece. */
static void
widen_locked(struct daxkind_region *r, size_t piece, struct space_grant *grant)
{
	lock_assert_held(&r->lock);
	size_t low = align_down(grant->start, piece);
	size_t high = align_up(grant->start + grant->len, piece);
	size_t run_start, run_len;
	struct space_grant part;

	if (grant->start > low && rangeset_find(&r->space.free,
				      grant->start - 1, &run_start, &run_len)) {
		size_t from = max_size(run_start, low);
		size_t len = grant->start - from;

		if (rangeset_covered(&r->space.idle, from, len) == 0 &&
		    space_take_at(&r->space, from, len, &part) == 0) {
			grant->start = from;
			grant->len += len;
			grant->is_zero = grant->is_zero && part.is_zero;
		}
	}
	size_t end = grant->start + grant->len;
	if (end < high &&
	    rangeset_find(&r->space.free, end, &run_start, &run_len)) {
		size_t len = min_size(run_start + run_len, high) - end;

		if (rangeset_covered(&r->space.idle, end, len) == 0 &&
		    space_take_at(&r->space, end, len, &part) == 0) {
			grant->len += len;
			grant->is_zero = grant->is_zero && part.is_zero;
		}
	}
}

/* Give all idle file space back, or wait for a thread that does so.  Returns
 * whether any was given back. */
static bool
reclaim_file_space(struct daxkind_region *r)
{
	bool any = false;

	lock_take(&r->lock);
	while (r->is_trimming || is_discarding_locked(r)) {
		any = true;
		region_map_wait_locked(r);
	}
	bool can_give = r->can_discard && space_givable(&r->space) > 0;
	region_map_unlock(r);
	if (can_give)
		region_trim(r, 0);
	return any || can_give;
}

/* The state of a range after backing_ensure(). */
static unsigned
state_after(int rc, bool is_zero)
{
	return (rc == 0 ? SPACE_HELD : 0) | (is_zero ? SPACE_ZERO : 0);
}

/* Give back the parts of outer that are not in inner. */
static void
settle_around_locked(struct daxkind_region *r, const struct space_grant *outer,
    const struct space_grant *inner, unsigned state)
{
	lock_assert_held(&r->lock);
	size_t outer_end = outer->start + outer->len;
	size_t inner_end = inner->start + inner->len;

	if (inner->start > outer->start)
		region_map_settle_locked(
		    r, outer->start, inner->start - outer->start, state);
	if (outer_end > inner_end)
		region_map_settle_locked(
		    r, inner_end, outer_end - inner_end, state);
}

/* Give back a range for which there was no file space.  Idle parts of units
 * that others use stay idle, since those units were not punched. */
static void
settle_failed_locked(struct daxkind_region *r, const struct space_grant *grant)
{
	lock_assert_held(&r->lock);
	size_t start = grant->start, end = start + grant->len;
	size_t from = min_size(align_up(start, r->space.unit), end);
	size_t to = max_size(align_down(end, r->space.unit), from);
	unsigned zero = grant->is_zero ? SPACE_ZERO : 0;

	if (from > start)
		region_map_settle_locked(r, start, from - start,
		    zero |
			(grant->front_held >= from - start ? SPACE_HELD : 0));
	if (to > from)
		region_map_settle_locked(r, from, to - from, zero);
	if (end > to)
		region_map_settle_locked(r, to, end - to,
		    zero | (grant->back_held >= end - to ? SPACE_HELD : 0));
}

/* The ranges of an allocation, each a part of the next. */
struct request {
	struct space_grant want;
	struct space_grant units; /* want, and the rest of its units */
	struct space_grant ahead; /* units, and space reserved ahead */
};

static int
ensure(struct daxkind_region *r, const struct space_grant *grant, bool *is_zero)
{
	return backing_ensure(r->backing, region_map_offset(r, grant->start),
	    grant->len, is_zero);
}

/*
 * Get file space for all of a request, or if that fails, for its units only.
 * Gives back what is not wanted; on failure, everything.  Called with the lock
 * held; drops it in between.
 *
 * In a file with content, only a hole is known to be unused.  Any other range
 * that is not handed out must not become idle, since idle ranges are punched.
 */
static int
ensure_locked(struct daxkind_region *r, struct request *q)
{
	lock_assert_held(&r->lock);
	struct region_flight flight = {
	    .start = q->ahead.start, .len = q->ahead.len};
	bool is_zero = false;
	int rc = -ENOSPC;

	region_map_start_flight_locked(r, &flight);
	region_map_unlock(r);
	bool is_ours = !r->backing->has_content;
	if (!is_ours &&
	    backing_is_hole(r->backing, region_map_offset(r, q->ahead.start),
		q->ahead.len)) {
		is_ours = true;
		q->ahead.is_zero = q->want.is_zero = true;
	}
	unsigned ahead_state = q->ahead.is_zero ? SPACE_ZERO : 0;
	bool goes_ahead = is_ours && q->ahead.len > q->units.len;
	if (goes_ahead) {
		rc = ensure(r, &q->ahead, &is_zero);
		ahead_state = state_after(rc, is_zero || q->ahead.is_zero);
	}
	if (rc < 0)
		rc = ensure(r, &q->units, &is_zero);
	/* Idle space of other ranges may be what is missing. */
	if (rc < 0 && reclaim_file_space(r))
		rc = ensure(r, &q->units, &is_zero);
	q->want.is_zero = q->want.is_zero || is_zero;
	unsigned units_state =
	    state_after(is_ours || is_zero ? rc : -ENOSPC, q->want.is_zero);
	lock_take(&r->lock);
	settle_around_locked(r, &q->ahead, &q->units, ahead_state);
	settle_around_locked(r, &q->units, &q->want, units_state);
	if (rc < 0)
		settle_failed_locked(r, &q->want);
	region_map_end_flight_locked(r, &flight);
	return rc;
}

struct bad_range {
	size_t off, len;
};

/* Bad blocks are asked for without the lock, so one range at a time. */
static int
find_first(void *arg, size_t off, size_t len)
{
	*(struct bad_range *)arg = (struct bad_range){off, len};
	return 1;
}

/* Mark the bad blocks of a range that failed with -EIO.  Returns whether there
 * are new ones. */
static bool
find_new_bad(struct daxkind_region *r, const struct space_grant *grant)
{
	size_t off = align_down(region_map_offset(r, grant->start), AHEAD_LEN);
	size_t end =
	    min_size(align_up(region_map_offset(r, grant->start) + grant->len,
			 AHEAD_LEN),
		r->size);
	bool any = false;
	int rc = 0;

	while (rc >= 0 && off < end) {
		struct bad_range bad = {SIZE_MAX, 0};

		if (backing_find_bad(
			r->backing, off, end - off, find_first, &bad) < 0 ||
		    bad.len == 0)
			break;
		lock_take(&r->lock);
		size_t before = r->space.bad.total;
		rc = region_map_note_bad(r, bad.off, bad.len);
		any = any || r->space.bad.total > before;
		region_map_unlock(r);
		off = align_up(bad.off + bad.len, DK_PAGE);
	}
	return any;
}

/* The common end of all takes: get file space.  -EAGAIN: bad blocks were found
 * and marked; try again.  Called with the lock held; drops it. */
static int
finish_take(struct daxkind_region *r, struct space_grant *grant,
    struct region_block *block)
{
	bool was_held = grant->is_held;
	int rc = 0;

	region_map_note_idle_low_locked(r);
	if (!was_held) {
		struct request q = {.want = *grant, .units = *grant};
		size_t ahead_len = ahead_len_locked(r);

		if (r->space.unit > DK_PAGE)
			widen_locked(r, r->space.unit, &q.units);
		q.ahead = q.units;
		if (grant->len < ahead_len && r->policy == REGION_GIVE_LATER)
			widen_locked(r, ahead_len, &q.ahead);
		rc = ensure_locked(r, &q);
		*grant = q.want;
	}
	region_map_unlock(r);
	if (rc == -EIO && find_new_bad(r, grant))
		return -EAGAIN;
	if (!was_held)
		atomic_store_explicit(&r->no_space, -rc, memory_order_relaxed);
	if (rc < 0) {
		/* Only a log line: the caller may succeed in another way, or
		 * sets its own text. */
		log_write(DK_LOG_ERROR, "no %s for %zu bytes: %s",
		    r->backing->is_private ? "memory" : "file space",
		    grant->len, strerror(-rc));
		return -ENOMEM;
	}
	*block = (struct region_block){
	    .addr = address(grant->start),
	    .len = grant->len,
	    .is_zero = grant->is_zero,
	};
	return 0;
}

/* --- taking ---------------------------------------------------- */

int
region_refuse_in_child(void)
{
	return error_set(-ENOMEM,
	    "this process is a child of fork(2) and shares the region with "
	    "its parent: open a region of its own");
}

int
region_take(struct daxkind_region *r, size_t len, size_t align,
    enum rangeset_end end, struct region_block *block)
{
	struct space_grant grant;
	int rc;

	if (region_is_off(r))
		return region_refuse_in_child();
	do {
		lock_take(&r->lock);
		while ((rc = space_take(&r->space, len, align, end, &grant)) ==
			   -ENOMEM &&
		       r->flights != NULL)
			region_map_wait_locked(r);
		if (rc < 0)
			region_map_unlock(r);
		else
			rc = finish_take(r, &grant, block);
	} while (rc == -EAGAIN);
	return rc;
}

int
region_take_at(struct daxkind_region *r, void *addr, size_t len,
    struct region_block *block)
{
	size_t start = (size_t)(uintptr_t)addr;
	struct space_grant grant;
	int rc;

	if (region_is_off(r))
		return region_refuse_in_child();
	lock_take(&r->lock);
	while ((rc = space_take_at(&r->space, start, len, &grant)) == -ENOMEM &&
	       may_come_back_locked(r, start, len))
		region_map_wait_locked(r);
	if (rc < 0) {
		region_map_unlock(r);
		return rc;
	}
	rc = finish_take(r, &grant, block);
	return rc == -EAGAIN ? -ENOMEM : rc;
}

int
region_adopt(struct daxkind_region *r, size_t off, size_t len)
{
	lock_take(&r->lock);
	int rc = space_adopt(&r->space, r->space.base + off, len);
	region_map_unlock(r);
	return rc;
}
