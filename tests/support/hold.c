// SPDX-License-Identifier: BSD-2-Clause
/*
 * hold.c -- see hold.h.
 */
#include "hold.h"

#ifdef DK_DEBUG
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sched_point.h"

static _Thread_local struct hold *Mine;
static _Thread_local struct {
	const char *point;
	void (*f)(void *arg);
	void *arg;
} Call;

static void
wait_for(sem_t *sem)
{
	while (sem_wait(sem) != 0) {
		if (errno != EINTR)
			abort();
	}
}

static void
post(sem_t *sem)
{
	if (sem_post(sem) != 0)
		abort();
}

static void
pass(const char *point)
{
	int saved_errno = errno;
	struct hold *hold = Mine;

	if (Call.f != NULL && strcmp(Call.point, point) == 0)
		Call.f(Call.arg);
	if (hold != NULL && strcmp(hold->point, point) == 0 &&
	    --hold->nr == 0) {
		Mine = NULL;
		atomic_store(&hold->is_held, true);
		post(&hold->reached);
		wait_for(&hold->released);
	}
	errno = saved_errno;
}

void
hold_init(struct hold *hold)
{
	if (sem_init(&hold->reached, 0, 0) != 0 ||
	    sem_init(&hold->released, 0, 0) != 0)
		abort();
	atomic_store(&hold->is_held, false);
	atomic_store(&hold->is_released, false);
	atomic_store(&Sched_point_hook, pass);
}

void
hold_fini(struct hold *hold)
{
	(void)sem_destroy(&hold->reached);
	(void)sem_destroy(&hold->released);
}

void
hold_at(struct hold *hold, const char *point, unsigned nr)
{
	hold->point = point;
	hold->nr = nr;
	Mine = hold;
}

bool
hold_cancel(struct hold *hold)
{
	Mine = NULL;
	return atomic_load(&hold->is_held);
}

void
hold_wait(struct hold *hold)
{
	wait_for(&hold->reached);
}

void
hold_release(struct hold *hold)
{
	if (!atomic_exchange(&hold->is_released, true))
		post(&hold->released);
}

void
hold_call(const char *point, void (*f)(void *arg), void *arg)
{
	Call.point = point;
	Call.arg = arg;
	Call.f = f;
	atomic_store(&Sched_point_hook, pass);
}

void
hold_call_no_more(void)
{
	Call.f = NULL;
}
#else
typedef int hold_is_not_built; /* a file must not be empty */
#endif
