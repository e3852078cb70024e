// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_tmpfs_region.c -- a file system without DAX: a region works, and says
 * that it is none.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE (16 * TEST_MIB)

static void
test_region_is_flushed_by_pages(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;

	(void)state;
	dax_env_open(SIZE, 0, &region);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_false(info.is_dax);
	assert_false(info.is_sync);
	assert_int_equal(info.granularity, DAXKIND_GRANULARITY_PAGE);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* A store is in the file when persist returns, for any reader of it. */
static void
test_persist_reaches_the_file(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;
	char path[4096];
	char buf[16];
	memkind_t kind;
	char *p;
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("pool"));
	assert_int_equal(
	    daxkind_region_open_file(path, SIZE, DAXKIND_CREATE, &region), 0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	p = memkind_malloc(kind, 100000);
	assert_non_null(p);
	assert_int_equal(
	    daxkind_memcpy_persist(kind, p + 50000, "durable", 8), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(
	    pread(fd, buf, 8, (off_t)(p + 50000 - (char *)info.base)), 8);
	assert_string_equal(buf, "durable");
	assert_int_equal(close(fd), 0);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(unlink(path), 0);
}

static void
test_heap_works(void **state)
{
	struct test_heap heap;

	(void)state;
	test_heap_make(&heap, TEST_ON_FILE, SIZE);
	char *p = memkind_calloc(heap.kind, 1, 3 * TEST_MIB);
	assert_non_null(p);
	assert_true(test_all_bytes(p, 0, 3 * TEST_MIB));
	memset(p, 1, 3 * TEST_MIB);
	memkind_free(heap.kind, p);
	test_heap_end(&heap);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_region_is_flushed_by_pages),
	    test_unit(test_persist_reaches_the_file),
	    test_unit(test_heap_works),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name("tmpfs_region", tests, NULL, NULL);
}
