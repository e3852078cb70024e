// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_device_none.c -- see dax_device.h; built without libdaxctl.
 */
#include "dax/dax_device.h"
#include "dax/dax_sysfs.h"

int
dax_device_find_number(
    unsigned major_nr, unsigned minor_nr, struct dax_device *device)
{
	return dax_sysfs_read(major_nr, minor_nr, device);
}

int
dax_device_find(const char *name, struct dax_device *device)
{
	return dax_sysfs_read_name(name, device);
}

int
dax_device_walk(
    int (*visit)(const struct dax_device *device, void *arg), void *arg)
{
	return dax_sysfs_walk(visit, arg);
}
