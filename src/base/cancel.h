/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cancel.h -- the library has no cancellation points (layer 0).
 *
 * A program may have pthread_cancel(3) act on a thread of its own, and knows
 * from POSIX where that happens: never in malloc(3) and its like.  Many system
 * calls are such points, though, and so is waiting on a condition.  A thread
 * that ended there would leave a lock taken, or a range that never comes back.
 *
 * So each function that makes such a call, or calls a library or a program's
 * operation that may, begins with DK_NO_CANCEL(): what is pending is put off
 * until the program's own next cancellation point.  It nests.  It costs two
 * atomic operations, so it belongs beside system calls, not on hot paths.
 */
#ifndef CANCEL_H
#define CANCEL_H

#include <pthread.h>

static inline int
cancel_disable(void)
{
	int before = PTHREAD_CANCEL_ENABLE;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void
cancel_restore(const int *before)
{
	(void)pthread_setcancelstate(*before, NULL);
}

/* Until the end of the block. */
#define DK_NO_CANCEL()                                         \
	const int dk_cancel_state                              \
	    __attribute__((cleanup(cancel_restore), unused)) = \
		cancel_disable()

#endif /* CANCEL_H */
