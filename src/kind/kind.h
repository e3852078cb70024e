/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind.h -- what a memkind_t points to (layer 4).
 */
#ifndef KIND_H
#define KIND_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/export.h"
#include "heap/heap.h"
#include "memkind_ops.h"
#include "region/region.h"

enum {
	KIND_NAME_SIZE = 64
};

struct memkind {
	void *pool_link; /* of pool.h, in an unused record */
	/* Constant while the kind lives. */
	struct memkind_ops *ops;
	struct memkind_ops own_ops; /* ops, where it is a copy */
	/* A copy from ops, which may be gone at exit; NULL: already called. */
	int (*finalize)(struct memkind *kind);
	struct daxkind_region *region; /* NULL: over DRAM */
	size_t capacity;               /* for memkind_get_capacity() */
	char name[KIND_NAME_SIZE];
	/* Set by the ops' create; NULL for kinds that have none. */
	struct heap *heap;
	unsigned cache_slot; /* of the heap's thread caches */
	bool owns_region;    /* close it with the kind */
	bool is_tier;        /* set when it becomes one */

	_Atomic(bool) allows_zero; /* a size of 0 gives a block */

	/* kind_tally.c's: bytes, and where threads count; NULL: nowhere yet */
	_Atomic(long) tally;
	_Atomic(struct kind_tally_places *) tally_places;

	/* Guarded by the registry's lock. */
	struct memkind *next, *prev;
	struct heap_stats stats;
	unsigned stats_round; /* of these figures */
	bool is_registered;
};

/* What a kind is made of. */
struct kind_spec {
	struct daxkind_region *region; /* NULL: over DRAM */
	bool owns_region;              /* close it with the kind */
	bool copies_ops;               /* if not, they outlive the kind */
	size_t capacity;
	struct memkind_ops *ops;
	const char *name;
};

/*
 * Make a kind by ops->create, bind it to its region, and register it as the
 * last step, so that no lookup finds an incomplete kind.  On failure nothing is
 * left, and the caller still owns the region.  -EBUSY: the region has a kind.
 */
int kind_new(const struct kind_spec *spec, struct memkind **kind) DK_MUST_CHECK;
/* Accepts any pointer; -EINVAL: it is not a live kind. */
int kind_free(struct memkind *kind) DK_MUST_CHECK;

/* The kind that any pointer belongs to, or NULL. */
struct memkind *kind_of(const void *ptr);

#endif /* KIND_H */
