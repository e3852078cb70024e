// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_error.c -- error texts (layer 8).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "daxkind.h"
#include "kind/error_code.h"
#include "memkind.h"

/* At most MEMKIND_ERROR_MESSAGE_SIZE bytes: the meaning and where to look. */
static const struct {
	int err;
	const char *text;
} Texts[] = {
    {MEMKIND_ERROR_UNAVAILABLE, "This kind of memory is not available here"},
    {MEMKIND_ERROR_MBIND, "mbind() refused; see errno"},
    {MEMKIND_ERROR_MMAP, "mmap() refused; see errno"},
    {MEMKIND_ERROR_MALLOC, "No memory for the heap's own records"},
    {MEMKIND_ERROR_ENVIRON, "An environment variable MEMKIND_* is not valid"},
    {MEMKIND_ERROR_INVALID,
	"An argument is not valid; see errno and daxkind_last_error()"},
    {MEMKIND_ERROR_TOOMANY, "Too many kinds at once; destroy some first"},
    {MEMKIND_ERROR_BADOPS, "The memkind_ops table lacks an operation"},
    {MEMKIND_ERROR_HUGETLB, "No huge pages; reserve some in /proc/sys/vm"},
    {MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE,
	"This type of memory is not available here"},
    {MEMKIND_ERROR_OPERATION_FAILED,
	"The operation failed; see daxkind_last_error()"},
    {MEMKIND_ERROR_ARENAS_CREATE,
	"jemalloc makes no more arenas; destroy some kinds first"},
    {MEMKIND_ERROR_RUNTIME, "Run-time error; see errno"},
    /* Results of memkind_posix_memalign(). */
    {ENOMEM, "No room in the kind"},
    {EINVAL, "The alignment is not a power of two, or less than that of a "
	     "pointer"},
};

/*
 * Some of memkind's codes are also errno values: -12 is ENVIRON, and the result
 * of a daxkind_* function for ENOMEM.  Returns true if the thread's last error
 * is that errno value and has another code.
 */
static bool
is_errno_value(int err)
{
	int reason = error_reason();

	return reason < 0 && error_errno_of(reason) == err &&
	       error_code_from_errno(reason) != err;
}

DK_EXPORT void
memkind_error_message(int err, char *msg, size_t size)
{
	if (msg == NULL || size == 0)
		return;
	if (is_errno_value(err)) {
		(void)snprintf(msg, size, "<memkind> %s", strerror(-err));
		return;
	}
	for (size_t i = 0; i < sizeof(Texts) / sizeof(Texts[0]); i++) {
		if (Texts[i].err == err) {
			(void)snprintf(
			    msg, size, "<memkind> %s", Texts[i].text);
			return;
		}
	}
	(void)snprintf(msg, size, "<memkind> Undefined error number: %d", err);
}

DK_EXPORT const char *
daxkind_last_error(void)
{
	return error_text();
}

DK_EXPORT int
daxkind_version(void)
{
	return DAXKIND_VERSION_MAJOR * 1000000 + DAXKIND_VERSION_MINOR * 1000 +
	       DAXKIND_VERSION_PATCH;
}
