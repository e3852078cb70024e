/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops_heap.h -- heaps of kinds without a region, with memory from the program's
 * operations (layer 5).
 */
#ifndef OPS_HEAP_H
#define OPS_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct memkind;

/*
 * Make a heap for kind with extents from its operations, or from a copy of
 * jemalloc's table of hooks. one_arena: all threads share one arena.  -ENOMEM;
 * REASON_ENVIRON: MEMKIND_ARENA_NUM_PER_KIND is not valid.
 */
int ops_heap_new(struct memkind *kind, const void *jemalloc_hooks,
    bool one_arena) DK_MUST_CHECK;
/* Whether kind has such a heap. */
bool ops_heap_is_of(const struct memkind *kind);

/* Give back the memory of all such heaps whose decay time has passed. */
void ops_heap_decay_all(void);

/* Implement memkind_default_mmap() and memkind_default_mbind(). */
void *ops_heap_mmap(struct memkind *kind, void *hint, size_t len);
int ops_heap_mbind(struct memkind *kind, void *addr, size_t len);
/* For memory that may be on any node: a container may forbid mbind(2), which is a
 * warning in the log. */
int ops_heap_mbind_if_permitted(struct memkind *kind, void *addr, size_t len);

#endif /* OPS_HEAP_H */
