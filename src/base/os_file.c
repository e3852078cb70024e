// SPDX-License-Identifier: BSD-2-Clause
/*
 * os_file.c -- files: see os.h.
 */
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/os_result.h"
#include "base/util.h"

int
os_open(const char *path, bool create, int *fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0);
	int f = open(path, flags, 0600);

	if (f < 0)
		return os_result(f, saved_errno);
	*fd = f;
	return 0;
}

int
os_open_read(const char *path, int *fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int f = open(path, O_RDONLY | O_CLOEXEC);

	if (f < 0)
		return os_result(f, saved_errno);
	*fd = f;
	return 0;
}

/* For file systems without O_TMPFILE.  Signals are blocked, so that none ends
 * the program between creating and unlinking the file. */
static int
open_and_unlink(const char *dir, int *fd)
{
	size_t path_size = strlen(dir) + sizeof("/daxkind.XXXXXX");
	sigset_t all, old;
	int rc;

	char *path = malloc(path_size);
	if (path == NULL)
		return -ENOMEM;
	(void)snprintf(path, path_size, "%s/daxkind.XXXXXX", dir);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int f = mkostemp(path, O_CLOEXEC);
	rc = f < 0 ? -errno : 0;
	if (f >= 0 && unlink(path) != 0) {
		rc = -errno;
		(void)close(f);
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	free(path);
	if (rc == 0)
		*fd = f;
	return rc;
}

int
os_open_unlinked(const char *dir, int *fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int f = open(dir, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
	int rc = f < 0 ? -errno : 0;

	/* A kernel without O_TMPFILE returns EISDIR. */
	if (rc == -EOPNOTSUPP || rc == -EISDIR)
		rc = open_and_unlink(dir, &f);
	errno = saved_errno;
	if (rc == 0)
		*fd = f;
	return rc;
}

int
os_open_linkable(const char *dir, int *fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int f = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (f < 0)
		return os_result(f, saved_errno);
	*fd = f;
	return 0;
}

int
os_link(int fd, const char *path)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	char name[32];

	/* Without this detour it needs a capability. */
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return os_result(
	    linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW),
	    saved_errno);
}

int
os_rename(const char *from, const char *to)
{
	DK_NO_CANCEL();
	int saved_errno = errno;

	return os_result(rename(from, to), saved_errno);
}

void
os_close(int fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;

	(void)close(fd); /* on Linux, the descriptor is closed in any case */
	errno = saved_errno;
}

int
os_raise_fd(int fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct rlimit limit;
	int rc = getrlimit(RLIMIT_NOFILE, &limit);
	/* The size of the kernel's descriptor table grows with the highest
	 * number. */
	int from = (int)min_size(os_limit(rc, &limit, saved_errno) / 2, 512);
	int high = fd < from ? fcntl(fd, F_DUPFD_CLOEXEC, from) : -1;

	if (high >= 0)
		(void)close(fd);
	errno = saved_errno;
	return high >= 0 ? high : fd;
}

int
os_pipe(int fds[2])
{
	int saved_errno = errno;

	return os_result(pipe2(fds, O_CLOEXEC), saved_errno);
}

void
os_wait_for_end(int fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	char none[64];
	ssize_t len;

	do
		len = read(fd, none, sizeof(none));
	while (len > 0 || (len < 0 && errno == EINTR));
	errno = saved_errno;
}

int
os_unlink(const char *path)
{
	DK_NO_CANCEL();
	int saved_errno = errno;

	return os_result(unlink(path), saved_errno);
}

static void
fill_stat(const struct stat *from, struct os_stat *to)
{
	*to = (struct os_stat){
	    .is_dir = S_ISDIR(from->st_mode),
	    .is_file = S_ISREG(from->st_mode),
	    .is_char_dev = S_ISCHR(from->st_mode),
	    .is_block_dev = S_ISBLK(from->st_mode),
	    .size = (size_t)from->st_size,
	    .space = (size_t)from->st_blocks * 512, /* in units of 512 bytes */
	    .major_nr = major(from->st_rdev),
	    .minor_nr = minor(from->st_rdev),
	    .device = from->st_dev,
	    .inode = from->st_ino,
	};
}

int
os_stat(const char *path, struct os_stat *st)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct stat buf;

	if (stat(path, &buf) != 0)
		return os_result(-1, saved_errno);
	fill_stat(&buf, st);
	return 0;
}

int
os_fstat(int fd, struct os_stat *st)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct stat buf;

	if (fstat(fd, &buf) != 0)
		return os_result(-1, saved_errno);
	fill_stat(&buf, st);
	return 0;
}

int
os_device_of_file(int fd, unsigned *major_nr, unsigned *minor_nr)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct stat buf;

	if (fstat(fd, &buf) != 0)
		return os_result(-1, saved_errno);
	*major_nr = major(buf.st_dev);
	*minor_nr = minor(buf.st_dev);
	return 0;
}

bool
os_is_dax(int fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct statx buf;
	bool is_dax = false;

#ifdef STATX_ATTR_DAX
	if (statx(fd, "", AT_EMPTY_PATH, 0, &buf) == 0)
		is_dax = (buf.stx_attributes & STATX_ATTR_DAX) != 0;
#else
	(void)fd;
	(void)buf;
#endif
	errno = saved_errno;
	return is_dax;
}

void
os_drop_cache(int fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;

	/* Pages that are not on the disk would stay. */
	(void)fdatasync(fd);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	errno = saved_errno;
}

int
os_probe_file(int fd, size_t off)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	char byte;
	ssize_t len;

	do
		len = pread(fd, &byte, 1, (off_t)off);
	while (len < 0 && errno == EINTR);
	int rc = len < 0 ? -errno : len == 0 ? -ENODATA : 0;
	errno = saved_errno;
	return rc;
}

int
os_sync_new_file(int fd, const char *path)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	const char *slash = strrchr(path, '/');
	/* For "a/b", sync the directory "a/". */
	char *dir = slash != NULL ? strndup(path, (size_t)(slash - path) + 1)
				  : strdup(".");
	int rc = dir != NULL ? fsync(fd) : -1;

	if (rc == 0) {
		int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		rc = dir_fd >= 0 ? fsync(dir_fd) : -1;
		int err = errno;
		if (dir_fd >= 0)
			(void)close(dir_fd);
		errno = err;
	}
	rc = os_result(rc, saved_errno);
	free(dir);
	return rc;
}

int
os_lock_file(int fd)
{
	int saved_errno = errno;

	return os_result(flock(fd, LOCK_EX | LOCK_NB), saved_errno);
}

void
os_unlock_file(int fd)
{
	int saved_errno = errno;

	(void)flock(fd, LOCK_UN);
	errno = saved_errno;
}
