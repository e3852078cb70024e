/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * topology.h -- the NUMA nodes of this machine (layer 2).
 *
 * Read from sysfs and kept in memory of our own: a malloc may be built on a
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

/* What memory is like from the processors of one node; 0: not known. */
struct topology_access {
	bool is_local;      /* these processors and no others are next to it */
	unsigned bandwidth; /* MiB/s, mean of reading and writing */
	unsigned latency;   /* ns, likewise */
	unsigned distance;  /* the firmware's; 10 for the node itself */
};

struct topology {
	unsigned nr; /* nodes have numbers from 0 to nr - 1 */
	struct node_set online, with_cpus, with_memory;
	size_t extra_huge_pages; /* of 2 MiB that the kernel may add */
	const struct topology_node *nodes; /* nr */
	const struct topology_access
	    *access; /* nr * nr, by topology_access_of() */
	size_t len;  /* of the mapping that all this is in */
};

static inline const struct topology_access *
topology_access_of(const struct topology *t, unsigned from, unsigned to)
{
	return &t->access[(size_t)from * t->nr + to];
}

/*
 * Read what the folders node/ and kernel/mm/ tell that are in sysfs and
 * kernel_mm.  A machine without the first one has one node, 0, with all
 * processors and memory.  -ENOMEM.
 */
int topology_read(const char *node_dir, const char *kernel_mm_dir,
    struct topology **topology) DK_MUST_CHECK;
void topology_free(struct topology *topology);

/* That of this machine, read once; NULL: no memory for it. */
const struct topology *topology_get(void);
/* The same as it is when huge pages are first asked for: a program may reserve
 * some before it uses them. */
const struct topology *topology_get_huge_pages(void);

#endif /* TOPOLOGY_H */
