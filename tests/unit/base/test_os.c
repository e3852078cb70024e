// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_os.c -- the wrappers of system calls: what each answers, and that none
 * changes errno or leaves something behind.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/os.h"
#include "base/util.h"

/* Each call leaves errno as it is: checked after every test, and here. */
#define ERRNO_BEFORE 77
#define assert_call(call, rc)                          \
	do {                                           \
		errno = ERRNO_BEFORE;                  \
		assert_int_equal(call, rc);            \
		assert_int_equal(errno, ERRNO_BEFORE); \
	} while (0)

/* Bytes of address space that are mapped, without the stack. */
static size_t
mapped_bytes(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t cap = 0, sum = 0;

	assert_non_null(f);
	while (getline(&line, &cap, f) > 0) {
		char *end;
		size_t from = strtoull(line, &end, 16);
		size_t to = strtoull(end + 1, NULL, 16);

		if (strstr(line, "[stack]") == NULL)
			sum += to - from;
	}
	free(line);
	assert_int_equal(fclose(f), 0);
	return sum;
}

/* A file on tmpfs, of len bytes, all hole. */
static int
new_memfd(size_t len)
{
	int fd = memfd_create("daxkind-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	return fd;
}

static size_t
space_of(int fd)
{
	struct os_stat st;

	assert_call(os_fstat(fd, &st), 0);
	return st.space;
}

/* --- memory -------------------------------------------------------------------- */

static void
test_anonymous_memory_is_zero(void **state)
{
	static const size_t sizes[] = {
	    1, DK_PAGE, 5 * DK_PAGE, DK_HUGE_PAGE, 3 * DK_HUGE_PAGE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		void *p = NULL;

		assert_call(os_map_anon(sizes[i], &p), 0);
		assert_true(test_all_bytes(p, 0, sizes[i]));
		memset(p, 1, sizes[i]);
		assert_call(os_unmap(p, sizes[i]), 0);
		assert_call(os_is_mapped(p), -ENOMEM);
	}
}

static void
test_maps_are_aligned(void **state)
{
	int fd = new_memfd(5 * DK_PAGE);

	(void)state;
	for (size_t align = DK_PAGE; align <= GIB; align *= 2) {
		void *p = NULL;

		assert_call(os_map_anon_aligned(5 * DK_PAGE, align, &p), 0);
		assert_int_equal((uintptr_t)p % align, 0);
		assert_true(test_all_bytes(p, 0, 5 * DK_PAGE));
		assert_call(os_unmap(p, 5 * DK_PAGE), 0);
		assert_call(os_map_file(fd, 0, 5 * DK_PAGE, align, 0, &p), 0);
		assert_int_equal((uintptr_t)p % align, 0);
		memset(p, 1, 5 * DK_PAGE);
		assert_call(os_unmap(p, 5 * DK_PAGE), 0);
	}
	assert_int_equal(close(fd), 0);
}

static void
test_a_map_takes_no_more_address_space_than_asked(void **state)
{
	int fd = new_memfd(5 * DK_PAGE);
	size_t before = mapped_bytes();
	void *p, *q;

	(void)state;
	assert_call(os_map_anon_aligned(3 * DK_PAGE, GIB, &p), 0);
	assert_call(os_map_file(fd, 0, 5 * DK_PAGE, GIB, 0, &q), 0);
	if (!DK_SANITIZED)
		assert_int_equal(mapped_bytes() - before, 8 * DK_PAGE);
	assert_call(os_unmap(p, 3 * DK_PAGE), 0);
	assert_call(os_unmap(q, 5 * DK_PAGE), 0);
	if (!DK_SANITIZED)
		assert_int_equal(mapped_bytes(), before);
	assert_int_equal(close(fd), 0);
}

static void
test_a_failing_map_leaves_nothing(void **state)
{
	int fd = new_memfd(DK_PAGE);
	int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t before = mapped_bytes();
	void *p = &fd;
	const struct {
		const char *why;
		int fd;
		size_t off, len, align;
		unsigned flags;
		int rc;
	} rows[] = {
	    {"no descriptor", -1, 0, DK_PAGE, DK_PAGE, 0, -EBADF},
	    {"opened for reading", read_only, 0, DK_PAGE, DK_PAGE, 0, -EACCES},
	    {"an offset inside a page", fd, 8, DK_PAGE, DK_PAGE, 0, -EINVAL},
	    {"not DAX", fd, 0, DK_PAGE, DK_PAGE, OS_MAP_SYNC, -EOPNOTSUPP},
	    {"more than the address space", fd, 0, SIZE_MAX / 2, DK_PAGE, 0,
		-ENOMEM},
	    {"more than there are numbers", fd, 0, SIZE_MAX, GIB, 0, -ENOMEM},
	    {"more than there are numbers, aligned", fd, 0, SIZE_MAX - GIB,
		2 * GIB, 0, -ENOMEM},
	    {"an alignment of half of all numbers", fd, 0, DK_PAGE,
		SIZE_MAX / 2 + 1, 0, -ENOMEM},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_call(os_map_file(rows[i].fd, rows[i].off, rows[i].len,
				rows[i].align, rows[i].flags, &p),
		    rows[i].rc);
		assert_ptr_equal(p, &fd);
		if (!DK_SANITIZED)
			assert_int_equal(mapped_bytes(), before);
	}
	assert_call(os_map_anon(SIZE_MAX / 2, &p), -ENOMEM);
	assert_call(os_map_anon_aligned(SIZE_MAX / 2, GIB, &p), -ENOMEM);
	assert_call(os_map_anon_aligned(SIZE_MAX - GIB, 2 * GIB, &p), -ENOMEM);
	assert_ptr_equal(p, &fd);
	assert_int_equal(close(read_only), 0);
	assert_int_equal(close(fd), 0);
}

static void
test_a_file_map_is_shared(void **state)
{
	int fd = new_memfd(4 * DK_PAGE);
	char *p, *q;
	void *map;

	(void)state;
	assert_call(
	    os_map_file(fd, 0, 4 * DK_PAGE - 100, DK_HUGE_PAGE, 0, &map), 0);
	p = map;
	assert_call(os_map_file(fd, 2 * DK_PAGE, DK_PAGE, DK_PAGE, 0, &map), 0);
	q = map;
	p[2 * DK_PAGE + 5] = 'x';
	assert_int_equal(q[5], 'x');
	/* the last page is whole */
	p[4 * DK_PAGE - 1] = 'y';
	char byte;
	assert_int_equal(pread(fd, &byte, 1, 4 * (off_t)DK_PAGE - 1), 1);
	assert_int_equal(byte, 'y');
	assert_call(os_msync(p, 4 * DK_PAGE), 0);
	assert_call(os_unmap(p, 4 * DK_PAGE), 0);
	assert_call(os_unmap(q, DK_PAGE), 0);
	assert_int_equal(close(fd), 0);
}

static void
test_populate_makes_pages_present_and_changes_nothing(void **state)
{
	int fd = new_memfd(8 * DK_PAGE);
	unsigned char in_core[8];
	void *p;

	(void)state;
	assert_int_equal(pwrite(fd, "abc", 3, 10), 3);
	assert_call(os_map_file(fd, 0, 8 * DK_PAGE, DK_PAGE, 0, &p), 0);
	assert_int_equal(space_of(fd), DK_PAGE);
	assert_call(os_populate(p, 8 * DK_PAGE), 0);
	assert_int_equal(space_of(fd), 8 * DK_PAGE);
	assert_int_equal(mincore(p, 8 * DK_PAGE, in_core), 0);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(in_core[i] & 1, 1);
	assert_memory_equal((char *)p + 10, "abc", 3);
	assert_true(test_all_bytes((char *)p + 13, 0, 8 * DK_PAGE - 13));
	assert_call(os_unmap(p, 8 * DK_PAGE), 0);
	assert_call(os_populate(p, 8 * DK_PAGE), -ENOMEM);
	/* or at once, by the map */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, 8 * (off_t)DK_PAGE), 0);
	assert_call(
	    os_map_file(fd, 0, 8 * DK_PAGE, DK_PAGE, OS_MAP_POPULATE, &p), 0);
	assert_int_equal(space_of(fd), 8 * DK_PAGE);
	assert_call(os_unmap(p, 8 * DK_PAGE), 0);
	assert_int_equal(close(fd), 0);
}

static void
test_is_mapped_looks_at_the_page(void **state)
{
	void *p;

	(void)state;
	assert_call(os_map_anon(3 * DK_PAGE, &p), 0);
	assert_call(os_unmap((char *)p + DK_PAGE, DK_PAGE), 0);
	assert_call(os_is_mapped(p), 0);
	assert_call(os_is_mapped((char *)p + DK_PAGE - 1), 0);
	assert_call(os_is_mapped((char *)p + DK_PAGE), -ENOMEM);
	assert_call(os_is_mapped((char *)p + 2 * DK_PAGE - 1), -ENOMEM);
	assert_call(os_is_mapped((char *)p + 2 * DK_PAGE), 0);
	assert_call(os_is_mapped(NULL), -ENOMEM);
	assert_call(os_is_mapped((void *)UINTPTR_MAX), -ENOMEM);
	assert_call(os_msync(p, 3 * DK_PAGE), -ENOMEM);
	assert_call(os_unmap(p, DK_PAGE), 0);
	assert_call(os_unmap((char *)p + 2 * DK_PAGE, DK_PAGE), 0);
	assert_call(os_unmap((char *)p + 8, DK_PAGE), -EINVAL);
}

static void
test_a_probe_says_what_an_access_would_meet(void **state)
{
	int fd = new_memfd(3 * DK_PAGE);
	void *map;
	char *p;

	(void)state;
	assert_call(os_map_file(fd, 0, 3 * DK_PAGE, DK_PAGE, 0, &map), 0);
	p = map;
	for (int word = 0; word < 2; word++) {
		memset(p, word, DK_PAGE);
		assert_call(os_probe_read(p), 0);
		assert_call(os_probe_write(p), 0);
		assert_call(os_probe_read(p + DK_PAGE - 4), 0);
		assert_call(os_probe_write(p + DK_PAGE - 4), 0);
		assert_true(test_all_bytes(p, word, DK_PAGE));
	}
	assert_int_equal(space_of(fd), DK_PAGE);
	assert_call(os_probe_write(p + DK_PAGE), 0);
	assert_int_equal(space_of(fd), 2 * DK_PAGE);
	/* not for writing */
	assert_int_equal(mprotect(p, DK_PAGE, PROT_READ), 0);
	assert_call(os_probe_read(p), 0);
	assert_call(os_probe_write(p), -EFAULT);
	/* beyond the end of the file, which is SIGBUS */
	assert_int_equal(ftruncate(fd, 2 * (off_t)DK_PAGE), 0);
	assert_call(os_probe_read(p + 2 * DK_PAGE), -EFAULT);
	assert_call(os_probe_write(p + 2 * DK_PAGE), -EFAULT);
	assert_call(os_probe_file(fd, 2 * DK_PAGE - 1), 0);
	assert_call(os_probe_file(fd, 2 * DK_PAGE), -ENODATA);
	/* and none at all */
	assert_call(os_unmap(map, 3 * DK_PAGE), 0);
	assert_call(os_probe_read(p), -EFAULT);
	assert_call(os_probe_write(p), -EFAULT);
	os_close(fd);
	assert_call(os_probe_file(fd, 0), -EBADF);
}

/* --- files ---------------------------------------------------------------------- */

static void
assert_closed_on_exec(int fd)
{
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void
test_open_and_unlink(void **state)
{
	char path[PATH_MAX];
	struct stat st;
	int fd = -7, other;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("file"));
	assert_call(os_open(path, false, &fd), -ENOENT);
	assert_call(os_open_read(path, &fd), -ENOENT);
	assert_call(os_unlink(path), -ENOENT);
	assert_int_equal(fd, -7);
	assert_call(os_open(path, true, &fd), 0);
	assert_closed_on_exec(fd);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_call(os_open(path, true, &other), -EEXIST);
	assert_call(os_open(path, false, &other), 0);
	assert_closed_on_exec(other);
	assert_int_equal(write(other, "y", 1), 1);
	errno = ERRNO_BEFORE;
	os_close(other);
	assert_call(os_open_read(path, &other), 0);
	assert_closed_on_exec(other);
	assert_int_equal(write(other, "y", 1), -1);
	errno = ERRNO_BEFORE;
	os_close(other);
	os_close(other); /* not open any more: nobody cares */
	assert_int_equal(errno, ERRNO_BEFORE);
	os_close(fd);
	assert_call(os_unlink(path), 0);
	assert_call(os_open(test_dir(), false, &fd), -EISDIR);
}

static void
test_an_unlinked_file_has_no_name(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	assert_call(os_open_unlinked(test_dir(), &fd), 0);
	assert_closed_on_exec(fd);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	/* it cannot be given one either */
	char link_path[64];
	(void)snprintf(link_path, sizeof(link_path), "/proc/self/fd/%d", fd);
	assert_int_equal(linkat(AT_FDCWD, link_path, AT_FDCWD,
			     test_path("name"), AT_SYMLINK_FOLLOW),
	    -1);
	os_close(fd);
	/* an empty folder can be removed: nothing is left in it */
	assert_int_equal(mkdir(test_path("empty"), 0700), 0);
	assert_call(os_open_unlinked(test_path("empty"), &fd), 0);
	assert_int_equal(rmdir(test_path("empty")), 0);
	os_close(fd);
}

static void
test_an_unlinked_file_wants_a_folder(void **state)
{
	char path[PATH_MAX];
	char long_path[PATH_MAX + 2];
	int fd = -7, made;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("file"));
	assert_call(os_open_unlinked(path, &fd), -ENOENT);
	assert_call(os_open(path, true, &made), 0);
	assert_call(os_open_unlinked(path, &fd), -ENOTDIR);
	os_close(made);
	assert_call(os_unlink(path), 0);
	assert_call(os_open_unlinked("", &fd), -ENOENT);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_call(os_open_unlinked(long_path, &fd), -ENAMETOOLONG);
	/* No O_TMPFILE there, and nobody makes files. */
	errno = ERRNO_BEFORE;
	assert_true(os_open_unlinked("/proc", &fd) < 0);
	assert_int_equal(errno, ERRNO_BEFORE);
	assert_int_equal(fd, -7);
}

static void
test_stat_says_what_it_is(void **state)
{
	struct os_stat st;
	struct stat null;
	int fd;

	(void)state;
	assert_call(os_stat(test_path("missing"), &st), -ENOENT);
	assert_call(os_stat(test_dir(), &st), 0);
	assert_true(st.is_dir && !st.is_file && !st.is_char_dev);
	assert_call(os_stat("/dev/null", &st), 0);
	assert_true(!st.is_dir && !st.is_file && st.is_char_dev);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(st.major_nr, major(null.st_rdev));
	assert_int_equal(st.minor_nr, minor(null.st_rdev));
	fd = new_memfd(10 * DK_PAGE);
	assert_int_equal(pwrite(fd, "x", 1, 3 * (off_t)DK_PAGE), 1);
	assert_call(os_fstat(fd, &st), 0);
	assert_true(!st.is_dir && st.is_file && !st.is_char_dev);
	assert_int_equal(st.size, 10 * DK_PAGE);
	assert_int_equal(st.space, DK_PAGE);
	assert_false(os_is_dax(fd));
	os_close(fd);
	assert_call(os_fstat(fd, &st), -EBADF);
	errno = ERRNO_BEFORE;
	assert_false(os_is_dax(fd));
	assert_int_equal(errno, ERRNO_BEFORE);
}

static void
test_fs_size_is_bytes(void **state)
{
	size_t size = 0;
	int fd;

	(void)state;
	assert_call(os_open_read(test_dir(), &fd), 0);
	assert_call(os_fs_size(fd, &size), 0);
	assert_true(size >= MIB);
	os_close(fd);
	size = 7;
	assert_call(os_fs_size(fd, &size), -EBADF);
	assert_int_equal(size, 7);
	/* the kernel's own tmpfs has no limit */
	fd = new_memfd(0);
	assert_call(os_fs_size(fd, &size), 0);
	assert_int_equal(size, SIZE_MAX);
	os_close(fd);
}

static void
test_set_size_is_sparse_and_takes_any_way(void **state)
{
	struct os_stat st;
	int fd = new_memfd(0);

	(void)state;
	assert_call(os_set_size(fd, GIB), 0);
	assert_call(os_fstat(fd, &st), 0);
	assert_int_equal(st.size, GIB);
	assert_int_equal(st.space, 0);
	assert_call(os_set_size(fd, DK_PAGE), 0);
	assert_call(os_fstat(fd, &st), 0);
	assert_int_equal(st.size, DK_PAGE);
	assert_call(os_set_size(fd, SIZE_MAX), -EFBIG);
	assert_call(os_set_size(fd, (size_t)INT64_MAX + 1), -EFBIG);
	assert_call(os_fstat(fd, &st), 0);
	assert_int_equal(st.size, DK_PAGE);
	os_close(fd);
	assert_call(os_set_size(fd, DK_PAGE), -EBADF);
}

static bool
is_pending(int sig)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, sig) == 1;
}

/* In a child, as a limit cannot be raised again by everybody. */
static int
grow_over_limit(void *arg)
{
	const struct rlimit limit = {MIB, MIB};
	sigset_t set, mask;
	int fd;

	(void)arg;
	(void)signal(SIGXFSZ, SIG_DFL);
	if (os_open_unlinked(test_dir(), &fd) < 0 ||
	    os_set_size(fd, 3 * MIB) < 0 ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	errno = ERRNO_BEFORE;
	if (os_set_size(fd, 3 * MIB + 1) != -EFBIG ||
	    os_write_zeroes(fd, 2 * MIB, MIB) != -EFBIG ||
	    os_write_zeroes(fd, MIB - DK_PAGE, 2 * DK_PAGE) != -EFBIG ||
	    errno != ERRNO_BEFORE)
		return 2;
	if (os_set_size(fd, MIB) != 0 || os_write_zeroes(fd, 0, MIB) != 0)
		return 3;
	/* Nothing is left of the signal, and the program's own stays. */
	(void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
	if (is_pending(SIGXFSZ) || sigismember(&mask, SIGXFSZ) != 0)
		return 4;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGXFSZ);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)raise(SIGXFSZ);
	if (os_set_size(fd, MIB + 1) != -EFBIG || !is_pending(SIGXFSZ))
		return 5;
	return 0;
}

static void
test_a_file_size_limit_is_an_error_and_no_signal(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(grow_over_limit, NULL), 0);
}

static void
test_allocate_and_punch_move_file_space(void **state)
{
	int fd = new_memfd(16 * DK_PAGE);
	char *p;
	void *map;

	(void)state;
	assert_call(os_map_file(fd, 0, 16 * DK_PAGE, DK_PAGE, 0, &map), 0);
	p = map;
	p[5 * DK_PAGE] = 'x';
	assert_call(os_allocate(fd, 4 * DK_PAGE, 8 * DK_PAGE), 0);
	assert_int_equal(space_of(fd), 8 * DK_PAGE);
	assert_int_equal(p[5 * DK_PAGE], 'x');
	memset(p + 4 * DK_PAGE, 'y', 8 * DK_PAGE);
	assert_call(os_punch(fd, 6 * DK_PAGE, 2 * DK_PAGE), 0);
	assert_int_equal(space_of(fd), 6 * DK_PAGE);
	assert_true(test_all_bytes(p + 6 * DK_PAGE, 0, 2 * DK_PAGE));
	assert_true(test_all_bytes(p + 4 * DK_PAGE, 'y', 2 * DK_PAGE));
	assert_true(test_all_bytes(p + 8 * DK_PAGE, 'y', 4 * DK_PAGE));
	/* at its end the file keeps its size */
	assert_call(os_punch(fd, 8 * DK_PAGE, 8 * DK_PAGE), 0);
	struct os_stat st;
	assert_call(os_fstat(fd, &st), 0);
	assert_int_equal(st.size, 16 * DK_PAGE);
	assert_call(os_unmap(map, 16 * DK_PAGE), 0);
	os_close(fd);
	assert_call(os_allocate(fd, 0, DK_PAGE), -EBADF);
	assert_call(os_punch(fd, 0, DK_PAGE), -EBADF);
	assert_call(os_write_zeroes(fd, 0, DK_PAGE), -EBADF);
}

static void
test_a_hole_is_punched_by_the_mapping(void **state)
{
	int fd = new_memfd(16 * DK_PAGE);
	char *p;
	void *map;

	(void)state;
	assert_call(os_map_file(fd, 0, 16 * DK_PAGE, DK_PAGE, 0, &map), 0);
	p = map;
	memset(p, 'x', 16 * DK_PAGE);
	assert_call(os_punch_mapped(p + 4 * DK_PAGE, 8 * DK_PAGE), 0);
	assert_int_equal(space_of(fd), 8 * DK_PAGE);
	assert_true(test_all_bytes(p, 'x', 4 * DK_PAGE));
	assert_true(test_all_bytes(p + 4 * DK_PAGE, 0, 8 * DK_PAGE));
	assert_true(test_all_bytes(p + 12 * DK_PAGE, 'x', 4 * DK_PAGE));
	os_close(fd);
	assert_call(os_punch_mapped(p, DK_PAGE), 0);
	assert_true(test_all_bytes(p, 0, DK_PAGE));
	/* mlock(2) does nothing under a sanitizer */
	if (!DK_SANITIZED) {
		assert_int_equal(mlock(p, DK_PAGE), 0);
		assert_call(os_punch_mapped(p, DK_PAGE), -EINVAL);
	}
	assert_call(os_unmap(map, 16 * DK_PAGE), 0);
	assert_call(os_punch_mapped(p, DK_PAGE), -ENOMEM);
	assert_call(os_map_anon(DK_PAGE, &map), 0);
	assert_call(os_punch_mapped(map, DK_PAGE), -EINVAL);
	assert_call(os_unmap(map, DK_PAGE), 0);
}

static void
test_write_zeroes_zeroes_the_range_only(void **state)
{
	/* more than any buffer, and no multiple of one */
	const size_t len = 3 * MIB + 3 * DK_PAGE;
	int fd = new_memfd(len + 2 * DK_PAGE);
	char *p;
	void *map;

	(void)state;
	assert_call(os_map_file(fd, 0, len + 2 * DK_PAGE, DK_PAGE, 0, &map), 0);
	p = map;
	memset(p, 'x', len + 2 * DK_PAGE);
	assert_call(os_write_zeroes(fd, DK_PAGE, len), 0);
	assert_true(test_all_bytes(p, 'x', DK_PAGE));
	assert_true(test_all_bytes(p + DK_PAGE, 0, len));
	assert_true(test_all_bytes(p + DK_PAGE + len, 'x', DK_PAGE));
	/* a hole has file space then */
	assert_call(os_punch(fd, 0, len + 2 * DK_PAGE), 0);
	assert_call(os_write_zeroes(fd, 0, len), 0);
	assert_int_equal(space_of(fd), len);
	assert_call(os_unmap(map, len + 2 * DK_PAGE), 0);
	os_close(fd);
}

static void
test_write_writes_bytes_that_may_be_the_file_s(void **state)
{
	const size_t len = 300 * KIB;
	int fd = new_memfd(len);
	char *p;
	void *map;

	(void)state;
	assert_call(os_map_file(fd, 0, len, DK_PAGE, 0, &map), 0);
	p = map;
	assert_call(os_write(fd, 10, "abc", 3), 0);
	assert_memory_equal(p + 9, "\0abc\0", 5);
	/* a hole has file space then, and no byte is another */
	assert_call(os_write(fd, 0, p, len), 0);
	assert_int_equal(space_of(fd), len);
	assert_memory_equal(p + 9, "\0abc\0", 5);
	assert_true(test_all_bytes(p + 13, 0, len - 13));
	assert_call(os_unmap(map, len), 0);
	os_close(fd);
	assert_call(os_write(fd, 0, "abc", 3), -EBADF);
}

static void
test_a_hole_is_what_nobody_wrote_to(void **state)
{
	static const struct {
		size_t off, len; /* asked about, in pages */
		int rc;
		size_t hole_off, hole_len;
	} rows[] = {
	    {0, 16, 0, 0, 4}, /* up to the data */
	    {0, 2, 0, 0, 2},  /* not more than was asked about */
	    {2, 4, 0, 2, 2}, {4, 1, -ENOENT, 0, 0}, /* data */
	    {4, 2, 0, 5, 1},                        /* behind it */
	    {5, 11, 0, 5, 11},        /* reserved and never written is a hole */
	    {15, 100, 0, 15, 100},    /* as is what is behind the end */
	    {16, 100, -ENOENT, 0, 0}, /* but not if all of it is */
	};
	int fd = new_memfd(16 * DK_PAGE);
	size_t off, len;

	(void)state;
	assert_call(os_allocate(fd, 3 * DK_PAGE, 5 * DK_PAGE), 0);
	assert_call(os_write(fd, 4 * DK_PAGE, "x", 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("row %zu\n", i);
		off = len = 77;
		assert_call(os_find_hole(fd, rows[i].off * DK_PAGE,
				rows[i].len * DK_PAGE, &off, &len),
		    rows[i].rc);
		assert_int_equal(
		    off, rows[i].rc < 0 ? 77 : rows[i].hole_off * DK_PAGE);
		assert_int_equal(
		    len, rows[i].rc < 0 ? 77 : rows[i].hole_len * DK_PAGE);
	}
	os_close(fd);
	assert_call(os_find_hole(fd, 0, DK_PAGE, &off, &len), -ENOENT);
}

struct gaps {
	size_t nr, off[8], len[8];
};

static int
note_gap(void *arg, size_t off, size_t len)
{
	struct gaps *gaps = arg;

	gaps->off[gaps->nr] = off;
	gaps->len[gaps->nr++] = len;
	return gaps->nr == ARRAY_LEN(gaps->off) ? 77 : 0;
}

/* Of file systems that say so: not tmpfs, nor a memfd. */
static void
test_a_gap_is_what_has_no_space(void **state)
{
	struct gaps gaps = {0};
	int fd;

	(void)state;
	assert_call(os_open_unlinked(test_dir(), &fd), 0);
	assert_call(os_set_size(fd, 16 * MIB), 0);
	int rc = os_walk_gaps(fd, 0, MIB, note_gap, &gaps);
	if (rc == 0) {
		/* all of what was asked about, and not more */
		assert_int_equal(gaps.nr, 1);
		assert_int_equal(gaps.off[0], 0);
		assert_int_equal(gaps.len[0], MIB);
		assert_call(os_allocate(fd, 2 * MIB, MIB), 0);
		assert_call(os_allocate(fd, 4 * MIB, MIB), 0);
		gaps.nr = 0;
		assert_call(os_walk_gaps(fd, MIB + 4 * DK_PAGE, 4 * MIB,
				note_gap, &gaps),
		    0);
		assert_int_equal(gaps.nr, 3);
		assert_int_equal(gaps.off[0], MIB + 4 * DK_PAGE);
		assert_int_equal(gaps.len[0], MIB - 4 * DK_PAGE);
		assert_int_equal(gaps.off[1], 3 * MIB);
		assert_int_equal(gaps.len[1], MIB);
		assert_int_equal(gaps.off[2], 5 * MIB);
		assert_int_equal(gaps.len[2], 4 * DK_PAGE);
		/* the visitor's end of it */
		gaps.nr = ARRAY_LEN(gaps.off) - 1;
		assert_call(os_walk_gaps(fd, 0, 16 * MIB, note_gap, &gaps), 77);
	} else {
		assert_true(rc == -EOPNOTSUPP || rc == -ENOTTY);
	}
	/* what is written is on the disk, in space of its own */
	assert_call(os_write_zero_pages(fd, 8 * MIB, 3 * DK_PAGE), 0);
	assert_call(os_sync_range(fd, 8 * MIB, 3 * DK_PAGE), 0);
	gaps.nr = 0;
	if (rc == 0)
		assert_call(
		    os_walk_gaps(fd, 8 * MIB, 3 * DK_PAGE, note_gap, &gaps), 0);
	assert_int_equal(gaps.nr, 0);
	os_close(fd);
	assert_call(os_sync_range(fd, 0, DK_PAGE), -EBADF);
	assert_call(os_walk_gaps(fd, 0, DK_PAGE, note_gap, &gaps), -EBADF);
	errno = ERRNO_BEFORE;
	os_drop_cache(fd);
	assert_int_equal(errno, ERRNO_BEFORE);
}

static void
test_what_a_file_system_can_is_an_answer(void **state)
{
	int fd = new_memfd(16 * DK_PAGE);
	size_t block = 0;

	(void)state;
	/* tmpfs is made of pages, has no clones, and writes in place */
	assert_call(os_fs_block(fd, &block), 0);
	assert_int_equal(block, DK_PAGE);
	assert_call(os_allocate_unshared(fd, 0, DK_PAGE), -EOPNOTSUPP);
	errno = ERRNO_BEFORE;
	int rc = os_set_in_place(fd, true);
	assert_int_equal(errno, ERRNO_BEFORE);
	assert_true(rc == -EOPNOTSUPP || rc == -ENOTTY);
	assert_int_equal(os_copies_on_write(fd), OS_COW_NEVER);
	assert_int_equal(errno, ERRNO_BEFORE);
	os_close(fd);
	assert_call(os_fs_block(fd, &block), -EBADF);
	assert_call(os_allocate_unshared(fd, 0, DK_PAGE), -EBADF);
	assert_call(os_set_in_place(fd, true), -EBADF);
	assert_int_equal(os_copies_on_write(fd), OS_COW_NEVER);
}

static void
test_a_lock_is_one_opening_s(void **state)
{
	char path[PATH_MAX];
	int a, b;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("locked"));
	assert_call(os_open(path, true, &a), 0);
	assert_call(os_open(path, false, &b), 0);
	assert_call(os_lock_file(a), 0);
	assert_call(os_lock_file(a), 0);
	assert_call(os_lock_file(b), -EWOULDBLOCK);
	os_close(a);
	assert_call(os_lock_file(b), 0);
	os_close(b);
	assert_call(os_lock_file(b), -EBADF);
	assert_call(os_unlink(path), 0);
}

static void
test_read_line_gives_the_first(void **state)
{
	static const struct {
		const char *why, *content, *want;
	} rows[] = {
	    {"empty", "", ""},
	    {"without an end", "2097152", "2097152"},
	    {"with its end", "2097152\n", "2097152"},
	    {"two", "one\ntwo\n", "one"},
	    {"only an end", "\n", ""},
	    {"longer than the buffer", "0123456789abcdef", "01234567"},
	};
	char path[PATH_MAX], buf[9];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("lines"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].content);
		int fd;

		dk_row(rows[i].why);
		assert_call(os_open(path, true, &fd), 0);
		assert_int_equal(write(fd, rows[i].content, len), len);
		os_close(fd);
		assert_call(os_read_line(path, buf, sizeof(buf)), 0);
		assert_string_equal(buf, rows[i].want);
		assert_call(os_unlink(path), 0);
	}
	assert_call(os_read_line(path, buf, sizeof(buf)), -ENOENT);
	assert_call(os_read_line(test_dir(), buf, sizeof(buf)), -EISDIR);
}

static void
test_read_link_name_gives_the_last_part(void **state)
{
	static const struct {
		const char *why, *target, *want;
		int rc;
	} rows[] = {
	    {"a path", "../../bus/dax/drivers/kmem", "kmem", 0},
	    {"a name", "kmem", "kmem", 0},
	    {"as long as the buffer", "a/1234567", "1234567", 0},
	    {"longer", "a/12345678", NULL, -ENAMETOOLONG},
	};
	char path[PATH_MAX], buf[8];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("link"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_int_equal(symlink(rows[i].target, path), 0);
		assert_call(
		    os_read_link_name(path, buf, sizeof(buf)), rows[i].rc);
		if (rows[i].rc == 0)
			assert_string_equal(buf, rows[i].want);
		assert_call(os_unlink(path), 0);
	}
	assert_call(os_read_link_name(path, buf, sizeof(buf)), -ENOENT);
	assert_call(os_read_link_name("/dev/null", buf, sizeof(buf)), -EINVAL);
}

/* --- the rest -------------------------------------------------------------------- */

static void
test_records_are_zeroed(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		errno = ERRNO_BEFORE;
		void *record = os_new(200);
		assert_non_null(record);
		assert_true(test_all_bytes(record, 0, 200));
		memset(record, 0xaa, 200);
		os_delete(record);
		assert_int_equal(errno, ERRNO_BEFORE);
	}
	os_delete(NULL);
}

static void
test_processors_are_those_that_may_be_used(void **state)
{
	cpu_set_t set;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	errno = ERRNO_BEFORE;
	assert_int_equal(os_nr_cpus(), CPU_COUNT(&set));
	assert_int_equal(os_nr_cpus(), CPU_COUNT(&set));
	assert_int_equal(errno, ERRNO_BEFORE);
}

static size_t
count_mappings(void)
{
	char *text = NULL;
	size_t nr = 0;

	assert_int_equal(os_read_text("/proc/self/maps", &text), 0);
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		nr++;
	os_delete(text);
	return nr;
}

/* The kernel allows 65,530 of them. */
static void
test_pages_become_one_mapping_of_many(void **state)
{
	void *pages[200];
	size_t before = count_mappings();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		assert_int_equal(
		    os_map_anon_aligned(4 * DK_PAGE, DK_PAGE, &pages[i]), 0);
	assert_in_range(count_mappings(), before, before + 20);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		assert_int_equal(os_unmap(pages[i], 4 * DK_PAGE), 0);
}

static void
test_the_machine_has_time_and_memory(void **state)
{
	(void)state;
	errno = ERRNO_BEFORE;
	/* the same clock as the test's, and in microseconds */
	double before = test_now() * 1e6;
	double now = (double)os_now_us();
	double after = test_now() * 1e6;
	assert_true(now >= before - 1 && now <= after + 1);
	/* the coarse one is behind, but not for long, and goes on */
	uint64_t coarse = os_now_coarse_us();
	assert_true(coarse <= os_now_us());
	double until = test_now() + 60;
	while ((double)os_now_coarse_us() < before && test_now() < until)
		test_sleep_ms(1);
	assert_true((double)os_now_coarse_us() >= before);
	assert_true(os_memory_size() > 16 * MIB);
	assert_int_equal(errno, ERRNO_BEFORE);
}

struct seen {
	sigset_t mask;
	char name[16];
};

static void *
look_at_thread(void *arg)
{
	struct seen *seen = arg;

	(void)pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
	/* the name is given after the start */
	for (int i = 0; i < 60000; i++) {
		(void)pthread_getname_np(
		    pthread_self(), seen->name, sizeof(seen->name));
		if (strcmp(seen->name, "daxkind-test") == 0)
			break;
		test_sleep_ms(1);
	}
	return seen;
}

static void
test_a_thread_gets_no_signals(void **state)
{
	struct seen seen;
	pthread_t thread;
	sigset_t before, after;
	void *result;

	(void)state;
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	assert_call(
	    os_thread_start(look_at_thread, &seen, "daxkind-test", &thread), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, &seen);
	assert_string_equal(seen.name, "daxkind-test");
	assert_int_equal(sigismember(&seen.mask, SIGINT), 1);
	assert_int_equal(sigismember(&seen.mask, SIGTERM), 1);
	assert_int_equal(sigismember(&seen.mask, SIGUSR1), 1);
	assert_int_equal(sigismember(&seen.mask, SIGCHLD), 1);
	/* who starts it has its signals again */
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	for (int sig = 1; sig < 32; sig++)
		assert_int_equal(
		    sigismember(&before, sig), sigismember(&after, sig));
}

/* --- mappings that fail beside others that do not ------------------------------ */

static atomic_bool Is_over;

/* Neither a file without DAX nor so many huge pages can be mapped. */
static void *
fail_to_map(void *arg)
{
	int fd = *(const int *)arg;
	void *p;

	while (!atomic_load(&Is_over)) {
		if (os_map_file(
			fd, 0, 16 * MIB, DK_HUGE_PAGE, OS_MAP_SYNC, &p) == 0)
			(void)os_unmap(p, 16 * MIB);
		if (os_map_huge(64 * GIB, DK_HUGE_PAGE, &p) == 0)
			(void)os_unmap(p, 64 * GIB);
	}
	return arg;
}

/* What fails takes nothing of another thread's with it. */
static void
test_a_mapping_that_fails_leaves_others_alone(void **state)
{
	pthread_t thread;
	int fd = -1;
	void *result;

	(void)state;
	assert_int_equal(os_open_unlinked(test_dir(), &fd), 0);
	assert_int_equal(pthread_create(&thread, NULL, fail_to_map, &fd), 0);
	for (size_t i = 0; i < test_scaled(20000); i++) {
		void *p = NULL;

		assert_int_equal(os_map_anon(16 * MIB, &p), 0);
		/* ENOMEM: not all of it is mapped */
		assert_int_equal(msync(p, 16 * MIB, MS_ASYNC), 0);
		assert_int_equal(os_unmap(p, 16 * MIB), 0);
	}
	atomic_store(&Is_over, true);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_non_null(result);
	os_close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_anonymous_memory_is_zero),
	    test_unit(test_maps_are_aligned),
	    test_unit(test_a_map_takes_no_more_address_space_than_asked),
	    test_unit(test_a_failing_map_leaves_nothing),
	    test_unit(test_a_file_map_is_shared),
	    test_unit(test_populate_makes_pages_present_and_changes_nothing),
	    test_unit(test_is_mapped_looks_at_the_page),
	    test_unit(test_a_probe_says_what_an_access_would_meet),
	    test_unit(test_open_and_unlink),
	    test_unit(test_an_unlinked_file_has_no_name),
	    test_unit(test_an_unlinked_file_wants_a_folder),
	    test_unit(test_stat_says_what_it_is),
	    test_unit(test_fs_size_is_bytes),
	    test_unit(test_set_size_is_sparse_and_takes_any_way),
	    test_unit(test_a_file_size_limit_is_an_error_and_no_signal),
	    test_unit(test_allocate_and_punch_move_file_space),
	    test_unit(test_a_hole_is_punched_by_the_mapping),
	    test_unit(test_write_zeroes_zeroes_the_range_only),
	    test_unit(test_write_writes_bytes_that_may_be_the_file_s),
	    test_unit(test_a_hole_is_what_nobody_wrote_to),
	    test_unit(test_what_a_file_system_can_is_an_answer),
	    test_unit(test_a_gap_is_what_has_no_space),
	    test_unit(test_a_lock_is_one_opening_s),
	    test_unit(test_read_line_gives_the_first),
	    test_unit(test_read_link_name_gives_the_last_part),
	    test_unit(test_records_are_zeroed),
	    test_unit(test_processors_are_those_that_may_be_used),
	    test_unit(test_pages_become_one_mapping_of_many),
	    test_unit(test_the_machine_has_time_and_memory),
	    test_unit(test_a_thread_gets_no_signals),
	    test_unit(test_a_mapping_that_fails_leaves_others_alone),
	};

	return cmocka_run_group_tests_name("os", tests, NULL, NULL);
}
