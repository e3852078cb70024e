/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memtier_decorators.h -- functions that a program may define to see and change
 * the results of memkind_memtier.h (layer 8).  memkind_memtier(3) describes
 * them.
 */
#ifndef MEMTIER_DECORATORS_H
#define MEMTIER_DECORATORS_H

#include "memkind.h"

#define MEMTIER_DECORATOR __attribute__((weak, visibility("default")))

void memtier_kind_malloc_post(
    memkind_t kind, size_t size, void **result) MEMTIER_DECORATOR;
void memtier_kind_calloc_post(
    memkind_t kind, size_t num, size_t size, void **result) MEMTIER_DECORATOR;
void memtier_kind_posix_memalign_post(memkind_t kind, void **memptr,
    size_t alignment, size_t size, int *err) MEMTIER_DECORATOR;
void memtier_kind_realloc_post(
    memkind_t kind, void *ptr, size_t size, void **result) MEMTIER_DECORATOR;
void memtier_kind_free_pre(void **ptr) MEMTIER_DECORATOR;
void memtier_kind_usable_size_post(void **ptr, size_t size) MEMTIER_DECORATOR;

#endif /* MEMTIER_DECORATORS_H */
