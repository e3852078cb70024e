/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_quarantine.h -- memory that a kind must not hand out again (layer 4).
 */
#ifndef KIND_QUARANTINE_H
#define KIND_QUARANTINE_H

#include <stddef.h>

#include "base/export.h"

struct memkind;

/*
 * Take the pages that [addr, addr + len) touches out of use for good: what is
 * free of them at once, what is taken when it is freed.  -EINVAL: not inside
 * the kind's region.  -ENOTSUP: it has none.  -ENOMEM: not all of it.
 */
int kind_quarantine(struct memkind *kind, void *addr, size_t len) DK_MUST_CHECK;

/* The same for whoever owns the address now; a range that belongs to no region
 * (any more) is none of ours. */
void kind_quarantine_anywhere(void *addr, size_t len);

#endif /* KIND_QUARANTINE_H */
