// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_fsdax_names.c -- an fsdax namespace by each of its names, and what is
 * said in each state in which it cannot be opened.
 *
 * The file system is taken down for it.  dax-vm makes a new one afterwards.
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

static char Namespace[64];
static char Block[64]; /* "/dev/pmem1" */
static char Mount[256];

static const char *
block_name(void)
{
	return strrchr(Block, '/') + 1;
}

static int
find_names(void **state)
{
	(void)state;
	assert_non_null(getenv("DAX_BLOCK"));
	(void)snprintf(Block, sizeof(Block), "%s", getenv("DAX_BLOCK"));
	test_command_ok("awk '$1 == \"%s\" { print $2 }' /proc/mounts", Block);
	(void)sscanf(test_command_text(), "%255s", Mount);
	test_command_ok("ndctl list -N | tr -d ' \\n' | tr '}' '\\n' | "
			"sed -n 's/.*\"dev\":\"\\([^\"]*\\)\""
			".*\"blockdev\":\"%s\".*/\\1/p'",
	    block_name());
	(void)sscanf(test_command_text(), "%63s", Namespace);
	assert_non_null(strstr(Namespace, "namespace"));
	return 0;
}

static void
make_fs(void)
{
	if (dax_env_is_kind("xfs"))
		test_command_ok("TEST_DIR=/ TEST_DEV=/ QA_CHECK_FS=1 "
				"mkfs.xfs -q -f -d su=2m,sw=1 %s",
		    Block);
	else
		test_command_ok("mkfs.ext4 -q -F -b 4096 %s", Block);
}

static int
open_name(const char *name)
{
	struct daxkind_region *region = NULL;
	int rc = daxkind_region_open(name, 8 * TEST_MIB, 0, &region);

	if (rc == 0) {
		struct daxkind_region_info info;

		assert_int_equal(
		    daxkind_region_info(region, &info, sizeof(info)), 0);
		assert_int_equal(info.backing, DAXKIND_BACKING_FILE);
		assert_int_equal(info.size, 8 * TEST_MIB);
		assert_true(info.is_dax);
		assert_true(info.is_sync);
		assert_int_equal(daxkind_region_close(region), 0);
	} else {
		assert_null(region);
	}
	return rc;
}

/* All names fail so, and the text has all of this. */
static void
expect_one(const char *name, int rc, const char *a, const char *b)
{
	dk_row(name);
	assert_int_equal(open_name(name), rc);
	test_has(daxkind_last_error(), a);
	test_has(daxkind_last_error(), b);
}

static void
expect(int rc, const char *a, const char *b)
{
	expect_one(Namespace, rc, a, b);
	expect_one(Block, rc, a, b);
	expect_one(block_name(), rc, a, b);
}

static void
test_every_name_opens_it(void **state)
{
	const char *other = test_path("another-node");
	struct daxkind_region *region;
	struct stat st;

	(void)state;
	assert_int_equal(stat(Block, &st), 0);
	test_command_ok(
	    "mknod %s b %u %u", other, major(st.st_rdev), minor(st.st_rdev));
	const char *names[] = {Namespace, Block, block_name(), Mount, other};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		dk_row(names[i]);
		if (open_name(names[i]) != 0)
			fail_msg("%s", daxkind_last_error());
	}
	assert_int_equal(unlink(other), 0);
	/* As far as the file system goes. */
	assert_int_equal(daxkind_region_open(Namespace, 0, 0, &region), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_it_is_no_devdax_device(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(
	    daxkind_region_open_devdax(Namespace, 0, 0, 0, &region), -ENODEV);
	test_has(daxkind_last_error(), "--mode=devdax");
}

static void
test_not_mounted_is_said(void **state)
{
	char mend[128];

	(void)state;
	test_command_ok("umount %s", Mount);
	(void)snprintf(mend, sizeof(mend), "mount -o dax=always %s", Block);
	expect(-ENODEV, "not mounted", mend);
}

static void
test_a_mount_without_dax_is_said(void **state)
{
	char mend[1024];

	(void)state;
	test_command_ok(
	    "mount -t %s -o dax=never %s %s", getenv("DAX_KIND"), Block, Mount);
	(void)snprintf(mend, sizeof(mend),
	    "umount %s && mount -o dax=always %s %s", Mount, Block, Mount);
	expect(-EOPNOTSUPP, "without dax", mend);
	test_command_ok("%s", mend);
	assert_int_equal(open_name(Namespace), 0);
	test_command_ok("umount %s", Mount);
}

static void
test_no_file_system_is_said(void **state)
{
	char mend[128];

	(void)state;
	test_command_ok("dd if=/dev/zero of=%s bs=1M count=1", Block);
	(void)snprintf(mend, sizeof(mend), "%s && mount -o dax=always", Block);
	expect(-ENODEV, "holds no file system", "mkfs.ext4 -b 4096");
	expect(-ENODEV, "holds no file system", mend);
}

static void
test_a_disabled_namespace_is_said(void **state)
{
	char mend[128];

	(void)state;
	test_command_ok("ndctl disable-namespace %s", Namespace);
	(void)snprintf(
	    mend, sizeof(mend), "ndctl enable-namespace %s", Namespace);
	expect(-ENODEV, "is disabled", mend);
	test_command_ok("%s", mend);
}

/* Raw and sector mode, and a devdax namespace by its old block device. */
static void
test_other_modes_are_said(void **state)
{
	char sector[80];

	(void)state;
	test_command_ok("ndctl create-namespace -f -e %s -m sector", Namespace);
	(void)snprintf(sector, sizeof(sector), "%ss", Block);
	expect_one(Namespace, -ENODEV, "sector mode", "ndctl create-namespace");
	expect_one(sector, -ENODEV, "sector mode", "ndctl create-namespace");
	expect_one(Block, -ENOENT, "no block device", sector);

	test_command_ok(
	    "ndctl create-namespace -f -e %s -m devdax -a 2M", Namespace);
	expect_one(block_name(), -ENOENT, "in devdax mode", "/dev/dax");
	test_command_ok(
	    "ndctl create-namespace -f -e %s -m fsdax -a 2M", Namespace);
}

static void
test_what_is_not_there_is_said(void **state)
{
	(void)state;
	expect_one("pmem77", -ENOENT, "no block device pmem77", "ndctl list");
	expect_one("/dev/pmem77", -ENOENT, "no block device", "ndctl list");
	expect_one("namespace77.0", -ENOENT, "no namespace", "ndctl list");
}

/* --- the command that makes all of this ------------------------------------- */

static void
test_emulate_makes_a_mount(void **state)
{
	(void)state;
	make_fs();
	assert_int_equal(
	    test_command("daxkind emulate --apply %s", Namespace), 1);
	test_has(test_command_text(), "holds data");
	test_has(test_command_text(), "file system");
	test_command_ok("mkdir -p %s && mount %s %s", Mount, Block, Mount);
	assert_int_equal(
	    test_command("daxkind emulate --apply %s", Namespace), 1);
	test_has(test_command_text(), "is mounted on");
	test_command_ok("umount %s", Mount);

	test_command_ok("dd if=/dev/zero of=%s bs=1M count=1", Block);
	test_command_ok("printf x | dd of=%s bs=1 seek=70000", Block);
	assert_int_equal(
	    test_command("daxkind emulate --apply %s", Namespace), 1);
	test_has(test_command_text(), "--force");
	/* Without --apply nothing happens. */
	test_command_ok("daxkind emulate %s", Namespace);
	test_has(test_command_text(), "mkfs.ext4");
	expect_one(Namespace, -ENODEV, "holds no file system", "mkfs");

	test_command_ok(
	    "daxkind emulate --apply --force --mount=/mnt/made %s", Namespace);
	assert_int_equal(open_name(Namespace), 0);
	test_command_ok("daxkind probe /mnt/made");
	test_has(test_command_text(), "MAP_SYNC       yes");
	test_command_ok("umount /mnt/made");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_every_name_opens_it),
	    test_unit(test_it_is_no_devdax_device),
	    test_unit(test_not_mounted_is_said),
	    test_unit(test_a_mount_without_dax_is_said),
	    test_unit(test_no_file_system_is_said),
	    test_unit(test_a_disabled_namespace_is_said),
	    test_unit(test_other_modes_are_said),
	    test_unit(test_what_is_not_there_is_said),
	    test_unit(test_emulate_makes_a_mount),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name(
	    "fsdax names", tests, find_names, NULL);
}
