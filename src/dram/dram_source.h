/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dram_source.h -- pages for heaps that get their memory in pieces: huge pages
 * of chosen nodes, or what a program's operations map (layer 2).
 *
 * Pages are mapped for each extent and unmapped with it, except that huge pages
 * are cut into extents and kept until all of a page is free, and that
 * MEMKIND_HOG_MEMORY=1 has everything kept for the next extent.
 */
#ifndef DRAM_SOURCE_H
#define DRAM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/lock.h"
#include "base/pool.h"
#include "dram/dram_memory.h"
#include "space/rangeset.h"

struct dram_source {
	/* Constant. */
	struct dram_memory memory;
	/* Maps pages in a way of its own, nodes or not; NULL: as memory says.
	 * len is whole (huge) pages, align at least one.  0 or -errno. */
	int (*map)(
	    struct dram_source *source, size_t len, size_t align, void **addr);
	bool is_dirty; /* what map() maps may hold something */
	bool keeps;    /* all that is free, in the set below */

	struct lock lock; /* rank RANK_DRAM: what follows */
	struct pool records;
	struct rangeset free;
};

/* Makes records only. */
void dram_source_init(
    struct dram_source *source, const struct dram_memory *memory);
/* Nothing of it is in use any more. */
void dram_source_fini(struct dram_source *source);

/* len bytes, whole pages, at a multiple of align, a power of two.  Called by
 * extent hooks, after dram_memory_check().  -ENOMEM, or as mbind(2). */
int dram_source_take(struct dram_source *source, size_t len, size_t align,
    void **addr, bool *is_zero) DK_MUST_CHECK;
/* -ENOMEM: refused for want of records. */
int dram_source_give(struct dram_source *source, void *addr, size_t len)
    DK_MUST_CHECK;

/* Around a fork. */
void dram_source_lock_at_fork(struct dram_source *source);
void dram_source_unlock_at_fork(struct dram_source *source);

#endif /* DRAM_SOURCE_H */
