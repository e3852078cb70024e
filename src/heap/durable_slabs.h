/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * durable_slabs.h -- small blocks of a durable heap (layer 4).
 *
 *   thread's cache --> stacks, in the region --> after a kill, what stood in
 *        ^                                       them is free
 *        |  fetch and evict, a batch at a time
 *        v
 *   slabs of a class: a list of those with a free block, in DRAM; which blocks
 *                     are free, in the ledger
 *
 * A bit of the ledger is set before its block is handed out, and cleared before
 * it can be handed out again.  While a block stands in a cache, the stack says
 * that it is free, whatever its bit.  So a batch may move in any number of steps:
 *
 *   fetch  the blocks are in the stack; their bits are set; they are handed out
 *   evict  their bits are cleared; they leave the stack; others may fetch them
 *
 * Its thread is inside of its cache meanwhile (cache_enter()), so that nobody
 * takes a block out of it halfway.  A kill loses at most the block that a thread
 * has in its hands; a reset, where stacks are not believed, what stood in them.
 */
#ifndef DURABLE_SLABS_H
#define DURABLE_SLABS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/lock.h"
#include "heap/cache.h"
#include "heap/page_map.h"
#include "heap/quarantine.h"
#include "heap/size_class.h"
#include "region/region.h"
#include "restart/ledger.h"

/* Of a chunk, while it is of a slab. */
struct durable_slab {
	/* Chunks with the next and the previous slab of the list, + 1. */
	uint32_t next, prev;
	uint16_t nr_used; /* blocks that are not free */
	uint8_t word;     /* size class + 1; 0: of no slab */
	uint8_t back;     /* so many chunks before is the first of the slab */
	bool is_listed;
};

struct durable_class {
	struct lock lock; /* rank RANK_SLABS; guards the class's slabs */
	/* A slab that has, or may have, a free block: its chunk + 1, or 0. */
	_Atomic(uint32_t) first;
	uint32_t nr_empty; /* slabs without a block */
};

struct durable_slabs {
	struct daxkind_region *region;
	struct ledger *ledger;
	const struct page_map *pages;
	const struct quarantine *quarantine;
	struct durable_slab *slabs; /* of each chunk */
	struct durable_class classes[SIZE_CLASS_NR];
	_Atomic(size_t) live_bytes; /* in blocks that are not free */
	_Atomic(size_t) slab_bytes;
	_Atomic(size_t) nr_bad_frees;
};

/* Find the slabs that the ledger has.  -ENOMEM; -EUCLEAN, with a text. */
int durable_slabs_init(struct durable_slabs *ds, struct daxkind_region *region,
    struct ledger *ledger, const struct page_map *pages,
    const struct quarantine *quarantine) DK_MUST_CHECK;
/* The blocks stay. */
void durable_slabs_fini(struct durable_slabs *ds);

/* A block past any cache; NULL: no room. */
void *durable_slabs_alloc(struct durable_slabs *ds, unsigned size_class);
/* What is no block of that class, or is free, is told and left alone. */
void durable_slabs_free(
    struct durable_slabs *ds, unsigned size_class, void *ptr);
/* The same for nr blocks, of which there is at most one fence for their bits. */
void durable_slabs_free_batch(
    struct durable_slabs *ds, unsigned size_class, void **blocks, size_t nr);

/* An error line, and one more in the figures. */
void durable_slabs_note_bad_free(struct durable_slabs *ds, const void *ptr);

/* Fill the bin of a cache whose owner that is with up to want blocks; says
 * whether there is one now. */
bool durable_slabs_fetch(struct durable_slabs *ds, struct thread_cache *c,
    const void *owner, unsigned size_class, size_t want);
/* Free the oldest nr blocks of a bin, which its thread, or the thread that has
 * emptied it, has for itself. */
void durable_slabs_evict(struct durable_slabs *ds, struct cache_bin *bin,
    unsigned size_class, size_t nr);

/* Memory of the region for the stacks of a cache, all NULL; max has the number of
 * items of each class.  NULL: no room. */
struct medium_stacks *durable_slabs_new_stacks(
    struct durable_slabs *ds, const uint16_t max[SIZE_CLASS_NR]);
void durable_slabs_delete_stacks(struct durable_slabs *ds,
    struct medium_stacks *stacks, const uint16_t max[SIZE_CLASS_NR]);

/* Give slabs without a block back; says whether there were any. */
bool durable_slabs_trim(struct durable_slabs *ds);

/* Bytes of a slab. */
static inline size_t
durable_slabs_size(const struct durable_slabs *ds, unsigned size_class)
{
	return ds->ledger->classes[size_class].nr_chunks * MEDIUM_CHUNK;
}

/* Whether only a new slab can have a block. */
static inline bool
durable_slabs_are_full(const struct durable_slabs *ds, unsigned size_class)
{
	return atomic_load_explicit(
		   &ds->classes[size_class].first, memory_order_relaxed) == 0;
}

#endif /* DURABLE_SLABS_H */
