// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_lock.c -- mutexes with a rank.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_time.h"
#include "../../support/test_region.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"

static struct lock Outer = DK_LOCK_INIT(RANK_ARENAS);
static struct lock Inner = DK_LOCK_INIT(RANK_REGION);
static struct lock Also_inner = DK_LOCK_INIT(RANK_REGION);
static pthread_cond_t Cond;

/* --- excluding and waiting -------------------------------------------------- */

enum {
	NR_THREADS = 4,
	NR_ROUNDS = 20000
};

static unsigned long Counter; /* guarded by Inner */

static void *
count(void *arg)
{
	(void)arg;
	for (int i = 0; i < NR_ROUNDS; i++) {
		lock_take(&Inner);
		Counter++;
		lock_drop(&Inner);
	}
	return NULL;
}

static void
test_one_thread_at_a_time_has_a_lock(void **state)
{
	pthread_t threads[NR_THREADS];

	(void)state;
	Counter = 0;
	for (size_t i = 0; i < NR_THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, count, NULL), 0);
	for (size_t i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(Counter, NR_THREADS * NR_ROUNDS);
}

static void
test_locks_may_be_taken_in_the_order_of_ranks(void **state)
{
	struct lock locks[NR_LOCK_RANKS];

	(void)state;
	for (unsigned rank = 0; rank < NR_LOCK_RANKS; rank++)
		lock_init(&locks[rank], (enum lock_rank)rank);
	for (int i = 0; i < 2; i++) {
		for (unsigned rank = 0; rank < NR_LOCK_RANKS; rank++) {
			lock_take(&locks[rank]);
			lock_assert_held(&locks[rank]);
		}
		/* they may be dropped in any order */
		for (unsigned rank = 0; rank < NR_LOCK_RANKS; rank++)
			lock_drop(&locks[rank]);
	}
	for (unsigned rank = 0; rank < NR_LOCK_RANKS; rank++)
		lock_fini(&locks[rank]);
}

static bool Is_ready; /* guarded by Inner */

static void *
make_ready(void *arg)
{
	(void)arg;
	lock_take(&Inner);
	Is_ready = true;
	(void)pthread_cond_broadcast(&Cond);
	lock_drop(&Inner);
	return NULL;
}

static void
test_a_wait_drops_the_lock_and_has_it_again(void **state)
{
	pthread_t thread;

	(void)state;
	lock_cond_init(&Cond);
	for (int with_time = 0; with_time < 2; with_time++) {
		Is_ready = false;
		lock_take(&Inner);
		assert_int_equal(
		    pthread_create(&thread, NULL, make_ready, NULL), 0);
		while (!Is_ready) {
			if (with_time)
				lock_wait_ms(&Inner, &Cond, 600000);
			else
				lock_wait(&Inner, &Cond);
		}
		lock_assert_held(&Inner);
		lock_drop(&Inner);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_int_equal(pthread_cond_destroy(&Cond), 0);
}

/* From one time to another, in nanoseconds. */
static int64_t
ns_between(const struct timespec *from, const struct timespec *to)
{
	return (int64_t)(to->tv_sec - from->tv_sec) * 1000000000 +
	       (to->tv_nsec - from->tv_nsec);
}

static void
test_a_wait_ends_after_its_time(void **state)
{
	static const unsigned times[] = {0, 1, 20, 500, 999, 1000, 1050, 90000};

	(void)state;
	lock_cond_init(&Cond);
	mock_time_skip(true);
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		int64_t wanted = times[i] * (int64_t)1000000;
		struct timespec before, after, until;

		(void)clock_gettime(CLOCK_MONOTONIC, &before);
		lock_take(&Inner);
		lock_wait_ms(&Inner, &Cond, times[i]);
		lock_drop(&Inner);
		(void)clock_gettime(CLOCK_MONOTONIC, &after);
		until = mock_time_last_until();
		assert_in_range(until.tv_nsec, 0, 999999999);
		assert_true(ns_between(&before, &until) >= wanted);
		assert_true(ns_between(&after, &until) <= wanted);
	}
	mock_time_skip(false);

	/* It is that clock which it goes by: a wake for no reason is rare. */
	unsigned nr_wakes = 0;
	double began = test_now();

	lock_take(&Inner);
	for (; test_now() - began < 0.02; nr_wakes++)
		lock_wait_ms(&Inner, &Cond, 20);
	lock_drop(&Inner);
	assert_in_range(nr_wakes, 1, 10);
	assert_int_equal(pthread_cond_destroy(&Cond), 0);
}

/* --- the check of ranks ----------------------------------------------------- */

#ifdef DK_DEBUG

static int
take_in_wrong_order(void *arg)
{
	(void)arg;
	lock_take(&Inner);
	lock_take(&Outer);
	return 0;
}

static int
take_two_of_a_rank(void *arg)
{
	(void)arg;
	lock_take(&Inner);
	lock_take(&Also_inner);
	return 0;
}

static int
drop_what_is_not_held(void *arg)
{
	(void)arg;
	lock_take(&Outer);
	lock_drop(&Inner);
	return 0;
}

static int
assert_what_is_not_held(void *arg)
{
	(void)arg;
	lock_take(&Outer);
	lock_assert_held(&Inner);
	return 0;
}

static int
wait_without_the_lock(void *arg)
{
	(void)arg;
	lock_cond_init(&Cond);
	lock_wait_ms(&Inner, &Cond, 1);
	return 0;
}

static int
assert_another_of_that_rank(void *arg)
{
	(void)arg;
	lock_take(&Inner);
	lock_assert_held(&Also_inner);
	return 0;
}

static int
drop_another_of_that_rank(void *arg)
{
	(void)arg;
	lock_take(&Inner);
	lock_drop(&Also_inner);
	return 0;
}

static int
fork_in_wrong_order(void *arg)
{
	(void)arg;
	lock_take_at_fork(&Inner);
	lock_take_at_fork(&Outer);
	return 0;
}

/* All of a rank at a fork; and what is held is held until the last goes. */
static int
fork_in_right_order(void *arg)
{
	(void)arg;
	lock_take_at_fork(&Outer);
	lock_take_at_fork(&Inner);
	lock_take_at_fork(&Also_inner);
	lock_assert_held(&Inner);
	lock_assert_held(&Also_inner);
	lock_drop(&Inner);
	lock_assert_held(&Also_inner);
	lock_drop(&Also_inner);
	lock_drop(&Outer);
	lock_take(&Outer);
	lock_drop(&Outer);
	return 0;
}

static int
take_after_one_of_two(void *arg)
{
	(void)arg;
	lock_take_at_fork(&Inner);
	lock_take_at_fork(&Also_inner);
	lock_drop(&Inner);
	lock_take(&Inner);
	return 0;
}

static void *
hold_inner(void *arg)
{
	lock_take(arg);
	return NULL;
}

static int
assert_what_another_thread_holds(void *arg)
{
	pthread_t thread;

	(void)arg;
	if (pthread_create(&thread, NULL, hold_inner, &Inner) != 0 ||
	    pthread_join(thread, NULL) != 0)
		return 1;
	lock_assert_held(&Inner);
	return 0;
}

/* Ranks are those of a thread: what another holds does not count. */
static int
take_while_another_thread_holds(void *arg)
{
	pthread_t thread;

	(void)arg;
	lock_take(&Outer);
	if (pthread_create(&thread, NULL, count, NULL) != 0 ||
	    pthread_join(thread, NULL) != 0)
		return 1;
	lock_take(&Inner);
	lock_drop(&Outer);
	lock_drop(&Inner);
	lock_take(&Outer);
	return 0;
}

static void
test_a_violation_of_ranks_aborts(void **state)
{
	static const struct {
		const char *why;
		int (*f)(void *arg);
		int status;
	} rows[] = {
	    {"wrong order", take_in_wrong_order, 128 + SIGABRT},
	    {"two of a rank", take_two_of_a_rank, 128 + SIGABRT},
	    {"drop of what is not held", drop_what_is_not_held, 128 + SIGABRT},
	    {"it is not held", assert_what_is_not_held, 128 + SIGABRT},
	    {"another of its rank is held", assert_another_of_that_rank,
		128 + SIGABRT},
	    {"drop of another of its rank", drop_another_of_that_rank,
		128 + SIGABRT},
	    {"another thread holds it", assert_what_another_thread_holds,
		128 + SIGABRT},
	    {"wrong order at a fork", fork_in_wrong_order, 128 + SIGABRT},
	    {"one of two of a rank is left", take_after_one_of_two,
		128 + SIGABRT},
	    {"right order at a fork", fork_in_right_order, 0},
	    {"wait without it", wait_without_the_lock, 128 + SIGABRT},
	    {"no violation", take_while_another_thread_holds, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_int_equal(
		    test_in_child(rows[i].f, NULL), rows[i].status);
	}
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_one_thread_at_a_time_has_a_lock),
	    test_unit(test_locks_may_be_taken_in_the_order_of_ranks),
	    test_unit(test_a_wait_drops_the_lock_and_has_it_again),
	    test_unit(test_a_wait_ends_after_its_time),
#ifdef DK_DEBUG
	    test_unit(test_a_violation_of_ranks_aborts),
#endif
	};

	(void)Outer;
	(void)Also_inner;
	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
