/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_numa.h -- a machine with other memory than this one, for unit tests.
 */
#ifndef MOCK_NUMA_H
#define MOCK_NUMA_H

#include <stdbool.h>
#include <stddef.h>

/* Answer that the caller runs on that node; -1: as it is. */
void mock_numa_run_on(int node);
/* Answer that DAX devices are memory of these nodes and no others, up to -1;
 * NULL: as it is.  Among them is a device that is no memory, of node 0. */
void mock_numa_set_kmem(const int *nodes);
/* Map small pages where huge ones are asked for, nr of them at most at a time;
 * 0: as it is. */
void mock_numa_set_huge_pages(size_t nr);
/* Huge pages of those that are mapped. */
size_t mock_numa_nr_huge_pages(void);

#endif /* MOCK_NUMA_H */
