// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_command.c -- see test_command.h.
 */
#include "cmocka_all.h"

#include "test_command.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static char Text[TEST_COMMAND_MAX];

static int run(const char *fmt, va_list args)
    __attribute__((format(printf, 1, 0)));

static int
run(const char *fmt, va_list args)
{
	char line[4096];
	size_t len = 0;
	size_t n;
	FILE *pipe;

	len = (size_t)vsnprintf(line, sizeof(line) - 8, fmt, args);
	assert_true(len < sizeof(line) - 8);
	memcpy(line + len, " 2>&1", 6);
	(void)fflush(stdout);
	pipe = popen(line, "re"); // NOLINT(cert-env33-c)
	assert_non_null(pipe);
	len = 0;
	while ((n = fread(Text + len, 1, sizeof(Text) - 1 - len, pipe)) > 0)
		len += n;
	Text[len] = '\0';
	int status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
test_command(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int status = run(fmt, args);
	va_end(args);
	return status;
}

const char *
test_command_text(void)
{
	return Text;
}

void
test_command_ok(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int status = run(fmt, args);
	va_end(args);
	if (status != 0)
		fail_msg("%s: status %d: %s", fmt, status, Text);
}

void
test_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in: %s", part, text);
}
