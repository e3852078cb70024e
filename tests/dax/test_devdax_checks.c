// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_devdax_checks.c -- what the kernel does not check on a devdax device,
 * and the library does.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define HUGE_PAGE (2 * TEST_MIB)

static size_t
device_size(void)
{
	char path[128];
	char line[64] = "";
	struct stat st;
	FILE *f;

	assert_int_equal(stat(dax_env_path(), &st), 0);
	(void)snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/size",
	    major(st.st_rdev), minor(st.st_rdev));
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(fclose(f), 0);
	return (size_t)strtoull(line, NULL, 10);
}

/* mmap(2) with MAP_FIXED accepts a wrong offset and shows other memory, and it
 * maps past the end. */
static void
test_offset_and_size_are_checked(void **state)
{
	size_t size = device_size();
	const struct {
		const char *why;
		size_t offset, size;
		const char *text;
	} rows[] = {
	    {"offset no multiple of the alignment", 64 * TEST_KIB, HUGE_PAGE,
		"multiples of its alignment"},
	    {"offset of a page", TEST_PAGE, HUGE_PAGE,
		"multiples of its alignment"},
	    {"size no multiple of the alignment", 0, HUGE_PAGE + TEST_PAGE,
		"multiples of its alignment"},
	    {"offset at the end", size, HUGE_PAGE, "beyond the device"},
	    {"offset far beyond the end", TEST_GIB << 10, HUGE_PAGE,
		"beyond the device"},
	    {"one piece too long", 0, size + HUGE_PAGE, "exceed the device"},
	    {"the end is beyond the end", size - HUGE_PAGE, 2 * HUGE_PAGE,
		"exceed the device"},
	    {"wraps", HUGE_PAGE, SIZE_MAX - HUGE_PAGE + 1, "exceed the device"},
	};
	struct daxkind_region *region;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_int_equal(daxkind_region_open_devdax(dax_env_path(),
				     rows[i].offset, rows[i].size, 0, &region),
		    -EINVAL);
		assert_null(region);
		assert_non_null(strstr(daxkind_last_error(), rows[i].text));
	}
}

/* Two mappings of one device, of which each shows what is at its offset. */
static void
test_offset_is_of_the_device(void **state)
{
	size_t offset = 3 * HUGE_PAGE;
	struct daxkind_region_info info;
	struct daxkind_region *region;
	int fd = open(dax_env_path(), O_RDWR | O_CLOEXEC);
	char *whole;

	(void)state;
	assert_true(fd >= 0);
	whole = mmap(
	    NULL, 5 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(whole != MAP_FAILED);
	assert_int_equal(daxkind_region_open_devdax(
			     dax_env_path(), offset, HUGE_PAGE, 0, &region),
	    0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_int_equal(info.size, HUGE_PAGE);
	memcpy(info.base, "first", 6);
	memcpy((char *)info.base + HUGE_PAGE - 6, "final", 6);
	assert_string_equal(whole + offset, "first");
	assert_string_equal(whole + offset + HUGE_PAGE - 6, "final");
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(munmap(whole, 5 * HUGE_PAGE), 0);
	assert_int_equal(close(fd), 0);
}

static void
test_size_zero_is_the_rest(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(daxkind_region_open_devdax(
			     dax_env_path(), HUGE_PAGE, 0, 0, &region),
	    0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_int_equal(
	    info.size, device_size() / HUGE_PAGE * HUGE_PAGE - HUGE_PAGE);
	assert_int_equal(info.align, HUGE_PAGE);
	/* the last byte is there */
	((volatile char *)info.base)[info.size - 1] = 1;
	assert_int_equal(daxkind_region_close(region), 0);
}

/* 0: refused with a text; without the check a touch would be SIGBUS. */
static int
open_without_huge_pages(void *arg)
{
	struct daxkind_region *region;

	(void)arg;
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
		return 1;
	if (daxkind_region_open(dax_env_path(), HUGE_PAGE, 0, &region) !=
	    -EPERM)
		return 2;
	if (strstr(daxkind_last_error(), "PR_SET_THP_DISABLE") == NULL)
		return 3;
	if (prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) != 0)
		return 4;
	return daxkind_region_open(dax_env_path(), HUGE_PAGE, 0, &region) == 0
		   ? 0
		   : 5;
}

static void
test_switched_off_huge_pages_are_refused(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(open_without_huge_pages, NULL), 0);
}

/* The bytes of whoever had the device before are there. */
static void
test_device_is_never_taken_for_zeroed(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;
	memkind_t kind;

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(daxkind_region_open(
				     dax_env_path(), 4 * HUGE_PAGE, 0, &region),
		    0);
		assert_int_equal(
		    daxkind_region_info(region, &info, sizeof(info)), 0);
		if (round == 0)
			memset(info.base, 0xee, info.size);
		else
			assert_true(test_all_bytes(info.base, 0xee, info.size));
		if (round == 0) {
			assert_int_equal(daxkind_region_close(region), 0);
			continue;
		}
		assert_int_equal(daxkind_kind_create(region, &kind), 0);
		for (size_t size = 16; size <= 2 * TEST_MIB; size *= 3) {
			char *p = memkind_calloc(kind, 1, size);

			assert_non_null(p);
			assert_true(test_all_bytes(p, 0, size));
		}
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
		assert_int_equal(daxkind_region_close(region), 0);
	}
}

/* What a later version writes there is not overwritten. */
static void
test_a_durable_heap_wants_overwrite(void **state)
{
	static const char magic[8] = {
	    (char)0x89, 'D', 'A', 'X', 'K', 'I', 'N', 'D'};
	struct daxkind_region_info info;
	struct daxkind_region *region;
	size_t places[2];

	(void)state;
	assert_int_equal(daxkind_region_open(dax_env_path(), 2 * HUGE_PAGE,
			     DAXKIND_OVERWRITE, &region),
	    0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	places[0] = 0;
	places[1] = info.size - TEST_PAGE;
	for (size_t i = 0; i < 2; i++)
		memset((char *)info.base + places[i], 0, sizeof(magic));
	assert_int_equal(daxkind_region_close(region), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(daxkind_region_open(
				     dax_env_path(), 2 * HUGE_PAGE, 0, &region),
		    0);
		assert_int_equal(
		    daxkind_region_info(region, &info, sizeof(info)), 0);
		memcpy((char *)info.base + places[i], magic, sizeof(magic));
		assert_int_equal(daxkind_region_close(region), 0);
		assert_int_equal(daxkind_region_open(
				     dax_env_path(), 2 * HUGE_PAGE, 0, &region),
		    -EEXIST);
		assert_null(region);
		assert_non_null(strstr(daxkind_last_error(), "durable heap"));
		assert_int_equal(daxkind_region_open_devdax(dax_env_path(), 0,
				     2 * HUGE_PAGE, DAXKIND_OVERWRITE, &region),
		    0);
		assert_int_equal(
		    daxkind_region_info(region, &info, sizeof(info)), 0);
		/* open alone changed nothing */
		assert_memory_equal(
		    (char *)info.base + places[i], magic, sizeof(magic));
		memset((char *)info.base + places[i], 0, sizeof(magic));
		assert_int_equal(daxkind_region_close(region), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_offset_and_size_are_checked),
	    test_unit(test_offset_is_of_the_device),
	    test_unit(test_size_zero_is_the_rest),
	    test_unit(test_switched_off_huge_pages_are_refused),
	    test_unit(test_device_is_never_taken_for_zeroed),
	    test_unit(test_a_durable_heap_wants_overwrite),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name("devdax_checks", tests, NULL, NULL);
}
