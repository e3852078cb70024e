/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_static.h -- the predefined kinds, with memory of this process (layer 5).
 */
#ifndef KIND_STATIC_H
#define KIND_STATIC_H

#include <stdbool.h>

#include "memkind.h"
#include "memkind_ops.h"

#include "base/export.h"

struct heap;
struct je_heap;
struct memkind;

/* Call visit for each static kind, ignoring its result ... */
void kind_static_walk(int (*visit)(struct memkind *kind, void *arg), void *arg);
/* ... or for each existing heap. */
void kind_static_walk_heaps(
    void (*visit)(struct heap *heap, void *arg), void *arg);
void kind_static_walk_je_heaps(void (*visit)(struct je_heap *heap));
/* Around a fork: no heap is made meanwhile. */
void kind_static_lock_at_fork(void);
void kind_static_unlock_at_fork(void);

/* The maximum number of bytes that the kind could allocate.  -errno:
 * unknown. */
int kind_static_capacity(struct memkind *kind, size_t *bytes) DK_MUST_CHECK;
/* Accepts any pointer, and does not dereference it. */
bool kind_is_static(const struct memkind *kind);

#endif /* KIND_STATIC_H */
