// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_numa_nodes.c -- where memory is.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <errno.h>
#include <numaif.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"
#include "dram/mem_policy.h"
#include "dram/topology.h"

#define ERRNO_BEFORE 77

static void
test_a_page_is_looked_at_and_not_touched(void **state)
{
	void *map;

	(void)state;
	assert_int_equal(os_map_anon(4 * DK_PAGE, &map), 0);
	errno = ERRNO_BEFORE;
	assert_int_equal(mem_policy_node_of(map), -1);
	size_t rss = test_rss();
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    mem_policy_node_of((char *)map + DK_PAGE + 5), -1);
	assert_true(test_rss() <= rss + 64 * DK_PAGE);
	memset(map, 0xaa, DK_PAGE);
	/* of any address in it; not known where the kernel does not tell */
	int node = mem_policy_node_of(map);
	assert_true(node >= -1);
	assert_int_equal(mem_policy_node_of((char *)map + DK_PAGE - 1), node);
	assert_int_equal(os_unmap(map, 4 * DK_PAGE), 0);
	assert_int_equal(mem_policy_node_of(map), -1);
	assert_int_equal(mem_policy_node_of(NULL), -1);
	assert_int_equal(errno, ERRNO_BEFORE);
}

static void
test_binding_leaves_memory_usable(void **state)
{
	const struct topology *t = topology_get();
	void *map;

	(void)state;
	assert_non_null(t);
	assert_int_equal(os_map_anon(16 * DK_PAGE, &map), 0);
	errno = ERRNO_BEFORE;
	for (unsigned i = MEM_POLICY_ANY; i <= MEM_POLICY_INTERLEAVE; i++) {
		enum mem_policy policy = (enum mem_policy)i;
		int mode;

		assert_int_equal(
		    mem_policy_set(map, 16 * DK_PAGE, policy, &t->with_cpus),
		    0);
		assert_int_equal(errno, ERRNO_BEFORE);
		/* As programs see it, unless the kernel lets nobody choose. */
		if (mbind(map, DK_PAGE, MPOL_DEFAULT, NULL, 0, 0) != 0 ||
		    get_mempolicy(&mode, NULL, 0, (char *)map + DK_PAGE,
			MPOL_F_ADDR) != 0) {
			print_message("not looked at: %s\n", strerror(errno));
			errno = ERRNO_BEFORE;
			continue;
		}
		assert_int_equal(mode, mem_policy_mode(policy));
	}
	memset(map, 0xaa, 16 * DK_PAGE);
	assert_true(test_all_bytes(map, 0xaa, 16 * DK_PAGE));
	assert_int_equal(os_unmap(map, 16 * DK_PAGE), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_a_page_is_looked_at_and_not_touched),
	    test_unit(test_binding_leaves_memory_usable),
	};

	return cmocka_run_group_tests_name("mem_policy", tests, NULL, NULL);
}
