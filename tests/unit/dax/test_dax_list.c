// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dax_list.c -- what libraries said, kept.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>

#include "base/util.h"
#include "dax/dax_list.h"

#define NR 100 /* more than it begins with */

static int
setup(void **state)
{
	mock_os_reset();
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	return test_leaks_teardown(state);
}

static void
fill(struct dax_list *list)
{
	for (int i = 0; i < NR; i++)
		dax_list_add(list, &i);
}

static void
test_all_are_kept_in_turn(void **state)
{
	struct dax_list list = {.item_size = sizeof(int)};

	(void)state;
	/* Emptied, it can be filled again. */
	for (int round = 0; round < 2; round++) {
		fill(&list);
		assert_int_equal(list.rc, 0);
		assert_int_equal(list.nr, NR);
		for (int i = 0; i < NR; i++)
			assert_int_equal(((const int *)list.items)[i], i);
		dax_list_fini(&list);
		assert_int_equal(list.nr, 0);
		assert_int_equal(mock_os_nr_records(), 0);
	}
}

static void
test_without_memory_the_list_says_so(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth <= 3; nth++) {
		struct dax_list list = {.item_size = sizeof(int)};

		mock_os_fail_nth_of("os_new", nth, ENOMEM);
		fill(&list);
		mock_os_reset();
		assert_int_equal(list.rc, -ENOMEM);
		assert_true(list.nr < NR);
		dax_list_fini(&list);
		assert_int_equal(list.rc, 0);
		assert_int_equal(mock_os_nr_records(), 0);
	}
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_all_are_kept_in_turn),
	    UNIT(test_without_memory_the_list_says_so),
	};

	return cmocka_run_group_tests_name("dax_list", tests, NULL, NULL);
}
