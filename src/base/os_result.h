/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os_result.h -- how the os_*.c files end a call (layer 0).
 */
#ifndef OS_RESULT_H
#define OS_RESULT_H

#include <errno.h>

/* Turn a system call's result into 0 or -errno, and put errno back. */
static inline int
os_result(long rc, int saved_errno)
{
	int err = rc < 0 ? -errno : 0;

	errno = saved_errno;
	return err;
}

#endif /* OS_RESULT_H */
