/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * topology.h -- the NUMA nodes of this machine (layer 2).
 *
 * It is read from sysfs, and kept in mapped memory: a malloc may be built on a
 * kind that needs it.
 */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "space/node_set.h"

struct topology_node {
	size_t memory;     /* bytes */
	size_t huge_pages; /* of 2 MiB, in the node's pool */
};

/* Properties of memory from the processors of one node; 0: unknown. */
struct topology_access {
	bool is_local;      /* only these processors are next to it */
	unsigned bandwidth; /* MiB/s, mean of read and write */
	unsigned latency;   /* ns, likewise */
	unsigned distance;  /* from the firmware; 10: the node itself */
};

struct topology {
	unsigned nr; /* nodes have numbers from 0 to nr - 1 */
	struct node_set online, with_cpus, with_memory;
	size_t extra_huge_pages; /* 2 MiB each; the kernel may add them */
	const struct topology_node *nodes; /* nr */
	const struct topology_access
	    *access; /* nr * nr, by topology_access_of() */
	size_t len;  /* of the mapping that contains all of it */
};

static inline const struct topology_access *
topology_access_of(const struct topology *t, unsigned from, unsigned to)
{
	return &t->access[(size_t)from * t->nr + to];
}

/*
 * Read the topology from the directories node/ and kernel/mm/ of sysfs.  If
 * there is no node directory, the machine has one node, 0, with all processors
 * and memory.  -ENOMEM.
 */
int topology_read(const char *node_dir, const char *kernel_mm_dir,
    struct topology **topology) DK_MUST_CHECK;
void topology_free(struct topology *topology);

/* The topology of this machine, read once; NULL: no memory for it. */
const struct topology *topology_get(void);
/* The same, read when huge pages are first needed: a program may reserve some
 * before. */
const struct topology *topology_get_huge_pages(void);

#endif /* TOPOLOGY_H */
