// SPDX-License-Identifier: BSD-2-Clause
/*
 * pool.c -- see pool.h.
 *
 *   chunk: | header | object | object | ... |     chunks are a list; free
 *                                                 objects are another one
 */
#include "base/pool.h"

#include "base/os.h"
#include "base/util.h"

struct pool_item {
	struct pool_item *next;
};

struct pool_chunk {
	struct pool_chunk *next;
	size_t len; /* bytes, this header included */
};

enum {
	FIRST_CHUNK_LEN = 4096,
	MAX_CHUNK_LEN = 8 * 1024 * 1024
};

void
pool_init(struct pool *pool, size_t object_size)
{
	*pool = (struct pool){
	    .object_size = align_up(object_size, sizeof(void *)),
	    .next_chunk_len = FIRST_CHUNK_LEN,
	};
}

void
pool_fini(struct pool *pool)
{
	struct pool_chunk *chunk = pool->chunks;

	while (chunk != NULL) {
		struct pool_chunk *next = chunk->next;

		(void)os_unmap(chunk, chunk->len);
		chunk = next;
	}
	pool_init(pool, pool->object_size);
}

void
pool_add_memory(struct pool *pool, void *memory, size_t len)
{
	char *first = memory;

	/* From the last to the first, so that they are handed out in order. */
	for (size_t i = len / pool->object_size; i-- > 0;)
		pool_put(pool, first + i * pool->object_size);
}

static int
add_chunk(struct pool *pool)
{
	size_t len = pool->next_chunk_len;
	void *mem;
	int rc = os_map_anon(len, &mem);

	if (rc < 0)
		return rc;
	struct pool_chunk *chunk = mem;
	chunk->next = pool->chunks;
	chunk->len = len;
	pool->chunks = chunk;
	if (len < MAX_CHUNK_LEN)
		pool->next_chunk_len = len * 2;

	pool_add_memory(pool, chunk + 1, len - sizeof(*chunk));
	return 0;
}

int
pool_reserve(struct pool *pool, size_t nr)
{
	while (pool->nr_spare < nr) {
		int rc = add_chunk(pool);

		if (rc < 0)
			return rc;
	}
	return 0;
}

void *
pool_get(struct pool *pool)
{
	if (pool_reserve(pool, 1) < 0)
		return NULL;
	struct pool_item *item = pool->spare;

	pool->spare = item->next;
	pool->nr_spare--;
	return item;
}

void
pool_put(struct pool *pool, void *object)
{
	struct pool_item *item = object;

	item->next = pool->spare;
	pool->spare = item;
	pool->nr_spare++;
}
