// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_sysfs.c -- see dax_sysfs.h.
 */
#include "dax/dax_sysfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#define DEVICES "/sys/bus/dax/devices"

/* Two numbers, "MAJOR:MINOR". */
static int
read_device_number(const char *dir, unsigned *major_nr, unsigned *minor_nr)
{
	char path[256], line[64];
	char *end;

	(void)snprintf(path, sizeof(path), "%s/dev", dir);
	int rc = os_read_line(path, line, sizeof(line));
	if (rc < 0)
		return rc;
	*major_nr = (unsigned)strtoul(line, &end, 10);
	if (*end != ':')
		return -EINVAL;
	*minor_nr = (unsigned)strtoul(end + 1, &end, 10);
	return *end == '\0' ? 0 : -EINVAL;
}

static int
read_device(const char *dir, const char *name, struct dax_device *device)
{
	char path[256], driver[64] = "", subsystem[64];
	unsigned major_nr, minor_nr;
	size_t size, align, node;

	(void)snprintf(path, sizeof(path), "%s/subsystem", dir);
	if (os_read_link_name(path, subsystem, sizeof(subsystem)) < 0 ||
	    strcmp(subsystem, "dax") != 0)
		return -ENODEV;
	if (read_device_number(dir, &major_nr, &minor_nr) < 0 ||
	    os_read_number(dir, "size", &size) < 0 || size == 0 ||
	    os_read_number(dir, "align", &align) < 0 || align == 0)
		return -ENODEV;
	bool has_node = os_read_number(dir, "target_node", &node) == 0;
	(void)snprintf(path, sizeof(path), "%s/driver", dir);
	int rc = os_read_link_name(path, driver, sizeof(driver));
	*device = (struct dax_device){
	    .major_nr = major_nr,
	    .minor_nr = minor_nr,
	    .size = size,
	    .align = align,
	    .numa_node = has_node ? (int)node : -1, /* -1 in sysfs: none */
	    .is_system_ram = strcmp(driver, "kmem") == 0,
	    .is_enabled = rc == 0,
	};
	(void)snprintf(device->name, sizeof(device->name), "%s", name);
	return 0;
}

int
dax_sysfs_read(unsigned major_nr, unsigned minor_nr, struct dax_device *device)
{
	char dir[128], name[32];

	(void)snprintf(
	    dir, sizeof(dir), "/sys/dev/char/%u:%u", major_nr, minor_nr);
	if (os_read_link_name(dir, name, sizeof(name)) < 0)
		return -ENODEV;
	return read_device(dir, name, device);
}

int
dax_sysfs_read_name(const char *name, struct dax_device *device)
{
	char dir[128];

	(void)snprintf(dir, sizeof(dir), DEVICES "/%s", name);
	return read_device(dir, name, device);
}

struct walk {
	int (*visit)(const struct dax_device *device, void *arg);
	void *arg;
};

static int
visit_name(const char *name, void *arg)
{
	const struct walk *walk = arg;
	struct dax_device device;

	if (dax_sysfs_read_name(name, &device) < 0)
		return 0;
	return walk->visit(&device, walk->arg);
}

int
dax_sysfs_walk(
    int (*visit)(const struct dax_device *device, void *arg), void *arg)
{
	struct walk walk = {visit, arg};
	int rc = os_walk_dir(DEVICES, visit_name, &walk);

	return rc == -ENOENT ? 0 : rc;
}
