/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reason.h -- why something failed, where no errno value says it (layer 0).
 *
 * A function of the library returns 0, a negative errno value, or one of these,
 * which are below all errno values and all of memkind's codes.  Only
 * kind/error_code.c translates them for the program: to a negative errno value
 * for daxkind_*, to a MEMKIND_ERROR_* for memkind_*.
 */
#ifndef REASON_H
#define REASON_H

enum reason {
	REASON_FIRST = -10000, /* below -4095, the kernel's lowest */
	/* An environment variable has an invalid value. */
	REASON_ENVIRON = REASON_FIRST,
	/* An operations table lacks a required operation, or has a forbidden
	 * one. */
	REASON_BAD_OPS = REASON_FIRST - 1,
	/* Several nodes are equally near, but one is needed. */
	REASON_AMBIGUOUS = REASON_FIRST - 2,
	/* The kernel's pools have no huge page. */
	REASON_NO_HUGE_PAGES = REASON_FIRST - 3,
	/* jemalloc cannot make another arena. */
	REASON_NO_ARENA = REASON_FIRST - 4,
	/* A thread cannot be started. */
	REASON_NO_THREAD = REASON_FIRST - 5,
	/* An operation reports that mmap(2) or mbind(2) refused. */
	REASON_MMAP = REASON_FIRST - 6,
	REASON_MBIND = REASON_FIRST - 7,
	/* An operation reports too many kinds. */
	REASON_TOO_MANY = REASON_FIRST - 8,
	/* An operation failed without a reason. */
	REASON_FAILED = REASON_FIRST - 9,
	REASON_LAST = REASON_FAILED
};

#endif /* REASON_H */
