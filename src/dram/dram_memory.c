// SPDX-License-Identifier: BSD-2-Clause
/*
 * dram_memory.c -- see dram_memory.h.
 */
#include "dram/dram_memory.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/reason.h"
#include "base/util.h"

/* The choice of nodes, also without a policy. */
static enum node_choice
choice_of(const struct dram_memory *memory)
{
	return memory->policy == MEM_POLICY_ANY ? NODES_WITH_MEMORY
						: memory->choice;
}

int
dram_memory_check(const struct dram_memory *memory)
{
	const struct node_sets *sets = node_choice_get(choice_of(memory));

	if (sets == NULL)
		return error_set(-ENOMEM, "no memory to look for NUMA nodes");
	if (sets->rc < 0)
		return error_set(sets->rc, "%s", sets->why);
	if ((memory->flags & DRAM_HUGE_PAGES) != 0 &&
	    !node_choice_has_huge_pages(node_choice_here(sets)))
		return error_set(REASON_NO_HUGE_PAGES,
		    "no huge page of 2 MiB is in the kernel's pools; see "
		    "/proc/sys/vm/nr_hugepages");
	if ((memory->flags & DRAM_GIGANTIC_PAGES) != 0 &&
	    os_nr_gigantic_pages() == 0)
		return error_set(REASON_NO_HUGE_PAGES,
		    "no huge page of 1 GiB is in the kernel's pools; see "
		    "/sys/kernel/mm/hugepages/hugepages-1048576kB/"
		    "nr_hugepages");
	return 0;
}

int
dram_memory_capacity(const struct dram_memory *memory, size_t *bytes)
{
	int rc = dram_memory_check(memory);

	/* Without a huge page, the capacity is 0. */
	if (rc < 0 && rc != REASON_NO_HUGE_PAGES)
		return rc;
	if (memory->policy == MEM_POLICY_PREFERRED ||
	    (dram_memory_is_huge(memory) && memory->policy != MEM_POLICY_ANY))
		return error_set(-ENODEV,
		    "memory that only prefers its nodes, and huge pages of "
		    "chosen nodes, have no capacity of their own");
	const struct node_set *set =
	    node_choice_here(node_choice_get(choice_of(memory)));
	if ((memory->flags & DRAM_GIGANTIC_PAGES) != 0)
		*bytes = os_nr_gigantic_pages() * GIB;
	else if (dram_memory_is_huge(memory))
		*bytes = node_choice_huge_pages(set) * DK_HUGE_PAGE;
	else
		*bytes = node_choice_memory(set);
	return 0;
}

const struct node_set *
dram_memory_nodes(const struct dram_memory *memory)
{
	if (memory->policy == MEM_POLICY_ANY)
		return NULL;
	return node_choice_here(node_choice_get(memory->choice));
}

bool
dram_memory_is_uniform(const struct dram_memory *memory)
{
	return memory->policy == MEM_POLICY_ANY ||
	       node_choice_is_uniform(node_choice_get(memory->choice));
}

int
dram_memory_place(const struct dram_memory *memory,
    const struct node_set *nodes, void *addr, size_t len)
{
	/* A kernel without huge pages refuses, which is fine. */
	if ((memory->flags & DRAM_SMALL_PAGES) != 0)
		(void)os_refuse_huge_pages(addr, len);
	if (memory->policy == MEM_POLICY_ANY)
		return 0;
	int rc = mem_policy_set(addr, len, memory->policy, nodes);

	if ((rc == -EPERM || rc == -ENOSYS) &&
	    (memory->flags & DRAM_ANYWHERE) != 0) {
		log_write(DK_LOG_WARNING,
		    "mbind(2) is not permitted: memory is not bound");
		rc = 0;
	}
	return rc;
}
