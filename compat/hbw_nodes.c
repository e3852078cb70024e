// SPDX-License-Identifier: BSD-2-Clause
/*
 * hbw_nodes.c -- memkind-hbw-nodes: prints the nodes of high-bandwidth memory.
 */
#include <memkind_hbw.h>

#include "nodes_command.h"

int
main(int argc, char **argv)
{
	static const struct nodes_command command = {
	    .name = "memkind-hbw-nodes",
	    .about = "Print the NUMA nodes of high-bandwidth memory",
	    .get = memkind_hbw_all_get_mbind_nodemask,
	    .failure = 1,
	};

	return nodes_command(&command, argc, argv);
}
