/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * je_heap.h -- a heap over memory that comes in pieces from anywhere (layer 3).
 *
 * It has no region, and leaves blocks of every size to jemalloc: for huge
 * pages, of which there are few, and for what a program's own operations map.
 * The region index is told of each piece, so that a pointer leads to the kind.
 */
#ifndef JE_HEAP_H
#define JE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "dram/dram_source.h"
#include "heap/arena_set.h"
#include "heap/heap_stats.h"
#include "heap/je.h"
#include "region/region_index.h"

struct je_heap {
	struct je_hooks hooks; /* must be first: je.c hands this back */
	struct dram_source source;
	struct region_index_entry *entry; /* what lookups find; the kind's */
	struct arena_set arenas;
};

/* entry stays where it is for ever.  The caller may change source.map and
 * is_dirty before the first block. */
void je_heap_init(struct je_heap *heap, const struct dram_memory *memory,
    struct region_index_entry *entry, unsigned nr_arenas);
/* Get extents from a program's extent_hooks_t instead. */
void je_heap_use_hooks(struct je_heap *heap, const void *table);
/* All blocks are gone; no thread uses it. */
void je_heap_fini(struct je_heap *heap);

/* NULL when there is no room.  align: 0 or a power of two.  size is not 0. */
void *je_heap_alloc(struct je_heap *heap, size_t size, size_t align, bool zero);
/* NULL leaves the block, which it must be, as it was.  size is not 0. */
void *je_heap_resize(struct je_heap *heap, void *ptr, size_t size);
/* A pointer that is no block of this heap is ignored. */
void je_heap_free(struct je_heap *heap, void *ptr);
/* 0 for a pointer that is no block of this heap. */
size_t je_heap_usable(const struct je_heap *heap, const void *ptr);
/* Move a block where that helps against fragmentation; NULL: it stays. */
void *je_heap_defrag(struct je_heap *heap, void *ptr);
/* Give back all memory without live blocks. */
void je_heap_purge(struct je_heap *heap);
/* Let time pass. */
void je_heap_decay(struct je_heap *heap);
/* As of the last je_stats_refresh(). */
int je_heap_get_stats(struct je_heap *heap, struct heap_stats *stats)
    DK_MUST_CHECK;

/* Around a fork, but for the source's lock, which is an inner one. */
void je_heap_lock_at_fork(struct je_heap *heap);
void je_heap_unlock_at_fork(struct je_heap *heap);

#endif /* JE_HEAP_H */
