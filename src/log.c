// SPDX-License-Identifier: BSD-2-Clause
/*
 * log.c -- see log.h.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const Level_names[] = {
    "none", "error", "warning", "info", "debug"};
enum {
	NR_LEVELS = sizeof(Level_names) / sizeof(Level_names[0])
};

static _Atomic int Level = -1; /* -1: DAXKIND_LOG was not looked at yet */
static _Thread_local char Error_text[256];

static int
wanted_level(void)
{
	int level = atomic_load_explicit(&Level, memory_order_relaxed);

	if (level >= 0)
		return level;
	level = LOG_NONE;
	const char *env = secure_getenv("DAXKIND_LOG");
	for (int i = 0; env != NULL && i < NR_LEVELS; i++) {
		if (strcmp(env, Level_names[i]) == 0)
			level = i;
	}
	atomic_store_explicit(&Level, level, memory_order_relaxed);
	return level;
}

/* One write(2) for each line, so that lines of threads do not mix. */
static void
write_line(enum log_level level, const char *text)
{
	char line[320];
	int len = snprintf(
	    line, sizeof(line), "daxkind: %s: %s\n", Level_names[level], text);

	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line)) {
		len = sizeof(line) - 1;
		line[len - 1] = '\n';
	}
	ssize_t done = write(STDERR_FILENO, line, (size_t)len);
	(void)done; /* nobody is left to be told */
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	int saved_errno = errno;
	char text[256];
	va_list args;

	if ((int)level > wanted_level())
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	write_line(level, text);
	errno = saved_errno;
}

void
error_set_text(const char *fmt, ...)
{
	int saved_errno = errno;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(Error_text, sizeof(Error_text), fmt, args);
	va_end(args);
	if (wanted_level() >= LOG_ERROR)
		write_line(LOG_ERROR, Error_text);
	errno = saved_errno;
}

void
error_clear(void)
{
	Error_text[0] = '\0';
}

const char *
error_text(void)
{
	return Error_text;
}

void
log_bug(const char *file, int line, const char *expr)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "internal error at %s:%d: %s; please report it", file, line, expr);
	write_line(LOG_ERROR, text);
	abort();
}
