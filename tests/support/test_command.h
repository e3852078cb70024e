/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_command.h -- running a shell command and looking at what it says.
 */
#ifndef TEST_COMMAND_H
#define TEST_COMMAND_H

#define TEST_COMMAND_MAX 65536

/* Run it; its exit status.  What it prints, on both streams, is the text of
 * test_command_text(). */
int test_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *test_command_text(void);
/* The same; the test fails unless it exits with 0. */
void test_command_ok(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* The text has all of it, else it is shown and the test fails. */
void test_has(const char *text, const char *part);

#endif /* TEST_COMMAND_H */
