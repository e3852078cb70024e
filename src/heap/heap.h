/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.h -- a heap over a region (layer 4).
 *
 *                  heap_alloc(size)
 *                 /                \
 *     up to 14 KiB: an arena     larger, or aligned to more than a
 *     of jemalloc, whose slabs   page: whole pages of the region, from
 *     come from the high end     its low end
 *                 \                /
 *                   the space map
 *
 * Small blocks go through the cache of the calling thread (thread_cache.h).
 * The page map records which of the two a block is.
 *
 * Any thread may call any function, and free blocks of another thread.  The
 * functions leave errno alone and set no out-parameter on failure.
 */
#ifndef HEAP_H
#define HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "heap/arena_set.h"
#include "heap/durable_slabs.h"
#include "heap/extent_hooks.h"
#include "heap/heap_stats.h"
#include "heap/page_map.h"
#include "heap/quarantine.h"
#include "heap/slabs.h"
#include "heap/thread_cache.h"
#include "region/region.h"

struct heap {
	struct daxkind_region *region;
	struct page_map pages;
	struct extent_hooks hooks;
	struct arena_set arenas;
	struct heap_caches caches;
	struct slabs slabs;
	struct quarantine quarantine;
	struct durable_slabs *durable; /* NULL: it is volatile */
	_Atomic(size_t) large_bytes;   /* bytes in live large blocks */
};

/* Make a heap over a whole region that has no other user.  -ENOMEM. */
int heap_new(struct daxkind_region *region, struct heap **heap) DK_MUST_CHECK;
/* The same in the caller's zeroed storage, without malloc; it stays for the
 * rest of the process.  owner and slot are those of its thread caches. */
int heap_init(struct heap *heap, struct daxkind_region *region,
    const void *owner, unsigned slot) DK_MUST_CHECK;
/* Drop all blocks; the whole region is free again.  Of a durable heap the blocks
 * stay. */
void heap_free_all(struct heap *heap);

/* NULL: no room.  align: 0 or a power of two.  size is not 0. */
void *heap_alloc(struct heap *heap, size_t size, size_t align, bool zero);
/* A block of whole pages, whatever its size. */
void *heap_alloc_pages(struct heap *heap, size_t size, bool zero);
/* NULL: no room, and the block is unchanged.  size is not 0. */
void *heap_resize(struct heap *heap, void *ptr, size_t size);
/* Ignores a pointer that is not a block of this heap. */
void heap_free(struct heap *heap, void *ptr);
/* 0 for a pointer that is not a block of this heap. */
size_t heap_usable(const struct heap *heap, const void *ptr);
/* Move the block if that reduces fragmentation; NULL: it stays. */
void *heap_defrag(struct heap *heap, void *ptr);
/*
 * Take the heap's pages [addr, addr + len) out of use: free pages at once,
 * taken pages when they are freed.  -ENOMEM: only a part.
 */
int heap_quarantine(struct heap *heap, void *addr, size_t len) DK_MUST_CHECK;
/* Around a fork: RANK_ARENAS of all heaps, RANK_THREADS, RANK_CACHES of all
 * heaps, and so on; the child repairs its heaps before it releases them. */
void heap_lock_arenas_at_fork(struct heap *heap);
void heap_unlock_arenas_at_fork(struct heap *heap);
void heap_lock_caches_at_fork(struct heap *heap);
void heap_unlock_caches_at_fork(struct heap *heap);
void heap_lock_quarantine_at_fork(struct heap *heap);
void heap_unlock_quarantine_at_fork(struct heap *heap);
void heap_after_fork_in_child(struct heap *heap);
/*
 * Of a durable heap, while no other thread uses it: call visit for each live block
 * in the order of addresses, until it returns another value than 0, which is
 * returned then.  visit may free the block.
 */
int heap_walk(struct heap *heap,
    int (*visit)(void *arg, void *block, size_t usable), void *arg);
/* Free what threads cache; none of them uses the heap meanwhile. */
void heap_flush_caches(struct heap *heap);
/* Give back all memory without live blocks. */
void heap_purge(struct heap *heap);
/* Bytes of live blocks in slabs of the heap's own, and of these slabs; 0 where
 * jemalloc has the slabs. */
void heap_get_slab_figures(struct heap *heap, size_t *small, size_t *slabs);
/* jemalloc's counts are as of the last je_stats_refresh(). */
int heap_get_stats(struct heap *heap, struct heap_stats *stats) DK_MUST_CHECK;

/* A pointer was freed that is no block in use: one more in the figures. */
static inline void
heap_count_bad_free(struct heap *heap)
{
	atomic_fetch_add_explicit(
	    &heap->hooks.je.nr_bad_frees, 1, memory_order_relaxed);
}

static inline size_t
heap_nr_bad_frees(const struct heap *heap)
{
	return atomic_load_explicit(
		   &heap->hooks.je.nr_bad_frees, memory_order_relaxed) +
	       (heap->durable != NULL
		       ? atomic_load(&heap->durable->nr_bad_frees)
		       : 0);
}

#endif /* HEAP_H */
