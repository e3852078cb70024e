/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind.h -- making and ending kinds (layer 4).
 */
#ifndef KIND_H
#define KIND_H

#include <stdbool.h>

#include "base/export.h"
#include "kind/kind_record.h"

/* Every call of the program is to be seen by somebody: hot paths find no cache,
 * of kinds that are made from then on. */
extern bool Kind_calls_are_seen;

/* What a kind is made of. */
struct kind_spec {
	struct daxkind_region *region; /* NULL: none */
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

#endif /* KIND_H */
