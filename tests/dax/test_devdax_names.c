// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_devdax_names.c -- a devdax device by each of its names, and what is said
 * when it cannot be opened by one.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_command.h"
#include "../support/test_region.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define HUGE_PAGE (2 * TEST_MIB)

static char Namespace[64];

static const char *
device_name(void)
{
	return strrchr(dax_env_path(), '/') + 1;
}

/* "namespace0.0", from ndctl's own list. */
static const char *
find_namespace(void)
{
	test_command_ok("ndctl list -N | tr -d ' \\n' | tr '}' '\\n' | "
			"sed -n 's/.*\"dev\":\"\\([^\"]*\\)\""
			".*\"chardev\":\"%s\".*/\\1/p'",
	    device_name());
	(void)sscanf(test_command_text(), "%63s", Namespace);
	assert_non_null(strstr(Namespace, "namespace"));
	return Namespace;
}

static int
open_name(const char *name, size_t size)
{
	struct daxkind_region *region = NULL;
	int rc = daxkind_region_open(name, size, 0, &region);

	if (rc == 0) {
		struct daxkind_region_info info;

		assert_int_equal(
		    daxkind_region_info(region, &info, sizeof(info)), 0);
		assert_int_equal(info.backing, DAXKIND_BACKING_DEVDAX);
		assert_int_equal(info.align, HUGE_PAGE);
		assert_true(info.numa_node >= 0);
		assert_int_equal(daxkind_region_close(region), 0);
	} else {
		assert_null(region);
	}
	return rc;
}

/* It fails so, and the text has all of this. */
static void
expect(const char *name, int rc, const char *a, const char *b)
{
	assert_int_equal(open_name(name, 0), rc);
	test_has(daxkind_last_error(), a);
	test_has(daxkind_last_error(), b);
	struct daxkind_region *region;
	assert_int_equal(
	    daxkind_region_open_devdax(name, 0, 0, 0, &region), rc);
	test_has(daxkind_last_error(), a);
}

static void
test_every_name_opens_it(void **state)
{
	const char *names[] = {dax_env_path(), device_name(), find_namespace()};
	struct daxkind_region *region;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		dk_row(names[i]);
		assert_int_equal(open_name(names[i], 0), 0);
		assert_int_equal(open_name(names[i], 4 * HUGE_PAGE), 0);
		assert_int_equal(daxkind_region_open_devdax(names[i], HUGE_PAGE,
				     HUGE_PAGE, 0, &region),
		    0);
		assert_int_equal(daxkind_region_close(region), 0);
	}
}

/* A busy device is found out through each of its names. */
static void
test_a_busy_device_is_refused_by_any_name(void **state)
{
	const char *other = test_path("another-node");
	const char *names[] = {
	    dax_env_path(), device_name(), find_namespace(), other};
	struct daxkind_region *region;
	struct stat st;

	(void)state;
	assert_int_equal(stat(dax_env_path(), &st), 0);
	test_command_ok(
	    "mknod %s c %u %u", other, major(st.st_rdev), minor(st.st_rdev));
	assert_int_equal(open_name(other, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		dk_row(names[i]);
		assert_int_equal(
		    daxkind_region_open(names[i], 0, 0, &region), 0);
		for (size_t j = 0; j < ARRAY_LEN(names); j++)
			expect(names[j], -EBUSY, "open as a region", "lslocks");
		assert_int_equal(daxkind_region_close(region), 0);
	}
	assert_int_equal(unlink(other), 0);
}

static void
test_another_alignment_is_said(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(
	    daxkind_region_open(device_name(), HUGE_PAGE + 4096, 0, &region),
	    -EINVAL);
	test_has(daxkind_last_error(), "multiples of its alignment, 2097152");
	test_has(daxkind_last_error(), "ndctl create-namespace");
	assert_int_equal(daxkind_region_open_devdax(
			     find_namespace(), 4096, HUGE_PAGE, 0, &region),
	    -EINVAL);
	test_has(daxkind_last_error(), "multiples of its alignment, 2097152");
}

static void
test_a_disabled_namespace_is_said(void **state)
{
	char text[128];

	(void)state;
	(void)find_namespace();
	test_command_ok("ndctl disable-namespace %s", Namespace);
	(void)snprintf(
	    text, sizeof(text), "ndctl enable-namespace %s", Namespace);
	expect(Namespace, -ENODEV, "is disabled", text);
	expect(device_name(), -ENOENT, "there is no DAX device",
	    "ndctl list -N -i");
	expect(dax_env_path(), -ENOENT, "there is no DAX device",
	    "ndctl list -N -i");
	test_command_ok("ndctl enable-namespace %s", Namespace);
	assert_int_equal(open_name(Namespace, 0), 0);
}

static void
test_a_disabled_device_is_said(void **state)
{
	char text[128];

	(void)state;
	test_command_ok("daxctl disable-device %s", device_name());
	(void)snprintf(
	    text, sizeof(text), "daxctl enable-device %s", device_name());
	expect(device_name(), -ENODEV, "is disabled", text);
	expect(dax_env_path(), -ENODEV, "is disabled", text);
	expect(find_namespace(), -ENODEV, "is disabled", text);
	test_command_ok("daxctl enable-device %s", device_name());
	assert_int_equal(open_name(device_name(), 0), 0);
}

static void
test_a_missing_node_is_said(void **state)
{
	char text[128];
	struct stat st;

	(void)state;
	assert_int_equal(stat(dax_env_path(), &st), 0);
	(void)snprintf(text, sizeof(text), "mknod %s c %u %u", dax_env_path(),
	    major(st.st_rdev), minor(st.st_rdev));
	assert_int_equal(unlink(dax_env_path()), 0);
	expect(device_name(), -ENODEV, "has no node", text);
	expect(dax_env_path(), -ENODEV, "has no node", text);
	test_command_ok("%s", text);
	assert_int_equal(open_name(device_name(), 0), 0);
}

static void
test_what_is_not_there_is_said(void **state)
{
	(void)state;
	expect("dax77.0", -ENOENT, "no DAX device dax77.0", "daxctl list");
	expect("/dev/dax77.0", -ENOENT, "no DAX device", "daxctl list");
	expect("namespace77.0", -ENOENT, "no namespace namespace77.0",
	    "ndctl list -N -i");
	expect("/dev/null", -ENODEV, "not a devdax device", "ndctl");
}

/* 4 KiB alignment is looked up, too: on the free part of the NVDIMM. */
static void
test_a_finer_alignment_is_found(void **state)
{
	const char *region_dir = getenv("DAX_REGION");
	struct daxkind_region_info info;
	struct daxkind_region *region;
	char name[64] = "";

	(void)state;
	if (!dax_env_is_kind("nvdimm"))
		return;
	test_command_ok(
	    "ndctl create-namespace -r %s -m devdax -a 4K -s 32M | "
	    "sed -n 's/.*\"dev\":\"\\(namespace[^\"]*\\)\".*/\\1/p'",
	    strrchr(region_dir, '/') + 1);
	(void)sscanf(test_command_text(), "%63s", name);
	assert_non_null(strstr(name, "namespace"));
	assert_int_equal(
	    daxkind_region_open_devdax(name, 4096, 8 * 4096, 0, &region), 0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_int_equal(info.align, 4096);
	memset(info.base, 0x5A, info.size);
	assert_int_equal(daxkind_region_close(region), 0);
	test_command_ok("ndctl destroy-namespace -f %s", name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_every_name_opens_it),
	    test_unit(test_a_busy_device_is_refused_by_any_name),
	    test_unit(test_another_alignment_is_said),
	    test_unit(test_a_disabled_namespace_is_said),
	    test_unit(test_a_disabled_device_is_said),
	    test_unit(test_a_missing_node_is_said),
	    test_unit(test_what_is_not_there_is_said),
	    test_unit(test_a_finer_alignment_is_found),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name("devdax names", tests, NULL, NULL);
}
