/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_record.h -- the structure behind memkind_t (layer 5).
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
	void *link; /* for records.h while the record is free */
	/* Constant while the kind lives. */
	struct memkind_ops *ops;
	struct memkind_ops own_ops; /* the copy, if ops is one */
	/* Copied from ops, which may be gone at exit; NULL: already called. */
	int (*finalize)(struct memkind *kind);
	struct daxkind_region *region; /* visible to the program, or NULL */
	size_t capacity;               /* for memkind_get_capacity() */
	char name[KIND_NAME_SIZE];
	/* Set by the operation create; NULL: no heap. */
	const struct block_ops *blocks;
	struct heap *heap;                /* of a kind over a region */
	struct je_heap *je_heap;          /* of a kind with memory in pieces */
	struct region_index_entry pieces; /* the index entry of those pieces */
	unsigned cache_slot;              /* of the heap's thread caches */
	bool owns_region;                 /* close it with the kind */
	bool is_tier;                     /* set when it becomes one */

	_Atomic(bool) allows_zero; /* a size of 0 gives a block */
	/* Frees of pointers that belong to no kind; the heaps count all
	 * others. */
	_Atomic(size_t) nr_bad_frees;

	/* For kind_tally.c: bytes, and the counters of threads or NULL. */
	_Atomic(long) tally;
	_Atomic(struct kind_tally_places *) tally_places;

	/* Guarded by the registry's lock. */
	struct memkind *next, *prev;
	struct heap_stats stats;
	unsigned stats_round; /* round of the figures below */
	bool is_registered;   /* it is alive */
};

/* The kind that owns a pointer, which may be any, or NULL. */
static inline struct memkind *
kind_of(const void *ptr)
{
	return region_index_find_kind(ptr);
}

/* The kind whose operations should handle a pointer, if the caller says that it
 * belongs to kind (NULL: unknown).  Only the operations of a kind without a
 * heap know its blocks, so they decide. */
static inline struct memkind *
kind_for(struct memkind *kind, const void *ptr)
{
	return DK_UNLIKELY(kind != NULL && kind->blocks == NULL) ? kind
								 : kind_of(ptr);
}

#endif /* KIND_RECORD_H */
