/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * superblock.h -- the mark of a durable heap (layer 2).
 *
 * The first and the last page of a region with a durable heap begin with these
 * eight bytes; restart/medium.h has the rest.
 *
 * A region opened with BACKING_OVERWRITE keeps its mark until a block is stored
 * over it, since only blocks are written.  So a volatile heap erases the mark when
 * the heap is made, not when the region is opened: some callers only inspect it.
 */
#ifndef SUPERBLOCK_H
#define SUPERBLOCK_H

#include <stdbool.h>
#include <string.h>

#include "base/export.h"

struct backing;

/* Not text, and not the start of any known format. */
#define SUPERBLOCK_MAGIC "\211DAXKIND"
enum {
	SUPERBLOCK_MAGIC_LEN = 8
};

/* Whether a page begins with the mark. */
static inline bool
superblock_is_at(const void *page)
{
	return memcmp(page, SUPERBLOCK_MAGIC, SUPERBLOCK_MAGIC_LEN) == 0;
}

/* 1: the page at off has a bad block, an access to which may end the process; 0: it
 * has none.  -errno: that cannot be told. */
int superblock_find_bad(struct backing *b, size_t off) DK_MUST_CHECK;
/* The same: what is not known is bad. */
bool superblock_is_bad(struct backing *b, size_t off);
/* Whether the region has a mark; does not read a page with a bad block. */
bool superblock_is_on(struct backing *b);
/* Take both away, durably, where they are. */
int superblock_erase(struct backing *b) DK_MUST_CHECK;
/* The same for one on the page at off. */
int superblock_erase_at(struct backing *b, size_t off) DK_MUST_CHECK;
/* The same for a file of size bytes. */
bool superblock_is_in_file(const char *path, size_t size);

#endif /* SUPERBLOCK_H */
