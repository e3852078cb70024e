// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_kmem_nodes.c -- memkind-auto-dax-kmem-nodes: prints the nodes of DAX
 * devices in system-ram mode.
 */
#include <stdlib.h>

#include <memkind_dax_kmem.h>

#include "nodes_command.h"

int
main(int argc, char **argv)
{
	static const struct nodes_command command = {
		.name = "memkind-auto-dax-kmem-nodes",
		.about = "Print the NUMA nodes of DAX devices that are memory",
		.get = memkind_dax_kmem_all_get_mbind_nodemask,
#if DK_HAVE_DAXCTL
		.failure = 3,
#else
		.failure =
		    1, /* the nodes are known only if the user names them */
#endif
	};

	return nodes_command(&command, argc, argv);
}
