// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_static_kinds.c -- kinds that nobody makes.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <memkind_fixed.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each kind that memkind.h names. */
static memkind_t *const All[] = {
    &MEMKIND_DEFAULT,
    &MEMKIND_REGULAR,
    &MEMKIND_HUGETLB,
    &MEMKIND_INTERLEAVE,
    &MEMKIND_HBW,
    &MEMKIND_HBW_ALL,
    &MEMKIND_HBW_HUGETLB,
    &MEMKIND_HBW_ALL_HUGETLB,
    &MEMKIND_HBW_PREFERRED,
    &MEMKIND_HBW_PREFERRED_HUGETLB,
    &MEMKIND_HBW_INTERLEAVE,
    &MEMKIND_DAX_KMEM,
    &MEMKIND_DAX_KMEM_ALL,
    &MEMKIND_DAX_KMEM_PREFERRED,
    &MEMKIND_DAX_KMEM_INTERLEAVE,
    &MEMKIND_HIGHEST_CAPACITY,
    &MEMKIND_HIGHEST_CAPACITY_PREFERRED,
    &MEMKIND_HIGHEST_CAPACITY_LOCAL,
    &MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED,
    &MEMKIND_LOWEST_LATENCY_LOCAL,
    &MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED,
    &MEMKIND_HIGHEST_BANDWIDTH_LOCAL,
    &MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED,
};

static memkind_t
kind_number(size_t i)
{
	return i == 0 ? MEMKIND_DEFAULT : MEMKIND_REGULAR;
}

static void
test_they_are_there_without_being_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memkind_t kind = kind_number(i);

		assert_non_null(kind);
		assert_int_equal(
		    memkind_check_available(kind), MEMKIND_SUCCESS);
		assert_true(memkind_get_capacity(kind) > 0);
#if TEST_OURS
		assert_null(daxkind_kind_region(kind));
#endif
	}
	assert_ptr_not_equal(MEMKIND_DEFAULT, MEMKIND_REGULAR);
}

static void
test_they_allocate(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t size = 1; size < 64 * TEST_MIB;
		     size = size * 5 + 1) {
			memkind_t kind = kind_number(i);
			char *p = memkind_malloc(kind, size);

			assert_non_null(p);
			memset(p, 0x5A, size);
			assert_ptr_equal(memkind_detect_kind(p), kind);
			p = memkind_realloc(kind, p, size * 2);
			assert_non_null(p);
			assert_true(test_all_bytes(p, 0x5A, size));
			memkind_free(i ? kind : NULL, p);
			p = memkind_calloc(kind, 1, size);
			assert_non_null(p);
			assert_true(test_all_bytes(p, 0, size));
			memkind_free(kind, p);
		}
}

static void
test_kinds_are_distinct(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(All); i++) {
		assert_non_null(*All[i]);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(*All[i], *All[j]);
	}
}

/* Whether others left enough of the machine's huge pages for what is asked for
 * below. */
static bool
has_huge_pages(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	int nr = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "HugePages_Free:", 15) == 0)
			nr = atoi(line + 15);
	}
	assert_int_equal(fclose(f), 0);
	return nr >= 12;
}

/* Where the memory is not there, every way to it says so. */
static void
test_what_is_available_allocates_and_what_is_not_does_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(All); i++) {
		memkind_t kind = *All[i];
		int err = memkind_check_available(kind);

		print_message("kind %zu: %d\n", i, err);
		if (kind == MEMKIND_HUGETLB && err == MEMKIND_SUCCESS &&
		    !has_huge_pages()) {
			print_message("too few huge pages are free\n");
			continue;
		}
		errno = 0;
		void *p = memkind_malloc(kind, 100);
		if (err == MEMKIND_SUCCESS) {
			assert_non_null(p);
			memset(p, 0x5a, 100);
			assert_ptr_equal(memkind_detect_kind(p), kind);
			p = memkind_realloc(kind, p, 3 * TEST_MIB);
			assert_non_null(p);
			assert_true(test_all_bytes(p, 0x5a, 100));
			memkind_free(NULL, p);
			assert_int_equal(memkind_posix_memalign(
					     kind, &p, 4096, 5 * TEST_MIB),
			    0);
			assert_int_equal((uintptr_t)p % 4096, 0);
			memkind_free(kind, p);
		} else {
			assert_null(p);
			assert_int_equal(errno, ENOMEM);
			assert_null(memkind_calloc(kind, 1, 100));
			p = &p;
			assert_int_equal(
			    memkind_posix_memalign(kind, &p, 64, 100), ENOMEM);
			assert_null(p);
			assert_null(memkind_realloc(kind, NULL, 100));
			assert_true(memkind_get_capacity(kind) <= 0);
		}
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
}

/* A block of another kind goes nowhere when there is no memory for it. */
static void
test_realloc_to_a_kind_without_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(All); i++) {
		memkind_t kind = *All[i];
		char *p = memkind_malloc(MEMKIND_REGULAR, 100);

		if (memkind_check_available(kind) != MEMKIND_SUCCESS) {
			errno = 0;
			assert_non_null(p);
			memset(p, 0x77, 100);
			assert_null(memkind_realloc(kind, p, 200));
			assert_true(test_all_bytes(p, 0x77, 100));
		}
		memkind_free(kind, p);
	}
}

static void *
use_all(void *arg)
{
	for (size_t n = 0; n < 10 * ARRAY_LEN(All); n++) {
		memkind_t kind = *All[n % ARRAY_LEN(All)];
		size_t size = 1 + n * 177;
		char *p = memkind_malloc(kind, size);

		/* others may have all huge pages */
		if (p == NULL && kind == MEMKIND_HUGETLB)
			continue;
		if ((p != NULL) !=
		    (memkind_check_available(kind) == MEMKIND_SUCCESS))
			return NULL;
		if (p == NULL)
			continue;
		memset(p, (int)n, size);
		if (memkind_detect_kind(p) != kind ||
		    !test_all_bytes(p, (int)(n & 0xff), size))
			return NULL;
		memkind_free(n % 2 ? kind : NULL, p);
	}
	return arg;
}

/* In a process where nobody has used one before. */
static int
use_all_at_once(void)
{
	/* memkind takes huge pages for each, which others may want */
	pthread_t threads[TEST_OURS ? 8 : 2];
	void *rc;

	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		if (pthread_create(&threads[i], NULL, use_all, threads) != 0)
			return 99;
	}
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		if (pthread_join(threads[i], &rc) != 0 || rc == NULL)
			return 1;
	}
	return 0;
}

static int
run_self(void *arg)
{
	static char self[] = "/proc/self/exe";
	char *argv[] = {self, arg, NULL};

	(void)execv(self, argv);
	return 99;
}

/* The memory is looked for by all of them. */
static void
test_threads_use_all_of_them_first_at_once(void **state)
{
	static char arg[] = "--all-at-once";

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(test_in_child(run_self, arg), 0);
}

#define BOTH (MEMKIND_MEMTYPE_DEFAULT | MEMKIND_MEMTYPE_HIGH_BANDWIDTH)
#define PAGES_2MB MEMKIND_MASK_PAGE_SIZE_2MB

static const struct {
	const char *why;
	unsigned memtype;
	memkind_policy_t policy;
	unsigned flags;
	memkind_t *kind; /* NULL: there is none */
} Properties[] = {
    {"plain memory", MEMKIND_MEMTYPE_DEFAULT, MEMKIND_POLICY_PREFERRED_LOCAL, 0,
	&MEMKIND_DEFAULT},
    {"huge pages", MEMKIND_MEMTYPE_DEFAULT, MEMKIND_POLICY_PREFERRED_LOCAL,
	PAGES_2MB, &MEMKIND_HUGETLB},
    {"plain memory is not bound", MEMKIND_MEMTYPE_DEFAULT,
	MEMKIND_POLICY_BIND_LOCAL, 0, NULL},
    {"local", MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_LOCAL, 0,
	&MEMKIND_HBW},
    {"local and huge", MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
	MEMKIND_POLICY_BIND_LOCAL, PAGES_2MB, &MEMKIND_HBW_HUGETLB},
    {"all", MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_ALL, 0,
	&MEMKIND_HBW_ALL},
    {"all and huge", MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_ALL,
	PAGES_2MB, &MEMKIND_HBW_ALL_HUGETLB},
    {"preferred", MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
	MEMKIND_POLICY_PREFERRED_LOCAL, 0, &MEMKIND_HBW_PREFERRED},
    {"preferred and huge", MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
	MEMKIND_POLICY_PREFERRED_LOCAL, PAGES_2MB,
	&MEMKIND_HBW_PREFERRED_HUGETLB},
    {"interleaved", MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
	MEMKIND_POLICY_INTERLEAVE_ALL, 0, &MEMKIND_HBW_INTERLEAVE},
    {"interleaved and huge", MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
	MEMKIND_POLICY_INTERLEAVE_ALL, PAGES_2MB, NULL},
    {"interleaved near by", MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
	MEMKIND_POLICY_INTERLEAVE_LOCAL, 0, NULL},
    {"interleaved over both", BOTH, MEMKIND_POLICY_INTERLEAVE_ALL, 0,
	&MEMKIND_INTERLEAVE},
    {"both, bound", BOTH, MEMKIND_POLICY_BIND_LOCAL, 0, NULL},
    {"no type", 0, MEMKIND_POLICY_PREFERRED_LOCAL, 0, NULL},
    {"unknown type", 4, MEMKIND_POLICY_PREFERRED_LOCAL, 0, NULL},
    {"unknown policy", MEMKIND_MEMTYPE_DEFAULT, MEMKIND_POLICY_MAX_VALUE, 0,
	NULL},
    {"unknown page size", MEMKIND_MEMTYPE_DEFAULT,
	MEMKIND_POLICY_PREFERRED_LOCAL, 30, NULL},
    {"unknown flag", MEMKIND_MEMTYPE_DEFAULT, MEMKIND_POLICY_PREFERRED_LOCAL,
	PAGES_2MB | 256, NULL},
};

static void
test_a_kind_by_its_properties(void **state)
{
	memkind_t none = (memkind_t)(void *)&state;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Properties); i++) {
		memkind_t kind = none;

		dk_row(Properties[i].why);
		int err = memkind_create_kind(
		    (memkind_memtype_t)Properties[i].memtype,
		    Properties[i].policy, (memkind_bits_t)Properties[i].flags,
		    &kind);
		if (Properties[i].kind == NULL) {
			assert_int_equal(err, MEMKIND_ERROR_INVALID);
			assert_ptr_equal(kind, none);
		} else if (memkind_check_available(*Properties[i].kind) ==
			   MEMKIND_SUCCESS) {
			assert_int_equal(err, MEMKIND_SUCCESS);
			assert_ptr_equal(kind, *Properties[i].kind);
		} else if (Properties[i].policy ==
			   MEMKIND_POLICY_PREFERRED_LOCAL) {
			assert_int_equal(err, MEMKIND_SUCCESS);
			assert_ptr_equal(kind, MEMKIND_DEFAULT);
		} else {
			assert_int_equal(
			    err, MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE);
			assert_ptr_equal(kind, none);
		}
	}
	assert_int_equal(memkind_create_kind(MEMKIND_MEMTYPE_DEFAULT,
			     MEMKIND_POLICY_PREFERRED_LOCAL, 0, NULL),
	    MEMKIND_ERROR_INVALID);
}

/* The one may be told to free what is the other's: it stays the other's, and
 * moves where a kind is named that it is not of. */
static void
test_blocks_stay_of_their_kind(void **state)
{
	char *blocks[64];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memkind_t kind = kind_number(i);
		memkind_t other = kind_number(1 - i);

		for (size_t n = 0; n < ARRAY_LEN(blocks); n++) {
			blocks[n] = memkind_malloc(kind, 100);
			assert_non_null(blocks[n]);
			memset(blocks[n], 0x5A, 100);
		}
		char *p = memkind_realloc(other, blocks[0], 100);
		assert_non_null(p);
		assert_ptr_equal(memkind_detect_kind(p), other);
		assert_true(test_all_bytes(p, 0x5A, 100));
		memkind_free(kind, p);
		for (size_t n = 1; n < ARRAY_LEN(blocks); n++)
			memkind_free(other, blocks[n]);
		for (size_t n = 0; n < ARRAY_LEN(blocks); n++) {
			blocks[n] = memkind_malloc(other, 100);
			assert_ptr_equal(memkind_detect_kind(blocks[n]), other);
		}
		for (size_t n = 0; n < ARRAY_LEN(blocks); n++)
			memkind_free(NULL, blocks[n]);
	}
}

/* They are not the caller's to end: refused or ignored, and still there. */
static void
test_they_can_not_be_destroyed(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memkind_t kind = kind_number(i);
		void *p = memkind_malloc(kind, 100);

		(void)memkind_destroy_kind(kind);
		memkind_free(kind, p);
		p = memkind_malloc(kind, 100);
		assert_non_null(p);
		memkind_free(kind, p);
	}
}

static void
test_destroying_no_kind_is_refused(void **state)
{
	(void)state;
	assert_int_equal(memkind_destroy_kind(NULL), MEMKIND_ERROR_INVALID);
	assert_true(memkind_check_available(NULL) < 0);
	errno = 0;
	assert_int_equal(memkind_get_capacity(NULL), -1);
	assert_int_equal(errno, EINVAL);
#if TEST_OURS
	memkind_set_allow_zero_allocs(NULL, true);
#endif
}

/* Of the last kind that there was. */
static void
test_destroying_a_kind_twice_is_refused(void **state)
{
	struct test_area area;
	memkind_t kind = NULL;

	(void)state;
	test_area_map(&area, TEST_MIB);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    memkind_create_fixed(area.addr, area.len, &kind),
		    MEMKIND_SUCCESS);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
		assert_int_equal(
		    memkind_destroy_kind(kind), MEMKIND_ERROR_INVALID);
		test_says_why();
	}
	test_area_unmap(&area);
}

static void *
use_default(void *arg)
{
	(void)arg;
	for (size_t i = 1; i < 3000; i++) {
		char *p = memkind_malloc(MEMKIND_DEFAULT, i);

		if (p == NULL)
			return p;
		memset(p, 1, i);
		memkind_free(i % 2 ? MEMKIND_DEFAULT : NULL, p);
	}
	return arg;
}

static void
test_threads_come_and_go(void **state)
{
	int ok;

	(void)state;
	for (int i = 0; i < 100; i++) {
		pthread_t thread;
		void *rc;

		assert_int_equal(
		    pthread_create(&thread, NULL, use_default, &ok), 0);
		assert_int_equal(pthread_join(thread, &rc), 0);
		assert_ptr_equal(rc, &ok);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_threads_use_all_of_them_first_at_once),
	    test_unit(test_they_are_there_without_being_made),
	    test_unit(test_they_allocate),
	    test_unit(test_kinds_are_distinct),
	    /* Their arenas keep pages for a while. */
	    cmocka_unit_test(
		test_what_is_available_allocates_and_what_is_not_does_not),
	    test_unit(test_realloc_to_a_kind_without_memory),
	    test_unit(test_a_kind_by_its_properties),
	    test_unit(test_blocks_stay_of_their_kind),
	    test_unit(test_they_can_not_be_destroyed),
	    test_unit(test_destroying_no_kind_is_refused),
	    test_unit(test_destroying_a_kind_twice_is_refused),
	    test_unit(test_threads_come_and_go),
	};

	if (argc > 1 && strcmp(argv[1], "--all-at-once") == 0)
		return use_all_at_once();
	return cmocka_run_group_tests_name("static_kinds", tests, NULL, NULL);
}
