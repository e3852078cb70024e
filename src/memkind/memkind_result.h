/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_result.h -- the common end of memkind_* functions (layer 8).
 */
#ifndef MEMKIND_RESULT_H
#define MEMKIND_RESULT_H

#include <errno.h>

#include "base/error.h"
#include "kind/error_code.h"
#include "memkind.h"

/* Return the code; the function must have begun with error_clear(). */
static inline int
memkind_result(int err)
{
	char text[MEMKIND_ERROR_MESSAGE_SIZE];

	if (err == MEMKIND_ERROR_INVALID && *error_text() == '\0') {
		(void)error_set(-EINVAL,
		    "an argument is NULL or invalid for this function");
	} else if (err != MEMKIND_SUCCESS && *error_text() == '\0') {
		memkind_error_message(err, text, sizeof(text));
		(void)error_set(error_code_to_errno(err), "%s", text);
	}
	return err;
}

#endif /* MEMKIND_RESULT_H */
