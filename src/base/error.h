/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.h -- why the last call failed, in words (layer 0).
 *
 * One text for each thread, which daxkind_last_error() returns.  Nothing here
 * allocates by malloc, takes a lock or changes errno, so that extent hooks may use
 * it.
 */
#ifndef ERROR_H
#define ERROR_H

#include <stddef.h>

#include "base/export.h"

/*
 * Keep the text as this thread's last error, with rc, and log it as an error.
 * Its value is rc, so that a function can fail in one line:
 * return error_set(-EINVAL, ...).  Called once for each failure, at the lowest
 * place that knows the reason.
 */
#define error_set(rc, ...) (error_set_text(__VA_ARGS__), error_keep(rc))
void error_set_text(const char *fmt, ...) DK_PRINTF(1, 2);
void error_keep_reason(int rc);

/* Here, so that compilers and checkers see that its value is rc. */
static inline int
error_keep(int rc)
{
	error_keep_reason(rc);
	return rc;
}

/*
 * The same for what may happen often and be no surprise, as a full heap is: the
 * text is made only when somebody asks for it, by render, of a copy of size
 * bytes at data, at most 256.  Logged for those who debug only.
 */
typedef void error_render(const void *data, char *text, size_t size);
void error_note(int rc, error_render *render, const void *data, size_t size);

/* A call begins that is not to leave the text of an earlier one. */
void error_clear(void);
/* The rc kept last in this thread, or 0.  An operation of a table has codes of
 * memkind's, which are fewer: this tells what it was that failed. */
int error_reason(void);
/* The text kept last in this thread, or "". */
const char *error_text(void);

#endif /* ERROR_H */
