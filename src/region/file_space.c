// SPDX-License-Identifier: BSD-2-Clause
/*
 * file_space.c -- see file_space.h.
 */
#include "region/file_space.h"

#include <errno.h>

#include "base/log.h"
#include "base/os.h"
#include "base/pool.h"
#include "base/util.h"
#include "space/rangeset.h"

void
file_space_init(
    struct file_space *s, const struct backing *b, int fd, const char *path)
{
	s->backing = b;
	s->path = path;
	s->fd.fd = fd; /* until the caller hands it over by kept_fd_init() */
	atomic_init(&s->may_share, b->has_content);
	lock_init(&s->writing, RANK_BACKING);
}

/* Avoid large pieces in the page cache, where a store to a page would need
 * space for the whole piece: see OS_MAP_BY_PAGE. */
static int
write_zeroes(struct file_space *s, size_t off, size_t len)
{
	return s->backing->is_sync ? os_write_zeroes(s->fd.fd, off, len)
				   : os_write_zero_pages(s->fd.fd, off, len);
}

static int
punch(struct file_space *s, size_t off, size_t len)
{
	/* On a file system of small blocks, holes may be smaller than a
	 * page. */
	bool is_paged = off % DK_PAGE == 0 && len % DK_PAGE == 0;
	int rc =
	    is_paged ? os_punch_mapped(s->backing->base + off, len) : -EINVAL;

	/* The memory is locked or read-only; or not on Linux itself
	 * (ENOSYS). */
	if ((rc == -EINVAL || rc == -EACCES || rc == -ENOSYS) &&
	    kept_fd_is_ours(&s->fd))
		rc = os_punch(s->fd.fd, off, len);
	return rc;
}

/* A clone of the file shares its data, and a store to shared data needs new
 * space. */
static int
allocate_one(struct file_space *s, size_t off, size_t len)
{
	if (atomic_load_explicit(&s->may_share, memory_order_relaxed)) {
		int rc = os_allocate_unshared(s->fd.fd, off, len);

		if (rc != -EOPNOTSUPP)
			return rc;
		atomic_store_explicit(
		    &s->may_share, false, memory_order_relaxed);
	}
	return os_allocate(s->fd.fd, off, len);
}

struct gaps {
	struct file_space *space;
	size_t len; /* of the whole range */
};

static int
allocate_gap(void *arg, size_t off, size_t len)
{
	const struct gaps *gaps = arg;

	/* The whole range was tried already. */
	return len == gaps->len ? -ENOSPC : allocate_one(gaps->space, off, len);
}

/* XFS needs as much free space as the range is long, even if parts have space.
 * So allocate only the gaps. */
static int
allocate(struct file_space *s, size_t off, size_t len)
{
	struct gaps gaps = {s, len};
	int rc = allocate_one(s, off, len);

	if (rc != -ENOSPC)
		return rc;
	int gaps_rc = os_walk_gaps(s->fd.fd, off, len, allocate_gap, &gaps);
	return gaps_rc == -EOPNOTSUPP || gaps_rc == -ENOTTY ? rc : gaps_rc;
}

/* Errors of a bad block that cannot be written again. */
static bool
is_bad_block(int rc)
{
	return rc == -EIO || rc == -EFAULT;
}

/* A record of the holes in a part of the file. */
struct holes {
	struct pool nodes;
	struct rangeset set;
};

static void
holes_fini(struct holes *holes)
{
	pool_fini(&holes->nodes);
}

/* -ENOMEM: do not call holes_fini(). */
static int
holes_init(struct holes *holes, int fd, size_t off, size_t len)
{
	size_t end = off + len;
	size_t hole_off, hole_len;
	int rc = 0;

	pool_init(&holes->nodes, sizeof(struct rangeset_node));
	rangeset_init(&holes->set, &holes->nodes);
	while (rc == 0 && off < end &&
	       os_find_hole(fd, off, end - off, &hole_off, &hole_len) == 0) {
		rc = rangeset_add(&holes->set, hole_off, hole_len);
		off = hole_off + hole_len;
	}
	if (rc < 0)
		holes_fini(holes);
	return rc;
}

/* Apply change to each hole. */
static int
holes_change(const struct holes *holes, struct file_space *s,
    int (*change)(struct file_space *s, size_t off, size_t len))
{
	size_t pos = 0, off, len;
	int rc = 0;

	while (rc == 0 && rangeset_next(&holes->set, pos, &off, &len)) {
		rc = change(s, off, len);
		pos = off + len;
	}
	return rc;
}

/* In a file with content, write to holes only.  If the file system does not
 * report holes, rewrite all bytes with the same content. */
static int
write_part(
    struct file_space *s, const struct holes *holes, size_t off, size_t len)
{
	if (!s->backing->has_content)
		return write_zeroes(s, off, len);
	if (holes->set.nr == 0 && !s->backing->is_sync)
		return os_write(s->fd.fd, off, s->backing->base + off, len);
	return holes_change(holes, s, write_zeroes);
}

/*
 * Without fallocate, written data may get its place only on the way to the disk
 * (ext2, NFS), and a lack of space is then not reported.  So write it to the
 * disk now.  One thread at a time, since only the first caller is told of a
 * failure.
 */
static int
write_through(
    struct file_space *s, const struct holes *holes, size_t off, size_t len)
{
	lock_take(&s->writing);
	int rc = write_part(s, holes, off, len);
	if (rc == 0)
		rc = os_sync_range(s->fd.fd, off, len);
	lock_drop(&s->writing);
	return rc;
}

static int
write_space(struct file_space *s, size_t off, size_t len, bool *is_zero)
{
	/* In a new file, every range that is not handed out may be zeroed. */
	size_t kept_len = s->backing->has_content ? len : 0;
	struct holes holes;
	int rc = holes_init(&holes, s->fd.fd, off, kept_len);

	if (rc < 0)
		return rc;
	*is_zero = kept_len == 0 || holes.set.total == len;
	rc = s->backing->is_sync ? write_part(s, &holes, off, len)
				 : write_through(s, &holes, off, len);
	if (rc < 0 && !is_bad_block(rc))
		(void)holes_change(&holes, s, punch);
	holes_fini(&holes);
	return rc;
}

/* Give back the file space of a failed allocation: ext4 would keep it, and the
 * file system would stay full.  Returns whether the range is zero. */
static bool
undo_allocate(struct file_space *s, size_t off, size_t len)
{
	struct holes holes;

	if (!s->backing->has_content)
		return punch(s, off, len) == 0;
	/* Reserved, unwritten space counts as a hole. */
	if (holes_init(&holes, s->fd.fd, off, len) < 0)
		return false;
	bool is_zero =
	    holes_change(&holes, s, punch) == 0 && holes.set.total == len;
	holes_fini(&holes);
	return is_zero;
}

/* Get file space without the descriptor.  EFAULT: a store would raise
 * SIGBUS. */
static int
touch(struct file_space *s, size_t off, size_t len, bool *is_zero)
{
	if (!atomic_exchange(&s->has_lost, true))
		log_write(DK_LOG_WARNING,
		    "%s: the program has closed the region's descriptor: file "
		    "space is now allocated by touching pages, which takes "
		    "longer",
		    s->path);
	int rc = os_populate(s->backing->base + off, len);
	*is_zero =
	    rc < 0 && !s->backing->has_content && punch(s, off, len) == 0;
	return rc == -EFAULT ? -ENOSPC : rc;
}

/*
 * Under MAP_SYNC the first store to an unwritten extent waits for a journal
 * commit (dax-ext4, measured: 31 ms against 4 ms for each huge page).  Writing
 * zeroes here turns the extents into written ones.  File systems without
 * fallocate can only be written to.
 */
int
file_space_ensure(struct file_space *s, size_t off, size_t len, bool *is_zero)
{
	bool is_written_zero = false;

	if (!kept_fd_is_ours(&s->fd))
		return touch(s, off, len, is_zero);
	int rc = allocate(s, off, len);

	/* Without fallocate, or if seccomp forbids it, writing is the only
	 * way. */
	if (rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EPERM ||
	    (rc == 0 && s->backing->is_sync)) {
		rc = write_space(s, off, len, &is_written_zero);
		/* If it were punched, the next call would get the bad block
		 * again. */
		if (is_bad_block(rc)) {
			*is_zero = false;
			return -EIO;
		}
	}
	*is_zero = rc < 0 ? undo_allocate(s, off, len) : is_written_zero;
	return rc;
}

bool
file_space_find_hole(const struct file_space *s, size_t off, size_t len,
    size_t *hole_off, size_t *hole_len)
{
	return kept_fd_is_ours(&s->fd) &&
	       os_find_hole(s->fd.fd, off, len, hole_off, hole_len) == 0;
}

bool
file_space_is_hole(const struct file_space *s, size_t off, size_t len)
{
	size_t hole_off, hole_len;

	return file_space_find_hole(s, off, len, &hole_off, &hole_len) &&
	       hole_len == len;
}

int
file_space_clone(struct file_space *s, int fd)
{
	int rc = os_allocate_unshared(s->fd.fd, 0, DK_PAGE);

	if (rc == 0)
		rc = os_clone(fd, s->fd.fd);
	if (rc == 0)
		atomic_store_explicit(
		    &s->may_share, true, memory_order_relaxed);
	return rc;
}

int
file_space_unshare(struct file_space *s, size_t off, size_t len)
{
	return kept_fd_is_ours(&s->fd)
		   ? os_allocate_unshared(s->fd.fd, off, len)
		   : os_populate(s->backing->base + off, len);
}

int
file_space_discard(struct file_space *s, size_t off, size_t len)
{
	int rc = punch(s, off, len);

	/* Errors of file systems without holes, and of seccomp. */
	return rc == -ENOSYS || rc == -EINVAL || rc == -EPERM ? -EOPNOTSUPP
							      : rc;
}

int
file_space_reserve_all(struct file_space *s)
{
	const struct backing *b = s->backing;
	/* A new file is removed or emptied by its creator. */
	size_t kept_len = b->has_content ? b->size : 0;
	struct holes holes;
	bool is_zero;
	int rc = holes_init(&holes, s->fd.fd, 0, kept_len);

	if (rc < 0)
		return rc;
	rc = file_space_ensure(s, 0, b->size, &is_zero);
	if (rc == 0)
		rc = os_populate(b->base, b->size);
	if (rc < 0)
		(void)holes_change(&holes, s, punch);
	holes_fini(&holes);
	return rc;
}
