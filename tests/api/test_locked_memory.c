// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_locked_memory.c -- processes that lock their memory, mlockall(2).
 *
 * Exits with 77 where that is not allowed, or where /dev/shm is no tmpfs, which
 * is the file system that gives locked pages file space.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TMPFS_NAME 0x01021994
static const char Dir[] = "/dev/shm";
/* What systems allow everybody. */
#define LIMIT (8 * TEST_MIB)

/* What follows runs in children: locking cannot be undone for their likes. */

static bool
lock_up_to(size_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return false;
	limit.rlim_cur = bytes;
	if (limit.rlim_cur > limit.rlim_max ||
	    setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return false;
	/* root is asked for no limit */
	if (getuid() == 0 && setuid(65534) != 0)
		return false;
	return mlockall(MCL_FUTURE) == 0;
}

static int
create_over_limit(void *arg)
{
	struct daxkind_region *region;
	memkind_t kind = NULL;

	(void)arg;
	if (!lock_up_to(LIMIT))
		return 77;
	errno = 0;
	if (memkind_create_pmem(Dir, 16 * TEST_MIB, &kind) !=
		MEMKIND_ERROR_MMAP ||
	    errno != EAGAIN || kind != NULL)
		return 1;
	if (strstr(daxkind_last_error(), "ulimit -l") == NULL)
		return 2;
	if (daxkind_region_open_dir(Dir, 16 * TEST_MIB, 0, &region) !=
		-EAGAIN ||
	    strstr(daxkind_last_error(), "ulimit -l") == NULL)
		return 3;
	/* what may be locked can be had */
	if (daxkind_region_open_dir(Dir, TEST_MIB, 0, &region) != 0)
		return 4;
	return daxkind_region_close(region) == 0 ? 0 : 5;
}

static void
test_more_than_may_be_locked_is_an_error_of_mmap(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(create_over_limit, NULL), 0);
}

static size_t
held(const struct daxkind_region *region)
{
	struct daxkind_space space;

	return daxkind_region_space(region, &space, sizeof(space)) == 0
		   ? space.held
		   : SIZE_MAX;
}

/* The kernel makes all of a locked mapping present, of tmpfs with file space;
 * that goes when it is not needed, as always. */
static int
hold_all(void *arg)
{
	struct daxkind_region *region;
	memkind_t kind;

	(void)arg;
	if (mlockall(MCL_FUTURE) != 0)
		return 77;
	if (daxkind_region_open_dir(Dir, 2 * TEST_MIB, 0, &region) != 0)
		return 1;
	if (held(region) != 2 * TEST_MIB)
		return 2;
	if (daxkind_kind_create(region, &kind) != 0 ||
	    daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE) != 0)
		return 3;
	char *p = memkind_malloc(kind, TEST_MIB);
	if (p == NULL || !test_all_bytes(p, 0, TEST_MIB))
		return 4;
	memkind_free(kind, p);
	if (held(region) != 0)
		return 5;
	if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS)
		return 6;
	return daxkind_region_close(region) == 0 ? 0 : 7;
}

static void
test_what_is_present_counts_as_held(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(hold_all, NULL), 0);
}

static int
try_to_lock(void *arg)
{
	(void)arg;
	return lock_up_to(LIMIT) ? 0 : 77;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_more_than_may_be_locked_is_an_error_of_mmap),
	    test_unit(test_what_is_present_counts_as_held),
	};
	struct statfs fs;

	if (statfs(Dir, &fs) != 0 || fs.f_type != TMPFS_NAME) {
		puts("skipped: /dev/shm is no tmpfs");
		return 77;
	}
	if (DK_SANITIZED || test_in_child(try_to_lock, NULL) != 0) {
		puts("skipped: 8 MiB of memory may not be locked here");
		return 77;
	}
	return cmocka_run_group_tests_name("locked_memory", tests, NULL, NULL);
}
