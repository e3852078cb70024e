/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_list.h -- what a library said, kept until its call is over (layer 1).
 *
 * libdaxctl and libndctl are asked apart (os_run_apart), where no code of the
 * caller's may run: what they say of each device or namespace goes into a list,
 * and is shown to the caller afterwards.
 */
#ifndef DAX_LIST_H
#define DAX_LIST_H

#include <stddef.h>

#include "base/export.h"

struct dax_list {
	size_t item_size; /* set by who makes it; the rest is 0 at first */
	char *items;
	size_t nr, room;
	int rc;        /* -errno of what went wrong */
	char why[160]; /* a library cannot be loaded: the loader's words */
};

/* Add a copy of an item; without memory for it, rc says so. */
void dax_list_add(struct dax_list *list, const void *item);
/* Call visit for each item, until it returns other than 0, and return that;
 * rc when that is not 0.  The list is empty then. */
int dax_list_end(struct dax_list *list,
    int (*visit)(const void *item, void *arg), void *arg) DK_MUST_CHECK;

#endif /* DAX_LIST_H */
