/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.h -- mutexes with a rank (layer 0).
 *
 * A thread takes locks in the order of their ranks only.  Builds with
 * --enable-debug check this at each lock_take() and abort at the first
 * violation, which is a possible deadlock.
 */
#ifndef LOCK_H
#define LOCK_H

#include <pthread.h>
#ifdef DK_DEBUG
#include <stdatomic.h>
#endif

/*
 * From the outermost to the innermost. jemalloc's own locks come between
 * RANK_QUARANTINE and RANK_DRAM: extent hooks run with them held, so no code
 * that holds RANK_DRAM or a later rank may call jemalloc.
 */
enum lock_rank {
	RANK_TIER_FORK,  /* tier_fork.c: one fork at a time */
	RANK_SIGBUS,     /* sigbus.c: installing and removing the handler */
	RANK_REGISTRY,   /* kind_registry.c: the set of live kinds */
	RANK_STATIC,     /* static_heaps.c, kind_static.c: making heaps */
	RANK_ARENAS,     /* arena_set.c: which arenas a kind has */
	RANK_THREADS,    /* cache_life.c: the caches of all threads */
	RANK_CACHES,     /* cache_life.c: the caches of one heap */
	RANK_QUARANTINE, /* quarantine.c: withheld blocks of one heap */
	RANK_ROOTS,      /* roots.c: the roots of one durable heap */
	RANK_SLABS,      /* durable_slabs.c: the slabs of a size class */
	RANK_LEDGER,     /* ledger.c: preparing lines */
	RANK_DRAM,       /* dram_source.c: free pieces of huge pages */
	RANK_RECLAIMER, /* reclaimer.c: the thread that gives file space back */
	RANK_INDEX,     /* region_index.c: which addresses belong to regions */
	RANK_REGION,    /* region_map.h: the space map of one region */
	RANK_BACKING,   /* file_space.c: writing to allocate file space */
	NR_LOCK_RANKS
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_rank rank;
#ifdef DK_DEBUG
	_Atomic(const void *) holder; /* the thread that holds it, or NULL */
#endif
};

#define DK_LOCK_INIT(the_rank)                                         \
	{                                                              \
		.mutex = PTHREAD_MUTEX_INITIALIZER, .rank = (the_rank) \
	}

void lock_init(struct lock *lock, enum lock_rank rank);
void lock_fini(struct lock *lock);
void lock_take(struct lock *lock);
void lock_drop(struct lock *lock);
/* Only around a fork: take all locks of a rank in any order, then the next
 * rank. */
void lock_take_at_fork(struct lock *lock);
/* Wait on cond, releasing the lock meanwhile; the caller holds it. */
void lock_wait(struct lock *lock, pthread_cond_t *cond);
/* The same for at most ms milliseconds. cond comes from lock_cond_init(), so
 * that it uses CLOCK_MONOTONIC. */
void lock_wait_ms(struct lock *lock, pthread_cond_t *cond, unsigned ms);
void lock_cond_init(pthread_cond_t *cond);
/* Debug builds abort unless this thread holds the lock.  It is the first line
 * of each function whose name ends in _locked. */
void lock_assert_held(const struct lock *lock);

#endif /* LOCK_H */
