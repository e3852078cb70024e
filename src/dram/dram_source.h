/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dram_source.h -- memory of chosen nodes, for heaps without a region (layer 2).
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
#include "dram/mem_policy.h"
#include "dram/node_choice.h"
#include "space/rangeset.h"

enum dram_flags {
	DRAM_HUGE_PAGES = 1 << 0,  /* of 2 MiB, from the kernel's pools */
	DRAM_SMALL_PAGES = 1 << 1, /* no transparent huge pages */
	/* Go on with memory from wherever when the kernel, or a container,
	 * lets nobody choose. */
	DRAM_ANYWHERE = 1 << 2,
	/* Of map() below: what it maps may hold something. */
	DRAM_DIRTY = 1 << 3,
	DRAM_GIGANTIC_PAGES = 1 << 4, /* of 1 GiB, from the kernel's pools */
};

struct dram_source {
	/* Constant. */
	enum mem_policy policy;
	enum node_choice choice; /* unless policy is MEM_POLICY_ANY */
	unsigned flags;
	bool keeps; /* all that is free, in the set below */
	/* Maps pages in a way of its own, policy or not; NULL: as all that
	 * says.  len is whole (huge) pages, align at least one.  0 or -errno. */
	int (*map)(
	    struct dram_source *source, size_t len, size_t align, void **addr);

	struct lock lock; /* rank RANK_DRAM: what follows */
	struct pool records;
	struct rangeset free;
};

/* Makes records only. */
void dram_source_init(struct dram_source *source, enum mem_policy policy,
    enum node_choice choice, unsigned flags);

/* Nothing of it is in use any more. */
void dram_source_fini(struct dram_source *source);

/*
 * Whether there is such memory: 0, or one of node_choice_make()'s, or
 * REASON_NO_HUGE_PAGES: no huge page is in the pools; -ENOMEM: no memory to find out.
 * Chooses the nodes when called first, so it must come before
 * dram_source_take().
 */
int dram_source_check(struct dram_source *source) DK_MUST_CHECK;
/* Bytes that there are at most.  -ENODEV: it prefers nodes, but is not limited
 * to them, or is of huge pages of chosen nodes, which memkind does not count;
 * or as dram_source_check(). */
int dram_source_capacity(struct dram_source *source, size_t *bytes)
    DK_MUST_CHECK;

/* len bytes, whole pages, at a multiple of align, a power of two.  Called by
 * extent hooks.  -ENOMEM, or as mbind(2). */
int dram_source_take(struct dram_source *source, size_t len, size_t align,
    void **addr, bool *is_zero) DK_MUST_CHECK;
/* -ENOMEM: refused for want of records. */
int dram_source_give(struct dram_source *source, void *addr, size_t len)
    DK_MUST_CHECK;

/* Around a fork. */
void dram_source_lock_at_fork(struct dram_source *source);
void dram_source_unlock_at_fork(struct dram_source *source);

#endif /* DRAM_SOURCE_H */
