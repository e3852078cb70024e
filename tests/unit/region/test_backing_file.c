// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_backing_file.c -- a file, named or not: what is made, kept, refused and
 * removed again, and where its file space goes.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/os.h"
#include "base/util.h"
#include "region/backing.h"

#define SIZE (4 * MIB)

static char Path[PATH_MAX];

static int
setup(void **state)
{
	mock_os_reset();
	(void)snprintf(Path, sizeof(Path), "%s", test_path("region"));
	(void)unlink(Path);
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	(void)unlink(Path);
	return test_leaks_teardown(state);
}

static struct stat
look(void)
{
	struct stat st;

	assert_int_equal(stat(Path, &st), 0);
	return st;
}

static void
assert_no_file(void)
{
	assert_int_equal(access(Path, F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

/* A file of size bytes that begins with text. */
static void
make_file(const char *text, size_t size)
{
	int fd = open(Path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(close(fd), 0);
}

/* The file has that size and begins with text. */
static void
assert_content(const char *text, size_t size)
{
	char buf[64] = "";
	int fd = open(Path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, buf, strlen(text)), (ssize_t)strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	assert_int_equal(close(fd), 0);
	assert_int_equal(look().st_size, size);
}

/* As a region does it. */
static struct backing *
open_file(size_t size, unsigned flags)
{
	struct backing *b = NULL;

	assert_int_equal(
	    backing_file_open(Path, size, flags | BACKING_CREATE, &b), 0);
	assert_non_null(b);
	assert_false(b->is_kept);
	b->is_kept = true;
	assert_int_equal((uintptr_t)b->base % DK_HUGE_PAGE, 0);
	return b;
}

static struct backing *
open_dir(size_t size, unsigned flags)
{
	struct backing *b = NULL;

	assert_int_equal(backing_file_open_dir(test_dir(), size, flags, &b), 0);
	assert_non_null(b);
	assert_int_equal((uintptr_t)b->base % DK_HUGE_PAGE, 0);
	return b;
}

/* Bytes that the unlinked file holds. */
static size_t
held(void)
{
	return test_unlinked_files_held();
}

/* --- a new file ------------------------------------------------------------------ */

static void
test_a_new_file_is_sparse_zero_and_kept(void **state)
{
	(void)state;
	struct backing *b = open_file(SIZE, 0);
	assert_int_equal(b->type, BACKING_FILE);
	assert_int_equal(b->size, SIZE);
	assert_int_equal(b->align, DK_PAGE);
	assert_true(b->has_file_space);
	assert_true(b->starts_as_holes);
	assert_true(b->starts_zero);
	assert_int_equal(b->is_sync, b->granularity != FLUSH_PAGE);
	struct stat st = look();
	assert_int_equal(st.st_size, SIZE);
	assert_in_range(st.st_blocks * 512, 0, 16 * DK_PAGE);
	assert_int_equal(st.st_mode & 0777, 0600);
	bool is_zero;
	assert_int_equal(backing_ensure(b, 0, DK_PAGE, &is_zero), 0);
	memcpy(b->base, "abc", 3);
	char *base = b->base;
	backing_close(b);
	assert_int_equal(os_is_mapped(base), -ENOMEM);
	assert_content("abc", SIZE);
}

static void
test_a_size_is_cut_to_whole_pages(void **state)
{
	(void)state;
	struct backing *b = open_file(SIZE + 100, 0);
	assert_int_equal(b->size, SIZE);
	assert_int_equal(look().st_size, SIZE + 100);
	backing_close(b);
	b = open_dir(SIZE + DK_PAGE - 1, 0);
	assert_int_equal(b->size, SIZE);
	backing_close(b);
}

static void
test_open_refuses_and_makes_nothing(void **state)
{
	static const struct {
		const char *why, *name;
		size_t size;
		int rc;
	} rows[] = {
	    {"no file and no size", "region", 0, -EINVAL},
	    {"too small", "region", 16 * DK_PAGE - 1, -EINVAL},
	    {"a byte", "region", 1, -EINVAL},
	    {"more than a file can have", "region", SIZE_MAX, -EFBIG},
	    {"a folder that is not there", "none/region", SIZE, -ENOENT},
	    {"a folder", ".", SIZE, -EISDIR},
	    {"no name", "", SIZE, -EISDIR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char path[PATH_MAX];
		struct backing *b = NULL;

		dk_row(rows[i].why);
		(void)snprintf(
		    path, sizeof(path), "%s", test_path(rows[i].name));
		(void)error_set(0, "%s", "");
		assert_int_equal(
		    backing_file_open(path, rows[i].size, BACKING_CREATE, &b),
		    rows[i].rc);
		assert_null(b);
		assert_string_not_equal(error_text(), "");
		assert_no_file();
	}
}

static void
test_what_is_no_file_is_refused(void **state)
{
	struct backing *b = NULL;

	(void)state;
	(void)error_set(0, "%s", "");
	assert_int_equal(backing_file_open("/dev/null", SIZE, 0, &b), -EINVAL);
	assert_string_not_equal(error_text(), "");
	assert_int_equal(mkfifo(Path, 0600), 0);
	assert_int_equal(
	    backing_file_open(Path, SIZE, BACKING_CREATE, &b), -EINVAL);
	assert_int_equal(access(Path, F_OK), 0);
	assert_null(b);
}

static void
test_failures_remove_what_was_made(void **state)
{
	static const struct {
		const char *name;
		unsigned flags;
		int err;
	} rows[] = {
	    {"os_new", 0, ENOMEM},
	    {"os_set_size", 0, EIO},
	    {"os_set_size", 0, EFBIG},
	    {"os_map_file", 0, ENOMEM},
	    {"os_allocate", BACKING_PREFAULT, ENOSPC},
	    {"os_populate", BACKING_PREFAULT, EFAULT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct backing *b = NULL;

		/* a new one is gone */
		dk_row(rows[i].name);
		(void)error_set(0, "%s", "");
		mock_os_fail_all(rows[i].name, rows[i].err);
		assert_int_equal(backing_file_open(Path, SIZE,
				     rows[i].flags | BACKING_CREATE, &b),
		    -rows[i].err);
		assert_string_not_equal(error_text(), "");
		assert_no_file();
		assert_int_equal(
		    backing_file_open_dir(test_dir(), SIZE, rows[i].flags, &b),
		    -rows[i].err);
		mock_os_reset();
		/* an empty one is empty again */
		make_file("", 0);
		if (strcmp(rows[i].name, "os_set_size") == 0)
			mock_os_fail_nth_of(rows[i].name, 1, rows[i].err);
		else
			mock_os_fail_all(rows[i].name, rows[i].err);
		assert_int_equal(backing_file_open(Path, SIZE,
				     rows[i].flags | BACKING_CREATE, &b),
		    -rows[i].err);
		mock_os_reset();
		assert_content("", 0);
		assert_null(b);
		assert_int_equal(unlink(Path), 0);
	}
}

static void
test_without_a_region_the_file_is_as_it_was(void **state)
{
	struct backing *b;

	(void)state;
	dk_row("it was not there");
	assert_int_equal(backing_file_open(Path, SIZE, BACKING_CREATE, &b), 0);
	assert_int_equal(look().st_size, SIZE);
	backing_close(b);
	assert_no_file();
	dk_row("it was empty");
	make_file("", 0);
	assert_int_equal(backing_file_open(Path, SIZE, BACKING_CREATE, &b), 0);
	assert_int_equal(look().st_size, SIZE);
	backing_close(b);
	assert_content("", 0);
	assert_int_equal(unlink(Path), 0);
	dk_row("it has data");
	make_file("data", SIZE);
	assert_int_equal(backing_file_open(Path, 0, BACKING_OVERWRITE, &b), 0);
	backing_close(b);
	assert_content("data", SIZE);
}

/* --- a file that was there ----------------------------------------------------------- */

static void
test_an_empty_file_is_used(void **state)
{
	(void)state;
	make_file("", 0);
	struct backing *b = open_file(SIZE, 0);
	assert_true(b->starts_zero);
	assert_int_equal(look().st_size, SIZE);
	backing_close(b);
	assert_int_equal(look().st_size, SIZE);
}

static void
test_a_file_with_data_is_left_as_it_is(void **state)
{
	static const struct {
		const char *why;
		size_t size;
		unsigned flags;
		int rc;
	} rows[] = {
	    {"without being told to", 0, 0, -EEXIST},
	    {"without being told to, of its size", SIZE, 0, -EEXIST},
	    {"to be made smaller", SIZE / 2, BACKING_OVERWRITE, -EINVAL},
	    {"to be made larger", SIZE * 2, BACKING_OVERWRITE, -EINVAL},
	};

	(void)state;
	make_file("data", SIZE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct backing *b = NULL;

		dk_row(rows[i].why);
		(void)error_set(0, "%s", "");
		assert_int_equal(
		    backing_file_open(Path, rows[i].size, rows[i].flags, &b),
		    rows[i].rc);
		assert_null(b);
		assert_string_not_equal(error_text(), "");
		assert_content("data", SIZE);
	}
}

static void
test_a_file_with_data_is_overwritten_when_told(void **state)
{
	(void)state;
	make_file("data", SIZE + 100);
	for (size_t size = 0; size <= SIZE + 100; size += SIZE + 100) {
		struct backing *b = open_file(size, BACKING_OVERWRITE);

		assert_int_equal(b->size, SIZE);
		assert_false(b->starts_zero);
		/* nothing is written by opening it */
		assert_memory_equal(b->base, "data", 4);
		/* nor by putting file space behind it */
		bool is_zero = true;
		assert_int_equal(backing_ensure(b, 0, b->size, &is_zero), 0);
		assert_false(is_zero);
		assert_memory_equal(b->base, "data", 4);
		backing_close(b);
		assert_content("data", SIZE + 100);
	}
}

static void
test_a_small_file_with_data_is_refused(void **state)
{
	struct backing *b = NULL;

	(void)state;
	make_file("data", 16 * DK_PAGE - 1);
	assert_int_equal(
	    backing_file_open(Path, 0, BACKING_OVERWRITE, &b), -EINVAL);
	assert_null(b);
	assert_content("data", 16 * DK_PAGE - 1);
}

static void
test_a_failing_open_keeps_data_and_size(void **state)
{
	static const char *const names[] = {
	    "os_new", "os_map_file", "os_allocate_unshared", "os_populate"};

	(void)state;
	make_file("data", SIZE);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct backing *b = NULL;

		dk_row(names[i]);
		mock_os_fail_all(names[i], ENOMEM);
		assert_int_equal(backing_file_open(Path, 0,
				     BACKING_OVERWRITE | BACKING_PREFAULT, &b),
		    -ENOMEM);
		mock_os_reset();
		assert_null(b);
		assert_content("data", SIZE);
	}
}

static void
test_one_region_at_a_time_has_a_file(void **state)
{
	struct backing *b = NULL;

	(void)state;
	struct backing *first = open_file(SIZE, 0);
	bool is_zero;
	assert_int_equal(backing_ensure(first, 0, DK_PAGE, &is_zero), 0);
	memcpy(first->base, "data", 4);
	(void)error_set(0, "%s", "");
	assert_int_equal(
	    backing_file_open(Path, SIZE, BACKING_OVERWRITE, &b), -EBUSY);
	assert_int_equal(backing_file_open(Path, 0, 0, &b), -EBUSY);
	assert_string_not_equal(error_text(), "");
	assert_null(b);
	assert_content("data", SIZE);
	backing_close(first);
	backing_close(open_file(0, BACKING_OVERWRITE));
}

static void
test_a_file_system_without_locks_is_served(void **state)
{
	(void)state;
	mock_os_fail_all("os_lock_file", ENOLCK);
	backing_close(open_file(SIZE, 0));
	backing_close(open_dir(SIZE, 0));
}

/* --- a file without a name ------------------------------------------------------------ */

static void
test_a_file_in_a_folder_has_no_name(void **state)
{
	struct stat st;

	(void)state;
	struct backing *b = open_dir(SIZE, 0);
	assert_int_equal(b->size, SIZE);
	assert_true(b->starts_zero);
	assert_true(test_unlinked_file(&st));
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(st.st_nlink, 0);
	backing_close(b);
	assert_false(test_unlinked_file(&st));
}

static void
test_without_a_size_it_is_as_the_file_system_is(void **state)
{
	(void)state;
	struct backing *b = open_dir(0, 0);
	print_message("%zu MiB\n", b->size / MIB);
	assert_true(b->size >= 64 * MIB);
	/* only address space is spent */
	assert_in_range(held(), 0, MIB);
	backing_close(b);
}

static void
test_the_largest_size_that_is_allowed_is_found(void **state)
{
	struct backing *b = NULL;

	(void)state;
	/* what the file system says, a half, a quarter of it ... */
	for (unsigned n = 1; n <= 3; n++) {
		mock_os_fail_nth_of("os_set_size", n, EFBIG);
		struct backing *half = open_dir(0, 0);

		assert_true(half->size >= 16 * DK_PAGE);
		backing_close(half);
	}
	/* and less where the address space is the limit */
	size_t all = 0;
	for (unsigned n = 0; n <= 3; n++) {
		mock_os_reset();
		mock_os_fail_first_of("os_map_file", n, ENOMEM);
		struct backing *part = open_dir(0, 0);

		assert_true(
		    n == 0 || part->size == align_down(all / 2, DK_PAGE));
		all = part->size;
		backing_close(part);
	}
	mock_os_fail_all("os_map_file", ENOMEM);
	error_clear();
	assert_int_equal(backing_file_open_dir(test_dir(), 0, 0, &b), -ENOMEM);
	assert_non_null(strstr(error_text(), strerror(ENOMEM)));
	mock_os_fail_all("os_set_size", EFBIG);
	assert_int_equal(backing_file_open_dir(test_dir(), 0, 0, &b), -EFBIG);
	mock_os_fail_all("os_set_size", EIO);
	assert_int_equal(backing_file_open_dir(test_dir(), 0, 0, &b), -EIO);
	mock_os_fail_all("os_fs_size", EIO);
	assert_int_equal(backing_file_open_dir(test_dir(), 0, 0, &b), -EIO);
	assert_null(b);
}

static void
test_a_folder_that_is_none_is_refused(void **state)
{
	struct backing *b = NULL;

	(void)state;
	make_file("", 0);
	(void)error_set(0, "%s", "");
	assert_int_equal(backing_file_open_dir(Path, SIZE, 0, &b), -ENOTDIR);
	assert_string_not_equal(error_text(), "");
	assert_int_equal(unlink(Path), 0);
	assert_int_equal(backing_file_open_dir(Path, SIZE, 0, &b), -ENOENT);
	assert_null(b);
}

static int
open_over_limit(void *arg)
{
	const struct rlimit limit = {MIB, MIB};
	struct backing *b = NULL;

	(void)arg;
	(void)signal(SIGXFSZ, SIG_DFL);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	if (backing_file_open(Path, SIZE, BACKING_CREATE, &b) != -EFBIG ||
	    access(Path, F_OK) == 0)
		return 2;
	if (backing_file_open_dir(test_dir(), SIZE, 0, &b) != -EFBIG)
		return 3;
	if (b != NULL || backing_file_open_dir(test_dir(), 0, 0, &b) != 0)
		return 4;
	if (b->size != MIB)
		return 5;
	backing_close(b);
	return 0;
}

static void
test_a_file_size_limit_is_respected(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(open_over_limit, NULL), 0);
}

/* --- file space ------------------------------------------------------------------- */

static void
test_ensure_and_discard_move_file_space(void **state)
{
	bool is_zero = true;

	(void)state;
	struct backing *b = open_dir(SIZE, 0);
	size_t before = held();
	assert_int_equal(backing_ensure(b, MIB, MIB, &is_zero), 0);
	assert_int_equal(is_zero, b->is_sync);
	assert_in_range(held() - before, MIB, MIB + 16 * DK_PAGE);
	assert_true(test_all_bytes(b->base + MIB, 0, MIB));
	memset(b->base + MIB, 0xaa, MIB);
	assert_int_equal(backing_discard(b, MIB + 256 * KIB, 512 * KIB), 0);
	assert_in_range(held() - before, 512 * KIB, 512 * KIB + 16 * DK_PAGE);
	assert_true(test_all_bytes(b->base + MIB + 256 * KIB, 0, 512 * KIB));
	assert_true(test_all_bytes(b->base + MIB, 0xaa, 256 * KIB));
	assert_true(test_all_bytes(b->base + MIB + 768 * KIB, 0xaa, 256 * KIB));
	assert_int_equal(backing_discard(b, 0, SIZE), 0);
	assert_in_range(held(), 0, before + 16 * DK_PAGE);
	backing_close(b);
}

/* The file system stays as full as it was: what a failing allocation left
 * there, up to its half here, is given back. */
static void
test_a_failing_ensure_gives_back_what_it_got(void **state)
{
	bool is_zero = false;

	(void)state;
	struct backing *b = open_dir(SIZE, 0);
	size_t before = held();
	mock_os_fail_all("os_allocate", ENOSPC);
	assert_int_equal(backing_ensure(b, MIB, 2 * MIB, &is_zero), -ENOSPC);
	assert_true(is_zero);
	assert_int_equal(mock_os_nr_calls("os_punch_mapped"), 1);
	assert_int_equal(held(), before);
	/* where that cannot be done, nobody says zero */
	mock_os_fail_all(NULL, ENOSPC);
	assert_int_equal(backing_ensure(b, MIB, 2 * MIB, &is_zero), -ENOSPC);
	assert_false(is_zero);
	mock_os_reset();
	backing_close(b);
}

static void
test_a_file_system_that_can_not_allocate_is_written_to(void **state)
{
	/* the latter two are seccomp's */
	static const int refusals[] = {EOPNOTSUPP, ENOSYS, EPERM};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct backing *b = open_dir(SIZE, 0);
		size_t before = held();
		bool is_zero = false;

		mock_os_fail_all("os_allocate", refusals[i]);
		assert_int_equal(backing_ensure(b, MIB, 2 * MIB, &is_zero), 0);
		assert_true(is_zero);
		assert_int_equal(mock_os_nr_calls("os_write_zero_pages"), 1);
		/* which finds its place on the way to the disk at the latest */
		assert_int_equal(mock_os_nr_calls("os_sync_range"), 1);
		assert_true(held() - before >= 2 * MIB);
		assert_true(test_all_bytes(b->base + MIB, 0, 2 * MIB));
		mock_os_reset();
		backing_close(b);
	}
}

/* The limit came after the file had its size. */
static int
write_over_limit(void *arg)
{
	const struct rlimit limit = {MIB, MIB};
	struct backing *b = NULL;
	bool is_zero;

	(void)arg;
	(void)signal(SIGXFSZ, SIG_DFL);
	if (backing_file_open_dir(test_dir(), SIZE, 0, &b) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	mock_os_fail_all("os_allocate", EOPNOTSUPP);
	if (backing_ensure(b, 2 * MIB, MIB, &is_zero) != -EFBIG)
		return 2;
	if (backing_ensure(b, 0, MIB, &is_zero) != 0)
		return 3;
	mock_os_reset();
	backing_close(b);
	return 0;
}

static void
test_writing_beyond_a_limit_is_an_error_and_no_signal(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(write_over_limit, NULL), 0);
}

static int
is_gap(void *arg, size_t off, size_t len)
{
	(void)arg;
	(void)off;
	return len > 0;
}

/* Whether the file system under test says what has space (tmpfs does not). */
static bool
tells_gaps(void)
{
	int fd;

	assert_int_equal(os_open_unlinked(test_dir(), &fd), 0);
	int rc = os_walk_gaps(fd, 0, DK_PAGE, is_gap, NULL);
	os_close(fd);
	return rc == 1;
}

/* XFS wants as much free space as it is asked for, whatever is there already. */
static void
test_space_that_is_there_is_not_wanted_again(void **state)
{
	bool is_zero;

	(void)state;
	struct backing *b = open_dir(SIZE, 0);
	assert_int_equal(backing_ensure(b, MIB, MIB, &is_zero), 0);
	mock_os_fail_nth_of("os_allocate", 1, ENOSPC);
	if (!tells_gaps()) {
		assert_int_equal(backing_ensure(b, 0, SIZE, &is_zero), -ENOSPC);
		mock_os_reset();
		backing_close(b);
		return;
	}
	assert_int_equal(backing_ensure(b, 0, SIZE, &is_zero), 0);
	/* the half that the first call got, and a gap on each side of the rest */
	assert_in_range(mock_os_nr_calls("os_allocate"), 2, 3);
	assert_true(held() >= SIZE);
	/* all of it is a gap: that was tried */
	assert_int_equal(backing_discard(b, 0, SIZE), 0);
	mock_os_fail_all("os_allocate", ENOSPC);
	assert_int_equal(backing_ensure(b, 0, DK_PAGE, &is_zero), -ENOSPC);
	assert_int_equal(mock_os_nr_calls("os_allocate"), 1);
	mock_os_reset();
	backing_close(b);
}

/* As on a file system with DAX, where a store must find a written extent. */
static void
test_under_map_sync_file_space_is_written(void **state)
{
	bool is_zero = false;

	(void)state;
	struct backing *b = open_dir(SIZE, 0);
	bool was_sync = b->is_sync;
	b->is_sync = true;
	mock_os_reset();
	assert_int_equal(backing_ensure(b, MIB, MIB, &is_zero), 0);
	assert_true(is_zero);
	assert_int_equal(mock_os_nr_calls("os_write_zeroes"), 1);
	/* and no space is left behind when that fails */
	size_t before = held();
	mock_os_fail_nth_of("os_write_zeroes", 1, ENOSPC);
	assert_int_equal(backing_ensure(b, 2 * MIB, MIB, &is_zero), -ENOSPC);
	assert_true(is_zero);
	assert_int_equal(held(), before);
	mock_os_reset();
	b->is_sync = was_sync;
	backing_close(b);
}

/* --- file space of a file with data -------------------------------------------------- */

/* What each quarter of a file is: data, or a hole. */
static void
make_quarters(const char *quarters)
{
	static char data[SIZE / 4];
	int fd = open(Path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	memset(data, 0xaa, sizeof(data));
	assert_int_equal(ftruncate(fd, SIZE), 0);
	for (size_t i = 0; i < 4; i++) {
		if (quarters[i] == 'd')
			assert_int_equal(pwrite(fd, data, sizeof(data),
					     (off_t)(i * sizeof(data))),
			    sizeof(data));
	}
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(close(fd), 0);
}

static void
assert_quarters(const char *quarters)
{
	static char data[SIZE / 4];
	int fd = open(Path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
		    pread(fd, data, sizeof(data), (off_t)(i * sizeof(data))),
		    sizeof(data));
		assert_true(test_all_bytes(
		    data, quarters[i] == 'd' ? 0xaa : 0, sizeof(data)));
	}
	assert_int_equal(close(fd), 0);
}

static size_t
space_held(void)
{
	return (size_t)look().st_blocks * 512;
}

/* Holes get space and data stays, whatever the file system can do. */
static void
test_data_that_was_there_is_kept(void **state)
{
	static const struct {
		const char *why, *fails;
		int err;
		bool is_sync;
	} rows[] = {
	    {"as it is", NULL, 0, false},
	    {"without fallocate", "os_allocate", EOPNOTSUPP, false},
	    {"it does not say where holes are", "os_find_hole", ENOENT, false},
	    {"with MAP_SYNC", NULL, 0, true},
	};
	static const char *const files[] = {"dddd", "....", "d.d.", ".dd."};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(files); i++) {
		const char *quarters = files[i % ARRAY_LEN(files)];
		const size_t row = i / ARRAY_LEN(files);
		bool is_zero = true;

		print_message("%s, %s\n", rows[row].why, quarters);
		make_quarters(quarters);
		struct backing *b = open_file(0, BACKING_OVERWRITE);
		bool was_sync = b->is_sync;
		b->is_sync = rows[row].is_sync;
		if (rows[row].fails != NULL)
			mock_os_fail_all(rows[row].fails, rows[row].err);
		for (size_t j = 0; j < 4; j++)
			assert_int_equal(
			    backing_is_hole(b, j * SIZE / 4, SIZE / 4),
			    row != 2 && quarters[j] == '.');
		assert_int_equal(backing_ensure(b, 0, SIZE, &is_zero), 0);
		if (is_zero)
			assert_string_equal(quarters, "....");
		mock_os_reset();
		assert_int_equal(msync(b->base, SIZE, MS_SYNC), 0);
		assert_true(space_held() >= SIZE);
		b->is_sync = was_sync;
		backing_close(b);
		assert_quarters(quarters);
		assert_int_equal(unlink(Path), 0);
	}
}

/* Not even this is known: whether there is fallocate, and where holes are. */
static void
test_without_any_help_bytes_are_written_as_they_are(void **state)
{
	bool is_zero = true;

	(void)state;
	make_quarters("d..d");
	struct backing *b = open_file(0, BACKING_OVERWRITE);
	mock_os_fail_from(1, EOPNOTSUPP);
	/* all of them fail but these */
	mock_os_let("os_write");
	mock_os_let("os_fstat");
	mock_os_let("os_sync_range");
	assert_int_equal(backing_ensure(b, 0, SIZE, &is_zero), 0);
	assert_false(is_zero);
	assert_int_equal(mock_os_nr_calls("os_write"), 1);
	assert_int_equal(mock_os_nr_calls("os_sync_range"), 1);
	mock_os_reset();
	assert_true(space_held() >= SIZE);
	backing_close(b);
	assert_quarters("d..d");
}

static void
test_a_failing_ensure_keeps_data_and_takes_no_space(void **state)
{
	static const struct {
		const char *why, *fails;
		bool is_sync;
	} rows[] = {
	    {"no space", "os_allocate_unshared", false},
	    {"no space, under MAP_SYNC", "os_allocate_unshared", true},
	    {"no space for zeroes", "os_write_zeroes", true},
	};
	static const char *const files[] = {"dddd", "....", "d.d.", ".dd."};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(files); i++) {
		const char *quarters = files[i % ARRAY_LEN(files)];
		const size_t row = i / ARRAY_LEN(files);
		bool has_hole = strchr(quarters, '.') != NULL;
		bool is_zero = true;

		print_message("%s, %s\n", rows[row].why, quarters);
		make_quarters(quarters);
		size_t before = space_held();
		struct backing *b = open_file(0, BACKING_OVERWRITE);
		bool was_sync = b->is_sync;
		b->is_sync = rows[row].is_sync;
		mock_os_fail_all(rows[row].fails, ENOSPC);
		int rc = backing_ensure(b, 0, SIZE, &is_zero);
		mock_os_reset();
		/* what is known to have its own space needs none */
		bool needs = has_hole || (row < 2 && !tells_gaps());
		assert_int_equal(rc, needs ? -ENOSPC : 0);
		assert_int_equal(is_zero, strcmp(quarters, "....") == 0);
		/* but for the file system's own records of it */
		assert_in_range(space_held(), before, before + 16 * DK_PAGE);
		b->is_sync = was_sync;
		backing_close(b);
		assert_quarters(quarters);
		assert_int_equal(unlink(Path), 0);
	}
}

static void
test_a_failing_prefault_takes_no_space(void **state)
{
	static const char *const names[] = {
	    "os_allocate_unshared", "os_populate"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct backing *b = NULL;

		dk_row(names[i]);
		make_quarters("d.d.");
		size_t before = space_held();
		mock_os_fail_all(names[i], ENOSPC);
		assert_int_equal(backing_file_open(Path, 0,
				     BACKING_OVERWRITE | BACKING_PREFAULT, &b),
		    -ENOSPC);
		mock_os_reset();
		/* but for the file system's own records of it */
		assert_in_range(space_held(), before, before + 16 * DK_PAGE);
		assert_quarters("d.d.");
		assert_int_equal(unlink(Path), 0);
	}
}

/* As on ext2, or bindfs. */
static void
test_prefault_works_without_fallocate(void **state)
{
	(void)state;
	make_quarters(".dd.");
	mock_os_fail_all("os_allocate", EOPNOTSUPP);
	struct backing *b = open_file(0, BACKING_OVERWRITE | BACKING_PREFAULT);
	mock_os_reset();
	assert_int_equal(msync(b->base, SIZE, MS_SYNC), 0);
	assert_true(space_held() >= SIZE);
	assert_true(b->keeps_space);
	backing_close(b);
	assert_quarters(".dd.");
}

/* What a file shares with its clones gets space of its own; a file system that
 * cannot do that is asked once. */
static void
test_shared_data_gets_space_of_its_own(void **state)
{
	bool is_zero;

	(void)state;
	make_quarters("dddd");
	struct backing *b = open_file(0, BACKING_OVERWRITE);
	mock_os_reset();
	mock_os_fail_all("os_allocate_unshared", EOPNOTSUPP);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(backing_ensure(b, i * MIB, MIB, &is_zero), 0);
	assert_int_equal(mock_os_nr_calls("os_allocate_unshared"), 1);
	assert_int_equal(mock_os_nr_calls("os_allocate"), 3);
	mock_os_reset();
	backing_close(b);
	/* a new one has no clones */
	assert_int_equal(unlink(Path), 0);
	b = open_file(SIZE, 0);
	assert_int_equal(backing_ensure(b, 0, MIB, &is_zero), 0);
	assert_int_equal(mock_os_nr_calls("os_allocate_unshared"), 0);
	backing_close(b);
}

/* --- file systems ------------------------------------------------------------------ */

static void
test_data_on_a_file_system_that_copies_is_refused(void **state)
{
	static const enum os_cow cows[] = {OS_COW_SHARED, OS_COW_ALWAYS};

	(void)state;
	make_quarters("dd..");
	for (size_t i = 0; i < ARRAY_LEN(cows); i++) {
		struct backing *b = NULL;

		(void)error_set(0, "%s", "");
		mock_os_set_fs(0, cows[i]);
		assert_int_equal(
		    backing_file_open(Path, 0, BACKING_OVERWRITE, &b),
		    -EOPNOTSUPP);
		assert_null(b);
		print_message("%s\n", error_text());
		assert_non_null(strstr(error_text(), "SIGBUS"));
		assert_quarters("dd..");
	}
	/* a new file is served: its data will be in one place if they can be */
	mock_os_set_fs(0, OS_COW_ALWAYS);
	backing_close(open_dir(SIZE, 0));
	mock_os_reset();
}

static void
test_the_unit_is_the_file_system_s_block(void **state)
{
	static const struct {
		size_t block, align;
	} rows[] = {
	    {DK_PAGE, DK_HUGE_PAGE},
	    {64 * KIB, DK_HUGE_PAGE},
	    {DK_HUGE_PAGE, DK_HUGE_PAGE},
	    {16 * MIB, 16 * MIB},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		mock_os_set_fs(rows[i].block, OS_COW_NEVER);
		struct backing *b = open_dir(SIZE, 0);

		assert_int_equal(b->unit, rows[i].block);
		assert_int_equal((uintptr_t)b->base % rows[i].align, 0);
		assert_int_equal(b->size, SIZE);
		backing_close(b);
	}
	mock_os_reset();
}

/* As hugetlbfs refuses it. */
static void
test_a_size_of_no_whole_pages_is_explained(void **state)
{
	struct backing *b = NULL;

	(void)state;
	mock_os_fail_all("os_set_size", EINVAL);
	mock_os_set_fs(DK_HUGE_PAGE, OS_COW_NEVER);
	assert_int_equal(
	    backing_file_open_dir(test_dir(), 3 * MIB, 0, &b), -EINVAL);
	print_message("%s\n", error_text());
	assert_non_null(strstr(error_text(), "multiple"));
	assert_int_equal(
	    backing_file_open_dir(test_dir(), 4 * MIB, 0, &b), -EINVAL);
	assert_null(strstr(error_text(), "multiple"));
	mock_os_reset();
}

static void
test_what_is_missing_is_named(void **state)
{
	static const struct {
		const char *path;
		bool is_dir;
		unsigned flags;
		const char *text;
	} rows[] = {
	    {"region", false, 0, "pass DAXKIND_CREATE"},
	    {"none/region", false, BACKING_CREATE,
		"its directory does not exist"},
	    {"none", true, 0, "create it first"},
	    {"/proc", true, 0, "cannot hold files"},
	    {"/proc/region", false, BACKING_CREATE, "cannot hold files"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct backing *b = NULL;
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s",
		    rows[i].path[0] == '/' ? rows[i].path
					   : test_path(rows[i].path));
		dk_row(path);
		int rc = rows[i].is_dir
			     ? backing_file_open_dir(path, SIZE, 0, &b)
			     : backing_file_open(path, SIZE, rows[i].flags, &b);
		assert_int_equal(rc, -ENOENT);
		assert_null(b);
		print_message("%s\n", error_text());
		assert_non_null(strstr(error_text(), rows[i].text));
		/* it would be wrong of what is there */
		assert_int_equal(
		    strstr(error_text(), "create it first") != NULL, i == 2);
	}
}

static void
test_what_means_no_holes(void **state)
{
	static const struct {
		int err, rc;
	} rows[] = {
	    {EOPNOTSUPP, -EOPNOTSUPP},
	    {ENOSYS, -EOPNOTSUPP},
	    {EINVAL, -EOPNOTSUPP},
	    {EPERM, -EOPNOTSUPP},
	    {EIO, -EIO},
	    {ENOSPC, -ENOSPC},
	};

	(void)state;
	struct backing *b = open_dir(SIZE, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		mock_os_fail_all(NULL, rows[i].err);
		mock_os_let("os_fstat");
		assert_int_equal(backing_discard(b, 0, MIB), rows[i].rc);
	}
	mock_os_reset();
	backing_close(b);
}

/* As that of a process which locks its memory: madvise(2) refuses. */
static void
test_locked_memory_is_punched_by_the_descriptor(void **state)
{
	static const int refusals[] = {EINVAL, EACCES, ENOSYS};
	bool is_zero;

	(void)state;
	struct backing *b = open_dir(SIZE, 0);
	size_t before = held();
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		assert_int_equal(backing_ensure(b, 0, MIB, &is_zero), 0);
		mock_os_fail_all("os_punch_mapped", refusals[i]);
		assert_int_equal(backing_discard(b, 0, MIB), 0);
		assert_int_equal(mock_os_nr_calls("os_punch"), 1);
		assert_in_range(held(), 0, before + 16 * DK_PAGE);
	}
	mock_os_reset();
	backing_close(b);
}

/* --- a descriptor that the program closed ------------------------------------------- */

/* The number of the region's descriptor. */
static int
find_fd(void)
{
	struct stat st;

	for (int fd = 1023; fd > 2; fd--) {
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_size == (off_t)SIZE)
			return fd;
	}
	fail();
	return -1;
}

/* Another file has it, with content. */
static int
replace_fd(int fd)
{
	int other = memfd_create("daxkind-other", MFD_CLOEXEC);

	assert_true(other >= 0);
	assert_int_equal(write(other, "12345", 5), 5);
	assert_int_equal(dup2(other, fd), fd);
	return other;
}

static void
assert_untouched(int other)
{
	struct stat st;
	char text[5];

	assert_int_equal(fstat(other, &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(st.st_blocks * 512, DK_PAGE);
	assert_int_equal(pread(other, text, 5, 0), 5);
	assert_memory_equal(text, "12345", 5);
}

static void
test_space_comes_and_goes_without_the_descriptor(void **state)
{
	(void)state;
	for (int existing = 0; existing < 2; existing++) {
		bool is_zero = true;

		dk_row(existing ? "existing" : "new");
		if (existing)
			make_file("data", SIZE);
		struct backing *b =
		    open_file(existing ? 0 : SIZE, BACKING_OVERWRITE);
		size_t before = space_held();
		int fd = find_fd();
		int other = replace_fd(fd);
		assert_int_equal(backing_ensure(b, MIB, MIB, &is_zero), 0);
		assert_int_equal(msync(b->base, SIZE, MS_SYNC), 0);
		assert_in_range(space_held() - before, MIB, MIB + 16 * DK_PAGE);
		assert_false(backing_is_hole(b, 2 * MIB, MIB));
		memset(b->base + MIB, 0xaa, MIB);
		assert_int_equal(backing_discard(b, MIB, MIB), 0);
		assert_true(test_all_bytes(b->base + MIB, 0, MIB));
		assert_in_range(space_held(), 0, before + 16 * DK_PAGE);
		/* and where there is none */
		mock_os_fail_all("os_populate", EFAULT);
		assert_int_equal(
		    backing_ensure(b, MIB, MIB, &is_zero), -ENOSPC);
		assert_int_equal(is_zero, !existing);
		mock_os_reset();
		if (existing)
			assert_memory_equal(b->base, "data", 4);
		assert_untouched(other);
		b->is_kept = true;
		backing_close(b);
		assert_int_equal(fcntl(fd, F_GETFD), 0);
		assert_untouched(fd);
		assert_int_equal(close(fd), 0);
		assert_int_equal(close(other), 0);
		assert_int_equal(unlink(Path), 0);
	}
}

/* Until the mapping ends, which is of the same opening. */
static void
test_the_lock_stays_without_the_descriptor(void **state)
{
	struct backing *b = NULL;

	(void)state;
	struct backing *first = open_file(SIZE, 0);
	assert_int_equal(close(find_fd()), 0);
	assert_int_equal(
	    backing_file_open(Path, SIZE, BACKING_OVERWRITE, &b), -EBUSY);
	first->is_kept = true;
	backing_close(first);
	backing_close(open_file(0, BACKING_OVERWRITE));
}

static void
test_prefault_reserves_and_touches_all(void **state)
{
	static unsigned char in_core[SIZE / 4096];

	(void)state;
	for (int existing = 0; existing < 2; existing++) {
		if (existing)
			make_file("data", SIZE);
		struct backing *b = open_file(
		    existing ? 0 : SIZE, BACKING_PREFAULT | BACKING_OVERWRITE);
		assert_false(b->starts_as_holes);
		assert_int_equal(b->starts_zero, !existing);
		assert_true((size_t)look().st_blocks * 512 >= SIZE);
		assert_int_equal(mincore(b->base, SIZE, in_core), 0);
		for (size_t i = 0; i < ARRAY_LEN(in_core); i++)
			assert_int_equal(in_core[i] & 1, 1);
		assert_memory_equal(b->base, existing ? "data" : "\0\0\0\0", 4);
		assert_true(test_all_bytes(b->base + 4, 0, SIZE - 4));
		backing_close(b);
		assert_int_equal(unlink(Path), 0);
	}
}

/* MAP_SYNC is asked for, and only its working makes a file synchronous. */
static void
test_only_map_sync_makes_it_synchronous(void **state)
{
	static const int refusals[] = {EOPNOTSUPP, EINVAL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		mock_os_fail_nth_of("os_map_file", 1, refusals[i]);
		struct backing *b = open_dir(SIZE, 0);

		assert_int_equal(mock_os_nr_calls("os_map_file"), 2);
		assert_false(b->is_sync);
		assert_int_equal(b->granularity, FLUSH_PAGE);
		backing_close(b);
	}
	mock_os_reset();
}

/* --- for reading only --------------------------------------------------------- */

static void
test_a_file_to_read_is_left_as_it_is(void **state)
{
	size_t hole_off, hole_len;
	struct backing *b, *other;

	(void)state;
	make_file("content", 3 * DK_PAGE + 5);
	struct stat before = look();
	assert_int_equal(backing_file_open(Path, 0, BACKING_READ_ONLY, &b), 0);
	assert_int_equal(b->size, 3 * DK_PAGE);
	assert_memory_equal(b->base, "content", 8);
	assert_int_equal(os_probe_write(b->base), -EFAULT);
	if (backing_find_hole(b, 0, b->size, &hole_off, &hole_len)) {
		assert_true(hole_off >= 8);
		assert_true(hole_len <= b->size - hole_off);
	}
	/* One at a time, but for who only looks. */
	assert_int_equal(
	    backing_file_open(Path, 0, BACKING_READ_ONLY, &other), -EBUSY);
	assert_int_equal(
	    backing_file_open(Path, 0, BACKING_OVERWRITE, &other), -EBUSY);
	assert_int_equal(backing_file_open(Path, 0,
			     BACKING_READ_ONLY | BACKING_NO_OWNER, &other),
	    0);
	backing_close(other);
	backing_close(b);
	assert_content("content", 3 * DK_PAGE + 5);
	assert_int_equal(look().st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	assert_int_equal(look().st_blocks, before.st_blocks);
}

static void
test_a_file_to_read_that_cannot_be(void **state)
{
	struct backing *b = NULL;

	(void)state;
	assert_int_equal(
	    backing_file_open(Path, 0, BACKING_READ_ONLY, &b), -ENOENT);
	assert_no_file();
	make_file("short", DK_PAGE - 1);
	assert_int_equal(
	    backing_file_open(Path, 0, BACKING_READ_ONLY, &b), -ENODATA);
	assert_non_null(strstr(error_text(), "too short"));
	assert_int_equal(
	    backing_file_open("/dev/null", 0, BACKING_READ_ONLY, &b), -EINVAL);
	assert_int_equal(unlink(Path), 0);
	make_file("long", 2 * DK_PAGE);
	for (unsigned n = 1;; n++) {
		mock_os_fail_nth(n, EIO);
		int rc = backing_file_open(Path, 0, BACKING_READ_ONLY, &b);
		const char *failed = mock_os_failed();
		mock_os_reset();
		if (rc == 0)
			backing_close(b);
		if (failed == NULL)
			break;
	}
	assert_content("long", 2 * DK_PAGE);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_a_new_file_is_sparse_zero_and_kept),
	    UNIT(test_a_size_is_cut_to_whole_pages),
	    UNIT(test_open_refuses_and_makes_nothing),
	    UNIT(test_what_is_no_file_is_refused),
	    UNIT(test_failures_remove_what_was_made),
	    UNIT(test_without_a_region_the_file_is_as_it_was),
	    UNIT(test_an_empty_file_is_used),
	    UNIT(test_a_file_with_data_is_left_as_it_is),
	    UNIT(test_a_file_with_data_is_overwritten_when_told),
	    UNIT(test_a_small_file_with_data_is_refused),
	    UNIT(test_a_failing_open_keeps_data_and_size),
	    UNIT(test_one_region_at_a_time_has_a_file),
	    UNIT(test_a_file_system_without_locks_is_served),
	    UNIT(test_a_file_in_a_folder_has_no_name),
	    UNIT(test_without_a_size_it_is_as_the_file_system_is),
	    UNIT(test_the_largest_size_that_is_allowed_is_found),
	    UNIT(test_a_folder_that_is_none_is_refused),
	    UNIT(test_a_file_size_limit_is_respected),
	    UNIT(test_ensure_and_discard_move_file_space),
	    UNIT(test_a_failing_ensure_gives_back_what_it_got),
	    UNIT(test_a_file_system_that_can_not_allocate_is_written_to),
	    UNIT(test_writing_beyond_a_limit_is_an_error_and_no_signal),
	    UNIT(test_space_that_is_there_is_not_wanted_again),
	    UNIT(test_under_map_sync_file_space_is_written),
	    UNIT(test_data_that_was_there_is_kept),
	    UNIT(test_without_any_help_bytes_are_written_as_they_are),
	    UNIT(test_a_failing_ensure_keeps_data_and_takes_no_space),
	    UNIT(test_a_failing_prefault_takes_no_space),
	    UNIT(test_prefault_works_without_fallocate),
	    UNIT(test_shared_data_gets_space_of_its_own),
	    UNIT(test_data_on_a_file_system_that_copies_is_refused),
	    UNIT(test_the_unit_is_the_file_system_s_block),
	    UNIT(test_a_size_of_no_whole_pages_is_explained),
	    UNIT(test_what_is_missing_is_named),
	    UNIT(test_what_means_no_holes),
	    UNIT(test_locked_memory_is_punched_by_the_descriptor),
	    UNIT(test_space_comes_and_goes_without_the_descriptor),
	    UNIT(test_the_lock_stays_without_the_descriptor),
	    UNIT(test_prefault_reserves_and_touches_all),
	    UNIT(test_only_map_sync_makes_it_synchronous),
	    UNIT(test_a_file_to_read_is_left_as_it_is),
	    UNIT(test_a_file_to_read_that_cannot_be),
	};

	return cmocka_run_group_tests_name("backing_file", tests, NULL, NULL);
}
