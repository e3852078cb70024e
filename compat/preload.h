/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload.h -- malloc() and its relatives for libraries that are preloaded.
 *
 * preload.c has these functions, as libc's are: a block of 0 bytes is a block,
 * free() and a refusal leave what they leave there.  Where blocks come from is
 * what each library says by the functions that it defines below.  It is in place
 * before anything is set up, so they must work at any time.
 */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

/* --- what the library defines ------------------------------------------------- */

/* No size is 0, no product overflows and no pointer is NULL.  NULL or an errno
 * value: there is no room.  errno is as libc's functions have it. */
void *preload_malloc(size_t size);
void *preload_calloc(size_t num, size_t size);
void *preload_realloc(void *ptr, size_t size);
/* alignment may be no power of two: EINVAL. */
int preload_memalign(void **memptr, size_t alignment, size_t size);
void preload_free(void *ptr);
size_t preload_usable_size(void *ptr);
/* A program was given a block by a function of that name, or NULL.  Called when
 * Preload_has_notes is set, and may call malloc(). */
void preload_note(const char *function, size_t size, const void *ptr);

/* --- what it may use ---------------------------------------------------------- */

extern bool Preload_has_notes;

/* Calls of malloc() and so on that this thread is in.  Such a library is there
 * when the program starts, so that its thread-locals may be initial-exec. */
extern _Thread_local int Preload_depth
    __attribute__((tls_model("initial-exec")));

/* Whether the library below asks for a block for itself (a record, the stack of
 * a thread): whoever is asked may hold a lock. */
static inline bool
preload_is_nested(void)
{
	return DK_UNLIKELY(Preload_depth > 1);
}

/* One line on the standard error, without allocating; errno stays. */
void preload_say(const char *fmt, ...) DK_PRINTF(1, 2);

#endif /* PRELOAD_H */
