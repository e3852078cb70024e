// SPDX-License-Identifier: BSD-2-Clause
/*
 * cache_collect.c -- see cache_collect.h.
 */
#include "heap/cache_collect.h"

#include "base/os.h"
#include "base/sched_point.h"
#include "base/util.h"
#include "heap/durable_slabs.h"
#include "heap/slabs.h"

/* How long to wait for a thread that stands still: this many steps of
 * os_pause(), about a second.  If that failed before, only a few steps, in case
 * it has moved on. */
enum {
	WAIT_STEPS = 1000,
	WAIT_STEPS_AGAIN = 12
};

static bool Has_membarrier;

void
cache_collect_init(void)
{
	Has_membarrier = os_membarrier_init() == 0;
}

bool
cache_free_outbox(struct heap_caches *hc, struct thread_cache *c)
{
	unsigned size_class = 0, given = SIZE_CLASS_NR;
	void *ptr;

	while ((ptr = outbox_take(&c->outbox, &size_class)) != NULL) {
		DK_POINT("a block is out of the outbox");
		/* Emptied by another thread, it may be filled meanwhile with
		 * blocks of another class. */
		if (given != size_class && given != SIZE_CLASS_NR)
			slabs_given(hc->slabs, given);
		given = size_class;
		slabs_give(hc->slabs, size_class, ptr);
	}
	if (given != SIZE_CLASS_NR)
		slabs_given(hc->slabs, given);
	return given != SIZE_CLASS_NR;
}

static void
cache_evict_all(
    struct durable_slabs *ds, struct cache_bin *bin, unsigned size_class)
{
	size_t nr;

	while (!region_is_off(ds->region) && (nr = cache_nr_blocks(bin)) > 0)
		durable_slabs_evict(
		    ds, bin, size_class, min_size(nr, CACHE_BATCH_MAX));
}

void
cache_flush_locked(struct heap_caches *hc, struct thread_cache *c)
{
	lock_assert_held(&hc->lock);
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		struct cache_bin *bin = cache_bin_of(c, i);

		if (hc->slabs->durable != NULL) {
			cache_evict_all(hc->slabs->durable, bin, i);
			continue;
		}
		slabs_free(hc->slabs, i, bin->base, cache_nr_blocks(bin));
		cache_set_top(bin, bin->base);
	}
	(void)cache_free_outbox(hc, c);
}

/* Close an empty, unused cache, so that it accepts nothing more. */
static void
close_locked(struct heap_caches *hc, struct thread_cache *c)
{
	lock_assert_held(&hc->lock);
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		cache_bin_of(c, i)->limit = cache_bin_of(c, i)->base;
	atomic_store_explicit(&c->is_closed, true, memory_order_relaxed);
	atomic_fetch_sub_explicit(&hc->nr_open, 1, memory_order_relaxed);
}

/* --- taking from others ----------------------------------------------------------- */

/* Whether a cache was unused since the last check.  A use may leave the
 * checksum unchanged, which does no harm. */
static bool
is_idle(struct thread_cache *c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		sum = sum * 31 + cache_nr_blocks(cache_bin_of(c, i));
	bool same = sum == c->last_fill;
	c->last_fill = sum;
	return same && sum != 0;
}

static void
set_owner_locked(
    struct heap_caches *hc, struct thread_cache *c, const void *owner)
{
	lock_assert_held(&hc->lock);
	atomic_store(&c->owner, owner);
}

/* Whether the cache is being collected: its owner was cleared. */
static bool
is_taken_locked(const struct heap_caches *hc, const struct thread_cache *c)
{
	lock_assert_held(&hc->lock);
	return atomic_load_explicit(&c->owner, memory_order_relaxed) !=
	       hc->owner;
}

/* Empty a cache that is being collected, if its thread is not inside. */
static bool
collect_locked(struct heap_caches *hc, struct thread_cache *c)
{
	lock_assert_held(&hc->lock);
	if (atomic_load_explicit(&c->busy, CACHE_ORDER_LOAD) != 0)
		return false;
	cache_flush_locked(hc, c);
	if (c->is_wanted)
		close_locked(hc, c);
	c->is_wanted = false;
	c->was_awaited = false;
	set_owner_locked(hc, c, hc->owner);
	return true;
}

/* Clear the owner of all open caches, or of the idle ones.  False:
 * membarrier(2) failed, so threads may still be inside unnoticed. */
static bool
take_locked(
    struct heap_caches *hc, const struct thread_cache *own, bool only_idle)
{
	lock_assert_held(&hc->lock);
	bool others = false;

	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		if (c != own && !Has_membarrier)
			continue;
		if (only_idle ? !is_idle(c) : cache_is_closed(c))
			continue;
		c->is_wanted = c->is_wanted || !only_idle;
		if (is_taken_locked(hc, c))
			continue;
		set_owner_locked(hc, c, NULL);
		others = others || c != own;
	}
	/* After this, a thread that is not inside sees the cleared owner. */
	return !others || os_membarrier() == 0;
}

/* Give caches back to their threads, which may be inside unnoticed. */
static void
restore_owners_locked(struct heap_caches *hc, const struct thread_cache *own)
{
	lock_assert_held(&hc->lock);
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		if (c == own)
			continue;
		c->is_wanted = false;
		set_owner_locked(hc, c, hc->owner);
	}
}

/* The result of a pass over the caches that are being collected: some were
 * emptied, some are still in use, some are in use and waiting failed before. */
struct collected {
	bool any, is_pending, was_awaited;
};

static void
collect_all_locked(struct heap_caches *hc, struct collected *collected)
{
	lock_assert_held(&hc->lock);
	collected->is_pending = false;
	collected->was_awaited = false;
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		if (!is_taken_locked(hc, c))
			continue;
		if (collect_locked(hc, c)) {
			collected->any = true;
		} else if (!c->is_wanted) {
			/* It was idle, but no longer is. */
			set_owner_locked(hc, c, hc->owner);
		} else if (c->was_awaited) {
			collected->was_awaited = true;
		} else {
			collected->is_pending = true;
		}
	}
}

/* Release the lock for a moment. */
static void
pause_locked(struct heap_caches *hc, unsigned *step)
{
	lock_assert_held(&hc->lock);
	lock_drop(&hc->lock);
	DK_POINT("waiting for another thread");
	os_pause(step);
	lock_take(&hc->lock);
}

static void
note_in_vain_locked(struct heap_caches *hc)
{
	lock_assert_held(&hc->lock);
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next)
		c->was_awaited = c->was_awaited || c->is_wanted;
}

bool
cache_collect_all(struct heap_caches *hc, const struct thread_cache *own)
{
	struct collected collected = {.any = false};
	unsigned step = 0;

	if (atomic_load_explicit(&hc->nr_open, memory_order_relaxed) == 0)
		return false;
	lock_take(&hc->lock);
	if (!take_locked(hc, own, false))
		restore_owners_locked(hc, own);
	collect_all_locked(hc, &collected);
	while ((collected.is_pending && step < WAIT_STEPS) ||
	       (collected.was_awaited && step < WAIT_STEPS_AGAIN)) {
		/* Its thread may empty it itself. */
		collected.any = true;
		pause_locked(hc, &step);
		collect_all_locked(hc, &collected);
	}
	if (collected.is_pending)
		note_in_vain_locked(hc);
	lock_drop(&hc->lock);
	return collected.any;
}

void
cache_collect_idle(struct heap_caches *hc, const struct thread_cache *own)
{
	struct collected collected = {.any = false};

	lock_take(&hc->lock);
	if (!take_locked(hc, own, true))
		restore_owners_locked(hc, own);
	collect_all_locked(hc, &collected);
	lock_drop(&hc->lock);
}

void
cache_collect_own(struct heap_caches *hc, struct thread_cache *own)
{
	lock_take(&hc->lock);
	if (is_taken_locked(hc, own))
		(void)collect_locked(hc, own);
	lock_drop(&hc->lock);
}

/* --- blocks in transit --------------------------------------------- */

static void
step_at_slabs(struct thread_cache *c, memory_order order)
{
	uint32_t now = atomic_load_explicit(&c->at_slabs, memory_order_relaxed);

	atomic_store_explicit(&c->at_slabs, now + 1, order);
}

void
cache_begin_at_slabs(struct thread_cache *own)
{
	/* Relaxed is enough.  A thread that finds the next block missing has
	 * synchronized with this thread through the outbox, a bin or the
	 * region, and so sees this store. */
	if (own != NULL)
		step_at_slabs(own, memory_order_relaxed);
}

void
cache_end_at_slabs(struct thread_cache *own)
{
	if (own != NULL)
		step_at_slabs(own, memory_order_release);
}

/*
 * Empty the outboxes.  Returns whether a thread has been at its slabs since
 * look number since, or longer, without being stuck.  *any becomes true if
 * slabs may have room that their generation does not show: a thread at its
 * slabs may have given blocks back without having counted them yet.
 */
static bool
look_at_hands_locked(struct heap_caches *hc, uint64_t since, bool *any)
{
	lock_assert_held(&hc->lock);
	bool is_pending = false;

	hc->nr_looks++;
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		*any = cache_free_outbox(hc, c) || *any;
		uint32_t now =
		    atomic_load_explicit(&c->at_slabs, memory_order_acquire);
		bool has_hands_full = now % 2 != 0;
		if (now != c->seen) {
			c->seen = now;
			c->seen_at = hc->nr_looks;
			c->is_stuck = false;
		}
		*any = *any || has_hands_full;
		if (has_hands_full && c->seen_at <= since && !c->is_stuck)
			is_pending = true;
	}
	return is_pending;
}

static void
note_stuck_locked(struct heap_caches *hc, uint64_t since)
{
	lock_assert_held(&hc->lock);
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		if (c->seen % 2 != 0 && c->seen_at <= since)
			c->is_stuck = true;
	}
}

bool
cache_collect_in_hands(struct heap_caches *hc)
{
	unsigned step = 0;
	bool any = false;

	lock_take(&hc->lock);
	uint64_t since = hc->nr_looks + 1;
	bool is_pending = look_at_hands_locked(hc, since, &any);
	while (is_pending && step < WAIT_STEPS) {
		pause_locked(hc, &step);
		is_pending = look_at_hands_locked(hc, since, &any);
	}
	if (is_pending)
		note_stuck_locked(hc, since);
	lock_drop(&hc->lock);
	return any;
}
