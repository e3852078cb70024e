// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dax_command.c -- daxkind(1) on real DAX memory.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_command.h"
#include "../support/test_region.h"

#include <stdio.h>
#include <string.h>

static bool
is_device(void)
{
	return dax_env_is_kind("devdax nvdimm");
}

static void
test_list_has_it(void **state)
{
	(void)state;
	test_command_ok("daxkind list | tee /dev/console");
	test_has(test_command_text(), "namespace");
	test_command_ok("daxkind list --json");
	if (is_device()) {
		char line[128];

		(void)snprintf(
		    line, sizeof(line), "\"device\": \"%s\"", dax_env_path());
		test_has(test_command_text(), line);
		test_has(test_command_text(), "\"mode\": \"devdax\"");
		test_has(test_command_text(), "\"align\": 2097152");
	} else {
		test_has(test_command_text(), "\"mode\": \"fsdax\"");
		test_has(test_command_text(), "\"mount\": \"/mnt/");
	}
	test_has(test_command_text(), "\"usable\": true");
}

static void
test_list_sees_who_is_busy(void **state)
{
	struct daxkind_region *region;

	(void)state;
	if (!is_device())
		return;
	assert_int_equal(daxkind_region_open(dax_env_path(), 0, 0, &region), 0);
	test_command_ok("daxkind list");
	test_has(test_command_text(), "already open as a region");
	test_command_ok("daxkind probe %s", dax_env_path());
	test_has(test_command_text(), "a region is open on it");
	assert_int_equal(
	    test_command("daxkind map --size=4M %s", dax_env_path()), 1);
	test_has(test_command_text(), "already open as a region");
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_probe_says_dax(void **state)
{
	(void)state;
	test_command_ok("daxkind probe --json %s", dax_env_path());
	test_has(test_command_text(), "\"dax\": true");
	test_has(test_command_text(), "\"map_sync\": true");
	test_has(test_command_text(), "\"huge_pages\": \"yes\"");
	test_has(test_command_text(), is_device()
					  ? "\"hole_punching\": \"no\""
					  : "\"hole_punching\": \"yes\"");
	test_has(test_command_text(), dax_env_is_eadr()
					  ? "\"granularity\": \"byte\""
					  : "\"granularity\": \"cache line\"");
	test_has(test_command_text(), "\"bad\": 0");
	test_command_ok("daxkind probe %s", dax_env_path());
	/* A file that is not there, and one that is. */
	if (!is_device()) {
		assert_int_equal(
		    test_command("daxkind probe %s/new-file", dax_env_path()),
		    1);
		test_command_ok("test ! -e %s/new-file", dax_env_path());
		test_command_ok("echo x >%s/new-file", dax_env_path());
		test_command_ok("daxkind probe %s/new-file", dax_env_path());
		test_command_ok("rm %s/new-file", dax_env_path());
	}
	/* What is no DAX memory has a status of its own. */
	assert_int_equal(test_command("daxkind probe /tmp"), 3);
}

static void
test_map_shows_a_region(void **state)
{
	(void)state;
	test_command_ok("daxkind map --size=32M %s", dax_env_path());
	test_has(test_command_text(), "32 MiB, 0 B taken");
	test_command_ok("daxkind map --json --size=32M %s", dax_env_path());
	test_has(test_command_text(), "\"total\": 33554432");
	test_has(test_command_text(),
	    is_device() ? "\"state\": \"idle\"" : "\"state\": \"hole\"");
}

/* By path, and a device by its name, too. */
static void
test_durable_heaps_are_shown(void **state)
{
	struct daxkind_region *region;
	char path[4096];
	memkind_t kind;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s%s", dax_env_path(),
	    is_device() ? "" : "/heap");
	const char *name = is_device() ? strrchr(path, '/') + 1 : path;
	assert_int_equal(
	    daxkind_region_open_durable(path, is_device() ? 0 : 32 * TEST_MIB,
		"test_dax_command 1",
		is_device() ? DAXKIND_OVERWRITE : DAXKIND_CREATE, &region),
	    0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	for (size_t i = 0; i < 100; i++)
		assert_non_null(memkind_malloc(kind, 1 + i * 300));
	test_command_ok("daxkind inspect %s", name);
	test_has(test_command_text(), "open in process");
	assert_int_equal(test_command("daxkind check %s", name), 2);
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	test_command_ok("daxkind check %s", name);
	test_has(test_command_text(), ": sound");
	test_command_ok("daxkind inspect --json %s", name);
	test_has(test_command_text(), "\"state\": \"closed\"");
	test_has(test_command_text(), "\"blocks\": 100");
	test_has(test_command_text(), dax_env_is_eadr()
					  ? "\"granularity\": \"byte\""
					  : "\"granularity\": \"cache line\"");
	test_command_ok("daxkind map %s", name);
	test_has(test_command_text(), "taken");
	/* The next test finds no heap. */
	assert_int_equal(
	    daxkind_region_open(path, 0, DAXKIND_OVERWRITE, &region), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(test_command("daxkind check %s", name), 2);
	test_has(test_command_text(), "holds no durable heap");
	if (!is_device())
		test_command_ok("rm %s", path);
}

/* Four regions are above 4 GiB in the guest, and nothing else is. */
static void
test_emulate_sees_what_is_reserved(void **state)
{
	(void)state;
	(void)test_command("daxkind emulate");
	test_has(test_command_text(), "ndctl create-namespace");
	test_has(test_command_text(), "mount -t ext4 -o dax=always");
	if (!dax_env_is_eadr())
		test_has(test_command_text(), "no memory above 4 GiB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_list_has_it),
	    test_unit(test_list_sees_who_is_busy),
	    test_unit(test_probe_says_dax),
	    test_unit(test_map_shows_a_region),
	    test_unit(test_durable_heaps_are_shown),
	    test_unit(test_emulate_sees_what_is_reserved),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name("dax command", tests, NULL, NULL);
}
