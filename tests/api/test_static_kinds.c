// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_static_kinds.c -- MEMKIND_DEFAULT and MEMKIND_REGULAR.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <memkind_fixed.h>
#include <pthread.h>
#include <string.h>

static memkind_t
kind_number(size_t i)
{
	return i == 0 ? MEMKIND_DEFAULT : MEMKIND_REGULAR;
}

static void
test_they_are_there_without_being_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memkind_t kind = kind_number(i);

		assert_non_null(kind);
		assert_int_equal(
		    memkind_check_available(kind), MEMKIND_SUCCESS);
		assert_true(memkind_get_capacity(kind) > 0);
		assert_null(daxkind_kind_region(kind));
	}
	assert_ptr_not_equal(MEMKIND_DEFAULT, MEMKIND_REGULAR);
}

static void
test_they_allocate(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t size = 1; size < 64 * TEST_MIB;
		     size = size * 5 + 1) {
			memkind_t kind = kind_number(i);
			char *p = memkind_malloc(kind, size);

			assert_non_null(p);
			memset(p, 0x5A, size);
			assert_ptr_equal(memkind_detect_kind(p), kind);
			p = memkind_realloc(kind, p, size * 2);
			assert_non_null(p);
			assert_true(test_all_bytes(p, 0x5A, size));
			memkind_free(i ? kind : NULL, p);
			p = memkind_calloc(kind, 1, size);
			assert_non_null(p);
			assert_true(test_all_bytes(p, 0, size));
			memkind_free(kind, p);
		}
}

/* The one may be told to free what is the other's: it stays the other's, and
 * moves where a kind is named that it is not of. */
static void
test_blocks_stay_of_their_kind(void **state)
{
	char *blocks[64];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memkind_t kind = kind_number(i);
		memkind_t other = kind_number(1 - i);

		for (size_t n = 0; n < ARRAY_LEN(blocks); n++) {
			blocks[n] = memkind_malloc(kind, 100);
			assert_non_null(blocks[n]);
			memset(blocks[n], 0x5A, 100);
		}
		char *p = memkind_realloc(other, blocks[0], 100);
		assert_non_null(p);
		assert_ptr_equal(memkind_detect_kind(p), other);
		assert_true(test_all_bytes(p, 0x5A, 100));
		memkind_free(kind, p);
		for (size_t n = 1; n < ARRAY_LEN(blocks); n++)
			memkind_free(other, blocks[n]);
		for (size_t n = 0; n < ARRAY_LEN(blocks); n++) {
			blocks[n] = memkind_malloc(other, 100);
			assert_ptr_equal(memkind_detect_kind(blocks[n]), other);
		}
		for (size_t n = 0; n < ARRAY_LEN(blocks); n++)
			memkind_free(NULL, blocks[n]);
	}
}

/* They are not the caller's to end: refused or ignored, and still there. */
static void
test_they_can_not_be_destroyed(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memkind_t kind = kind_number(i);
		void *p = memkind_malloc(kind, 100);

		(void)memkind_destroy_kind(kind);
		memkind_free(kind, p);
		p = memkind_malloc(kind, 100);
		assert_non_null(p);
		memkind_free(kind, p);
	}
}

static void
test_destroying_no_kind_is_refused(void **state)
{
	(void)state;
	assert_int_equal(memkind_destroy_kind(NULL), MEMKIND_ERROR_INVALID);
	assert_true(memkind_check_available(NULL) < 0);
	errno = 0;
	assert_int_equal(memkind_get_capacity(NULL), -1);
	assert_int_equal(errno, EINVAL);
	memkind_set_allow_zero_allocs(NULL, true);
}

/* Of the last kind that there was. */
static void
test_destroying_a_kind_twice_is_refused(void **state)
{
	struct test_area area;
	memkind_t kind = NULL;

	(void)state;
	test_area_map(&area, TEST_MIB);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    memkind_create_fixed(area.addr, area.len, &kind),
		    MEMKIND_SUCCESS);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
		assert_int_equal(
		    memkind_destroy_kind(kind), MEMKIND_ERROR_INVALID);
		assert_string_not_equal(daxkind_last_error(), "");
	}
	test_area_unmap(&area);
}

static void *
use_default(void *arg)
{
	(void)arg;
	for (size_t i = 1; i < 3000; i++) {
		char *p = memkind_malloc(MEMKIND_DEFAULT, i);

		if (p == NULL)
			return p;
		memset(p, 1, i);
		memkind_free(i % 2 ? MEMKIND_DEFAULT : NULL, p);
	}
	return arg;
}

static void
test_threads_come_and_go(void **state)
{
	int ok;

	(void)state;
	for (int i = 0; i < 100; i++) {
		pthread_t thread;
		void *rc;

		assert_int_equal(
		    pthread_create(&thread, NULL, use_default, &ok), 0);
		assert_int_equal(pthread_join(thread, &rc), 0);
		assert_ptr_equal(rc, &ok);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_they_are_there_without_being_made),
	    test_unit(test_they_allocate),
	    test_unit(test_blocks_stay_of_their_kind),
	    test_unit(test_they_can_not_be_destroyed),
	    test_unit(test_destroying_no_kind_is_refused),
	    test_unit(test_destroying_a_kind_twice_is_refused),
	    test_unit(test_threads_come_and_go),
	};

	return cmocka_run_group_tests_name("static_kinds", tests, NULL, NULL);
}
