// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_full_fs.c -- a file system that is full: NULL with ENOMEM, never SIGBUS.
 *
 * Wants to mount a small tmpfs, in a mount namespace of its own; exits with 77
 * where that is not allowed.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* memkind takes long to find out that it is full. */
#define FS_SIZE ((TEST_OURS ? 32 : 18) * TEST_MIB)

static char Dir[PATH_MAX];

static bool
write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, line, strlen(line)) == (ssize_t)strlen(line);
	return close(fd) == 0 && ok;
}

/* NULL, or what was refused, with errno. */
static const char *
mount_small_fs(void)
{
	const char *tmp = getenv("TMPDIR");
	char map[64];
	unsigned uid = getuid();
	unsigned gid = getgid();

	(void)snprintf(Dir, sizeof(Dir) - 16, "%s/daxkind-fs.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(Dir) == NULL)
		return "a folder in $TMPDIR";
	if (unshare(CLONE_NEWNS) != 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
			return "a mount namespace, by itself or in a user "
			       "namespace";
		(void)snprintf(map, sizeof(map), "0 %u 1", uid);
		if (!write_line("/proc/self/uid_map", map))
			return "a map of users";
		/* a group that is not mapped may own no file */
		(void)snprintf(map, sizeof(map), "0 %u 1", gid);
		if (!write_line("/proc/self/setgroups", "deny") ||
		    !write_line("/proc/self/gid_map", map))
			return "a map of groups";
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return "private mounts";
	(void)snprintf(map, sizeof(map), "size=%zu", FS_SIZE);
	return mount("none", Dir, "tmpfs", 0, map) == 0 ? NULL : "a tmpfs";
}

static size_t
room_left(void)
{
	struct statvfs vfs;

	assert_int_equal(statvfs(Dir, &vfs), 0);
	return (size_t)vfs.f_bavail * (size_t)vfs.f_frsize;
}

/* Every byte of every block is written: one without file space would be a
 * SIGBUS. */
static void
fill_and_write(memkind_t kind, size_t len, size_t at_least)
{
	for (int round = 0; round < (TEST_OURS ? 3 : 1); round++) {
		enum {
			MOST = 40000
		};
		static char *blocks[MOST];
		size_t nr = 0;

		while (nr < MOST) {
			errno = 0;
			blocks[nr] = memkind_malloc(kind, len);
			if (blocks[nr] == NULL)
				break;
			memset(blocks[nr], (int)(nr & 0xff), len);
			nr++;
		}
		assert_int_equal(errno, ENOMEM);
		print_message(
		    "%zu KiB in blocks of %zu\n", nr * len / TEST_KIB, len);
		assert_true(nr * len >= at_least);
		for (size_t i = 0; i < nr; i++) {
			assert_true(
			    test_all_bytes(blocks[i], (int)(i & 0xff), len));
			memkind_free(kind, blocks[i]);
		}
	}
}

static void
check_full(size_t max_size)
{
	memkind_t kind = NULL;

	assert_int_equal(
	    memkind_create_pmem(Dir, max_size, &kind), MEMKIND_SUCCESS);
	fill_and_write(kind, 1000, FS_SIZE / 100 * 90);
	fill_and_write(kind, 100 * TEST_KIB, FS_SIZE / 100 * 90);
	fill_and_write(kind, 5 * TEST_MIB, FS_SIZE / 100 * 70);
	errno = 0;
	assert_null(memkind_malloc(kind, FS_SIZE + TEST_MIB));
	assert_int_equal(errno, ENOMEM);
	assert_null(memkind_calloc(kind, 1, FS_SIZE + TEST_MIB));
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_true(room_left() >= FS_SIZE / 100 * 98);
}

static void
test_kind_that_may_be_larger_than_the_file_system(void **state)
{
	(void)state;
	check_full(256 * TEST_MIB);
}

static void
test_kind_without_a_limit(void **state)
{
	(void)state;
	check_full(0);
}

/* Somebody else fills the file system, and makes room again. */
static void
test_room_that_others_take_and_give_back(void **state)
{
	char path[sizeof(Dir) + 16];
	memkind_t kind = NULL;
	void *p;
	int fd;

	(void)state;
	assert_int_equal(
	    memkind_create_pmem(Dir, 256 * TEST_MIB, &kind), MEMKIND_SUCCESS);
	(void)snprintf(path, sizeof(path), "%s/other", Dir);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, (off_t)room_left()), 0);
	errno = 0;
	assert_null(memkind_malloc(kind, 8 * TEST_MIB));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(ftruncate(fd, 0), 0);
	p = memkind_malloc(kind, 8 * TEST_MIB);
	assert_non_null(p);
	memset(p, 1, 8 * TEST_MIB);
	/* and growing where it is, against the limit */
	assert_int_equal(posix_fallocate(fd, 0, (off_t)room_left()), 0);
	errno = 0;
	assert_null(memkind_realloc(kind, p, 16 * TEST_MIB));
	assert_int_equal(errno, ENOMEM);
	assert_true(test_all_bytes(p, 1, 8 * TEST_MIB));
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

#if TEST_OURS
static sigjmp_buf Way_out;

static void
leave(int sig)
{
	(void)sig;
	siglongjmp(Way_out, 1);
}

static size_t
bad_bytes(const struct daxkind_region *region)
{
	struct daxkind_space space;

	assert_int_equal(
	    daxkind_region_space(region, &space, sizeof(space)), 0);
	return space.bad;
}

/* A store outside of all blocks, for which there is no space: SIGBUS, as of a
 * media error, but the page is sound. */
static void
test_a_store_without_space_is_no_media_error(void **state)
{
	char path[sizeof(Dir) + 16];
	struct daxkind_region_info info;
	struct daxkind_region *region;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/other", Dir);
	assert_int_equal(
	    daxkind_region_open_dir(Dir, 2 * FS_SIZE, 0, &region), 0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, (off_t)room_left()), 0);
	void (*before)(int) = signal(SIGBUS, leave);
	assert_true(before != SIG_ERR);
	assert_int_equal(
	    daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL), 0);
	volatile char *hole = (char *)info.base + FS_SIZE;
	volatile bool is_told = true;
	if (sigsetjmp(Way_out, 1) == 0) {
		*hole = 1;
		is_told = false;
	}
	assert_true(is_told);
	assert_int_equal(bad_bytes(region), 0);
	/* and is stored to when there is some */
	assert_int_equal(ftruncate(fd, 0), 0);
	*hole = 1;
	assert_int_equal(bad_bytes(region), 0);
	assert_int_equal(daxkind_sigbus_remove(), 0);
	assert_true(signal(SIGBUS, before) == leave);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

/* The kind's descriptor is another file's: it is full in the same way. */
static void
test_full_without_the_descriptor(void **state)
{
	memkind_t kind = NULL;
	bool was_open[4096];

	(void)state;
	for (int fd = 0; fd < (int)ARRAY_LEN(was_open); fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	assert_int_equal(
	    memkind_create_pmem(Dir, 256 * TEST_MIB, &kind), MEMKIND_SUCCESS);
	for (int fd = 0; fd < (int)ARRAY_LEN(was_open); fd++) {
		if (!was_open[fd] && fcntl(fd, F_GETFD) >= 0)
			assert_int_equal(close(fd), 0);
	}
	fill_and_write(kind, 1000, FS_SIZE / 100 * 90);
	fill_and_write(kind, 5 * TEST_MIB, FS_SIZE / 100 * 70);
	assert_null(memkind_malloc(kind, FS_SIZE + TEST_MIB));
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_true(room_left() >= FS_SIZE / 100 * 98);
}

static void
test_region_that_can_not_be_reserved_leaves_nothing(void **state)
{
	char path[sizeof(Dir) + 16];
	struct daxkind_region *region;
	size_t before = room_left();

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/new", Dir);
	for (int i = 0; i < 3; i++) {
		region = (struct daxkind_region *)(uintptr_t)0xDA;
		errno = 0;
		assert_int_equal(
		    daxkind_region_open_file(path, 2 * FS_SIZE,
			DAXKIND_CREATE | DAXKIND_PREFAULT, &region),
		    -ENOSPC);
		assert_int_equal(errno, ENOSPC);
		assert_null(region);
		assert_true(strlen(daxkind_last_error()) > 10);
		assert_int_not_equal(access(path, F_OK), 0);
		assert_int_equal(daxkind_region_open_dir(Dir, 2 * FS_SIZE,
				     DAXKIND_PREFAULT, &region),
		    -ENOSPC);
		assert_null(region);
	}
	assert_int_equal(room_left(), before);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_kind_that_may_be_larger_than_the_file_system),
	    test_unit(test_kind_without_a_limit),
	    test_unit(test_room_that_others_take_and_give_back),
	    test_ours_only(
		test_unit, test_a_store_without_space_is_no_media_error),
	    test_ours_only(test_unit, test_full_without_the_descriptor),
	    test_ours_only(
		test_unit, test_region_that_can_not_be_reserved_leaves_nothing),
	};
	int rc;

	if (test_is_emulated()) {
		puts("skipped: not about the memory that it runs on");
		return 77;
	}
	const char *refused = mount_small_fs();
	if (refused != NULL) {
		printf("skipped: %s: %s; %s\n", refused, strerror(errno),
		    geteuid() == 0
			? "this container keeps it from root, too "
			  "(CAP_SYS_ADMIN)"
			: "run it as root, or allow user namespaces");
		(void)rmdir(Dir);
		return 77;
	}
	rc = cmocka_run_group_tests_name("full_fs", tests, NULL, NULL);
	(void)umount(Dir);
	(void)rmdir(Dir);
	return rc;
}
