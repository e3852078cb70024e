// SPDX-License-Identifier: BSD-2-Clause
/*
 * reclaimer.c -- see reclaimer.h.
 *
 * Lock: Keeper.lock, rank LOCK_KEEPER; not held while a region is trimmed:
 * is_visited keeps keeper_remove() waiting meanwhile.
 */
#include "region/reclaimer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "region/region.h"

static struct {
	struct lock lock;
	pthread_cond_t changed;         /* for both sides */
	struct daxkind_region *regions; /* linked by keeper_next */
	void (*chore)(void);
	bool is_running;  /* there is a thread, to be joined by who clears it */
	bool wants_stop;  /* the thread is to end */
	bool is_stopping; /* somebody waits in pthread_join() */
	bool is_forced;   /* memkind_set_bg_threads(true) */
	pthread_t thread;
} Keeper = {.lock = LOCK_INIT(LOCK_KEEPER)};

/* Set when a region may have idle space, cleared when none has. */
static _Atomic bool Has_work;
static pthread_once_t Once = PTHREAD_ONCE_INIT;

void
keeper_before_fork(void)
{
	lock_take_at_fork(&Keeper.lock);
}

void
keeper_after_fork_in_parent(void)
{
	lock_drop_at_fork(&Keeper.lock);
}

/* The child has no thread; it gets one with the next region that it opens. */
void
keeper_after_fork_in_child(void)
{
	Keeper.is_running = false;
	Keeper.wants_stop = false;
	Keeper.is_stopping = false;
	for (struct daxkind_region *r = Keeper.regions; r != NULL;
	     r = r->keeper_next)
		r->is_visited = false;
	lock_cond_init(&Keeper.changed);
	lock_drop_at_fork(&Keeper.lock);
}

static void
init_once(void)
{
	lock_cond_init(&Keeper.changed);
}

/* Trim every region once; says whether one still has something idle, and
 * whether one wants that gone soon. */
static bool
visit_all_locked(bool *soon)
{
	bool has_work = false;

	*soon = false;
	for (struct daxkind_region *r = Keeper.regions; r != NULL;
	     r = r->keeper_next) {
		bool (*chore)(void *) = r->chore;
		bool again = false;

		r->is_visited = true;
		lock_drop(&Keeper.lock);
		if (chore != NULL)
			again = chore(r->chore_arg);
		bool at_once = region_trim_unneeded(r);
		bool idle = region_has_idle(r);
		lock_take(&Keeper.lock);
		r->is_visited = false;
		(void)pthread_cond_broadcast(&Keeper.changed);
		has_work = has_work || idle || again;
		*soon = *soon || at_once;
		if (Keeper.wants_stop)
			break;
	}
	return has_work;
}

static void *
run(void *arg)
{
	bool soon = true;

	(void)arg;
	lock_take(&Keeper.lock);
	while (!Keeper.wants_stop) {
		if (Keeper.chore == NULL && !atomic_load(&Has_work)) {
			lock_wait(&Keeper.lock, &Keeper.changed);
			continue;
		}
		/* Cleared before looking: a give meanwhile sets it again. */
		atomic_store(&Has_work, false);
		if (visit_all_locked(&soon))
			atomic_store(&Has_work, true);
		if (Keeper.chore != NULL) {
			void (*chore)(void) = Keeper.chore;

			lock_drop(&Keeper.lock);
			chore();
			lock_take(&Keeper.lock);
		}
		if (!Keeper.wants_stop)
			lock_wait_ms(&Keeper.lock, &Keeper.changed,
			    soon ? KEEPER_PERIOD_AT_ONCE_MS : KEEPER_PERIOD_MS);
	}
	lock_drop(&Keeper.lock);
	return NULL;
}

static int
start_locked(void)
{
	/* One that is about to end is gone soon. */
	while (Keeper.is_stopping)
		lock_wait(&Keeper.lock, &Keeper.changed);
	if (Keeper.is_running)
		return 0;
	Keeper.wants_stop = false;
	int rc = os_thread_start(run, NULL, "daxkind-keeper", &Keeper.thread);
	Keeper.is_running = rc == 0;
	return rc;
}

/* Drops the lock meanwhile. */
static void
stop_locked(void)
{
	while (Keeper.is_stopping)
		lock_wait(&Keeper.lock, &Keeper.changed);
	if (!Keeper.is_running)
		return;
	Keeper.is_stopping = true;
	Keeper.wants_stop = true;
	(void)pthread_cond_broadcast(&Keeper.changed);
	lock_drop(&Keeper.lock);
	int rc = pthread_join(Keeper.thread, NULL);
	lock_take(&Keeper.lock);
	DK_BUG_ON(rc != 0);
	Keeper.is_running = false;
	Keeper.is_stopping = false;
	Keeper.wants_stop = false;
	(void)pthread_cond_broadcast(&Keeper.changed);
}

void
keeper_add(struct daxkind_region *r)
{
	(void)pthread_once(&Once, init_once);
	lock_take(&Keeper.lock);
	r->keeper_next = Keeper.regions;
	r->is_kept = true;
	Keeper.regions = r;
	int rc = start_locked();
	lock_drop(&Keeper.lock);
	if (rc < 0)
		log_write(LOG_WARNING,
		    "no thread for giving file space back (%d): it goes back "
		    "at frees only",
		    rc);
}

void
keeper_remove(struct daxkind_region *r)
{
	struct daxkind_region **link = &Keeper.regions;

	if (!r->is_kept)
		return;
	lock_take(&Keeper.lock);
	while (r->is_visited)
		lock_wait(&Keeper.lock, &Keeper.changed);
	while (*link != r)
		link = &(*link)->keeper_next;
	*link = r->keeper_next;
	r->is_kept = false;
	if (Keeper.regions == NULL && !Keeper.is_forced)
		stop_locked();
	lock_drop(&Keeper.lock);
}

void
keeper_set_chore(struct daxkind_region *r, bool (*chore)(void *arg), void *arg)
{
	lock_take(&Keeper.lock);
	while (r->is_visited)
		lock_wait(&Keeper.lock, &Keeper.changed);
	r->chore = chore;
	r->chore_arg = arg;
	lock_drop(&Keeper.lock);
}

void
keeper_wake(void)
{
	if (atomic_load_explicit(&Has_work, memory_order_relaxed))
		return;
	if (atomic_exchange(&Has_work, true))
		return;
	lock_take(&Keeper.lock);
	(void)pthread_cond_broadcast(&Keeper.changed);
	lock_drop(&Keeper.lock);
}

int
keeper_set(bool on, void (*chore)(void))
{
	int rc = 0;

	(void)pthread_once(&Once, init_once);
	lock_take(&Keeper.lock);
	Keeper.is_forced = on;
	Keeper.chore = on ? chore : NULL;
	(void)pthread_cond_broadcast(&Keeper.changed);
	if (on)
		rc = start_locked();
	else
		stop_locked();
	lock_drop(&Keeper.lock);
	return rc;
}

/* The code that the thread runs goes away with the library. */
__attribute__((destructor)) static void
end_keeper(void)
{
	lock_take(&Keeper.lock);
	stop_locked();
	lock_drop(&Keeper.lock);
}
