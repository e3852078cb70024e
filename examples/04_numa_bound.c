// SPDX-License-Identifier: BSD-2-Clause
/*
 * 04_numa_bound.c -- a heap on one NUMA node.
 *
 * 04_numa_bound [NODE]
 *
 * CXL memory and PMEM in system-ram mode are NUMA nodes without processors.
 * Bind a mapping to such a node before its first touch, then make a kind over
 * it.  Without an argument, the last node that has memory is used.
 */
#include <daxkind.h>
#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define AREA_SIZE ((size_t)32 << 20)
#define SKIPPED 77 /* automake: this machine lacks what is needed */

static int
last_node_with_memory(void)
{
	int node = numa_max_node();

	while (node > 0 && numa_node_size64(node, NULL) <= 0)
		node--;
	return node;
}

static int
parse_node(const char *text)
{
	char *end;
	long node = strtol(text, &end, 10);

	if (end == text || *end != '\0' || node < 0 || node > numa_max_node())
		return -1;
	return (int)node;
}

static int
bind_to_node(void *area, int node)
{
	struct bitmask *nodes = numa_allocate_nodemask();
	long rc;

	numa_bitmask_setbit(nodes, (unsigned)node);
	rc =
	    mbind(area, AREA_SIZE, MPOL_BIND, nodes->maskp, nodes->size + 1, 0);
	numa_free_nodemask(nodes);
	return rc < 0 ? -errno : 0;
}

static int
use_heap(void *area, int node)
{
	int status = EXIT_FAILURE;
	int got_node = -1;
	memkind_t kind;
	char *block;

	if (memkind_create_fixed(area, AREA_SIZE, &kind) != MEMKIND_SUCCESS) {
		fprintf(stderr, "create: %s\n", daxkind_last_error());
		return EXIT_FAILURE;
	}
	block = memkind_malloc(kind, 1 << 20);
	if (block != NULL) {
		memset(block, 1, 1 << 20);
		if (get_mempolicy(&got_node, NULL, 0, block,
			MPOL_F_NODE | MPOL_F_ADDR) < 0)
			perror("get_mempolicy");
		printf("bound to node %d, got memory of node %d\n", node,
		    got_node);
		status = got_node == node ? EXIT_SUCCESS : EXIT_FAILURE;
		memkind_free(kind, block);
	}
	if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS)
		status = EXIT_FAILURE;
	return status;
}

int
main(int argc, char **argv)
{
	int status = SKIPPED;
	void *area;
	int node;
	int rc;

	if (numa_available() < 0) {
		puts("skipped: the kernel has no NUMA calls, or forbids them");
		return SKIPPED;
	}
	node = argc > 1 ? parse_node(argv[1]) : last_node_with_memory();
	if (node < 0) {
		fprintf(stderr, "no NUMA node %s here\n", argv[1]);
		return EXIT_FAILURE;
	}
	area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED) {
		perror("mmap");
		return EXIT_FAILURE;
	}
	rc = bind_to_node(area, node);
	if (rc == 0)
		status = use_heap(area, node);
	else
		printf("skipped: mbind to node %d: %s\n", node, strerror(-rc));
	munmap(area, AREA_SIZE);
	return status;
}
