// SPDX-License-Identifier: BSD-2-Clause
/*
 * os_space.c -- file space: see os.h.
 */
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/os_result.h"
#include "base/util.h"

/* Number of extents for each ioctl(2). */
enum {
	NR_EXTENTS = 32
};

/* Call visit for each extent in [off, off + len), until it returns a value
 * other than 0, which is then returned. */
static int
walk_extents(int fd, size_t off, size_t len, unsigned flags,
    int (*visit)(void *arg, const struct fiemap_extent *extent), void *arg)
{
	DK_NO_CANCEL();
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) +
			  NR_EXTENTS * sizeof(struct fiemap_extent)];
	} u;
	int saved_errno = errno;
	size_t end = off + len;
	int rc = 0;

	while (rc == 0 && off < end) {
		memset(&u, 0, sizeof(u));
		u.map.fm_start = off;
		u.map.fm_length = end - off;
		u.map.fm_flags = flags;
		u.map.fm_extent_count = NR_EXTENTS;
		if (ioctl(fd, FS_IOC_FIEMAP, &u.map) != 0)
			return os_result(-1, saved_errno);
		if (u.map.fm_mapped_extents == 0)
			break;
		for (unsigned i = 0; rc == 0 && i < u.map.fm_mapped_extents;
		     i++) {
			const struct fiemap_extent *e = &u.map.fm_extents[i];

			rc = visit(arg, e);
			off = e->fe_logical + e->fe_length;
			if ((e->fe_flags & FIEMAP_EXTENT_LAST) != 0)
				end = off;
		}
	}
	return rc;
}

struct extent_walk {
	size_t off, end; /* the range, in the file */
	int (*visit)(void *arg, size_t off, size_t device_off, size_t len);
	void *arg;
};

static int
pass_on(void *arg, const struct fiemap_extent *e)
{
	const struct extent_walk *walk = arg;
	size_t from = max_size(e->fe_logical, walk->off);
	size_t to = min_size(e->fe_logical + e->fe_length, walk->end);

	if (from >= to)
		return 0;
	return walk->visit(walk->arg, from,
	    e->fe_physical + (from - e->fe_logical), to - from);
}

int
os_walk_extents(int fd, size_t off, size_t len,
    int (*visit)(void *arg, size_t off, size_t device_off, size_t len),
    void *arg)
{
	struct extent_walk walk = {off, off + len, visit, arg};

	return walk_extents(fd, off, len, FIEMAP_FLAG_SYNC, pass_on, &walk);
}

struct gap_walk {
	size_t pos, end; /* rest of the range, in the file */
	int (*visit)(void *arg, size_t off, size_t len);
	void *arg;
};

/* The part before the extent has no space, and neither has a shared extent. */
static int
find_gap(void *arg, const struct fiemap_extent *e)
{
	struct gap_walk *walk = arg;
	bool is_shared = (e->fe_flags & FIEMAP_EXTENT_SHARED) != 0;
	size_t e_end = e->fe_logical + e->fe_length;
	size_t gap_end = min_size(is_shared ? e_end : e->fe_logical, walk->end);
	int rc = 0;

	if (gap_end > walk->pos)
		rc = walk->visit(walk->arg, walk->pos, gap_end - walk->pos);
	walk->pos = max_size(walk->pos, min_size(e_end, walk->end));
	return rc;
}

int
os_walk_gaps(int fd, size_t off, size_t len,
    int (*visit)(void *arg, size_t off, size_t len), void *arg)
{
	struct gap_walk walk = {off, off + len, visit, arg};
	int rc = walk_extents(fd, off, len, 0, find_gap, &walk);

	if (rc == 0 && walk.pos < walk.end)
		rc = visit(arg, walk.pos, walk.end - walk.pos);
	return rc;
}

static int
is_shared(void *arg, const struct fiemap_extent *e)
{
	(void)arg;
	return (e->fe_flags & FIEMAP_EXTENT_SHARED) != 0;
}

int
os_set_in_place(int fd, bool on)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return os_result(-1, saved_errno);
	if (((flags & FS_NOCOW_FL) != 0) == on)
		return 0;
	flags ^= FS_NOCOW_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
		return os_result(-1, saved_errno);
	return 1;
}

enum os_cow
os_copies_on_write(int fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	enum os_cow cow = OS_COW_NEVER;
	struct statfs buf;
	int flags;

	if (fstatfs(fd, &buf) == 0 &&
	    (unsigned long)buf.f_type == BTRFS_SUPER_MAGIC) {
		if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 ||
		    (flags & FS_NOCOW_FL) == 0)
			cow = OS_COW_ALWAYS;
		else if (walk_extents(fd, 0, (size_t)INT64_MAX,
			     FIEMAP_FLAG_SYNC, is_shared, NULL) == 1)
			cow = OS_COW_SHARED;
	}
	errno = saved_errno;
	return cow;
}

int
os_fs_size(int fd, size_t *bytes)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct statvfs buf;
	size_t size;

	if (fstatvfs(fd, &buf) != 0)
		return os_result(-1, saved_errno);
	/* tmpfs and hugetlbfs without a size= limit report 0 blocks.  The
	 * number of huge pages is limited by the kernel's pool. */
	size_t nr = buf.f_blocks;
	if (nr == 0)
		nr = buf.f_frsize >= DK_HUGE_PAGE
			 ? os_nr_huge_pages(buf.f_frsize)
			 : SIZE_MAX;
	if (!mul_checked(nr, buf.f_frsize, &size))
		size = SIZE_MAX;
	*bytes = size;
	return 0;
}

size_t
os_file_size_limit(void)
{
	int saved_errno = errno;
	struct rlimit limit;
	int rc = getrlimit(RLIMIT_FSIZE, &limit);

	return os_limit(rc, &limit, saved_errno);
}

size_t
os_address_space_limit(void)
{
	int saved_errno = errno;
	struct rlimit limit;
	int rc = getrlimit(RLIMIT_AS, &limit);

	return os_limit(rc, &limit, saved_errno);
}

/*
 * Beyond the process's file size limit the kernel returns EFBIG and sends
 * SIGXFSZ to the thread, which ends a program that does not handle it.  So the
 * signal is blocked during the call, and removed if the call raised it.
 */
struct size_signal {
	sigset_t set, mask;
	bool was_pending;
};

static void
hold_size_signal(struct size_signal *s)
{
	sigset_t pending;

	(void)sigemptyset(&s->set);
	(void)sigaddset(&s->set, SIGXFSZ);
	(void)pthread_sigmask(SIG_BLOCK, &s->set, &s->mask);
	s->was_pending =
	    sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
}

/* rc is the result of the call in between. */
static void
release_size_signal(const struct size_signal *s, int rc)
{
	static const struct timespec At_once;

	if (rc == -EFBIG && !s->was_pending)
		while (
		    sigtimedwait(&s->set, NULL, &At_once) < 0 && errno == EINTR)
			;
	(void)pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
}

bool
os_is_dense(int fd, size_t len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct stat buf;
	/* A file system without support for holes reports none, but that does
	 * not mean that the file has all its space. */
	bool is_dense = fstat(fd, &buf) == 0 &&
			(size_t)buf.st_blocks * 512 >= len &&
			lseek(fd, 0, SEEK_HOLE) >= (off_t)len;

	errno = saved_errno;
	return is_dense;
}

int
os_fs_block(int fd, size_t *bytes)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct statvfs buf;

	if (fstatvfs(fd, &buf) != 0)
		return os_result(-1, saved_errno);
	/* The kernel's value is valid, but FUSE may pass on another one. */
	bool is_good = is_power_of_two(buf.f_frsize) && buf.f_frsize <= GIB;
	*bytes = is_good ? max_size(buf.f_frsize, DK_PAGE) : DK_PAGE;
	return 0;
}

int
os_set_size(int fd, size_t len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct size_signal signal;

	if (len > (size_t)INT64_MAX)
		return -EFBIG;
	hold_size_signal(&signal);
	int rc = ftruncate(fd, (off_t)len) == 0 ? 0 : -errno;
	release_size_signal(&signal, rc);
	errno = saved_errno;
	return rc;
}

/*
 * Uses FALLOC_FL_KEEP_SIZE: the file has its size already, and if the
 * descriptor has become another file's, that file keeps its size too. tmpfs
 * before Linux 6.10 gives back all the space of an interrupted call, so after a
 * signal the pieces get smaller.
 */
/* other_mode: for file systems that do not support mode; -1: none. */
static int
allocate(int fd, size_t off, size_t len, int mode, int other_mode)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	size_t max_piece = len;

	while (len > 0) {
		size_t piece = min_size(len, max_piece);

		if (fallocate(fd, mode, (off_t)off, (off_t)piece) == 0) {
			off += piece;
			len -= piece;
		} else if (errno == EINTR) {
			max_piece =
			    max_size(align_down(piece / 2, DK_PAGE), DK_PAGE);
		} else if (errno == EOPNOTSUPP && other_mode >= 0) {
			mode = other_mode;
			other_mode = -1;
		} else {
			return os_result(-1, saved_errno);
		}
	}
	errno = saved_errno;
	return 0;
}

int
os_allocate(int fd, size_t off, size_t len)
{
	/* NFS and some FUSE file systems support only mode 0. */
	return allocate(fd, off, len, FALLOC_FL_KEEP_SIZE, 0);
}

int
os_allocate_unshared(int fd, size_t off, size_t len)
{
	return allocate(
	    fd, off, len, FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE, -1);
}

int
os_clone(int fd, int from_fd)
{
	DK_NO_CANCEL();
	int saved_errno = errno;

	return os_result(ioctl(fd, FICLONE, from_fd), saved_errno);
}

int
os_find_hole(int fd, size_t off, size_t len, size_t *hole_off, size_t *hole_len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	size_t end = off + len;
	off_t from = lseek(fd, (off_t)off, SEEK_HOLE);
	int rc = -ENOENT;

	/* The end of a file counts as a hole, too. */
	if (from >= 0 && (size_t)from < end) {
		off_t to = lseek(fd, from, SEEK_DATA);

		/* ENXIO: there is no data after the hole. */
		if (to >= 0)
			end = min_size(end, (size_t)to);
		if (to >= 0 || errno == ENXIO)
			rc = 0;
	}
	if (rc == 0) {
		*hole_off = (size_t)from;
		*hole_len = end - (size_t)from;
	}
	errno = saved_errno;
	return rc;
}

int
os_punch(int fd, size_t off, size_t len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int rc;

	do {
		rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    (off_t)off, (off_t)len);
	} while (rc != 0 && errno == EINTR);
	return os_result(rc, saved_errno);
}

/* Write len bytes at off in pieces. from is repeated if it has fewer bytes. */
static int
write_at(int fd, size_t off, size_t len, const char *from, size_t from_len,
    size_t piece)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct size_signal signal;
	int rc = 0;

	hold_size_signal(&signal);
	for (size_t at = 0; rc == 0 && at < len;) {
		size_t part = at % from_len;
		size_t want =
		    min_size(min_size(len - at, from_len - part), piece);
		ssize_t done = pwrite(fd, from + part, want, (off_t)(off + at));

		if (done > 0)
			at += (size_t)done;
		else if (done == 0 || errno != EINTR)
			rc = done < 0 ? -errno : -ENOSPC;
	}
	release_size_signal(&signal, rc);
	errno = saved_errno;
	return rc;
}

int
os_write_zeroes(int fd, size_t off, size_t len)
{
	static const char Zeroes[64 * 1024];

	return write_at(fd, off, len, Zeroes, sizeof(Zeroes), sizeof(Zeroes));
}

int
os_sync_range(int fd, size_t off, size_t len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int rc;

	do {
		rc = sync_file_range(fd, (off_t)off, (off_t)len,
		    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			SYNC_FILE_RANGE_WAIT_AFTER);
		if (rc != 0 && (errno == ENOSYS || errno == EPERM))
			rc = fdatasync(fd);
	} while (rc != 0 && errno == EINTR);
	return os_result(rc, saved_errno);
}

int
os_write_zero_pages(int fd, size_t off, size_t len)
{
	static const char Zeroes[DK_PAGE];

	return write_at(fd, off, len, Zeroes, sizeof(Zeroes), sizeof(Zeroes));
}

int
os_write(int fd, size_t off, const void *bytes, size_t len)
{
	return write_at(fd, off, len, bytes, len, DK_PAGE);
}

int
os_write_bulk(int fd, size_t off, const void *bytes, size_t len)
{
	return write_at(fd, off, len, bytes, len, MIB);
}
