/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * block_ops.h -- where the blocks of a kind come from (layer 4).
 *
 * There are four such tables: heaps over a region (kind_heap_ops.c), the heaps
 * of a static kind and its huge pages (kind_static.c), and memory that a
 * program's operations map (ops_heap.c).  What memkind's operations say of
 * sizes of 0, NULL and errno is done once, before these, in kind_heap_ops.c.
 */
#ifndef BLOCK_OPS_H
#define BLOCK_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct heap_stats;
struct memkind;

struct block_figures {
	size_t large_bytes;  /* in live blocks past jemalloc */
	size_t nr_bad_frees; /* of what was no block */
};

struct block_ops {
	/* NULL: there is none.  size is not 0, align 0 or a power of two. */
	void *(*alloc)(
	    struct memkind *kind, size_t size, size_t align, bool zero);
	/* NULL leaves the block, which it must be, as it was. */
	void *(*resize)(struct memkind *kind, void *ptr, size_t size);
	/* What is no block is ignored. */
	void (*free)(struct memkind *kind, void *ptr);
	/* 0: it is no block. */
	size_t (*usable)(struct memkind *kind, const void *ptr);
	/* Move it where that helps against fragmentation; NULL: it stays. */
	void *(*defrag)(struct memkind *kind, void *ptr);
	/* Give back all memory without live blocks. */
	void (*purge)(struct memkind *kind);
	int (*get_stats)(struct memkind *kind, struct heap_stats *stats);
	/* What jemalloc does not count; NULL: it counts all. */
	void (*get_figures)(
	    struct memkind *kind, struct block_figures *figures);
	/* jemalloc's number of the arena for the calling thread. */
	int (*get_arena)(struct memkind *kind, unsigned *arena);
	/* The kind ends, and all its blocks; of kinds that do. */
	void (*end)(struct memkind *kind);
};

#endif /* BLOCK_OPS_H */
