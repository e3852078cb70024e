// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_snapshot.c -- a snapshot is whole, or it is not there: each fallible call
 * fails once, and the process is killed between the steps.
 */
#include "../../support/cmocka_all.h"

#include "../../support/hold.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "region/reclaimer.h"
#include "region/region.h"
#include "restart/restart.h"
#include "restart/superblock_copies.h"

#define SIZE (4 * MIB)
static const char Layout[] = "unit snapshot";

static char Dir[PATH_MAX], Path[PATH_MAX + 16], Copy[PATH_MAX + 16];
static struct daxkind_region *Region;
static memkind_t Kind;

static struct daxkind_region *
open_at(const char *path, unsigned flags)
{
	struct daxkind_region *region;

	if (daxkind_region_open_durable(
		path, flags == 0 ? 0 : SIZE, Layout, flags, &region) < 0)
		fail_msg("%s", daxkind_last_error());
	return region;
}

static int
setup(void **state)
{
	(void)state;
	mock_os_reset();
	(void)snprintf(Dir, sizeof(Dir), "%s", test_path("copies"));
	(void)mkdir(Dir, 0700);
	(void)snprintf(Path, sizeof(Path), "%s", test_path("whole"));
	(void)snprintf(Copy, sizeof(Copy), "%s/copy", Dir);
	(void)unlink(Path);
	Region = open_at(Path, DAXKIND_CREATE);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	for (size_t i = 0; i < 40; i++) {
		size_t size = i % 10 == 0 ? 20000 : 10 + i * 40;
		char *block = memkind_malloc(Kind, size);

		assert_non_null(block);
		memset(block, 1, size);
	}
	return 0;
}

/* Removes what is there; how many that was. */
static size_t
nr_left(void)
{
	char path[PATH_MAX + 300];
	DIR *dir = opendir(Dir);
	const struct dirent *entry;
	size_t nr = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", Dir, entry->d_name);
		assert_int_equal(unlink(path), 0);
		nr++;
	}
	(void)closedir(dir);
	return nr;
}

static int
teardown(void **state)
{
	(void)state;
	mock_os_reset();
	assert_int_equal(memkind_destroy_kind(Kind), 0);
	assert_int_equal(daxkind_region_close(Region), 0);
	(void)nr_left();
	assert_int_equal(rmdir(Dir), 0);
	return unlink(Path);
}

static bool
is_there(void)
{
	return access(Copy, F_OK) == 0;
}

static void
check_copy(size_t nr_blocks)
{
	struct daxkind_restart restart;
	struct daxkind_region *region = open_at(Copy, DAXKIND_RELOCATE);

	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.how, DAXKIND_RESTART_CLEAN);
	assert_int_equal(restart.blocks, nr_blocks);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* --- failures ---------------------------------------------------------------------- */

static const char *const Calls[] = {
    "os_new",
    "os_stat",
    "os_open",
    "os_open_read",
    "os_open_linkable",
    "os_link",
    "os_rename",
    "os_clone",
    "os_allocate_unshared",
    "os_set_size",
    "os_allocate",
    "os_write",
    "os_write_bulk",
    "os_write_zeroes",
    "os_sync_new_file",
};

/* Let the nth call of each function fail, until none is left: in vain are those
 * after which the snapshot is made in another way. */
static void
fail_each(bool is_renewed, size_t nr_blocks)
{
	for (size_t i = 0; i < ARRAY_LEN(Calls); i++) {
		for (unsigned n = 1; n < 200; n++) {
			if (is_renewed) {
				mock_os_reset();
				assert_int_equal(
				    daxkind_snapshot(Kind, Copy), 0);
			}
			mock_os_fail_nth_of(Calls[i], n, ENOSPC);
			int rc = daxkind_snapshot(Kind, Copy);
			bool has_failed = mock_os_failed() != NULL;

			mock_os_reset();
			if (!has_failed) {
				assert_int_equal(rc, 0);
				assert_int_equal(nr_left(), 1);
				break;
			}
			dk_row(Calls[i]);
			if (rc == 0) {
				check_copy(nr_blocks);
			} else {
				assert_int_equal(rc, -errno);
				test_says_why();
				/* The last call is about its durability. */
				assert_true(
				    is_renewed || !is_there() ||
				    strcmp(Calls[i], "os_sync_new_file") == 0);
			}
			if (is_there())
				check_copy(nr_blocks);
			/* Nothing but the whole one is left. */
			assert_true(nr_left() <= 1);
			assert_int_not_equal(n, 199);
		}
	}
}

static void
test_each_call_fails_once(void **state)
{
	(void)state;
	assert_int_equal(daxkind_snapshot(Kind, Copy), 0);
	check_copy(40);
	(void)nr_left();
	fail_each(false, 40);
}

static void
test_each_call_of_a_renewal_fails_once(void **state)
{
	(void)state;
	fail_each(true, 40);
}

/* As on NFS: a temporary name from the beginning. */
static void
test_without_files_that_have_no_name(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		mock_os_fail_all("os_open_linkable", EOPNOTSUPP);
		assert_int_equal(daxkind_snapshot(Kind, Copy), 0);
		mock_os_reset();
		check_copy(40);
	}
	mock_os_fail_all("os_open_linkable", EOPNOTSUPP);
	/* A temporary name is gone after a failure, too. */
	assert_int_equal(daxkind_snapshot(Kind, "/proc/self/none"), -errno);
	assert_int_equal(nr_left(), 1);
}

static void
test_a_bad_block_is_an_error(void **state)
{
	(void)state;
	mock_os_fail_nth_of("os_write_bulk", 2, EFAULT);
	int rc = daxkind_snapshot(Kind, Copy);
	bool has_failed = mock_os_failed() != NULL;
	mock_os_reset();
	/* A clone reads nothing. */
	assert_int_equal(rc, has_failed ? -EIO : 0);
	if (has_failed)
		assert_non_null(strstr(daxkind_last_error(), "bad block"));
	assert_int_equal(nr_left(), has_failed ? 0 : 1);
}

/* --- as a closed region is ---------------------------------------------------------------- */

static int
count_stacks(void *arg, const struct ledger_unit *unit)
{
	*(size_t *)arg += unit->type == LEDGER_STACKS;
	return 0;
}

static void
test_a_copy_has_no_stacks(void **state)
{
	struct superblock sb;
	struct ledger ledger;
	struct backing *b;
	size_t nr = 0;

	(void)state;
	assert_int_equal(daxkind_snapshot(Kind, Copy), 0);
	assert_int_equal(
	    ledger_walk(&Region->restart->ledger, count_stacks, &nr), 0);
	assert_true(nr > 0);
	assert_int_equal(backing_file_open(Copy, 0, BACKING_KEEP, &b), 0);
	assert_int_equal(superblock_read(b, Copy, &sb), 0);
	assert_int_equal(ledger_open(&ledger, b, &sb, false), 0);
	nr = 0;
	assert_int_equal(ledger_walk(&ledger, count_stacks, &nr), 0);
	assert_int_equal(nr, 0);
	ledger_close(&ledger);
	b->is_kept = true;
	backing_close(b);
}

/* --- kills ------------------------------------------------------------------------------ */

#ifdef DK_DEBUG
static void
die(void *arg)
{
	(void)arg;
	(void)kill(getpid(), SIGKILL);
}

/* A child makes the heap and its snapshot, and is killed at that point. */
static void
kill_at(const char *point)
{
	char source[PATH_MAX + 16];
	int status;

	(void)snprintf(source, sizeof(source), "%s", test_path("killed"));
	(void)unlink(source);
	/* At the fork no thread of the library: this program has no handler. */
	assert_int_equal(reclaimer_set(false, NULL), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct daxkind_region *region = open_at(source, DAXKIND_CREATE);
		memkind_t kind;

		if (daxkind_kind_create(region, &kind) < 0)
			_exit(1);
		for (size_t i = 0; i < 7; i++)
			(void)memkind_malloc(kind, 100);
		hold_call(point, die, NULL);
		(void)daxkind_snapshot(kind, Copy);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* The region lost nothing. */
	struct daxkind_restart restart;
	struct daxkind_region *region = open_at(source, 0);
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.how, DAXKIND_RESTART_CRASH);
	assert_int_equal(restart.blocks, 7);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(unlink(source), 0);
}

static void
test_a_kill_leaves_no_part(void **state)
{
	static const char *const points[] = {
	    "a snapshot is filled", "a snapshot is synced"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		kill_at(points[i]);
		assert_int_equal(nr_left(), 0);
		/* The one that was there is still there. */
		assert_int_equal(daxkind_snapshot(Kind, Copy), 0);
		kill_at(points[i]);
		check_copy(40);
		assert_int_equal(nr_left(), 1);
	}
	kill_at("a snapshot has its name");
	check_copy(7);
	assert_int_equal(nr_left(), 1);
}
#endif

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_each_call_fails_once),
	    UNIT(test_each_call_of_a_renewal_fails_once),
	    UNIT(test_without_files_that_have_no_name),
	    UNIT(test_a_bad_block_is_an_error),
	    UNIT(test_a_copy_has_no_stacks),
#ifdef DK_DEBUG
	    UNIT(test_a_kill_leaves_no_part),
#endif
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
