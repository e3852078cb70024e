// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_device_none.c -- see dax_device.h; built without libdaxctl.
 */
#include "dax/dax_device.h"
#include "dax/dax_sysfs.h"

int
daxctl_query(unsigned major_nr, unsigned minor_nr, struct daxctl_device *device)
{
	return dax_sysfs_read(major_nr, minor_nr, device);
}

int
daxctl_query_name(const char *name, struct daxctl_device *device)
{
	return dax_sysfs_read_name(name, device);
}

int
daxctl_query_walk(
    int (*visit)(const struct daxctl_device *device, void *arg), void *arg)
{
	return dax_sysfs_walk(visit, arg);
}
