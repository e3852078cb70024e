// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench.c -- daxkind bench: runs daxkind-bench (bench_driver.c), which is in
 * the directory of this program in a build tree, else in DK_LIBEXECDIR.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define PROGRAM "daxkind-bench"
#ifndef DK_LIBEXECDIR /* for checkers, which run without the Makefile */
#define DK_LIBEXECDIR "."
#endif

const char Command_bench_help[] =
    "Compares this library with other allocators; daxkind bench --help tells\n"
    "all.\n";

static void
try_beside(char **argv)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len <= 0)
		return;
	path[len] = '\0';
	char *name = strrchr(path, '/') + 1;
	if ((size_t)(path + sizeof(path) - name) < sizeof(PROGRAM))
		return;
	memcpy(name, PROGRAM, sizeof(PROGRAM));
	(void)execv(path, argv);
}

int
command_bench(const struct command *command, int argc, char **argv)
{
	(void)command;
	(void)argc;
	try_beside(argv);
	(void)execv(DK_LIBEXECDIR "/" PROGRAM, argv);
	return command_fail("%s: %s", PROGRAM, strerror(errno));
}
