// SPDX-License-Identifier: BSD-2-Clause
/*
 * environment.c -- see environment.h.
 */
#include "kind/environment.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/reason.h"

static const char Thread_limit[] = "MEMKIND_BACKGROUND_THREAD_LIMIT";

static bool
is_good_thread_limit(void)
{
	const char *env = os_getenv(Thread_limit);
	int saved_errno = errno;
	char *end;

	if (env == NULL)
		return true;
	errno = 0;
	/* As in memkind, "" is 0, and -1 is too large. */
	unsigned long limit = strtoul(env, &end, 10);
	bool is_good = limit <= UINT_MAX && *end == '\0' && errno == 0;
	errno = saved_errno;
	return is_good;
}

int
environment_check_thread_limit(void)
{
	/* The limit itself has no effect, since there is one such thread. */
	if (is_good_thread_limit())
		return 0;
	return error_set(REASON_ENVIRON,
	    "%s=%.40s is not a number of threads; correct it, or unset it",
	    Thread_limit, os_getenv(Thread_limit));
}

/* The library does not end the process for a bad value.  It logs a warning at
 * once, as memkind does, and memkind_set_bg_threads() fails. */
__attribute__((constructor)) static void
warn(void)
{
	if (!is_good_thread_limit())
		log_write(DK_LOG_WARNING,
		    "%s=%.40s is not a number of threads: "
		    "memkind_set_bg_threads() will fail",
		    Thread_limit, os_getenv(Thread_limit));
}
