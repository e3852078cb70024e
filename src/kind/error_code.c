// SPDX-License-Identifier: BSD-2-Clause
/*
 * error_code.c -- see error_code.h.
 */
#include "kind/error_code.h"

#include <errno.h>

#include "memkind.h"

int
error_code_from_errno(int rc)
{
	switch (-rc) {
	case 0:
		return MEMKIND_SUCCESS;
	case ENOMEM:
		return MEMKIND_ERROR_MALLOC;
	case EAGAIN:
		return MEMKIND_ERROR_ARENAS_CREATE;
	case ENOEXEC:
		return MEMKIND_ERROR_BADOPS;
	case EBADMSG:
		return MEMKIND_ERROR_ENVIRON;
	case ENODEV:
		return MEMKIND_ERROR_UNAVAILABLE;
	case ENXIO:
		return MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE;
	case ENOTUNIQ:
		return MEMKIND_ERROR_RUNTIME;
	case EUSERS:
		return MEMKIND_ERROR_HUGETLB;
	case EOPNOTSUPP:
		return MEMKIND_ERROR_MMAP;
	case EIO:
		return MEMKIND_ERROR_OPERATION_FAILED;
	default:
		return MEMKIND_ERROR_INVALID;
	}
}

int
error_code_to_errno(int err)
{
	switch (err) {
	case MEMKIND_SUCCESS:
		return 0;
	case MEMKIND_ERROR_MALLOC:
		return -ENOMEM;
	case MEMKIND_ERROR_ARENAS_CREATE:
		return -EAGAIN;
	case MEMKIND_ERROR_UNAVAILABLE:
		return -ENODEV;
	case MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE:
		return -ENXIO;
	case MEMKIND_ERROR_RUNTIME:
		return -ENOTUNIQ;
	case MEMKIND_ERROR_BADOPS:
		return -ENOEXEC;
	case MEMKIND_ERROR_HUGETLB:
		return -EUSERS;
	case MEMKIND_ERROR_MMAP:
		return -EOPNOTSUPP;
	case MEMKIND_ERROR_INVALID:
		return -EINVAL;
	case MEMKIND_ERROR_ENVIRON:
		return -EBADMSG;
	default:
		return -EIO;
	}
}
