/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache_life.h -- the caches of threads begin and end (layer 4).
 *
 * A thread has a cache for each heap that it uses: made at its first miss,
 * linked into a list of the thread's and one of the heap's.  It ends with the
 * thread or the heap, in either order and at any time.
 */
#ifndef CACHE_LIFE_H
#define CACHE_LIFE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "heap/cache.h"

enum {
	CACHE_LIFE_BUCKETS = 64,
	/* A cache whose heap has ended is dead: only its thread can remove it,
	 * and does so when it has more than this many.  Of all dead caches,
	 * this many keep the pages of their stacks. */
	CACHE_LIFE_DEAD_MAX = 16
};

struct thread_caches {
	/* All caches of the thread, by the heap's number; linked by
	 * thread_next. */
	struct thread_cache *buckets[CACHE_LIFE_BUCKETS];
	/* Caches whose heap has ended. */
	_Atomic(unsigned) nr_dead;
	bool is_off; /* the thread is ending: cache nothing more */
};

extern _Thread_local struct thread_caches *Thread_caches;

/* --- of a heap -------------------------------------------------------------- */

void cache_life_init(struct heap_caches *hc, struct slabs *slabs);
/* Call it while no other thread uses the heap. */
void cache_life_set_owner(struct heap_caches *hc, const void *owner);
/* The heap is destroyed: empty all its caches and forget their blocks. */
void cache_life_fini(struct heap_caches *hc);

/* --- of the calling thread -------------------------------------------------- */

/* Whether it is ending: jemalloc would then choose the arena. */
static inline bool
cache_life_is_off(void)
{
	return Thread_caches->is_off;
}

/* Its cache for the heap, which is then in its slot; NULL: none. */
struct thread_cache *cache_life_find(struct heap_caches *hc);
/* The same, made if needed.  NULL: there is no memory for it. */
struct thread_cache *cache_life_get(struct heap_caches *hc);

/* Free its caches whose heap has ended. */
void cache_life_drop_dead(void);

static inline bool
cache_life_has_many_dead(void)
{
	return atomic_load_explicit(&Thread_caches->nr_dead,
		   memory_order_relaxed) > CACHE_LIFE_DEAD_MAX;
}

/* --- around a fork ---------------------------------------------------------- */

/* All threads' caches, then those of each heap.  In the child, a heap that is off
 * loses its caches. */
void cache_life_lock_at_fork(void);
void cache_life_unlock_at_fork(void);
void cache_life_after_fork_in_child(void);
void cache_life_heap_after_fork_in_child(struct heap_caches *hc);

#endif /* CACHE_LIFE_H */
