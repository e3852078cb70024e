/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_record.h -- what a memkind_t points to (layer 4).
 */
#ifndef KIND_RECORD_H
#define KIND_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/export.h"
#include "heap/heap.h"
#include "kind/block_ops.h"
#include "memkind_ops.h"
#include "region/region.h"
#include "region/region_index.h"

enum {
	KIND_NAME_SIZE = 64
};

struct memkind {
	void *pool_link; /* of pool.h, in an unused record */
	/* Constant while the kind lives. */
	struct memkind_ops *ops;
	struct memkind_ops own_ops; /* ops, where it is a copy */
	/* A copy from ops, which may be gone at exit; NULL: already called. */
	int (*finalize)(struct memkind *kind);
	struct daxkind_region *region; /* that a program knows, or NULL */
	size_t capacity;               /* for memkind_get_capacity() */
	char name[KIND_NAME_SIZE];
	/* Set by the ops' create; NULL for kinds that have no heap. */
	const struct block_ops *blocks;
	struct heap *heap;       /* of a kind over a region */
	struct je_heap *je_heap; /* of one whose memory comes in pieces */
	struct region_index_entry pieces; /* what lookups find of those */
	unsigned cache_slot;              /* of the heap's thread caches */
	bool owns_region;                 /* close it with the kind */
	bool is_tier;                     /* set when it becomes one */

	_Atomic(bool) allows_zero; /* a size of 0 gives a block */
	/* Frees of what belongs to no kind; others are counted in its heaps. */
	_Atomic(size_t) nr_bad_frees;

	/* kind_tally.c's: bytes, and where threads count; NULL: nowhere yet */
	_Atomic(long) tally;
	_Atomic(struct kind_tally_places *) tally_places;

	/* Guarded by the registry's lock. */
	struct memkind *next, *prev;
	struct heap_stats stats;
	unsigned stats_round; /* of these figures */
	bool is_registered;   /* it is alive */
};

/* The kind that any pointer belongs to, or NULL. */
static inline struct memkind *
kind_of(const void *ptr)
{
	return region_index_find_kind(ptr);
}

/* The kind whose operations a pointer is for, of which the caller says that it is
 * of kind (NULL: of any).  What belongs to a kind without a heap, only its
 * operations know, so they are asked. */
static inline struct memkind *
kind_for(struct memkind *kind, const void *ptr)
{
	return DK_UNLIKELY(kind != NULL && kind->blocks == NULL) ? kind
								 : kind_of(ptr);
}

#endif /* KIND_RECORD_H */
