// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_list.c -- see dax_list.h.
 */
#include "dax/dax_list.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"

static int
grow(struct dax_list *list)
{
	size_t room = max_size(16, 2 * list->room);
	void *items = os_new(room * list->item_size);

	if (items == NULL)
		return -ENOMEM;
	if (list->nr != 0)
		memcpy(items, list->items, list->nr * list->item_size);
	os_delete(list->items);
	list->items = items;
	list->room = room;
	return 0;
}

void
dax_list_add(struct dax_list *list, const void *item)
{
	if (list->nr == list->room && list->rc == 0)
		list->rc = grow(list);
	if (list->rc != 0)
		return;
	memcpy((char *)list->items + list->nr * list->item_size, item,
	    list->item_size);
	list->nr++;
}

void
dax_list_fini(struct dax_list *list)
{
	os_delete(list->items);
	*list = (struct dax_list){.item_size = list->item_size};
}
