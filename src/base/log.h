/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h -- what went wrong, for people (layer 0).
 *
 * Two ways out: a text for each thread that daxkind_last_error() returns, and
 * lines on standard error for those who set DAXKIND_LOG or MEMKIND_DEBUG.  Nothing here
 * allocates, takes a lock or changes errno, so that extent hooks may use it.
 */
#ifndef LOG_H
#define LOG_H

#include "base/export.h"

enum log_level {
	LOG_NONE,
	LOG_ERROR,   /* the call failed, and why */
	LOG_WARNING, /* it went on, worse */
	LOG_INFO,    /* region opened, kind made: what, where, how */
	LOG_DEBUG
};

/* Write one line when the environment asks for this level. */
void log_write(enum log_level level, const char *fmt, ...) DK_PRINTF(2, 3);

/*
 * Keep the text as this thread's last error and log it as an error.  Its value
 * is rc, so that a function can fail in one line: return error_set(-EINVAL, ...).
 * Called once for each failure, at the lowest place that knows the reason.
 */
#define error_set(rc, ...) (error_set_text(__VA_ARGS__), (rc))
void error_set_text(const char *fmt, ...) DK_PRINTF(1, 2);

void error_clear(void);
/* The text kept last in this thread, or "". */
const char *error_text(void);

/* A broken invariant of our own: says where, and aborts. */
_Noreturn void log_bug(const char *file, int line, const char *expr);

/* What memkind ends the process for, with a line of its form. */
_Noreturn void log_fatal(const char *text);

#define DK_BUG_ON(expr)                                     \
	do {                                                \
		if (DK_UNLIKELY(expr))                      \
			log_bug(__FILE__, __LINE__, #expr); \
	} while (0)

#endif /* LOG_H */
