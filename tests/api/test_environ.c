// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_environ.c -- absurd values in the environment: an error where memkind
 * has one, or ends the process.
 *
 * The library looks at the environment once, so each value gets a process of
 * its own: this program runs itself.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit codes of the inner process. */
enum {
	WORKS = 0,       /* a kind could be made and used */
	IS_ENVIRON = 10, /* MEMKIND_ERROR_ENVIRON, and no kind */
	NO_THREADS = 11, /* a kind, and MEMKIND_ERROR_ENVIRON for threads */
	BROKEN = 20      /* anything else */
};

/* In a process with the environment under test.  Refilled, the kind shows
 * whether its arenas are as they must be. */
static int
inner(int nr_fills)
{
	const size_t most = TEST_OURS || nr_fills > 1 ? SIZE_MAX : TEST_MIB;
	struct test_fill fill;
	memkind_t kind = (memkind_t)(uintptr_t)0xDA;
	void *p;
	int rc = memkind_create_pmem("/tmp", 16 * TEST_MIB, &kind);

	if (rc == MEMKIND_ERROR_ENVIRON)
		return IS_ENVIRON;
	if (rc != MEMKIND_SUCCESS)
		return BROKEN + 1;
	for (int i = 0; i < nr_fills; i++) {
		test_fill_up_to(kind, 16, 5000, 1, most, &fill);
		if (most == SIZE_MAX &&
		    (fill.bytes < 12 * TEST_MIB || fill.err != ENOMEM))
			return BROKEN + 2;
		test_fill_free(kind, &fill);
	}
	if (nr_fills > 1) {
		p = memkind_malloc(kind, 15 * TEST_MIB);
		if (p == NULL)
			return BROKEN + 3;
		memkind_free(kind, p);
	}
	if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS)
		return BROKEN + 4;
	p = memkind_malloc(MEMKIND_DEFAULT, 100);
	if (p == NULL)
		return BROKEN + 5;
	memkind_free(MEMKIND_DEFAULT, p);
	int rc_on = memkind_set_bg_threads(true);
	if (rc_on != MEMKIND_SUCCESS && rc_on != MEMKIND_ERROR_ENVIRON)
		return BROKEN + 6;
	int rc_off = memkind_set_bg_threads(false);
	/* an error, so that what logs errors has something to log */
	if (memkind_create_pmem("/nonexistent/x", 0, &kind) !=
	    MEMKIND_ERROR_INVALID)
		return BROKEN + 7;
	if (rc_off != rc_on)
		return BROKEN + 8;
	return rc_on == MEMKIND_ERROR_ENVIRON ? NO_THREADS : WORKS;
}

static int
run_filling(const char *fills, const char *name, const char *value)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		static char self[] = "/proc/self/exe";
		static char arg[] = "--inner";
		char *argv[] = {self, arg, (char *)(uintptr_t)fills, NULL};

		if (setenv(name, value, 1) != 0)
			_exit(99);
		(void)alarm(150);
		(void)execv(self, argv);
		_exit(99);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static int
run_with(const char *name, const char *value)
{
	return run_filling("1", name, value);
}

static void
test_values_that_memkind_refuses(void **state)
{
	static const char *const values[] = {
	    "0", "-5", "abc", "", "0x4", "999999999999999999999999"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		print_message(
		    "row: MEMKIND_ARENA_NUM_PER_KIND=%s\n", values[i]);
		assert_int_equal(
		    run_with("MEMKIND_ARENA_NUM_PER_KIND", values[i]),
		    IS_ENVIRON);
	}
}

static void
test_values_that_work(void **state)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{"MEMKIND_ARENA_NUM_PER_KIND", "1"},
		{"MEMKIND_ARENA_NUM_PER_KIND", "3"},
		{"MEMKIND_HOG_MEMORY", "1"},
		{"MEMKIND_HOG_MEMORY", "0"},
		{"MEMKIND_DEBUG", "1"},
		{"MEMKIND_BACKGROUND_THREAD_LIMIT", ""},
		{"MEMKIND_BACKGROUND_THREAD_LIMIT", "0"},
		{"MEMKIND_BACKGROUND_THREAD_LIMIT", " 2"},
		{"MEMKIND_BACKGROUND_THREAD_LIMIT", "4294967295"},
#if TEST_OURS
		{"DAXKIND_LOG", "debug"},
		{"DAXKIND_LOG", "error"},
#endif
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("row: %s=%s\n", rows[i].name, rows[i].value);
		assert_int_equal(run_with(rows[i].name, rows[i].value), WORKS);
	}
}

/* memkind ends the process at once, whatever it does. */
static void
test_limits_that_are_no_number(void **state)
{
	static const char *const values[] = {
	    "x", "-3", "2 ", "4294967296", "99999999999999999999"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		print_message("row: %s\n", values[i]);
		assert_int_equal(
		    run_with("MEMKIND_BACKGROUND_THREAD_LIMIT", values[i]),
		    TEST_OURS ? NO_THREADS : 128 + SIGABRT);
	}
}

/* memkind ends the process, or can make no kind. */
static void
test_what_memkind_can_not_do(void **state)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
	    {"MEMKIND_HEAP_MANAGER", "TBB"},
	    {"MEMKIND_ARENA_NUM_PER_KIND", "99999999"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("row: %s=%s\n", rows[i].name, rows[i].value);
		assert_int_equal(run_with(rows[i].name, rows[i].value), WORKS);
	}
}

static void
test_nothing_else_ends_the_process(void **state)
{
	static char long_value[10000];
	static const struct {
		const char *name, *value;
	} rows[] = {
	    {"MEMKIND_HEAP_MANAGER", "FOO"},
	    {"MEMKIND_HOG_MEMORY", "maybe"},
	    {"MEMKIND_DEBUG", "-1"},
	    {"DAXKIND_LOG", ""},
	    {"DAXKIND_LOG", "nonsense"},
	    {"DAXKIND_LOG", "99999999999999999999"},
	    {"DAXKIND_LOG", "%s%n%s%n"},
	    {"DAXKIND_LOG", long_value},
	    {"TMPDIR", "/nonexistent"},
	};

	(void)state;
	memset(long_value, 'x', sizeof(long_value) - 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc;

		print_message("row: %s=%.40s\n", rows[i].name, rows[i].value);
		rc = run_with(rows[i].name, rows[i].value);
		assert_true(rc == WORKS || rc == IS_ENVIRON);
	}
}

/* Settings of the private jemalloc are the library's: another process-wide
 * setting must not bring back what corrupts heaps, nor abort. */
static void
test_jemallocs_settings_are_not_the_environments(void **state)
{
	static const char *const names[] = {
	    "MALLOC_CONF", "JEMK_MALLOC_CONF", "jemk_malloc_conf"};
	static const char *const values[] = {"retain:true",
	    "abort_conf:true,nonsense:1", "narenas:1,tcache:false",
	    "dirty_decay_ms:-1,muzzy_decay_ms:-1", "junk:true,zero:true",
	    "background_thread:true", "oversize_threshold:1"};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		for (size_t i = 0; i < ARRAY_LEN(values); i++) {
			print_message("row: %s=%s\n", names[n], values[i]);
			assert_int_equal(
			    run_filling("3", names[n], values[i]), WORKS);
		}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_values_that_memkind_refuses),
	    test_unit(test_values_that_work),
	    test_unit(test_limits_that_are_no_number),
	    test_unit(test_what_memkind_can_not_do),
	    test_unit(test_nothing_else_ends_the_process),
	    test_unit(test_jemallocs_settings_are_not_the_environments),
	};

	if (argc > 2 && strcmp(argv[1], "--inner") == 0)
		return inner(atoi(argv[2]));
	if (test_is_emulated()) {
		puts("skipped: not about the memory that it runs on");
		return 77;
	}
	return cmocka_run_group_tests_name("environ", tests, NULL, NULL);
}
