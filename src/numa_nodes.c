// SPDX-License-Identifier: BSD-2-Clause
/*
 * numa_nodes.c -- see numa_nodes.h.
 */
#include "numa_nodes.h"

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "util.h"

static struct bitmask *Cpu_nodes; /* NULL: no choice on this machine */
static pthread_once_t Cpu_nodes_once = PTHREAD_ONCE_INIT;

static void
find_cpu_nodes(void)
{
	if (numa_available() < 0 || numa_max_node() == 0)
		return;
	struct bitmask *nodes = numa_allocate_nodemask();
	struct bitmask *cpus = numa_allocate_cpumask();

	for (int node = 0; node <= numa_max_node(); node++) {
		if (numa_node_to_cpus(node, cpus) == 0 &&
		    numa_bitmask_weight(cpus) > 0)
			numa_bitmask_setbit(nodes, (unsigned)node);
	}
	numa_free_cpumask(cpus);
	Cpu_nodes = nodes;
}

int
numa_node_of(const void *addr)
{
	int saved_errno = errno;
	uintptr_t page = align_down((uintptr_t)addr, DK_PAGE);
	void *pages[] = {(void *)page};
	int status = -1;
	/* No nodes to move to: it only asks. */
	long rc = move_pages(0, 1, pages, NULL, &status, 0);

	errno = saved_errno;
	return rc == 0 && status >= 0 ? status : -1;
}

int
numa_bind_to_cpu_nodes(void *addr, size_t len)
{
	int saved_errno = errno;

	(void)pthread_once(&Cpu_nodes_once, find_cpu_nodes);
	if (Cpu_nodes == NULL)
		return 0;
	long rc = mbind(
	    addr, len, MPOL_BIND, Cpu_nodes->maskp, Cpu_nodes->size + 1, 0);
	int err = rc == 0 ? 0 : -errno;

	errno = saved_errno;
	/* Containers forbid it: memory from wherever is better than none. */
	if (err == -EPERM || err == -ENOSYS) {
		log_write(LOG_WARNING,
		    "mbind(2) is not permitted: MEMKIND_REGULAR is not bound");
		return 0;
	}
	return err;
}
