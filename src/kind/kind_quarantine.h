/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_quarantine.h -- takes memory of a kind out of use (layer 5).
 */
#ifndef KIND_QUARANTINE_H
#define KIND_QUARANTINE_H

#include <stddef.h>

#include "base/export.h"

struct memkind;

/*
 * Take the pages that overlap [addr, addr + len) out of use for good: free
 * pages at once, taken pages when they are freed.  -EINVAL: not inside the
 * kind's region.  -ENOTSUP: it has none.  -ENOMEM: only a part.
 */
int kind_quarantine(struct memkind *kind, void *addr, size_t len) DK_MUST_CHECK;

/* The same for the current owner of the addresses; ignores a range that belongs
 * to no region. */
void kind_quarantine_anywhere(void *addr, size_t len);

#endif /* KIND_QUARANTINE_H */
