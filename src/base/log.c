// SPDX-License-Identifier: BSD-2-Clause
/*
 * log.c -- see log.h.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cancel.h"

static const char *const Level_names[] = {
    "none", "error", "warning", "info", "debug"};
enum {
	NR_LEVELS = sizeof(Level_names) / sizeof(Level_names[0])
};

static _Atomic int Level = -1; /* -1: the environment was not read yet */
/* MEMKIND_DEBUG=1: print lines in memkind's format.  Set before Level. */
static _Atomic bool Is_memkinds;

static struct iovec
part(const char *text)
{
	return (struct iovec){
	    .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
}

/* One system call for each line, so that lines of threads do not mix. */
static void
write_line(const char *prefix, const char *level_name, const char *text)
{
	DK_NO_CANCEL();
	struct iovec parts[] = {
	    part(prefix), part(level_name), part(": "), part(text), part("\n")};
	ssize_t done =
	    writev(STDERR_FILENO, parts, sizeof(parts) / sizeof(parts[0]));

	(void)done; /* there is nowhere to report it */
}

void
log_print(const char *text)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	ssize_t done = write(STDERR_FILENO, text, strlen(text));

	(void)done; /* there is nowhere to report it */
	errno = saved_errno;
}

static const char Memkinds_prefix[] = "MEMKIND_";

/* memkind has these two levels only. */
static const char *
memkinds_name(enum log_level level)
{
	return level == DK_LOG_ERROR ? "ERROR" : "INFO";
}

static void
write_level(enum log_level level, const char *text)
{
	if (atomic_load_explicit(&Is_memkinds, memory_order_relaxed))
		write_line(Memkinds_prefix, memkinds_name(level), text);
	else
		write_line("daxkind: ", Level_names[level], text);
}

/* Whether MEMKIND_DEBUG asks for lines.  Values other than 1 get a warning
 * line, as with memkind. */
static bool
is_memkind_debug(void)
{
	const char *env = secure_getenv("MEMKIND_DEBUG");
	char text[128];

	if (env == NULL)
		return false;
	if (strcmp(env, "1") == 0)
		return true;
	(void)snprintf(text, sizeof(text),
	    "debug option \"%.60s\" unknown; MEMKIND_DEBUG=1 writes messages",
	    env);
	write_line(Memkinds_prefix, "WARNING", text);
	return false;
}

/* The level that DAXKIND_LOG names; an unknown one gets a warning line. */
static int
daxkind_log_level(void)
{
	const char *env = secure_getenv("DAXKIND_LOG");
	char text[160];

	if (env == NULL || *env == '\0')
		return DK_LOG_NONE;
	for (int i = 0; i < NR_LEVELS; i++) {
		if (strcmp(env, Level_names[i]) == 0)
			return i;
	}
	(void)snprintf(text, sizeof(text),
	    "DAXKIND_LOG=%.60s is not a level; use none, error, warning, "
	    "info or debug",
	    env);
	write_line("daxkind: ", Level_names[DK_LOG_WARNING], text);
	return DK_LOG_NONE;
}

static int
read_environment(void)
{
	int unknown = -1, level = daxkind_log_level();

	if (is_memkind_debug()) {
		atomic_store(&Is_memkinds, true);
		if (level < DK_LOG_INFO)
			level = DK_LOG_INFO;
	}
	(void)atomic_compare_exchange_strong(&Level, &unknown, level);
	return level;
}

static int
wanted_level(void)
{
	int level = atomic_load_explicit(&Level, memory_order_acquire);

	return level >= 0 ? level : read_environment();
}

bool
log_is_wanted(enum log_level level)
{
	return (int)level <= wanted_level();
}

void
log_text(enum log_level level, const char *text)
{
	int saved_errno = errno;

	if (log_is_wanted(level))
		write_level(level, text);
	errno = saved_errno;
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
	write_level(level, text);
	errno = saved_errno;
}

void
log_bug(const char *file, int line, const char *expr)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "internal error at %s:%d: %s; please report it", file, line, expr);
	write_level(DK_LOG_ERROR, text);
	abort();
}
