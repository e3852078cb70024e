/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backing_anon.h -- private memory without a file (layer 2).
 *
 * Nothing here calls malloc: a malloc may be built on such a region.
 */
#ifndef BACKING_ANON_H
#define BACKING_ANON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "region/backing.h"

struct backing_anon {
	struct backing base;
	/* Set the nodes for the pages of [addr, addr + len); NULL: any node. */
	int (*place)(const void *arg, void *addr, size_t len);
	const void *arg;
	bool is_strict; /* strict overcommit: decommit unused pages */
};

/*
 * Reserve size bytes of addresses, or as many as possible but at least least;
 * both are powers of two.  The caller owns the record, has set place and arg,
 * and keeps the record for as long as the backing.  No other code may use the
 * memory.
 */
int backing_anon_open(struct backing_anon *record, size_t size, size_t least)
    DK_MUST_CHECK;

#endif /* BACKING_ANON_H */
