/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_device.h -- what is known of devdax devices (layer 1).
 *
 * dax_device.c asks libdaxctl, or sysfs if that cannot be loaded; no other file
 * includes libdaxctl's headers. dax_device_none.c is built without libdaxctl
 * and reads what a region needs from sysfs.
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
	int numa_node;      /* of the memory, or -1 */
	bool is_system_ram; /* bound to kmem: the kernel uses it as memory */
	bool is_enabled;    /* bound to a driver at all */
};

/* -ENODEV: no devdax device has that number. */
int dax_device_find_number(unsigned major_nr, unsigned minor_nr,
    struct dax_device *device) DK_MUST_CHECK;
/* The same by the kernel's name, "dax0.0". */
int dax_device_find(const char *name, struct dax_device *device) DK_MUST_CHECK;
/* Call visit for each device, until it returns a value other than 0, which is
 * then returned. */
int dax_device_walk(int (*visit)(const struct dax_device *device, void *arg),
    void *arg) DK_MUST_CHECK;
/* The name of a region's first device, "" if it has none; for dax_namespace.c.
 * Missing in builds without libdaxctl. */
void dax_device_of_region(
    struct daxctl_region *region, char *name, size_t name_size);
/* Suppress the library's messages on standard error.  Also missing there. */
void dax_device_silence(struct daxctl_ctx *ctx);
/* Load libdaxctl for these two functions.  Call it through os_run_apart(), like
 * library_load(). */
int dax_device_load(char *why, size_t why_size) DK_MUST_CHECK;

#endif /* DAX_DEVICE_H */
