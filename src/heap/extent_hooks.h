/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extent_hooks.h -- extents for the arenas of a heap, from its region
 * (layer 4).
 */
#ifndef EXTENT_HOOKS_H
#define EXTENT_HOOKS_H

#include "heap/je.h"
#include "heap/page_map.h"
#include "region/region.h"

struct extent_hooks {
	struct je_hooks je; /* must be first: je.c passes a pointer to it */
	struct daxkind_region *region;
	const struct page_map *pages;
	/* The heap is ending.  The whole region is given back at once, so
	 * single extents are not. */
	bool is_closing;
};

/* Extents come from the high end of the region. */
void extent_hooks_init(struct extent_hooks *hooks,
    struct daxkind_region *region, const struct page_map *pages);

#endif /* EXTENT_HOOKS_H */
