/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decorators.h -- functions of the program around each allocation (layer 8).
 *
 * memkind_malloc_pre() and the others are weak: if a program defines one, it is
 * called.  Memkind's headers do not declare them, so neither do these, since
 * programs disagree about their types.
 *
 * A program without decorators pays nothing where a thread's cache serves the
 * call.  If there are decorators, kinds get no cache for the hot path (kind.c),
 * so every call gets to decorators_apply(), which tests a byte that never
 * changes.
 */
#ifndef DECORATORS_H
#define DECORATORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct memkind;

/* Whether the program has any; set before main(). */
extern bool Decorators_on;

/* Whether this thread is inside a decorated call already. */
bool decorators_are_applied(void) DK_MUST_CHECK;

/* Whether the function of the same name below must handle this call. */
static inline bool
decorators_apply(void)
{
	return DK_UNLIKELY(Decorators_on) && !decorators_are_applied();
}

/* Call the program's functions before and after call, the function of the
 * API. */
void *decorated_malloc(void *(*call)(struct memkind *kind, size_t size),
    struct memkind *kind, size_t size);
void *decorated_calloc(
    void *(*call)(struct memkind *kind, size_t num, size_t size),
    struct memkind *kind, size_t num, size_t size);
int decorated_posix_memalign(int (*call)(struct memkind *kind, void **memptr,
				 size_t alignment, size_t size),
    struct memkind *kind, void **memptr, size_t alignment, size_t size);
void *decorated_realloc(
    void *(*call)(struct memkind *kind, void *ptr, size_t size),
    struct memkind *kind, void *ptr, size_t size);
void decorated_free(void (*call)(struct memkind *kind, void *ptr),
    struct memkind *kind, void *ptr);

#endif /* DECORATORS_H */
