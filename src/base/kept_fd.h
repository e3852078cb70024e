/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept_fd.h -- a descriptor that is kept for long, in a process that may close
 * it (layer 0).
 *
 * Daemons close all descriptors as a habit (closefrom(3)), and the number goes to
 * the next file that the program opens.  So a descriptor that is kept has a high
 * number, which is seldom given away, and before each use it is asked whether it
 * is the same file still.
 *
 * Another thread may close it and open a file between the question and the use.
 * Nothing can rule that out, so what is done by such a descriptor is chosen to do
 * no harm to another file wherever that can be had: os_allocate() leaves the
 * file's size alone, and holes are punched by the mapping.
 */
#ifndef KEPT_FD_H
#define KEPT_FD_H

#include <stdbool.h>
#include <stdint.h>

struct kept_fd {
	int fd;
	bool is_known;          /* what follows could be had */
	uint64_t device, inode; /* of the file */
};

/* Takes fd over: it is open, and closed by kept_fd_close() only; or it is -1, for
 * none. */
void kept_fd_init(struct kept_fd *k, int fd);
/* Whether it is open, as the same file. */
bool kept_fd_is_ours(const struct kept_fd *k);
/*
 * Close it, if it is ours still.  is_owner: drop the lock on the file first, which
 * a child of fork(2) that has the file would keep otherwise.  A child itself is
 * none.
 */
void kept_fd_close(const struct kept_fd *k, bool is_owner);

#endif /* KEPT_FD_H */
