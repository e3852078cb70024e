/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * je_heap.h -- a heap over memory that comes in pieces from anywhere (layer 4).
 *
 * It has no region, and jemalloc serves blocks of every size: for huge pages,
 * of which there are few, and for memory from a program's own operations.  Each
 * piece is entered in the region index, so that a pointer leads to its kind.
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
	struct je_hooks hooks; /* must be first: je.c passes a pointer to it */
	struct dram_source source;
	struct region_index_entry *entry; /* the kind's, for lookups */
	struct arena_set arenas;
};

/* entry must never move.  The caller may change source.map and is_dirty before
 * the first block. */
void je_heap_init(struct je_heap *heap, const struct dram_memory *memory,
    struct region_index_entry *entry, unsigned nr_arenas);
/* Get extents from a program's extent_hooks_t instead. */
void je_heap_use_hooks(struct je_heap *heap, const void *table);
/* Call it when all blocks are gone and no thread uses it. */
void je_heap_fini(struct je_heap *heap);

/* NULL: no room. align: 0 or a power of two. size is not 0. */
void *je_heap_alloc(struct je_heap *heap, size_t size, size_t align, bool zero);
/* NULL: the block is unchanged. ptr must be a block; size is not 0. */
void *je_heap_resize(struct je_heap *heap, void *ptr, size_t size);
/* Ignores a pointer that is not a block of this heap. */
void je_heap_free(struct je_heap *heap, void *ptr);
/* 0 for a pointer that is not a block of this heap. */
size_t je_heap_usable(const struct je_heap *heap, const void *ptr);
/* Move the block if that reduces fragmentation; NULL: it stays. */
void *je_heap_defrag(struct je_heap *heap, void *ptr);
/* Give back all memory without live blocks. */
void je_heap_purge(struct je_heap *heap);
/* Give back the memory whose decay time has passed. */
void je_heap_decay(struct je_heap *heap);
/* As of the last je_stats_refresh(). */
int je_heap_get_stats(struct je_heap *heap, struct heap_stats *stats)
    DK_MUST_CHECK;

/* Around a fork.  The source's lock, an inner one, is taken separately. */
void je_heap_lock_at_fork(struct je_heap *heap);
void je_heap_unlock_at_fork(struct je_heap *heap);

#endif /* JE_HEAP_H */
