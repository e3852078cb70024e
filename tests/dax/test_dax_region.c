// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dax_region.c -- what a region on DAX memory says of itself, and keeps.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (32 * TEST_MIB)
#define HUGE_PAGE (2 * TEST_MIB)

#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 0x03
#endif

/* More than the faults that are counted: stacks, libraries, records. */
#define OTHER_FAULTS 60

static void
test_region_is_synchronous(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;

	(void)state;
	dax_env_open(SIZE, DAXKIND_NEED_DAX | DAXKIND_NEED_SYNC, &region);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_true(info.is_dax);
	assert_true(info.is_sync);
	assert_int_equal(info.granularity, dax_env_sync_granularity());
	assert_int_equal(info.backing, test_devdax() != NULL
					   ? DAXKIND_BACKING_DEVDAX
					   : DAXKIND_BACKING_FILE);
	assert_int_equal((uintptr_t)info.base % HUGE_PAGE, 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_faults_are_of_huge_pages(void **state)
{
	struct daxkind_region *region;
	size_t len = SIZE / 2;
	memkind_t kind;
	long faults;
	char *p;

	(void)state;
	dax_env_open(SIZE, 0, &region);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	p = memkind_malloc(kind, len);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % HUGE_PAGE, 0);
	faults = dax_env_nr_faults();
	for (size_t i = 0; i < len; i += TEST_PAGE)
		p[i] = 1;
	faults = dax_env_nr_faults() - faults;
	print_message("%ld faults for %zu huge pages\n", faults,
	    (size_t)(len / HUGE_PAGE));
	/* Opening a device has looked at its first page. */
	assert_true(faults >= (long)(len / HUGE_PAGE) - 1);
	assert_true(faults <= (long)(len / HUGE_PAGE) + OTHER_FAULTS);
	memkind_free(kind, p);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_what_was_prefaulted_does_not_fault(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;
	long faults;

	(void)state;
	dax_env_open(SIZE, DAXKIND_PREFAULT, &region);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	faults = dax_env_nr_faults();
	for (size_t i = 0; i < info.size; i += TEST_PAGE)
		((volatile char *)info.base)[i] = 1;
	faults = dax_env_nr_faults() - faults;
	assert_true(faults < (long)(SIZE / HUGE_PAGE) / 2);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* libpmem says 0 for a mapping that it did not make, DAX or not: of a file the
 * caller must tell; a devdax device is one however it was mapped. */
static void
test_own_mapping_is_what_the_caller_says(void **state)
{
	static const struct {
		const char *why;
		unsigned flags;
		int is_sync;
	} rows[] = {
	    {"nothing said: msync is right for all", 0, 0},
	    {"the caller used MAP_SYNC", DAXKIND_PERSISTENT, 1},
	};
	struct daxkind_region_info info;
	struct daxkind_region *region;
	memkind_t kind;
	void *block;
	int fd;
	void *p;

	(void)state;
	if (test_devdax() != NULL) {
		fd = open(test_devdax(), O_RDWR | O_CLOEXEC);
	} else {
		fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
	}
	assert_true(fd >= 0);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
	assert_true(p != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int is_sync = rows[i].is_sync || test_devdax() != NULL;

		dk_row(rows[i].why);
		assert_int_equal(daxkind_region_open_mapping(
				     p, SIZE, rows[i].flags, &region),
		    0);
		assert_int_equal(
		    daxkind_region_info(region, &info, sizeof(info)), 0);
		assert_int_equal(info.is_sync, is_sync);
		assert_int_equal(
		    info.granularity, is_sync ? dax_env_sync_granularity()
					      : DAXKIND_GRANULARITY_PAGE);
		assert_int_equal(daxkind_kind_create(region, &kind), 0);
		block = memkind_malloc(kind, 100);
		assert_non_null(block);
		assert_int_equal(
		    daxkind_memset_persist(kind, block, 7, 100), 0);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
		assert_int_equal(daxkind_region_close(region), 0);
	}
	assert_int_equal(munmap(p, SIZE), 0);
	assert_int_equal(close(fd), 0);
}

static void
test_calloc_is_zero_over_dirty_memory(void **state)
{
	static const size_t sizes[] = {
	    24, 3000, 14000, 100000, 3 * TEST_MIB, 9 * TEST_MIB};
	struct test_fill fill = {0};
	struct daxkind_region *region;
	memkind_t kind;

	(void)state;
	dax_env_open(SIZE, 0, &region);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			char *p = memkind_calloc(kind, 1, sizes[i]);

			assert_non_null(p);
			assert_true(test_all_bytes(p, 0, sizes[i]));
			memset(p, 0xab, sizes[i]);
			memkind_free(kind, p);
		}
		/* dirty all of it for the next round */
		for (;;) {
			char *p = memkind_malloc(kind, TEST_MIB);

			if (p == NULL)
				break;
			memset(p, 0xcd, TEST_MIB);
			*(void **)(void *)p = fill.last;
			fill.last = p;
		}
		while (fill.last != NULL) {
			void *p = fill.last;

			fill.last = *(void **)p;
			memkind_free(kind, p);
		}
	}
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_stores_are_made_durable(void **state)
{
	struct daxkind_region *region;
	memkind_t kind;
	char *p;

	(void)state;
	dax_env_open(SIZE, 0, &region);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	p = memkind_malloc(kind, TEST_MIB);
	assert_non_null(p);
	assert_int_equal(daxkind_memset_persist(kind, p, 7, TEST_MIB), 0);
	assert_true(test_all_bytes(p, 7, TEST_MIB));
	assert_int_equal(daxkind_memcpy_nodrain(kind, p, "durable", 8), 0);
	assert_int_equal(daxkind_drain(kind), 0);
	assert_string_equal(p, "durable");
	p[100] = 1;
	assert_int_equal(daxkind_persist(kind, p + 100, 1), 0);
	assert_int_equal(daxkind_flush(kind, p + 4095, 2), 0);
	assert_int_equal(daxkind_drain(kind), 0);
	memkind_free(kind, p);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
}

static bool
has_libpmem(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		found = found || strstr(line, "/libpmem.so") != NULL;
	assert_int_equal(fclose(maps), 0);
	return found;
}

/* The first case of the program. */
static void
test_libpmem_comes_with_the_first_region(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_false(has_libpmem());
	dax_env_open(SIZE, 0, &region);
	assert_true(has_libpmem());
	assert_int_equal(daxkind_region_close(region), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_libpmem_comes_with_the_first_region),
	    test_unit(test_region_is_synchronous),
	    test_unit(test_faults_are_of_huge_pages),
	    test_unit(test_what_was_prefaulted_does_not_fault),
	    test_unit(test_own_mapping_is_what_the_caller_says),
	    test_unit(test_calloc_is_zero_over_dirty_memory),
	    test_unit(test_stores_are_made_durable),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name("dax_region", tests, NULL, NULL);
}
