// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dram_source.c -- memory for heaps without a region.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_numa.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"
#include "dram/dram_source.h"

static const char Hog[] = "MEMKIND_HOG_MEMORY";

static struct dram_source Source;

static int
teardown(void **state)
{
	(void)unsetenv(Hog);
	mock_os_reset();
	mock_numa_set_huge_pages(0);
	pool_fini(&Source.records);
	return test_leaks_teardown(state);
}

#define unit(f) cmocka_unit_test_setup_teardown(f, test_leaks_setup, teardown)

static void
init(enum mem_policy policy, enum node_choice choice, unsigned flags)
{
	const struct dram_memory memory = {policy, choice, flags};

	dram_source_init(&Source, &memory);
}

static char *
take(size_t len, size_t align, bool *is_zero)
{
	void *addr;

	return dram_source_take(&Source, len, align, &addr, is_zero) == 0
		   ? addr
		   : NULL;
}

static void
test_pages_come_and_go(void **state)
{
	bool is_zero = false;

	(void)state;
	init(MEM_POLICY_BIND, NODES_WITH_CPUS, DRAM_ANYWHERE);
	assert_int_equal(dram_memory_check(&Source.memory), 0);
	for (size_t align = DK_PAGE; align <= 8 * MIB; align *= 8) {
		char *p = take(3 * DK_PAGE, align, &is_zero);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % align, 0);
		assert_true(is_zero);
		assert_true(test_all_bytes(p, 0, 3 * DK_PAGE));
		memset(p, 0x5a, 3 * DK_PAGE);
		assert_int_equal(dram_source_give(&Source, p, 3 * DK_PAGE), 0);
		assert_int_equal(os_is_mapped(p), -ENOMEM);
	}
}

static void
test_no_memory_to_map(void **state)
{
	bool is_zero;

	(void)state;
	init(MEM_POLICY_ANY, NODES_WITH_MEMORY, 0);
	assert_int_equal(dram_memory_check(&Source.memory), 0);
	mock_os_fail_all("os_map_anon_aligned", ENOMEM);
	assert_null(take(DK_PAGE, DK_PAGE, &is_zero));
	mock_os_reset();
	assert_null(take(SIZE_MAX - DK_PAGE + 1, DK_PAGE, &is_zero));
}

static void
init_huge(size_t nr)
{
	mock_numa_set_huge_pages(nr);
	init(MEM_POLICY_ANY, NODES_WITH_MEMORY, DRAM_HUGE_PAGES);
}

/* |<-- a -->|<-- b -->|  left over  |   one huge page */
static void
test_huge_pages_are_cut_into_extents(void **state)
{
	bool is_zero = false;

	(void)state;
	init_huge(4);
	char *a = take(64 * KIB, DK_PAGE, &is_zero);
	assert_non_null(a);
	assert_int_equal((uintptr_t)a % DK_HUGE_PAGE, 0);
	assert_true(is_zero);
	assert_int_equal(mock_numa_nr_huge_pages(), 1);
	char *b = take(MIB, DK_PAGE, &is_zero);
	assert_ptr_equal(b, a + 64 * KIB);
	/* nobody looked whether it is */
	assert_false(is_zero);
	assert_int_equal(mock_numa_nr_huge_pages(), 1);
	char *c = take(MIB, DK_PAGE, &is_zero);
	assert_non_null(c);
	assert_int_equal(mock_numa_nr_huge_pages(), 2);
	/* Longer than a page: whole ones. */
	char *d = take(DK_HUGE_PAGE + DK_PAGE, DK_PAGE, &is_zero);
	assert_non_null(d);
	assert_int_equal(mock_numa_nr_huge_pages(), 4);
	memset(d, 1, DK_HUGE_PAGE + DK_PAGE);

	/* None is left for one page more, but for what is left over. */
	assert_null(take(DK_HUGE_PAGE, DK_PAGE, &is_zero));
	char *e = take(512 * KIB, DK_PAGE, &is_zero);
	assert_non_null(e);

	/* A page goes when all of it is free. */
	assert_int_equal(dram_source_give(&Source, a, 64 * KIB), 0);
	assert_int_equal(mock_numa_nr_huge_pages(), 4);
	assert_int_equal(dram_source_give(&Source, e, 512 * KIB), 0);
	assert_int_equal(dram_source_give(&Source, b, MIB), 0);
	assert_int_equal(mock_numa_nr_huge_pages(), 3);
	assert_int_equal(os_is_mapped(a), -ENOMEM);
	assert_int_equal(
	    dram_source_give(&Source, d, DK_HUGE_PAGE + DK_PAGE), 0);
	assert_int_equal(dram_source_give(&Source, c, MIB), 0);
	assert_int_equal(mock_numa_nr_huge_pages(), 0);
	assert_int_equal(Source.free.total, 0);
}

static void
test_huge_pages_are_aligned(void **state)
{
	bool is_zero;

	(void)state;
	init_huge(8);
	char *p = take(DK_PAGE, DK_PAGE, &is_zero);
	char *q = take(DK_PAGE, 64 * KIB, &is_zero);
	char *r = take(DK_PAGE, 8 * MIB, &is_zero);
	assert_true(p != NULL && q != NULL && r != NULL);
	assert_int_equal((uintptr_t)q % (64 * KIB), 0);
	assert_int_equal((uintptr_t)r % (8 * MIB), 0);
	assert_int_equal(dram_source_give(&Source, p, DK_PAGE), 0);
	assert_int_equal(dram_source_give(&Source, q, DK_PAGE), 0);
	assert_int_equal(dram_source_give(&Source, r, DK_PAGE), 0);
	assert_int_equal(mock_numa_nr_huge_pages(), 0);
}

/* A failure at any call leaves nothing mapped that nobody has. */
static void
test_huge_pages_and_failures(void **state)
{
	bool is_zero;
	unsigned i = 1;

	(void)state;
	for (;; i++) {
		init_huge(4);
		mock_os_fail_nth(i, ENOMEM);
		char *p = take(DK_PAGE, DK_PAGE, &is_zero);
		bool has_failed = mock_os_failed() != NULL;
		mock_os_reset();
		if (p != NULL)
			assert_int_equal(
			    dram_source_give(&Source, p, DK_PAGE), 0);
		assert_int_equal(mock_numa_nr_huge_pages(), 0);
		pool_fini(&Source.records);
		if (!has_failed)
			break;
		assert_null(p);
	}
	assert_true(i > 1);
}

static void
test_hogged_memory_is_kept(void **state)
{
	bool is_zero;

	(void)state;
	assert_int_equal(setenv(Hog, "1", 1), 0);
	init(MEM_POLICY_BIND, NODES_WITH_CPUS, DRAM_ANYWHERE);
	assert_int_equal(dram_memory_check(&Source.memory), 0);
	char *p = take(MIB, DK_PAGE, &is_zero);
	assert_non_null(p);
	assert_true(is_zero);
	memset(p, 0x5a, MIB);
	assert_int_equal(dram_source_give(&Source, p, MIB), 0);
	assert_int_equal(os_is_mapped(p), 0);
	assert_ptr_equal(take(MIB / 2, DK_PAGE, &is_zero), p);
	assert_false(is_zero);
	assert_int_equal(dram_source_give(&Source, p, MIB / 2), 0);
	assert_int_equal(os_unmap(p, MIB), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    unit(test_pages_come_and_go),
	    unit(test_no_memory_to_map),
	    unit(test_huge_pages_are_cut_into_extents),
	    unit(test_huge_pages_are_aligned),
	    unit(test_huge_pages_and_failures),
	    unit(test_hogged_memory_is_kept),
	};

	return cmocka_run_group_tests_name("dram_source", tests, NULL, NULL);
}
