/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_namespace.h -- what is known of the namespaces of this machine (layer 1).
 *
 * dax_namespace.c asks libndctl; no other file includes its headers.
 * dax_namespace_none.c is built without libndctl and finds nothing.
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
	DAX_NAMESPACE_UNKNOWN /* such as of a disabled one */
};

struct dax_namespace {
	char name[32];     /* "namespace0.0" */
	char alt_name[64]; /* from its label, or "" */
	char region[32];   /* "region0" */
	char provider[32]; /* of the bus: "e820" when emulated by memmap= */
	enum dax_namespace_mode mode;
	bool is_active;  /* enabled */
	char device[32]; /* "pmem0" or "dax0.0"; "": none */
	size_t size;     /* usable bytes */
	size_t align;    /* in bytes; 0: unknown */
	int numa_node;   /* of the memory, or -1 */
	size_t bad_len;  /* bytes in bad blocks, if the user may read them */
};

/*
 * Call visit for each namespace that has memory, until it returns a value other
 * than 0, which is then returned.  -EOPNOTSUPP: built without libndctl.
 * -ELIBACC: it cannot be loaded; the log says why.
 */
int dax_namespace_walk(int (*visit)(const struct dax_namespace *ns, void *arg),
    void *arg) DK_MUST_CHECK;
/* The namespace of that name; -ENODEV: none. */
int dax_namespace_find(const char *name, struct dax_namespace *ns)
    DK_MUST_CHECK;
/* The namespace that has the device "pmem0" or "dax0.0". */
int dax_namespace_find_device(const char *device, struct dax_namespace *ns)
    DK_MUST_CHECK;
/* "raw", "sector", "fsdax", "devdax", "unknown". */
const char *dax_namespace_mode_name(enum dax_namespace_mode mode);

#endif /* DAX_NAMESPACE_H */
