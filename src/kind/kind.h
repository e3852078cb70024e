/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind.h -- making and ending kinds (layer 5).
 */
#ifndef KIND_H
#define KIND_H

#include <stdbool.h>

#include "base/export.h"
#include "kind/kind_record.h"

/* The program has decorators, which must see every call: hot paths find no
 * caches of kinds that are made from then on. */
extern bool Kind_calls_are_seen;

/* The parts of a new kind. */
struct kind_spec {
	struct daxkind_region *region; /* NULL: none */
	bool owns_region;              /* close it with the kind */
	bool copies_ops;               /* if not, ops must outlive the kind */
	size_t capacity;
	struct memkind_ops *ops;
	const char *name;
};

/*
 * Call ops->create, bind the kind to its region, and register it as the last
 * step, so that no lookup finds an incomplete kind.  On failure nothing is
 * left, and the caller still owns the region.  -EBUSY: the region has a kind.
 */
int kind_new(const struct kind_spec *spec, struct memkind **kind) DK_MUST_CHECK;
/* Accepts any pointer; -EINVAL: not a live kind. */
int kind_free(struct memkind *kind) DK_MUST_CHECK;

#endif /* KIND_H */
