// SPDX-License-Identifier: BSD-2-Clause
/*
 * outbox.c -- see outbox.h.
 */
#include "heap/outbox.h"

void
outbox_init(struct outbox *o, void **memory)
{
	o->blocks = (_Atomic(void *) *)(void *)memory;
	atomic_init(&o->size_class, 0);
	atomic_init(&o->state, 0);
}

void
outbox_fill(
    struct outbox *o, unsigned size_class, void *const *blocks, size_t nr)
{
	uint64_t nr_filled =
	    atomic_load_explicit(&o->state, memory_order_relaxed) >> 32;

	for (size_t i = 0; i < nr; i++)
		atomic_store_explicit(
		    &o->blocks[i], blocks[i], memory_order_relaxed);
	atomic_store_explicit(&o->size_class, size_class, memory_order_relaxed);
	atomic_store_explicit(
	    &o->state, (nr_filled + 1) << 32 | nr, memory_order_release);
}

void *
outbox_take(struct outbox *o, unsigned *size_class)
{
	uint64_t state = atomic_load_explicit(&o->state, memory_order_acquire);
	void *block;

	/* The outbox is refilled only when empty, and states are never reused.
	 * So an unchanged state means an unchanged block. */
	do {
		if ((uint32_t)state == 0)
			return NULL;
		block = atomic_load_explicit(
		    &o->blocks[(uint32_t)state - 1], memory_order_relaxed);
		*size_class =
		    atomic_load_explicit(&o->size_class, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&o->state, &state,
	    state - 1, memory_order_acq_rel, memory_order_acquire));
	return block;
}
