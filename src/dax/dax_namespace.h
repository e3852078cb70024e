/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_namespace.h -- what is known of the namespaces of this machine (layer 1).
 *
 * dax_namespace.c asks libndctl, the one place that includes it;
 * dax_namespace_none.c is built without it and knows nothing.
 */
#ifndef DAX_NAMESPACE_H
#define DAX_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

enum dax_namespace_mode {
	DAX_NAMESPACE_RAW,
	DAX_NAMESPACE_SECTOR,
	DAX_NAMESPACE_FSDAX,
	DAX_NAMESPACE_DEVDAX,
	DAX_NAMESPACE_UNKNOWN /* as of a disabled one */
};

struct dax_namespace {
	char name[32];     /* "namespace0.0" */
	char alt_name[64]; /* what its label says, or "" */
	char region[32];   /* "region0" */
	char provider[32]; /* of the bus: "e820" when emulated by memmap= */
	enum dax_namespace_mode mode;
	bool is_active;  /* enabled */
	char device[32]; /* "pmem0" or "dax0.0"; "": it has none */
	size_t size;     /* usable bytes */
	size_t align;    /* in bytes, or 0 when not known */
	int numa_node;   /* of the memory, or -1 */
	size_t bad_len;  /* bytes in bad blocks, as far as the user may know */
};

/*
 * Call visit for each namespace that has memory, until it returns other than
 * 0, which is returned then.  -EOPNOTSUPP: built without libndctl.  -ELIBACC:
 * it cannot be loaded, and the log says why.
 */
int dax_namespace_walk(int (*visit)(const struct dax_namespace *ns, void *arg),
    void *arg) DK_MUST_CHECK;
/* The namespace of that name; -ENODEV: there is none. */
int dax_namespace_find(const char *name, struct dax_namespace *ns)
    DK_MUST_CHECK;
/* The namespace that has the device "pmem0" or "dax0.0". */
int dax_namespace_find_device(const char *device, struct dax_namespace *ns)
    DK_MUST_CHECK;
/* "raw", "sector", "fsdax", "devdax", "unknown". */
const char *dax_namespace_mode_name(enum dax_namespace_mode mode);

#endif /* DAX_NAMESPACE_H */
