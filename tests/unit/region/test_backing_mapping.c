// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_backing_mapping.c -- a mapping that the caller made and keeps.
 *
 * Holds this invariant: the caller's mapping is not written and not unmapped.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/util.h"
#include "region/backing.h"

enum {
	NR_PAGES = 64
};

static char *Map; /* pages 16 to 47 of it are unmapped */

static int
setup(void **state)
{
	mock_os_reset();
	if (test_leaks_setup(state) != 0)
		return -1;
	Map = mmap(NULL, NR_PAGES * DK_PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return Map != MAP_FAILED &&
		       munmap(Map + 16 * DK_PAGE, 32 * DK_PAGE) == 0
		   ? 0
		   : -1;
}

static int
teardown(void **state)
{
	mock_os_reset();
	/* What lies in the hole by now is not ours. */
	(void)munmap(Map, 16 * DK_PAGE);
	(void)munmap(Map + 48 * DK_PAGE, (NR_PAGES - 48) * DK_PAGE);
	return test_leaks_teardown(state);
}

static void
test_open_refuses(void **state)
{
	const struct {
		const char *why;
		char *addr;
		size_t size;
		unsigned flags;
		int rc;
	} rows[] = {
	    {"NULL", NULL, DK_PAGE, 0, -EINVAL},
	    {"NULL, any area", NULL, DK_PAGE, BACKING_ANY_AREA, -EINVAL},
	    {"no size", Map, 0, 0, -EINVAL},
	    {"an address inside a page", Map + 8, DK_PAGE, 0, -EINVAL},
	    {"no whole pages", Map, DK_PAGE + 8, 0, -EINVAL},
	    {"wrapping", Map, SIZE_MAX - DK_PAGE + 1, 0, -EINVAL},
	    {"wrapping, any area", Map, SIZE_MAX, BACKING_ANY_AREA, -EINVAL},
	    {"at the very end, any area", (char *)(UINTPTR_MAX - 100), 50,
		BACKING_ANY_AREA, -EINVAL},
	    {"not mapped", Map + 20 * DK_PAGE, DK_PAGE, 0, -EFAULT},
	    {"its front is not mapped", Map + 47 * DK_PAGE, 2 * DK_PAGE, 0,
		-EFAULT},
	    {"its end is not mapped", Map + 15 * DK_PAGE, 2 * DK_PAGE, 0,
		-EFAULT},
	    {"no page of it can be made present", Map + 20 * DK_PAGE, DK_PAGE,
		BACKING_ANY_AREA | BACKING_PREFAULT, -ENOMEM},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct backing *b = NULL;

		dk_row(rows[i].why);
		(void)error_set(0, "%s", "");
		assert_int_equal(backing_mapping_open(rows[i].addr,
				     rows[i].size, rows[i].flags, &b),
		    rows[i].rc);
		assert_null(b);
		assert_string_not_equal(error_text(), "");
	}
}

static void
test_whole_pages_of_any_area_are_used(void **state)
{
	static const struct {
		const char *why;
		size_t off, size; /* of the area */
		size_t first, nr; /* pages */
	} rows[] = {
	    {"whole pages", 0, 8 * DK_PAGE, 0, 8},
	    {"one page", DK_PAGE, DK_PAGE, 1, 1},
	    {"a little more in front", DK_PAGE - 1, DK_PAGE + 1, 1, 1},
	    {"a little more behind", DK_PAGE, DK_PAGE + 1, 1, 1},
	    {"both", 100, 4 * DK_PAGE, 1, 3},
	    {"two halves", DK_PAGE / 2, DK_PAGE, 0, 0},
	    {"nothing", 100, 0, 0, 0},
	    {"25 bytes", 0, 25, 0, 0},
	    {"1,024 bytes", 0, 1024, 0, 0},
	    {"1,024 bytes over a border", DK_PAGE - 512, 1024, 0, 0},
	};

	(void)state;
	memset(Map, 0xaa, 16 * DK_PAGE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct backing *b;

		dk_row(rows[i].why);
		assert_int_equal(backing_mapping_open(Map + rows[i].off,
				     rows[i].size, BACKING_ANY_AREA, &b),
		    0);
		assert_int_equal(b->size, rows[i].nr * DK_PAGE);
		if (rows[i].nr > 0)
			assert_ptr_equal(
			    b->base, Map + rows[i].first * DK_PAGE);
		backing_close(b);
		assert_true(test_all_bytes(Map, 0xaa, 16 * DK_PAGE));
	}
}

static void
test_its_bytes_are_there_and_unknown(void **state)
{
	struct backing *b;
	bool is_zero = true;

	(void)state;
	memset(Map, 0xaa, 16 * DK_PAGE);
	assert_int_equal(backing_mapping_open(Map, 16 * DK_PAGE, 0, &b), 0);
	assert_int_equal(b->type, BACKING_MAPPING);
	assert_int_equal(b->align, DK_PAGE);
	assert_int_equal(b->granularity, FLUSH_PAGE);
	assert_false(b->is_dax);
	assert_false(b->is_sync);
	assert_false(b->has_file_space);
	assert_false(b->starts_as_holes);
	assert_false(b->starts_zero);
	assert_int_equal(backing_ensure(b, 0, 16 * DK_PAGE, &is_zero), 0);
	assert_false(is_zero);
	assert_int_equal(backing_discard(b, 0, 16 * DK_PAGE), -EOPNOTSUPP);
	backing_close(b);
	/* still mapped, still what it was */
	assert_true(test_all_bytes(Map, 0xaa, 16 * DK_PAGE));
}

static void
test_the_caller_may_vouch_for_it(void **state)
{
	struct backing *b;

	(void)state;
	assert_int_equal(
	    backing_mapping_open(Map, 16 * DK_PAGE, BACKING_PERSISTENT, &b), 0);
	assert_int_equal(b->granularity, flush_of_sync_mapping());
	assert_true(b->is_dax);
	assert_true(b->is_sync);
	backing_close(b);
}

static void
test_prefault_makes_pages_present(void **state)
{
	unsigned char in_core[16];
	struct backing *b;

	(void)state;
	Map[5 * DK_PAGE] = 'x';
	assert_int_equal(
	    backing_mapping_open(Map, 16 * DK_PAGE, BACKING_PREFAULT, &b), 0);
	assert_int_equal(mincore(Map, 16 * DK_PAGE, in_core), 0);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(in_core[i] & 1, 1);
	assert_int_equal(Map[5 * DK_PAGE], 'x');
	assert_true(b->numa_node >= -1);
	backing_close(b);
	/* with nothing to make present, that is no error */
	assert_int_equal(backing_mapping_open(
			     Map, 100, BACKING_ANY_AREA | BACKING_PREFAULT, &b),
	    0);
	backing_close(b);
}

static void
test_failures_leave_nothing(void **state)
{
	struct backing *b = NULL;

	(void)state;
	mock_os_fail_all("os_new", ENOMEM);
	assert_int_equal(
	    backing_mapping_open(Map, 16 * DK_PAGE, 0, &b), -ENOMEM);
	mock_os_fail_all("os_populate", EFAULT);
	assert_int_equal(
	    backing_mapping_open(Map, 16 * DK_PAGE, BACKING_PREFAULT, &b),
	    -EFAULT);
	assert_null(b);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_open_refuses),
	    UNIT(test_whole_pages_of_any_area_are_used),
	    UNIT(test_its_bytes_are_there_and_unknown),
	    UNIT(test_the_caller_may_vouch_for_it),
	    UNIT(test_prefault_makes_pages_present),
	    UNIT(test_failures_leave_nothing),
	};

	return cmocka_run_group_tests_name(
	    "backing_mapping", tests, NULL, NULL);
}
