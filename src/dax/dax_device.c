// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_device.c -- see dax_device.h; through libdaxctl, which knows only
 * devices that have a node of their name in /dev.
 */
#include "dax/dax_device.h"

#include <daxctl/libdaxctl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "dax/dax_sysfs.h"

static void
describe(struct daxctl_dev *dev, struct dax_device *device)
{
	*device = (struct dax_device){
	    .major_nr = (unsigned)daxctl_dev_get_major(dev),
	    .minor_nr = (unsigned)daxctl_dev_get_minor(dev),
	    .size = daxctl_dev_get_size(dev),
	    .align = daxctl_dev_get_align(dev),
	    .numa_node = daxctl_dev_get_target_node(dev),
	    .is_system_ram = daxctl_dev_get_memory(dev) != NULL,
	    .is_enabled = daxctl_dev_is_enabled(dev) != 0,
	};
	(void)snprintf(device->name, sizeof(device->name), "%s",
	    daxctl_dev_get_devname(dev));
}

void
dax_device_silence(struct daxctl_ctx *ctx)
{
	daxctl_set_log_priority(ctx, 0); /* LOG_EMERG, which it never says */
}

int
dax_device_walk(
    int (*visit)(const struct dax_device *device, void *arg), void *arg)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct dax_device device;
	struct daxctl_region *region;
	struct daxctl_dev *dev;
	struct daxctl_ctx *ctx;
	int rc = daxctl_new(&ctx);

	if (rc < 0) {
		errno = saved_errno;
		return rc;
	}
	dax_device_silence(ctx);
	daxctl_region_foreach(ctx, region)
	{
		daxctl_dev_foreach(region, dev)
		{
			/* A seed, which is no device yet. */
			if (rc != 0 || daxctl_dev_get_size(dev) == 0)
				continue;
			describe(dev, &device);
			rc = visit(&device, arg);
		}
	}
	daxctl_unref(ctx);
	errno = saved_errno;
	return rc;
}

/* A device that is looked for: by its name, or by its number. */
struct search {
	const char *name; /* NULL: by number */
	unsigned major_nr, minor_nr;
	struct dax_device found;
};

static int
compare(const struct dax_device *device, void *arg)
{
	struct search *search = arg;
	bool same = search->name != NULL
			? strcmp(device->name, search->name) == 0
			: device->major_nr == search->major_nr &&
			      device->minor_nr == search->minor_nr;

	if (same)
		search->found = *device;
	return same;
}

static int
find(struct search *search, struct dax_device *device)
{
	int rc = dax_device_walk(compare, search);

	if (rc <= 0)
		return rc == 0 ? -ENODEV : rc;
	*device = search->found;
	return 0;
}

int
dax_device_find_number(
    unsigned major_nr, unsigned minor_nr, struct dax_device *device)
{
	struct search search = {.major_nr = major_nr, .minor_nr = minor_nr};
	int rc = find(&search, device);

	return rc < 0 ? dax_sysfs_read(major_nr, minor_nr, device) : 0;
}

int
dax_device_find(const char *name, struct dax_device *device)
{
	struct search search = {.name = name};
	int rc = find(&search, device);

	return rc < 0 ? dax_sysfs_read_name(name, device) : 0;
}

void
dax_device_of_region(struct daxctl_region *region, char *name, size_t name_size)
{
	struct daxctl_dev *dev = daxctl_dev_get_first(region);

	(void)snprintf(name, name_size, "%s",
	    dev != NULL ? daxctl_dev_get_devname(dev) : "");
}
