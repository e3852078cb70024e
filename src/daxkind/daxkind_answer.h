/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxkind_answer.h -- structures that grow with the version (layer 7).
 */
#ifndef DAXKIND_ANSWER_H
#define DAXKIND_ANSWER_H

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

enum {
	ANSWER_SIZE_MAX = 4096 /* of any version of one */
};

static inline int
answer_check(const void *out, size_t size)
{
	if (out == NULL || size == 0)
		return error_set(-EINVAL, "the pointer to the result is NULL");
	/* All of it is written: a wrong size would be other memory. */
	if (size > ANSWER_SIZE_MAX)
		return error_set(-EINVAL,
		    "%zu is not a valid size of the structure; pass its "
		    "sizeof",
		    size);
	return 0;
}

/* A caller that was compiled with an older, shorter struct gets its front. */
static inline void
answer(void *out, size_t out_size, const void *value, size_t value_size)
{
	memset(out, 0, out_size);
	memcpy(out, value, min_size(out_size, value_size));
}

#endif /* DAXKIND_ANSWER_H */
