/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slabs.h -- small blocks straight from the slabs of a heap's arenas, past the
 * thread caches (layer 3).
 *
 * A heap that is nearly full is asked in vain again and again, by a cache that
 * evicts one object after each failure, say.  So it is remembered of each size
 * class that no slab had room, and what had been freed until then: while
 * nothing more is freed, the next request fails without asking jemalloc.
 */
#ifndef SLABS_H
#define SLABS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export.h"
#include "size_class.h"

struct heap;

/* Part of each heap over a region. */
struct heap_slabs {
	/* Blocks of a class that were freed to their slabs, ever. */
	_Atomic(uint32_t) nr_freed[SIZE_CLASS_MAX];
	/* slabs_mark() when no slab of a class had room, or 0. */
	_Atomic(uint64_t) full_at[SIZE_CLASS_MAX];
};

/* A block from an arena; NULL: it has no room. */
void *slabs_alloc(struct heap *heap, unsigned arena, unsigned size_class);
/* The same from any arena of the heap. */
void *slabs_alloc_anywhere(struct heap *heap, unsigned size_class);
void slabs_free(
    struct heap *heap, unsigned size_class, void **blocks, size_t nr);

/* A number that differs once a block of the class, or pages, were freed. */
uint64_t slabs_mark(const struct heap *heap, unsigned size_class);
/* No slab had room when the mark was taken, nor the region for another. */
void slabs_set_full(struct heap *heap, unsigned size_class, uint64_t mark);
/* Whether it is known that slabs_alloc_anywhere() would find nothing. */
bool slabs_is_known_full(const struct heap *heap, unsigned size_class);

#endif /* SLABS_H */
