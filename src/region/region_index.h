/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * region_index.h -- finds the owner of an address (layer 2).
 *
 * The owner is a region and its kind, or, for memory that comes in pieces, a
 * kind alone.  A lookup takes no lock and at most three loads.  It accepts any
 * address; NULL: no owner.
 */
#ifndef REGION_INDEX_H
#define REGION_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"

struct daxkind_region;
struct memkind; /* of layer 4: an opaque pointer here */

/* A zeroed record for a region; size is the same in each call.  The address of
 * a freed record stays readable, so a lookup that races with a close reads the
 * closed region, or zeroes. */
int region_index_new(size_t size, struct daxkind_region **r) DK_MUST_CHECK;
/* The record is reused later, not soon: see records_retire(). */
void region_index_free(struct daxkind_region *r);
/* Whether r, which may be any pointer, is the record of a region, open or
 * closed. */
bool region_index_is_record(const struct daxkind_region *r);

/* The result of a lookup.  Constant while lookups can find it, except the kind
 * and the list of all regions.  Its address stays readable, since a lookup may
 * race with its removal: it then reads the entry as it was, or zeroes. */
struct region_index_entry {
	struct daxkind_region *region;  /* NULL: a kind's pieces */
	_Atomic(struct memkind *) kind; /* NULL: none, or not yet */
	/* Of a region. */
	char *base;
	size_t size;
	const void *area; /* the caller's range, which may be larger */
	size_t area_size; /* 0: other regions may be inside */
	/* What lookups found there before: a block may be the area of another
	 * region. */
	struct region_index_entry *around;

	struct region_index_entry *next, *prev; /* rank RANK_INDEX */
};

/* Make the region of e visible to lookups.  -EEXIST: its area overlaps that of
 * another region.  -ENOMEM; -EINVAL: beyond the 47 bits of a user's address
 * space. */
int region_index_add(struct region_index_entry *e) DK_MUST_CHECK;
void region_index_remove(struct region_index_entry *e);

/* Make lookups find e, which has no region, in the pages [addr, addr + len),
 * even inside a region.  -ENOMEM, -EINVAL as above. */
int region_index_add_piece(struct region_index_entry *e, void *addr, size_t len)
    DK_MUST_CHECK;
/* addr and len may be any part of what was added. */
void region_index_remove_piece(void *addr, size_t len);

/* Call visit for the region that addr belongs to, if any; it is not closed
 * during the call.  visit may take the region's lock. */
void region_index_visit(const void *addr,
    void (*visit)(struct daxkind_region *r, void *arg), void *arg);

/* Around a fork: lock the index, and call visit for each region. */
void region_index_lock_at_fork(void);
void region_index_unlock_at_fork(void);
void region_index_walk_at_fork(
    void (*visit)(struct daxkind_region *r, void *arg), void *arg);

/*
 * A radix tree over 47 address bits.  A slot is 0, an entry, or (lowest bit
 * set) a table for the next bits.  A region that fills the whole range of a
 * slot is entered in that slot, so that 4 TiB take 256 slots.
 */
enum {
	INDEX_TOP_SHIFT = 34,
	INDEX_MIDDLE_SHIFT = 21,
	INDEX_LOW_SHIFT = 12,
	INDEX_ADDRESS_BITS = 47,
	INDEX_TOP_LEN = 1 << (INDEX_ADDRESS_BITS - INDEX_TOP_SHIFT),
	INDEX_MIDDLE_LEN = 1 << (INDEX_TOP_SHIFT - INDEX_MIDDLE_SHIFT),
	INDEX_LOW_LEN = 1 << (INDEX_MIDDLE_SHIFT - INDEX_LOW_SHIFT),
	INDEX_IS_TABLE = 1
};

typedef _Atomic(uintptr_t) region_index_slot;

extern region_index_slot Region_index[INDEX_TOP_LEN];

static inline struct region_index_entry *
region_index_look_up(const void *addr)
{
	uintptr_t a = (uintptr_t)addr;

	if (DK_UNLIKELY(a >> INDEX_ADDRESS_BITS != 0))
		return NULL;
	uintptr_t slot = atomic_load_explicit(
	    &Region_index[a >> INDEX_TOP_SHIFT], memory_order_acquire);
	if ((slot & INDEX_IS_TABLE) != 0) {
		region_index_slot *table =
		    (region_index_slot *)(slot - INDEX_IS_TABLE);

		slot = atomic_load_explicit(
		    &table[(a >> INDEX_MIDDLE_SHIFT) % INDEX_MIDDLE_LEN],
		    memory_order_acquire);
	}
	if ((slot & INDEX_IS_TABLE) != 0) {
		region_index_slot *table =
		    (region_index_slot *)(slot - INDEX_IS_TABLE);

		slot = atomic_load_explicit(
		    &table[(a >> INDEX_LOW_SHIFT) % INDEX_LOW_LEN],
		    memory_order_acquire);
	}
	return (struct region_index_entry *)slot;
}

static inline struct daxkind_region *
region_index_find(const void *addr)
{
	const struct region_index_entry *e = region_index_look_up(addr);

	return e != NULL ? e->region : NULL;
}

static inline struct memkind *
region_index_find_kind(const void *addr)
{
	struct region_index_entry *e = region_index_look_up(addr);

	return DK_LIKELY(e != NULL)
		   ? atomic_load_explicit(&e->kind, memory_order_acquire)
		   : NULL;
}

#endif /* REGION_INDEX_H */
