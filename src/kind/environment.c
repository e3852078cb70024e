// SPDX-License-Identifier: BSD-2-Clause
/*
 * environment.c -- variables that memkind looks at when it is loaded (layer 4).
 *
 * A program that was started with one that makes no sense is ended, as with
 * memkind: scripts rely on it to find a mistake at once.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/os.h"

/* The limit itself has nothing to limit: there is one such thread. */
__attribute__((constructor)) static void
check_thread_limit(void)
{
	static const char Name[] = "MEMKIND_BACKGROUND_THREAD_LIMIT";
	const char *env = os_getenv(Name);
	int saved_errno = errno;
	char text[128], *end;

	if (env == NULL)
		return;
	errno = 0;
	/* "" is 0, and -1 too large, as with memkind. */
	unsigned long limit = strtoul(env, &end, 10);
	if (limit > UINT_MAX || *end != '\0' || errno != 0) {
		(void)snprintf(text, sizeof(text),
		    "%s=%.40s: it must be a number of threads", Name, env);
		log_fatal(text);
	}
	errno = saved_errno;
}
