/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.h -- the data structures of thread caches (layer 4).
 *
 * thread_cache.h describes their use.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/lock.h"
#include "base/tls.h"
#include "heap/outbox.h"
#include "heap/page_map.h"
#include "heap/size_class.h"

struct heap_caches;
struct medium_stacks;
struct slabs;
struct thread_caches;

/* So many blocks go from a cache to the slabs, or back, at once. */
enum {
	CACHE_BATCH_MAX = 128
};

/* A stack of free blocks of one class:
 *   base             top               limit
 *   |p|p|p|p|p|p|p|p|.|.|.|.|.|.|.|.|.|                                      */
struct cache_bin {
	_Atomic(void **) top; /* other threads read it for statistics */
	void **base, **limit;
	size_t batch; /* number to fetch next; grows with use */
};

/* The bin of a page map word begins word * CACHE_BIN_FACTOR bytes into bins. */
#define CACHE_BIN_FACTOR ((size_t)8)
_Static_assert(sizeof(struct cache_bin) == CACHE_BIN_FACTOR * PAGE_SMALL,
    "page words are multiples of the place of a bin");

struct thread_cache {
	struct thread_cache *thread_next; /* in the thread's bucket */
	/* As in heap_caches; NULL while the cache is being collected, and
	 * after the heap's end. */
	_Atomic(const void *) owner;
	_Atomic(uint32_t) busy; /* its thread is using it */
	/* Copies of the heap's fields, for the hot paths. */
	uintptr_t base;
	size_t size;
	_Atomic(uint32_t) *words;                 /* of the page map */
	struct cache_bin bins[1 + SIZE_CLASS_NR]; /* the first is always full */

	struct thread_caches *thread; /* the owning thread's record */
	/* Where its heap is durable. */
	struct medium_stacks *stacks;
	struct outbox outbox;
	/* Odd while its thread moves blocks between the cache and the slabs. */
	_Atomic(uint32_t) at_slabs;
	/* Those of its heap; NULL once the heap has ended. */
	_Atomic(struct heap_caches *) caches;
	_Atomic(bool) is_closed; /* bins accept nothing: limit is base */

	/* Guarded by the heap's lock, as are stores to owner. */
	struct thread_cache *heap_next, *heap_prev; /* caches of the heap */
	uint64_t last_fill; /* checksum of the bins at the last idle check */
	bool is_wanted;     /* being collected, to empty and close it */
	bool was_awaited;   /* waiting failed: its thread stopped inside */
	/* at_slabs at the last look, whether waiting for a change failed, and
	 * the look that first saw that value. */
	uint32_t seen;
	bool is_stuck;
	uint64_t seen_at;
};

/* Two copies of this library in a process (one may be libmemkind.so.0) share
 * the thread-local slots.  Each may find a cache of the other in a slot, mark
 * it busy, and see that the owner differs.  So these offsets must not change in
 * any version. */
_Static_assert(offsetof(struct thread_cache, owner) == 8 &&
		   offsetof(struct thread_cache, busy) == 16,
    "the places are known to other versions");

/* Part of each heap. */
struct heap_caches {
	/* The key by which hot paths find the caches: this structure, or the
	 * kind if its operations are the library's. */
	const void *owner;
	struct slabs *slabs; /* where blocks come from */
	unsigned nr;         /* running number, spreads heaps over slots */
	unsigned slot;       /* of daxkind_tls_slots; 0: MEMKIND_DEFAULT */
	size_t max_bytes;    /* of one bin */
	struct lock lock;    /* rank RANK_CACHES: list, and changes of owner */
	uint64_t nr_looks;   /* guarded by lock: looks at at_slabs */
	struct thread_cache *list; /* linked by heap_next */
	/* Caches that are not closed. */
	_Atomic(unsigned) nr_open;
	/* Above 0 after an allocation failed: caches stay closed.  Each
	 * successful allocation on the slow path decrements it. */
	_Atomic(int) reopen_countdown;
	unsigned nr_leaving; /* threads that are ending and flushing a cache */
	_Atomic(uint64_t)
	    next_idle_check_us; /* time of the next check for idle caches */
};

/* ThreadSanitizer does not know membarrier(2), so use the slower orders
 * there. */
#if DK_THREAD_SANITIZER
#define CACHE_ORDER memory_order_seq_cst
#define CACHE_ORDER_LOAD memory_order_seq_cst
#else
#define CACHE_ORDER memory_order_relaxed
#define CACHE_ORDER_LOAD memory_order_acquire
#endif

/* word is 0, or the word of a size class. */
static inline struct cache_bin *
cache_bin(struct thread_cache *c, uint32_t word)
{
	return (struct cache_bin *)(void *)((char *)c->bins +
					    word * CACHE_BIN_FACTOR);
}

static inline void **
cache_top(const struct cache_bin *bin)
{
	return atomic_load_explicit(&bin->top, memory_order_relaxed);
}

/* Release: a child of fork(2) that sees the new top sees the entries below
 * it. */
static inline void
cache_set_top(struct cache_bin *bin, void **top)
{
	atomic_store_explicit(&bin->top, top, memory_order_release);
}

/* For stacks that outlive the process: in the order of the program, as a kill may
 * come between any two stores. */
static inline void
cache_set_item(void **at, void *item)
{
	*at = item;
	atomic_signal_fence(memory_order_seq_cst);
}

/* The cache in a slot of the calling thread; it may belong to another heap. */
static inline struct thread_cache *
cache_in_slot(unsigned slot)
{
	return daxkind_tls_slots[slot];
}

static inline struct cache_bin *
cache_bin_of(struct thread_cache *c, unsigned size_class)
{
	return cache_bin(c, page_word_of_small(size_class));
}

static inline size_t
cache_nr_blocks(const struct cache_bin *bin)
{
	return (size_t)(cache_top(bin) - bin->base);
}

static inline bool
cache_is_closed(const struct thread_cache *c)
{
	return atomic_load_explicit(&c->is_closed, memory_order_relaxed);
}

/* True: the cache belongs to that owner, and no other thread touches it until
 * cache_leave(), which must be called in either case. */
static inline bool
cache_enter(struct thread_cache *c, const void *owner)
{
	atomic_store_explicit(&c->busy, 1, CACHE_ORDER);
	/* Order the store before the load: this fence for the compiler, the
	 * other side's membarrier(2) for the processor. */
	atomic_signal_fence(memory_order_seq_cst);
	return DK_LIKELY(
	    atomic_load_explicit(&c->owner, CACHE_ORDER_LOAD) == owner);
}

static inline void
cache_leave(struct thread_cache *c)
{
	atomic_store_explicit(&c->busy, 0, memory_order_release);
}

#endif /* CACHE_H */
