/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quarantine.h -- pages of a heap that no block may be handed out on any more
 * (layer 3).
 *
 * The region's space map keeps bad pages from being taken again.  That is all
 * for blocks of whole pages.  Small blocks go from hand to hand in slabs and
 * thread caches without the space map, so there
 *
 *   - a bit for each bad page says which blocks are bad: those that touch one;
 *   - the words of the page map where such blocks can begin are near bad pages, so
 *     that their frees miss the hot path and no cache takes them;
 *   - all thread caches are emptied once;
 *   - a bad block that jemalloc hands out is withheld: nobody gets it, until it is
 *     freed again to let an empty slab go back to the region.
 *
 * All but quarantine_add() is on ways that every allocation may take, and costs
 * one load while no page of the heap is bad.
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
	/* A bit for each page of the region; NULL while none was bad. */
	_Atomic(_Atomic(uint64_t) *) bits;
	_Atomic(size_t) withheld_bytes;
	struct lock lock; /* rank RANK_QUARANTINE; guards what follows */
	struct withheld_block *withheld;
	size_t nr_withheld;
	struct pool records; /* of them: freeing must not call free(3) */
};

/* pages is the heap's, and outlives it. */
void quarantine_init(struct quarantine *q, const struct page_map *pages);
void quarantine_fini(struct quarantine *q);

/*
 * Note that the pages [addr, addr + len), which are the heap's, are bad.  No
 * cache takes a block that touches them any more; what is cached already is
 * the caller's to flush.  -ENOMEM.
 */
int quarantine_add(struct quarantine *q, void *addr, size_t len) DK_MUST_CHECK;

/* Whether a block of that class may be handed out; notes in the page map that
 * it begins where it does. */
bool quarantine_admit(
    struct quarantine *q, const void *ptr, unsigned size_class);
/* Keep a block that was not admitted. */
void quarantine_withhold(struct quarantine *q, void *ptr, unsigned size_class);
/* Free what is withheld; it is withheld again when it is met again.  Whether there
 * was anything. */
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
