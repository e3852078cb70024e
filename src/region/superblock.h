/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * superblock.h -- the mark of a durable heap (layer 2).
 *
 * Reserved: no version of the library writes one yet.  The first page of a
 * region with a durable heap, and its last one, a copy, begin with these eight
 * bytes.  They are looked for now, so that a program that is built with this
 * version does not overwrite a heap that a later one made.
 *
 * Who writes superblocks: what is opened with BACKING_OVERWRITE keeps its mark
 * until a block is stored over it, as a region is written through blocks only.
 * So a volatile heap must take the mark away when it is made, and not when its
 * region is opened: some only look.
 */
#ifndef SUPERBLOCK_H
#define SUPERBLOCK_H

#include <stdbool.h>
#include <string.h>

#include "base/export.h"

struct backing;

/* Not text, and not what anything else begins with. */
#define SUPERBLOCK_MAGIC "\211DAXKIND"
enum {
	SUPERBLOCK_MAGIC_LEN = 8
};

/* Whether a page begins so. */
static inline bool
superblock_is_at(const void *page)
{
	return memcmp(page, SUPERBLOCK_MAGIC, SUPERBLOCK_MAGIC_LEN) == 0;
}

/* Whether there is one; a page with a bad block is not looked at. */
bool superblock_is_on(struct backing *b);
/* The same for a file of size bytes. */
bool superblock_is_in_file(const char *path, size_t size);

#endif /* SUPERBLOCK_H */
