/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * numa_nodes.h -- where memory is (layer 2): the one door to libnuma.
 */
#ifndef NUMA_NODES_H
#define NUMA_NODES_H

#include <stddef.h>

#include "export.h"

/* The node of the page at addr, or -1 when it is not in memory or not known.
 * Does not fault the page in. */
int numa_node_of(const void *addr);
/* Bind a mapping to the nodes that have processors.  0 where there is only
 * one node, or where the kernel lets nobody choose. */
int numa_bind_to_cpu_nodes(void *addr, size_t len) DK_MUST_CHECK;

#endif /* NUMA_NODES_H */
