// SPDX-License-Identifier: BSD-2-Clause
/*
 * kept_fd.c -- see kept_fd.h.
 */
#include "base/kept_fd.h"

#include <errno.h>

#include "base/os.h"

void
kept_fd_init(struct kept_fd *k, int fd)
{
	struct os_stat st;

	*k = (struct kept_fd){.fd = -1, .is_known = true};
	if (fd < 0)
		return;
	*k = (struct kept_fd){.fd = os_raise_fd(fd)};
	/* seccomp may forbid fstat(2): then the file's identity stays
	 * unknown. */
	if (os_fstat(k->fd, &st) < 0)
		return;
	k->is_known = true;
	k->device = st.device;
	k->inode = st.inode;
}

/* 0: the same file.  -ESTALE: another file.  -EBADF: closed.  Others:
 * unknown. */
static int
compare(const struct kept_fd *k)
{
	struct os_stat st;
	int rc = os_fstat(k->fd, &st);

	if (rc < 0)
		return rc;
	return st.device == k->device && st.inode == k->inode ? 0 : -ESTALE;
}

bool
kept_fd_is_ours(const struct kept_fd *k)
{
	return !k->is_known || compare(k) == 0;
}

void
kept_fd_close(const struct kept_fd *k, bool is_owner)
{
	int rc = k->is_known ? compare(k) : 0;

	if (rc == -ESTALE || rc == -EBADF)
		return;
	if (is_owner)
		os_unlock_file(k->fd);
	os_close(k->fd);
}
