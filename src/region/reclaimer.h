/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reclaimer.h -- the thread that gives file space back over time (layer 2).
 *
 * The library has one such thread.  It runs while a region over a file is open,
 * or after memkind_set_bg_threads(true), and sleeps while no region has idle
 * file space.  No thread is started for private memory.
 */
#ifndef RECLAIMER_H
#define RECLAIMER_H

#include <stdbool.h>

/* Time between visits.  Space that is idle at two visits is given back, so
 * within two periods. */
enum {
	RECLAIMER_PERIOD_MS = 5000,
	RECLAIMER_PERIOD_AT_ONCE_MS = 500
};

/* The return value of a visit. */
enum reclaimer_answer {
	RECLAIMER_AGAIN = 1 << 0, /* something is idle: come back */
	RECLAIMER_SOON = 1 << 1   /* within RECLAIMER_PERIOD_AT_ONCE_MS */
};

/* The reclaimer's record in each visited object.  The owner zeroes it; only
 * reclaimer.c uses it. */
struct reclaimer_entry {
	/* Give back what was idle since the last visit; called with no lock
	 * held.  Returns enum reclaimer_answer. */
	unsigned (*visit)(void *owner);
	void *owner;
	bool (*task)(void *arg); /* see reclaimer_set_task() */
	void *task_arg;
	struct reclaimer_entry *next;
	bool is_listed;
	bool wants_thread;
	bool is_visited; /* the thread is in visit or task */
};

/* Visit the owner of e from now on.  wants_thread: start the thread if
 * possible; otherwise visit only while it runs. */
void reclaimer_add(struct reclaimer_entry *e, unsigned (*visit)(void *owner),
    void *owner, bool wants_thread);
/* Waits until the thread no longer uses e.  e need not have been added. */
void reclaimer_remove(struct reclaimer_entry *e);
/* Call task before each visit of e; it returns whether to visit again.  NULL
 * stops this, and waits until no call is running. */
void reclaimer_set_task(
    struct reclaimer_entry *e, bool (*task)(void *arg), void *arg);
/* A region has idle space, or a heap has cached blocks.  Cheap if already
 * known. */
void reclaimer_wake(void);
/* Idle space should go back soon from now on: end a long wait. */
void reclaimer_hurry(void);
/*
 * true: run the thread in any case, and call task (which may be NULL) each
 * period.  false: stop the thread until the next reclaimer_set(true) or
 * reclaimer_add().  Returns REASON_NO_THREAD, with a text, if it cannot start.
 */
int reclaimer_set(bool on, void (*task)(void));

/* Around a fork. */
void reclaimer_before_fork(void);
void reclaimer_after_fork_in_parent(void);
void reclaimer_after_fork_in_child(void);

#endif /* RECLAIMER_H */
