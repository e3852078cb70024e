/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file_space.h -- the space behind the mapping of a file (layer 2).
 *
 * It comes by file_space_ensure() (fallocate), before a range is handed out, and
 * goes by file_space_discard() (hole punching).
 *
 * All of that goes on when the program has closed the file's descriptor: holes
 * are punched by the mapping in any case, and the pages of a range get file
 * space by being touched.
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
	_Atomic(bool) may_share; /* of its data, with clones of the file */
	_Atomic(bool) has_lost;  /* the descriptor, and that was said */
	/* Rank RANK_BACKING: see write_through().  Not ended, since a child of
	 * fork(2), which writes to no file, may have it from another thread. */
	struct lock writing;
};

/* Of a zeroed record.  b and path stay, and b->has_content is set.  fd is the
 * caller's until that calls kept_fd_init(). */
void file_space_init(
    struct file_space *s, const struct backing *b, int fd, const char *path);

/* As in backing_ops, once the file is mapped. */
int file_space_ensure(
    struct file_space *s, size_t off, size_t len, bool *is_zero) DK_MUST_CHECK;
int file_space_discard(struct file_space *s, size_t off, size_t len)
    DK_MUST_CHECK;
bool file_space_is_hole(const struct file_space *s, size_t off, size_t len);
/* Reserve everything and fault it in.  On failure, a file with content holds no
 * more space than before. */
int file_space_reserve_all(struct file_space *s) DK_MUST_CHECK;

#endif /* FILE_SPACE_H */
