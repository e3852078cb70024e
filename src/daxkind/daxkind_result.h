/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxkind_result.h -- common code of the API's files (layer 7).
 */
#ifndef DAXKIND_RESULT_H
#define DAXKIND_RESULT_H

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "kind/error_code.h"

/* End a daxkind_* function: translates rc, and sets errno. */
static inline int
api_result(int rc)
{
	if (rc < 0) {
		int reason = rc;

		rc = error_errno_of(rc);
		if (*error_text() == '\0')
			(void)error_set(reason, "%s", strerror(-rc));
		errno = -rc;
	}
	return rc;
}

#endif /* DAXKIND_RESULT_H */
