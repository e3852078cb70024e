// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dax_list.c -- what libraries said, kept and shown.
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

struct visits {
	int nr, last; /* of items, which are numbers in turn */
};

static int
visit(const void *item, void *arg)
{
	struct visits *v = arg;
	int number = *(const int *)item;

	assert_int_equal(number, v->nr);
	v->nr++;
	return number == v->last ? 7 : 0;
}

static void
fill(struct dax_list *list)
{
	for (int i = 0; i < NR; i++)
		dax_list_add(list, &i);
}

static void
test_all_are_shown_in_turn(void **state)
{
	struct dax_list list = {.item_size = sizeof(int)};
	struct visits v = {.last = -1};

	(void)state;
	assert_int_equal(dax_list_end(&list, visit, &v), 0);
	assert_int_equal(v.nr, 0);
	fill(&list);
	assert_int_equal(dax_list_end(&list, visit, &v), 0);
	assert_int_equal(v.nr, NR);
	assert_int_equal(mock_os_nr_records(), 0);
}

static void
test_the_visitor_may_end_it(void **state)
{
	struct dax_list list = {.item_size = sizeof(int)};
	struct visits v = {.last = 41};

	(void)state;
	fill(&list);
	assert_int_equal(dax_list_end(&list, visit, &v), 7);
	assert_int_equal(v.nr, 42);
	assert_int_equal(mock_os_nr_records(), 0);
}

static void
test_without_memory_none_are_shown(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth <= 3; nth++) {
		struct dax_list list = {.item_size = sizeof(int)};
		struct visits v = {.last = -1};

		mock_os_fail_nth_of("os_new", nth, ENOMEM);
		fill(&list);
		mock_os_reset();
		assert_int_equal(dax_list_end(&list, visit, &v), -ENOMEM);
		assert_int_equal(v.nr, 0);
		assert_int_equal(mock_os_nr_records(), 0);
	}
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_all_are_shown_in_turn),
	    UNIT(test_the_visitor_may_end_it),
	    UNIT(test_without_memory_none_are_shown),
	};

	return cmocka_run_group_tests_name("dax_list", tests, NULL, NULL);
}
