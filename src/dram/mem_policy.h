/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem_policy.h -- where memory is (layer 2): the one door to libnuma.
 */
#ifndef MEM_POLICY_H
#define MEM_POLICY_H

#include <stddef.h>

#include "base/export.h"
#include "space/node_set.h"

enum numa_policy {
	NUMA_ANY,  /* as the process has it */
	NUMA_BIND, /* these nodes and no other */
	NUMA_PREFERRED,
	NUMA_INTERLEAVE
};

/* The node of the page at addr, or -1 when it is not in memory or not known.
 * Does not fault the page in. */
int numa_node_of(const void *addr);
/* Say where the pages of a mapping shall be when they are touched first.  -EPERM,
 * -ENOSYS: the kernel lets nobody choose, and there is more than one node; else
 * as mbind(2). */
int numa_place(void *addr, size_t len, enum numa_policy policy,
    const struct node_set *nodes) DK_MUST_CHECK;

/* What mbind(2) calls a policy. */
int numa_mode_of(enum numa_policy policy);
/* numa_place() with what mbind(2) takes: a mode, and maxnode bits of nodes. */
int numa_place_raw(void *addr, size_t len, int mode,
    const unsigned long *nodemask, unsigned long maxnode) DK_MUST_CHECK;

#endif /* MEM_POLICY_H */
