/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cancel.h -- the library has no cancellation points (layer 0).
 *
 * POSIX says where pthread_cancel(3) may take effect. malloc(3) and its
 * relatives are no such points, but many system calls and condition waits are.
 * A thread cancelled there would leave a lock taken, or lose a range.
 *
 * So each function that makes such a call, or calls a library or an operation
 * of the program that may, begins with DK_NO_CANCEL().  It defers a pending
 * cancellation until the program's own next cancellation point.  It nests.  It
 * costs two atomic operations, so it belongs beside system calls, not on hot
 * paths.
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

/* In effect until the end of the block. */
#define DK_NO_CANCEL()                                         \
	const int dk_cancel_state                              \
	    __attribute__((cleanup(cancel_restore), unused)) = \
		cancel_disable()

#endif /* CANCEL_H */
