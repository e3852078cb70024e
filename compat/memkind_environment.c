// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_environment.c -- libmemkind.so.0 ends a program that was started with a
 * MEMKIND_BACKGROUND_THREAD_LIMIT that makes no sense, as memkind does: scripts
 * that were written for it find a mistake at once.  libdaxkind ends nobody.
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
	/* NOLINTNEXTLINE(cert-err33-c): nobody is left to be told */
	(void)fprintf(stderr, "MEMKIND_FATAL: %s\n", error_text());
	abort();
}
