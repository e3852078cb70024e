/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nodes_command.h -- commands that print the NUMA nodes of a kind of memory.
 */
#ifndef NODES_COMMAND_H
#define NODES_COMMAND_H

struct memkind;

struct nodes_command {
	const char *name, *about;
	int (*get)(struct memkind *kind, unsigned long *nodemask,
	    unsigned long maxnode);
	/* The exit status if get fails. */
	int failure;
};

/* Returns the exit status: 0, 2 for bad arguments, or failure. */
int nodes_command(const struct nodes_command *command, int argc, char **argv);

#endif /* NODES_COMMAND_H */
