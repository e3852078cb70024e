// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_pool.c -- objects straight from the kernel.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "base/pool.h"
#include "base/util.h"

static struct pool Pool;

static int
teardown(void **state)
{
	mock_os_reset();
	pool_fini(&Pool);
	return test_leaks_teardown(state);
}

static void
test_init_takes_no_memory(void **state)
{
	(void)state;
	mock_os_reset();
	pool_init(&Pool, 40);
	assert_int_equal(mock_os_nr_calls(NULL), 0);
	pool_fini(&Pool);
	assert_int_equal(mock_os_nr_calls(NULL), 0);
}

static void
test_objects_do_not_overlap(void **state)
{
	static const size_t sizes[] = {1, 8, 9, 40, 1000, 4080, 4081, 10000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		enum {
			NR = 300
		};
		static unsigned char *objects[NR];
		size_t size = sizes[i];

		print_message("row: %zu bytes\n", size);
		pool_init(&Pool, size);
		for (size_t j = 0; j < NR; j++) {
			objects[j] = pool_get(&Pool);
			assert_non_null(objects[j]);
			assert_int_equal(
			    (uintptr_t)objects[j] % sizeof(void *), 0);
			memset(objects[j], (int)j % 256, size);
		}
		for (size_t j = 0; j < NR; j++)
			assert_true(
			    test_all_bytes(objects[j], (int)j % 256, size));
		for (size_t j = 0; j < NR; j++)
			pool_put(&Pool, objects[j]);
		pool_fini(&Pool);
	}
}

static void
test_what_is_put_back_comes_out_again(void **state)
{
	(void)state;
	pool_init(&Pool, 64);
	void *a = pool_get(&Pool);
	void *b = pool_get(&Pool);
	assert_non_null(a);
	assert_ptr_not_equal(a, b);
	mock_os_fail_all("os_map_anon", ENOMEM);
	for (int i = 0; i < 1000; i++) {
		pool_put(&Pool, a);
		assert_ptr_equal(pool_get(&Pool), a);
	}
	pool_put(&Pool, a);
	pool_put(&Pool, b);
}

static void
test_reserved_objects_need_no_memory(void **state)
{
	(void)state;
	for (size_t nr = 1; nr <= 10000; nr *= 10) {
		pool_init(&Pool, 40);
		assert_int_equal(pool_reserve(&Pool, nr), 0);
		/* what there is counts: nothing more is taken */
		mock_os_fail_all("os_map_anon", ENOMEM);
		assert_int_equal(pool_reserve(&Pool, nr), 0);
		for (size_t i = 0; i < nr; i++)
			assert_non_null(pool_get(&Pool));
		mock_os_reset();
		pool_fini(&Pool);
	}
}

static void
test_without_memory_there_is_no_object(void **state)
{
	(void)state;
	pool_init(&Pool, 40);
	mock_os_fail_all("os_map_anon", ENOMEM);
	assert_null(pool_get(&Pool));
	assert_int_equal(pool_reserve(&Pool, 1), -ENOMEM);
	assert_int_equal(pool_reserve(&Pool, 0), 0);
	mock_os_reset();
	/* and then there is one again */
	assert_non_null(pool_get(&Pool));
	while (Pool.nr_spare > 0)
		assert_non_null(pool_get(&Pool));
	mock_os_fail_all("os_map_anon", ENOMEM);
	assert_null(pool_get(&Pool));
	mock_os_reset();
	assert_non_null(pool_get(&Pool));
}

static void
test_memory_of_the_caller_comes_first(void **state)
{
	static uint64_t memory[100];
	static bool seen[10];

	(void)state;
	pool_init(&Pool, 80);
	pool_add_memory(&Pool, memory, sizeof(memory));
	mock_os_fail_all("os_map_anon", ENOMEM);
	assert_int_equal(pool_reserve(&Pool, ARRAY_LEN(seen)), 0);
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		uint64_t *object = pool_get(&Pool);
		size_t at = (size_t)(object - memory);

		assert_non_null(object);
		assert_true(at < ARRAY_LEN(memory) && at % 10 == 0);
		assert_false(seen[at / 10]);
		seen[at / 10] = true;
	}
	assert_null(pool_get(&Pool));
	mock_os_reset();
	/* then the system's, and only that goes back to it */
	assert_non_null(pool_get(&Pool));
	pool_put(&Pool, memory);
	pool_fini(&Pool);
	memory[0] = 0;
}

static void
test_memory_is_taken_in_growing_pieces(void **state)
{
	(void)state;
	mock_os_reset();
	pool_init(&Pool, 40);
	for (size_t i = 0; i < 100000; i++)
		assert_non_null(pool_get(&Pool));
	/* 4 MB: from 4 KiB up to 1 MiB each */
	assert_in_range(mock_os_nr_calls("os_map_anon"), 9, 14);
}

static void
test_fini_gives_all_memory_back(void **state)
{
	(void)state;
	pool_init(&Pool, 40);
	void *object = pool_get(&Pool);
	assert_int_equal(os_is_mapped(object), 0);
	assert_int_equal(pool_reserve(&Pool, 100000), 0);
	pool_fini(&Pool);
	assert_int_equal(os_is_mapped(object), -ENOMEM);
	assert_null(Pool.chunks);
	/* and it may be used again */
	assert_non_null(pool_get(&Pool));
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, test_leaks_setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_init_takes_no_memory),
	    UNIT(test_objects_do_not_overlap),
	    UNIT(test_what_is_put_back_comes_out_again),
	    UNIT(test_reserved_objects_need_no_memory),
	    UNIT(test_without_memory_there_is_no_object),
	    UNIT(test_memory_of_the_caller_comes_first),
	    UNIT(test_memory_is_taken_in_growing_pieces),
	    UNIT(test_fini_gives_all_memory_back),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
