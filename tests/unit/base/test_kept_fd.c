// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_kept_fd.c -- descriptors in a process that closes them.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/kept_fd.h"
#include "base/os.h"

static int
new_file(void)
{
	int fd = memfd_create("daxkind-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
test_it_has_a_high_number_and_is_closed_on_exec(void **state)
{
	struct kept_fd k;
	int fd = new_file();

	(void)state;
	assert_int_equal(write(fd, "x", 1), 1);
	kept_fd_init(&k, fd);
	assert_true(k.fd >= 256);
	assert_false(is_open(fd));
	assert_int_equal(fcntl(k.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(lseek(k.fd, 0, SEEK_CUR), 1);
	assert_true(kept_fd_is_ours(&k));
	kept_fd_close(&k, true);
	assert_false(is_open(k.fd));
	assert_false(kept_fd_is_ours(&k));
}

/* In a child, whose limits are its own. */
static int
keep_with_few(void *arg)
{
	struct rlimit limit = {32, 32};
	struct kept_fd few, none;
	int fd = memfd_create("daxkind-test", MFD_CLOEXEC);

	(void)arg;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	kept_fd_init(&few, fd);
	if (few.fd < 16 || !kept_fd_is_ours(&few))
		return 2;
	fd = memfd_create("daxkind-test", MFD_CLOEXEC);
	limit.rlim_cur = 4;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 3;
	kept_fd_init(&none, fd);
	if (none.fd != fd || !kept_fd_is_ours(&none))
		return 4;
	kept_fd_close(&few, true);
	kept_fd_close(&none, true);
	return is_open(none.fd) || is_open(few.fd) ? 5 : 0;
}

static void
test_few_descriptors_are_enough(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(keep_with_few, NULL), 0);
}

static void
test_another_file_by_its_number_is_left_alone(void **state)
{
	struct kept_fd k;

	(void)state;
	kept_fd_init(&k, new_file());
	int other = new_file();
	assert_int_equal(dup2(other, k.fd), k.fd);
	assert_false(kept_fd_is_ours(&k));
	kept_fd_close(&k, true);
	assert_true(is_open(k.fd));
	assert_int_equal(close(k.fd), 0);
	assert_int_equal(close(other), 0);
}

static void
test_none_is_no_descriptor(void **state)
{
	struct kept_fd k;

	(void)state;
	kept_fd_init(&k, -1);
	assert_false(kept_fd_is_ours(&k));
	kept_fd_close(&k, true);
}

/* fstat(2) may be forbidden. */
static void
test_a_file_that_can_not_be_told_is_closed(void **state)
{
	struct kept_fd k;

	(void)state;
	mock_os_fail_all("os_fstat", EPERM);
	kept_fd_init(&k, new_file());
	assert_true(kept_fd_is_ours(&k));
	kept_fd_close(&k, true);
	mock_os_reset();
	assert_false(is_open(k.fd));
	/* forbidden later: nothing is changed by it, but it is closed */
	kept_fd_init(&k, new_file());
	mock_os_fail_all("os_fstat", EPERM);
	assert_false(kept_fd_is_ours(&k));
	kept_fd_close(&k, true);
	mock_os_reset();
	assert_false(is_open(k.fd));
}

static int
lock_again(const char *path)
{
	int fd;

	if (os_open(path, false, &fd) < 0)
		return -EIO;
	int rc = os_lock_file(fd);
	os_close(fd);
	return rc;
}

/* A child that has the file keeps the lock, unless the owner dropped it. */
static void
test_the_owner_takes_the_lock_along(void **state)
{
	char path[PATH_MAX];
	int ends[2], fd, status;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("locked"));
	for (int is_owner = 0; is_owner < 2; is_owner++) {
		struct kept_fd k;

		assert_int_equal(os_open(path, true, &fd), 0);
		assert_int_equal(os_lock_file(fd), 0);
		kept_fd_init(&k, fd);
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			char byte;

			(void)close(ends[1]);
			_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
		}
		assert_int_equal(lock_again(path), -EWOULDBLOCK);
		kept_fd_close(&k, is_owner == 1);
		assert_int_equal(
		    lock_again(path), is_owner == 1 ? 0 : -EWOULDBLOCK);
		assert_int_equal(close(ends[1]), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_int_equal(close(ends[0]), 0);
		assert_int_equal(unlink(path), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_it_has_a_high_number_and_is_closed_on_exec),
	    test_unit(test_few_descriptors_are_enough),
	    test_unit(test_another_file_by_its_number_is_left_alone),
	    test_unit(test_none_is_no_descriptor),
	    test_unit(test_a_file_that_can_not_be_told_is_closed),
	    test_unit(test_the_owner_takes_the_lock_along),
	};

	return cmocka_run_group_tests_name("kept_fd", tests, NULL, NULL);
}
