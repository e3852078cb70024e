/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.h -- hold a thread at a point of the library's code, for unit tests of
 * builds that have such points (DK_DEBUG): see base/sched_point.h.
 *
 *	static struct hold Hold;
 *
 *	static void *
 *	freeing(void *arg)
 *	{
 *		hold_at(&Hold, "give back", 1);
 *		heap_free(Heap, arg);
 *		...
 *	}
 *
 *	the test: hold_init(&Hold);
 *		  pthread_create(... freeing ...);
 *		  hold_wait(&Hold);	it stands there now
 *		  ... what has to happen meanwhile ...
 *		  hold_release(&Hold);	it goes on
 *		  pthread_join(...);
 *		  hold_fini(&Hold);
 *
 * Only the thread that said hold_at() is held, once.
 */
#ifndef HOLD_H
#define HOLD_H

#ifdef DK_DEBUG
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

struct hold {
	sem_t reached, released;
	const char *point;
	unsigned nr; /* visits of the point until it is held */
	_Atomic(bool) is_held, is_released;
};

void hold_init(struct hold *hold);
void hold_fini(struct hold *hold);
/* The calling thread is held at the nr-th visit (from 1) of that point. */
void hold_at(struct hold *hold, const char *point, unsigned nr);
/* It is not held any more, wherever it comes to; whether it was. */
bool hold_cancel(struct hold *hold);
/* Wait until the thread stands at its point. */
void hold_wait(struct hold *hold);
/* A second time does nothing. */
void hold_release(struct hold *hold);

/* Call f at each visit of a point by the calling thread, which goes on then. */
void hold_call(const char *point, void (*f)(void *arg), void *arg);
void hold_call_no_more(void);
#endif /* DK_DEBUG */

#endif /* HOLD_H */
