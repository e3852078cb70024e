// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_log.c -- texts for people.
 *
 * DAXKIND_LOG is read once in a process, so each look at standard error is at
 * that of a child.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
static struct {
	const char *env;   /* value of DAXKIND_LOG, or NULL */
	const char *debug; /* of MEMKIND_DEBUG */
	int (*f)(void);
	int fd; /* for its standard error, or -1 */
} Run;

static int
run(void *arg)
{
	(void)arg;
	if ((Run.env != NULL ? setenv("DAXKIND_LOG", Run.env, 1)
			     : unsetenv("DAXKIND_LOG")) != 0 ||
	    (Run.debug != NULL ? setenv("MEMKIND_DEBUG", Run.debug, 1)
			       : unsetenv("MEMKIND_DEBUG")) != 0)
		return 99;
	if (Run.fd < 0)
		(void)close(STDERR_FILENO);
	else if (dup2(Run.fd, STDERR_FILENO) < 0)
		return 99;
	return Run.f();
}

enum {
	MAX_LINES = 16,
	LINE_SIZE = 4096
};

static char Lines[MAX_LINES][LINE_SIZE];

/* Run f in a child; returns its status, and each of its writes in Lines. */
static int
run_logged(const char *env, int (*f)(void), size_t *nr_lines)
{
	int fds[2];

	/* O_DIRECT: each write(2) is one to read(2) */
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_DIRECT | O_NONBLOCK), 0);
	Run.env = env;
	Run.f = f;
	Run.fd = fds[1];
	int status = test_in_child(run, NULL);
	assert_int_equal(close(fds[1]), 0);
	*nr_lines = 0;
	ssize_t len;
	while ((len = read(fds[0], Lines[*nr_lines], LINE_SIZE - 1)) > 0) {
		Lines[*nr_lines][len] = '\0';
		(*nr_lines)++;
		assert_true(*nr_lines < MAX_LINES);
	}
	assert_int_equal(close(fds[0]), 0);
	return status;
}

/* --- which lines -------------------------------------------------------------- */

static int
log_one_of_each(void)
{
	log_write(DK_LOG_ERROR, "number %d", 1);
	log_write(DK_LOG_WARNING, "number %d", 2);
	log_write(DK_LOG_INFO, "number %d", 3);
	log_write(DK_LOG_DEBUG, "number %d", 4);
	return 0;
}

/* --- as memkind writes them ------------------------------------------------------ */

static const struct {
	const char *why, *env, *debug;
	size_t nr;
	const char *lines[4];
} Memkinds[] = {
    {"on", NULL, "1", 3,
	{"MEMKIND_ERROR: number 1\n", "MEMKIND_INFO: number 2\n",
	    "MEMKIND_INFO: number 3\n"}},
    {"more than memkind has", "debug", "1", 4,
	{"MEMKIND_ERROR: number 1\n", "MEMKIND_INFO: number 2\n",
	    "MEMKIND_INFO: number 3\n", "MEMKIND_INFO: number 4\n"}},
    {"unknown", NULL, "2", 1,
	{"MEMKIND_WARNING: debug option \"2\" unknown; "
	 "MEMKIND_DEBUG=1 writes messages\n"}},
    {"unknown, and lines of ours", "error", "", 2,
	{"MEMKIND_WARNING: debug option \"\" unknown; "
	 "MEMKIND_DEBUG=1 writes messages\n",
	    "daxkind: error: number 1\n"}},
};

static void
test_lines_as_memkind_writes_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Memkinds); i++) {
		size_t nr;

		dk_row(Memkinds[i].why);
		Run.debug = Memkinds[i].debug;
		assert_int_equal(
		    run_logged(Memkinds[i].env, log_one_of_each, &nr), 0);
		Run.debug = NULL;
		assert_int_equal(nr, Memkinds[i].nr);
		for (size_t j = 0; j < nr; j++)
			assert_string_equal(Lines[j], Memkinds[i].lines[j]);
	}
}

static void
test_the_variable_says_how_much_is_written(void **state)
{
	static const char *const want[] = {
	    "daxkind: error: number 1\n",
	    "daxkind: warning: number 2\n",
	    "daxkind: info: number 3\n",
	    "daxkind: debug: number 4\n",
	};
	static const struct {
		const char *why, *env;
		size_t nr_lines;
	} rows[] = {
	    {"not set", NULL, 0},
	    {"empty", "", 0},
	    {"none", "none", 0},
	    {"error", "error", 1},
	    {"warning", "warning", 2},
	    {"info", "info", 3},
	    {"debug", "debug", 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t nr_lines;

		dk_row(rows[i].why);
		assert_int_equal(
		    run_logged(rows[i].env, log_one_of_each, &nr_lines), 0);
		assert_int_equal(nr_lines, rows[i].nr_lines);
		for (size_t j = 0; j < nr_lines; j++)
			assert_string_equal(Lines[j], want[j]);
	}
}

static void
test_a_level_that_is_none_is_said(void **state)
{
	static const char *const rows[] = {
	    "verbose", "DEBUG", "4", "debu", "%s%s%s%n", " debug"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char want[200];
		size_t nr_lines;

		dk_row(rows[i]);
		(void)snprintf(want, sizeof(want),
		    "daxkind: warning: DAXKIND_LOG=%s is not a level; use "
		    "none, error, warning, info or debug\n",
		    rows[i]);
		assert_int_equal(
		    run_logged(rows[i], log_one_of_each, &nr_lines), 0);
		assert_int_equal(nr_lines, 1);
		assert_string_equal(Lines[0], want);
	}
}

static const char *Hog;

/* Asked twice, said once. */
static int
ask_about_hogging(void)
{
	if (setenv("MEMKIND_HOG_MEMORY", Hog, 1) != 0)
		return 99;
	bool hogs = os_hogs_memory();
	return os_hogs_memory() == hogs ? hogs : 98;
}

static void
test_a_word_for_hogging_that_is_none_is_said(void **state)
{
	static const struct {
		const char *value;
		int hogs;
		size_t nr_lines;
	} rows[] = {
	    {"1", 1, 0},
	    {"0", 0, 0},
	    {"", 0, 0},
	    {"yes", 0, 1},
	    {"maybe", 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t nr_lines;

		dk_row(rows[i].value);
		Hog = rows[i].value;
		assert_int_equal(
		    run_logged("warning", ask_about_hogging, &nr_lines),
		    rows[i].hogs);
		assert_int_equal(nr_lines, rows[i].nr_lines);
		if (nr_lines > 0)
			assert_non_null(strstr(Lines[0], "is neither 0 nor 1"));
	}
}

static int
set_an_error(void)
{
	return error_set(-ENOENT, "%s is not there", "it") == -ENOENT ? 0 : 1;
}

static void
test_errors_are_written_too(void **state)
{
	size_t nr_lines;

	(void)state;
	assert_int_equal(run_logged("error", set_an_error, &nr_lines), 0);
	assert_int_equal(nr_lines, 1);
	assert_string_equal(Lines[0], "daxkind: error: it is not there\n");
	assert_int_equal(run_logged(NULL, set_an_error, &nr_lines), 0);
	assert_int_equal(nr_lines, 0);
}

static int
log_much(void)
{
	char text[3000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_write(DK_LOG_ERROR, "%s", text);
	(void)error_set(-1, "%s", text);
	return 0;
}

static void
test_long_lines_are_cut_and_end(void **state)
{
	size_t nr_lines;

	(void)state;
	assert_int_equal(run_logged("error", log_much, &nr_lines), 0);
	assert_int_equal(nr_lines, 2);
	for (size_t i = 0; i < nr_lines; i++) {
		size_t len = strlen(Lines[i]);

		/* of an error everything is said */
		if (i == 0)
			assert_in_range(len, 200, 400);
		else
			assert_int_equal(
			    len, strlen("daxkind: error: \n") + 3000 - 1);
		assert_int_equal(
		    strncmp(Lines[i], "daxkind: error: xxx", 19), 0);
		assert_ptr_equal(strchr(Lines[i], '\n'), &Lines[i][len - 1]);
	}
}

/* --- long texts ---------------------------------------------------------------- */

/* Commands with paths in them are of use only when they are whole. */
static void
test_a_long_text_is_whole(void **state)
{
	static char path[4097], want[3 * sizeof(path)];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	for (size_t len = 1; len < sizeof(path); len = len * 3 / 2 + 1) {
		path[len] = '\0';
		(void)snprintf(
		    want, sizeof(want), "umount %s && mount %s", path, path);
		assert_int_equal(
		    error_set(-EIO, "umount %s && mount %s", path, path), -EIO);
		assert_string_equal(error_text(), want);
		assert_int_equal(error_reason(), -EIO);
		path[len] = 'p';
		/* a short one after it */
		(void)error_set(-ENOENT, "short");
		assert_string_equal(error_text(), "short");
		error_clear();
		assert_string_equal(error_text(), "");
		assert_int_equal(error_reason(), 0);
	}
	/* of what is longer than any, that it is cut can be seen */
	static char huge[40000];
	memset(huge, 'h', sizeof(huge) - 1);
	(void)error_set(-EIO, "%s", huge);
	size_t len = strlen(error_text());
	assert_in_range(len, 10000, sizeof(huge));
	assert_string_equal(error_text() + len - 3, "...");
}

static void *
set_long_text(void *arg)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	(void)error_set(-EIO, "%s", text);
	*(const char **)arg = error_text();
	return strlen(error_text()) == sizeof(text) - 1 ? NULL : arg;
}

static void
test_a_long_text_ends_with_its_thread(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		const char *text = NULL;
		pthread_t thread;
		void *result = &text;

		assert_int_equal(
		    pthread_create(&thread, NULL, set_long_text, &text), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_null(result);
		assert_int_equal(os_is_mapped(text), -ENOMEM);
	}
}

/* --- texts that are made when asked for ------------------------------------------- */

static unsigned Nr_rendered;

static void
render_number(const void *data, char *text, size_t size)
{
	Nr_rendered++;
	(void)snprintf(text, size, "number %d", *(const int *)data);
}

static void
test_a_note_is_rendered_when_asked_for(void **state)
{
	(void)state;
	Nr_rendered = 0;
	for (int i = 0; i < 10; i++)
		error_note(-ENOMEM, render_number, &i, sizeof(i));
	assert_int_equal(Nr_rendered, 0);
	assert_int_equal(error_reason(), -ENOMEM);
	assert_string_equal(error_text(), "number 9");
	assert_string_equal(error_text(), "number 9");
	assert_int_equal(Nr_rendered, 1);
	int nr = 10;
	error_note(-ENOMEM, render_number, &nr, sizeof(nr));
	(void)error_set(-EIO, "another");
	assert_string_equal(error_text(), "another");
	error_note(-ENOMEM, render_number, &nr, sizeof(nr));
	error_clear();
	assert_string_equal(error_text(), "");
	assert_int_equal(Nr_rendered, 1);
}

/* --- what else changes -------------------------------------------------------- */

static int
look_at_errno(void)
{
	errno = 77;
	(void)log_one_of_each();
	if (errno != 77)
		return 1;
	(void)set_an_error();
	return errno == 77 ? 0 : 2;
}

static void
test_errno_is_left_alone(void **state)
{
	size_t nr_lines;

	(void)state;
	assert_int_equal(run_logged(NULL, look_at_errno, &nr_lines), 0);
	assert_int_equal(run_logged("debug", look_at_errno, &nr_lines), 0);
	/* nor when writing fails */
	Run.fd = -1;
	assert_int_equal(test_in_child(run, NULL), 0);
}

static int
hit_a_bug(void)
{
	log_bug("file.c", 12, "a > b");
}

static int
hit_no_bug(void)
{
	int calls = 0;

	DK_BUG_ON(calls++ > 0);
	return calls == 1 ? 0 : 1;
}

static void
test_a_bug_says_where_and_aborts(void **state)
{
	size_t nr_lines;

	(void)state;
	assert_int_equal(run_logged(NULL, hit_a_bug, &nr_lines), 128 + SIGABRT);
	assert_true(nr_lines >= 1);
	assert_non_null(strstr(Lines[0], "file.c:12: a > b"));
	assert_int_equal(run_logged(NULL, hit_no_bug, &nr_lines), 0);
	assert_int_equal(nr_lines, 0);
}

/* --- the last error ------------------------------------------------------------ */

static void *
set_another_error(void *arg)
{
	bool *right = arg;

	*right = strcmp(error_text(), "") == 0;
	(void)error_set(-1, "of the other thread");
	*right = *right && strcmp(error_text(), "of the other thread") == 0;
	return NULL;
}

static void
test_each_thread_has_its_last_error(void **state)
{
	pthread_t thread;
	bool right = false;

	(void)state;
	assert_string_equal(error_text(), "");
	assert_int_equal(error_set(-ENOSPC, "number %d", 1), -ENOSPC);
	assert_string_equal(error_text(), "number 1");
	assert_int_equal(
	    pthread_create(&thread, NULL, set_another_error, &right), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(right);
	assert_string_equal(error_text(), "number 1");
	assert_int_equal(error_set(0, "number %d", 2), 0);
	assert_string_equal(error_text(), "number 2");
	/* a line that is only logged is none */
	log_write(DK_LOG_ERROR, "number 3");
	assert_string_equal(error_text(), "number 2");
}

int
main(void)
{
	/* children first: what they inherit has not looked at DAXKIND_LOG */
	const struct CMUnitTest tests[] = {
	    test_unit(test_lines_as_memkind_writes_them),
	    test_unit(test_the_variable_says_how_much_is_written),
	    test_unit(test_a_level_that_is_none_is_said),
	    test_unit(test_a_word_for_hogging_that_is_none_is_said),
	    test_unit(test_errors_are_written_too),
	    test_unit(test_long_lines_are_cut_and_end),
	    test_unit(test_a_long_text_is_whole),
	    test_unit(test_a_long_text_ends_with_its_thread),
	    test_unit(test_a_note_is_rendered_when_asked_for),
	    test_unit(test_errno_is_left_alone),
	    test_unit(test_a_bug_says_where_and_aborts),
	    test_unit(test_each_thread_has_its_last_error),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
