// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dram_memory.c -- what memory a static kind is of.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_numa.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"
#include "dram/dram_memory.h"

static void
test_capacity(void **state)
{
	size_t bytes = 0, all;
	struct dram_memory memory;

	(void)state;
	memory =
	    (struct dram_memory){MEM_POLICY_INTERLEAVE, NODES_WITH_MEMORY, 0};
	assert_int_equal(dram_memory_capacity(&memory, &all), 0);
	assert_true(all > 0);
	memory = (struct dram_memory){MEM_POLICY_BIND, NODES_WITH_CPUS, 0};
	assert_int_equal(dram_memory_capacity(&memory, &bytes), 0);
	assert_true(bytes > 0 && bytes <= all);
	bytes = 77;
	memory =
	    (struct dram_memory){MEM_POLICY_PREFERRED, NODES_LARGEST_ONE, 0};
	assert_true(dram_memory_capacity(&memory, &bytes) < 0);
	assert_int_equal(bytes, 77);
	/* Huge pages may be none, which is a number too. */
	memory = (struct dram_memory){
	    MEM_POLICY_ANY, NODES_WITH_MEMORY, DRAM_HUGE_PAGES};
	assert_int_equal(dram_memory_capacity(&memory, &bytes), 0);
	assert_int_equal(bytes % DK_HUGE_PAGE, 0);
	bytes = 77;
	memory = (struct dram_memory){
	    MEM_POLICY_BIND, NODES_WITH_CPUS, DRAM_HUGE_PAGES};
	assert_true(dram_memory_capacity(&memory, &bytes) < 0);
	assert_int_equal(bytes, 77);
}

static int
teardown(void **state)
{
	mock_os_reset();
	return test_leaks_teardown(state);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, test_leaks_setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_capacity),
	};

	return cmocka_run_group_tests_name("dram_memory", tests, NULL, NULL);
}
