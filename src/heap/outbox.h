/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outbox.h -- free blocks on their way from a thread's cache to their slabs
 * (layer 3).
 *
 * Its thread fills it when it is empty, and frees what is in it one by one;
 * anybody else may take a block and free it instead.  So a thread that stands
 * still on the way has one block in its hands, not many.  No lock.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct outbox {
	/* The blocks [0] to [number - 1], of one class. */
	_Atomic(void *) *blocks;
	_Atomic(unsigned) size_class;
	_Atomic(uint64_t) state; /* how often filled << 32 | number */
};

/* memory is room for as many blocks as are ever put in. */
void outbox_init(struct outbox *o, void **memory);
/* By its thread, while it is empty. */
void outbox_fill(
    struct outbox *o, unsigned size_class, void *const *blocks, size_t nr);
/* A block that nobody else gets, or NULL. */
void *outbox_take(struct outbox *o, unsigned *size_class);

static inline size_t
outbox_nr(const struct outbox *o)
{
	return (uint32_t)atomic_load_explicit(&o->state, memory_order_relaxed);
}

#endif /* OUTBOX_H */
