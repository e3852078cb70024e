// SPDX-License-Identifier: BSD-2-Clause
/*
 * reclaimer.c -- see reclaimer.h.
 *
 * Lock: Reclaimer.lock, rank RANK_RECLAIMER.  It is not held during a visit;
 * is_visited makes reclaimer_remove() wait for the visit's end.
 */
#include "region/reclaimer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/reason.h"

static struct {
	struct lock lock;
	pthread_cond_t changed; /* for the thread and its callers */
	struct reclaimer_entry *entries;
	size_t nr_wanting; /* entries that want a thread */
	void (*task)(void);
	bool is_running;  /* the thread exists; stop_locked() joins it */
	bool wants_stop;  /* the thread must end */
	bool is_stopping; /* a caller waits in pthread_join() */
	bool is_forced;   /* memkind_set_bg_threads(true) */
	pthread_t thread;
} Reclaimer = {.lock = DK_LOCK_INIT(RANK_RECLAIMER)};

/* Set when a region may have idle space, cleared when none has. */
static _Atomic bool Has_work;
static pthread_once_t Once = PTHREAD_ONCE_INIT;

void
reclaimer_before_fork(void)
{
	lock_take_at_fork(&Reclaimer.lock);
}

void
reclaimer_after_fork_in_parent(void)
{
	lock_drop(&Reclaimer.lock);
}

/* The child has no reclaimer thread; the next region that it opens starts
 * one. */
void
reclaimer_after_fork_in_child(void)
{
	Reclaimer.is_running = false;
	Reclaimer.wants_stop = false;
	Reclaimer.is_stopping = false;
	for (struct reclaimer_entry *e = Reclaimer.entries; e != NULL;
	     e = e->next)
		e->is_visited = false;
	lock_cond_init(&Reclaimer.changed);
	lock_drop(&Reclaimer.lock);
}

static void
init_once(void)
{
	lock_cond_init(&Reclaimer.changed);
}

/* Visit every entry once.  Returns whether one still has something idle; *soon
 * says whether one wants the next visit soon. */
static bool
visit_all_locked(bool *soon)
{
	lock_assert_held(&Reclaimer.lock);
	bool has_work = false;

	*soon = false;
	for (struct reclaimer_entry *e = Reclaimer.entries; e != NULL;
	     e = e->next) {
		bool (*task)(void *) = e->task;
		bool again = false;

		e->is_visited = true;
		lock_drop(&Reclaimer.lock);
		if (task != NULL)
			again = task(e->task_arg);
		unsigned answer = e->visit(e->owner);
		lock_take(&Reclaimer.lock);
		e->is_visited = false;
		(void)pthread_cond_broadcast(&Reclaimer.changed);
		has_work = has_work || again || (answer & RECLAIMER_AGAIN) != 0;
		*soon = *soon || (answer & RECLAIMER_SOON) != 0;
		if (Reclaimer.wants_stop)
			break;
	}
	return has_work;
}

static void *
run(void *arg)
{
	bool soon = true;

	(void)arg;
	lock_take(&Reclaimer.lock);
	while (!Reclaimer.wants_stop) {
		if (Reclaimer.task == NULL && !atomic_load(&Has_work)) {
			lock_wait(&Reclaimer.lock, &Reclaimer.changed);
			continue;
		}
		/* Clear it before the visits: a give during a visit sets it
		 * again. */
		atomic_store(&Has_work, false);
		if (visit_all_locked(&soon))
			atomic_store(&Has_work, true);
		if (Reclaimer.task != NULL) {
			void (*task)(void) = Reclaimer.task;

			lock_drop(&Reclaimer.lock);
			task();
			lock_take(&Reclaimer.lock);
		}
		if (!Reclaimer.wants_stop)
			lock_wait_ms(&Reclaimer.lock, &Reclaimer.changed,
			    soon ? RECLAIMER_PERIOD_AT_ONCE_MS
				 : RECLAIMER_PERIOD_MS);
	}
	lock_drop(&Reclaimer.lock);
	return NULL;
}

static int
start_locked(void)
{
	lock_assert_held(&Reclaimer.lock);
	/* If the thread is ending, wait for its end. */
	while (Reclaimer.is_stopping)
		lock_wait(&Reclaimer.lock, &Reclaimer.changed);
	if (Reclaimer.is_running)
		return 0;
	Reclaimer.wants_stop = false;
	int rc =
	    os_thread_start(run, NULL, "daxkind-reclaim", &Reclaimer.thread);
	Reclaimer.is_running = rc == 0;
	return rc;
}

/* Drops the lock in between. */
static void
stop_locked(void)
{
	lock_assert_held(&Reclaimer.lock);
	while (Reclaimer.is_stopping)
		lock_wait(&Reclaimer.lock, &Reclaimer.changed);
	if (!Reclaimer.is_running)
		return;
	Reclaimer.is_stopping = true;
	Reclaimer.wants_stop = true;
	(void)pthread_cond_broadcast(&Reclaimer.changed);
	lock_drop(&Reclaimer.lock);
	os_thread_join(Reclaimer.thread);
	lock_take(&Reclaimer.lock);
	Reclaimer.is_running = false;
	Reclaimer.is_stopping = false;
	Reclaimer.wants_stop = false;
	(void)pthread_cond_broadcast(&Reclaimer.changed);
}

void
reclaimer_add(struct reclaimer_entry *e, unsigned (*visit)(void *owner),
    void *owner, bool wants_thread)
{
	int rc = 0;

	(void)pthread_once(&Once, init_once);
	lock_take(&Reclaimer.lock);
	e->visit = visit;
	e->owner = owner;
	e->next = Reclaimer.entries;
	e->is_listed = true;
	e->wants_thread = wants_thread;
	Reclaimer.entries = e;
	if (wants_thread) {
		Reclaimer.nr_wanting++;
		rc = start_locked();
	}
	lock_drop(&Reclaimer.lock);
	if (rc < 0)
		log_write(DK_LOG_WARNING,
		    "the thread that gives file space back cannot be started "
		    "(%d): it goes back only when blocks are freed",
		    rc);
}

void
reclaimer_remove(struct reclaimer_entry *e)
{
	struct reclaimer_entry **link = &Reclaimer.entries;

	if (!e->is_listed)
		return;
	lock_take(&Reclaimer.lock);
	while (e->is_visited)
		lock_wait(&Reclaimer.lock, &Reclaimer.changed);
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	e->is_listed = false;
	if (e->wants_thread)
		Reclaimer.nr_wanting--;
	if (Reclaimer.nr_wanting == 0 && !Reclaimer.is_forced)
		stop_locked();
	lock_drop(&Reclaimer.lock);
}

void
reclaimer_set_task(
    struct reclaimer_entry *e, bool (*task)(void *arg), void *arg)
{
	lock_take(&Reclaimer.lock);
	while (e->is_visited)
		lock_wait(&Reclaimer.lock, &Reclaimer.changed);
	e->task = task;
	e->task_arg = arg;
	lock_drop(&Reclaimer.lock);
}

void
reclaimer_wake(void)
{
	if (atomic_load_explicit(&Has_work, memory_order_relaxed))
		return;
	/* Under the lock, so that a thread that is already looking is not woken
	 * again. */
	lock_take(&Reclaimer.lock);
	if (!atomic_exchange(&Has_work, true))
		(void)pthread_cond_broadcast(&Reclaimer.changed);
	lock_drop(&Reclaimer.lock);
}

void
reclaimer_hurry(void)
{
	lock_take(&Reclaimer.lock);
	(void)pthread_cond_broadcast(&Reclaimer.changed);
	lock_drop(&Reclaimer.lock);
}

int
reclaimer_set(bool on, void (*task)(void))
{
	int rc = 0;

	(void)pthread_once(&Once, init_once);
	lock_take(&Reclaimer.lock);
	Reclaimer.is_forced = on;
	Reclaimer.task = on ? task : NULL;
	(void)pthread_cond_broadcast(&Reclaimer.changed);
	if (on)
		rc = start_locked();
	else
		stop_locked();
	if (rc < 0) {
		Reclaimer.is_forced = false;
		Reclaimer.task = NULL;
	}
	lock_drop(&Reclaimer.lock);
	if (rc < 0)
		return error_set(REASON_NO_THREAD,
		    "the thread that gives memory back cannot be started: "
		    "%s; the number of threads may be limited (ulimit -u)",
		    strerror(-rc));
	return 0;
}

/* The library may be unloaded, and the thread's code with it. */
__attribute__((destructor)) static void
end_reclaimer(void)
{
	lock_take(&Reclaimer.lock);
	stop_locked();
	lock_drop(&Reclaimer.lock);
}
