// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_mounts.c -- reading /proc/self/mountinfo.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dax/mounts.h"

static int Nr_seen;

static int
check_line(const struct mount *mount, void *arg)
{
	(void)arg;
	switch (Nr_seen++) {
	case 0:
		assert_int_equal(mount->major_nr, 259);
		assert_int_equal(mount->minor_nr, 1);
		assert_true(mount->is_whole);
		assert_false(mount->is_read_only);
		assert_string_equal(mount->point, "/mnt/pmem0");
		assert_string_equal(mount->type, "ext4");
		assert_string_equal(mount->source, "/dev/pmem0");
		assert_string_equal(mount->options, "rw,dax=always");
		return 0;
	case 1: /* escapes, two optional fields, a folder, read-only */
		assert_int_equal(mount->major_nr, 0);
		assert_int_equal(mount->minor_nr, 44);
		assert_false(mount->is_whole);
		assert_true(mount->is_read_only);
		assert_string_equal(mount->point, "/mnt/a b\\c\td");
		assert_string_equal(mount->type, "fuse.x");
		assert_string_equal(mount->source, "a source");
		return 0;
	default:
		assert_string_equal(mount->point, "/");
		return 7;
	}
}

static void
test_lines_are_understood(void **state)
{
	const char *path = test_path("mountinfo");
	FILE *f = fopen(path, "we");

	(void)state;
	assert_non_null(f);
	assert_true(
	    fputs("36 35 259:1 / /mnt/pmem0 rw,noatime shared:1 - ext4 "
		  "/dev/pmem0 rw,dax=always\n"
		  "a line of another kind\n"
		  "37 35 0:44 /dir /mnt/a\\040b\\134c\\011d ro shared:2 "
		  "master:1 - fuse.x a\\040source rw\n"
		  "38 35 8:1 / / rw - ext4 /dev/sda1 rw\n"
		  "39 35 8:2 / /not-reached rw - ext4 /dev/sda2 rw\n",
		f) >= 0);
	assert_int_equal(fclose(f), 0);
	Nr_seen = 0;
	assert_int_equal(mounts_walk_file(path, check_line, NULL), 7);
	assert_int_equal(Nr_seen, 3);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mounts_walk_file(path, check_line, NULL), -ENOENT);
}

static int
keep_proc(const struct mount *mount, void *arg)
{
	if (strcmp(mount->point, "/proc") == 0)
		*(struct mount *)arg = *mount;
	return 0;
}

static void
test_a_mount_is_found_by_its_number(void **state)
{
	static struct mount proc, found;

	(void)state;
	assert_int_equal(mounts_walk(keep_proc, &proc), 0);
	assert_string_equal(proc.point, "/proc");
	assert_int_equal(mounts_find(proc.major_nr, proc.minor_nr, &found), 0);
	assert_int_equal(found.major_nr, proc.major_nr);
	assert_string_equal(found.type, proc.type);
	assert_int_equal(mounts_find(4095, 77777, &found), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_lines_are_understood),
	    test_unit(test_a_mount_is_found_by_its_number),
	};

	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
