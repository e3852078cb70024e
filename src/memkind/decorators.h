/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decorators.h -- functions of the program around each allocation (layer 7).
 *
 * memkind_malloc_pre() and the rest are weak: a program that defines one has it
 * called.  No header of memkind declares them, and so none of ours does, as
 * programs disagree about their types.
 *
 * What they cost a program that has none: nothing where a thread's cache serves
 * the call, because a kind gets no cache for the hot path when there are any
 * (kind.c), so that every call comes to where decorators_apply() is asked; there
 * it is a test of a byte that is never written.
 */
#ifndef DECORATORS_H
#define DECORATORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct memkind;

/* Whether the program has any; set before the program runs. */
extern bool Decorators_on;

/* Whether this thread is in a call that is decorated already. */
bool decorators_are_applied(void) DK_MUST_CHECK;

/* Whether to leave this call to the function of its name below. */
static inline bool
decorators_apply(void)
{
	return DK_UNLIKELY(Decorators_on) && !decorators_are_applied();
}

/* Call what the program has before and after, and call, the function of the
 * API, in between. */
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
