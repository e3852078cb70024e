/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backing_anon.h -- memory of this process without a file (layer 2).
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
	/* Say where pages of [addr, addr + len) shall be; NULL: anywhere. */
	int (*place)(const void *arg, void *addr, size_t len);
	const void *arg;
	bool is_strict; /* what is not needed is not to count as memory */
};

/*
 * Reserve addresses, as many as there are up to size and at least least, both
 * powers of two.  The record is the caller's, with place and arg set, and has
 * to stay for as long as the backing, whose bytes nobody else uses.
 */
int backing_anon_open(struct backing_anon *record, size_t size, size_t least)
    DK_MUST_CHECK;

#endif /* BACKING_ANON_H */
