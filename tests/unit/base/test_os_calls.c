// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_os_calls.c -- which calls of libc the wrappers make, in which order, and
 * what they do where the kernel answers what it seldom does: this program has
 * functions of libc's names, which come before libc's.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"

/* --- what was called ------------------------------------------------------------ */

static unsigned Nr_yields;
static unsigned Nr_sleeps;
static long Slept_ns[32];

int
sched_yield(void)
{
	Nr_yields++;
	return 0;
}

int
nanosleep(const struct timespec *time, struct timespec *rest)
{
	(void)rest;
	if (Nr_sleeps < ARRAY_LEN(Slept_ns))
		Slept_ns[Nr_sleeps] = time->tv_sec * 1000000000 + time->tv_nsec;
	Nr_sleeps++;
	errno = EINTR;
	return -1;
}

/* --- waiting -------------------------------------------------------------------- */

static void
test_a_pause_yields_then_sleeps_longer_and_longer(void **state)
{
	unsigned round = 0;

	(void)state;
	Nr_yields = Nr_sleeps = 0;
	errno = 77;
	while (Nr_sleeps == 0)
		os_pause(&round);
	assert_in_range(Nr_yields, 1, 20);
	for (int i = 0; i < 20; i++)
		os_pause(&round);
	assert_int_equal(errno, 77);
	assert_true(Slept_ns[0] > 0);
	for (unsigned i = 1; i < Nr_sleeps; i++)
		assert_true(Slept_ns[i] >= Slept_ns[i - 1]);
	assert_true(Slept_ns[Nr_sleeps - 1] > Slept_ns[0]);
	assert_in_range(Slept_ns[Nr_sleeps - 1], 1, 1000000);
	/* however long it lasts */
	round = UINT32_MAX;
	os_pause(&round);
	os_pause(&round);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_a_pause_yields_then_sleeps_longer_and_longer),
	};

	return cmocka_run_group_tests_name("os_calls", tests, NULL, NULL);
}
