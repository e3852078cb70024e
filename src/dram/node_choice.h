/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_choice.h -- the nodes of a kind of memory (layer 2).
 *
 * Which memory is near depends on the caller's processor.  So a choice is one
 * set of nodes for each node with processors.  It is made when first needed,
 * and never changes.
 */
#ifndef NODE_CHOICE_H
#define NODE_CHOICE_H

#include <stddef.h>

#include "base/export.h"
#include "dram/topology.h"
#include "space/node_set.h"

/*
 * HBW is high-bandwidth memory: the nodes in MEMKIND_HBW_NODES, or else those
 * with a bandwidth of at least MEMKIND_HBW_THRESHOLD.  KMEM is DAX devices in
 * system-ram mode, or the nodes in MEMKIND_DAX_KMEM_NODES.
 *
 * NEAREST is the nearest of them, several if they are equally near; ONE is the
 * nearest, and fails if there are several.
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

/* For the processors of each node, the nodes of their memory. */
struct node_sets {
	int rc;        /* 0, or why there are none; then the sets are empty */
	char why[192]; /* the same as text */
	unsigned nr;
	struct node_set all;  /* the union over all processors */
	struct node_set of[]; /* nr */
};

/*
 * Choose among the nodes of a machine, using only topology and the environment,
 * except that NODES_KMEM_* also asks for DAX devices. sets->of has topology->nr
 * entries.  Sets sets->rc and returns it:
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

/* The nodes for the caller's processor. */
const struct node_set *node_choice_here(const struct node_sets *sets);
/* Whether all processors have the same nodes. */
bool node_choice_is_uniform(const struct node_sets *sets);

/*
 * Set the bits of nodemask for the nodes of the caller's processor, and clear
 * all others up to maxnode; NULL: only check.  Returns 0, an error of
 * node_choice_make(), -ENOMEM, or -EINVAL for more than NODE_SET_MASK_MAX bits;
 * sets the error's text.
 */
int node_choice_copy(enum node_choice choice, unsigned long *nodemask,
    unsigned long maxnode) DK_MUST_CHECK;

/* Bytes of memory on the nodes; and huge pages of 2 MiB in their pools. */
size_t node_choice_memory(const struct node_set *set);
size_t node_choice_huge_pages(const struct node_set *set);
/* Whether the pools of these nodes have huge pages of 2 MiB. */
bool node_choice_has_huge_pages(const struct node_set *set);

#endif /* NODE_CHOICE_H */
