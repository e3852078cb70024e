/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recovery.h -- blocks that stood in caches of a dead process (layer 3).
 *
 * Both can be done again after a kill: first the blocks are free, then the stacks
 * that tell of them go.
 */
#ifndef RECOVERY_H
#define RECOVERY_H

#include <stddef.h>

#include "base/export.h"
#include "restart/ledger.h"
#include "restart/medium.h"

struct recovered {
	size_t nr_blocks, bytes;
};

/* Free what stands in stacks; sb has the base that the dead process had.
 * -ENOMEM, -EUCLEAN, with a text. */
int recovery_free_cached(struct ledger *l, const struct superblock *sb,
    struct recovered *freed) DK_MUST_CHECK;
/* Remove the stacks. */
int recovery_remove_stacks(struct ledger *l) DK_MUST_CHECK;

#endif /* RECOVERY_H */
