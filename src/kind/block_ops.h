/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * block_ops.h -- where a kind allocates its blocks (layer 5).
 *
 * There are four such tables: heaps over a region (kind_heap_ops.c), the heaps
 * of a static kind and its huge pages (kind_static.c), and memory from a
 * program's operations (ops_heap.c). kind_heap_ops.c handles sizes of 0, NULL
 * and errno, as memkind's operations require, before it calls these.
 */
#ifndef BLOCK_OPS_H
#define BLOCK_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct heap_stats;
struct memkind;

struct block_figures {
	size_t large_bytes;  /* in live blocks outside jemalloc */
	size_t small_bytes;  /* the same, of a durable heap's slabs */
	size_t slab_bytes;   /* of these slabs */
	size_t nr_bad_frees; /* frees of invalid pointers */
};

struct block_ops {
	/* NULL: no room. size is not 0, align is 0 or a power of two. */
	void *(*alloc)(
	    struct memkind *kind, size_t size, size_t align, bool zero);
	/* NULL: the block is unchanged. ptr must be a block. */
	void *(*resize)(struct memkind *kind, void *ptr, size_t size);
	/* Ignores a pointer that is not a block. */
	void (*free)(struct memkind *kind, void *ptr);
	/* 0: not a block. */
	size_t (*usable)(struct memkind *kind, const void *ptr);
	/* Move the block if that reduces fragmentation; NULL: it stays. */
	void *(*defrag)(struct memkind *kind, void *ptr);
	/* Give back all memory without live blocks. */
	void (*purge)(struct memkind *kind);
	int (*get_stats)(struct memkind *kind, struct heap_stats *stats);
	/* Figures that jemalloc does not count; NULL: it counts everything. */
	void (*get_figures)(
	    struct memkind *kind, struct block_figures *figures);
	/* jemalloc's arena number for the calling thread. */
	int (*get_arena)(struct memkind *kind, unsigned *arena);
	/* End the kind and all its blocks.  Static kinds lack it. */
	void (*end)(struct memkind *kind);
};

#endif /* BLOCK_OPS_H */
