// SPDX-License-Identifier: BSD-2-Clause
/*
 * mock_time.c -- see mock_time.h.
 *
 * The names that begin with two underscores are the linker's (ld --wrap).
 */
#include "mock_time.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "test_region.h"

enum {
	MAX_WAITERS = 256,
	DEADLINE_S = 60
};

struct waiter {
	struct lock *lock; /* NULL: a place that is free */
	pthread_cond_t *cond;
	uint64_t until_us; /* UINT64_MAX: a wait without a time */
	bool is_woken;     /* it is about to go on */
};

/* Taken with a library's lock held, and none is taken under it. */
static pthread_mutex_t Mutex = PTHREAD_MUTEX_INITIALIZER;
static struct waiter Waiters[MAX_WAITERS];
static unsigned Nr_waits;
static unsigned Last_ms;
static struct timespec Last_until;

static _Atomic bool Is_skipped;
static _Atomic bool Is_stopped;
static _Atomic(uint64_t) Now_us;

uint64_t __real_os_now_us(void);
uint64_t __wrap_os_now_us(void);
uint64_t __real_os_now_coarse_us(void);
uint64_t __wrap_os_now_coarse_us(void);
void __real_lock_wait(struct lock *lock, pthread_cond_t *cond);
void __wrap_lock_wait(struct lock *lock, pthread_cond_t *cond);
void __real_lock_wait_ms(struct lock *lock, pthread_cond_t *cond, unsigned ms);
int __real_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);
int __real_pthread_cond_timedwait(
    pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);
int __wrap_pthread_cond_timedwait(
    pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);
void __wrap_lock_wait_ms(struct lock *lock, pthread_cond_t *cond, unsigned ms);

uint64_t
__wrap_os_now_us(void)
{
	return atomic_load(&Is_stopped) ? atomic_load(&Now_us)
					: __real_os_now_us();
}

uint64_t
__wrap_os_now_coarse_us(void)
{
	return atomic_load(&Is_stopped) ? atomic_load(&Now_us)
					: __real_os_now_coarse_us();
}

/* --- who waits ----------------------------------------------------------------- */

/* Its place, or NULL: the time is over. */
static struct waiter *
enter(struct lock *lock, pthread_cond_t *cond, const unsigned *ms)
{
	struct waiter *free = NULL;

	(void)pthread_mutex_lock(&Mutex);
	for (size_t i = 0; i < MAX_WAITERS && free == NULL; i++) {
		if (Waiters[i].lock == NULL)
			free = &Waiters[i];
	}
	DK_BUG_ON(free == NULL);
	free->lock = lock;
	free->cond = cond;
	free->until_us = UINT64_MAX;
	free->is_woken = false;
	if (ms != NULL) {
		free->until_us = atomic_load(&Now_us) + *ms * (uint64_t)1000;
		Nr_waits++;
		Last_ms = *ms;
	}
	(void)pthread_mutex_unlock(&Mutex);
	return free;
}

static void
leave(struct waiter *w)
{
	(void)pthread_mutex_lock(&Mutex);
	w->lock = NULL;
	(void)pthread_mutex_unlock(&Mutex);
}

void
__wrap_lock_wait(struct lock *lock, pthread_cond_t *cond)
{
	struct waiter *w = enter(lock, cond, NULL);

	__real_lock_wait(lock, cond);
	leave(w);
}

void
__wrap_lock_wait_ms(struct lock *lock, pthread_cond_t *cond, unsigned ms)
{
	if (!atomic_load(&Is_stopped)) {
		__real_lock_wait_ms(lock, cond, ms);
		return;
	}
	struct waiter *w = enter(lock, cond, &ms);

	if (ms > 0)
		__real_lock_wait(lock, cond);
	leave(w);
}

/* Called with the lock held that the waiters gave. */
int
__wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
	(void)pthread_mutex_lock(&Mutex);
	for (size_t i = 0; i < MAX_WAITERS; i++) {
		if (Waiters[i].lock != NULL && Waiters[i].cond == cond)
			Waiters[i].is_woken = true;
	}
	(void)pthread_mutex_unlock(&Mutex);
	return __real_pthread_cond_broadcast(cond);
}

/* Wake all whose time is over. */
static void
wake(uint64_t now_us)
{
	struct waiter due[MAX_WAITERS];
	size_t nr = 0;

	(void)pthread_mutex_lock(&Mutex);
	for (size_t i = 0; i < MAX_WAITERS; i++) {
		if (Waiters[i].lock != NULL && !Waiters[i].is_woken &&
		    Waiters[i].until_us <= now_us) {
			Waiters[i].is_woken = true;
			due[nr++] = Waiters[i];
		}
	}
	(void)pthread_mutex_unlock(&Mutex);
	for (size_t i = 0; i < nr; i++) {
		/* with its lock: it is not between its place and its wait */
		lock_take(due[i].lock);
		(void)__real_pthread_cond_broadcast(due[i].cond);
		lock_drop(due[i].lock);
	}
}

static void
before_fork(void)
{
	(void)pthread_mutex_lock(&Mutex);
}

static void
after_fork_in_parent(void)
{
	(void)pthread_mutex_unlock(&Mutex);
}

static void
after_fork_in_child(void)
{
	for (size_t i = 0; i < MAX_WAITERS; i++)
		Waiters[i].lock = NULL;
	(void)pthread_mutex_unlock(&Mutex);
}

/* Before the library does the same: its locks are taken first. */
__attribute__((constructor(101))) static void
look_after_forks(void)
{
	int rc = pthread_atfork(
	    before_fork, after_fork_in_parent, after_fork_in_child);

	DK_BUG_ON(rc != 0);
}

/* --- the clock ----------------------------------------------------------------- */

void
mock_time_stop(void)
{
	atomic_store(&Now_us, __real_os_now_us());
	(void)pthread_mutex_lock(&Mutex);
	Nr_waits = 0;
	Last_ms = 0;
	(void)pthread_mutex_unlock(&Mutex);
	atomic_store(&Is_stopped, true);
}

void
mock_time_go(void)
{
	atomic_store(&Is_stopped, false);
	wake(UINT64_MAX - 1);
}

void
mock_time_pass(unsigned ms)
{
	wake(atomic_fetch_add(&Now_us, ms * (uint64_t)1000) +
	     ms * (uint64_t)1000);
}

static bool
are_there(unsigned rank, unsigned nr_timed, unsigned nr_untimed)
{
	unsigned timed = 0, untimed = 0;

	(void)pthread_mutex_lock(&Mutex);
	for (size_t i = 0; i < MAX_WAITERS; i++) {
		const struct waiter *w = &Waiters[i];

		if (w->lock == NULL || w->is_woken || w->lock->rank != rank)
			continue;
		if (w->until_us == UINT64_MAX)
			untimed++;
		else
			timed++;
	}
	(void)pthread_mutex_unlock(&Mutex);
	return timed == nr_timed && untimed == nr_untimed;
}

bool
mock_time_await(unsigned rank, unsigned nr_timed, unsigned nr_untimed)
{
	double until = test_now() + DEADLINE_S;

	while (!are_there(rank, nr_timed, nr_untimed)) {
		if (test_now() > until)
			return false;
		test_sleep_ms(1);
	}
	return true;
}

unsigned
mock_time_nr_waits(void)
{
	(void)pthread_mutex_lock(&Mutex);
	unsigned nr = Nr_waits;
	(void)pthread_mutex_unlock(&Mutex);
	return nr;
}

unsigned
mock_time_last_ms(void)
{
	(void)pthread_mutex_lock(&Mutex);
	unsigned ms = Last_ms;
	(void)pthread_mutex_unlock(&Mutex);
	return ms;
}

/* --- the system's clock -------------------------------------------------------- */

int
__wrap_pthread_cond_timedwait(
    pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
	(void)pthread_mutex_lock(&Mutex);
	Last_until = *until;
	(void)pthread_mutex_unlock(&Mutex);
	return atomic_load(&Is_skipped)
		   ? ETIMEDOUT
		   : __real_pthread_cond_timedwait(cond, mutex, until);
}

void
mock_time_skip(bool on)
{
	atomic_store(&Is_skipped, on);
}

struct timespec
mock_time_last_until(void)
{
	(void)pthread_mutex_lock(&Mutex);
	struct timespec until = Last_until;
	(void)pthread_mutex_unlock(&Mutex);
	return until;
}
