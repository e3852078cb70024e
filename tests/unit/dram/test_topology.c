// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_numa_topology.c -- what is read of NUMA nodes.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_numa.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>

#include "base/os.h"
#include "base/util.h"
#include "dram/topology.h"

static int
teardown(void **state)
{
	mock_os_reset();
	fake_numa_remove();
	return test_leaks_teardown(state);
}

#define unit(f) cmocka_unit_test_setup_teardown(f, test_leaks_setup, teardown)

/* Two sockets, each with DRAM and high-bandwidth memory, and a node of far
 * memory that is next to both; node 3 is offline. */
static const struct fake_node Nodes[] = {
    {.has_cpus = true,
	.memory_mib = 4096,
	.huge_pages = 3,
	.distances = "10 21 17 28 30",
	.initiator = "node0",
	.bandwidth = 1000,
	.latency = 80},
    {.has_cpus = true,
	.memory_mib = 2048,
	.distances = "21 10 28 17 30",
	.initiator = "node1",
	.bandwidth = 1200,
	.latency = 90},
    {.memory_mib = 512,
	.distances = "17 28 10 28 30",
	.initiator = "node0",
	.bandwidth = 5000},
    {.is_offline = true},
    {.memory_mib = 512,
	.distances = "28 17 28 10 30",
	.initiator = "node1",
	.latency = 70},
    {.memory_mib = 8192, .distances = "30 30 30 30 10"},
};

static void
test_sizes_and_sets(void **state)
{
	struct topology *t = fake_numa_read(Nodes, ARRAY_LEN(Nodes), 7);

	(void)state;
	assert_int_equal(t->nr, 6);
	assert_int_equal(t->online.words[0], 0x37);
	assert_int_equal(t->with_cpus.words[0], 3);
	assert_int_equal(t->with_memory.words[0], 0x37);
	assert_int_equal(t->nodes[0].memory, 4096 * MIB);
	assert_int_equal(t->nodes[5].memory, 8192 * MIB);
	assert_int_equal(t->nodes[0].huge_pages, 3);
	assert_int_equal(t->nodes[1].huge_pages, 0);
	assert_int_equal(t->extra_huge_pages, 7);
	topology_free(t);
}

/* The kernel writes one number for each node that is online. */
static void
test_distances_skip_nodes_that_are_offline(void **state)
{
	struct topology *t = fake_numa_read(Nodes, ARRAY_LEN(Nodes), 0);

	(void)state;
	assert_int_equal(topology_access_of(t, 0, 0)->distance, 10);
	assert_int_equal(topology_access_of(t, 0, 2)->distance, 17);
	assert_int_equal(topology_access_of(t, 0, 4)->distance, 28);
	assert_int_equal(topology_access_of(t, 1, 4)->distance, 17);
	assert_int_equal(topology_access_of(t, 5, 4)->distance, 30);
	topology_free(t);
}

static void
test_attributes_are_those_of_the_initiators(void **state)
{
	struct topology *t = fake_numa_read(Nodes, ARRAY_LEN(Nodes), 0);

	(void)state;
	assert_int_equal(topology_access_of(t, 0, 0)->bandwidth, 1000);
	assert_int_equal(topology_access_of(t, 0, 0)->latency, 80);
	assert_int_equal(topology_access_of(t, 1, 0)->bandwidth, 0);
	assert_int_equal(topology_access_of(t, 0, 2)->bandwidth, 5000);
	assert_int_equal(topology_access_of(t, 0, 2)->latency, 0);
	assert_int_equal(topology_access_of(t, 1, 4)->latency, 70);
	assert_int_equal(topology_access_of(t, 0, 5)->bandwidth, 0);
	topology_free(t);
}

static void
test_what_is_local(void **state)
{
	static const bool Local[2][6] = {
	    {true, false, true, false, false, false},
	    {false, true, false, false, true, false},
	};
	struct topology *t = fake_numa_read(Nodes, ARRAY_LEN(Nodes), 0);

	(void)state;
	for (unsigned from = 0; from < 2; from++)
		for (unsigned to = 0; to < 6; to++)
			assert_int_equal(
			    topology_access_of(t, from, to)->is_local,
			    Local[from][to]);
	topology_free(t);
}

/* Without the firmware's word, the nearest processors are next to memory. */
static void
test_what_is_local_by_distance(void **state)
{
	struct fake_node nodes[] = {
	    {.has_cpus = true, .memory_mib = 1, .distances = "10 20 17"},
	    {.has_cpus = true, .memory_mib = 1, .distances = "20 10 28"},
	    {.memory_mib = 1, .distances = "17 28 10"},
	};
	struct topology *t = fake_numa_read(nodes, 3, 0);

	(void)state;
	assert_true(topology_access_of(t, 0, 2)->is_local);
	assert_false(topology_access_of(t, 1, 2)->is_local);
	assert_int_equal(topology_access_of(t, 0, 2)->bandwidth, 0);
	topology_free(t);
}

static void
test_missing_distances_are_the_kernels(void **state)
{
	struct fake_node nodes[] = {
	    {.has_cpus = true, .memory_mib = 1},
	    {.has_cpus = true, .memory_mib = 1, .distances = "25"},
	};
	struct topology *t = fake_numa_read(nodes, 2, 0);

	(void)state;
	assert_int_equal(topology_access_of(t, 0, 0)->distance, 10);
	assert_int_equal(topology_access_of(t, 0, 1)->distance, 20);
	assert_int_equal(topology_access_of(t, 1, 0)->distance, 25);
	assert_int_equal(topology_access_of(t, 1, 1)->distance, 10);
	topology_free(t);
}

static void
test_a_kernel_without_numa(void **state)
{
	struct topology *t;

	(void)state;
	assert_int_equal(
	    topology_read("/nonexistent/node", "/nonexistent/mm", &t), 0);
	assert_int_equal(t->nr, 1);
	assert_true(node_set_has(&t->with_cpus, 0));
	assert_true(node_set_has(&t->with_memory, 0));
	assert_int_equal(t->nodes[0].memory, os_memory_size());
	assert_true(topology_access_of(t, 0, 0)->is_local);
	assert_int_equal(t->extra_huge_pages, 0);
	topology_free(t);
	topology_free(NULL);
}

static void
test_no_memory_for_it(void **state)
{
	struct topology *t = (void *)state;

	mock_os_fail_all("os_map_anon", ENOMEM);
	assert_int_equal(
	    topology_read("/sys/devices/system/node", "/sys/kernel/mm", &t),
	    -ENOMEM);
	assert_ptr_equal(t, state);
}

static void
test_this_machine(void **state)
{
	const struct topology *t = topology_get();

	(void)state;
	assert_non_null(t);
	assert_ptr_equal(topology_get(), t);
	assert_non_null(topology_get_huge_pages());
	assert_ptr_equal(topology_get_huge_pages(), topology_get_huge_pages());
	assert_int_equal(topology_get_huge_pages()->nr, t->nr);
	assert_false(node_set_is_empty(&t->with_cpus));
	assert_false(node_set_is_empty(&t->with_memory));
	assert_true(os_current_node() < t->nr);
}

/* Whatever file cannot be read, the rest is there. */
static void
test_unreadable_files(void **state)
{
	static const char *const calls[] = {"os_read_line", "os_read_number"};
	unsigned nr = 0, call = 0;

	(void)state;
	fake_numa_write(Nodes, ARRAY_LEN(Nodes), 7);
	for (unsigned i = 1; call < ARRAY_LEN(calls); i++, nr++) {
		struct topology *t;

		mock_os_fail_nth_of(calls[call], i, EACCES);
		assert_int_equal(
		    topology_read(fake_numa_node_dir(), fake_numa_mm_dir(), &t),
		    0);
		assert_true(t->nr == 6 || t->nr == 1);
		assert_false(node_set_is_empty(&t->with_cpus));
		topology_free(t);
		if (mock_os_failed() == NULL) {
			call++;
			i = 0;
		}
	}
	assert_true(nr > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    unit(test_sizes_and_sets),
	    unit(test_distances_skip_nodes_that_are_offline),
	    unit(test_attributes_are_those_of_the_initiators),
	    unit(test_what_is_local),
	    unit(test_what_is_local_by_distance),
	    unit(test_missing_distances_are_the_kernels),
	    unit(test_a_kernel_without_numa),
	    unit(test_no_memory_for_it),
	    unit(test_this_machine),
	    unit(test_unreadable_files),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
