// SPDX-License-Identifier: BSD-2-Clause
/*
 * mock_device.c -- see mock_device.h.
 *
 * The names that begin with two underscores are the linker's (ld --wrap).
 */
#include "mock_device.h"

#include <stddef.h>

#include "dax/dax_device.h"

static const struct dax_device *Device;

int __real_dax_device_find_number(
    unsigned major_nr, unsigned minor_nr, struct dax_device *device);
int __wrap_dax_device_find_number(
    unsigned major_nr, unsigned minor_nr, struct dax_device *device);

void
mock_device_set(const struct dax_device *device)
{
	Device = device;
}

int
__wrap_dax_device_find_number(
    unsigned major_nr, unsigned minor_nr, struct dax_device *device)
{
	if (Device == NULL)
		return __real_dax_device_find_number(
		    major_nr, minor_nr, device);
	*device = *Device;
	return 0;
}
