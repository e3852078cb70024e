/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reason.h -- why something failed, where no errno value says it (layer 0).
 *
 * A function of the library returns 0, a negative errno value, or one of these,
 * which are below all errno values and all of memkind's codes.  Only
 * kind/error_code.c turns them into what a program sees: a negative errno value
 * of daxkind_*, a MEMKIND_ERROR_* of memkind_*.
 */
#ifndef REASON_H
#define REASON_H

enum reason {
	REASON_FIRST = -10000, /* below -4095, the kernel's last */
	/* A variable of the environment makes no sense. */
	REASON_ENVIRON = REASON_FIRST,
	/* An operations table lacks an operation, or has one too many. */
	REASON_BAD_OPS = REASON_FIRST - 1,
	/* Several nodes are equally near where there must be one. */
	REASON_AMBIGUOUS = REASON_FIRST - 2,
	/* No huge page is in the kernel's pools. */
	REASON_NO_HUGE_PAGES = REASON_FIRST - 3,
	/* jemalloc makes no more arenas. */
	REASON_NO_ARENA = REASON_FIRST - 4,
	/* No thread can be had. */
	REASON_NO_THREAD = REASON_FIRST - 5,
	/* mmap(2) or mbind(2) refused, says an operation. */
	REASON_MMAP = REASON_FIRST - 6,
	REASON_MBIND = REASON_FIRST - 7,
	/* Too many kinds, says an operation. */
	REASON_TOO_MANY = REASON_FIRST - 8,
	/* An operation failed and says no more. */
	REASON_FAILED = REASON_FIRST - 9,
	REASON_LAST = REASON_FAILED
};

#endif /* REASON_H */
