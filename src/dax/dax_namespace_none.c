// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_namespace_none.c -- see dax_namespace.h; built without libndctl.
 */
#include <errno.h>

#include "dax/dax_namespace.h"

int
ndctl_query_walk(
    int (*visit)(const struct ndctl_query_namespace *ns, void *arg), void *arg)
{
	(void)visit;
	(void)arg;
	return -EOPNOTSUPP;
}

int
ndctl_query_name(const char *name, struct ndctl_query_namespace *ns)
{
	(void)name;
	(void)ns;
	return -EOPNOTSUPP;
}

int
ndctl_query_device(const char *device, struct ndctl_query_namespace *ns)
{
	(void)device;
	(void)ns;
	return -EOPNOTSUPP;
}

const char *
ndctl_query_mode_name(enum ndctl_query_mode mode)
{
	(void)mode;
	return "unknown";
}
