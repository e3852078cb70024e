// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_fill.c -- see test_fill.h.
 */
#include "test_fill.h"

#include <errno.h>
#include <string.h>

#include "test_region.h"

struct link {
	struct link *next;
	size_t size;
};

void
test_fill_up_to(memkind_t kind, size_t lo, size_t hi, uint64_t seed,
    size_t max_bytes, struct test_fill *fill)
{
	memset(fill, 0, sizeof(*fill));
	for (;;) {
		size_t size = test_random_size(&seed, lo, hi);
		struct link *block;

		if (size > max_bytes - fill->bytes)
			break;
		errno = 0;
		block = memkind_malloc(kind, size);
		if (block == NULL) {
			fill->err = errno;
			break;
		}
		block->next = fill->last;
		block->size = size;
		fill->last = block;
		fill->nr++;
		fill->bytes += size;
	}
}

void
test_fill(
    memkind_t kind, size_t lo, size_t hi, uint64_t seed, struct test_fill *fill)
{
	test_fill_up_to(kind, lo, hi, seed, SIZE_MAX, fill);
}

void
test_fill_free(memkind_t kind, struct test_fill *fill)
{
	struct link *block = fill->last;

	while (block != NULL) {
		struct link *next = block->next;

		memkind_free(kind, block);
		block = next;
	}
	memset(fill, 0, sizeof(*fill));
}
