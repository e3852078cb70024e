/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.h -- why the last call failed, in words (layer 0).
 *
 * One text for each thread, which daxkind_last_error() returns.  Nothing here
 * allocates, takes a lock or changes errno, so that extent hooks may use it.
 */
#ifndef ERROR_H
#define ERROR_H

#include "base/export.h"

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

#endif /* ERROR_H */
