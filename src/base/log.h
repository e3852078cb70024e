/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h -- what went wrong, for people (layer 0).
 *
 * Lines on standard error for those who set DAXKIND_LOG or MEMKIND_DEBUG.  Nothing
 * here allocates, takes a lock or changes errno, so that extent hooks may use it.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

#include "base/export.h"

enum log_level {
	DK_LOG_NONE,
	DK_LOG_ERROR,   /* the call failed, and why */
	DK_LOG_WARNING, /* it went on, worse */
	DK_LOG_INFO,    /* region opened, kind made: what, where, how */
	DK_LOG_DEBUG
};

/* Write one line when the environment asks for this level; of more than 255
 * bytes, the first. */
void log_write(enum log_level level, const char *fmt, ...) DK_PRINTF(2, 3);
/* The same of any length. */
void log_text(enum log_level level, const char *text);
bool log_is_wanted(enum log_level level);

/* A text that the program asked for, on standard error, as it is. */
void log_print(const char *text);

/* A broken invariant of our own: says where, and aborts. */
_Noreturn void log_bug(const char *file, int line, const char *expr);

#define DK_BUG_ON(expr)                                     \
	do {                                                \
		if (DK_UNLIKELY(expr))                      \
			log_bug(__FILE__, __LINE__, #expr); \
	} while (0)

#endif /* LOG_H */
