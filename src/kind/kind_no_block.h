/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_no_block.h -- why a kind has no block to give, in words (layer 4).
 */
#ifndef KIND_NO_BLOCK_H
#define KIND_NO_BLOCK_H

#include <errno.h>
#include <stddef.h>

#include "base/export.h"

struct memkind;

/*
 * Keep as the thread's last error what was short when an allocation of size bytes
 * from kind (or NULL) failed with err, a positive errno value.  A program may
 * live on a heap that is full, so the text is made only when it is asked for.
 */
void kind_note_no_block(struct memkind *kind, size_t size, int err);

/* What an allocation of a table's operation returns: NULL with ENOMEM and that. */
static inline void *
kind_block_or_note(struct memkind *kind, size_t size, void *ptr)
{
	if (DK_UNLIKELY(ptr == NULL)) {
		errno = ENOMEM;
		kind_note_no_block(kind, size, ENOMEM);
	}
	return ptr;
}

#endif /* KIND_NO_BLOCK_H */
