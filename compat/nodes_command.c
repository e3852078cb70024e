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
	MAX_NODES = 1024, /* as many as any kernel can be built for */
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

	if (argc == 2 &&
	    (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
		return print_usage(command);
	if (argc != 1) {
		(void)fprintf(stderr, "%s: takes no argument but --help\n",
		    command->name);
		return 2;
	}
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
