// SPDX-License-Identifier: BSD-2-Clause
/*
 * mem_policy.c -- see mem_policy.h.
 */
#include "dram/mem_policy.h"

#include <errno.h>
#include <numaif.h>
#include <stdint.h>

#include "base/util.h"
#include "dram/topology.h"

int
mem_policy_node_of(const void *addr)
{
	int saved_errno = errno;
	uintptr_t page = align_down((uintptr_t)addr, DK_PAGE);
	void *pages[] = {(void *)page};
	int status = -1;
	/* Without target nodes, it only queries. */
	long rc = move_pages(0, 1, pages, NULL, &status, 0);

	errno = saved_errno;
	return rc == 0 && status >= 0 ? status : -1;
}

int
mem_policy_mode(enum mem_policy policy)
{
	switch (policy) {
	case MEM_POLICY_BIND:
		return MPOL_BIND;
	case MEM_POLICY_PREFERRED:
		return MPOL_PREFERRED;
	case MEM_POLICY_INTERLEAVE:
		return MPOL_INTERLEAVE;
	case MEM_POLICY_ANY:
	default:
		return MPOL_DEFAULT;
	}
}

int
mem_policy_set_raw(void *addr, size_t len, int mode,
    const unsigned long *nodemask, unsigned long maxnode)
{
	int saved_errno = errno;
	/* Also on a machine with one node, since programs look at the
	 * policy. */
	long rc = mbind(addr, len, mode, nodemask, maxnode, 0);
	int err = rc == 0 ? 0 : -errno;

	errno = saved_errno;
	if (err == -EPERM || err == -ENOSYS) {
		const struct topology *t = topology_get();

		if (t != NULL && t->nr == 1)
			err = 0;
	}
	return err;
}

int
mem_policy_set(void *addr, size_t len, enum mem_policy policy,
    const struct node_set *nodes)
{
	if (policy == MEM_POLICY_ANY)
		return 0;
	/* The kernel uses one bit less than maxnode says. */
	return mem_policy_set_raw(
	    addr, len, mem_policy_mode(policy), nodes->words, NODE_SET_MAX + 1);
}
