// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_growth.c -- a durable heap that becomes larger and is stopped: each
 * fallible call fails once, and the process is killed between the steps.
 */
#include "../../support/cmocka_all.h"

#include "../../support/hold.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

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

#define SIZE (4 * MIB)
enum {
	NR_BLOCKS = 40
};
static const char Layout[] = "unit growth";

static char Path[PATH_MAX];

static int
open_at(size_t size, struct daxkind_region **region)
{
	return daxkind_region_open_durable(Path, size, Layout, 0, region);
}

/* A closed heap with some blocks. */
static void
make(void)
{
	struct daxkind_region *region;
	memkind_t kind;

	(void)unlink(Path);
	assert_int_equal(daxkind_region_open_durable(
			     Path, SIZE, Layout, DAXKIND_CREATE, &region),
	    0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	for (size_t i = 0; i < NR_BLOCKS; i++)
		assert_non_null(
		    memkind_malloc(kind, i % 10 == 0 ? 20000 : 10 + i * 40));
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

static int
setup(void **state)
{
	(void)state;
	mock_os_reset();
	(void)snprintf(Path, sizeof(Path), "%s", test_path("growing"));
	make();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mock_os_reset();
	return unlink(Path);
}

static size_t
file_size(void)
{
	struct stat st;

	assert_int_equal(stat(Path, &st), 0);
	return (size_t)st.st_size;
}

/* It opens, has its blocks, and can be used. */
static void
check_whole(size_t size)
{
	struct daxkind_restart restart;
	struct daxkind_region *region;
	memkind_t kind;

	if (open_at(size, &region) < 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.blocks, NR_BLOCKS);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	void *large = memkind_malloc(kind, SIZE / 8);
	assert_non_null(large);
	memkind_free(kind, large);
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* --- failures ---------------------------------------------------------------------- */

static void
test_each_call_fails_once(void **state)
{
	static const char *const calls[] = {"os_new", "os_set_size",
	    "os_sync_new_file", "os_map_file", "os_map_file_at", "os_map_anon",
	    "os_allocate", "os_allocate_unshared", "os_msync"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		bool has_failed = true;

		for (unsigned n = 1; has_failed; n++) {
			struct daxkind_region *region;

			make();
			mock_os_fail_nth_of(calls[i], n, ENOSPC);
			int rc = open_at(2 * SIZE, &region);
			has_failed = mock_os_failed() != NULL;
			mock_os_reset();
			assert_true(n < 100);
			dk_row(calls[i]);
			if (rc == 0) {
				assert_int_equal(
				    daxkind_region_close(region), 0);
				check_whole(2 * SIZE);
				check_whole(0);
				continue;
			}
			test_says_why();
			/* The superblocks are the last step: of them one may
			 * have the new size. */
			if (strcmp(calls[i], "os_msync") != 0)
				assert_int_equal(file_size(), SIZE);
			check_whole(0);
			check_whole(2 * SIZE);
		}
	}
}

/* Huge pages before Linux 5.16. */
static void
test_a_mapping_that_cannot_be_moved(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(unlink(Path), 0);
	mock_os_fail_all("os_move_mapping", EINVAL);
	make();
	check_whole(0);
	assert_int_equal(open_at(2 * SIZE, &region), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	mock_os_reset();
	check_whole(2 * SIZE);
}

/* --- kills ------------------------------------------------------------------------------ */

#ifdef DK_DEBUG
static void
die(void *arg)
{
	unsigned *left = arg;

	if (--*left == 0)
		(void)kill(getpid(), SIGKILL);
}

/* False: that point is not visited so often. */
static bool
kill_at(const char *point, unsigned nr)
{
	int status;

	/* At the fork no thread of the library: this program has no handler. */
	assert_int_equal(reclaimer_set(false, NULL), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct daxkind_region *region;

		hold_call(point, die, &nr);
		(void)open_at(2 * SIZE, &region);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void
test_a_kill_leaves_one_of_both_sizes(void **state)
{
	static const char *const points[] = {"the file of a heap is longer",
	    "a store of the ledger", "a heap has a new part",
	    "a superblock is written"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		unsigned nr = 1;

		for (;; nr++) {
			dk_row(points[i]);
			make();
			if (!kill_at(points[i], nr))
				break;
			check_whole(0);
			check_whole(2 * SIZE);
			make();
			assert_true(kill_at(points[i], nr));
			/* One that wants the old size gets it, unless it is the
			 * new one already. */
			struct daxkind_region *region;
			int rc = open_at(SIZE, &region);
			if (rc == 0)
				assert_int_equal(
				    daxkind_region_close(region), 0);
			else
				assert_int_equal(rc, -EINVAL);
			check_whole(0);
		}
		assert_true(nr > 1);
	}
}
#endif

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_each_call_fails_once),
	    UNIT(test_a_mapping_that_cannot_be_moved),
#ifdef DK_DEBUG
	    UNIT(test_a_kill_leaves_one_of_both_sizes),
#endif
	};

	return cmocka_run_group_tests_name("growth", tests, NULL, NULL);
}
