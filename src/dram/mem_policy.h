/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem_policy.h -- NUMA placement of memory (layer 2); the interface to libnuma.
 */
#ifndef MEM_POLICY_H
#define MEM_POLICY_H

#include <stddef.h>

#include "base/export.h"
#include "space/node_set.h"

enum mem_policy {
	MEM_POLICY_ANY,  /* the process's policy */
	MEM_POLICY_BIND, /* only these nodes */
	MEM_POLICY_PREFERRED,
	MEM_POLICY_INTERLEAVE
};

/* The node of the page at addr; -1 if the page is not in memory or the node is
 * unknown.  Does not fault the page in. */
int mem_policy_node_of(const void *addr);
/* Set the nodes for the pages of a mapping, before they are first touched.
 * -EPERM, -ENOSYS: the kernel forbids it, and there is more than one node.
 * Also the errors of mbind(2). */
int mem_policy_set(void *addr, size_t len, enum mem_policy policy,
    const struct node_set *nodes) DK_MUST_CHECK;

/* The mode of mbind(2) for a policy. */
int mem_policy_mode(enum mem_policy policy);
/* mem_policy_set() with the arguments of mbind(2): a mode, and maxnode bits of
 * nodes. */
int mem_policy_set_raw(void *addr, size_t len, int mode,
    const unsigned long *nodemask, unsigned long maxnode) DK_MUST_CHECK;

#endif /* MEM_POLICY_H */
