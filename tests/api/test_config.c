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
		int has_path;
		size_t size;
		int policy;
		int rc;
	} rows[] = {
	    {"no path", 0, 32 * TEST_MIB, 0, MEMKIND_ERROR_INVALID},
	    {"too small", 1, 100, 0, MEMKIND_ERROR_INVALID},
	    {"policy past the last", 1, 32 * TEST_MIB,
		MEMKIND_MEM_USAGE_POLICY_MAX_VALUE, MEMKIND_ERROR_INVALID},
	    {"policy 77", 1, 32 * TEST_MIB, 77, MEMKIND_ERROR_INVALID},
	    {"our own policy", 1, 32 * TEST_MIB,
		DAXKIND_MEM_USAGE_POLICY_BALANCED, MEMKIND_SUCCESS},
	    {"policy -1", 1, 32 * TEST_MIB, -1, MEMKIND_ERROR_INVALID},
	    {"default policy", 1, 32 * TEST_MIB,
		MEMKIND_MEM_USAGE_POLICY_DEFAULT, MEMKIND_SUCCESS},
	    {"conservative policy", 1, 32 * TEST_MIB,
		MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE, MEMKIND_SUCCESS},
	    {"no limit", 1, 0, 0, MEMKIND_SUCCESS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct memkind_config *cfg = memkind_config_new();
		memkind_t kind = NOT_SET;

		dk_row(rows[i].why);
		assert_non_null(cfg);
		if (rows[i].has_path)
			memkind_config_set_path(cfg, test_dir());
		memkind_config_set_size(cfg, rows[i].size);
		memkind_config_set_memory_usage_policy(
		    cfg, (memkind_mem_usage_policy)rows[i].policy);
		assert_int_equal(
		    memkind_create_pmem_with_config(cfg, &kind), rows[i].rc);
		memkind_config_delete(cfg);
		if (rows[i].rc != MEMKIND_SUCCESS) {
			assert_null(kind);
			continue;
		}
		/* the kind does not need it any longer */
		assert_non_null(memkind_malloc(kind, 1000));
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
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
	assert_null(kind);
	memkind_config_delete(cfg);
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
	memkind_config_delete(NULL);
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
	    test_unit(test_defaults),
	    test_unit(test_one_config_makes_several_kinds),
	    test_unit(test_errno_is_the_one_of_open),
	    test_unit(test_null_is_refused_or_ignored),
	    test_unit(test_delete_leaves_nothing),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
