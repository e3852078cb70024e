/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_sysfs.h -- the questions of dax_device.h, answered by sysfs (layer 1).
 *
 * For builds without libdaxctl, and for devices that libdaxctl does not list
 * because they have no node of their name in /dev.
 */
#ifndef DAX_SYSFS_H
#define DAX_SYSFS_H

#include "base/export.h"
#include "dax/dax_device.h"

int dax_sysfs_read(unsigned major_nr, unsigned minor_nr,
    struct dax_device *device) DK_MUST_CHECK;
int dax_sysfs_read_name(const char *name, struct dax_device *device)
    DK_MUST_CHECK;
int dax_sysfs_walk(int (*visit)(const struct dax_device *device, void *arg),
    void *arg) DK_MUST_CHECK;

#endif /* DAX_SYSFS_H */
