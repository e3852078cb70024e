/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * superblock_copies.h -- the superblock and its copy (layer 3).
 */
#ifndef SUPERBLOCK_COPIES_H
#define SUPERBLOCK_COPIES_H

#include "base/export.h"
#include "region/backing.h"
#include "restart/ledger.h"
#include "restart/medium.h"

/* What a page of the medium has. */
enum copy_is {
	COPY_NONE,
	COPY_DAMAGED,
	COPY_FOREIGN, /* of a version or with a feature that is not known */
	COPY_VALID
};

/* What is at off; page gets what could be read, of which nothing is sure unless it
 * is valid.  Otherwise *why says what is wrong with "it", the superblock. */
enum copy_is superblock_look(struct backing *b, size_t off,
    union superblock_copy *page, const char **why);
/* The later of the two that are valid; if none is, the one to complain about.
 * sb is to be trusted only if it is valid, and may be of a larger region. */
enum copy_is superblock_find(struct backing *b, struct superblock *sb);

/*
 * The later of the two that are valid, checked so far that every offset in it
 * is inside the backing.  Writes nothing.  On failure there is a text, which
 * names path:
 *   -ENOENT           neither begins as one does; no text
 *   -EUCLEAN          both are damaged
 *   -EPROTONOSUPPORT  of another version, or with a feature unknown here
 *   -EFBIG            the backing has become smaller
 */
int superblock_read(struct backing *b, const char *path, struct superblock *sb)
    DK_MUST_CHECK;

/* Write both, the older first, of two that are alike the last page, with the next
 * sequence number, and have them durable.  Of one in a bad block, which l knows,
 * nothing is written.  -errno of msync(2); -ELIBACC, -EIO, with a text. */
int superblock_write(const struct ledger *l, struct superblock *sb)
    DK_MUST_CHECK;
/* A superblock as the medium has it. */
void superblock_encode(
    const struct superblock *sb, union superblock_copy *page);

#endif /* SUPERBLOCK_COPIES_H */
