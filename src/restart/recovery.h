/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recovery.h -- blocks that stood in caches of a dead process (layer 3).
 *
 * Both can be done again after a kill: first the blocks are free, then the stacks
 * that tell of them go.
 */
#ifndef RECOVERY_H
#define RECOVERY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "restart/ledger.h"
#include "restart/medium.h"

struct cached_block {
	size_t off, size;
	_Atomic(uint64_t) *word; /* its bit in the ledger, which is set */
	uint64_t bit;
};

/* Call visit for each block that stands in stacks; one may be visited twice, if
 * its bit is not cleared.  sb has the base that the dead process had.  -ENOMEM,
 * with a text, or what fault_note() returns. */
int recovery_walk_cached(const struct ledger *l, const struct superblock *sb,
    void (*visit)(void *arg, const struct cached_block *block), void *arg,
    const struct fault_sink *faults) DK_MUST_CHECK;

struct recovered {
	size_t nr_blocks, bytes;
};

/* Free them.  -ENOMEM, -EUCLEAN, with a text. */
int recovery_free_cached(struct ledger *l, const struct superblock *sb,
    struct recovered *freed) DK_MUST_CHECK;
/* How many bytes at most stood in stacks, where nobody can say which: after a
 * reset.  -EUCLEAN, with a text. */
int recovery_bound_cached(const struct ledger *l, size_t *bytes) DK_MUST_CHECK;
/* Remove the stacks. */
int recovery_remove_stacks(struct ledger *l) DK_MUST_CHECK;

#endif /* RECOVERY_H */
