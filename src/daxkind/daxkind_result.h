/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxkind_result.h -- what the files of the API share (layer 5).
 */
#ifndef DAXKIND_RESULT_H
#define DAXKIND_RESULT_H

#include <errno.h>

/* End of a daxkind_* function: rc is 0 or -errno, and errno says so too. */
static inline int
api_result(int rc)
{
	if (rc < 0)
		errno = -rc;
	return rc;
}

#endif /* DAXKIND_RESULT_H */
