/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flush.h -- making stores durable (layer 2); the interface to libpmem.
 *
 * Every flush and drain of the library goes through the table of the region's
 * granularity, so that a test can replace it with one that records calls.
 */
#ifndef FLUSH_H
#define FLUSH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

enum flush_granularity {
	FLUSH_BYTE,
	FLUSH_CACHE_LINE,
	FLUSH_PAGE,
	NR_FLUSH
};

/* All return 0 or -errno and leave errno alone. */
struct flush_ops {
	/* Start making [addr, addr + len) durable. */
	int (*flush)(const void *addr, size_t len);
	/* Wait for all flushes that this thread started. */
	void (*drain)(void);
	/* Store and flush; src and dst do not overlap. */
	int (*copy)(void *dst, const void *src, size_t len);
	int (*set)(void *dst, int c, size_t len);
};

/* -ELIBACC, with a text: libpmem cannot be loaded; FLUSH_PAGE does not use
 * it. */
int flush_get_ops(enum flush_granularity granularity,
    const struct flush_ops **ops) DK_MUST_CHECK;
/* Replace a table; NULL restores the built-in one.  For tests, while no other
 * thread flushes. */
void flush_set_ops(
    enum flush_granularity granularity, const struct flush_ops *ops);

/* The granularity of a mapping with MAP_SYNC or of a devdax device: FLUSH_BYTE
 * if the platform flushes its caches on power failure (eADR), according to
 * libpmem, which is loaded for this. */
enum flush_granularity flush_of_sync_mapping(void);
/* Whether libpmem made this mapping and calls it persistent memory. */
bool flush_is_pmem(const void *addr, size_t len);

#endif /* FLUSH_H */
