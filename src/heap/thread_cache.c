// SPDX-License-Identifier: BSD-2-Clause
/*
 * thread_cache.c -- see thread_cache.h.
 *
 * Two things end a cache, in either order and at any time: its thread and its
 * heap.  Threads_lock (rank RANK_THREADS) decides which comes first: a cache
 * whose heap ended has caches == NULL and is only put away by its thread; a
 * thread that ends counts itself in the heap's nr_leaving before it lets go of
 * the lock, and the heap waits for that.
 */
#include "heap/thread_cache.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/os.h"
#include "base/pool.h"
#include "base/sched_point.h"
#include "base/util.h"
#include "heap/slabs.h"
#include "region/reclaimer.h"

/* Blocks in a bin: so many bytes, but at least and at most so many blocks. */
#define BIN_BYTES ((size_t)64 * KIB)
enum {
	BIN_MIN = 16,
	BIN_MAX = 256,
	FIRST_BATCH = 2
};
/* All bins of a thread together hold at most one part in this many of the
 * region, when every one of 36 is full. */
enum {
	REGION_SHARE = 8192
};
/* One cached block can keep a slab from going back, so where file space goes
 * back each bin holds blocks of no more than so many bytes of slabs. */
#define BIN_SLAB_BYTES ((size_t)64 * KIB)
/* After an allocation failed, this many have to work before threads cache
 * blocks again. */
enum {
	REOPEN_COUNT = 4096
};
/* A cache that was not used for this long is emptied by whoever comes by. */
#define IDLE_US ((uint64_t)2 * 1000000)
/* At least the largest sum of all bins' max, 4,653: the size of an items array. */
enum {
	ITEMS_MAX = 20 * BIN_MAX
};

#define NO_CACHE ((struct thread_cache *)(void *)daxkind_tls_nothing)
_Static_assert(sizeof(struct thread_cache) <= TLS_NOTHING_SIZE,
    "daxkind_tls_nothing stands for one");

/* Of threads that cached nothing yet, and of those that are ending. */
static struct thread_caches No_thread;
static struct thread_caches Ended_thread = {.is_off = true};

_Thread_local struct thread_caches *Thread_caches = &No_thread;

static _Atomic(unsigned) Next_nr; /* of a heap */

static struct lock Threads_lock = DK_LOCK_INIT(RANK_THREADS);
static pthread_cond_t Left = PTHREAD_COND_INITIALIZER; /* of Threads_lock */
/* Guarded by Threads_lock. */
static struct pool Thread_records = {
    .object_size = sizeof(struct thread_caches), .next_chunk_len = 4096};
static struct pool Cache_records = {
    .object_size = sizeof(struct thread_cache), .next_chunk_len = 16384};
static struct pool Item_arrays = {
    .object_size = ITEMS_MAX * sizeof(void *), .next_chunk_len = 65536};

static pthread_key_t Key;
static bool Has_key;        /* else threads could not clean up: no caches */
static bool Has_membarrier; /* else nobody takes from another's cache */

static void end_thread(void *arg);

/* Before jemalloc's start makes its own key: destructors run in the order of
 * their keys, so whoever meets a thread whose jemalloc data are gone meets
 * is_off as well. */
__attribute__((constructor(101))) static void
init(void)
{
	Has_key = pthread_key_create(&Key, end_thread) == 0;
	Has_membarrier = os_membarrier_init() == 0;
}

/* --- of a heap ----------------------------------------------------------------- */

void
thread_cache_heap_init(struct heap_caches *hc, struct slabs *slabs)
{
	unsigned nr =
	    atomic_fetch_add_explicit(&Next_nr, 1, memory_order_relaxed);

	*hc = (struct heap_caches){
	    .owner = hc,
	    .slabs = slabs,
	    .nr = nr,
	    .slot = nr % TLS_SLOTS,
	    .max_bytes =
		min_size(BIN_BYTES, slabs->region->size / REGION_SHARE),
	};
	lock_init(&hc->lock, RANK_CACHES);
}

void
thread_cache_set_owner(struct heap_caches *hc, const void *owner)
{

	lock_take(&hc->lock);
	hc->owner = owner;
	/* A user's create may have allocated. */
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next)
		atomic_store_explicit(&c->owner, owner, memory_order_release);
	lock_drop(&hc->lock);
}

static void
unlink_from_heap(struct heap_caches *hc, struct thread_cache *c)
{
	if (c->heap_prev != NULL)
		c->heap_prev->heap_next = c->heap_next;
	else
		hc->list = c->heap_next;
	if (c->heap_next != NULL)
		c->heap_next->heap_prev = c->heap_prev;
	c->heap_next = NULL;
	c->heap_prev = NULL;
}

void
thread_cache_heap_fini(struct heap_caches *hc)
{

	lock_take(&Threads_lock);
	while (hc->nr_leaving > 0)
		lock_wait(&Threads_lock, &Left);
	lock_take(&hc->lock);
	while (hc->list != NULL) {
		struct thread_cache *c = hc->list;

		/* By contract no thread uses the heap: none is inside. */
		atomic_store_explicit(&c->owner, NULL, memory_order_release);
		unlink_from_heap(hc, c);
		c->caches = NULL;
	}
	lock_drop(&hc->lock);
	lock_drop(&Threads_lock);
	lock_fini(&hc->lock);
}

/* --- of a thread --------------------------------------------------------------- */

static struct cache_bin *
bin_of(struct thread_cache *c, unsigned size_class)
{
	return cache_bin(c, page_word_of_small(size_class));
}

static size_t
nr_blocks(const struct cache_bin *bin)
{
	return (size_t)(cache_top(bin) - bin->base);
}

static size_t
room(const struct cache_bin *bin)
{
	return (size_t)(bin->limit - bin->base);
}

/* Whether what is cached costs more than memory of this process. */
static bool
holds_file_space(const struct heap_caches *hc)
{
	const struct backing *b = hc->slabs->region->backing;

	return b->has_file_space && !b->is_private;
}

static size_t
bin_max(const struct heap_caches *hc, unsigned size_class)
{
	size_t nr = hc->max_bytes / Size_classes.size[size_class];

	if (holds_file_space(hc))
		return min_size(
		    nr, BIN_SLAB_BYTES / Size_classes.slab_size[size_class]);
	/* In a small region a few blocks would be a large part of it. */
	if (nr < BIN_MIN && hc->max_bytes < BIN_BYTES)
		return nr;
	return min_size(max_size(nr, BIN_MIN), BIN_MAX);
}

static void
init_cache(struct thread_cache *c, void **items, struct heap_caches *hc)
{
	void **at = items;

	memset(c, 0, sizeof(*c));
	c->base = (uintptr_t)hc->slabs->region->base;
	c->size = hc->slabs->region->size;
	c->words = hc->slabs->pages->words;
	c->items = items;
	c->caches = hc;
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		struct cache_bin *bin = bin_of(c, i);

		bin->base = at;
		at += bin_max(hc, i);
		bin->limit = at;
		bin->batch = FIRST_BATCH;
		cache_set_top(bin, bin->base);
	}
	DK_BUG_ON(at > items + ITEMS_MAX);
}

/* This thread's record, made if it has none.  With Threads_lock. */
static struct thread_caches *
get_thread_locked(void)
{
	lock_assert_held(&Threads_lock);
	struct thread_caches *t = Thread_caches;

	if (t != &No_thread)
		return t;
	t = pool_get(&Thread_records);
	if (t == NULL)
		return NULL;
	*t = (struct thread_caches){0};
	if (pthread_setspecific(Key, t) != 0) {
		pool_put(&Thread_records, t);
		return NULL;
	}
	Thread_caches = t;
	return t;
}

/* Put away caches whose heap has ended. */
static void
drop_dead_of_bucket_locked(struct thread_cache **link)
{
	lock_assert_held(&Threads_lock);
	while (*link != NULL) {
		struct thread_cache *c = *link;

		if (c->caches != NULL) {
			link = &c->thread_next;
			continue;
		}
		*link = c->thread_next;
		for (unsigned i = 0; i < TLS_SLOTS; i++) {
			if (daxkind_tls_slots[i] == c)
				daxkind_tls_slots[i] = NO_CACHE;
		}
		pool_put(&Item_arrays, c->items);
		pool_put(&Cache_records, c);
	}
}

static void
drop_dead_locked(struct thread_caches *t)
{
	lock_assert_held(&Threads_lock);
	for (size_t i = 0; i < THREAD_CACHE_BUCKETS; i++)
		drop_dead_of_bucket_locked(&t->buckets[i]);
}

static struct thread_cache **
bucket_of(struct thread_caches *t, const struct heap_caches *hc)
{
	return &t->buckets[hc->nr % THREAD_CACHE_BUCKETS];
}

/* This thread's cache for heap, in its slot, made if there is none.  NULL: do
 * without. */
static struct thread_cache *
get_cache(struct heap_caches *hc)
{
	struct thread_caches *t = Thread_caches;
	struct thread_cache *c = cache_in_slot(hc->slot);

	if (DK_LIKELY(c->caches == hc))
		return c;
	if (!Has_key || t->is_off || hc->max_bytes == 0)
		return NULL;
	for (c = *bucket_of(t, hc); c != NULL; c = c->thread_next) {
		if (c->caches == hc) {
			daxkind_tls_slots[hc->slot] = c;
			return c;
		}
	}
	lock_take(&Threads_lock);
	t = get_thread_locked();
	if (t != NULL) {
		drop_dead_locked(t);
		c = pool_get(&Cache_records);
		void **items = c != NULL ? pool_get(&Item_arrays) : NULL;
		if (c != NULL && items == NULL) {
			pool_put(&Cache_records, c);
			c = NULL;
		}
		if (c != NULL) {
			init_cache(c, items, hc);
			c->thread_next = *bucket_of(t, hc);
			*bucket_of(t, hc) = c;
			daxkind_tls_slots[hc->slot] = c;
			lock_take(&hc->lock);
			c->heap_next = hc->list;
			if (hc->list != NULL)
				hc->list->heap_prev = c;
			hc->list = c;
			atomic_fetch_add_explicit(
			    &hc->nr_open, 1, memory_order_seq_cst);
			atomic_store_explicit(
			    &c->owner, hc->owner, memory_order_release);
			lock_drop(&hc->lock);
		}
	}
	DK_POINT("a cache was made");
	lock_drop(&Threads_lock);
	return c;
}

/* Free all blocks of a cache that nobody uses. */
static void
flush(struct heap_caches *hc, struct thread_cache *c)
{
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		struct cache_bin *bin = bin_of(c, i);

		slabs_free(hc->slabs, i, bin->base, nr_blocks(bin));
		cache_set_top(bin, bin->base);
	}
}

static bool
is_closed(const struct thread_cache *c)
{
	return atomic_load_explicit(&c->is_closed, memory_order_relaxed);
}

/* Let an empty cache that nobody uses take nothing more. */
static void
close_locked(struct heap_caches *hc, struct thread_cache *c)
{
	lock_assert_held(&hc->lock);
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		bin_of(c, i)->limit = bin_of(c, i)->base;
	atomic_store_explicit(&c->is_closed, true, memory_order_relaxed);
	atomic_fetch_sub_explicit(&hc->nr_open, 1, memory_order_relaxed);
}

/* The calling thread's cache may hold blocks again, if memory is not short. */
static void
reopen(struct heap_caches *hc, struct thread_cache *c)
{

	if (atomic_load_explicit(&hc->reopen_countdown, memory_order_relaxed) >
	    0)
		return;
	lock_take(&hc->lock);
	/* Before a block can be cached: thread_cache_reclaim() looks at it. */
	atomic_fetch_add_explicit(&hc->nr_open, 1, memory_order_seq_cst);
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		bin_of(c, i)->limit = bin_of(c, i)->base + bin_max(hc, i);
	atomic_store_explicit(&c->is_closed, false, memory_order_relaxed);
	lock_drop(&hc->lock);
}

/* Give back the caches of one bucket of an ending thread; drops the lock
 * meanwhile. */
static void
end_bucket_locked(struct thread_cache **bucket)
{
	lock_assert_held(&Threads_lock);
	while (*bucket != NULL) {
		struct thread_cache *c = *bucket;
		struct heap_caches *hc = c->caches;

		if (hc == NULL) { /* ended while the lock was dropped */
			drop_dead_of_bucket_locked(bucket);
			continue;
		}
		*bucket = c->thread_next;
		hc->nr_leaving++;
		lock_drop(&Threads_lock);

		lock_take(&hc->lock);
		unlink_from_heap(hc, c);
		if (!is_closed(c))
			atomic_fetch_sub_explicit(
			    &hc->nr_open, 1, memory_order_relaxed);
		lock_drop(&hc->lock);
		flush(hc, c);

		lock_take(&Threads_lock);
		hc->nr_leaving--;
		(void)pthread_cond_broadcast(&Left);
		pool_put(&Item_arrays, c->items);
		pool_put(&Cache_records, c);
	}
}

/* The destructor of the thread's key. */
static void
end_thread(void *arg)
{
	struct thread_caches *t = arg;

	Thread_caches = &Ended_thread;
	for (unsigned i = 0; i < TLS_SLOTS; i++)
		daxkind_tls_slots[i] = NO_CACHE;
	lock_take(&Threads_lock);
	for (size_t i = 0; i < THREAD_CACHE_BUCKETS; i++)
		end_bucket_locked(&t->buckets[i]);
	pool_put(&Thread_records, t);
	lock_drop(&Threads_lock);
}

/* --- taking from others ----------------------------------------------------------- */

/* Whether a cache was not used since it was looked at last; there may be
 * uses that leave the sum as it was, which do not matter. */
static bool
is_idle(struct thread_cache *c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		sum = sum * 31 + nr_blocks(bin_of(c, i));
	bool same = sum == c->last_fill;
	c->last_fill = sum;
	return same && sum != 0;
}

/* Their threads may be inside without our knowing: they keep them. */
static void
restore_owners_locked(struct heap_caches *hc, const struct thread_cache *own)
{
	lock_assert_held(&hc->lock);
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		if (c != own)
			atomic_store_explicit(
			    &c->owner, hc->owner, memory_order_release);
	}
}

/* Empty the heap's caches: all, and close them, or the idle ones. */
static bool
empty_caches(struct heap_caches *hc, bool only_idle)
{
	struct thread_cache *own = cache_in_slot(hc->slot);
	bool any = false, others = false;

	lock_take(&hc->lock);
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		if (c != own && !Has_membarrier)
			continue;
		if (only_idle ? !is_idle(c) : is_closed(c))
			continue;
		atomic_store_explicit(&c->owner, NULL, CACHE_ORDER);
		others = others || c != own;
		any = any || c == own;
	}
	/* After this, whoever is not inside sees the owner as it is now. */
	if (others && os_membarrier() == 0)
		any = true;
	else if (others)
		restore_owners_locked(hc, own);
	for (struct thread_cache *c = any ? hc->list : NULL; c != NULL;
	     c = c->heap_next) {
		if (atomic_load_explicit(&c->owner, memory_order_relaxed) ==
		    hc->owner)
			continue;
		while (atomic_load_explicit(&c->busy, CACHE_ORDER_LOAD) != 0)
			os_yield();
		flush(hc, c);
		if (!only_idle)
			close_locked(hc, c);
		atomic_store_explicit(
		    &c->owner, hc->owner, memory_order_release);
	}
	lock_drop(&hc->lock);
	return any;
}

bool
thread_cache_reclaim_idle(struct heap_caches *hc)
{
	(void)empty_caches(hc, true);
	return thread_cache_bytes(hc) > 0;
}

void
thread_cache_empty(struct heap_caches *hc)
{
	(void)empty_caches(hc, false);
}

bool
thread_cache_reclaim(struct heap_caches *hc)
{

	atomic_store_explicit(
	    &hc->reopen_countdown, REOPEN_COUNT, memory_order_relaxed);
	if (atomic_load_explicit(&hc->nr_open, memory_order_relaxed) == 0)
		return false;
	return empty_caches(hc, false);
}

/* Now and then, on the way to fetching more. */
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
		(void)empty_caches(hc, true);
}

size_t
thread_cache_bytes(struct heap_caches *hc)
{
	size_t bytes = 0;

	lock_take(&hc->lock);
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
			bytes += nr_blocks(bin_of(c, i)) * Size_classes.size[i];
	}
	lock_drop(&hc->lock);
	return bytes;
}

/* --- the slow ways ------------------------------------------------------------------ */

/* Put blocks of one class into the cache; those that find no place are freed. */
static void
put(struct heap_caches *hc, struct thread_cache *c, unsigned size_class,
    void **blocks, size_t nr)
{
	if (cache_enter(c, hc->owner)) {
		struct cache_bin *bin = bin_of(c, size_class);
		void **top = cache_top(bin);

		while (nr > 0 && top != bin->limit &&
		       !quarantine_touches(hc->slabs->quarantine,
			   blocks[nr - 1], Size_classes.size[size_class]))
			*top++ = blocks[--nr];
		cache_set_top(bin, top);
	}
	cache_leave(c);
	slabs_free(hc->slabs, size_class, blocks, nr);
}

/* The calling thread's cache, if it may be filled now. */
static struct thread_cache *
get_open_cache(struct heap_caches *hc)
{
	struct thread_cache *c = get_cache(hc);

	/* What is cached holds file space: somebody has to look for caches that
	 * are not used any more. */
	if (holds_file_space(hc))
		reclaimer_wake();

	if (c != NULL && is_closed(c))
		reopen(hc, c);
	return c != NULL && !is_closed(c) ? c : NULL;
}

/* Fetch blocks for the next allocations of that class. */
static void
fetch(struct heap_caches *hc, struct thread_cache *c, unsigned arena,
    unsigned size_class)
{
	struct cache_bin *bin = bin_of(c, size_class);
	size_t max = bin_max(hc, size_class);
	size_t want = min_size(bin->batch, max / 2);
	void *blocks[BIN_MAX];
	size_t nr = 0;

	/* Slow start: a bin that is used a lot fetches many at a time. */
	if (bin->batch < max)
		bin->batch *= 2;
	else
		flush_idle_caches(hc);
	while (nr < want) {
		blocks[nr] = slabs_alloc(hc->slabs, arena, size_class);
		if (blocks[nr] == NULL)
			break;
		nr++;
	}
	put(hc, c, size_class, blocks, nr);
}

void *
thread_cache_alloc_slow(struct heap_caches *hc, unsigned size_class)
{
	struct thread_cache *c = get_open_cache(hc);
	void *ptr = NULL;
	unsigned arena;

	/* Its slot may have been another heap's. */
	if (c != NULL)
		ptr = thread_cache_alloc(
		    hc->owner, hc->slot, page_word_of_small(size_class));
	if (ptr != NULL)
		return ptr;
	if (arena_set_get(hc->slabs->arenas, &arena) < 0)
		return NULL;
	ptr = slabs_alloc_anywhere(hc->slabs, arena, size_class);
	if (ptr == NULL)
		return NULL;
	if (c != NULL)
		fetch(hc, c, arena, size_class);
	else if (atomic_load_explicit(
		     &hc->reopen_countdown, memory_order_relaxed) > 0)
		atomic_fetch_sub_explicit(
		    &hc->reopen_countdown, 1, memory_order_relaxed);
	return ptr;
}

void
thread_cache_free_slow(struct heap_caches *hc, void *ptr, unsigned size_class)
{
	struct thread_cache *c = get_open_cache(hc);
	void *blocks[BIN_MAX];
	size_t nr = 0;

	if (c == NULL) {
		slabs_free(hc->slabs, size_class, &ptr, 1);
		return;
	}
	/* Full: the older half goes, ptr stays. */
	if (cache_enter(c, hc->owner)) {
		struct cache_bin *bin = bin_of(c, size_class);
		void **top = cache_top(bin);

		if (top == bin->limit) {
			nr = room(bin) / 2;
			memcpy(blocks, bin->base, nr * sizeof(*blocks));
			memmove(bin->base, bin->base + nr,
			    (room(bin) - nr) * sizeof(*blocks));
			cache_set_top(bin, top - nr);
		}
	}
	cache_leave(c);
	slabs_free(hc->slabs, size_class, blocks, nr);
	put(hc, c, size_class, &ptr, 1);
}

/* --- fork ------------------------------------------------------------------------------ */

void
thread_cache_lock_at_fork(void)
{
	lock_take_at_fork(&Threads_lock);
}

void
thread_cache_unlock_at_fork(void)
{
	lock_drop(&Threads_lock);
}

/* The other threads are gone, wherever they were inside: a block that one of
 * them was about to put down or pick up is lost, the stacks are sound. */
void
thread_cache_heap_after_fork_in_child(struct heap_caches *hc)
{

	hc->nr_leaving = 0;
	if (region_is_off(hc->slabs->region))
		hc->max_bytes = 0;
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		atomic_store(&c->busy, 0);
		if (region_is_off(hc->slabs->region))
			atomic_store(&c->owner, NULL);
	}
}
