// SPDX-License-Identifier: BSD-2-Clause
/*
 * lock.c -- see lock.h.
 */
#include "base/lock.h"

#include <errno.h>
#include <time.h>

#include "base/cancel.h"
#include "base/log.h"
#include "base/sched_point.h"

#ifdef DK_DEBUG
static _Thread_local unsigned Held_ranks; /* bit n: holds a lock of rank n */
/* During a fork, one thread holds all locks of a rank. */
static _Thread_local unsigned Nr_held[NR_LOCK_RANKS];

/* The address of a thread-local identifies the thread. */
static const void *
self(void)
{
	return &Held_ranks;
}

static void
note(struct lock *lock)
{
	Held_ranks |= 1u << lock->rank;
	Nr_held[lock->rank]++;
	atomic_store_explicit(&lock->holder, self(), memory_order_relaxed);
}

static void
note_taken(struct lock *lock)
{
	DK_BUG_ON((Held_ranks >> lock->rank) != 0); /* wrong order of locks */
	note(lock);
}

/* Names of the points at which a forking thread is about to wait. */
static const char *const Fork_points[NR_LOCK_RANKS] = {
    [RANK_TIER_FORK] = "fork takes RANK_TIER_FORK",
    [RANK_SIGBUS] = "fork takes RANK_SIGBUS",
    [RANK_REGISTRY] = "fork takes RANK_REGISTRY",
    [RANK_STATIC] = "fork takes RANK_STATIC",
    [RANK_ARENAS] = "fork takes RANK_ARENAS",
    [RANK_THREADS] = "fork takes RANK_THREADS",
    [RANK_CACHES] = "fork takes RANK_CACHES",
    [RANK_QUARANTINE] = "fork takes RANK_QUARANTINE",
    [RANK_DRAM] = "fork takes RANK_DRAM",
    [RANK_RECLAIMER] = "fork takes RANK_RECLAIMER",
    [RANK_INDEX] = "fork takes RANK_INDEX",
    [RANK_REGION] = "fork takes RANK_REGION",
};

static void
note_taken_at_fork(struct lock *lock)
{
	/* wrong order of locks; several of one rank are allowed here */
	DK_BUG_ON((Held_ranks >> lock->rank >> 1) != 0);
	note(lock);
}

static void
note_dropped(struct lock *lock)
{
	lock_assert_held(lock);
	atomic_store_explicit(&lock->holder, NULL, memory_order_relaxed);
	if (--Nr_held[lock->rank] == 0)
		Held_ranks &= ~(1u << lock->rank);
}

void
lock_assert_held(const struct lock *lock)
{
	DK_BUG_ON(atomic_load_explicit(&lock->holder, memory_order_relaxed) !=
		  self());
}
#else
static void
note_taken(struct lock *lock)
{
	(void)lock;
}

static void
note_taken_at_fork(struct lock *lock)
{
	(void)lock;
}

static void
note_dropped(struct lock *lock)
{
	(void)lock;
}

void
lock_assert_held(const struct lock *lock)
{
	(void)lock;
}
#endif

void
lock_init(struct lock *lock, enum lock_rank rank)
{
	int rc = pthread_mutex_init(&lock->mutex, NULL);

	DK_BUG_ON(rc != 0); /* glibc's has no way to fail */
	lock->rank = rank;
#ifdef DK_DEBUG
	atomic_init(&lock->holder, NULL);
#endif
}

void
lock_fini(struct lock *lock)
{
	int rc = pthread_mutex_destroy(&lock->mutex);

	DK_BUG_ON(rc != 0); /* still held: the owner goes away in use */
}

void
lock_take(struct lock *lock)
{
	int rc = pthread_mutex_lock(&lock->mutex);

	DK_BUG_ON(rc != 0);
	note_taken(lock);
}

void
lock_drop(struct lock *lock)
{
	note_dropped(lock);
	int rc = pthread_mutex_unlock(&lock->mutex);

	DK_BUG_ON(rc != 0);
}

void
lock_take_at_fork(struct lock *lock)
{
	DK_POINT(Fork_points[lock->rank]);
	int rc = pthread_mutex_lock(&lock->mutex);

	DK_BUG_ON(rc != 0);
	note_taken_at_fork(lock);
}

void
lock_wait(struct lock *lock, pthread_cond_t *cond)
{
	DK_NO_CANCEL();
	note_dropped(lock);
	int rc = pthread_cond_wait(cond, &lock->mutex);

	DK_BUG_ON(rc != 0);
	note_taken(lock);
}

void
lock_wait_ms(struct lock *lock, pthread_cond_t *cond, unsigned ms)
{
	DK_NO_CANCEL();
	struct timespec until;

	note_dropped(lock);
	if (clock_gettime(CLOCK_MONOTONIC, &until) != 0)
		until = (struct timespec){0};
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	int rc = pthread_cond_timedwait(cond, &lock->mutex, &until);

	DK_BUG_ON(rc != 0 && rc != ETIMEDOUT);
	note_taken(lock);
}

void
lock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	DK_BUG_ON(rc != 0);
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	DK_BUG_ON(rc != 0);
	rc = pthread_cond_init(cond, &attr);
	DK_BUG_ON(rc != 0);
	rc = pthread_condattr_destroy(&attr);
	DK_BUG_ON(rc != 0);
}
