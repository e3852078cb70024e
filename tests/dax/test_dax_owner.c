// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dax_owner.c -- one owner of a device or file: the second opener is
 * refused, in this process and in another, by whatever name.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (4 * TEST_MIB)

/* What is under test, and the same by another name. */
static char Name[PATH_MAX];
static char Other_name[PATH_MAX];

static int
make_names(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct stat st;

	(void)state;
	if (test_devdax() != NULL) {
		(void)snprintf(Name, sizeof(Name), "%s", test_devdax());
		(void)snprintf(Other_name, sizeof(Other_name), "%s/other-node",
		    tmp != NULL ? tmp : "/tmp");
		assert_int_equal(stat(Name, &st), 0);
		return mknod(Other_name, S_IFCHR | 0600, st.st_rdev);
	}
	(void)snprintf(Name, sizeof(Name), "%s", test_path("file"));
	(void)snprintf(
	    Other_name, sizeof(Other_name), "%s", test_path("other-link"));
	struct daxkind_region *region;
	assert_int_equal(
	    daxkind_region_open_file(Name, SIZE, DAXKIND_CREATE, &region), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	return link(Name, Other_name);
}

static int
remove_names(void **state)
{
	(void)state;
	if (test_devdax() == NULL && unlink(Name) != 0)
		return -1;
	return unlink(Other_name);
}

static int
open_it(const char *name, struct daxkind_region **region)
{
	return daxkind_region_open(
	    name, test_devdax() != NULL ? SIZE : 0, DAXKIND_OVERWRITE, region);
}

/* 0: refused as busy, with a text that says so. */
static int
is_refused(void *arg)
{
	struct daxkind_region *region;
	const char *name = arg;
	int rc = open_it(name, &region);

	if (rc != -EBUSY || region != NULL)
		return 1;
	if (strstr(daxkind_last_error(), name) == NULL ||
	    strstr(daxkind_last_error(), "already open as a region") == NULL)
		return 2;
	return 0;
}

static void
test_second_opener_is_refused(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(open_it(Name, &region), 0);
	assert_int_equal(is_refused(Name), 0);
	assert_int_equal(is_refused(Other_name), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(open_it(Other_name, &region), 0);
	assert_int_equal(is_refused(Name), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* A process of its own, not a fork: it shares no open file with this one. */
static int
refused_elsewhere(char *name)
{
	char self[] = "/proc/self/exe";
	char option[] = "--is-refused";
	char *argv[] = {self, option, name, NULL};

	return dax_env_run(argv);
}

static void
test_other_process_is_refused(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(open_it(Name, &region), 0);
	assert_int_equal(refused_elsewhere(Name), 0);
	assert_int_equal(refused_elsewhere(Other_name), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	/* and let in afterwards */
	assert_int_equal(refused_elsewhere(Name), 1);
}

/* A child has the parent's open file: it must not be let in by that. */
static void
test_child_of_fork_is_refused(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(open_it(Name, &region), 0);
	assert_int_equal(test_in_child(is_refused, Name), 0);
	assert_int_equal(test_in_child(is_refused, Other_name), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

static int
hold_and_die(void *arg)
{
	struct daxkind_region *region;

	(void)arg;
	if (open_it(Name, &region) < 0)
		return 1;
	return 0; /* without closing it */
}

static void
test_owner_that_died_is_no_owner(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(test_in_child(hold_and_die, NULL), 0);
	assert_int_equal(open_it(Other_name, &region), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_second_opener_is_refused),
	    test_unit(test_other_process_is_refused),
	    test_unit(test_child_of_fork_is_refused),
	    test_unit(test_owner_that_died_is_no_owner),
	};

	if (argc == 3 && strcmp(argv[1], "--is-refused") == 0)
		return is_refused(argv[2]);
	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name(
	    "dax_owner", tests, make_names, remove_names);
}
