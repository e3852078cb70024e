// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_config.c -- memkind_config_*() and what is made of them.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <string.h>

#define NOT_SET ((memkind_t)(uintptr_t)0xDA)

static void
test_settings_are_checked_when_the_kind_is_made(void **state)
{
	static const struct {
		const char *why;
		size_t size;
		int policy;
		int rc;
	} rows[] = {
	    {"too small", 100, 0, MEMKIND_ERROR_INVALID},
	    {"default policy", 32 * TEST_MIB, MEMKIND_MEM_USAGE_POLICY_DEFAULT,
		MEMKIND_SUCCESS},
	    {"conservative policy", 32 * TEST_MIB,
		MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE, MEMKIND_SUCCESS},
	    {"no limit", 0, 0, MEMKIND_SUCCESS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct memkind_config *cfg = memkind_config_new();
		memkind_t kind = NOT_SET;

		dk_row(rows[i].why);
		assert_non_null(cfg);
		memkind_config_set_path(cfg, test_dir());
		memkind_config_set_size(cfg, rows[i].size);
		memkind_config_set_memory_usage_policy(
		    cfg, (memkind_mem_usage_policy)rows[i].policy);
		assert_int_equal(
		    memkind_create_pmem_with_config(cfg, &kind), rows[i].rc);
		memkind_config_delete(cfg);
		if (rows[i].rc != MEMKIND_SUCCESS)
			continue;
		/* the kind does not need it any longer */
		assert_non_null(memkind_malloc(kind, 1000));
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
}

/* memkind leaves a file open for each. */
static void
test_unknown_policies_are_refused(void **state)
{
	static const int policies[] = {
	    MEMKIND_MEM_USAGE_POLICY_MAX_VALUE, 77, -1};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		struct memkind_config *cfg = memkind_config_new();
		memkind_t kind = NOT_SET;

		print_message("row: %d\n", policies[i]);
		assert_non_null(cfg);
		memkind_config_set_path(cfg, test_dir());
		memkind_config_set_size(cfg, 32 * TEST_MIB);
		memkind_config_set_memory_usage_policy(
		    cfg, (memkind_mem_usage_policy)policies[i]);
		assert_int_equal(memkind_create_pmem_with_config(cfg, &kind),
		    MEMKIND_ERROR_INVALID);
		memkind_config_delete(cfg);
	}
}

static void
test_no_handle_of_a_kind_that_was_not_made(void **state)
{
	static const struct {
		const char *why;
		const char *path; /* NULL: that of the test */
		size_t size;
		int policy;
	} rows[] = {
	    {"too small", NULL, 100, 0},
	    {"policy 77", NULL, 32 * TEST_MIB, 77},
	    {"nowhere", "/nonexistent/dir", 32 * TEST_MIB, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct memkind_config *cfg = memkind_config_new();
		memkind_t kind = NOT_SET;

		dk_row(rows[i].why);
		assert_non_null(cfg);
		memkind_config_set_path(
		    cfg, rows[i].path != NULL ? rows[i].path : test_dir());
		memkind_config_set_size(cfg, rows[i].size);
		memkind_config_set_memory_usage_policy(
		    cfg, (memkind_mem_usage_policy)rows[i].policy);
		assert_int_equal(memkind_create_pmem_with_config(cfg, &kind),
		    MEMKIND_ERROR_INVALID);
		assert_null(kind);
		memkind_config_delete(cfg);
	}
}

static void
test_no_path_is_refused(void **state)
{
	struct memkind_config *cfg = memkind_config_new();
	memkind_t kind = NOT_SET;

	(void)state;
	assert_non_null(cfg);
	memkind_config_set_size(cfg, 32 * TEST_MIB);
	assert_int_equal(
	    memkind_create_pmem_with_config(cfg, &kind), MEMKIND_ERROR_INVALID);
	assert_null(kind);
	memkind_config_delete(cfg);
}

/* As memkind: a path is all that must be set. */
static void
test_defaults(void **state)
{
	struct memkind_config *cfg = memkind_config_new();
	memkind_t kind = NULL;
	void *p;

	(void)state;
	assert_non_null(cfg);
	memkind_config_set_path(cfg, test_dir());
	assert_int_equal(
	    memkind_create_pmem_with_config(cfg, &kind), MEMKIND_SUCCESS);
	p = memkind_malloc(kind, 40 * TEST_MIB); /* there is no limit */
	assert_non_null(p);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	memkind_config_delete(cfg);
}

static void
test_one_config_makes_several_kinds(void **state)
{
	struct memkind_config *cfg = memkind_config_new();
	memkind_t kinds[3];

	(void)state;
	assert_non_null(cfg);
	memkind_config_set_path(cfg, test_dir());
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		memkind_config_set_size(
		    cfg, (size_t)MEMKIND_PMEM_MIN_SIZE << i);
		assert_int_equal(
		    memkind_create_pmem_with_config(cfg, &kinds[i]),
		    MEMKIND_SUCCESS);
	}
	memkind_config_delete(cfg);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		assert_int_equal(memkind_get_capacity(kinds[i]),
		    (size_t)MEMKIND_PMEM_MIN_SIZE << i);
		assert_int_equal(
		    memkind_destroy_kind(kinds[i]), MEMKIND_SUCCESS);
	}
}

static void
test_errno_is_the_one_of_open(void **state)
{
	struct memkind_config *cfg = memkind_config_new();
	memkind_t kind = NOT_SET;

	(void)state;
	assert_non_null(cfg);
	memkind_config_set_path(cfg, "/nonexistent/dir");
	memkind_config_set_size(cfg, 32 * TEST_MIB);
	errno = 0;
	assert_int_equal(
	    memkind_create_pmem_with_config(cfg, &kind), MEMKIND_ERROR_INVALID);
	assert_int_equal(errno, ENOENT);
	memkind_config_delete(cfg);
}

static void
test_deleting_nothing_does_nothing(void **state)
{
	(void)state;
	memkind_config_delete(NULL);
}

static void
test_null_is_refused_or_ignored(void **state)
{
	struct memkind_config *cfg = memkind_config_new();
	memkind_t kind = NOT_SET;

	(void)state;
	assert_non_null(cfg);
	memkind_config_set_path(NULL, test_dir());
	memkind_config_set_size(NULL, 32 * TEST_MIB);
	memkind_config_set_memory_usage_policy(
	    NULL, MEMKIND_MEM_USAGE_POLICY_DEFAULT);
	assert_int_equal(memkind_create_pmem_with_config(NULL, &kind),
	    MEMKIND_ERROR_INVALID);
	assert_null(kind);
	memkind_config_set_path(cfg, test_dir());
	assert_int_equal(
	    memkind_create_pmem_with_config(cfg, NULL), MEMKIND_ERROR_INVALID);
	memkind_config_delete(cfg);
}

static void
test_delete_leaves_nothing(void **state)
{
	(void)state;
	size_t before = test_malloc_used();
	for (int i = 0; i < 1000; i++)
		memkind_config_delete(memkind_config_new());
	memkind_config_delete(NULL);
	assert_true(test_malloc_used() < before + 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_settings_are_checked_when_the_kind_is_made),
	    test_unit(test_unknown_policies_are_refused),
	    test_unit(test_no_handle_of_a_kind_that_was_not_made),
	    test_unit(test_no_path_is_refused),
	    test_unit(test_defaults),
	    test_unit(test_one_config_makes_several_kinds),
	    test_unit(test_errno_is_the_one_of_open),
	    test_unit(test_deleting_nothing_does_nothing),
	    test_unit(test_null_is_refused_or_ignored),
	    test_unit(test_delete_leaves_nothing),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
