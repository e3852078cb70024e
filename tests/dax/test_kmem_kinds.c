// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_kmem_kinds.c -- where the memory of static kinds really is, on a
 * machine with two nodes: one with processors, and a device in system-ram mode,
 * of which the firmware says that it is slow to answer and fast to transfer.
 *
 * It runs before test_kmem_names, which takes the device away and brings it back:
 * the kernel passes on the firmware's words only once.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <errno.h>
#include <memkind_arena.h>
#include <memkind_dax_kmem.h>
#include <memkind_default.h>
#include <memkind_hbw.h>
#include <memkind_hugetlb.h>
#include <memkind_mem_attributes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	HOME = 0, /* the node with processors */
	NR_HUGE = 8,
	NR_PAGES = 1024
};

static int Kmem; /* the other one */

static const char *
pool_of(int node, const char *what)
{
	static char Path[128];

	(void)snprintf(Path, sizeof(Path),
	    "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/%s",
	    node, what);
	return Path;
}

static long
read_number(const char *path)
{
	long number = -1;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &number), 1);
	assert_int_equal(fclose(file), 0);
	return number;
}

/* Huge pages on the one node only; must come before the library looks. */
static int
reserve_huge_pages(void **state)
{
	const char *node = getenv("DAX_PATH");
	FILE *file;

	(void)state;
	assert_non_null(node);
	Kmem = atoi(node);
	assert_int_not_equal(Kmem, HOME);
	file = fopen(pool_of(HOME, "nr_hugepages"), "w");
	assert_non_null(file);
	assert_true(fprintf(file, "%d\n", NR_HUGE) > 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(read_number(pool_of(HOME, "nr_hugepages")), NR_HUGE);
	return 0;
}

/* Pages of a block that are on each of the two nodes. */
static void
count_pages(const char *p, unsigned counts[2])
{
	uintptr_t first = ((uintptr_t)p + TEST_PAGE - 1) & ~(TEST_PAGE - 1);

	counts[0] = counts[1] = 0;
	for (uintptr_t i = 0; i + 1 < NR_PAGES; i++) {
		void *page = (void *)(first + i * TEST_PAGE);
		int status = -1;

		assert_int_equal(
		    syscall(SYS_move_pages, 0, 1L, &page, NULL, &status, 0), 0);
		if (status == HOME)
			counts[0]++;
		else if (status == Kmem)
			counts[1]++;
		else
			fail_msg("page %zu is on node %d", i, status);
	}
}

enum where {
	AT_HOME,
	AT_KMEM,
	ON_BOTH
};

static void
check_place(memkind_t kind, enum where where)
{
	unsigned counts[2];
	char *p;

	assert_int_equal(memkind_check_available(kind), MEMKIND_SUCCESS);
	p = memkind_malloc(kind, NR_PAGES * TEST_PAGE);
	assert_non_null(p);
	assert_ptr_equal(memkind_detect_kind(p), kind);
	memset(p, 1, NR_PAGES * TEST_PAGE);
	count_pages(p, counts);
	print_message("%u at home, %u on the device\n", counts[0], counts[1]);
	switch (where) {
	case AT_HOME:
		assert_int_equal(counts[1], 0);
		break;
	case AT_KMEM:
		assert_int_equal(counts[0], 0);
		break;
	case ON_BOTH:
	default:
		assert_true(counts[0] >= NR_PAGES / 3);
		assert_true(counts[1] >= NR_PAGES / 3);
	}
	memkind_free(kind, p);
	/* Small blocks are no exception. */
	void *small = memkind_malloc(kind, 100);
	assert_non_null(small);
	memset(small, 1, 100);
	memkind_free(NULL, small);
}

static void
test_where_the_memory_is(void **state)
{
	static const struct {
		const char *name;
		memkind_t *kind;
		struct memkind_ops *ops;
		enum where where;
	} rows[] = {
#define ROW(name, where) {#name, &MEMKIND_##name, &MEMKIND_##name##_OPS, where}
	    ROW(REGULAR, AT_HOME),
	    ROW(INTERLEAVE, ON_BOTH),
	    ROW(DAX_KMEM, AT_KMEM),
	    ROW(DAX_KMEM_ALL, AT_KMEM),
	    ROW(DAX_KMEM_PREFERRED, AT_KMEM),
	    ROW(DAX_KMEM_INTERLEAVE, AT_KMEM),
	    ROW(HIGHEST_CAPACITY, AT_HOME),
	    ROW(HIGHEST_CAPACITY_PREFERRED, AT_HOME),
	    ROW(HIGHEST_CAPACITY_LOCAL, AT_HOME),
	    ROW(LOWEST_LATENCY_LOCAL, AT_HOME),
	    ROW(LOWEST_LATENCY_LOCAL_PREFERRED, AT_HOME),
	    ROW(HIGHEST_BANDWIDTH_LOCAL, AT_KMEM),
	    ROW(HIGHEST_BANDWIDTH_LOCAL_PREFERRED, AT_KMEM),
	    ROW(HBW, AT_KMEM),
	    ROW(HBW_ALL, AT_KMEM),
	    ROW(HBW_PREFERRED, AT_KMEM),
	    ROW(HBW_INTERLEAVE, AT_KMEM),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memkind_t kind;

		dk_row(rows[i].name);
		check_place(*rows[i].kind, rows[i].where);
		/* a kind of the same operations */
		assert_int_equal(memkind_create(rows[i].ops, "made", &kind), 0);
		check_place(kind, rows[i].where);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
}

static void
test_capacities(void **state)
{
	ssize_t all = memkind_get_capacity(MEMKIND_DEFAULT);
	ssize_t home = memkind_get_capacity(MEMKIND_REGULAR);
	ssize_t device = memkind_get_capacity(MEMKIND_DAX_KMEM);

	(void)state;
	assert_true(device > 0 && home > device);
	assert_int_equal(all, home + device);
	assert_int_equal(memkind_get_capacity(MEMKIND_DAX_KMEM_PREFERRED), -1);
	assert_int_equal(memkind_get_capacity(MEMKIND_HUGETLB),
	    NR_HUGE * 2 * (ssize_t)TEST_MIB);
}

static void
test_masks(void **state)
{
	unsigned long mask = 0;

	(void)state;
	assert_int_equal(
	    memkind_dax_kmem_all_get_mbind_nodemask(NULL, &mask, 64), 0);
	assert_int_equal(mask, 1UL << Kmem);
	assert_int_equal(
	    memkind_hbw_all_get_mbind_nodemask(NULL, &mask, 64), 0);
	assert_int_equal(mask, 1UL << Kmem);
	assert_int_equal(
	    memkind_regular_all_get_mbind_nodemask(NULL, &mask, 64), 0);
	assert_int_equal(mask, 1UL << HOME);
	assert_int_equal(
	    memkind_default_get_mbind_nodemask(NULL, &mask, 64), 0);
	assert_int_equal(mask, 1UL << HOME | 1UL << Kmem);
}

static void
test_huge_pages(void **state)
{
	size_t size = (NR_HUGE - 1) * 2 * TEST_MIB;

	(void)state;
	assert_int_equal(memkind_check_available(MEMKIND_HUGETLB), 0);
	for (int i = 0; i < 3; i++) {
		char *p = memkind_malloc(MEMKIND_HUGETLB, size);

		assert_non_null(p);
		memset(p, 1, size);
		assert_true(read_number(pool_of(HOME, "free_hugepages")) <= 1);
		char *q = memkind_malloc(MEMKIND_HUGETLB, 100);
		assert_non_null(q);
		memset(q, 1, 100);
		errno = 0;
		assert_null(memkind_malloc(MEMKIND_HUGETLB, 4 * TEST_MIB));
		assert_int_equal(errno, ENOMEM);
		memkind_free(MEMKIND_HUGETLB, p);
		/* What other arenas keep is had, too. */
		p = memkind_calloc(MEMKIND_HUGETLB, 1, size);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0, size));
		memkind_free(MEMKIND_HUGETLB, p);
		memkind_free(MEMKIND_HUGETLB, q);
	}
	/* A kind of the same operations. */
	memkind_t kind;
	long before = read_number(pool_of(HOME, "free_hugepages"));
	assert_int_equal(
	    memkind_create(&MEMKIND_HUGETLB_OPS, "made", &kind), 0);
	assert_int_equal(memkind_check_available(kind), MEMKIND_SUCCESS);
	char *made = memkind_malloc(kind, 3 * TEST_MIB);
	assert_non_null(made);
	memset(made, 1, 3 * TEST_MIB);
	assert_true(read_number(pool_of(HOME, "free_hugepages")) <= before - 2);
	memkind_free(kind, made);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(read_number(pool_of(HOME, "free_hugepages")), before);

	/* The device's node has none; a store to a page of it is never tried. */
	assert_int_equal(
	    memkind_create(&MEMKIND_HBW_HUGETLB_OPS, "made", &kind), 0);
	assert_int_equal(memkind_check_available(kind), MEMKIND_ERROR_HUGETLB);
	assert_null(memkind_malloc(kind, 100));
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(memkind_check_available(MEMKIND_HBW_HUGETLB),
	    MEMKIND_ERROR_HUGETLB);
	assert_null(memkind_malloc(MEMKIND_HBW_HUGETLB, 100));
}

static void
test_a_program_binds_its_own(void **state)
{
	static struct memkind_ops ops = {
	    .create = memkind_arena_create,
	    .destroy = memkind_arena_destroy,
	    .malloc = memkind_arena_malloc,
	    .calloc = memkind_arena_calloc,
	    .posix_memalign = memkind_arena_posix_memalign,
	    .realloc = memkind_arena_realloc,
	    .free = memkind_arena_free,
	    .malloc_usable_size = memkind_default_malloc_usable_size,
	    .mbind = memkind_default_mbind,
	    .get_mbind_mode = memkind_default_get_mbind_mode,
	    .get_mbind_nodemask = memkind_dax_kmem_all_get_mbind_nodemask,
	};
	memkind_t kind;

	(void)state;
	assert_int_equal(memkind_create(&ops, "bound", &kind), 0);
	check_place(kind, AT_KMEM);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

static void
test_kinds_by_their_properties(void **state)
{
	memkind_t kind;

	(void)state;
	assert_int_equal(memkind_create_kind(MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
			     MEMKIND_POLICY_BIND_LOCAL, 0, &kind),
	    MEMKIND_SUCCESS);
	assert_ptr_equal(kind, MEMKIND_HBW);
	assert_int_equal(
	    memkind_create_kind(MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
		MEMKIND_POLICY_BIND_LOCAL, MEMKIND_MASK_PAGE_SIZE_2MB, &kind),
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_where_the_memory_is),
	    cmocka_unit_test(test_capacities),
	    cmocka_unit_test(test_masks),
	    cmocka_unit_test(test_huge_pages),
	    cmocka_unit_test(test_a_program_binds_its_own),
	    cmocka_unit_test(test_kinds_by_their_properties),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name(
	    "kmem kinds", tests, reserve_huge_pages, NULL);
}
