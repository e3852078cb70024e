// SPDX-License-Identifier: BSD-2-Clause
/*
 * error_code.c -- see error_code.h.
 */
#include "kind/error_code.h"

#include <errno.h>

#include "base/reason.h"
#include "base/util.h"
#include "memkind.h"

/* The first row with an err gives its rc, and the first row with an rc gives
 * its err. */
static const struct {
	int rc;
	int err;
	int errno_value; /* if rc is a reason */
} Rows[] = {
    {0, MEMKIND_SUCCESS, 0},
    {-EINVAL, MEMKIND_ERROR_INVALID, 0},
    {-ENOMEM, MEMKIND_ERROR_MALLOC, 0},
    {-ENODEV, MEMKIND_ERROR_UNAVAILABLE, 0},
    {-ENXIO, MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE, 0},
    {REASON_ENVIRON, MEMKIND_ERROR_ENVIRON, EINVAL},
    {REASON_BAD_OPS, MEMKIND_ERROR_BADOPS, EINVAL},
    {REASON_AMBIGUOUS, MEMKIND_ERROR_RUNTIME, EINVAL},
    {REASON_NO_HUGE_PAGES, MEMKIND_ERROR_HUGETLB, ENOMEM},
    {REASON_NO_ARENA, MEMKIND_ERROR_ARENAS_CREATE, EAGAIN},
    {REASON_MMAP, MEMKIND_ERROR_MMAP, EOPNOTSUPP},
    {REASON_MBIND, MEMKIND_ERROR_MBIND, EIO},
    {REASON_TOO_MANY, MEMKIND_ERROR_TOOMANY, EAGAIN},
    {REASON_FAILED, MEMKIND_ERROR_OPERATION_FAILED, EIO},
    {REASON_NO_THREAD, MEMKIND_ERROR_OPERATION_FAILED, EAGAIN},
    {-EIO, MEMKIND_ERROR_OPERATION_FAILED, 0},
    {-EOPNOTSUPP, MEMKIND_ERROR_OPERATION_FAILED, 0},
    /* of mmap(2), if memory is locked (mlockall) */
    {-EAGAIN, MEMKIND_ERROR_MMAP, 0},
};

int
error_code_from_errno(int rc)
{
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		if (Rows[i].rc == rc)
			return Rows[i].err;
	}
	return MEMKIND_ERROR_INVALID;
}

int
error_errno_of(int rc)
{
	if (rc > REASON_FIRST)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		if (Rows[i].rc == rc)
			return -Rows[i].errno_value;
	}
	return -EIO;
}

int
error_code_to_errno(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		if (Rows[i].err == err)
			return Rows[i].rc;
	}
	return REASON_FAILED;
}
