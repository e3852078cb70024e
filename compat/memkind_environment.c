// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_environment.c -- as memkind does, libmemkind.so.0 ends a program that
 * is started with an invalid MEMKIND_BACKGROUND_THREAD_LIMIT, so that scripts
 * written for it find a mistake at once. libdaxkind does not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "kind/environment.h"

__attribute__((constructor)) static void
check(void)
{
	if (environment_check_thread_limit() == 0)
		return;
	/* NOLINTNEXTLINE(cert-err33-c): there is nowhere to report it */
	(void)fprintf(stderr, "MEMKIND_FATAL: %s\n", error_text());
	abort();
}
