/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h -- log lines for people (layer 0).
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

#include "base/export.h"

enum log_level {
	DK_LOG_NONE,
	DK_LOG_ERROR,   /* the call failed, and why */
	DK_LOG_WARNING, /* the call goes on with a drawback */
	DK_LOG_INFO,    /* region opened, kind made: what, where, how */
	DK_LOG_DEBUG
};

/* Write one line if the environment asks for this level.  Lines are cut after
 * 255 bytes. */
void log_write(enum log_level level, const char *fmt, ...) DK_PRINTF(2, 3);
/* The same without the limit. */
void log_text(enum log_level level, const char *text);
bool log_is_wanted(enum log_level level);

/* Print a text that the program asked for on standard error, unchanged. */
void log_print(const char *text);

/* An invariant of the library is broken: print where, and abort. */
_Noreturn void log_bug(const char *file, int line, const char *expr);

#define DK_BUG_ON(expr)                                     \
	do {                                                \
		if (DK_UNLIKELY(expr))                      \
			log_bug(__FILE__, __LINE__, #expr); \
	} while (0)

#endif /* LOG_H */
