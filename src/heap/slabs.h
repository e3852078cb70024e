/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slabs.h -- small blocks from the slabs of a heap's arenas, without the thread
 * caches (layer 4).
 *
 * Allocations from a nearly full heap fail repeatedly, for example in a cache
 * that evicts one object after each failure.  So each size class records that
 * no slab had room, and its number of frees at that time.  While no block of
 * the class is freed, only a new slab can serve it; while the region has no
 * room for one, jemalloc is not called.
 */
#ifndef SLABS_H
#define SLABS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "heap/arena_set.h"
#include "heap/page_map.h"
#include "heap/quarantine.h"
#include "heap/size_class.h"
#include "region/region.h"

struct durable_slabs;

/* Part of each heap over a region, like what it points to. */
struct slabs {
	struct daxkind_region *region;
	const struct page_map *pages;
	struct arena_set *arenas;
	struct quarantine *quarantine;
	/* Of a durable heap: blocks are of these, and the rest is unused. */
	struct durable_slabs *durable;
	/* Incremented after blocks of a class were freed, or pages became a
	 * slab. */
	_Atomic(uint32_t) generation[SIZE_CLASS_NR];
	/* generation | FULL as of the last time that no slab had room, or 0. */
	_Atomic(uint64_t) full_at[SIZE_CLASS_NR];
};

void slabs_init(struct slabs *slabs, struct daxkind_region *region,
    const struct page_map *pages, struct arena_set *arenas,
    struct quarantine *quarantine);

/* A block from an arena; NULL: no room. */
void *slabs_alloc(struct slabs *slabs, unsigned arena, unsigned size_class);
/* A block from any arena of the heap, trying first_arena first. */
void *slabs_alloc_anywhere(
    struct slabs *slabs, unsigned first_arena, unsigned size_class);
/* A pointer that is not a block of that class, or is free, is reported and
 * ignored. */
void slabs_free(
    struct slabs *slabs, unsigned size_class, void **blocks, size_t nr);
/* The same in two steps, for blocks that are given one by one: so all threads
 * write the generation, a shared cache line, once for several blocks.  Until
 * slabs_given(), other threads may take the class for full.
 * cache_begin_at_slabs() marks a thread that is between the two steps. */
void slabs_give(struct slabs *slabs, unsigned size_class, void *ptr);
void slabs_given(struct slabs *slabs, unsigned size_class);
/* Log an error and count it: ptr was freed, but is not a block in use. */
void slabs_note_bad_free(struct slabs *slabs, const void *ptr);

void slabs_after_fork_in_child(struct slabs *slabs);
/* Bytes of a slab of that class. */
size_t slabs_slab_size(const struct slabs *slabs, unsigned size_class);
/* Whether only a new slab could supply a block, as far as known. */
bool slabs_are_full(const struct slabs *slabs, unsigned size_class);

#endif /* SLABS_H */
