/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_no_block.h -- error texts of failed allocations (layer 5).
 */
#ifndef KIND_NO_BLOCK_H
#define KIND_NO_BLOCK_H

#include <errno.h>
#include <stddef.h>

#include "base/export.h"

struct memkind;

/*
 * Set the thread's last error: why an allocation of size bytes from kind (or
 * NULL) failed with err, a positive errno value.  Programs may often allocate
 * from a full heap, so the text is made only when it is read.
 */
void kind_note_no_block(struct memkind *kind, size_t size, int err);

/* Check the arguments of posix_memalign(): 0, and *memptr is NULL; or EINVAL,
 * with a text. */
int kind_check_memptr(void **memptr) DK_MUST_CHECK;
int kind_check_alignment(size_t alignment) DK_MUST_CHECK;

/* The result of a failed allocation by a table's operation: NULL, ENOMEM and
 * the text. */
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
