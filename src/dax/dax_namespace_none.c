// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_namespace_none.c -- see dax_namespace.h; built without libndctl.
 */
#include <errno.h>

#include "dax/dax_namespace.h"

int
dax_namespace_walk(
    int (*visit)(const struct dax_namespace *ns, void *arg), void *arg)
{
	(void)visit;
	(void)arg;
	return -EOPNOTSUPP;
}

int
dax_namespace_find(const char *name, struct dax_namespace *ns)
{
	(void)name;
	(void)ns;
	return -EOPNOTSUPP;
}

int
dax_namespace_find_device(const char *device, struct dax_namespace *ns)
{
	(void)device;
	(void)ns;
	return -EOPNOTSUPP;
}

const char *
dax_namespace_mode_name(enum dax_namespace_mode mode)
{
	(void)mode;
	return "unknown";
}
