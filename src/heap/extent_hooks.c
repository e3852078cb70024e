// SPDX-License-Identifier: BSD-2-Clause
/*
 * extent_hooks.c -- see extent_hooks.h.
 *
 * jemalloc holds locks of its own around each call.
 */
#include "heap/extent_hooks.h"

#include <string.h>

#include "base/sched_point.h"
#include "base/util.h"

/* Slabs come from the high end of a region and large blocks from the low end,
 * so that a large block can grow without meeting a slab. */
static void *
region_alloc(
    struct je_hooks *je, void *new_addr, size_t len, size_t align, bool *zero)
{
	struct extent_hooks *hooks = (struct extent_hooks *)je;
	struct region_block block;
	int rc;

	if (hooks->is_closing)
		return NULL;
	if (new_addr != NULL)
		rc = region_take_at(hooks->region, new_addr, len, &block);
	else
		rc = region_take(hooks->region, len, max_size(align, DK_PAGE),
		    RANGESET_HIGH, &block);
	if (rc < 0)
		return NULL;
	if (*zero && !block.is_zero)
		memset(block.addr, 0, len);
	*zero = *zero || block.is_zero;
	return block.addr;
}

static bool
region_give_back(struct je_hooks *je, void *addr, size_t len)
{
	struct extent_hooks *hooks = (struct extent_hooks *)je;

	if (hooks->is_closing)
		return true;
	for (char *page = addr; page < (char *)addr + len; page += DK_PAGE)
		page_map_set(hooks->pages, page, 0);
	DK_POINT("pages go back");
	return region_give(hooks->region, addr, len) == 0;
}

void
extent_hooks_init(struct extent_hooks *hooks, struct daxkind_region *region,
    const struct page_map *pages)
{
	*hooks = (struct extent_hooks){
	    .je = {.alloc = region_alloc, .give = region_give_back},
	    .region = region,
	    .pages = pages,
	};
	je_hooks_init(&hooks->je);
}
