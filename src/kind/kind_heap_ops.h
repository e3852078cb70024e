/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_heap_ops.h -- operations of kinds that have a heap of any sort
 * (layer 5).
 *
 * memkind_ops.h describes each; kind->blocks differs by sort.
 */
#ifndef KIND_HEAP_OPS_H
#define KIND_HEAP_OPS_H

#include <errno.h>
#include <stdbool.h>

#include "base/export.h"
#include "heap/heap.h"
#include "memkind_ops.h"

/* Make a heap over the region of a kind that is being made.  -ENOMEM,
 * REASON_ENVIRON. */
int kind_heap_new(struct memkind *kind) DK_MUST_CHECK;
/* End the heap of a kind, if there is one. */
void kind_heap_end(struct memkind *kind);

void *kind_heap_malloc(struct memkind *kind, size_t size);
void *kind_heap_calloc(struct memkind *kind, size_t num, size_t size);
int kind_heap_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size);
void *kind_heap_realloc(struct memkind *kind, void *ptr, size_t size);
void kind_heap_free(struct memkind *kind, void *ptr);
size_t kind_heap_malloc_usable_size(struct memkind *kind, void *ptr);
void *kind_heap_defrag_reallocate(struct memkind *kind, void *ptr);
int kind_heap_check_available(struct memkind *kind);
int kind_heap_get_stat(
    struct memkind *kind, memkind_stat_type stat, size_t *value);
int kind_heap_update_memory_usage_policy(
    struct memkind *kind, memkind_mem_usage_policy policy);

/* Whether a table contains an operation that needs kind->heap. */
bool kind_heap_ops_are_in(const struct memkind_ops *ops);

/* One of the three figures; -1 for an unknown number. */
int kind_pick_stat(
    const struct heap_stats *stats, memkind_stat_type stat, size_t *value);

/* The result of malloc() and its relatives. */
static inline void *
or_enomem(void *ptr)
{
	if (DK_UNLIKELY(ptr == NULL))
		errno = ENOMEM;
	return ptr;
}

#endif /* KIND_HEAP_OPS_H */
