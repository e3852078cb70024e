/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quarantine.h -- pages on which a heap hands out no blocks any more (layer 4).
 *
 * The region's space map does not hand out bad pages again, which is enough for
 * blocks of whole pages.  Small blocks move between slabs and thread caches
 * without the space map, so for them
 *
 *   - a bit for each bad page marks the blocks that touch one as bad;
 *   - the page map marks pages where such blocks can begin as near bad pages, so
 *     that their frees leave the hot path and no cache takes them;
 *   - all thread caches are emptied once;
 *   - a bad block that jemalloc hands out is withheld, and freed later so that an
 *     empty slab can go back to the region.
 *
 * Allocations may call all functions but quarantine_add().  They cost one load
 * while no page of the heap is bad.
 */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/lock.h"
#include "base/pool.h"
#include "heap/page_map.h"

struct withheld_block;

/* Part of each heap over a region. */
struct quarantine {
	const struct page_map *pages;
	/* A bit for each page of the region; NULL until a page is bad. */
	_Atomic(_Atomic(uint64_t) *) bits;
	_Atomic(size_t) withheld_bytes;
	struct lock lock; /* rank RANK_QUARANTINE; guards what follows */
	struct withheld_block *withheld;
	size_t nr_withheld;
	struct pool records; /* of withheld: no free(3) while freeing */
};

/* pages is the heap's, and outlives it. */
void quarantine_init(struct quarantine *q, const struct page_map *pages);
void quarantine_fini(struct quarantine *q);

/*
 * Mark the heap's pages [addr, addr + len) as bad.  Caches take no more blocks
 * that touch them; the caller flushes blocks that are cached already.  -ENOMEM.
 */
int quarantine_add(struct quarantine *q, void *addr, size_t len) DK_MUST_CHECK;

/* Whether a block of that class may be handed out; records its start in the
 * page map. */
bool quarantine_admit(
    struct quarantine *q, const void *ptr, unsigned size_class);
/* Keep a block that was not admitted. */
void quarantine_withhold(struct quarantine *q, void *ptr, unsigned size_class);
/* Free the withheld blocks, which may be withheld again later.  Returns whether
 * there were any. */
bool quarantine_free_withheld(struct quarantine *q);

bool quarantine_touches_slow(
    const struct quarantine *q, const void *ptr, size_t len);

/* Whether a block of len bytes touches a bad page. */
static inline bool
quarantine_touches(const struct quarantine *q, const void *ptr, size_t len)
{
	return DK_UNLIKELY(atomic_load(&q->bits) != NULL) &&
	       quarantine_touches_slow(q, ptr, len);
}

#endif /* QUARANTINE_H */
