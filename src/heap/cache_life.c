// SPDX-License-Identifier: BSD-2-Clause
/*
 * cache_life.c -- see cache_life.h.
 *
 * Threads_lock (rank RANK_THREADS) decides which comes first, the end of the
 * thread or that of the heap.  If the heap has ended, caches is NULL, and only
 * the thread frees the cache.  A thread that ends counts itself in the heap's
 * nr_leaving before it drops the lock, and the heap waits for that.
 */
#include "heap/cache_life.h"

#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/os.h"
#include "base/records.h"
#include "base/sched_point.h"
#include "base/util.h"
#include "heap/cache_collect.h"
#include "heap/cache_limits.h"
#include "heap/durable_slabs.h"
#include "heap/slabs.h"

enum {
	FIRST_BATCH = 2,
	/* The outbox, and at least the largest sum of all bins' max, 4,653. */
	ITEMS_MAX = 20 * CACHE_LIMITS_BIN_MAX
};

/* Page-aligned. */
struct cache_record {
	struct thread_cache cache;
	void *items[ITEMS_MAX]; /* all stacks, and the outbox */
};

#define NO_CACHE ((struct thread_cache *)(void *)daxkind_tls_nothing)
_Static_assert(sizeof(struct thread_cache) <= TLS_NOTHING_SIZE,
    "daxkind_tls_nothing stands for one");

/* For threads that have cached nothing yet, and for threads that are ending. */
static struct thread_caches No_thread;
static struct thread_caches Ended_thread = {.is_off = true};

_Thread_local struct thread_caches *Thread_caches = &No_thread;

static _Atomic(unsigned) Next_nr; /* of a heap */

static struct lock Threads_lock = DK_LOCK_INIT(RANK_THREADS);
static pthread_cond_t Left = PTHREAD_COND_INITIALIZER; /* of Threads_lock */
/* Guarded by Threads_lock. */
static struct records Thread_records =
    RECORDS_INIT(sizeof(struct thread_caches), RECORDS_KEEP_FEW);
static struct records Cache_records =
    RECORDS_INIT(sizeof(struct cache_record), RECORDS_KEEP_FEW);
static size_t Nr_dead; /* of all threads */

static pthread_key_t Key;
static bool Has_key; /* if not, threads could not clean up: no caches */

static void end_thread(void *arg);

/* Before jemalloc starts and makes its own key.  Destructors run in the
 * order of their keys, so when the thread's data of jemalloc are gone,
 * is_off is set. */
__attribute__((constructor(101))) static void
init(void)
{
	Has_key = pthread_key_create(&Key, end_thread) == 0;
	cache_collect_init();
}

/* --- of a heap ----------------------------------------------------------------- */

void
cache_life_init(struct heap_caches *hc, struct slabs *slabs)
{
	unsigned nr =
	    atomic_fetch_add_explicit(&Next_nr, 1, memory_order_relaxed);

	*hc = (struct heap_caches){
	    .owner = hc,
	    .slabs = slabs,
	    .nr = nr,
	    .slot = nr % TLS_SLOTS,
	    .max_bytes = cache_limits_bytes(slabs->region->size),
	};
	lock_init(&hc->lock, RANK_CACHES);
}

void
cache_life_set_owner(struct heap_caches *hc, const void *owner)
{

	lock_take(&hc->lock);
	hc->owner = owner;
	/* The create operation of a program may have allocated already. */
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

static void
get_maxima(const struct heap_caches *hc, uint16_t max[SIZE_CLASS_NR])
{
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		max[i] = (uint16_t)cache_limits_bin(hc, i);
}

/* The stacks of a durable heap's cache, while that lives. */
static void
end_stacks(struct heap_caches *hc, struct thread_cache *c)
{
	uint16_t max[SIZE_CLASS_NR];

	if (c->stacks == NULL)
		return;
	get_maxima(hc, max);
	durable_slabs_delete_stacks(hc->slabs->durable, c->stacks, max);
	c->stacks = NULL;
}

/* The heap of a cache has ended.  Its thread may still read the cache, but not
 * the stacks. */
static void
give_up_locked(struct thread_cache *c)
{
	lock_assert_held(&Threads_lock);
	struct cache_record *record = (struct cache_record *)c;
	uintptr_t stacks = align_up((uintptr_t)record->items, DK_PAGE);
	uintptr_t end = align_down((uintptr_t)(record + 1), DK_PAGE);

	c->caches = NULL;
	Nr_dead++;
	atomic_fetch_add_explicit(&c->thread->nr_dead, 1, memory_order_relaxed);
	if (Nr_dead > CACHE_LIFE_DEAD_MAX) {
		int rc = os_drop_pages((void *)stacks, end - stacks);

		(void)rc; /* locked pages cannot be dropped */
	}
}

void
cache_life_fini(struct heap_caches *hc)
{

	lock_take(&Threads_lock);
	while (hc->nr_leaving > 0) {
		DK_POINT("waiting for a cache that ends");
		lock_wait(&Threads_lock, &Left);
	}
	lock_take(&hc->lock);
	while (hc->list != NULL) {
		struct thread_cache *c = hc->list;

		/* By contract no thread uses the heap, so none is inside. */
		atomic_store_explicit(&c->owner, NULL, memory_order_release);
		if (hc->slabs->durable != NULL) {
			cache_flush_locked(hc, c);
			end_stacks(hc, c);
		}
		unlink_from_heap(hc, c);
		give_up_locked(c);
	}
	lock_drop(&hc->lock);
	lock_drop(&Threads_lock);
	lock_fini(&hc->lock);
}

/* --- of a thread --------------------------------------------------------------- */

/* The bins are in stacks, unless that is NULL. */
static void
init_cache(struct cache_record *record, struct medium_stacks *stacks,
    struct heap_caches *hc, struct thread_caches *t)
{
	struct thread_cache *c = &record->cache;
	/* The outbox is below the first bin, with room for what leaves a full
	 * bin at once. */
	void **at = stacks != NULL ? (void **)(void *)stacks->items
				   : record->items + CACHE_BATCH_MAX;

	memset(c, 0, sizeof(*c));
	c->base = (uintptr_t)hc->slabs->region->base;
	c->size = hc->slabs->region->size;
	c->words = hc->slabs->pages->words;
	c->thread = t;
	c->stacks = stacks;
	outbox_init(&c->outbox, record->items);
	c->caches = hc;
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		struct cache_bin *bin = cache_bin_of(c, i);

		bin->base = at;
		at += cache_limits_bin(hc, i);
		bin->limit = at;
		bin->batch = FIRST_BATCH;
		cache_set_top(bin, bin->base);
	}
	DK_BUG_ON(stacks == NULL && at > record->items + ITEMS_MAX);
}

/* NULL: there is no memory for it. */
static struct thread_cache *
new_cache(struct heap_caches *hc, struct thread_caches *t)
{
	struct durable_slabs *ds = hc->slabs->durable;
	struct cache_record *record = records_get(&Cache_records);
	struct medium_stacks *stacks = NULL;
	uint16_t max[SIZE_CLASS_NR];

	if (record == NULL)
		return NULL;
	if (ds != NULL) {
		get_maxima(hc, max);
		stacks = durable_slabs_new_stacks(ds, max);
	}
	if (ds != NULL && stacks == NULL) {
		records_put(&Cache_records, record);
		return NULL;
	}
	init_cache(record, stacks, hc, t);
	return &record->cache;
}

/* This thread's record, made if needed.  The caller holds Threads_lock. */
static struct thread_caches *
get_thread_locked(void)
{
	lock_assert_held(&Threads_lock);
	struct thread_caches *t = Thread_caches;

	if (t != &No_thread)
		return t;
	t = records_get(&Thread_records);
	if (t == NULL)
		return NULL;
	memset(t, 0, sizeof(*t));
	if (pthread_setspecific(Key, t) != 0) {
		records_put(&Thread_records, t);
		return NULL;
	}
	Thread_caches = t;
	return t;
}

/* Free the caches whose heap has ended. */
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
		Nr_dead--;
		atomic_fetch_sub_explicit(
		    &c->thread->nr_dead, 1, memory_order_relaxed);
		records_put(&Cache_records, c);
	}
}

static unsigned
nr_dead_of(const struct thread_caches *t)
{
	return atomic_load_explicit(&t->nr_dead, memory_order_relaxed);
}

static void
drop_dead_locked(struct thread_caches *t)
{
	lock_assert_held(&Threads_lock);
	for (size_t i = 0; nr_dead_of(t) > 0 && i < CACHE_LIFE_BUCKETS; i++)
		drop_dead_of_bucket_locked(&t->buckets[i]);
}

void
cache_life_drop_dead(void)
{
	lock_take(&Threads_lock);
	drop_dead_locked(Thread_caches);
	lock_drop(&Threads_lock);
}

static struct thread_cache **
bucket_of(struct thread_caches *t, const struct heap_caches *hc)
{
	return &t->buckets[hc->nr % CACHE_LIFE_BUCKETS];
}

struct thread_cache *
cache_life_find(struct heap_caches *hc)
{
	struct thread_cache *c = cache_in_slot(hc->slot);

	if (DK_LIKELY(c->caches == hc))
		return c;
	for (c = *bucket_of(Thread_caches, hc); c != NULL; c = c->thread_next) {
		if (c->caches == hc) {
			daxkind_tls_slots[hc->slot] = c;
			return c;
		}
	}
	return NULL;
}

struct thread_cache *
cache_life_get(struct heap_caches *hc)
{
	struct thread_cache *c = cache_life_find(hc);
	struct thread_caches *t = Thread_caches;

	if (DK_LIKELY(c != NULL))
		return c;
	if (!Has_key || t->is_off || hc->max_bytes == 0)
		return NULL;
	lock_take(&Threads_lock);
	t = get_thread_locked();
	if (t != NULL) {
		drop_dead_locked(t);
		c = new_cache(hc, t);
		if (c != NULL) {
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

/* Flush and free the caches in one bucket of an ending thread.  Drops the lock
 * in between. */
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

		/* Under the lock, so that a thread that looks for room waits
		 * for the flush. */
		lock_take(&hc->lock);
		cache_flush_locked(hc, c);
		end_stacks(hc, c);
		unlink_from_heap(hc, c);
		if (!cache_is_closed(c))
			atomic_fetch_sub_explicit(
			    &hc->nr_open, 1, memory_order_relaxed);
		lock_drop(&hc->lock);

		DK_POINT("a cache has ended");
		lock_take(&Threads_lock);
		hc->nr_leaving--;
		(void)pthread_cond_broadcast(&Left);
		records_put(&Cache_records, c);
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
	for (size_t i = 0; i < CACHE_LIFE_BUCKETS; i++)
		end_bucket_locked(&t->buckets[i]);
	records_put(&Thread_records, t);
	lock_drop(&Threads_lock);
}

/* --- fork ------------------------------------------------------------------------------ */

void
cache_life_lock_at_fork(void)
{
	lock_take_at_fork(&Threads_lock);
}

void
cache_life_unlock_at_fork(void)
{
	lock_drop(&Threads_lock);
}

void
cache_life_after_fork_in_child(void)
{
	/* The child lacks the threads that waited. */
	lock_cond_init(&Left);
}

/* Without a store to the stacks. */
static void
empty_bins(struct thread_cache *c)
{
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		struct cache_bin *bin = cache_bin_of(c, i);

		bin->limit = bin->base;
		cache_set_top(bin, bin->base);
	}
	c->stacks = NULL;
}

/* The child lacks the other threads, wherever they were.  The blocks in their
 * hands are lost, but the stacks are consistent. */
void
cache_life_heap_after_fork_in_child(struct heap_caches *hc)
{
	bool is_off = region_is_off(hc->slabs->region);

	hc->nr_leaving = 0;
	if (is_off) {
		hc->max_bytes = 0;
		hc->owner = NULL; /* nobody gets a cache back */
	}
	for (struct thread_cache *c = hc->list; c != NULL; c = c->heap_next) {
		atomic_store(&c->busy, 0);
		if (atomic_load(&c->at_slabs) % 2 != 0)
			atomic_fetch_add(&c->at_slabs, 1);
		if (is_off)
			atomic_store(&c->owner, NULL);
		/* The stacks are the parent's. */
		if (is_off && c->stacks != NULL)
			empty_bins(c);
	}
}
