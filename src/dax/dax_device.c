// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_device.c -- see dax_device.h; through libdaxctl, which knows only devices
 * that have a node of their name in /dev.
 *
 * libdaxctl is loaded when first needed, and called through os_run_apart(): it
 * prints, and needs more stack than a thread may have.
 */
#include "dax/dax_device.h"

#include <daxctl/libdaxctl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/library.h"
#include "base/log.h"
#include "base/os.h"
#include "dax/dax_list.h"
#include "dax/dax_sysfs.h"

/* --- libdaxctl ----------------------------------------------------------------- */

#define DAXCTL_FUNCTIONS(X)           \
	X(daxctl_new)                 \
	X(daxctl_unref)               \
	X(daxctl_set_log_priority)    \
	X(daxctl_region_get_first)    \
	X(daxctl_region_get_next)     \
	X(daxctl_dev_get_first)       \
	X(daxctl_dev_get_next)        \
	X(daxctl_dev_get_devname)     \
	X(daxctl_dev_get_major)       \
	X(daxctl_dev_get_minor)       \
	X(daxctl_dev_get_size)        \
	X(daxctl_dev_get_align)       \
	X(daxctl_dev_get_target_node) \
	X(daxctl_dev_get_memory)      \
	X(daxctl_dev_is_enabled)

enum {
	DAXCTL_FUNCTIONS(LIBRARY_INDEX) NR_DAXCTL_FUNCTIONS
};
static const char *const Daxctl_names[] = {DAXCTL_FUNCTIONS(LIBRARY_NAME)};
static _Atomic(void *) Daxctl_functions[NR_DAXCTL_FUNCTIONS];
static struct library Daxctl = {
    .soname = DAXCTL_SONAME,
    .names = Daxctl_names,
    .functions = Daxctl_functions,
    .nr = NR_DAXCTL_FUNCTIONS,
};
#define DAXCTL(name) LIBRARY_FUNCTION(Daxctl_functions, name)

int
dax_device_load(char *why, size_t why_size)
{
	return library_load(&Daxctl, why, why_size);
}

void
dax_device_silence(struct daxctl_ctx *ctx)
{
	/* LOG_EMERG, which it never uses */
	DAXCTL(daxctl_set_log_priority)(ctx, 0);
}

void
dax_device_of_region(struct daxctl_region *region, char *name, size_t name_size)
{
	struct daxctl_dev *dev = DAXCTL(daxctl_dev_get_first)(region);

	(void)snprintf(name, name_size, "%s",
	    dev != NULL ? DAXCTL(daxctl_dev_get_devname)(dev) : "");
}

/* --- all devices ---------------------------------------------------------------- */

static void
describe(struct daxctl_dev *dev, struct dax_device *device)
{
	*device = (struct dax_device){
	    .major_nr = (unsigned)DAXCTL(daxctl_dev_get_major)(dev),
	    .minor_nr = (unsigned)DAXCTL(daxctl_dev_get_minor)(dev),
	    .size = DAXCTL(daxctl_dev_get_size)(dev),
	    .align = DAXCTL(daxctl_dev_get_align)(dev),
	    .numa_node = DAXCTL(daxctl_dev_get_target_node)(dev),
	    .is_system_ram = DAXCTL(daxctl_dev_get_memory)(dev) != NULL,
	    .is_enabled = DAXCTL(daxctl_dev_is_enabled)(dev) != 0,
	};
	(void)snprintf(device->name, sizeof(device->name), "%s",
	    DAXCTL(daxctl_dev_get_devname)(dev));
}

static void
add_region(struct daxctl_region *region, struct dax_list *list)
{
	for (struct daxctl_dev *dev = DAXCTL(daxctl_dev_get_first)(region);
	     dev != NULL; dev = DAXCTL(daxctl_dev_get_next)(dev)) {
		struct dax_device device;

		/* A seed: not a device yet. */
		if (DAXCTL(daxctl_dev_get_size)(dev) == 0)
			continue;
		describe(dev, &device);
		dax_list_add(list, &device);
	}
}

static void
list_apart(void *arg)
{
	struct dax_list *list = arg;
	struct daxctl_region *region;
	struct daxctl_ctx *ctx = NULL;

	list->rc = dax_device_load(list->why, sizeof(list->why));
	if (list->rc == 0)
		list->rc = DAXCTL(daxctl_new)(&ctx);
	if (list->rc < 0)
		return;
	dax_device_silence(ctx);
	for (region = DAXCTL(daxctl_region_get_first)(ctx); region != NULL;
	     region = DAXCTL(daxctl_region_get_next)(region))
		add_region(region, list);
	DAXCTL(daxctl_unref)(ctx);
}

int
dax_device_walk(
    int (*visit)(const struct dax_device *device, void *arg), void *arg)
{
	struct dax_list list = {.item_size = sizeof(struct dax_device)};

	os_run_apart(list_apart, &list);
	if (list.rc == -ELIBACC) {
		log_write(DK_LOG_WARNING,
		    "devices are looked up in sysfs "
		    "instead: %s",
		    list.why);
		return dax_sysfs_walk(visit, arg);
	}
	const struct dax_device *devices = list.items;
	int rc = list.rc;
	for (size_t i = 0; rc == 0 && i < list.nr; i++)
		rc = visit(&devices[i], arg);
	dax_list_fini(&list);
	return rc;
}

/* The device to find, by its name or by its number. */
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
