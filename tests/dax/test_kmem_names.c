// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_kmem_names.c -- a device in system-ram mode is memory of the kernel's:
 * each of its names says so, and how it becomes a device again.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_command.h"
#include "../support/test_region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char Device[64];
static char Namespace[64];

static int
find_names(void **state)
{
	(void)state;
	test_command_ok("for d in /sys/bus/dax/devices/*; do "
			"case $(readlink $d/driver) in */kmem) "
			"echo ${d##*/};; esac; done");
	(void)sscanf(test_command_text(), "%63s", Device);
	assert_non_null(strstr(Device, "dax"));
	test_command_ok("ndctl list -N | tr -d ' \\n' | tr '}' '\\n' | "
			"sed -n 's/.*\"dev\":\"\\([^\"]*\\)\""
			".*\"chardev\":\"%s\".*/\\1/p'",
	    Device);
	(void)sscanf(test_command_text(), "%63s", Namespace);
	return 0;
}

static void
test_system_ram_is_said(void **state)
{
	char path[128], mend[128];
	const char *const names[] = {Device, path, Namespace};
	struct daxkind_region *region;

	(void)state;
	(void)snprintf(path, sizeof(path), "/dev/%s", Device);
	(void)snprintf(mend, sizeof(mend),
	    "daxctl reconfigure-device --mode=devdax --force %s", Device);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		dk_row(names[i]);
		assert_int_equal(
		    daxkind_region_open(names[i], 0, 0, &region), -ENODEV);
		assert_null(region);
		test_has(daxkind_last_error(), "system-ram mode");
		test_has(daxkind_last_error(), mend);
		assert_int_equal(
		    daxkind_region_open_devdax(names[i], 0, 0, 0, &region),
		    -ENODEV);
		test_has(daxkind_last_error(), mend);
	}
}

static void
test_the_command_says_so_too(void **state)
{
	(void)state;
	test_command_ok("daxkind list");
	test_has(test_command_text(), "system-ram");
	test_has(test_command_text(), "daxctl reconfigure-device");
	assert_int_equal(test_command("daxkind probe %s", Device), 1);
	test_has(test_command_text(), "system-ram mode");
}

/* What the text says is what helps. */
static void
test_the_command_in_the_text_mends_it(void **state)
{
	struct daxkind_region *region;

	(void)state;
	test_command_ok(
	    "daxctl reconfigure-device --mode=devdax --force %s", Device);
	assert_int_equal(daxkind_region_open(Device, 0, 0, &region), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	test_command_ok(
	    "daxctl reconfigure-device --mode=system-ram %s", Device);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_system_ram_is_said),
	    test_unit(test_the_command_says_so_too),
	    test_unit(test_the_command_in_the_text_mends_it),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name(
	    "kmem names", tests, find_names, NULL);
}
