/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.h -- a heap over a region, or over DRAM (layer 3).
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
 * The page map says which of the two a block is.  A heap over DRAM has no
 * region and leaves every size to jemalloc.
 *
 * All functions may be called by any thread, heap_free() of another thread's
 * block included.  They leave errno alone and set no out-parameter on failure.
 */
#ifndef HEAP_H
#define HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "heap/arena_set.h"
#include "heap/dram_cache.h"
#include "heap/extent_hooks.h"
#include "heap/page_map.h"
#include "heap/quarantine.h"
#include "heap/slabs.h"
#include "heap/thread_cache.h"
#include "region/region.h"

/* Bytes. */
struct heap_stats {
	size_t allocated; /* in live blocks */
	size_t active;    /* in pages with live blocks */
	size_t resident;  /* really held */
};

struct heap {
	struct daxkind_region *region; /* NULL: over DRAM */
	struct page_map pages;
	struct extent_hooks hooks;
	struct arena_set arenas;
	struct heap_caches caches;    /* of heaps over a region */
	struct slabs slabs;           /* the same */
	struct quarantine quarantine; /* the same */
	int dram_cache_nr;            /* of heaps over DRAM; or none */
	_Atomic(size_t) large_bytes;  /* in live large blocks */
};

/* A heap over all of a region that nobody else uses.  -ENOMEM. */
int heap_new(struct daxkind_region *region, struct heap **heap) DK_MUST_CHECK;
/* The same in zeroed storage of the caller's and without a malloc; it stays for
 * the rest of the process.  owner and slot are those of its thread caches. */
int heap_init(struct heap *heap, struct daxkind_region *region,
    const void *owner, unsigned slot) DK_MUST_CHECK;
/* A heap over DRAM of the nodes that have processors, in the caller's
 * storage; it stays for the rest of the process. */
void heap_init_dram(struct heap *heap);
/* All blocks are gone; all of the region is free again. */
void heap_free_all(struct heap *heap);

/* NULL when there is no room.  align: 0 or a power of two.  size is not 0. */
void *heap_alloc(struct heap *heap, size_t size, size_t align, bool zero);
/* A block of whole pages, whatever its size. */
void *heap_alloc_pages(struct heap *heap, size_t size, bool zero);
/* NULL leaves the block as it was.  size is not 0. */
void *heap_resize(struct heap *heap, void *ptr, size_t size);
/* A pointer that is no block of this heap is ignored. */
void heap_free(struct heap *heap, void *ptr);
/* 0 for a pointer that is no block of this heap. */
size_t heap_usable(const struct heap *heap, const void *ptr);
/* Move the block where that helps against fragmentation; NULL: it stays. */
void *heap_defrag(struct heap *heap, void *ptr);
/* Whether a DRAM heap owns the block. */
bool heap_has_arena(const struct heap *heap, unsigned arena);
/*
 * Take the pages [addr, addr + len), which are the heap's, out of use: what is
 * free of them now, what is taken when it is freed.  -ENOMEM: not all of it.
 */
int heap_quarantine(struct heap *heap, void *addr, size_t len) DK_MUST_CHECK;
/* Around a fork: RANK_ARENAS of all heaps, RANK_THREADS, RANK_CACHES of all heaps,
 * and so on; before they are dropped in the child, its heaps are mended. */
void heap_lock_arenas_at_fork(struct heap *heap);
void heap_unlock_arenas_at_fork(struct heap *heap);
void heap_lock_caches_at_fork(struct heap *heap);
void heap_unlock_caches_at_fork(struct heap *heap);
void heap_lock_quarantine_at_fork(struct heap *heap);
void heap_unlock_quarantine_at_fork(struct heap *heap);
void heap_after_fork_in_child(struct heap *heap);
/* Give back all memory without live blocks. */
void heap_purge(struct heap *heap);
/* As of the last je_stats_refresh() for what jemalloc counts. */
int heap_get_stats(struct heap *heap, struct heap_stats *stats) DK_MUST_CHECK;

#endif /* HEAP_H */
