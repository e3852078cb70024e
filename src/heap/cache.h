/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.h -- what the cache of a thread for a heap is made of (layer 3).
 *
 * thread_cache.h says how it is used, and by whom.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/lock.h"
#include "heap/outbox.h"
#include "heap/page_map.h"
#include "heap/size_class.h"
#include "heap/slabs.h"

struct heap_caches;

/* A stack of free blocks of one class:
 *   base             top               limit
 *   |p|p|p|p|p|p|p|p|.|.|.|.|.|.|.|.|.|                                      */
struct cache_bin {
	_Atomic(void **) top; /* others read it for figures */
	void **base, **limit;
	size_t batch; /* how many its thread fetches next: grows with use */
};

/* From a word of the page map to the bytes before the bin. */
#define CACHE_BIN_FACTOR ((size_t)8)
_Static_assert(sizeof(struct cache_bin) == CACHE_BIN_FACTOR * PAGE_SMALL,
    "page words are multiples of the place of a bin");

struct thread_cache {
	struct thread_cache *thread_next; /* in the thread's bucket */
	/* As in heap_caches; NULL: to be left alone. */
	_Atomic(const void *) owner;
	_Atomic(uint32_t) busy; /* its thread is inside */
	/* Copies of the heap's, for the hot paths. */
	uintptr_t base;
	size_t size;
	_Atomic(uint32_t) *words;                 /* of the page map */
	struct cache_bin bins[1 + SIZE_CLASS_NR]; /* the first takes nothing */

	void **items; /* all stacks, and the outbox */
	struct outbox outbox;
	/* Odd while its thread is between the cache and the slabs. */
	_Atomic(uint32_t) at_slabs;
	/* Of its heap; NULL once that has ended. */
	_Atomic(struct heap_caches *) caches;
	_Atomic(bool) is_closed; /* bins take nothing: limit is base */

	/* Guarded by the heap's lock, as stores to owner are. */
	struct thread_cache *heap_next, *heap_prev; /* caches of the heap */
	uint64_t last_fill; /* sum of nr when an idle look was taken last */
	bool is_wanted;     /* nobody's, and to be emptied and closed */
	bool was_awaited;   /* in vain: its thread stands inside */
	/* at_slabs as it was seen last, at which look first, and whether its
	 * change was awaited in vain. */
	uint32_t seen;
	bool is_stuck;
	uint64_t seen_at;
};

/* Of two copies of this library in a process, libmemkind.so.0 being one, each may
 * find a cache of the other's in a slot, mark it, and see that it is not its own:
 * these places stay where they are in every version. */
_Static_assert(offsetof(struct thread_cache, owner) == 8 &&
		   offsetof(struct thread_cache, busy) == 16,
    "the places are known to other versions");

/* Part of each heap. */
struct heap_caches {
	/* Who the caches are looked for by: this, or the kind where that has
	 * no operations of a user's. */
	const void *owner;
	struct slabs *slabs; /* where blocks come from */
	unsigned nr;         /* counted: spreads heaps over slots and buckets */
	unsigned slot;       /* of daxkind_tls_slots; 0 is MEMKIND_DEFAULT's */
	size_t max_bytes;    /* of one bin */
	struct lock lock;    /* rank RANK_CACHES: list, and changes of owner */
	uint64_t nr_looks;   /* guarded by lock: at at_slabs of all */
	struct thread_cache *list; /* linked by heap_next */
	/* Caches that are not closed. */
	_Atomic(unsigned) nr_open;
	/* Above 0 after an allocation failed: caches stay closed, and each
	 * allocation that goes the slow way and works takes 1 off. */
	_Atomic(int) reopen_countdown;
	unsigned nr_leaving; /* threads that end and are flushing a cache */
	_Atomic(uint64_t)
	    next_idle_check_us; /* when idle caches are looked for */
};

/* ThreadSanitizer knows nothing of membarrier(2): there, pay for it. */
#if DK_THREAD_SANITIZER
#define CACHE_ORDER memory_order_seq_cst
#define CACHE_ORDER_LOAD memory_order_seq_cst
#else
#define CACHE_ORDER memory_order_relaxed
#define CACHE_ORDER_LOAD memory_order_acquire
#endif

/* word is 0, or that of a size class. */
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

/* After the stores to the stack below it, for a child of fork(2). */
static inline void
cache_set_top(struct cache_bin *bin, void **top)
{
	atomic_store_explicit(&bin->top, top, memory_order_release);
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

#endif /* CACHE_H */
