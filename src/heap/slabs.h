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
#include "heap/arena_set.h"
#include "heap/page_map.h"
#include "heap/quarantine.h"
#include "heap/size_class.h"
#include "region/region.h"

/* Part of each heap over a region, as what it points to is. */
struct slabs {
	struct daxkind_region *region;
	const struct page_map *pages;
	struct arena_set *arenas;
	struct quarantine *quarantine;
	/* Goes on after blocks of a class were freed, or pages became a slab. */
	_Atomic(uint32_t) generation[SIZE_CLASS_NR];
	/* generation and FULL when no slab of a class had room, or 0. */
	_Atomic(uint64_t) full_at[SIZE_CLASS_NR];
};

void slabs_init(struct slabs *slabs, struct daxkind_region *region,
    const struct page_map *pages, struct arena_set *arenas,
    struct quarantine *quarantine);

/* A block from an arena; NULL: it has no room. */
void *slabs_alloc(struct slabs *slabs, unsigned arena, unsigned size_class);
/* A block from any arena of the heap, that one first. */
void *slabs_alloc_anywhere(
    struct slabs *slabs, unsigned first_arena, unsigned size_class);
void slabs_free(
    struct slabs *slabs, unsigned size_class, void **blocks, size_t nr);

void slabs_after_fork_in_child(struct slabs *slabs);
/* Whether it is known that only a new slab can have a block. */
bool slabs_are_full(const struct slabs *slabs, unsigned size_class);

#endif /* SLABS_H */
