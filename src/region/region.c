// SPDX-License-Identifier: BSD-2-Clause
/*
 * region.c -- see region.h.
 *
 * Giving file space back (files only): free ranges that still hold file space
 * are idle.  Much idle space is given back by the thread that frees, in large
 * pieces and down to half the limit, so that no workload makes it punch at
 * every call; what is left is given back by the reclaimer's thread once nobody
 * needed it for a while.
 */
#include "region/region.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"

/* Small requests reserve the free rest of their 2 MiB piece as well: fewer
 * system calls, and huge pages stay possible. */
#define AHEAD_LEN DK_HUGE_PAGE
/* Of private memory less, while there is little of it: where the system gives
 * every process huge pages, a small program would get one or two. */
#define AHEAD_MIN_LEN (64 * KIB)
/* REGION_GIVE_SOON keeps at most this much idle, and REGION_GIVE_LATER half as
 * much as is taken if that is more: of blocks of mixed sizes that come and go, about a third
 * stays free between them, and punching that over and over costs page
 * faults. */
#define IDLE_LIMIT (4 * MIB)
enum {
	IDLE_SHARE = 2
};
/* A hole is punched in at most this much at a time, so that what is in flight
 * is soon back, and first in pieces of at least this much. */
#define TRIM_MAX_LEN (64 * MIB)
#define TRIM_MIN_LEN (64 * KIB)
/* REGION_GIVE_AT_ONCE: punching takes at most one part in this many of the
 * time; what comes faster is left to the reclaimer. */
enum {
	TRIM_TIME_SHARE = 10
};

/* --- the lock ---------------------------------------------------- */

static void
note_longest_locked(struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	size_t longest = rangeset_longest_len(&r->space.free);

	/* What is in flight comes back soon, and takes wait for it. */
	if (r->flights != NULL)
		longest = r->size;
	atomic_store_explicit(&r->longest_free, longest, memory_order_release);
}

static void
unlock(struct daxkind_region *r)
{
	note_longest_locked(r);
	lock_drop(&r->lock);
}

static void
wait_settled_locked(struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	note_longest_locked(r);
	lock_wait(&r->lock, &r->settled);
}

/* --- ranges in flight -------------------------------------------- */

static void
start_flight_locked(struct daxkind_region *r, struct region_flight *flight)
{
	lock_assert_held(&r->lock);
	flight->next = r->flights;
	r->flights = flight;
}

static void
end_flight_locked(struct daxkind_region *r, struct region_flight *flight)
{
	lock_assert_held(&r->lock);
	struct region_flight **link = &r->flights;

	while (*link != flight)
		link = &(*link)->next;
	*link = flight->next;
	(void)pthread_cond_broadcast(&r->settled);
}

/* Bytes that are in flight. */
static size_t
flying_len_locked(const struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	size_t sum = 0;

	for (const struct region_flight *f = r->flights; f != NULL; f = f->next)
		sum += f->len;
	return sum;
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

/* Whether all of the range is free or in flight, and some of it in flight. */
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

/* The run that the flight will be part of once all flights have ended and
 * nothing was handed out. */
static size_t
run_around_locked(
    const struct daxkind_region *r, const struct region_flight *flight)
{
	lock_assert_held(&r->lock);
	size_t low = flight->start, high = flight->start + flight->len;
	size_t before, start, len;

	do {
		before = high - low;
		if (low > r->space.base &&
		    rangeset_find(&r->space.free, low - 1, &start, &len))
			low = start;
		if (rangeset_find(&r->space.free, high, &start, &len))
			high = start + len;
		for (const struct region_flight *f = r->flights; f != NULL;
		     f = f->next) {
			if (f->start + f->len == low)
				low = f->start;
			if (f->start == high)
				high += f->len;
		}
	} while (high - low > before);
	return high - low;
}

/* --- a region's life --------------------------------------------- */

/* A part of the region is bad: never hand it out.  For the ops' find_bad. */
static int
note_bad(void *arg, size_t off, size_t len)
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

/* Of the reclaimer's thread. */
static unsigned
visit(void *arg)
{
	struct daxkind_region *r = arg;
	bool soon = region_trim_unneeded(r);

	return (region_has_idle(r) ? RECLAIMER_AGAIN : 0) |
	       (soon ? RECLAIMER_SOON : 0);
}

int
region_open(struct backing *b, const void *area, size_t area_size,
    struct daxkind_region **out)
{
	unsigned state = (b->starts_as_holes ? 0 : SPACE_HELD) |
			 (b->starts_zero ? SPACE_ZERO : 0);
	struct daxkind_region *r;
	int rc = os_check_page_size();

	if (rc < 0)
		return error_set(rc,
		    "the kernel's pages are not of %zu bytes, for which this "
		    "daxkind was built; use a kernel with such pages",
		    DK_PAGE);
	rc = region_index_new(sizeof(*r), &r);
	if (rc < 0)
		return error_set(rc, "no memory for a region's record");
	r->backing = b;
	r->base = b->base;
	r->size = b->size;
	r->index = (struct region_index_entry){.region = r,
	    .base = b->base,
	    .size = b->size,
	    .area = area,
	    .area_size = area_size};
	rc = space_init(&r->space, (size_t)(uintptr_t)b->base, b->size,
	    b->has_file_space, state);
	if (rc < 0) {
		rc = error_set(rc, "no memory for a region's space map");
		goto err_free;
	}
	space_set_unit(&r->space, b->unit);
	rc = backing_find_bad(b, 0, b->size, note_bad, r);
	if (rc < 0) {
		rc = error_set(rc, "the known bad blocks cannot be read: %s",
		    strerror(-rc));
		goto err_fini_space;
	}
	lock_init(&r->lock, RANK_REGION);
	lock_cond_init(&r->settled);
	r->can_discard =
	    b->has_file_space && !b->keeps_space && !os_hogs_memory();
	lock_take(&r->lock);
	unlock(r); /* notes the longest free run */
	rc = region_index_add(&r->index);
	if (rc < 0)
		goto err_fini;
	b->is_kept = true;
	if (b->has_file_space)
		reclaimer_add(&r->reclaimer, visit, r, !b->is_private);
	*out = r;
	return 0;

err_fini:
	(void)pthread_cond_destroy(&r->settled);
	lock_fini(&r->lock);
err_fini_space:
	space_fini(&r->space);
err_free:
	region_index_free(r);
	return rc;
}

void
region_close(struct daxkind_region *r)
{
	reclaimer_remove(&r->reclaimer);
	region_index_remove(&r->index);
	backing_close(r->backing);
	r->backing = NULL; /* daxkind_region_close() finds a second close */
	(void)pthread_cond_destroy(&r->settled);
	lock_fini(&r->lock);
	space_fini(&r->space);
	region_index_free(r);
}

int
region_claim(struct daxkind_region *r)
{
	if (atomic_exchange(&r->is_claimed, true))
		return error_set(-EBUSY,
		    "the region already has a kind; destroy that kind first");
	return 0;
}

void
region_unclaim(struct daxkind_region *r)
{
	atomic_store(&r->is_claimed, false);
}

void
region_set_kind(struct daxkind_region *r, struct memkind *kind)
{
	atomic_store_explicit(&r->index.kind, kind, memory_order_release);
}

static char *
address(size_t start)
{
	return (char *)(uintptr_t)start;
}

static size_t
offset(const struct daxkind_region *r, size_t start)
{
	return start - (size_t)(uintptr_t)r->base;
}

static void
note_idle_low_locked(struct daxkind_region *r)
{
	lock_assert_held(&r->lock);
	r->idle_low = min_size(r->idle_low, space_givable(&r->space));
}

/* Back to the map; a range that was in flight cannot be lost. */
static void
settle_locked(
    struct daxkind_region *r, size_t start, size_t len, unsigned state)
{
	lock_assert_held(&r->lock);
	if (space_give(&r->space, start, len, state) < 0)
		log_write(DK_LOG_ERROR,
		    "%zu bytes of a region are lost: out of memory for a "
		    "record",
		    len);
}

/* A power of two, about what the region holds already. */
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

/* Take also the free hole around *grant up to the next multiples of piece. */
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

/* Have all idle file space go back to the file system, or wait for who does
 * that already; says whether any went. */
static bool
reclaim_file_space(struct daxkind_region *r)
{
	bool any = false;

	lock_take(&r->lock);
	while (r->is_trimming || is_discarding_locked(r)) {
		any = true;
		wait_settled_locked(r);
	}
	bool can_give = r->can_discard && space_givable(&r->space) > 0;
	unlock(r);
	if (can_give)
		region_trim(r, 0);
	return any || can_give;
}

/* What is known of a range after backing_ensure(). */
static unsigned
state_after(int rc, bool is_zero)
{
	return (rc == 0 ? SPACE_HELD : 0) | (is_zero ? SPACE_ZERO : 0);
}

/* Give back what of outer is not inner, which is a part of it. */
static void
settle_around_locked(struct daxkind_region *r, const struct space_grant *outer,
    const struct space_grant *inner, unsigned state)
{
	lock_assert_held(&r->lock);
	size_t outer_end = outer->start + outer->len;
	size_t inner_end = inner->start + inner->len;

	if (inner->start > outer->start)
		settle_locked(
		    r, outer->start, inner->start - outer->start, state);
	if (outer_end > inner_end)
		settle_locked(r, inner_end, outer_end - inner_end, state);
}

/*
 * Give back what got no file space.  What was idle of a unit that others have a
 * part of still is: that unit was not punched.
 */
static void
settle_failed_locked(struct daxkind_region *r, const struct space_grant *grant)
{
	lock_assert_held(&r->lock);
	size_t start = grant->start, end = start + grant->len;
	size_t from = min_size(align_up(start, r->space.unit), end);
	size_t to = max_size(align_down(end, r->space.unit), from);
	unsigned zero = grant->is_zero ? SPACE_ZERO : 0;

	if (from > start)
		settle_locked(r, start, from - start,
		    zero |
			(grant->front_held >= from - start ? SPACE_HELD : 0));
	if (to > from)
		settle_locked(r, from, to - from, zero);
	if (end > to)
		settle_locked(r, to, end - to,
		    zero | (grant->back_held >= end - to ? SPACE_HELD : 0));
}

/* What an allocation takes, each a part of the next. */
struct request {
	struct space_grant want;
	struct space_grant units; /* with the rest of its units */
	struct space_grant ahead; /* with what is reserved for later */
};

static int
ensure(struct daxkind_region *r, const struct space_grant *grant, bool *is_zero)
{
	return backing_ensure(
	    r->backing, offset(r, grant->start), grant->len, is_zero);
}

/*
 * Put file space behind all of a request, or if that fails behind its units.
 * Gives back what is not wanted; on failure, the rest as well.  Called with the
 * lock held; drops it meanwhile.
 *
 * Of a file that was there before, only what is a hole is known to be nobody's:
 * what else is not handed out must never look as if it were idle, since that is
 * punched one day.
 */
static int
ensure_locked(struct daxkind_region *r, struct request *q)
{
	lock_assert_held(&r->lock);
	struct region_flight flight = {
	    .start = q->ahead.start, .len = q->ahead.len};
	bool is_zero = false;
	int rc = -ENOSPC;

	start_flight_locked(r, &flight);
	unlock(r);
	bool is_ours = !r->backing->has_content;
	if (!is_ours && backing_is_hole(r->backing, offset(r, q->ahead.start),
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
	/* Other free ranges may hold what is missing here. */
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
	end_flight_locked(r, &flight);
	return rc;
}

struct bad_range {
	size_t off, len;
};

/* Asking is not done with the lock held: one range at a time. */
static int
find_first(void *arg, size_t off, size_t len)
{
	*(struct bad_range *)arg = (struct bad_range){off, len};
	return 1;
}

/* Bad blocks of a range that failed with -EIO; says whether there are any. */
static bool
find_new_bad(struct daxkind_region *r, const struct space_grant *grant)
{
	size_t off = align_down(offset(r, grant->start), AHEAD_LEN);
	size_t end = min_size(
	    align_up(offset(r, grant->start) + grant->len, AHEAD_LEN), r->size);
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
		rc = note_bad(r, bad.off, bad.len);
		any = any || r->space.bad.total > before;
		unlock(r);
		off = align_up(bad.off + bad.len, DK_PAGE);
	}
	return any;
}

/* What every way of taking ends with: file space.  -EAGAIN: bad blocks were met
 * and are out of the way.  Called with the lock held, drops it. */
static int
finish_take(struct daxkind_region *r, struct space_grant *grant,
    struct region_block *block)
{
	bool was_held = grant->is_held;
	int rc = 0;

	note_idle_low_locked(r);
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
	unlock(r);
	if (rc == -EIO && find_new_bad(r, grant))
		return -EAGAIN;
	if (!was_held)
		atomic_store_explicit(&r->no_space, -rc, memory_order_relaxed);
	if (rc < 0) {
		/* The call may find another way: its text is its own. */
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

int
region_refuse_in_child(void)
{
	return error_set(-ENOMEM,
	    "this process is a child of fork(2) and shares the region with "
	    "its parent: open a region of its own");
}

/* --- taking ------------------------------------------------------ */

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
			wait_settled_locked(r);
		if (rc < 0)
			unlock(r);
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
		wait_settled_locked(r);
	if (rc < 0) {
		unlock(r);
		return rc;
	}
	rc = finish_take(r, &grant, block);
	return rc == -EAGAIN ? -ENOMEM : rc;
}

/* How much may stay idle. */
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

/* Whether the thread that frees should give space back now, and how much may
 * stay. */
static bool
wants_trim_locked(struct daxkind_region *r, size_t *keep)
{
	lock_assert_held(&r->lock);
	bool at_once = r->policy == REGION_GIVE_AT_ONCE;
	size_t limit = idle_limit_locked(r);

	if (!r->can_discard || space_givable(&r->space) == 0)
		return false;
	/* Who is at it already may be slower than those who free. */
	while (r->is_trimming && space_givable(&r->space) > limit)
		wait_settled_locked(r);
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

/* --- giving ------------------------------------------------------ */

/* Where no thread visits the region, one that uses it does now and then. */
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

/* What is kept now goes later, if nobody needs it. */
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
	unlock(r);
	if (trim)
		region_trim(r, keep);
	if (has_idle)
		note_idle(r);
	return rc;
}

void
region_give_all(struct daxkind_region *r)
{
	size_t pos = r->space.base, stop = pos + r->size, end;

	if (region_is_off(r))
		return;
	lock_take(&r->lock);
	while (r->flights != NULL)
		wait_settled_locked(r);
	for (; pos < stop; pos = end) {
		enum space_run run = space_run_at(&r->space, pos, &end);

		if (run == SPACE_RUN_TAKEN)
			settle_locked(r, pos, end - pos, SPACE_HELD);
	}
	bool has_idle = space_givable(&r->space) > 0;
	unlock(r);
	if (has_idle)
		note_idle(r);
}

int
region_mark_bad(struct daxkind_region *r, void *addr, size_t len)
{
	if (!region_contains(r, addr, len))
		return -EINVAL;
	lock_take(&r->lock);
	int rc = space_mark_bad(&r->space, (size_t)(uintptr_t)addr, len);
	unlock(r);
	return rc;
}

void
region_set_policy(struct daxkind_region *r, enum region_policy policy)
{
	lock_take(&r->lock);
	r->policy = policy;
	unlock(r);
	/* The reclaimer may have just begun to wait for long. */
	if (policy == REGION_GIVE_AT_ONCE)
		reclaimer_hurry();
}

/* Give one idle range back.  Called with the lock held, drops it meanwhile. */
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
	start_flight_locked(r, &flight);
	unlock(r);
	rc = backing_discard(r->backing, offset(r, grant.start), grant.len);
	lock_take(&r->lock);
	settle_locked(
	    r, grant.start, grant.len, rc == 0 ? SPACE_ZERO : SPACE_HELD);
	end_flight_locked(r, &flight);
	if (rc == -EOPNOTSUPP && r->can_discard) {
		r->can_discard = false;
		log_write(DK_LOG_WARNING,
		    "the file system cannot punch holes: free file space is "
		    "kept for reuse");
	}
	note_idle_low_locked(r);
	return rc;
}

/* --- giving file space back -------------------------------------- */

void
region_trim(struct daxkind_region *r, size_t keep)
{
	uint64_t began = os_now_us();
	size_t min_len = TRIM_MIN_LEN;

	lock_take(&r->lock);
	if (r->is_trimming || !r->can_discard || region_is_off(r)) {
		unlock(r);
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
	unlock(r);
}

bool
region_trim_unneeded(struct daxkind_region *r)
{
	lock_take(&r->lock);
	size_t idle = space_givable(&r->space);
	bool at_once = r->policy == REGION_GIVE_AT_ONCE;
	size_t unneeded = at_once ? idle : min_size(r->idle_low, idle);
	r->idle_low = idle - unneeded;
	unlock(r);
	if (unneeded > 0)
		region_trim(r, idle - unneeded);
	lock_take(&r->lock);
	r->idle_low = space_givable(&r->space);
	unlock(r);
	return at_once;
}

bool
region_has_idle(struct daxkind_region *r)
{
	lock_take(&r->lock);
	bool has_idle = r->can_discard && space_givable(&r->space) > 0;
	unlock(r);
	return has_idle;
}

/* --- asking ------------------------------------------------------ */

void
region_get_figures(struct daxkind_region *r, struct space_figures *figures)
{
	lock_take(&r->lock);
	space_get_figures(&r->space, figures);
	for (const struct region_flight *f = r->flights; f != NULL;
	     f = f->next) {
		figures->taken -= f->len;
		figures->free += f->len;
		figures->held -= f->is_discard ? 0 : f->len;
		figures->longest_free =
		    max_size(figures->longest_free, run_around_locked(r, f));
	}
	unlock(r);
}

bool
region_check(struct daxkind_region *r)
{
	lock_take(&r->lock);
	bool is_good = space_check(&r->space);
	unlock(r);
	return is_good;
}

enum space_run
region_run_at(struct daxkind_region *r, size_t off, size_t *end_off)
{
	size_t base = (size_t)(uintptr_t)r->base;
	size_t end;

	lock_take(&r->lock);
	enum space_run run = space_run_at(&r->space, base + off, &end);
	/* Of what looks taken, a part may be in flight. */
	for (const struct region_flight *f = r->flights;
	     run == SPACE_RUN_TAKEN && f != NULL; f = f->next) {
		if (base + off < f->start)
			end = min_size(end, f->start);
		else if (base + off < f->start + f->len) {
			run = f->is_discard ? SPACE_RUN_IDLE : SPACE_RUN_HOLE;
			end = f->start + f->len;
		}
	}
	unlock(r);
	*end_off = end - base;
	return run;
}

/* --- fork ----------------------------------------------------------------------- */

void
region_before_fork(struct daxkind_region *r)
{
	if (r->fork.effect == REGION_FORK_UNKNOWN) {
		bool copies =
		    r->backing->is_private ||
		    (r->backing->type == BACKING_MAPPING && r->size > 0 &&
			os_is_private_mapping(r->base));

		r->fork.effect =
		    copies ? REGION_FORK_COPIES : REGION_FORK_SHARES;
	}
	lock_take_at_fork(&r->lock);
}

void
region_after_fork_in_parent(struct daxkind_region *r)
{
	lock_drop(&r->lock);
}

void
region_after_fork_in_child(struct daxkind_region *r)
{
	if (r->fork.effect == REGION_FORK_SHARES) {
		r->fork.is_off = true;
		r->backing->is_inherited = true;
	}
	/* The threads that were at it are not here; their stacks are. */
	for (struct region_flight *f = r->flights; f != NULL; f = f->next)
		settle_locked(r, f->start, f->len, 0);
	r->flights = NULL;
	r->is_trimming = false;
	lock_cond_init(&r->settled);
	lock_drop(&r->lock);
}
