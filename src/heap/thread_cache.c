// SPDX-License-Identifier: BSD-2-Clause
/*
 * thread_cache.c -- see thread_cache.h.
 *
 * A cache ends with its thread or its heap, in either order and at any time.
 * Threads_lock (rank RANK_THREADS) decides which comes first.  If the heap has
 * ended, caches is NULL, and only the thread frees the cache.  A thread that
 * ends counts itself in the heap's nr_leaving before it drops the lock, and the
 * heap waits for that.
 */
#include "heap/thread_cache.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/os.h"
#include "base/records.h"
#include "base/sched_point.h"
#include "base/util.h"
#include "heap/cache_collect.h"
#include "heap/durable_slabs.h"
#include "heap/slabs.h"
#include "region/reclaimer.h"

/* Limits of a bin: this many bytes, but at least BIN_MIN and at most BIN_MAX
 * blocks. */
#define BIN_BYTES ((size_t)64 * KIB)
enum {
	BIN_MIN = 16,
	BIN_MAX = 256,
	FIRST_BATCH = 2
};
/* All 36 bins of a thread together, if full, hold at most one part in this many
 * of the region. */
enum {
	REGION_SHARE = 8192
};
/* One cached block can keep a slab from going back.  So where file space goes
 * back, the slabs of a bin's blocks have at most this many bytes. */
#define BIN_SLAB_BYTES ((size_t)64 * KIB)
/* After a failed allocation, this many must succeed before threads cache blocks
 * again. */
enum {
	REOPEN_COUNT = 4096
};
/* Other threads empty a cache that was unused for this long. */
#define IDLE_US ((uint64_t)2 * 1000000)
/* The outbox has room for the blocks that leave a full bin at once. */
enum {
	OUTBOX_MAX = CACHE_BATCH_MAX
};
/* The outbox, and at least the largest sum of all bins' max, 4,653. */
enum {
	ITEMS_MAX = 20 * BIN_MAX
};
/* A cache whose heap has ended is dead: only its thread can remove it, and does
 * so when it has more than this many.  Of all dead caches, this many keep the
 * pages of their stacks. */
enum {
	DEAD_MAX = 16
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

static size_t
room(const struct cache_bin *bin)
{
	return (size_t)(bin->limit - bin->base);
}

/* Whether cached blocks hold file space, not only memory of this process. */
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
	/* In a small region, BIN_MIN blocks would be a large part of it. */
	if (nr < BIN_MIN && hc->max_bytes < BIN_BYTES)
		return nr;
	return min_size(max_size(nr, BIN_MIN), BIN_MAX);
}

/* Of a durable heap's cache: its bins, and one below them that is NULL. */
static size_t
nr_durable_items(const struct heap_caches *hc)
{
	size_t nr = 1;

	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		nr += bin_max(hc, i);
	return nr;
}

/* The stacks of a durable heap's cache, while that lives. */
static void
end_durable_items(struct heap_caches *hc, struct thread_cache *c)
{
	if (c->durable_items == NULL)
		return;
	durable_slabs_delete_items(
	    hc->slabs->durable, c->durable_items, nr_durable_items(hc));
	c->durable_items = NULL;
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
	if (Nr_dead > DEAD_MAX) {
		int rc = os_drop_pages((void *)stacks, end - stacks);

		(void)rc; /* locked pages cannot be dropped */
	}
}

void
thread_cache_heap_fini(struct heap_caches *hc)
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
			end_durable_items(hc, c);
		}
		unlink_from_heap(hc, c);
		give_up_locked(c);
	}
	lock_drop(&hc->lock);
	lock_drop(&Threads_lock);
	lock_fini(&hc->lock);
}

/* --- of a thread --------------------------------------------------------------- */

/* The bins are in durable_items, unless that is NULL. */
static void
init_cache(struct cache_record *record, void **durable_items,
    struct heap_caches *hc, struct thread_caches *t)
{
	struct thread_cache *c = &record->cache;
	/* The outbox is below the first bin. */
	void **at = durable_items != NULL ? durable_items + 1
					  : record->items + OUTBOX_MAX;

	memset(c, 0, sizeof(*c));
	c->base = (uintptr_t)hc->slabs->region->base;
	c->size = hc->slabs->region->size;
	c->words = hc->slabs->pages->words;
	c->thread = t;
	c->durable_items = durable_items;
	outbox_init(&c->outbox, record->items);
	c->caches = hc;
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		struct cache_bin *bin = cache_bin_of(c, i);

		bin->base = at;
		at += bin_max(hc, i);
		bin->limit = at;
		bin->batch = FIRST_BATCH;
		cache_set_top(bin, bin->base);
	}
	DK_BUG_ON(durable_items == NULL && at > record->items + ITEMS_MAX);
}

/* NULL: there is no memory for it. */
static struct thread_cache *
new_cache(struct heap_caches *hc, struct thread_caches *t)
{
	struct durable_slabs *ds = hc->slabs->durable;
	struct cache_record *record = records_get(&Cache_records);
	void **items = NULL;

	if (record == NULL)
		return NULL;
	if (ds != NULL)
		items = durable_slabs_new_items(ds, nr_durable_items(hc));
	if (ds != NULL && items == NULL) {
		records_put(&Cache_records, record);
		return NULL;
	}
	init_cache(record, items, hc, t);
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
	for (size_t i = 0; nr_dead_of(t) > 0 && i < THREAD_CACHE_BUCKETS; i++)
		drop_dead_of_bucket_locked(&t->buckets[i]);
}

/* Free the calling thread's dead caches. */
static void
drop_dead(struct thread_caches *t)
{
	lock_take(&Threads_lock);
	drop_dead_locked(t);
	lock_drop(&Threads_lock);
}

static struct thread_cache **
bucket_of(struct thread_caches *t, const struct heap_caches *hc)
{
	return &t->buckets[hc->nr % THREAD_CACHE_BUCKETS];
}

/* Find this thread's cache for the heap, and put it into its slot; NULL:
 * none. */
static struct thread_cache *
find_cache(struct heap_caches *hc)
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

/* The same, made if needed.  NULL: there is no memory for it. */
static struct thread_cache *
get_cache(struct heap_caches *hc)
{
	struct thread_cache *c = find_cache(hc);
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
		    cache_bin_of(c, i)->base + bin_max(hc, i);
	atomic_store_explicit(&c->is_closed, false, memory_order_relaxed);
	lock_drop(&hc->lock);
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
		end_durable_items(hc, c);
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
	for (size_t i = 0; i < THREAD_CACHE_BUCKETS; i++)
		end_bucket_locked(&t->buckets[i]);
	records_put(&Thread_records, t);
	lock_drop(&Threads_lock);
}

/* --- taking from others ----------------------------------------------------------- */

bool
thread_cache_reclaim_idle(struct heap_caches *hc)
{
	cache_collect_idle(hc, find_cache(hc));
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
	(void)cache_collect_all(hc, find_cache(hc));
}

bool
thread_cache_reclaim(struct heap_caches *hc)
{
	atomic_store_explicit(
	    &hc->reopen_countdown, REOPEN_COUNT, memory_order_relaxed);
	bool any = cache_collect_all(hc, find_cache(hc));
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
		cache_collect_idle(hc, find_cache(hc));
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

/* Get the calling thread's cache.  Returns whether it may be filled now. */
static bool
get_open_cache(struct heap_caches *hc, struct thread_cache **cache)
{
	if (DK_UNLIKELY(nr_dead_of(Thread_caches) > DEAD_MAX))
		drop_dead(Thread_caches);
	struct thread_cache *c = get_cache(hc);

	*cache = c;
	/* Cached blocks hold file space, so have the reclaimer look for idle
	 * caches. */
	if (holds_file_space(hc))
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
	size_t max = bin_max(hc, size_class);
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

/* Move the older half of a full bin to the outbox.  A block may be in neither
 * for a moment, and a child of fork(2) would lose it; no block is in both. */
static void
evict_half(struct heap_caches *hc, struct thread_cache *c,
    struct cache_bin *bin, unsigned size_class)
{
	void *blocks[OUTBOX_MAX];
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
	struct thread_cache *c = get_cache(hc);

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

/* Without a store to the stacks. */
static void
empty_bins(struct thread_cache *c)
{
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		struct cache_bin *bin = cache_bin_of(c, i);

		bin->limit = bin->base;
		cache_set_top(bin, bin->base);
	}
	c->durable_items = NULL;
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

void
thread_cache_after_fork_in_child(void)
{
	/* The child lacks the threads that waited. */
	lock_cond_init(&Left);
}

/* The child lacks the other threads, wherever they were.  The blocks in their
 * hands are lost, but the stacks are consistent. */
void
thread_cache_heap_after_fork_in_child(struct heap_caches *hc)
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
		if (is_off && c->durable_items != NULL)
			empty_bins(c);
	}
}
