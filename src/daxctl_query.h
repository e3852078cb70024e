/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxctl_query.h -- what is known of a devdax device (layer 2).
 *
 * daxctl_query.c asks libdaxctl, the one place that includes it;
 * daxctl_query_none.c is built without it and reads the three numbers that a
 * region needs from sysfs.
 */
#ifndef DAXCTL_QUERY_H
#define DAXCTL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "export.h"

struct daxctl_device {
	size_t size;        /* bytes */
	size_t align;       /* of mappings: 4 KiB, 2 MiB or 1 GiB */
	int numa_node;      /* target node, or -1 */
	bool is_system_ram; /* bound to kmem: no character device */
};

/* -ENODEV: no devdax device has that number. */
int daxctl_query(unsigned major_nr, unsigned minor_nr,
    struct daxctl_device *device) DK_MUST_CHECK;

#endif /* DAXCTL_QUERY_H */
