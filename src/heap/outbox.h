/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox.h -- free blocks on their way from a thread's cache to their slabs
 * (layer 4).
 *
 * The cache's thread fills an empty outbox and frees its blocks one by one; any
 * other thread may take a block and free it instead.  So a thread that stops on
 * the way holds up one block, not many.  No lock.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct outbox {
	/* Entries 0 to nr - 1, of one class. */
	_Atomic(void *) *blocks;
	_Atomic(unsigned) size_class;
	_Atomic(uint64_t) state; /* number of fills << 32 | nr */
};

/* memory must have room for the largest nr of outbox_fill(). */
void outbox_init(struct outbox *o, void **memory);
/* Called by the cache's thread, while the outbox is empty. */
void outbox_fill(
    struct outbox *o, unsigned size_class, void *const *blocks, size_t nr);
/* Take a block, which no other thread then gets; NULL: empty. */
void *outbox_take(struct outbox *o, unsigned *size_class);

static inline size_t
outbox_nr(const struct outbox *o)
{
	return (uint32_t)atomic_load_explicit(&o->state, memory_order_relaxed);
}

#endif /* OUTBOX_H */
