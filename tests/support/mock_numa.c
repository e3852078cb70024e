// SPDX-License-Identifier: BSD-2-Clause
/*
 * mock_numa.c -- see mock_numa.h.
 *
 * The names that begin with two underscores are the linker's (ld --wrap).
 */
#include "mock_numa.h"

#include <errno.h>

#include "base/os.h"
#include "base/util.h"
#include "dax/dax_device.h"

static int Node = -1;
static const int *Kmem;
static size_t Nr_huge, Max_huge;
/* The huge pages that are mapped lie in here. */
static char *Huge_low, *Huge_high;

void
mock_numa_run_on(int node)
{
	Node = node;
}

void
mock_numa_set_kmem(const int *nodes)
{
	Kmem = nodes;
}

void
mock_numa_set_huge_pages(size_t nr)
{
	Max_huge = nr;
	Nr_huge = 0;
	Huge_low = NULL;
	Huge_high = NULL;
}

size_t
mock_numa_nr_huge_pages(void)
{
	return Nr_huge;
}

unsigned __real_os_current_node(void);
unsigned __wrap_os_current_node(void);

unsigned
__wrap_os_current_node(void)
{
	return Node >= 0 ? (unsigned)Node : __real_os_current_node();
}

int __real_dax_device_walk(
    int (*visit)(const struct dax_device *device, void *arg), void *arg);
int __wrap_dax_device_walk(
    int (*visit)(const struct dax_device *device, void *arg), void *arg);

int
__wrap_dax_device_walk(
    int (*visit)(const struct dax_device *device, void *arg), void *arg)
{
	struct dax_device device = {.name = "dax0.0", .is_enabled = true};

	if (Kmem == NULL)
		return __real_dax_device_walk(visit, arg);
	int rc = visit(&device, arg);
	device.is_system_ram = true;
	for (size_t i = 0; rc == 0 && Kmem[i] >= 0; i++) {
		device.numa_node = Kmem[i];
		rc = visit(&device, arg);
	}
	/* One whose node the firmware does not name. */
	device.numa_node = -1;
	return rc != 0 ? rc : visit(&device, arg);
}

int __real_os_map_huge(size_t len, size_t align, void **addr);
int __wrap_os_map_huge(size_t len, size_t align, void **addr);

int
__wrap_os_map_huge(size_t len, size_t align, void **addr)
{
	if (Max_huge == 0)
		return __real_os_map_huge(len, align, addr);
	if (len % DK_HUGE_PAGE != 0 || align % DK_HUGE_PAGE != 0)
		return -EINVAL;
	if (len / DK_HUGE_PAGE > Max_huge - Nr_huge)
		return -ENOMEM;
	int rc = os_map_anon_aligned(len, align, addr);
	if (rc == 0) {
		char *low = *addr;

		if (Huge_low == NULL || low < Huge_low)
			Huge_low = low;
		if (low + len > Huge_high)
			Huge_high = low + len;
		Nr_huge += len / DK_HUGE_PAGE;
	}
	return rc;
}

int __real_os_unmap(void *addr, size_t len);
int __wrap_os_unmap(void *addr, size_t len);

int
__wrap_os_unmap(void *addr, size_t len)
{
	int rc = __real_os_unmap(addr, len);

	if (Max_huge != 0 && rc == 0 && (char *)addr >= Huge_low &&
	    (char *)addr < Huge_high) {
		/* As the kernel refuses it of real ones. */
		if (len % DK_HUGE_PAGE != 0)
			return -EINVAL;
		Nr_huge -= len / DK_HUGE_PAGE;
	}
	return rc;
}
