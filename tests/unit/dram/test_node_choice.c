// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_node_choice.c -- which nodes a kind of memory is on, on machines that
 * are made up.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_numa.h"
#include "../../support/mock_numa.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/reason.h"
#include "base/util.h"
#include "dram/node_choice.h"

static const char Hbw_nodes[] = "MEMKIND_HBW_NODES";
static const char Hbw_threshold[] = "MEMKIND_HBW_THRESHOLD";
static const char Kmem_nodes[] = "MEMKIND_DAX_KMEM_NODES";

static struct topology *Topology;
static union {
	struct node_sets sets;
	char space[sizeof(struct node_sets) + 8 * sizeof(struct node_set)];
} Made;

static int
teardown(void **state)
{
	(void)unsetenv(Hbw_nodes);
	(void)unsetenv(Hbw_threshold);
	(void)unsetenv(Kmem_nodes);
	mock_os_reset();
	mock_numa_run_on(-1);
	mock_numa_set_kmem(NULL);
	topology_free(Topology);
	Topology = NULL;
	fake_numa_remove();
	return test_leaks_teardown(state);
}

#define unit(f) cmocka_unit_test_setup_teardown(f, test_leaks_setup, teardown)

/* Two sockets, 0 and 1, with high-bandwidth memory (2, 3) and far memory (4,
 * 5) each; the firmware names them all. */
static const struct fake_node Rich[] = {
    {.has_cpus = true,
	.memory_mib = 4096,
	.distances = "10 21 13 23 17 28",
	.initiator = "node0",
	.bandwidth = 100000,
	.latency = 80},
    {.has_cpus = true,
	.memory_mib = 4096,
	.distances = "21 10 23 13 28 17",
	.initiator = "node1",
	.bandwidth = 100000,
	.latency = 80},
    {.memory_mib = 512,
	.distances = "13 23 10 33 27 38",
	.initiator = "node0",
	.bandwidth = 400000,
	.latency = 110},
    {.memory_mib = 512,
	.distances = "23 13 33 10 38 27",
	.initiator = "node1",
	.bandwidth = 400000,
	.latency = 110},
    {.memory_mib = 16384,
	.distances = "17 28 27 38 10 28",
	.initiator = "node0",
	.bandwidth = 30000,
	.latency = 300},
    {.memory_mib = 8192,
	.distances = "28 17 38 27 28 10",
	.initiator = "node1",
	.bandwidth = 30000,
	.latency = 300},
};

/* One socket with memory without a word on what it is like. */
static const struct fake_node Plain[] = {
    {.has_cpus = true, .memory_mib = 4096, .distances = "10"},
};

/* One socket, whose other two nodes are alike. */
static const struct fake_node Twins[] = {
    {.has_cpus = true,
	.memory_mib = 1024,
	.distances = "10 17 17",
	.initiator = "node0",
	.bandwidth = 1000,
	.latency = 300},
    {.memory_mib = 2048,
	.distances = "17 10 20",
	.initiator = "node0",
	.bandwidth = 300000,
	.latency = 100},
    {.memory_mib = 2048,
	.distances = "17 20 10",
	.initiator = "node0",
	.bandwidth = 300000,
	.latency = 100},
};

static const int Kmem_4_5[] = {4, 5, -1};
static const int Kmem_none[] = {-1};

struct row {
	const char *why;
	enum node_choice choice;
	int rc;
	unsigned long at_0, at_1; /* nodes for the processors of 0 and of 1 */
};

static void
check(const struct row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		dk_row(rows[i].why);
		memset(&Made, 0x55, sizeof(Made));
		assert_int_equal(
		    node_choice_make(rows[i].choice, Topology, &Made.sets),
		    rows[i].rc);
		assert_int_equal(Made.sets.rc, rows[i].rc);
		assert_int_equal(Made.sets.nr, Topology->nr);
		assert_int_equal(Made.sets.of[0].words[0], rows[i].at_0);
		if (Topology->nr > 1)
			assert_int_equal(
			    Made.sets.of[1].words[0], rows[i].at_1);
		assert_int_equal(
		    Made.sets.all.words[0], rows[i].at_0 | rows[i].at_1);
		if (rows[i].rc < 0)
			assert_string_not_equal(Made.sets.why, "");
		for (unsigned home = 0; home < Topology->nr; home++) {
			if (!node_set_has(&Topology->with_cpus, home))
				assert_true(
				    node_set_is_empty(&Made.sets.of[home]));
		}
	}
}

static void
test_a_rich_machine(void **state)
{
	static const struct row Rows[] = {
	    {"processors", NODES_WITH_CPUS, 0, 3, 3},
	    {"memory", NODES_WITH_MEMORY, 0, 0x3f, 0x3f},
	    {"hbw", NODES_HBW_NEAREST, 0, 4, 8},
	    {"one hbw", NODES_HBW_ONE, 0, 4, 8},
	    {"all hbw that is known", NODES_HBW_ALL, 0, 4, 8},
	    {"kmem", NODES_KMEM_NEAREST, 0, 0x10, 0x20},
	    {"one kmem", NODES_KMEM_ONE, 0, 0x10, 0x20},
	    {"all kmem", NODES_KMEM_ALL, 0, 0x30, 0x30},
	    {"largest", NODES_LARGEST, 0, 0x10, 0x10},
	    {"one largest", NODES_LARGEST_ONE, 0, 0x10, 0x10},
	    {"largest near by", NODES_LOCAL_LARGEST, 0, 0x10, 0x20},
	    {"one largest near by", NODES_LOCAL_LARGEST_ONE, 0, 0x10, 0x20},
	    {"latency", NODES_LOCAL_LATENCY, 0, 1, 2},
	    {"one latency", NODES_LOCAL_LATENCY_ONE, 0, 1, 2},
	    {"bandwidth", NODES_LOCAL_BANDWIDTH, 0, 4, 8},
	    {"one bandwidth", NODES_LOCAL_BANDWIDTH_ONE, 0, 4, 8},
	};

	(void)state;
	mock_numa_set_kmem(Kmem_4_5);
	Topology = fake_numa_read(Rich, ARRAY_LEN(Rich), 0);
	check(Rows, ARRAY_LEN(Rows));
}

static void
test_a_plain_machine(void **state)
{
	static const struct row Rows[] = {
	    {"processors", NODES_WITH_CPUS, 0, 1, 0},
	    {"memory", NODES_WITH_MEMORY, 0, 1, 0},
	    {"hbw", NODES_HBW_NEAREST, -ENXIO, 0, 0},
	    {"one hbw", NODES_HBW_ONE, -ENXIO, 0, 0},
	    {"all hbw", NODES_HBW_ALL, -ENXIO, 0, 0},
	    {"kmem", NODES_KMEM_NEAREST, -ENODEV, 0, 0},
	    {"one kmem", NODES_KMEM_ONE, -ENODEV, 0, 0},
	    {"all kmem", NODES_KMEM_ALL, -ENODEV, 0, 0},
	    {"largest", NODES_LARGEST, 0, 1, 0},
	    {"one largest", NODES_LARGEST_ONE, 0, 1, 0},
	    {"largest near by", NODES_LOCAL_LARGEST, 0, 1, 0},
	    {"one largest near by", NODES_LOCAL_LARGEST_ONE, 0, 1, 0},
	    {"latency", NODES_LOCAL_LATENCY, -ENXIO, 0, 0},
	    {"one latency", NODES_LOCAL_LATENCY_ONE, -ENXIO, 0, 0},
	    {"bandwidth", NODES_LOCAL_BANDWIDTH, -ENXIO, 0, 0},
	    {"one bandwidth", NODES_LOCAL_BANDWIDTH_ONE, -ENXIO, 0, 0},
	    {"no choice at all", NR_NODE_CHOICES, -EINVAL, 0, 0},
	};

	(void)state;
	mock_numa_set_kmem(Kmem_none);
	Topology = fake_numa_read(Plain, ARRAY_LEN(Plain), 0);
	check(Rows, ARRAY_LEN(Rows));
}

static void
test_where_one_is_wanted_and_two_are_equal(void **state)
{
	static const int kmem[] = {1, 2, -1};
	static const struct row Rows[] = {
	    {"hbw", NODES_HBW_NEAREST, 0, 6, 0},
	    {"one hbw", NODES_HBW_ONE, REASON_AMBIGUOUS, 0, 0},
	    {"all hbw", NODES_HBW_ALL, 0, 6, 0},
	    {"kmem", NODES_KMEM_NEAREST, 0, 6, 0},
	    {"one kmem", NODES_KMEM_ONE, REASON_AMBIGUOUS, 0, 0},
	    {"largest", NODES_LARGEST, 0, 6, 0},
	    {"one largest", NODES_LARGEST_ONE, -ENXIO, 0, 0},
	    {"one largest near by", NODES_LOCAL_LARGEST_ONE, -ENXIO, 0, 0},
	    {"latency", NODES_LOCAL_LATENCY, 0, 6, 0},
	    {"one latency", NODES_LOCAL_LATENCY_ONE, -ENXIO, 0, 0},
	    {"one bandwidth", NODES_LOCAL_BANDWIDTH_ONE, -ENXIO, 0, 0},
	};

	(void)state;
	mock_numa_set_kmem(kmem);
	Topology = fake_numa_read(Twins, ARRAY_LEN(Twins), 0);
	check(Rows, ARRAY_LEN(Rows));
}

static void
test_the_environment_names_nodes(void **state)
{
	static const struct row Named[] = {
	    {"hbw", NODES_HBW_NEAREST, 0, 0x10, 0x20},
	    {"one hbw", NODES_HBW_ONE, 0, 0x10, 0x20},
	    {"all hbw", NODES_HBW_ALL, 0, 0x30, 0x30},
	    {"kmem", NODES_KMEM_NEAREST, 0, 4, 8},
	    {"one kmem", NODES_KMEM_ONE, 0, 4, 8},
	    {"all kmem", NODES_KMEM_ALL, 0, 0xc, 0xc},
	};
	static const struct row Own[] = {
	    {"the own node", NODES_HBW_NEAREST, 0, 1, 2},
	};
	static const struct row Bad[] = {
	    {"hbw", NODES_HBW_NEAREST, REASON_ENVIRON, 0, 0},
	    {"all hbw", NODES_HBW_ALL, REASON_ENVIRON, 0, 0},
	    {"kmem", NODES_KMEM_ONE, REASON_ENVIRON, 0, 0},
	};
	static const char *const Bad_lists[] = {"", "6", "x", "0-6", "1,"};

	(void)state;
	mock_numa_set_kmem(Kmem_none);
	Topology = fake_numa_read(Rich, ARRAY_LEN(Rich), 0);
	assert_int_equal(setenv(Hbw_nodes, "4,5", 1), 0);
	assert_int_equal(setenv(Kmem_nodes, "2-3", 1), 0);
	check(Named, ARRAY_LEN(Named));
	assert_int_equal(setenv(Hbw_nodes, "all", 1), 0);
	check(Own, ARRAY_LEN(Own));
	for (size_t i = 0; i < ARRAY_LEN(Bad_lists); i++) {
		print_message("\"%s\"\n", Bad_lists[i]);
		assert_int_equal(setenv(Hbw_nodes, Bad_lists[i], 1), 0);
		assert_int_equal(setenv(Kmem_nodes, Bad_lists[i], 1), 0);
		check(Bad, ARRAY_LEN(Bad));
	}
}

static void
test_the_environment_sets_the_threshold(void **state)
{
	static const struct {
		const char *text;
		struct row row;
	} Rows[] = {
	    {"400000", {"as much", NODES_HBW_NEAREST, 0, 4, 8}},
	    {"400001", {"more", NODES_HBW_NEAREST, -ENXIO, 0, 0}},
	    /* then the node itself is the nearest */
	    {"100000", {"less", NODES_HBW_NEAREST, 0, 1, 2}},
	    {"0", {"anything", NODES_HBW_ALL, 0, 0x15, 0x2a}},
	    {"x", {"none", NODES_HBW_ALL, REASON_ENVIRON, 0, 0}},
	    {"-1", {"negative", NODES_HBW_ALL, REASON_ENVIRON, 0, 0}},
	    {"4294967296", {"large", NODES_HBW_ALL, REASON_ENVIRON, 0, 0}},
	    {"", {"empty", NODES_HBW_ALL, REASON_ENVIRON, 0, 0}},
	};

	(void)state;
	Topology = fake_numa_read(Rich, ARRAY_LEN(Rich), 0);
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		assert_int_equal(setenv(Hbw_threshold, Rows[i].text, 1), 0);
		check(&Rows[i].row, 1);
	}
}

/* High bandwidth at one of two sockets is none at the other. */
static void
test_high_bandwidth_at_one_socket_only(void **state)
{
	static const struct row Rows[] = {
	    {"hbw", NODES_HBW_NEAREST, -ENXIO, 0, 0},
	    {"all hbw", NODES_HBW_ALL, -ENXIO, 0, 0},
	};
	struct fake_node nodes[ARRAY_LEN(Rich)];

	(void)state;
	memcpy(nodes, Rich, sizeof(nodes));
	nodes[3].bandwidth = 1000;
	Topology = fake_numa_read(nodes, ARRAY_LEN(nodes), 0);
	check(Rows, ARRAY_LEN(Rows));
}

static void
test_the_nodes_for_here(void **state)
{
	(void)state;
	Topology = fake_numa_read(Rich, ARRAY_LEN(Rich), 0);
	assert_int_equal(
	    node_choice_make(NODES_HBW_NEAREST, Topology, &Made.sets), 0);
	mock_numa_run_on(0);
	assert_int_equal(node_choice_here(&Made.sets)->words[0], 4);
	mock_numa_run_on(1);
	assert_int_equal(node_choice_here(&Made.sets)->words[0], 8);
	/* A processor that came later, or whose node is not known. */
	mock_numa_run_on(2);
	assert_int_equal(node_choice_here(&Made.sets)->words[0], 0xc);
	mock_numa_run_on(100);
	assert_int_equal(node_choice_here(&Made.sets)->words[0], 0xc);
}

/* A choice is made once; a failure for want of memory is not kept. */
static void
test_this_machine(void **state)
{
	const struct topology *t = topology_get();

	(void)state;
	mock_os_fail_all("os_map_anon", ENOMEM);
	assert_null(node_choice_get(NODES_WITH_CPUS));
	mock_os_reset();
	const struct node_sets *sets = node_choice_get(NODES_WITH_CPUS);
	assert_non_null(sets);
	assert_int_equal(sets->rc, 0);
	assert_memory_equal(&sets->all, &t->with_cpus, sizeof(struct node_set));
	assert_ptr_equal(node_choice_get(NODES_WITH_CPUS), sets);
	assert_true(node_choice_memory(node_choice_here(sets)) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    unit(test_a_rich_machine),
	    unit(test_a_plain_machine),
	    unit(test_where_one_is_wanted_and_two_are_equal),
	    unit(test_the_environment_names_nodes),
	    unit(test_the_environment_sets_the_threshold),
	    unit(test_high_bandwidth_at_one_socket_only),
	    unit(test_the_nodes_for_here),
	    unit(test_this_machine),
	};

	return cmocka_run_group_tests_name("node_choice", tests, NULL, NULL);
}
