/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_choice.h -- which nodes a kind of memory is on (layer 2).
 *
 * What is near depends on where the caller runs, so that a choice is one set
 * of nodes for each node with processors.  A choice is made when it is first
 * asked for and stays for the rest of the process.
 */
#ifndef NODE_CHOICE_H
#define NODE_CHOICE_H

#include <stddef.h>

#include "base/export.h"
#include "dram/topology.h"
#include "space/node_set.h"

/*
 * HBW is high-bandwidth memory: the nodes that MEMKIND_HBW_NODES names, or
 * else those whose bandwidth is at least MEMKIND_HBW_THRESHOLD.  KMEM is DAX
 * devices in system-ram mode, or what MEMKIND_DAX_KMEM_NODES names.
 *
 * NEAREST is the nearest of them, several when they are equally near; ONE is
 * the same and fails where there are several.
 */
enum node_choice {
	NODES_WITH_CPUS,
	NODES_WITH_MEMORY,
	NODES_HBW_ALL,
	NODES_HBW_NEAREST,
	NODES_HBW_ONE,
	NODES_KMEM_ALL,
	NODES_KMEM_NEAREST,
	NODES_KMEM_ONE,
	NODES_LARGEST,
	NODES_LARGEST_ONE,
	NODES_LOCAL_LARGEST,
	NODES_LOCAL_LARGEST_ONE,
	NODES_LOCAL_LATENCY, /* the lowest */
	NODES_LOCAL_LATENCY_ONE,
	NODES_LOCAL_BANDWIDTH, /* the highest */
	NODES_LOCAL_BANDWIDTH_ONE,
	NR_NODE_CHOICES
};

/* The nodes for the processors of each node. */
struct node_sets {
	int rc;        /* 0, or why there are none; the sets are empty then */
	char why[192]; /* the same in words */
	unsigned nr;
	struct node_set all;  /* of all processors together */
	struct node_set of[]; /* nr */
};

/*
 * Choose among the nodes of a machine, which is read from topology and the
 * environment alone but for NODES_KMEM_*, which asks about DAX devices.
 * sets->of has topology->nr places.  Returns and sets sets->rc:
 *
 *   REASON_ENVIRON  a variable of the environment makes no sense
 *   -ENODEV    no DAX device is memory
 *   -ENXIO     no such memory, or it is not known, or (LARGEST, LOCAL) there
 *              are several where there must be one
 *   REASON_AMBIGUOUS  several are equally near where there must be one
 */
int node_choice_make(enum node_choice choice, const struct topology *topology,
    struct node_sets *sets);

/* The same for this machine, made once.  NULL: no memory for it. */
const struct node_sets *node_choice_get(enum node_choice choice);

/* The nodes for the processor that the caller runs on. */
const struct node_set *node_choice_here(const struct node_sets *sets);
/* Whether they are the same for all processors. */
bool node_choice_is_uniform(const struct node_sets *sets);

/*
 * Set the bits of nodemask that are nodes for the caller's processor, and clear
 * the others up to maxnode; NULL: only say whether there are any.  0, or as
 * node_choice_make(), or -ENOMEM, or -EINVAL for more than NODE_SET_MASK_MAX; sets
 * the error's text.
 */
int node_choice_copy(enum node_choice choice, unsigned long *nodemask,
    unsigned long maxnode) DK_MUST_CHECK;

/* Bytes of memory, and huge pages of 2 MiB in the pools, of the nodes. */
size_t node_choice_memory(const struct node_set *set);
size_t node_choice_huge_pages(const struct node_set *set);
/* Whether huge pages of 2 MiB can be had from the pools of these nodes. */
bool node_choice_has_huge_pages(const struct node_set *set);

#endif /* NODE_CHOICE_H */
