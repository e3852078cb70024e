/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extent_hooks.h -- where the arenas of a heap get their extents (layer 3).
 */
#ifndef EXTENT_HOOKS_H
#define EXTENT_HOOKS_H

#include "heap/je.h"
#include "heap/page_map.h"
#include "region/region.h"

struct extent_hooks {
	struct je_hooks je; /* must be first: je.c hands this back */
	struct daxkind_region *region;
	const struct page_map *pages;
	/* The heap is being ended: all of the region goes at once, so there
	 * is no need to give back piece by piece. */
	bool is_closing;
};

/* Extents come from the region's high end. */
void extent_hooks_init(struct extent_hooks *hooks,
    struct daxkind_region *region, const struct page_map *pages);

#endif /* EXTENT_HOOKS_H */
