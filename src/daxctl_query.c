// SPDX-License-Identifier: BSD-2-Clause
/*
 * daxctl_query.c -- see daxctl_query.h; through libdaxctl.
 */
#include "daxctl_query.h"

#include <daxctl/libdaxctl.h>
#include <errno.h>

/* The device of that number, or NULL. */
static struct daxctl_dev *
find_device(struct daxctl_ctx *ctx, unsigned major_nr, unsigned minor_nr)
{
	struct daxctl_region *region;
	struct daxctl_dev *dev;

	daxctl_region_foreach(ctx, region)
	{
		daxctl_dev_foreach(region, dev)
		{
			if (daxctl_dev_get_major(dev) == (int)major_nr &&
			    daxctl_dev_get_minor(dev) == (int)minor_nr)
				return dev;
		}
	}
	return NULL;
}

int
daxctl_query(unsigned major_nr, unsigned minor_nr, struct daxctl_device *device)
{
	int saved_errno = errno;
	struct daxctl_ctx *ctx;
	int rc = daxctl_new(&ctx);

	errno = saved_errno;
	if (rc < 0)
		return rc;
	struct daxctl_dev *dev = find_device(ctx, major_nr, minor_nr);
	if (dev == NULL) {
		rc = -ENODEV;
	} else {
		*device = (struct daxctl_device){
		    .size = daxctl_dev_get_size(dev),
		    .align = daxctl_dev_get_align(dev),
		    .numa_node = daxctl_dev_get_target_node(dev),
		    .is_system_ram = daxctl_dev_get_memory(dev) != NULL,
		};
	}
	daxctl_unref(ctx);
	errno = saved_errno;
	return rc;
}
