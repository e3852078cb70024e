// SPDX-License-Identifier: BSD-2-Clause
/*
 * backing_file.c -- a file, on an fsdax file system or not (layer 2).
 *
 * The file has its full size from the start and is sparse: file space comes by
 * ensure (fallocate), before a range is handed out, and goes by discard (hole
 * punching).  A store to a range that was ensured never meets ENOSPC, which
 * would be SIGBUS.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"
#include "region/backing.h"

/* What open did to the file system, to be undone if no region comes to be. */
enum undo {
	UNDO_NOTHING,
	UNDO_MAKING,
	UNDO_SIZE
};

struct backing_file {
	struct backing base;
	int fd; /* holds the owner lock */
	enum undo undo;
	char path[]; /* for UNDO_MAKING */
};

/* What is asked of the file system when nothing tells how much it has (tmpfs
 * without a limit): sparse, so only address space is spent. */
#define UNLIMITED_SIZE ((size_t)1 << 40)

static struct backing_file *
file_of(struct backing *b)
{
	return (struct backing_file *)b;
}

/*
 * Under MAP_SYNC the first store to an unwritten extent waits for a journal
 * commit (dax-ext4, measured: 31 ms against 4 ms for each huge page); writing
 * zeroes here makes the extents written ones.
 */
static int
ensure(struct backing *b, size_t off, size_t len, bool *is_zero)
{
	int fd = file_of(b)->fd;
	int rc = os_allocate(fd, off, len);
	bool wrote = false;

	/* File systems without fallocate, and seccomp that forbids it: writing
	 * is the only way. */
	if (rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EPERM ||
	    (rc == 0 && b->is_sync)) {
		rc = os_write_zeroes(fd, off, len);
		wrote = rc == 0;
		/* What a bad block says that can not be written anew; to
		 * punch would have it handed out again by the next call. */
		if (rc == -EIO || rc == -EFAULT) {
			*is_zero = false;
			return -EIO;
		}
	}
	if (rc < 0) {
		/* ext4 keeps what it had allocated when it ran out: without
		 * this the file system would stay full. */
		*is_zero = os_punch(fd, off, len) == 0;
		return rc;
	}
	*is_zero = wrote;
	return 0;
}

static int
discard(struct backing *b, size_t off, size_t len)
{
	int rc = os_punch(file_of(b)->fd, off, len);

	/* What file systems say that have no holes, and seccomp. */
	return rc == -ENOSYS || rc == -EINVAL || rc == -EPERM ? -EOPNOTSUPP
							      : rc;
}

static void
undo_open(int fd, const char *path, enum undo undo)
{
	int rc = 0;

	if (undo == UNDO_MAKING)
		rc = os_unlink(path);
	else if (undo == UNDO_SIZE)
		rc = os_set_size(fd, 0); /* empty, as it was */
	if (rc < 0)
		log_write(DK_LOG_WARNING,
		    "%s can not be put back as it was: %s", path,
		    strerror(-rc));
}

static int
find_bad(struct backing *b, size_t off, size_t len, badblocks_visit *visit,
    void *arg)
{
	return badblocks_of_file(file_of(b)->fd, off, len, visit, arg);
}

/* A hole of tmpfs is read from the file, but not from the mapping if there is no
 * space for the page. */
static bool
can_read(struct backing *b, size_t off)
{
	return os_probe_file(file_of(b)->fd, off) == 0;
}

static void
close_file(struct backing *b)
{
	struct backing_file *f = file_of(b);

	(void)os_unmap(b->base, b->size);
	if (!b->is_kept)
		undo_open(f->fd, f->path, f->undo);
	os_close(f->fd);
	os_delete(f);
}

static const struct backing_ops Ops = {
    .ensure = ensure,
    .discard = discard,
    .find_bad = find_bad,
    .can_read = can_read,
    .close = close_file,
};

/* MAP_SYNC where the file system can, otherwise plain.  MAP_SYNC working, and
 * nothing else, tells that flushing is enough: ext4 with dax on virtio-pmem
 * says DAX, and refuses it. */
static int
map(struct backing *b, int fd, const char *name)
{
	void *addr;
	int rc = os_map_file(fd, 0, b->size, DK_HUGE_PAGE, OS_MAP_SYNC, &addr);

	b->is_sync = rc == 0;
	/* EINVAL: a kernel before 4.15. */
	if (rc == -EOPNOTSUPP || rc == -EINVAL)
		rc = os_map_file(fd, 0, b->size, DK_HUGE_PAGE, 0, &addr);
	if (rc < 0)
		return error_set(rc, "%s: %zu bytes cannot be mapped: %s%s",
		    name, b->size, strerror(-rc),
		    rc == -EAGAIN ? BACKING_LOCK_HINT : "");
	b->base = addr;
	b->is_dax = b->is_sync || os_is_dax(fd);
	b->granularity = b->is_sync ? flush_of_sync_mapping() : FLUSH_PAGE;
	return 0;
}

/* Reserve everything and fault it in. */
static int
prefault(struct backing *b, const char *name)
{
	bool is_zero = false;
	int rc = 0;

	if (b->starts_zero)
		rc = ensure(b, 0, b->size, &is_zero);
	else
		rc = os_allocate(file_of(b)->fd, 0, b->size);
	if (rc == 0)
		rc = os_populate(b->base, b->size);
	if (rc < 0)
		return error_set(rc,
		    "%s: %zu bytes can not be reserved and made present: %s",
		    name, b->size, strerror(-rc));
	b->starts_as_holes = false;
	return 0;
}

/* The file is open and locked. */
static struct backing_file *
new_record(int fd, const char *name, bool is_new, enum undo undo)
{
	size_t path_size = strlen(name) + 1;
	struct backing_file *f = os_new(sizeof(*f) + path_size);

	if (f == NULL) {
		(void)error_set(-ENOMEM, "no memory for a region's record");
		return NULL;
	}
	f->fd = fd;
	f->undo = undo;
	memcpy(f->path, name, path_size);
	f->base = (struct backing){
	    .ops = &Ops,
	    .type = BACKING_FILE,
	    .align = DK_PAGE,
	    .has_file_space = true,
	    .starts_as_holes = true,
	    .starts_zero = is_new,
	    .numa_node = -1,
	};
	return f;
}

/* The file is of that size: map it. */
static int
start(struct backing_file *f, size_t size, unsigned flags)
{
	struct backing *b = &f->base;

	b->size = align_down(size, DK_PAGE);
	int rc = map(b, f->fd, f->path);
	if (rc < 0)
		return rc;
	if ((flags & BACKING_PREFAULT) != 0) {
		rc = prefault(b, f->path);
		if (rc < 0)
			(void)os_unmap(b->base, b->size);
		return rc;
	}
	/* Locked memory (mlockall) is made present by the kernel. */
	if (b->starts_zero && os_is_dense(f->fd, size))
		b->starts_as_holes = false;
	return 0;
}

/* Owns fd on success only. */
static int
new_backing(int fd, const char *name, size_t size, bool is_new, enum undo undo,
    unsigned flags, struct backing **out)
{
	struct backing_file *f = new_record(fd, name, is_new, undo);

	if (f == NULL)
		return -ENOMEM;
	int rc = start(f, size, flags);
	if (rc < 0) {
		os_delete(f);
		return rc;
	}
	*out = &f->base;
	return 0;
}

/* A file without a name is nobody else's, but a fork or /proc may reach it. */
static int
lock_owner(int fd, const char *name)
{
	int rc = os_lock_file(fd);

	if (rc == -EWOULDBLOCK)
		return error_set(-EBUSY,
		    "%s is open as a region already, here or in another "
		    "process; close that one first",
		    name);
	/* Network file systems without locks: serve it, say so. */
	if (rc < 0)
		log_write(DK_LOG_WARNING, "%s can not be locked: %s", name,
		    strerror(-rc));
	return 0;
}

static int
set_size(int fd, const char *name, size_t size)
{
	int rc = os_set_size(fd, size);

	if (rc == -EFBIG)
		return error_set(rc,
		    "%s can not have %zu bytes: more than the file system or "
		    "the file size limit (ulimit -f) allows",
		    name, size);
	if (rc < 0)
		return error_set(rc, "%s can not be given %zu bytes: %s", name,
		    size, strerror(-rc));
	return 0;
}

/* Decide about a file that was there: new_size 0 means to use it as it is. */
static int
check_existing(
    int fd, const char *path, size_t size, unsigned flags, size_t *old_size)
{
	struct os_stat st;
	int rc = os_fstat(fd, &st);

	if (rc < 0)
		return error_set(rc, "%s: %s", path, strerror(-rc));
	if (!st.is_file)
		return error_set(-EINVAL,
		    "%s is neither a regular file nor a directory nor a "
		    "devdax device",
		    path);
	*old_size = st.size;
	if (st.size == 0)
		return 0;
	if ((flags & BACKING_OVERWRITE) == 0)
		return error_set(-EEXIST,
		    "%s holds %zu bytes, which a heap would overwrite; say "
		    "DAXKIND_OVERWRITE if that is meant",
		    path, st.size);
	if (size != 0 && size != st.size)
		return error_set(-EINVAL,
		    "%s has %zu bytes, not %zu; an existing file keeps its "
		    "size: ask for 0",
		    path, st.size, size);
	return 0;
}

/* open(2)'s refusals, with what to do. */
static int
explain_open(int rc, const char *path, const char *what)
{
	const char *hint = "";

	if (rc == -ENOENT)
		hint = "; make it first";
	else if (rc == -EACCES || rc == -EPERM || rc == -EROFS)
		hint = "; it must be writable";
	return error_set(rc, "%s %s: %s%s", what, path, strerror(-rc), hint);
}

int
backing_file_open(
    const char *path, size_t size, unsigned flags, struct backing **out)
{
	enum undo undo = UNDO_NOTHING;
	size_t old_size = 0;
	int fd, rc;

	rc = os_open(path, false, &fd);
	if (rc == -ENOENT && size != 0) {
		rc = os_open(path, true, &fd);
		if (rc == 0)
			undo = UNDO_MAKING;
	}
	if (rc < 0)
		return explain_open(rc, path, "file");
	rc = lock_owner(fd, path);
	if (rc < 0) {
		undo = UNDO_NOTHING; /* somebody else's by now, if it was */
		goto err;
	}
	if (undo == UNDO_NOTHING) {
		rc = check_existing(fd, path, size, flags, &old_size);
		if (rc < 0)
			goto err;
	}
	size_t use_size = old_size != 0 ? old_size : size;
	if (use_size < DK_PAGE * 16) {
		rc = error_set(-EINVAL,
		    "%s: %zu bytes are too few for a region; at least %zu",
		    path, use_size, DK_PAGE * 16);
		goto err;
	}
	if (old_size == 0) {
		rc = set_size(fd, path, size);
		if (rc < 0)
			goto err;
		if (undo == UNDO_NOTHING)
			undo = UNDO_SIZE;
	}
	rc = new_backing(fd, path, use_size, old_size == 0, undo, flags, out);
	if (rc < 0)
		goto err;
	return 0;

err:
	undo_open(fd, path, undo);
	os_close(fd);
	return rc;
}

/*
 * As far as the file system and the limits of the process go.  What they say may
 * be more than a file or the address space can have: halve until it fits.  Of
 * the address space that the process may have, half is left to it.
 */
static int
start_largest(struct backing_file *f, unsigned flags)
{
	size_t size;
	int rc = os_fs_size(f->fd, &size);

	if (rc < 0)
		return error_set(rc, "%s: %s", f->path, strerror(-rc));
	if (size == SIZE_MAX)
		size = UNLIMITED_SIZE;
	size = min_size(size, os_file_size_limit());
	size = min_size(size, os_address_space_limit() / 2);
	rc = -ENOSPC;
	for (size = align_down(size, DK_PAGE); size >= DK_PAGE * 16;
	     size = align_down(size / 2, DK_PAGE)) {
		rc = os_set_size(f->fd, size);
		if (rc == -EFBIG || rc == -EINVAL)
			continue;
		if (rc < 0)
			break;
		rc = start(f, size, flags);
		if (rc != -ENOMEM)
			return rc;
	}
	return error_set(rc, "no file of %s can be as large as a region: %s",
	    f->path, strerror(-rc));
}

/* Owns fd on success only. */
static int
new_largest(int fd, const char *dir, unsigned flags, struct backing **out)
{
	struct backing_file *f = new_record(fd, dir, true, UNDO_NOTHING);

	if (f == NULL)
		return -ENOMEM;
	int rc = start_largest(f, flags);
	if (rc < 0) {
		os_delete(f);
		return rc;
	}
	*out = &f->base;
	return 0;
}

int
backing_file_open_dir(
    const char *dir, size_t max_size, unsigned flags, struct backing **out)
{
	int fd;
	int rc = os_open_unlinked(dir, &fd);

	if (rc < 0)
		return explain_open(rc, dir, "a file in directory");
	rc = lock_owner(fd, dir);
	if (rc == 0 && max_size == 0) {
		rc = new_largest(fd, dir, flags, out);
	} else if (rc == 0) {
		rc = set_size(fd, dir, max_size);
		if (rc == 0)
			rc = new_backing(
			    fd, dir, max_size, true, UNDO_NOTHING, flags, out);
	}
	if (rc < 0)
		os_close(fd);
	return rc;
}
