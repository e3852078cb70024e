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

struct dax_list {
	size_t item_size; /* set by who makes it; the rest is 0 at first */
	void *items;      /* nr of them, one after the other */
	size_t nr, room;
	int rc;        /* -errno of what went wrong */
	char why[160]; /* a library cannot be loaded: the loader's words */
};

/* Add a copy of an item; without memory for it, rc says so. */
void dax_list_add(struct dax_list *list, const void *item);
/* Empty it. */
void dax_list_fini(struct dax_list *list);

#endif /* DAX_LIST_H */
