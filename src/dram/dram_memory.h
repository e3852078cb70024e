/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dram_memory.h -- what memory a static kind is of: a policy of mbind(2), a
 * choice of nodes, a size of pages (layer 2).
 */
#ifndef DRAM_MEMORY_H
#define DRAM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "dram/mem_policy.h"
#include "dram/node_choice.h"

enum dram_flags {
	DRAM_HUGE_PAGES = 1 << 0,  /* of 2 MiB, from the kernel's pools */
	DRAM_SMALL_PAGES = 1 << 1, /* no transparent huge pages */
	/* Go on with memory from wherever when the kernel, or a container,
	 * lets nobody choose. */
	DRAM_ANYWHERE = 1 << 2,
	DRAM_GIGANTIC_PAGES = 1 << 3, /* of 1 GiB, from the kernel's pools */
};

struct dram_memory {
	enum mem_policy policy;
	enum node_choice choice; /* unless policy is MEM_POLICY_ANY */
	unsigned flags;
};

/* Whether pages are from the kernel's pools, which are no part of what is
 * ordinary memory. */
static inline bool
dram_memory_is_huge(const struct dram_memory *memory)
{
	return (memory->flags & (DRAM_HUGE_PAGES | DRAM_GIGANTIC_PAGES)) != 0;
}

/*
 * Whether there is such memory: 0, or one of node_choice_make()'s, or
 * REASON_NO_HUGE_PAGES: no huge page is in the pools; -ENOMEM: no memory to find out.
 * Chooses the nodes when called first, so it must come before all below.
 */
int dram_memory_check(const struct dram_memory *memory) DK_MUST_CHECK;
/* Bytes that there are at most.  -ENODEV: it prefers nodes, but is not limited
 * to them, or is of huge pages of chosen nodes, which memkind does not count;
 * or as dram_memory_check(). */
int dram_memory_capacity(const struct dram_memory *memory, size_t *bytes)
    DK_MUST_CHECK;

/* The nodes for the processor that the caller runs on; NULL: any. */
const struct node_set *dram_memory_nodes(const struct dram_memory *memory);
/* Whether they are the same for all processors. */
bool dram_memory_is_uniform(const struct dram_memory *memory);
/* Have the pages of a mapping, when they are touched first, come from such
 * nodes.  -errno as of mbind(2). */
int dram_memory_place(const struct dram_memory *memory,
    const struct node_set *nodes, void *addr, size_t len) DK_MUST_CHECK;

#endif /* DRAM_MEMORY_H */
