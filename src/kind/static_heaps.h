/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * static_heaps.h -- the heaps of one static kind, over memory of this process
 * (layer 5).
 *
 * There is one heap for each set of nodes, usually one in all, made when a
 * thread on a processor with that set first allocates; and another one if all
 * addresses of the others are taken.  None ever ends.  Nothing here calls
 * malloc: a malloc may be built on the kind.
 */
#ifndef STATIC_HEAPS_H
#define STATIC_HEAPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "dram/dram_memory.h"
#include "heap/heap.h"

struct memkind;
struct static_heap;

/* Zeroed at first, except the constants. */
struct static_heaps {
	const struct dram_memory *memory;
	struct memkind *kind;
	_Atomic(struct static_heap *) first; /* the newest */
	bool is_uniform; /* one set of nodes; constant once there is a heap */
};

/* Whether there is a heap. */
static inline bool
static_heaps_are_there(const struct static_heaps *heaps)
{
	return atomic_load_explicit(&heaps->first, memory_order_acquire) !=
	       NULL;
}

/* As in struct block_ops.  Call dram_memory_check() before. */
void *static_heaps_alloc(
    struct static_heaps *heaps, size_t size, size_t align, bool zero);
void *static_heaps_resize(struct static_heaps *heaps, void *ptr, size_t size);
/* The heap that contains a pointer, or NULL. */
struct heap *static_heaps_find(struct static_heaps *heaps, const void *ptr);
/* The heap for the calling thread, made if needed; NULL: it cannot be made. */
struct heap *static_heaps_here(struct static_heaps *heaps);

/* Call visit for each heap. */
void static_heaps_walk(struct static_heaps *heaps,
    void (*visit)(struct heap *heap, void *arg), void *arg);

/* Around a fork: no heap is made meanwhile, for any kind. */
void static_heaps_lock_at_fork(void);
void static_heaps_unlock_at_fork(void);

#endif /* STATIC_HEAPS_H */
