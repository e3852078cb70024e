/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena_set.h -- the jemalloc arenas of one heap (layer 4).
 *
 * An arena is made when a thread first needs it.  Arena numbers are kept in a
 * table, never computed: jemalloc reuses the numbers of freed arenas.
 */
#ifndef ARENA_SET_H
#define ARENA_SET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/lock.h"
#include "heap/heap_stats.h"
#include "heap/je.h"

enum {
	ARENA_SET_MAX = 64
};

struct arena_set {
	struct je_hooks *hooks;
	bool purges_at_once;
	unsigned nr_slots; /* threads are spread over this many arenas */
	struct lock lock;  /* rank RANK_ARENAS: making arenas */
	bool has_promise;  /* for its first arena, until that is made */
	/* Arena number + 1, or 0 for none; a slot never changes once set. */
	_Atomic(unsigned) slots[ARENA_SET_MAX];
};

/* Makes no arena.  hooks must outlive the set. */
void arena_set_init(struct arena_set *set, struct je_hooks *hooks,
    bool purges_at_once, unsigned nr_slots);
/* Reserve an arena for the set, so that its first thread always gets one.
 * REASON_NO_ARENA: jemalloc has no more. */
int arena_set_promise(struct arena_set *set) DK_MUST_CHECK;
/* Call it when no thread uses the set and all blocks are gone. */
void arena_set_fini(struct arena_set *set);
/*
 * The maximum number of arenas for a heap of size bytes: from its size and the
 * number of processors, or MEMKIND_ARENA_NUM_PER_KIND.  REASON_ENVIRON: that
 * variable is not a number of at least 1.
 */
int arena_set_slots_for(size_t size, unsigned *nr_slots) DK_MUST_CHECK;

/* The calling thread's arena.  -ENOMEM; REASON_NO_ARENA: jemalloc has no
 * more. */
int arena_set_get(struct arena_set *set, unsigned *arena) DK_MUST_CHECK;

/* The sums over all arenas, as of the last je_stats_refresh(). */
int arena_set_get_stats(const struct arena_set *set, struct heap_stats *stats)
    DK_MUST_CHECK;
/* Iterate over the arenas: for (i = 0; arena_set_next(set, &i, &a);) */
bool arena_set_next(
    const struct arena_set *set, unsigned *pos, unsigned *arena);

#endif /* ARENA_SET_H */
