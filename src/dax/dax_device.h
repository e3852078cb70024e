/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_device.h -- what is known of devdax devices (layer 1).
 *
 * dax_device.c asks libdaxctl, the one place that includes it, or sysfs where
 * that cannot be loaded; dax_device_none.c is built without it and reads what a
 * region needs from sysfs.
 */
#ifndef DAX_DEVICE_H
#define DAX_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct daxctl_ctx; /* libdaxctl's */
struct daxctl_region;

struct dax_device {
	char name[32]; /* "dax0.0" */
	unsigned major_nr, minor_nr;
	size_t size;        /* bytes */
	size_t align;       /* of mappings: 4 KiB, 2 MiB or 1 GiB */
	int numa_node;      /* target node, or -1 */
	bool is_system_ram; /* bound to kmem: memory of the kernel's */
	bool is_enabled;    /* bound to a driver at all */
};

/* -ENODEV: no devdax device has that number. */
int dax_device_find_number(unsigned major_nr, unsigned minor_nr,
    struct dax_device *device) DK_MUST_CHECK;
/* The same by the name that the kernel gave it, "dax0.0". */
int dax_device_find(const char *name, struct dax_device *device) DK_MUST_CHECK;
/* Call visit for each device, until it returns other than 0, which is
 * returned then. */
int dax_device_walk(int (*visit)(const struct dax_device *device, void *arg),
    void *arg) DK_MUST_CHECK;
/* The name of a region's first device, for dax_namespace.c; "" when it has none.
 * Not in builds without libdaxctl. */
void dax_device_of_region(
    struct daxctl_region *region, char *name, size_t name_size);
/* Keep the library's own messages off standard error; likewise. */
void dax_device_silence(struct daxctl_ctx *ctx);
/* Load libdaxctl, for both of these; called apart, as library_load(). */
int dax_device_load(char *why, size_t why_size) DK_MUST_CHECK;

#endif /* DAX_DEVICE_H */
