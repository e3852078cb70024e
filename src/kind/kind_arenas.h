/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_arenas.h -- heaps of kinds without a region whose memory comes from their
 * operations (layer 4).
 */
#ifndef KIND_ARENAS_H
#define KIND_ARENAS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct memkind;

/*
 * Set kind->heap to a heap whose extents come from the operations of kind, or
 * from a copy of jemalloc's table of hooks; one_arena: all threads share one.
 * -ENOMEM; REASON_ENVIRON: MEMKIND_ARENA_NUM_PER_KIND makes no sense.
 */
int kind_arenas_new(struct memkind *kind, const void *jemalloc_hooks,
    bool one_arena) DK_MUST_CHECK;
/* All blocks are gone. */
void kind_arenas_free(struct memkind *kind);

/* The arena for the calling thread.  As arena_set_get(). */
int kind_arenas_get(struct memkind *kind, unsigned *arena) DK_MUST_CHECK;

/* Give back memory of all of them that decayed. */
void kind_arenas_decay(void);

/* The kind of these that an arena belongs to, or NULL. */
struct memkind *kind_arenas_find(unsigned arena);

#endif /* KIND_ARENAS_H */
