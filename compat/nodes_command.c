// SPDX-License-Identifier: BSD-2-Clause
/*
 * nodes_command.c -- see nodes_command.h.
 */
#include "nodes_command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <daxkind.h>

enum {
	MAX_NODES = 1024, /* the limit of any kernel configuration */
	WORD_BITS = 8 * sizeof(unsigned long)
};

static int
print_usage(const struct nodes_command *command)
{
	(void)printf("usage: %s [-h | --help]\n\n%s,\n"
		     "as a list that numactl --membind takes.\n",
	    command->name, command->about);
	return fflush(stdout) == 0 ? 0 : command->failure;
}

int
nodes_command(const struct nodes_command *command, int argc, char **argv)
{
	unsigned long mask[MAX_NODES / WORD_BITS] = {0};
	bool is_first = true;
	bool is_help = argc > 1 && (strcmp(argv[1], "-h") == 0 ||
				       strcmp(argv[1], "--help") == 0);
	int nr_good = is_help ? 2 : 1;
	if (argc > nr_good) {
		(void)fprintf(stderr,
		    "%s: unexpected argument \"%s\"; the only option is "
		    "--help\n",
		    command->name, argv[nr_good]);
		return 2;
	}
	if (is_help)
		return print_usage(command);
	if (command->get(NULL, mask, MAX_NODES) != MEMKIND_SUCCESS) {
		(void)fprintf(
		    stderr, "%s: %s\n", command->name, daxkind_last_error());
		return command->failure;
	}
	for (unsigned node = 0; node < MAX_NODES; node++) {
		if ((mask[node / WORD_BITS] >> node % WORD_BITS & 1) == 0)
			continue;
		(void)printf("%s%u", is_first ? "" : ",", node);
		is_first = false;
	}
	(void)putchar('\n');
	return fflush(stdout) == 0 ? 0 : command->failure;
}
