/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slabs.h -- small blocks straight from the slabs of a heap's arenas, past the
 * thread caches (layer 3).
 *
 * A heap that is nearly full is asked in vain again and again, by a cache that
 * evicts one object after each failure, say.  So it is remembered of each size
 * class that no slab had room, and what had been freed until then: while no
 * block of the class is freed, only a new slab can serve it, and while the
 * region has no room for one, jemalloc is not asked.
 */
#ifndef SLABS_H
#define SLABS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "heap/size_class.h"

struct heap;

/* Part of each heap over a region. */
struct heap_slabs {
	/* Goes on after blocks of a class were freed, or pages became a slab. */
	_Atomic(uint32_t) generation[SIZE_CLASS_NR];
	/* generation and FULL when no slab of a class had room, or 0. */
	_Atomic(uint64_t) full_at[SIZE_CLASS_NR];
};

/* A block from an arena; NULL: it has no room. */
void *slabs_alloc(struct heap *heap, unsigned arena, unsigned size_class);
/* A block from any arena of the heap, that one first. */
void *slabs_alloc_anywhere(
    struct heap *heap, unsigned first_arena, unsigned size_class);
void slabs_free(
    struct heap *heap, unsigned size_class, void **blocks, size_t nr);

/* Whether it is known that only a new slab can have a block. */
bool slabs_are_full(const struct heap *heap, unsigned size_class);

#endif /* SLABS_H */
