/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flush.h -- making stores durable (layer 2): the one door to libpmem.
 *
 * Every flush and drain of the library goes through the table of the region's
 * granularity, so that a test can put a recording one in its place.
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

/* -ELIBACC, with a text: libpmem, which all but FLUSH_PAGE use, cannot
 * be loaded. */
int flush_get_ops(enum flush_granularity granularity,
    const struct flush_ops **ops) DK_MUST_CHECK;
/* Put ops in the place of the table's; NULL puts the built-in ones back.
 * For tests, while no other thread flushes. */
void flush_set_ops(
    enum flush_granularity granularity, const struct flush_ops *ops);

/* What a mapping with MAP_SYNC, or of a devdax device, needs: FLUSH_BYTE when
 * the platform flushes its caches on power failure (eADR), which libpmem is
 * loaded to say. */
enum flush_granularity flush_of_sync_mapping(void);
/* Whether libpmem made this mapping and calls it persistent memory. */
bool flush_is_pmem(const void *addr, size_t len);

#endif /* FLUSH_H */
