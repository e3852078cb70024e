// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_names.c -- names of namespaces and devices that are not there, and what
 * only looks like one.
 */
#include "../support/cmocka_all.h"

#include "../support/test_command.h"
#include "../support/test_region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Builds without libndctl say so for names that only it knows. */
static void
test_a_name_that_is_not_there(void **state)
{
	static const struct {
		const char *name, *text, *mend;
	} Rows[] = {
	    {"dax77.0", "there is no DAX device dax77.0", "daxctl list"},
	    {"/dev/dax77.0", "there is no DAX device dax77.0",
		"ndctl list -N -i"},
	    {"pmem77", "there is no block device pmem77", "ndctl list -N -i"},
	    {"/dev/pmem77", "there is no block device pmem77",
		"ndctl list -N -i"},
	    {"pmem77.1", "there is no block device pmem77.1",
		"ndctl list -N -i"},
	    {"namespace77.0", "namespace77.0", "nd"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		struct daxkind_region *region = (void *)&region;

		dk_row(Rows[i].name);
		int rc =
		    daxkind_region_open(Rows[i].name, TEST_MIB, 0, &region);
		assert_true(rc == -ENOENT ||
			    (rc == -EOPNOTSUPP &&
				strstr(daxkind_last_error(),
				    "built without libndctl") != NULL));
		assert_null(region);
		test_has(daxkind_last_error(), Rows[i].text);
		test_has(daxkind_last_error(), Rows[i].mend);
		assert_int_equal(
		    daxkind_region_open_devdax(Rows[i].name, 0, 0, 0, &region),
		    rc);
		/* No file was made of the name. */
		assert_int_equal(access(Rows[i].name, F_OK), -1);
	}
}

/* A file may have such a name, when its folder is said. */
static void
test_a_file_of_such_a_name(void **state)
{
	static const char *const Names[] = {
	    "dax77.0", "pmem77", "namespace77.0"};
	struct daxkind_region *region;

	(void)state;
	if (test_devdax() != NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(Names); i++) {
		dk_row(Names[i]);
		const char *path = test_path(Names[i]);
		assert_int_equal(daxkind_region_open(
				     path, TEST_MIB, DAXKIND_CREATE, &region),
		    0);
		assert_int_equal(daxkind_region_close(region), 0);
		assert_int_equal(unlink(path), 0);
	}
}

/* What begins like a name and is none is a file. */
static void
test_what_only_looks_like_a_name(void **state)
{
	static const char *const Names[] = {"dax", "dax77", "dax77.",
	    "dax77.0x", "daxfile", "namespace", "namespace77", "pmem",
	    "pmemfile", "pmem77file", "pmem77/x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Names); i++) {
		struct daxkind_region *region;

		dk_row(Names[i]);
		assert_int_equal(
		    daxkind_region_open(Names[i], 0, 0, &region), -ENOENT);
		test_has(daxkind_last_error(), "file ");
	}
}

static void
test_what_is_no_devdax_device(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(
	    daxkind_region_open("/dev/null", 0, 0, &region), -ENODEV);
	test_has(daxkind_last_error(), "/dev/null is not a devdax device");
	assert_int_equal(
	    daxkind_region_open_devdax("/", 0, 0, 0, &region), -ENODEV);
	test_has(daxkind_last_error(), "not a character device");
	assert_int_equal(
	    daxkind_region_open_devdax("/nowhere", 0, 0, 0, &region), -ENOENT);
	test_has(daxkind_last_error(), "/nowhere");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_a_name_that_is_not_there),
	    test_unit(test_a_file_of_such_a_name),
	    test_unit(test_what_only_looks_like_a_name),
	    test_unit(test_what_is_no_devdax_device),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
