/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dram_source.h -- pages for heaps that get memory in pieces: huge pages of
 * chosen nodes, or memory that a program's operations map (layer 2).
 *
 * Pages are mapped for each extent and unmapped with it.  Exceptions: huge
 * pages are cut into extents and kept until a whole page is free, and with
 * MEMKIND_HOG_MEMORY=1 everything is kept for the next extent.
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
	/* Maps pages, on nodes of its choice; NULL: as memory says. len is a
	 * multiple of the (huge) page size, align at least one page.  0 or
	 * -errno. */
	int (*map)(
	    struct dram_source *source, size_t len, size_t align, void **addr);
	bool is_dirty; /* memory from map() may not be zero */
	bool keeps;    /* free ranges are kept in the set below */

	struct lock lock; /* rank RANK_DRAM, guards what follows */
	struct pool records;
	struct rangeset free;
};

/* Maps nothing yet. */
void dram_source_init(
    struct dram_source *source, const struct dram_memory *memory);
/* Call it when nothing of it is in use. */
void dram_source_fini(struct dram_source *source);

/* Take len bytes, whole pages, at a multiple of align, a power of two.  For
 * extent hooks; call dram_memory_check() before.  -ENOMEM, or the errors of
 * mbind(2). */
int dram_source_take(struct dram_source *source, size_t len, size_t align,
    void **addr, bool *is_zero) DK_MUST_CHECK;
/* -ENOMEM: refused, since memory for records is missing. */
int dram_source_give(struct dram_source *source, void *addr, size_t len)
    DK_MUST_CHECK;

/* Around a fork. */
void dram_source_lock_at_fork(struct dram_source *source);
void dram_source_unlock_at_fork(struct dram_source *source);

#endif /* DRAM_SOURCE_H */
