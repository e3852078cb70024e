/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_fill.h -- fill a heap to the brim and empty it again.
 *
 * The list of blocks is kept in the blocks, so it takes no other memory.
 * Nothing here uses cmocka: any thread may call it.
 */
#ifndef TEST_FILL_H
#define TEST_FILL_H

#include <stddef.h>
#include <stdint.h>

#include "tested.h"

struct test_fill {
	void *last;   /* the newest block, NULL when empty */
	size_t nr;    /* blocks */
	size_t bytes; /* that were asked for, in live blocks */
	int err;      /* errno of the allocation that ended it */
};

#define TEST_FILL_MIN_SIZE (sizeof(void *) + sizeof(size_t))

/* Allocate lo to hi bytes at random until there is no more. */
void test_fill(memkind_t kind, size_t lo, size_t hi, uint64_t seed,
    struct test_fill *fill);
/* As test_fill(), but at most max_bytes in all. */
void test_fill_up_to(memkind_t kind, size_t lo, size_t hi, uint64_t seed,
    size_t max_bytes, struct test_fill *fill);
/* Free all of it.  kind may be NULL: found from each block. */
void test_fill_free(memkind_t kind, struct test_fill *fill);

#endif /* TEST_FILL_H */
