/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept_fd.h -- a descriptor that is kept for long, in a process that may close
 * it (layer 0).
 *
 * Daemons close all descriptors as a habit (closefrom(3)), and the kernel then
 * reuses the number for the next file that the program opens.  So a kept
 * descriptor has a high number, which is seldom reused, and before each use its
 * file's identity is checked.
 *
 * Another thread may close it and open a file between the check and the use.
 * Nothing can rule that out, so operations on the descriptor are chosen to do
 * no harm to another file where possible: os_allocate() leaves the file's size
 * alone, and holes are punched through the mapping.
 */
#ifndef KEPT_FD_H
#define KEPT_FD_H

#include <stdbool.h>
#include <stdint.h>

struct kept_fd {
	int fd;
	bool is_known;          /* device and inode are valid */
	uint64_t device, inode; /* of the file */
};

/* Takes ownership of fd, which kept_fd_close() alone closes; -1: no file. */
void kept_fd_init(struct kept_fd *k, int fd);
/* Whether the descriptor is open and still the same file. */
bool kept_fd_is_ours(const struct kept_fd *k);
/*
 * Close it, if it still is the same file. is_owner: drop the lock on the file
 * first, which a child of fork(2) with a copy of the descriptor would keep
 * otherwise.  A child is not the owner.
 */
void kept_fd_close(const struct kept_fd *k, bool is_owner);

#endif /* KEPT_FD_H */
