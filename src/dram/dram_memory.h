/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dram_memory.h -- the memory of a static kind: a policy of mbind(2), a choice
 * of nodes, a page size (layer 2).
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
	/* If the kernel or a container forbids mbind(2), use memory from any
	 * node. */
	DRAM_ANYWHERE = 1 << 2,
	DRAM_GIGANTIC_PAGES = 1 << 3, /* of 1 GiB, from the kernel's pools */
};

struct dram_memory {
	enum mem_policy policy;
	enum node_choice choice; /* unused if policy is MEM_POLICY_ANY */
	unsigned flags;
};

/* Whether pages come from the kernel's pools, separate from ordinary memory. */
static inline bool
dram_memory_is_huge(const struct dram_memory *memory)
{
	return (memory->flags & (DRAM_HUGE_PAGES | DRAM_GIGANTIC_PAGES)) != 0;
}

/*
 * Whether the machine has such memory: 0; an error of node_choice_make();
 * REASON_NO_HUGE_PAGES if the pools have no huge page; or -ENOMEM if there is
 * no memory to find out.  The first call chooses the nodes, so call it before
 * the functions below.
 */
int dram_memory_check(const struct dram_memory *memory) DK_MUST_CHECK;
/* The maximum number of bytes.  -ENODEV: the policy prefers nodes without being
 * limited to them, or the memory is huge pages of chosen nodes, which memkind
 * does not count.  Also the errors of dram_memory_check(). */
int dram_memory_capacity(const struct dram_memory *memory, size_t *bytes)
    DK_MUST_CHECK;

/* The nodes for the caller's processor; NULL: any. */
const struct node_set *dram_memory_nodes(const struct dram_memory *memory);
/* Whether all processors have the same nodes. */
bool dram_memory_is_uniform(const struct dram_memory *memory);
/* Make the pages of a mapping come from these nodes when first touched.  -errno
 * of mbind(2). */
int dram_memory_place(const struct dram_memory *memory,
    const struct node_set *nodes, void *addr, size_t len) DK_MUST_CHECK;

#endif /* DRAM_MEMORY_H */
