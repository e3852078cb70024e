/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os_result.h -- the common end of the functions in os_*.c (layer 0).
 */
#ifndef OS_RESULT_H
#define OS_RESULT_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/* Turn a system call's result into 0 or -errno, and restore errno. */
static inline int
os_result(long rc, int saved_errno)
{
	int err = rc < 0 ? -errno : 0;

	errno = saved_errno;
	return err;
}

/* The limit from a call of getrlimit(2), which the caller makes because its
 * first parameter has a type of glibc. */
static inline size_t
os_limit(int rc, const struct rlimit *limit, int saved_errno)
{
	errno = saved_errno;
	return rc == 0 && limit->rlim_cur != RLIM_INFINITY ? limit->rlim_cur
							   : SIZE_MAX;
}

#endif /* OS_RESULT_H */
