/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena_set.h -- the jemalloc arenas of one heap (layer 3).
 *
 * An arena is made when a thread first needs it.  Arena numbers are kept in a
 * table, never computed: jemalloc uses the numbers of freed arenas again.
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
	unsigned nr_slots; /* threads are spread over so many arenas */
	struct lock lock;  /* rank RANK_ARENAS: making arenas */
	bool has_promise;  /* of its first arena, until that is made */
	/* Arena number + 1, or 0 where none was made; only ever set. */
	_Atomic(unsigned) slots[ARENA_SET_MAX];
};

/* Makes no arena.  hooks must outlive the set. */
void arena_set_init(struct arena_set *set, struct je_hooks *hooks,
    bool purges_at_once, unsigned nr_slots);
/* Have an arena kept for the set, so that the first thread cannot be without
 * one.  REASON_NO_ARENA: jemalloc has no more. */
int arena_set_promise(struct arena_set *set) DK_MUST_CHECK;
/* No thread uses the set; all blocks are gone. */
void arena_set_fini(struct arena_set *set);
/*
 * How many arenas a heap of size bytes should have at most: by its size and
 * the processors, or as MEMKIND_ARENA_NUM_PER_KIND says.  REASON_ENVIRON: that
 * variable is not a number from 1 up.
 */
int arena_set_slots_for(size_t size, unsigned *nr_slots) DK_MUST_CHECK;

/* The calling thread's arena.  REASON_NO_ARENA: jemalloc has no more; -ENOMEM. */
int arena_set_get(struct arena_set *set, unsigned *arena) DK_MUST_CHECK;

/* Sums of all of them, as of the last je_stats_refresh(). */
int arena_set_get_stats(const struct arena_set *set, struct heap_stats *stats)
    DK_MUST_CHECK;
/* For each arena that was made: for (i = 0; arena_set_next(set, &i, &a);) */
bool arena_set_next(
    const struct arena_set *set, unsigned *pos, unsigned *arena);

#endif /* ARENA_SET_H */
