// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_bg_threads.c -- memkind_set_bg_threads(): one starts at once, and
 * ends.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <pthread.h>

#define END_SECONDS 60.0

/* Whether it comes down to nr threads in the time that there is. */
static bool
threads_end(size_t nr)
{
	double end = test_now() + END_SECONDS;

	while (test_nr_threads() > nr) {
		if (test_now() > end)
			return false;
		test_sleep_ms(10);
	}
	return true;
}

static void
test_thread_starts_at_once_and_ends(void **state)
{
	struct test_heap heap;
	size_t before;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 32 * TEST_MIB);
	before = test_nr_threads();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(memkind_set_bg_threads(true), MEMKIND_SUCCESS);
		assert_true(test_nr_threads() > before);
		assert_int_equal(memkind_set_bg_threads(true), MEMKIND_SUCCESS);
		assert_int_equal(
		    memkind_set_bg_threads(false), MEMKIND_SUCCESS);
		assert_true(threads_end(before));
		assert_int_equal(
		    memkind_set_bg_threads(false), MEMKIND_SUCCESS);
	}
	test_heap_end(&heap);
}

static void
test_thread_needs_no_kind(void **state)
{
	size_t before = test_nr_threads();

	(void)state;
	assert_int_equal(memkind_set_bg_threads(true), MEMKIND_SUCCESS);
	assert_true(test_nr_threads() > before);
	assert_int_equal(memkind_set_bg_threads(false), MEMKIND_SUCCESS);
	assert_true(threads_end(before));
}

static void
test_kinds_come_and_go_beside_it(void **state)
{
	size_t before = test_nr_threads();

	(void)state;
	assert_int_equal(memkind_set_bg_threads(true), MEMKIND_SUCCESS);
	for (int i = 0; i < 50; i++) {
		struct test_heap heap;
		struct test_fill fill;

		test_heap_make(
		    &heap, (enum test_backing)(i % 2), 16 * TEST_MIB);
		test_fill_up_to(heap.kind, 16, 100000, (uint64_t)i + 1,
		    4 * TEST_MIB, &fill);
		test_fill_free(heap.kind, &fill);
		test_heap_end(&heap);
	}
	assert_int_equal(memkind_set_bg_threads(false), MEMKIND_SUCCESS);
	assert_true(threads_end(before));
}

static void *
do_nothing(void *arg)
{
	return arg;
}

/* TSan starts a thread of its own with the first one: not ours to count. */
static int
start_first_thread(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, do_nothing, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_thread_needs_no_kind),
	    test_unit(test_thread_starts_at_once_and_ends),
	    test_unit(test_kinds_come_and_go_beside_it),
	};

	return cmocka_run_group_tests_name(
	    "bg_threads", tests, start_first_thread, NULL);
}
