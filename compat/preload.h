/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload.h -- malloc() and its relatives for preloaded libraries.
 *
 * The functions in preload.c behave as libc's: a size of 0 gives a block;
 * free() preserves errno; a failed call leaves its arguments unchanged.  Each
 * library defines the functions below, which supply the blocks.  They are
 * called before anything is set up, so they must work at any time.
 */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

/* --- the library defines -------------------------------------------------- */

/* Sizes are not 0, products do not overflow, and pointers are not NULL.  NULL
 * or an errno value: no room. errno is set as by libc's functions. */
void *preload_malloc(size_t size);
void *preload_calloc(size_t num, size_t size);
void *preload_realloc(void *ptr, size_t size);
/* EINVAL if alignment is not a power of two. */
int preload_memalign(void **memptr, size_t alignment, size_t size);
void preload_free(void *ptr);
size_t preload_usable_size(void *ptr);
/* The program's call of function gave it ptr, a block or NULL.  Called if
 * Preload_has_notes is set; may call malloc(). */
void preload_note(const char *function, size_t size, const void *ptr);

/* --- the library may use -------------------------------------------------- */

extern bool Preload_has_notes;

/* Depth of malloc() calls in this thread.  The library is loaded when the
 * program starts, so its thread-locals may be initial-exec. */
extern _Thread_local int Preload_depth
    __attribute__((tls_model("initial-exec")));

/* Whether libdaxkind itself allocates (a record, the stack of a thread).  It
 * may hold a lock then, so do not use the tiers. */
static inline bool
preload_is_nested(void)
{
	return DK_UNLIKELY(Preload_depth > 1);
}

/* Print one line on standard error, without allocating; preserves errno. */
void preload_say(const char *fmt, ...) DK_PRINTF(1, 2);

#endif /* PRELOAD_H */
