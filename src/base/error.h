/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.h -- why the last call failed, in words (layer 0).
 *
 * One text for each thread, which daxkind_last_error() returns.  Nothing here
 * calls malloc, takes a lock or changes errno, so that extent hooks may use it.
 */
#ifndef ERROR_H
#define ERROR_H

#include <stddef.h>

#include "base/export.h"

/*
 * Set the text and rc of this thread's last error, and log it as an error.  The
 * value is rc, so that a function can fail in one line: return
 * error_set(-EINVAL, ...).  Call it once for each failure, at the lowest place
 * that knows the reason.
 */
#define error_set(rc, ...) (error_set_text(__VA_ARGS__), error_keep(rc))
void error_set_text(const char *fmt, ...) DK_PRINTF(1, 2);
void error_keep_reason(int rc);

/* Inline, so that compilers and checkers see that the value is rc. */
static inline int
error_keep(int rc)
{
	error_keep_reason(rc);
	return rc;
}

/*
 * The same for expected failures, such as a full heap: render makes the text
 * when it is first read, from a copy of the size bytes at data (at most 256).
 * Logged at debug level only.
 */
typedef void error_render(const void *data, char *text, size_t size);
void error_note(int rc, error_render *render, const void *data, size_t size);

/* A call begins: drop the text of an earlier one. */
void error_clear(void);
/* The last rc of this thread, or 0.  The operations of a table return memkind's
 * codes, which are fewer: this gives the precise reason. */
int error_reason(void);
/* The last text of this thread, or "". */
const char *error_text(void);

#endif /* ERROR_H */
