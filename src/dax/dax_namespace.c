// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_namespace.c -- see dax_namespace.h; through libndctl.
 *
 * A namespace that is claimed by a btt, pfn or dax device has its size, its
 * alignment and its device from there.
 */
#include "dax/dax_namespace.h"

#include <errno.h>
#include <ndctl/libndctl.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "dax/dax_device.h"

static void
copy_text(char *to, size_t to_size, const char *from)
{
	(void)snprintf(to, to_size, "%s", from != NULL ? from : "");
}

static enum dax_namespace_mode
mode_of(struct ndctl_namespace *ndns)
{
	switch (ndctl_namespace_get_mode(ndns)) {
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
	struct badblock *bad;
	size_t len = 0;

	ndctl_namespace_badblock_foreach(ndns, bad)
	{
		len += (size_t)bad->len * 512;
	}
	return len;
}

/* The device of the claim, if that is enabled. */
static void
describe_claim(struct ndctl_namespace *ndns, struct dax_namespace *ns)
{
	struct ndctl_btt *btt = ndctl_namespace_get_btt(ndns);
	struct ndctl_pfn *pfn = ndctl_namespace_get_pfn(ndns);
	struct ndctl_dax *dax = ndctl_namespace_get_dax(ndns);
	const char *device = NULL;

	if (btt != NULL) {
		ns->size = (size_t)ndctl_btt_get_size(btt);
		device = ndctl_btt_get_block_device(btt);
	} else if (pfn != NULL) {
		ns->size = (size_t)ndctl_pfn_get_size(pfn);
		ns->align = ndctl_pfn_get_align(pfn);
		device = ndctl_pfn_get_block_device(pfn);
	} else if (dax != NULL) {
		struct daxctl_region *region = ndctl_dax_get_daxctl_region(dax);

		ns->size = (size_t)ndctl_dax_get_size(dax);
		ns->align = ndctl_dax_get_align(dax);
		if (region != NULL)
			dax_device_of_region(
			    region, ns->device, sizeof(ns->device));
		return;
	} else {
		ns->size = (size_t)ndctl_namespace_get_size(ndns);
		device = ndctl_namespace_get_block_device(ndns);
	}
	copy_text(ns->device, sizeof(ns->device), device);
}

static void
describe(struct ndctl_namespace *ndns, struct dax_namespace *ns)
{
	struct ndctl_region *region = ndctl_namespace_get_region(ndns);

	memset(ns, 0, sizeof(*ns));
	copy_text(
	    ns->name, sizeof(ns->name), ndctl_namespace_get_devname(ndns));
	copy_text(ns->alt_name, sizeof(ns->alt_name),
	    ndctl_namespace_get_alt_name(ndns));
	copy_text(
	    ns->region, sizeof(ns->region), ndctl_region_get_devname(region));
	copy_text(ns->provider, sizeof(ns->provider),
	    ndctl_bus_get_provider(ndctl_region_get_bus(region)));
	ns->is_active = ndctl_namespace_is_active(ndns);
	ns->mode = ns->is_active ? mode_of(ndns) : DAX_NAMESPACE_UNKNOWN;
	ns->numa_node = ndctl_namespace_get_target_node(ndns);
	if (ns->numa_node < 0)
		ns->numa_node = ndctl_namespace_get_numa_node(ndns);
	if (ns->is_active)
		describe_claim(ndns, ns);
	else
		ns->size = (size_t)ndctl_namespace_get_size(ndns);
	ns->bad_len = bad_len_of(ndns);
}

static int
walk_bus(struct ndctl_bus *bus,
    int (*visit)(const struct dax_namespace *ns, void *arg), void *arg)
{
	struct dax_namespace ns;
	struct ndctl_region *region;
	struct ndctl_namespace *ndns;
	int rc = 0;

	ndctl_region_foreach(bus, region)
	{
		ndctl_namespace_foreach(region, ndns)
		{
			/* A seed, which is no namespace yet. */
			if (rc != 0 || ndctl_namespace_get_size(ndns) == 0)
				continue;
			describe(ndns, &ns);
			rc = visit(&ns, arg);
		}
	}
	return rc;
}

int
dax_namespace_walk(
    int (*visit)(const struct dax_namespace *ns, void *arg), void *arg)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct ndctl_ctx *ctx;
	struct ndctl_bus *bus;
	int rc = ndctl_new(&ctx);

	if (rc < 0) {
		errno = saved_errno;
		return rc;
	}
	ndctl_set_log_priority(ctx, 0); /* as dax_device_silence() */
	dax_device_silence(ndctl_get_daxctl_ctx(ctx));
	ndctl_bus_foreach(ctx, bus)
	{
		if (rc == 0)
			rc = walk_bus(bus, visit, arg);
	}
	(void)ndctl_unref(ctx);
	errno = saved_errno;
	return rc;
}

/* A namespace that is looked for: by its name, or by its device. */
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
