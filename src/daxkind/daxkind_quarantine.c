// SPDX-License-Identifier: BSD-2-Clause
/*
 * daxkind_quarantine.c -- media errors (layer 7).
 */
#include <errno.h>

#include "base/error.h"
#include "base/export.h"
#include "daxkind.h"
#include "daxkind/daxkind_result.h"
#include "kind/kind_quarantine.h"
#include "kind/sigbus.h"

DK_EXPORT int
daxkind_quarantine(memkind_t kind, void *addr, size_t len)
{
	error_clear();
	if (kind == NULL)
		return api_result(error_set(-EINVAL, "kind is NULL"));
	return api_result(kind_quarantine(kind, addr, len));
}

DK_EXPORT int
daxkind_sigbus_install(unsigned flags,
    void (*callback)(void *arg, void *addr, size_t len), void *arg)
{
	error_clear();
	if ((flags & ~(unsigned)DAXKIND_SIGBUS_ZEROES) != 0)
		return api_result(error_set(-EINVAL,
		    "0x%x has bits that are not flags of the SIGBUS handler",
		    flags));
	if (callback == NULL && (flags & DAXKIND_SIGBUS_ZEROES) == 0)
		return api_result(error_set(-EINVAL,
		    "without a callback, lost bytes would silently read as "
		    "zero: pass a callback, or DAXKIND_SIGBUS_ZEROES to "
		    "allow that"));
	return api_result(sigbus_install(callback, arg));
}

DK_EXPORT int
daxkind_sigbus_remove(void)
{
	error_clear();
	return api_result(sigbus_remove());
}
