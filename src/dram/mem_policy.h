/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem_policy.h -- where memory is (layer 2): the one door to libnuma.
 */
#ifndef MEM_POLICY_H
#define MEM_POLICY_H

#include <stddef.h>

#include "base/export.h"
#include "space/node_set.h"

enum mem_policy {
	MEM_POLICY_ANY,  /* as the process has it */
	MEM_POLICY_BIND, /* these nodes and no other */
	MEM_POLICY_PREFERRED,
	MEM_POLICY_INTERLEAVE
};

/* The node of the page at addr, or -1 when it is not in memory or not known.
 * Does not fault the page in. */
int mem_policy_node_of(const void *addr);
/* Say where the pages of a mapping shall be when they are touched first.  -EPERM,
 * -ENOSYS: the kernel lets nobody choose, and there is more than one node; else
 * as mbind(2). */
int mem_policy_set(void *addr, size_t len, enum mem_policy policy,
    const struct node_set *nodes) DK_MUST_CHECK;

/* What mbind(2) calls a policy. */
int mem_policy_mode(enum mem_policy policy);
/* mem_policy_set() with what mbind(2) takes: a mode, and maxnode bits of nodes. */
int mem_policy_set_raw(void *addr, size_t len, int mode,
    const unsigned long *nodemask, unsigned long maxnode) DK_MUST_CHECK;

#endif /* MEM_POLICY_H */
