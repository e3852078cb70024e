// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_namespace.c -- see dax_namespace.h; through libndctl.
 *
 * A namespace that a btt, pfn or dax device has claimed takes its size,
 * alignment and device from that. libndctl is loaded and called like libdaxctl
 * in dax_device.c.
 */
#include "dax/dax_namespace.h"

#include <errno.h>
#include <ndctl/libndctl.h>
#include <stdio.h>
#include <string.h>

#include "base/library.h"
#include "base/log.h"
#include "base/os.h"
#include "dax/dax_device.h"
#include "dax/dax_list.h"

/* --- libndctl ------------------------------------------------------------------- */

#define NDCTL_FUNCTIONS(X)                    \
	X(ndctl_namespace_get_mode)           \
	X(ndctl_namespace_get_first_badblock) \
	X(ndctl_namespace_get_next_badblock)  \
	X(ndctl_namespace_get_btt)            \
	X(ndctl_namespace_get_pfn)            \
	X(ndctl_namespace_get_dax)            \
	X(ndctl_btt_get_size)                 \
	X(ndctl_btt_get_block_device)         \
	X(ndctl_pfn_get_size)                 \
	X(ndctl_pfn_get_align)                \
	X(ndctl_pfn_get_block_device)         \
	X(ndctl_dax_get_daxctl_region)        \
	X(ndctl_dax_get_size)                 \
	X(ndctl_dax_get_align)                \
	X(ndctl_namespace_get_size)           \
	X(ndctl_namespace_get_block_device)   \
	X(ndctl_namespace_get_region)         \
	X(ndctl_namespace_get_devname)        \
	X(ndctl_namespace_get_alt_name)       \
	X(ndctl_region_get_devname)           \
	X(ndctl_bus_get_provider)             \
	X(ndctl_region_get_bus)               \
	X(ndctl_namespace_is_active)          \
	X(ndctl_namespace_get_target_node)    \
	X(ndctl_namespace_get_numa_node)      \
	X(ndctl_namespace_get_first)          \
	X(ndctl_namespace_get_next)           \
	X(ndctl_region_get_first)             \
	X(ndctl_region_get_next)              \
	X(ndctl_new)                          \
	X(ndctl_set_log_priority)             \
	X(ndctl_get_daxctl_ctx)               \
	X(ndctl_bus_get_first)                \
	X(ndctl_bus_get_next)                 \
	X(ndctl_unref)

enum {
	NDCTL_FUNCTIONS(LIBRARY_INDEX) NR_NDCTL_FUNCTIONS
};
static const char *const Ndctl_names[] = {NDCTL_FUNCTIONS(LIBRARY_NAME)};
static _Atomic(void *) Ndctl_functions[NR_NDCTL_FUNCTIONS];
static struct library Ndctl = {
    .soname = NDCTL_SONAME,
    .names = Ndctl_names,
    .functions = Ndctl_functions,
    .nr = NR_NDCTL_FUNCTIONS,
};
#define NDCTL(name) LIBRARY_FUNCTION(Ndctl_functions, name)

/* --- all namespaces --------------------------------------------------------------- */

static void
copy_text(char *to, size_t to_size, const char *from)
{
	(void)snprintf(to, to_size, "%s", from != NULL ? from : "");
}

static enum dax_namespace_mode
mode_of(struct ndctl_namespace *ndns)
{
	switch (NDCTL(ndctl_namespace_get_mode)(ndns)) {
	case NDCTL_NS_MODE_RAW:
		return DAX_NAMESPACE_RAW;
	case NDCTL_NS_MODE_SECTOR:
		return DAX_NAMESPACE_SECTOR;
	case NDCTL_NS_MODE_FSDAX:
		return DAX_NAMESPACE_FSDAX;
	case NDCTL_NS_MODE_DEVDAX:
		return DAX_NAMESPACE_DEVDAX;
	default:
		return DAX_NAMESPACE_UNKNOWN;
	}
}

static size_t
bad_len_of(struct ndctl_namespace *ndns)
{
	size_t len = 0;

	for (struct badblock *bad =
		 NDCTL(ndctl_namespace_get_first_badblock)(ndns);
	     bad != NULL; bad = NDCTL(ndctl_namespace_get_next_badblock)(ndns))
		len += (size_t)bad->len * 512;
	return len;
}

/* Take the properties from the claiming device, if it is enabled. */
static void
describe_claim(struct ndctl_namespace *ndns, struct dax_namespace *ns)
{
	struct ndctl_btt *btt = NDCTL(ndctl_namespace_get_btt)(ndns);
	struct ndctl_pfn *pfn = NDCTL(ndctl_namespace_get_pfn)(ndns);
	struct ndctl_dax *dax = NDCTL(ndctl_namespace_get_dax)(ndns);
	const char *device = NULL;

	if (btt != NULL) {
		ns->size = (size_t)NDCTL(ndctl_btt_get_size)(btt);
		device = NDCTL(ndctl_btt_get_block_device)(btt);
	} else if (pfn != NULL) {
		ns->size = (size_t)NDCTL(ndctl_pfn_get_size)(pfn);
		ns->align = NDCTL(ndctl_pfn_get_align)(pfn);
		device = NDCTL(ndctl_pfn_get_block_device)(pfn);
	} else if (dax != NULL) {
		struct daxctl_region *region =
		    NDCTL(ndctl_dax_get_daxctl_region)(dax);

		ns->size = (size_t)NDCTL(ndctl_dax_get_size)(dax);
		ns->align = NDCTL(ndctl_dax_get_align)(dax);
		if (region != NULL)
			dax_device_of_region(
			    region, ns->device, sizeof(ns->device));
		return;
	} else {
		ns->size = (size_t)NDCTL(ndctl_namespace_get_size)(ndns);
		device = NDCTL(ndctl_namespace_get_block_device)(ndns);
	}
	copy_text(ns->device, sizeof(ns->device), device);
}

static void
describe(struct ndctl_namespace *ndns, struct dax_namespace *ns)
{
	struct ndctl_region *region = NDCTL(ndctl_namespace_get_region)(ndns);

	memset(ns, 0, sizeof(*ns));
	copy_text(ns->name, sizeof(ns->name),
	    NDCTL(ndctl_namespace_get_devname)(ndns));
	copy_text(ns->alt_name, sizeof(ns->alt_name),
	    NDCTL(ndctl_namespace_get_alt_name)(ndns));
	copy_text(ns->region, sizeof(ns->region),
	    NDCTL(ndctl_region_get_devname)(region));
	copy_text(ns->provider, sizeof(ns->provider),
	    NDCTL(ndctl_bus_get_provider)(NDCTL(ndctl_region_get_bus)(region)));
	ns->is_active = NDCTL(ndctl_namespace_is_active)(ndns);
	ns->mode = ns->is_active ? mode_of(ndns) : DAX_NAMESPACE_UNKNOWN;
	ns->numa_node = NDCTL(ndctl_namespace_get_target_node)(ndns);
	if (ns->numa_node < 0)
		ns->numa_node = NDCTL(ndctl_namespace_get_numa_node)(ndns);
	if (ns->is_active)
		describe_claim(ndns, ns);
	else
		ns->size = (size_t)NDCTL(ndctl_namespace_get_size)(ndns);
	ns->bad_len = bad_len_of(ndns);
}

static void
add_region(struct ndctl_region *region, struct dax_list *list)
{
	for (struct ndctl_namespace *ndns =
		 NDCTL(ndctl_namespace_get_first)(region);
	     ndns != NULL; ndns = NDCTL(ndctl_namespace_get_next)(ndns)) {
		struct dax_namespace ns;

		/* A seed: not a namespace yet. */
		if (NDCTL(ndctl_namespace_get_size)(ndns) == 0)
			continue;
		describe(ndns, &ns);
		dax_list_add(list, &ns);
	}
}

static void
add_bus(struct ndctl_bus *bus, struct dax_list *list)
{
	for (struct ndctl_region *region = NDCTL(ndctl_region_get_first)(bus);
	     region != NULL; region = NDCTL(ndctl_region_get_next)(region))
		add_region(region, list);
}

static void
list_apart(void *arg)
{
	struct dax_list *list = arg;
	struct ndctl_ctx *ctx = NULL;

	list->rc = library_load(&Ndctl, list->why, sizeof(list->why));
	if (list->rc == 0)
		list->rc = dax_device_load(list->why, sizeof(list->why));
	if (list->rc == 0)
		list->rc = NDCTL(ndctl_new)(&ctx);
	if (list->rc < 0)
		return;
	NDCTL(ndctl_set_log_priority)(ctx, 0); /* as dax_device_silence() */
	dax_device_silence(NDCTL(ndctl_get_daxctl_ctx)(ctx));
	for (struct ndctl_bus *bus = NDCTL(ndctl_bus_get_first)(ctx);
	     bus != NULL; bus = NDCTL(ndctl_bus_get_next)(bus))
		add_bus(bus, list);
	(void)NDCTL(ndctl_unref)(ctx);
}

int
dax_namespace_walk(
    int (*visit)(const struct dax_namespace *ns, void *arg), void *arg)
{
	struct dax_list list = {.item_size = sizeof(struct dax_namespace)};

	os_run_apart(list_apart, &list);
	if (list.rc == -ELIBACC)
		log_write(
		    DK_LOG_WARNING, "namespaces are unknown: %s", list.why);
	const struct dax_namespace *namespaces = list.items;
	int rc = list.rc;
	for (size_t i = 0; rc == 0 && i < list.nr; i++)
		rc = visit(&namespaces[i], arg);
	dax_list_fini(&list);
	return rc;
}

/* The namespace to find, by its name or by its device. */
struct search {
	const char *name, *device; /* one of them is NULL */
	struct dax_namespace found;
};

static int
compare(const struct dax_namespace *ns, void *arg)
{
	struct search *search = arg;
	bool same = search->name != NULL
			? strcmp(ns->name, search->name) == 0
			: strcmp(ns->device, search->device) == 0;

	if (same)
		search->found = *ns;
	return same;
}

static int
find(struct search *search, struct dax_namespace *ns)
{
	int rc = dax_namespace_walk(compare, search);

	if (rc <= 0)
		return rc == 0 ? -ENODEV : rc;
	*ns = search->found;
	return 0;
}

int
dax_namespace_find(const char *name, struct dax_namespace *ns)
{
	struct search search = {.name = name};

	return find(&search, ns);
}

int
dax_namespace_find_device(const char *device, struct dax_namespace *ns)
{
	struct search search = {.device = device};

	return find(&search, ns);
}

const char *
dax_namespace_mode_name(enum dax_namespace_mode mode)
{
	static const char *const Names[] = {
	    [DAX_NAMESPACE_RAW] = "raw",
	    [DAX_NAMESPACE_SECTOR] = "sector",
	    [DAX_NAMESPACE_FSDAX] = "fsdax",
	    [DAX_NAMESPACE_DEVDAX] = "devdax",
	    [DAX_NAMESPACE_UNKNOWN] = "unknown",
	};

	return Names[mode];
}
