/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_list.h -- what a library said, kept until its call is over (layer 1).
 *
 * libdaxctl and libndctl are called through os_run_apart(), which must not run
 * the caller's code.  So each device or namespace that they report is put into
 * a list, and shown to the caller afterwards.
 */
#ifndef DAX_LIST_H
#define DAX_LIST_H

#include <stddef.h>

struct dax_list {
	size_t item_size; /* set by the owner; the rest is 0 at first */
	void *items;      /* nr of them, one after the other */
	size_t nr, room;
	int rc;        /* -errno of the first failure */
	char why[160]; /* the loader's message if a library cannot be loaded */
};

/* Add a copy of an item; rc says if there is no memory for it. */
void dax_list_add(struct dax_list *list, const void *item);
/* Empty it. */
void dax_list_fini(struct dax_list *list);

#endif /* DAX_LIST_H */
