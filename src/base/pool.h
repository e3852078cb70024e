/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h -- objects of one size, straight from the kernel (layer 0).
 *
 * For records that are needed where nothing else can allocate, such as inside
 * an extent hook.  Objects are not returned to the kernel before pool_fini():
 * see records.h for records that are.  A free object's first pointer belongs to
 * the pool.
 *
 * No lock: the owner of the pool serializes access.
 */
#ifndef POOL_H
#define POOL_H

#include <stddef.h>

#include "base/export.h"

struct pool_chunk;
struct pool_item;

struct pool {
	size_t object_size;      /* bytes, a multiple of 8 */
	struct pool_item *spare; /* objects to hand out */
	size_t nr_spare;
	struct pool_chunk *chunks; /* all memory, newest first */
	size_t next_chunk_len;     /* bytes; doubles up to a limit */
};

/* Takes no memory yet. */
void pool_init(struct pool *pool, size_t object_size);
/* Gives all memory back, handed out or not. */
void pool_fini(struct pool *pool);
/* Hand out objects of the caller's memory first; it must outlive the pool. */
void pool_add_memory(struct pool *pool, void *memory, size_t len);
/* Make sure that nr calls of pool_get() will work; -ENOMEM if not. */
int pool_reserve(struct pool *pool, size_t nr) DK_MUST_CHECK;
/* Returns an object with unspecified content, or NULL. */
void *pool_get(struct pool *pool) DK_MUST_CHECK;
void pool_put(struct pool *pool, void *object);

#endif /* POOL_H */
