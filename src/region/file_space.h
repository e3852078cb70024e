/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file_space.h -- the file space behind a mapping (layer 2).
 *
 * file_space_ensure() allocates it (fallocate) before a range is handed out,
 * and file_space_discard() gives it back (hole punching).
 *
 * Both work after the program has closed the file's descriptor: holes are
 * always punched through the mapping, and pages get file space by being
 * touched.
 */
#ifndef FILE_SPACE_H
#define FILE_SPACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/kept_fd.h"
#include "base/lock.h"
#include "region/backing.h"

struct file_space {
	const struct backing *backing; /* the whole file, once it is mapped */
	const char *path;              /* for log lines */
	struct kept_fd fd;             /* holds the owner lock */
	_Atomic(bool) may_share;       /* of data, with clones of the file */
	_Atomic(bool) has_lost;        /* descriptor closed, and logged */
	/* Rank RANK_BACKING: see write_through().  Never ended: in a child of
	 * fork(2), which writes to no file, it may be locked by a thread of the
	 * parent. */
	struct lock writing;
};

/* The record must be zeroed. b and path must stay valid, and b->has_content
 * must be set.  The caller owns fd until it calls kept_fd_init(). */
void file_space_init(
    struct file_space *s, const struct backing *b, int fd, const char *path);

/* As in backing_ops, once the file is mapped. */
int file_space_ensure(
    struct file_space *s, size_t off, size_t len, bool *is_zero) DK_MUST_CHECK;
int file_space_discard(struct file_space *s, size_t off, size_t len)
    DK_MUST_CHECK;
bool file_space_find_hole(const struct file_space *s, size_t off, size_t len,
    size_t *hole_off, size_t *hole_len);
bool file_space_is_hole(const struct file_space *s, size_t off, size_t len);
/* Make fd, an empty file, a clone of the file.  Fails where a range cannot be
 * unshared afterwards. */
int file_space_clone(struct file_space *s, int fd) DK_MUST_CHECK;
/* Give a range, which has file space, space of its own again. */
int file_space_unshare(struct file_space *s, size_t off, size_t len)
    DK_MUST_CHECK;
/* Reserve all file space and fault it in.  On failure, a file with content
 * holds no more space than before. */
int file_space_reserve_all(struct file_space *s) DK_MUST_CHECK;

#endif /* FILE_SPACE_H */
