/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_numa.h -- what sysfs says of a machine, as files of a test.
 */
#ifndef FAKE_NUMA_H
#define FAKE_NUMA_H

#include <stdbool.h>
#include <stddef.h>

struct topology;

struct fake_node {
	bool is_offline, has_cpus;
	size_t memory_mib; /* 0: none */
	size_t huge_pages;
	const char *distances; /* "10 20"; NULL: no such file */
	/* What the firmware tells of the processors of one node; access 0 and
	 * 1 are the same.  NULL: nothing. */
	const char *initiator;       /* "node0" */
	unsigned bandwidth, latency; /* 0: not told */
};

/* Write the files of nr nodes into two folders of the test's directory. */
void fake_numa_write(
    const struct fake_node *nodes, unsigned nr, size_t overcommit);
const char *fake_numa_node_dir(void);
const char *fake_numa_mm_dir(void);
/* Remove them. */
void fake_numa_remove(void);

/* Write, read, remove.  Fails the test when it cannot be read. */
struct topology *fake_numa_read(
    const struct fake_node *nodes, unsigned nr, size_t overcommit);

#endif /* FAKE_NUMA_H */
