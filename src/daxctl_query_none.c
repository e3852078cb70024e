// SPDX-License-Identifier: BSD-2-Clause
/*
 * daxctl_query_none.c -- see daxctl_query.h; built without libdaxctl.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daxctl_query.h"
#include "os.h"

/* A number in a file of the device's folder in sysfs. */
static int
read_number(
    unsigned major_nr, unsigned minor_nr, const char *name, long long *value)
{
	char path[128], line[64];
	char *end;

	(void)snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/%s", major_nr,
	    minor_nr, name);
	int rc = os_read_line(path, line, sizeof(line));
	if (rc < 0)
		return rc;
	int saved_errno = errno;
	errno = 0;
	*value = strtoll(line, &end, 0);
	rc = end == line || *end != '\0' ? -EINVAL : -errno;
	errno = saved_errno;
	return rc;
}

int
daxctl_query(unsigned major_nr, unsigned minor_nr, struct daxctl_device *device)
{
	char path[128], driver[64];
	long long size, align, node;

	(void)snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/driver",
	    major_nr, minor_nr);
	int rc = os_read_link_name(path, driver, sizeof(driver));
	if (rc < 0)
		return -ENODEV;
	if (read_number(major_nr, minor_nr, "size", &size) < 0 || size < 0 ||
	    read_number(major_nr, minor_nr, "align", &align) < 0 || align <= 0)
		return -ENODEV;
	if (read_number(major_nr, minor_nr, "target_node", &node) < 0)
		node = -1;
	*device = (struct daxctl_device){
	    .size = (size_t)size,
	    .align = (size_t)align,
	    .numa_node = (int)node,
	    .is_system_ram = strcmp(driver, "kmem") == 0,
	};
	return 0;
}
