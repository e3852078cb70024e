/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_cache.h -- small free blocks that a thread keeps for a heap (layer 4).
 *
 *   daxkind_tls_slots (thread-local, tls.h)
 *     [heap's slot] --> struct thread_cache of (thread, heap)
 *                         bins[1 + class]: |p|p|p|p|.|.|   a stack
 *
 * The hot paths below take no lock and make no atomic read-modify-write: a
 * cache is used by its thread only, between cache_enter() and cache_leave().
 * Others may take its blocks away (thread_cache_reclaim(), the end of a heap):
 * they clear its owner, issue membarrier(2) for all threads, and wait until its
 * thread has left.  The cost is on the rare path.
 *
 * An allocation fails only after every free block was considered, wherever its
 * thread is: see cache_collect.h.  A cache is made at the first miss of its
 * thread, and ends with the thread or the heap: see cache_life.h.
 *
 * A fork(2) may come at any instruction.  The child always finds the caches of
 * other threads consistent: a block may be lost, but never be in two places.
 *
 * The hot paths are short in instructions: for small blocks a word of the page
 * map is a multiple of the bin's offset, so that both the size class table and
 * the page map lead to the bin without a shift.  Word 0 (no block begins here)
 * leads to a bin that accepts nothing.
 *
 * Nothing is written to a free block.  The stacks are in DRAM, those of a durable
 * heap in its region: after a kill, what stands in them is free.
 */
#ifndef THREAD_CACHE_H
#define THREAD_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "heap/cache.h"
#include "heap/page_map.h"
#include "heap/size_class.h"

/* Called by the hot paths below if the cache cannot serve. */
void *thread_cache_alloc_slow(struct heap_caches *hc, unsigned size_class);
void thread_cache_free_slow(
    struct heap_caches *hc, void *ptr, unsigned size_class);
/* Free a block without the cache. */
void thread_cache_free_past(
    struct heap_caches *hc, void *ptr, unsigned size_class);
/*
 * The heap is full: give the cached blocks of every thread back to their slabs,
 * cache none for a while, and wait for blocks in transit.  Returns whether it
 * is worth looking for room again.
 */
bool thread_cache_reclaim(struct heap_caches *hc);
/* Empty all caches, while no other thread uses the heap. */
void thread_cache_flush_all(struct heap_caches *hc);
/* As thread_cache_reclaim(), but caches may be filled again at once. */
void thread_cache_empty(struct heap_caches *hc);
/* The same for caches that were not used since the last call.  Returns whether
 * blocks are still cached: then call it again. */
bool thread_cache_reclaim_idle(struct heap_caches *hc);
/* Approximate bytes in cached blocks. */
size_t thread_cache_bytes(struct heap_caches *hc);

/* A block of the page word's class; NULL: take the slow path. */
static inline void *
thread_cache_alloc(const void *owner, unsigned slot, uint32_t word)
{
	struct thread_cache *c = cache_in_slot(slot);

	if (DK_LIKELY(cache_enter(c, owner))) {
		struct cache_bin *bin = cache_bin(c, word);
		void **top = cache_top(bin);

		if (DK_LIKELY(top != bin->base)) {
			void *ptr = *--top;

			*top = NULL; /* above the top is nothing */
			cache_set_top(bin, top);
			cache_leave(c);
			DK_ASSUME(ptr != NULL);
			return ptr;
		}
	}
	cache_leave(c);
	return NULL;
}

/* True: ptr was a small block of the owner's heap, and is in the cache now. */
static inline bool
thread_cache_free(const void *owner, unsigned slot, void *ptr)
{
	struct thread_cache *c = cache_in_slot(slot);

	if (DK_UNLIKELY(!cache_enter(c, owner)))
		goto no;
	uintptr_t off = (uintptr_t)ptr - c->base;
	if (DK_UNLIKELY(off >= c->size))
		goto no;
	uint32_t word = atomic_load_explicit(
	    &c->words[off >> DK_PAGE_SHIFT], memory_order_relaxed);
	if (DK_UNLIKELY(word > SIZE_CLASS_NR * PAGE_SMALL))
		goto no; /* large, or near bad pages */
	struct cache_bin *bin = cache_bin(c, word);
	void **top = cache_top(bin);
	/* The bin is full, or ptr was freed twice.  Below an empty bin, top[-1]
	 * is arbitrary, so the slow path decides. */
	if (DK_UNLIKELY(top == bin->limit || top[-1] == ptr))
		goto no;
	*top = ptr;
	cache_set_top(bin, top + 1);
	cache_leave(c);
	return true;
no:
	cache_leave(c);
	return false;
}

/* Bytes of a small block of the owner's heap; 0: not one.  Reads only data that
 * live as long as the thread, so other threads need not be kept out. */
static inline size_t
thread_cache_usable(const void *owner, unsigned slot, const void *ptr)
{
	const struct thread_cache *c = cache_in_slot(slot);
	uintptr_t off = (uintptr_t)ptr - c->base;

	if (DK_UNLIKELY(atomic_load_explicit(&c->owner, memory_order_relaxed) !=
			owner) ||
	    DK_UNLIKELY(off >= c->size))
		return 0;
	uint32_t word = atomic_load_explicit(
	    &c->words[off >> DK_PAGE_SHIFT], memory_order_relaxed);
	if (DK_UNLIKELY(word - 1 >= SIZE_CLASS_NR * PAGE_SMALL))
		return 0; /* none, large, or near bad pages */
	return Size_classes.size[page_size_class(word)];
}

#endif /* THREAD_CACHE_H */
