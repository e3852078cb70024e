// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_apart.c -- what runs apart is this thread to the process and somebody
 * else to the kernel.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/export.h"
#include "base/library.h"
#include "base/os.h"
#include "base/util.h"

#define ERRNO_BEFORE 77

static _Thread_local int Number;
static pthread_mutex_t Mutex;

static struct {
	bool is_same_thread;  /* thread-locals and locks are the caller's */
	int cancel_state;     /* while it ran */
	bool signals_blocked; /* those that can be */
	int fd;               /* it was opened here and left open */
	unsigned nr_calls;
} Seen;

static int
setup(void **state)
{
	mock_os_reset();
	memset(&Seen, 0, sizeof(Seen));
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	return test_leaks_teardown(state);
}

static void
look_around(void *arg)
{
	sigset_t mask;

	Seen.nr_calls++;
	Seen.is_same_thread = Number == *(int *)arg &&
			      pthread_mutex_lock(&Mutex) == 0 &&
			      pthread_mutex_unlock(&Mutex) == 0;
	Number++;
	(void)pthread_setcancelstate(
	    PTHREAD_CANCEL_DISABLE, &Seen.cancel_state);
	(void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
	Seen.signals_blocked = sigismember(&mask, SIGTERM) == 1 &&
			       sigismember(&mask, SIGCHLD) == 1;
	errno = EIO;
}

/* The caller's lock is held, by the caller. */
static void
run_looking_around(void)
{
	pthread_mutexattr_t attr;

	assert_int_equal(pthread_mutexattr_init(&attr), 0);
	assert_int_equal(
	    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE), 0);
	assert_int_equal(pthread_mutex_init(&Mutex, &attr), 0);
	assert_int_equal(pthread_mutex_lock(&Mutex), 0);
	Number = 5;
	errno = ERRNO_BEFORE;
	os_run_apart(look_around, &(int){5});
	assert_int_equal(errno, ERRNO_BEFORE);
	assert_int_equal(Number, 6);
	assert_int_equal(Seen.nr_calls, 1);
	assert_true(Seen.is_same_thread);
	assert_int_equal(Seen.cancel_state, PTHREAD_CANCEL_DISABLE);
	assert_int_equal(pthread_mutex_unlock(&Mutex), 0);
	assert_int_equal(pthread_mutex_destroy(&Mutex), 0);
}

static void
test_it_is_this_thread(void **state)
{
	(void)state;
	run_looking_around();
	if (!DK_THREAD_SANITIZER)
		assert_true(Seen.signals_blocked);
	/* and this one has its signals again */
	sigset_t mask;
	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
}

/* Without memory for its stack: as it is. */
static void
test_it_runs_in_any_case(void **state)
{
	(void)state;
	mock_os_fail_all("os_map_anon", ENOMEM);
	run_looking_around();
	assert_false(Seen.signals_blocked);
}

static void
move_and_open(void *arg)
{
	static const char Text[] = "not seen\n";

	(void)arg;
	assert_int_equal(chdir("/"), 0);
	(void)umask(0);
	Seen.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ssize_t done = write(STDERR_FILENO, Text, sizeof(Text) - 1);
	(void)done; /* it may be refused */
}

static void
test_nothing_of_the_process_changes(void **state)
{
	char before[4096], after[4096], text[16];
	int fds[2], saved_stderr = dup(STDERR_FILENO);

	(void)state;
	if (DK_THREAD_SANITIZER) {
		assert_int_equal(close(saved_stderr), 0);
		return; /* it runs as it is, and is seen */
	}
	mode_t mask = umask(022);
	assert_int_equal(os_pipe(fds), 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(fds[1]), 0);
	assert_non_null(getcwd(before, sizeof(before)));
	os_run_apart(move_and_open, NULL);
	assert_non_null(getcwd(after, sizeof(after)));
	assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(saved_stderr), 0);

	assert_string_equal(before, after);
	assert_string_not_equal(after, "/");
	assert_int_equal(umask(mask), 022);
	assert_true(Seen.fd >= 0);
	errno = 0;
	assert_int_equal(fcntl(Seen.fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(read(fds[0], text, sizeof(text)), 0); /* the end */
	assert_int_equal(close(fds[0]), 0);
}

/* It is no child that the program could find. */
static void
test_no_process_is_left(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		Number = 5;
		assert_int_equal(pthread_mutex_init(&Mutex, NULL), 0);
		os_run_apart(look_around, &(int){5});
		assert_int_equal(pthread_mutex_destroy(&Mutex), 0);
	}
	errno = 0;
	assert_int_equal(waitpid(-1, NULL, WNOHANG | (int)__WALL), -1);
	assert_int_equal(errno, ECHILD);
}

static void
fill_stack(void *arg)
{
	volatile char room[OS_APART_STACK - 16 * KIB];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 1;
	*(size_t *)arg = sizeof(room);
	Seen.nr_calls = (unsigned)room[1234];
}

static void *
run_on_small_stack(void *arg)
{
	os_run_apart(fill_stack, arg);
	return NULL;
}

static void
test_it_has_a_stack_of_its_own(void **state)
{
	pthread_attr_t attr;
	pthread_t thread;
	size_t room = 0;

	(void)state;
	if (DK_SANITIZED) {
		print_message("sanitizers need more stack than this\n");
		return;
	}
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, 16 * KIB), 0);
	assert_int_equal(
	    pthread_create(&thread, &attr, run_on_small_stack, &room), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attr), 0);
	assert_true(room > 200 * KIB);
	assert_int_equal(Seen.nr_calls, 1);
}

static void *
be_cancelled(void *arg)
{
	assert_int_equal(pthread_cancel(pthread_self()), 0);
	os_run_apart(move_and_open, NULL); /* open and write would see it */
	*(bool *)arg = true;
	pthread_testcancel();
	return NULL;
}

static void
test_it_is_not_cancelled(void **state)
{
	bool returned = false;
	pthread_t thread;
	void *result;
	char *here = getcwd(NULL, 0);

	(void)state;
	assert_non_null(here);
	assert_int_equal(
	    pthread_create(&thread, NULL, be_cancelled, &returned), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_true(returned);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	if (DK_THREAD_SANITIZER) { /* it ran as it is */
		assert_int_equal(chdir(here), 0);
		assert_int_equal(close(Seen.fd), 0);
	}
	free(here);
}

/* --- libraries that are loaded late ---------------------------------------------- */

static void
test_a_library_that_is_missing(void **state)
{
	static const char *const names[] = {"malloc", "no_such_function"};
	_Atomic(void *) functions[2] = {NULL, NULL};
	struct library none = {
	    "libdaxkind-no-such.so.7", names, functions, 1, false};
	struct library libc = {"libc.so.6", names, functions, 2, false};
	char why[200] = "";

	(void)state;
	assert_int_equal(library_load(&none, why, sizeof(why)), -ELIBACC);
	assert_non_null(strstr(why, "libdaxkind-no-such.so.7"));
	assert_false(library_is_loaded(&none));
	assert_false(library_is_present(none.soname));

	assert_int_equal(library_load(&libc, why, sizeof(why)), -ELIBACC);
	assert_non_null(strstr(why, "no_such_function"));
	assert_false(library_is_loaded(&libc));

	libc.nr = 1;
	assert_int_equal(library_load(&libc, why, sizeof(why)), 0);
	assert_true(library_is_loaded(&libc));
	assert_true(library_is_present(libc.soname));
	assert_non_null(functions[0]);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_it_is_this_thread),
	    UNIT(test_it_runs_in_any_case),
	    UNIT(test_nothing_of_the_process_changes),
	    UNIT(test_no_process_is_left),
	    UNIT(test_it_has_a_stack_of_its_own),
	    UNIT(test_it_is_not_cancelled),
	    UNIT(test_a_library_that_is_missing),
	};

	return cmocka_run_group_tests_name("apart", tests, NULL, NULL);
}
