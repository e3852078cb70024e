// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_ops_tables.c -- the tables MEMKIND_*_OPS: what a kind that is made with
 * one is, beside the static kind that it is named after.
 *
 * Nodes are looked for once in a process: the cases run as the machine is, and
 * again in a process for which node 0 is of high bandwidth and a DAX device.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <memkind_arena.h>
#include <memkind_dax_kmem.h>
#include <memkind_default.h>
#include <memkind_fixed.h>
#include <memkind_hbw.h>
#include <memkind_hugetlb.h>
#include <memkind_mem_attributes.h>
#include <memkind_pmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 16
#define MPOL_F_ADDR 2

static const struct row {
	const char *name;
	struct memkind_ops *ops;
	memkind_t *kind;
} Rows[] = {
    {"DEFAULT", &MEMKIND_DEFAULT_OPS, &MEMKIND_DEFAULT},
    {"REGULAR", &MEMKIND_REGULAR_OPS, &MEMKIND_REGULAR},
    {"INTERLEAVE", &MEMKIND_INTERLEAVE_OPS, &MEMKIND_INTERLEAVE},
    {"HUGETLB", &MEMKIND_HUGETLB_OPS, &MEMKIND_HUGETLB},
    {"GBTLB", &MEMKIND_GBTLB_OPS, &MEMKIND_GBTLB},
    {"HBW", &MEMKIND_HBW_OPS, &MEMKIND_HBW},
    {"HBW_ALL", &MEMKIND_HBW_ALL_OPS, &MEMKIND_HBW_ALL},
    {"HBW_HUGETLB", &MEMKIND_HBW_HUGETLB_OPS, &MEMKIND_HBW_HUGETLB},
    {"HBW_ALL_HUGETLB", &MEMKIND_HBW_ALL_HUGETLB_OPS, &MEMKIND_HBW_ALL_HUGETLB},
    {"HBW_PREFERRED", &MEMKIND_HBW_PREFERRED_OPS, &MEMKIND_HBW_PREFERRED},
    {"HBW_PREFERRED_HUGETLB", &MEMKIND_HBW_PREFERRED_HUGETLB_OPS,
	&MEMKIND_HBW_PREFERRED_HUGETLB},
    {"HBW_INTERLEAVE", &MEMKIND_HBW_INTERLEAVE_OPS, &MEMKIND_HBW_INTERLEAVE},
    {"HBW_GBTLB", &MEMKIND_HBW_GBTLB_OPS, &MEMKIND_HBW_GBTLB},
    {"HBW_PREFERRED_GBTLB", &MEMKIND_HBW_PREFERRED_GBTLB_OPS,
	&MEMKIND_HBW_PREFERRED_GBTLB},
    {"DAX_KMEM", &MEMKIND_DAX_KMEM_OPS, &MEMKIND_DAX_KMEM},
    {"DAX_KMEM_ALL", &MEMKIND_DAX_KMEM_ALL_OPS, &MEMKIND_DAX_KMEM_ALL},
    {"DAX_KMEM_PREFERRED", &MEMKIND_DAX_KMEM_PREFERRED_OPS,
	&MEMKIND_DAX_KMEM_PREFERRED},
    {"DAX_KMEM_INTERLEAVE", &MEMKIND_DAX_KMEM_INTERLEAVE_OPS,
	&MEMKIND_DAX_KMEM_INTERLEAVE},
    {"HIGHEST_CAPACITY", &MEMKIND_HIGHEST_CAPACITY_OPS,
	&MEMKIND_HIGHEST_CAPACITY},
    {"HIGHEST_CAPACITY_PREFERRED", &MEMKIND_HIGHEST_CAPACITY_PREFERRED_OPS,
	&MEMKIND_HIGHEST_CAPACITY_PREFERRED},
    {"HIGHEST_CAPACITY_LOCAL", &MEMKIND_HIGHEST_CAPACITY_LOCAL_OPS,
	&MEMKIND_HIGHEST_CAPACITY_LOCAL},
    {"HIGHEST_CAPACITY_LOCAL_PREFERRED",
	&MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED_OPS,
	&MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED},
    {"LOWEST_LATENCY_LOCAL", &MEMKIND_LOWEST_LATENCY_LOCAL_OPS,
	&MEMKIND_LOWEST_LATENCY_LOCAL},
    {"LOWEST_LATENCY_LOCAL_PREFERRED",
	&MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED_OPS,
	&MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED},
    {"HIGHEST_BANDWIDTH_LOCAL", &MEMKIND_HIGHEST_BANDWIDTH_LOCAL_OPS,
	&MEMKIND_HIGHEST_BANDWIDTH_LOCAL},
    {"HIGHEST_BANDWIDTH_LOCAL_PREFERRED",
	&MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED_OPS,
	&MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED},
};

/* How the kernel places the page of an address. */
struct placing {
	int mode;
	unsigned long nodes[WORDS];
	bool no_huge; /* no transparent huge pages */
};

/* "nh" among the flags of the mapping that has p. */
static bool
refuses_huge_pages(const void *p)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512];
	bool is_in = false, result = false;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		char *end;
		uintptr_t from = strtoul(line, &end, 16);

		if (*end == '-') {
			uintptr_t to = strtoul(end + 1, NULL, 16);

			is_in = (uintptr_t)p >= from && (uintptr_t)p < to;
		}
		if (is_in && strncmp(line, "VmFlags:", 8) == 0)
			result = strstr(line, " nh") != NULL;
	}
	assert_int_equal(fclose(file), 0);
	return result;
}

static struct placing
placing_of(const void *p)
{
	struct placing placing = {0};

	/* Where it is not permitted, both have nothing. */
	(void)syscall(SYS_get_mempolicy, &placing.mode, placing.nodes,
	    WORDS * 64, p, MPOL_F_ADDR);
	placing.no_huge = refuses_huge_pages(p);
	return placing;
}

static void
check_same_placing(memkind_t kind, memkind_t model)
{
	char *p = memkind_malloc(kind, 3 * TEST_MIB);
	char *q = memkind_malloc(model, 3 * TEST_MIB);

	assert_true((p != NULL) == (q != NULL));
	if (p == NULL)
		return;
	test_touch(p, 3 * TEST_MIB);
	test_touch(q, 3 * TEST_MIB);
	struct placing ours = placing_of(p), theirs = placing_of(q);
	assert_int_equal(ours.mode, theirs.mode);
	assert_memory_equal(ours.nodes, theirs.nodes, sizeof(ours.nodes));
	assert_int_equal(ours.no_huge, theirs.no_huge);
	memkind_free(kind, p);
	memkind_free(model, q);
}

static void
check_blocks(memkind_t kind, memkind_t owner)
{
	size_t value = 0;
	void *q = NULL;

	for (size_t size = 1; size < 4 * TEST_MIB; size = size * 17 + 3) {
		char *p = memkind_malloc(kind, size);

		assert_non_null(p);
		memset(p, 0x5a, size);
		assert_ptr_equal(memkind_detect_kind(p), owner);
		assert_in_range(
		    memkind_malloc_usable_size(kind, p), size, size * 2 + 64);
		p = memkind_realloc(kind, p, size + 100);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0x5a, size));
		char *moved = memkind_defrag_reallocate(kind, p);
		p = moved != NULL ? moved : p;
		assert_true(test_all_bytes(p, 0x5a, size));
		memkind_free(kind, p);
		p = memkind_calloc(kind, 2, size);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0, 2 * size));
		memkind_free(NULL, p);
	}
	assert_int_equal(memkind_posix_memalign(kind, &q, 8192, 100), 0);
	assert_int_equal((uintptr_t)q % 8192, 0);
	assert_int_equal(memkind_update_cached_stats(), MEMKIND_SUCCESS);
	assert_int_equal(
	    memkind_get_stat(kind, MEMKIND_STAT_TYPE_ALLOCATED, &value),
	    MEMKIND_SUCCESS);
	assert_true(value >= 100);
	memkind_free(kind, q);
	errno = 0;
	assert_null(memkind_malloc(kind, SIZE_MAX / 2));
	assert_int_equal(errno, ENOMEM);
}

static void
test_kinds_are_as_the_static_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		memkind_t model = *Rows[i].kind, kind = NULL;
		int err = memkind_check_available(model);

		print_message("row: %s: %d\n", Rows[i].name, err);
		assert_int_equal(
		    memkind_create(Rows[i].ops, Rows[i].name, &kind),
		    MEMKIND_SUCCESS);
		assert_int_equal(memkind_check_available(kind), err);
		if (err != MEMKIND_SUCCESS) {
			assert_null(memkind_malloc(kind, 100));
			assert_int_equal(errno, ENOMEM);
		} else if (strstr(Rows[i].name, "TLB") == NULL) {
			check_blocks(
			    kind, model == MEMKIND_DEFAULT ? model : kind);
			check_same_placing(kind, model);
		} else {
			/* Of huge pages others may have taken the last. */
			char *p = memkind_malloc(kind, 100000);

			if (p != NULL)
				memset(p, 1, 100000);
			memkind_free(kind, p);
		}
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
}

/* --- a copy that is changed -------------------------------------------------------- */

static size_t Nr_blocks, Nr_mapped;

static void *
count_blocks(struct memkind *kind, size_t size)
{
	Nr_blocks++;
	return memkind_arena_malloc(kind, size);
}

static int
count_mapped(struct memkind *kind, void *ptr, size_t size)
{
	Nr_mapped += size;
	return MEMKIND_INTERLEAVE_OPS.mbind(kind, ptr, size);
}

static void
test_a_copy_can_be_changed(void **state)
{
	struct memkind_ops ops = MEMKIND_INTERLEAVE_OPS;
	memkind_t kind;

	(void)state;
	ops.malloc = count_blocks;
	ops.mbind = count_mapped;
	Nr_blocks = 0;
	Nr_mapped = 0;
	assert_int_equal(
	    memkind_create(&ops, "a copy", &kind), MEMKIND_SUCCESS);
	void *p = memkind_malloc(kind, TEST_MIB);
	assert_non_null(p);
	assert_int_equal(Nr_blocks, 1);
	assert_true(Nr_mapped >= TEST_MIB);
	check_same_placing(kind, MEMKIND_INTERLEAVE);
	memkind_free(kind, p);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

/* --- tables of kinds over a region ----------------------------------------------- */

static void
test_a_table_for_regions(void **state)
{
	struct memkind_ops *const tables[] = {
	    &MEMKIND_PMEM_OPS, &MEMKIND_FIXED_OPS};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct daxkind_region *region;
		memkind_t kind;
		int flags = 0;

		/* without a region there is nothing to make it of */
		assert_int_equal(memkind_create(tables[i], "none", &kind),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(daxkind_region_open_dir(
				     test_dir(), 16 * TEST_MIB, 0, &region),
		    0);
		assert_int_equal(daxkind_kind_create_with_ops(region, tables[i],
				     sizeof(struct memkind_ops), "pmem", &kind),
		    0);
		check_blocks(kind, kind);
		char *p = tables[i]->mmap(kind, NULL, TEST_PAGE);
		assert_ptr_not_equal(p, MAP_FAILED);
		memset(p, 1, TEST_PAGE);
		memkind_free(kind, p);
		if (tables[i] == &MEMKIND_PMEM_OPS) {
			assert_int_equal(
			    tables[i]->get_mmap_flags(kind, &flags), 0);
			assert_int_equal(flags, MAP_SHARED);
		}
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
		assert_int_equal(daxkind_region_close(region), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds_are_as_the_static_ones),
	    cmocka_unit_test(test_a_copy_can_be_changed),
	    test_unit(test_a_table_for_regions),
	};
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (setenv("MEMKIND_HBW_NODES", "0", 1) != 0 ||
		    setenv("MEMKIND_DAX_KMEM_NODES", "0", 1) != 0)
			return 99;
		return cmocka_run_group_tests_name(
		    "ops_tables with nodes", tests, NULL, NULL);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		printf("the process with nodes ended with %#x\n",
		    (unsigned)status);
		return 1;
	}
	return cmocka_run_group_tests_name("ops_tables", tests, NULL, NULL);
}
