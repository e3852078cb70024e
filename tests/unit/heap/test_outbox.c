// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_outbox.c -- blocks on their way to their slabs: each is taken once, by
 * whomever.
 */
#include "../../support/cmocka_all.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/util.h"
#include "heap/outbox.h"

enum {
	ROOM = 8,
	SOME_CLASS = 7,
	ANOTHER_CLASS = 3
};

static char Area[ROOM];
static void *Memory[ROOM];
static struct outbox Box;

static int
setup(void **state)
{
	(void)state;
	outbox_init(&Box, Memory);
	return 0;
}

static void
fill(unsigned size_class, size_t nr)
{
	void *blocks[ROOM];

	for (size_t i = 0; i < nr; i++)
		blocks[i] = &Area[i];
	outbox_fill(&Box, size_class, blocks, nr);
}

/* All that is left, each once. */
static void
take_all(unsigned size_class, size_t nr)
{
	unsigned taken[ROOM] = {0}, of_class = ~size_class;
	char *block;

	for (size_t left = nr; left > 0; left--) {
		assert_int_equal(outbox_nr(&Box), left);
		block = outbox_take(&Box, &of_class);
		assert_non_null(block);
		assert_in_range(block - Area, 0, ROOM - 1);
		taken[block - Area]++;
		assert_int_equal(of_class, size_class);
	}
	assert_int_equal(outbox_nr(&Box), 0);
	assert_null(outbox_take(&Box, &of_class));
	for (size_t i = 0; i < ROOM; i++)
		assert_int_equal(taken[i], i < nr ? 1 : 0);
}

static void
test_each_block_comes_out_once(void **state)
{
	(void)state;
	take_all(0, 0);
	for (size_t nr = 1; nr <= ROOM; nr++) {
		fill(SOME_CLASS, nr);
		take_all(SOME_CLASS, nr);
		fill(ANOTHER_CLASS, nr);
		take_all(ANOTHER_CLASS, nr);
	}
}

/* Who stands between its look at a block and taking it must not get it when the
 * same blocks were taken and put in again meanwhile. */
static void
test_a_late_take_fails(void **state)
{
	(void)state;
	fill(SOME_CLASS, ROOM);
	for (int i = 0; i < 3; i++) {
		uint64_t seen = atomic_load(&Box.state);

		take_all(SOME_CLASS, ROOM);
		fill(SOME_CLASS, ROOM);
		assert_false(atomic_compare_exchange_strong(
		    &Box.state, &seen, seen - 1));
	}
	take_all(SOME_CLASS, ROOM);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, NULL)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_each_block_comes_out_once),
	    UNIT(test_a_late_take_fails),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
