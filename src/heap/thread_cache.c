// SPDX-License-Identifier: BSD-2-Clause
/*
 * thread_cache.c -- see thread_cache.h.
 *
 * What happens where a cache cannot serve at once: an empty bin is filled from
 * the slabs, a full one gives its older half back, and a heap without room takes
 * back what its caches have.  cache_life.c makes and ends caches.
 */
#include "heap/thread_cache.h"

#include <string.h>

#include "base/os.h"
#include "base/sched_point.h"
#include "base/util.h"
#include "heap/cache_collect.h"
#include "heap/cache_life.h"
#include "heap/cache_limits.h"
#include "heap/durable_slabs.h"
#include "heap/slabs.h"
#include "region/reclaimer.h"

/* After a failed allocation, this many must succeed before threads cache blocks
 * again. */
enum {
	REOPEN_COUNT = 4096
};
/* Other threads empty a cache that was unused for this long. */
#define IDLE_US ((uint64_t)2 * 1000000)

/* --- taking from others ----------------------------------------------------------- */

bool
thread_cache_reclaim_idle(struct heap_caches *hc)
{
	cache_collect_idle(hc, cache_life_find(hc));
	return thread_cache_bytes(hc) > 0;
}

void
thread_cache_flush_all(struct heap_caches *hc)
{
	lock_take(&hc->lock);
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next)
		cache_flush_locked(hc, c);
	lock_drop(&hc->lock);
}

void
thread_cache_empty(struct heap_caches *hc)
{
	(void)cache_collect_all(hc, cache_life_find(hc));
}

bool
thread_cache_reclaim(struct heap_caches *hc)
{
	atomic_store_explicit(
	    &hc->reopen_countdown, REOPEN_COUNT, memory_order_relaxed);
	bool any = cache_collect_all(hc, cache_life_find(hc));
	return cache_collect_in_hands(hc) || any;
}

/* Empty idle caches now and then, before fetching more blocks. */
static void
flush_idle_caches(struct heap_caches *hc)
{
	uint64_t now = os_now_coarse_us();
	uint64_t next =
	    atomic_load_explicit(&hc->next_idle_check_us, memory_order_relaxed);

	if (now < next || !atomic_compare_exchange_strong(
			      &hc->next_idle_check_us, &next, now + IDLE_US))
		return;
	if (next != 0)
		cache_collect_idle(hc, cache_life_find(hc));
}

size_t
thread_cache_bytes(struct heap_caches *hc)
{
	size_t bytes = 0;

	lock_take(&hc->lock);
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
			bytes += cache_nr_blocks(cache_bin_of(c, i)) *
				 Size_classes.size[i];
		bytes += outbox_nr(&c->outbox) *
			 Size_classes.size[atomic_load_explicit(
			     &c->outbox.size_class, memory_order_relaxed)];
	}
	lock_drop(&hc->lock);
	return bytes;
}

/* --- the slow ways ------------------------------------------------------------------ */

/* Free a block into the cache; false: there is no room. */
static bool
put(struct heap_caches *hc, struct thread_cache *c, unsigned size_class,
    void *ptr)
{
	bool is_in = false;

	if (quarantine_touches(
		hc->slabs->quarantine, ptr, Size_classes.size[size_class]))
		return false;
	if (cache_enter(c, hc->owner)) {
		struct cache_bin *bin = cache_bin_of(c, size_class);
		void **top = cache_top(bin);

		if (top != bin->limit) {
			*top = ptr;
			cache_set_top(bin, top + 1);
			is_in = true;
		}
	}
	cache_leave(c);
	return is_in;
}

/* Let the calling thread's cache hold blocks again, unless memory is short. */
static void
reopen(struct heap_caches *hc, struct thread_cache *c)
{

	if (atomic_load_explicit(&hc->reopen_countdown, memory_order_relaxed) >
	    0)
		return;
	lock_take(&hc->lock);
	/* Before a block is cached, since thread_cache_reclaim() checks it. */
	atomic_fetch_add_explicit(&hc->nr_open, 1, memory_order_seq_cst);
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		cache_bin_of(c, i)->limit =
		    cache_bin_of(c, i)->base + cache_limits_bin(hc, i);
	atomic_store_explicit(&c->is_closed, false, memory_order_relaxed);
	lock_drop(&hc->lock);
}

/* Get the calling thread's cache.  Returns whether it may be filled now. */
static bool
get_open_cache(struct heap_caches *hc, struct thread_cache **cache)
{
	if (DK_UNLIKELY(cache_life_has_many_dead()))
		cache_life_drop_dead();
	struct thread_cache *c = cache_life_get(hc);

	*cache = c;
	/* Cached blocks hold file space, so have the reclaimer look for idle
	 * caches. */
	if (cache_limits_hold_file_space(hc))
		reclaimer_wake();
	if (c == NULL)
		return false;
	if (atomic_load_explicit(&c->owner, memory_order_relaxed) != hc->owner)
		cache_collect_own(hc, c);
	if (cache_is_closed(c))
		reopen(hc, c);
	return !cache_is_closed(c);
}

/* A child of fork(2) that sees stores after this also sees the stores before.
 * gcc lacks such a fence for ThreadSanitizer, which does not need it. */
static void
store_fence(void)
{
#if DK_THREAD_SANITIZER
	atomic_signal_fence(memory_order_seq_cst);
#else
	atomic_thread_fence(memory_order_release);
#endif
}

/*
 * Reverse the last nr blocks of a bin, so that fetched blocks are handed out in
 * the order of their addresses.  The bin does not count them meanwhile: a child
 * of fork(2) may lose them, but never has one twice.
 */
static void
reverse_top(struct heap_caches *hc, struct thread_cache *c,
    struct cache_bin *bin, size_t nr)
{
	if (nr > 1 && cache_enter(c, hc->owner)) {
		void **top = cache_top(bin);

		if ((size_t)(top - bin->base) >= nr) {
			void **first = top - nr;

			cache_set_top(bin, first);
			store_fence();
			for (size_t i = 0; i < nr / 2; i++) {
				void *ptr = first[i];

				first[i] = first[nr - 1 - i];
				first[nr - 1 - i] = ptr;
			}
			cache_set_top(bin, top);
		}
	}
	if (nr > 1)
		cache_leave(c);
}

/* How many to fetch now.  Slow start: a bin that is used a lot fetches many at a
 * time. */
static size_t
next_batch(
    const struct heap_caches *hc, struct cache_bin *bin, unsigned size_class)
{
	size_t max = cache_limits_bin(hc, size_class);
	size_t want = min_size(bin->batch, max / 2);

	if (bin->batch < max)
		bin->batch *= 2;
	return want;
}

/* Fetch blocks for the next allocations of that class. */
static void
fetch(struct heap_caches *hc, struct thread_cache *c, unsigned arena,
    unsigned size_class)
{
	struct cache_bin *bin = cache_bin_of(c, size_class);
	size_t want = next_batch(hc, bin, size_class);

	/* Each block enters the bin at once, where other threads can take
	 * it. */
	size_t nr = 0;
	for (; nr < want; nr++) {
		void *ptr = slabs_alloc(hc->slabs, arena, size_class);

		if (ptr == NULL)
			break;
		if (!put(hc, c, size_class, ptr)) {
			slabs_free(hc->slabs, size_class, &ptr, 1);
			break;
		}
	}
	reverse_top(hc, c, bin, nr);
}

/* Of a durable heap: from its cache if any way. */
static void *
alloc_durable(struct heap_caches *hc, struct thread_cache *c, bool is_open,
    unsigned size_class)
{
	struct durable_slabs *ds = hc->slabs->durable;
	void *ptr = NULL;

	if (is_open) {
		size_t want = max_size(
		    next_batch(hc, cache_bin_of(c, size_class), size_class), 1);

		if (durable_slabs_fetch(ds, c, hc->owner, size_class, want))
			ptr = thread_cache_alloc(hc->owner, hc->slot,
			    page_word_of_small(size_class));
	}
	return ptr != NULL ? ptr : durable_slabs_alloc(ds, size_class);
}

/* The same of others: one, and more into the cache. */
static void *
alloc_volatile(struct heap_caches *hc, struct thread_cache *c, bool is_open,
    unsigned size_class)
{
	unsigned arena;

	if (arena_set_get(hc->slabs->arenas, &arena) < 0)
		return NULL;
	cache_begin_at_slabs(c);
	void *ptr = slabs_alloc_anywhere(hc->slabs, arena, size_class);
	if (ptr != NULL && is_open)
		fetch(hc, c, arena, size_class);
	cache_end_at_slabs(c);
	return ptr;
}

void *
thread_cache_alloc_slow(struct heap_caches *hc, unsigned size_class)
{
	struct thread_cache *c;
	bool is_open = get_open_cache(hc, &c);
	void *ptr = NULL;

	/* The slot may have held another heap's cache. */
	if (is_open)
		ptr = thread_cache_alloc(
		    hc->owner, hc->slot, page_word_of_small(size_class));
	if (ptr != NULL)
		return ptr;
	ptr = hc->slabs->durable != NULL
		  ? alloc_durable(hc, c, is_open, size_class)
		  : alloc_volatile(hc, c, is_open, size_class);
	if (ptr == NULL)
		return NULL;
	if (is_open)
		flush_idle_caches(hc);
	else if (atomic_load_explicit(
		     &hc->reopen_countdown, memory_order_relaxed) > 0)
		atomic_fetch_sub_explicit(
		    &hc->reopen_countdown, 1, memory_order_relaxed);
	return ptr;
}

static size_t
room(const struct cache_bin *bin)
{
	return (size_t)(bin->limit - bin->base);
}

/* Move the older half of a full bin to the outbox.  A block may be in neither
 * for a moment, and a child of fork(2) would lose it; no block is in both. */
static void
evict_half(struct heap_caches *hc, struct thread_cache *c,
    struct cache_bin *bin, unsigned size_class)
{
	void *blocks[CACHE_BATCH_MAX];
	size_t nr = room(bin) / 2;
	size_t nr_left = room(bin) - nr;

	if (hc->slabs->durable != NULL) {
		durable_slabs_evict(hc->slabs->durable, bin, size_class, nr);
		return;
	}

	memcpy(blocks, bin->base, nr * sizeof(*blocks));
	cache_set_top(bin, bin->base);
	store_fence();
	memmove(bin->base, bin->base + nr, nr_left * sizeof(*blocks));
	DK_POINT("a bin is being halved");
	cache_set_top(bin, bin->base + nr_left);
	outbox_fill(&c->outbox, size_class, blocks, nr);
}

/* Free a block without a cache, under the lock: a thread that looks for room
 * waits for it. */
static void
free_without_cache(struct heap_caches *hc, void *ptr, unsigned size_class)
{
	lock_take(&hc->lock);
	slabs_free(hc->slabs, size_class, &ptr, 1);
	lock_drop(&hc->lock);
}

static void
free_at_slabs(struct heap_caches *hc, struct thread_cache *c, void *ptr,
    unsigned size_class)
{
	cache_begin_at_slabs(c);
	(void)cache_free_outbox(hc, c);
	if (ptr != NULL)
		slabs_free(hc->slabs, size_class, &ptr, 1);
	cache_end_at_slabs(c);
}

void
thread_cache_free_past(struct heap_caches *hc, void *ptr, unsigned size_class)
{
	struct thread_cache *c = cache_life_get(hc);

	if (c == NULL)
		free_without_cache(hc, ptr, size_class);
	else
		free_at_slabs(hc, c, ptr, size_class);
}

void
thread_cache_free_slow(struct heap_caches *hc, void *ptr, unsigned size_class)
{
	struct thread_cache *c;

	if (!get_open_cache(hc, &c)) {
		thread_cache_free_past(hc, ptr, size_class);
		return;
	}
	bool is_free = false;
	if (cache_enter(c, hc->owner)) {
		struct cache_bin *bin = cache_bin_of(c, size_class);
		void **top = cache_top(bin);

		is_free = top > bin->base && top[-1] == ptr;
		/* The bin is full: evict the older half, and keep ptr. */
		if (!is_free && top == bin->limit)
			evict_half(hc, c, bin, size_class);
	}
	cache_leave(c);
	if (is_free) {
		slabs_note_bad_free(hc->slabs, ptr);
		return;
	}
	if (put(hc, c, size_class, ptr))
		ptr = NULL;
	if (ptr != NULL || outbox_nr(&c->outbox) > 0)
		free_at_slabs(hc, c, ptr, size_class);
}
