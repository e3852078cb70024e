// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_hbw.c -- hbwmalloc.h and memkind_deprecated.h.
 *
 * A policy is chosen once in a process, and so are the nodes: each case runs in
 * a child.  Node 0 is taken for one of high bandwidth where the case wants one.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <hbwmalloc.h>
#include <memkind.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GIB ((size_t)1 << 30)

/* In a child, cmocka is not there to tell. */
#define CHECK(condition)                                                  \
	do {                                                              \
		if (!(condition)) {                                       \
			fprintf(stderr, "line %d: %s failed\n", __LINE__, \
			    #condition);                                  \
			return 1;                                         \
		}                                                         \
	} while (0)

static int
without_hbw(void)
{
	return unsetenv("MEMKIND_HBW_NODES") |
	       setenv("MEMKIND_HBW_THRESHOLD", "99999999", 1);
}

static int
with_hbw(void)
{
	return setenv("MEMKIND_HBW_NODES", "0", 1);
}

static int
run_policies(void *arg)
{
	hbw_policy_t policy = *(const hbw_policy_t *)arg;

	CHECK(with_hbw() == 0);
	CHECK(hbw_get_policy() == HBW_POLICY_PREFERRED);
	CHECK(hbw_set_policy((hbw_policy_t)0) == EINVAL);
	CHECK(hbw_set_policy((hbw_policy_t)5) == EINVAL);
	CHECK(hbw_set_policy(policy) == 0);
	CHECK(hbw_get_policy() == policy);
	CHECK(hbw_set_policy(policy) == 0);
	for (int other = 1; other <= 4; other++)
		CHECK(hbw_set_policy((hbw_policy_t)other) ==
		      (other == (int)policy ? 0 : EPERM));
	CHECK(hbw_get_policy() == policy);
	CHECK(hbw_check_available() == 0);

	const memkind_t wanted[] = {NULL, MEMKIND_HBW, MEMKIND_HBW_PREFERRED,
	    MEMKIND_HBW_INTERLEAVE, MEMKIND_HBW_ALL};
	char *p = hbw_malloc(1000);
	CHECK(p != NULL && memkind_detect_kind(p) == wanted[policy]);
	memset(p, 7, 1000);
	CHECK(hbw_verify_memory_region(p, 1000, 0) == 0);
	p = hbw_realloc(p, 100000);
	CHECK(p != NULL && test_all_bytes(p, 7, 1000));
	CHECK(memkind_detect_kind(p) == wanted[policy]);
	CHECK(hbw_malloc_usable_size(p) >= 100000);
	hbw_free(p);
	p = hbw_calloc(10, 1000);
	CHECK(p != NULL && test_all_bytes(p, 0, 10000));
	CHECK(memkind_detect_kind(p) == wanted[policy]);
	hbw_free(p);
	void *q = NULL;
	CHECK(hbw_posix_memalign(&q, 4096, 100) == 0);
	CHECK((uintptr_t)q % 4096 == 0);
	CHECK(memkind_detect_kind(q) == wanted[policy]);
	hbw_free(q);
	CHECK(hbw_posix_memalign_psize(&q, 64, 100, HBW_PAGESIZE_4KB) == 0);
	CHECK(memkind_detect_kind(q) == wanted[policy]);
	hbw_free(q);

	/* What is freed is there for others. */
	size_t before = test_allocated(wanted[policy]);
	p = hbw_malloc(8 * TEST_MIB);
	CHECK(p != NULL);
	CHECK(test_allocated(wanted[policy]) >= before + 8 * TEST_MIB);
	hbw_free(p);
	CHECK(test_allocated(wanted[policy]) < before + TEST_MIB);

	/* Huge pages: there may be some. */
	int huge = hbw_posix_memalign_psize(&q, 64, 100, HBW_PAGESIZE_2MB);
	int gigantic = hbw_posix_memalign_psize(&q, 64, 100, HBW_PAGESIZE_1GB);
	if (policy == HBW_POLICY_INTERLEAVE)
		CHECK(huge == EINVAL && gigantic == EINVAL);
	else
		CHECK((huge == 0 || huge == ENOMEM) &&
		      (gigantic == 0 || gigantic == ENOMEM));
	CHECK(hbw_posix_memalign_psize(
		  &q, 64, GIB + 1, HBW_PAGESIZE_1GB_STRICT) == EINVAL);
	return 0;
}

static int
run_unknown_pages(void *arg)
{
	void *q = NULL;

	(void)arg;
	CHECK(with_hbw() == 0);
	CHECK(hbw_posix_memalign_psize(&q, 64, 100, HBW_PAGESIZE_MAX_VALUE) ==
	      EINVAL);
	CHECK(hbw_posix_memalign_psize(&q, 64, 100, (hbw_pagesize_t)-1) ==
	      EINVAL);
	return 0;
}

static void
test_unknown_page_sizes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(run_unknown_pages, NULL), 0);
}

static void
test_each_policy(void **state)
{
	(void)state;
	for (int policy = 1; policy <= 4; policy++) {
		hbw_policy_t arg = (hbw_policy_t)policy;

		print_message("row: policy %d\n", policy);
		assert_int_equal(test_in_child(run_policies, &arg), 0);
	}
}

static int
run_without(void *arg)
{
	(void)arg;
	CHECK(without_hbw() == 0);
	CHECK(hbw_check_available() == ENODEV);
	void *p = hbw_malloc(100);
	CHECK(p != NULL && memkind_detect_kind(p) == MEMKIND_DEFAULT);
	memset(p, 1, 100);
	CHECK(hbw_verify_memory_region(p, 100, HBW_TOUCH_PAGES) == -1);
	hbw_free(p);
	/* The first allocation has settled it. */
	CHECK(hbw_set_policy(HBW_POLICY_BIND) == EPERM);
	CHECK(hbw_set_policy(HBW_POLICY_PREFERRED) == 0);
	return 0;
}

static int
run_without_bound(void *arg)
{
	void *p = NULL;

	(void)arg;
	CHECK(without_hbw() == 0);
	CHECK(hbw_set_policy(HBW_POLICY_BIND) == 0);
	errno = 0;
	CHECK(hbw_malloc(100) == NULL && errno == ENOMEM);
	errno = 0;
	CHECK(hbw_calloc(1, 100) == NULL && errno == ENOMEM);
	CHECK(hbw_posix_memalign(&p, 64, 100) == ENOMEM);
	CHECK(hbw_realloc(NULL, 100) == NULL);
	return 0;
}

static void
test_a_machine_without_such_memory(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(run_without, NULL), 0);
	assert_int_equal(test_in_child(run_without_bound, NULL), 0);
}

static int
run_sizes(void *arg)
{
	void *p = &errno;

	(void)arg;
	CHECK(with_hbw() == 0);
	CHECK(hbw_malloc(0) == NULL);
	CHECK(hbw_calloc(0, 5) == NULL && hbw_calloc(5, 0) == NULL);
	errno = 0;
	CHECK(hbw_malloc(SIZE_MAX / 2) == NULL && errno == ENOMEM);
	CHECK(hbw_posix_memalign(&p, 64, 0) == 0 && p == NULL);
	CHECK(hbw_posix_memalign(&p, 3, 10) == EINVAL);
	CHECK(hbw_posix_memalign(&p, 4, 10) == EINVAL);
	CHECK(hbw_realloc(hbw_malloc(10), 0) == NULL);
	CHECK(hbw_malloc_usable_size(NULL) == 0);
	hbw_free(NULL);
	return 0;
}

static int
run_overflow(void *arg)
{
	(void)arg;
	CHECK(with_hbw() == 0);
	errno = 0;
	CHECK(hbw_calloc(SIZE_MAX / 2 + 9, 2) == NULL && errno == ENOMEM);
	return 0;
}

static int
run_nowhere(void *arg)
{
	(void)arg;
	CHECK(with_hbw() == 0);
	CHECK(hbw_posix_memalign(NULL, 64, 10) == EINVAL);
	CHECK(
	    hbw_posix_memalign_psize(NULL, 64, 10, HBW_PAGESIZE_4KB) == EINVAL);
	return 0;
}

static void
test_sizes_and_alignments(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(run_sizes, NULL), 0);
}

static void
test_calloc_overflow_is_enomem(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(run_overflow, NULL), 0);
}

static void
test_nowhere_to_put_a_block_is_refused(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(run_nowhere, NULL), 0);
}

static int
run_verify(void *arg)
{
	size_t len = 16 * TEST_PAGE;
	char *map = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	CHECK(map != MAP_FAILED);
	CHECK(with_hbw() == 0);
	CHECK(hbw_verify_memory_region(NULL, 1, 0) == EINVAL);
	CHECK(hbw_verify_memory_region(map, 0, 0) == EINVAL);
	CHECK(hbw_verify_memory_region(map, 1, 2) == EINVAL);
	/* in memory only once it was touched */
	CHECK(hbw_verify_memory_region(map, len, 0) == -1);
	map[0] = 5;
	CHECK(hbw_verify_memory_region(map, 1, 0) == 0);
	CHECK(hbw_verify_memory_region(map, TEST_PAGE + 1, 0) == -1);
	CHECK(hbw_verify_memory_region(map + 1, len - 1, HBW_TOUCH_PAGES) == 0);
	CHECK(map[0] == 5 && map[TEST_PAGE] == 0);
	CHECK(hbw_verify_memory_region(map, len, 0) == 0);
	CHECK(munmap(map, len) == 0);
	CHECK(hbw_verify_memory_region(map, len, 0) == -1);
	return 0;
}

static int
run_touch_nothing(void *arg)
{
	size_t len = 16 * TEST_PAGE;
	char *map = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	CHECK(map != MAP_FAILED);
	CHECK(with_hbw() == 0);
	CHECK(munmap(map, len) == 0);
	CHECK(hbw_verify_memory_region(map, len, HBW_TOUCH_PAGES) == EFAULT);
	return 0;
}

static void
test_where_a_region_is(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(run_verify, NULL), 0);
}

static void
test_a_region_that_is_not_there_is_not_touched(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(run_touch_nothing, NULL), 0);
}

static int
run_verify_wrapped(void *arg)
{
	CHECK(with_hbw() == 0);
	CHECK(hbw_verify_memory_region(&arg, SIZE_MAX, 0) == EINVAL);
	return 0;
}

static void
test_a_region_that_wraps_is_refused(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(run_verify_wrapped, NULL), 0);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* In the order of their numbers, which programs have compiled in. */
static void
test_kinds_by_number(void **state)
{
	static const int bad[] = {-1, MEMKIND_NUM_BASE_KIND, 511, 1 << 30};
	const memkind_t kinds[] = {
	    MEMKIND_DEFAULT,
	    MEMKIND_HBW,
	    MEMKIND_HBW_HUGETLB,
	    MEMKIND_HBW_PREFERRED,
	    MEMKIND_HBW_PREFERRED_HUGETLB,
	    MEMKIND_HUGETLB,
	    MEMKIND_HBW_GBTLB,
	    MEMKIND_HBW_PREFERRED_GBTLB,
	    MEMKIND_GBTLB,
	    MEMKIND_HBW_INTERLEAVE,
	    MEMKIND_INTERLEAVE,
	    MEMKIND_REGULAR,
	    MEMKIND_HBW_ALL,
	    MEMKIND_HBW_ALL_HUGETLB,
	    MEMKIND_DAX_KMEM,
	    MEMKIND_DAX_KMEM_ALL,
	    MEMKIND_DAX_KMEM_PREFERRED,
	    MEMKIND_DAX_KMEM_INTERLEAVE,
	    MEMKIND_HIGHEST_CAPACITY,
	    MEMKIND_HIGHEST_CAPACITY_PREFERRED,
	    MEMKIND_HIGHEST_CAPACITY_LOCAL,
	    MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED,
	    MEMKIND_LOWEST_LATENCY_LOCAL,
	    MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED,
	    MEMKIND_HIGHEST_BANDWIDTH_LOCAL,
	    MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED,
	};

	(void)state;
	assert_int_equal(MEMKIND_NUM_BASE_KIND, ARRAY_LEN(kinds));
	assert_int_equal(MEMKIND_PARTITION_HBW_PREFERRED_GBTLB, 7);
	for (int i = 0; i < MEMKIND_NUM_BASE_KIND; i++) {
		memkind_t kind = NULL;

		assert_int_equal(
		    memkind_get_kind_by_partition(i, &kind), MEMKIND_SUCCESS);
		assert_ptr_equal(kind, kinds[i]);
		for (int j = 0; j < i; j++)
			assert_ptr_not_equal(kinds[i], kinds[j]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		memkind_t kind = MEMKIND_DEFAULT;

		assert_int_equal(memkind_get_kind_by_partition(bad[i], &kind),
		    MEMKIND_ERROR_UNAVAILABLE);
		assert_null(kind);
	}
}

static void
test_nowhere_to_put_a_kind_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    memkind_get_kind_by_partition(0, NULL), MEMKIND_ERROR_INVALID);
}

/* Where the kernel has no page of 1 GiB, or no memory of high bandwidth, they
 * say so; else they work. */
static void
test_gigantic_pages(void **state)
{
	const memkind_t kinds[] = {
	    MEMKIND_GBTLB, MEMKIND_HBW_GBTLB, MEMKIND_HBW_PREFERRED_GBTLB};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		errno = 0;
		char *p = memkind_malloc(kinds[i], 100000);
		int err = memkind_check_available(kinds[i]);
		if (err != MEMKIND_SUCCESS) {
			assert_true(err == MEMKIND_ERROR_HUGETLB || i != 0);
			assert_null(p);
			assert_int_equal(errno, ENOMEM);
			continue;
		}
		if (p == NULL)
			continue; /* others have them all */
		memset(p, 1, 100000);
		assert_ptr_equal(memkind_detect_kind(p), kinds[i]);
		memkind_free(NULL, p);
	}
}

static void
test_gigantic_pages_that_are_not_there(void **state)
{
	FILE *f = fopen(
	    "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "re");
	char line[32] = "0";

	(void)state;
	if (f != NULL) {
		assert_non_null(fgets(line, sizeof(line), f));
		assert_int_equal(fclose(f), 0);
	}
	if (atoi(line) == 0)
		assert_int_equal(memkind_check_available(MEMKIND_GBTLB),
		    MEMKIND_ERROR_HUGETLB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_each_policy),
	    test_unit(test_a_machine_without_such_memory),
	    test_unit(test_unknown_page_sizes_are_refused),
	    test_unit(test_sizes_and_alignments),
	    test_unit(test_calloc_overflow_is_enomem),
	    test_unit(test_nowhere_to_put_a_block_is_refused),
	    test_unit(test_where_a_region_is),
	    test_unit(test_a_region_that_is_not_there_is_not_touched),
	    test_unit(test_a_region_that_wraps_is_refused),
	    test_unit(test_kinds_by_number),
	    test_unit(test_nowhere_to_put_a_kind_is_refused),
	    test_unit(test_gigantic_pages),
	    test_unit(test_gigantic_pages_that_are_not_there),
	};

	return cmocka_run_group_tests_name("hbw", tests, NULL, NULL);
}
