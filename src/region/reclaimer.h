/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reclaimer.h -- the thread that gives file space back over time (layer 2).
 *
 * One thread for the whole library, there while a region over a file is open
 * (or while memkind_set_bg_threads(true) asks for it), asleep while no region
 * has idle file space.  No thread is started for private memory.
 */
#ifndef RECLAIMER_H
#define RECLAIMER_H

#include <stdbool.h>

/* How often it looks; what was idle at two looks is given back, so within two
 * periods. */
enum {
	RECLAIMER_PERIOD_MS = 5000,
	RECLAIMER_PERIOD_AT_ONCE_MS = 500
};

/* What a visit answers. */
enum reclaimer_answer {
	RECLAIMER_AGAIN = 1 << 0, /* something is idle: come back */
	RECLAIMER_SOON = 1 << 1   /* and within RECLAIMER_PERIOD_AT_ONCE_MS */
};

/* The reclaimer's part of what it visits: zeroed by its owner, and touched by
 * reclaimer.c only. */
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

/* Visit the owner of e from now on: by a thread that is started, unless none
 * can be had, or, if none is wanted, when there is one. */
void reclaimer_add(struct reclaimer_entry *e, unsigned (*visit)(void *owner),
    void *owner, bool wants_thread);
/* Waits until the thread has let go of e.  No error if it was not added. */
void reclaimer_remove(struct reclaimer_entry *e);
/* Have task called before each visit of e; it says whether there is to be
 * another.  NULL ends that, and waits until no call is under way. */
void reclaimer_set_task(
    struct reclaimer_entry *e, bool (*task)(void *arg), void *arg);
/* Some region has idle space, or a heap something in caches: cheap when that is known already. */
void reclaimer_wake(void);
/* Somebody wants what is idle gone soon from now on: a long wait ends. */
void reclaimer_hurry(void);
/*
 * true: run the thread in any case, and have it call task (which may be NULL)
 * each period.  false: end the thread, until the next reclaimer_set(true) or
 * reclaimer_add().  Returns REASON_NO_THREAD, with a text, when no thread can be had.
 */
int reclaimer_set(bool on, void (*task)(void));

/* Around a fork. */
void reclaimer_before_fork(void);
void reclaimer_after_fork_in_parent(void);
void reclaimer_after_fork_in_child(void);

#endif /* RECLAIMER_H */
