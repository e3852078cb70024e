// SPDX-License-Identifier: BSD-2-Clause
/*
 * backing_file.c -- a file, on an fsdax file system or not (layer 2).
 *
 * The file has its full size from the start and is sparse; file_space.h
 * describes how it gets and loses file space.  A store to a range that was
 * ensured never meets ENOSPC, which would raise SIGBUS.
 */
#include "region/backing.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/kept_fd.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"
#include "region/file_space.h"
#include "region/superblock.h"

/* Changes that open made in the file system, to undo if no region is made. */
enum undo {
	UNDO_MAKING = 1 << 0, /* the file was created: remove it */
	UNDO_SIZE = 1 << 1,
	UNDO_IN_PLACE = 1 << 2
};

struct backing_file {
	struct backing base;
	struct file_space space;
	unsigned undo; /* enum undo */
	char path[];   /* for UNDO_MAKING */
};

/* The size if the file system reports no limit (tmpfs): the file is sparse, so
 * this costs address space only. */
#define UNLIMITED_SIZE ((size_t)1 << 40)
/* DAXKIND_REGION_MIN */
#define MIN_SIZE (DK_PAGE * 16)

static struct backing_file *
file_of(struct backing *b)
{
	return (struct backing_file *)b;
}

static int
ensure(struct backing *b, size_t off, size_t len, bool *is_zero)
{
	return file_space_ensure(&file_of(b)->space, off, len, is_zero);
}

static int
discard(struct backing *b, size_t off, size_t len)
{
	return file_space_discard(&file_of(b)->space, off, len);
}

static bool
is_hole(struct backing *b, size_t off, size_t len)
{
	return file_space_is_hole(&file_of(b)->space, off, len);
}

static bool
find_hole(struct backing *b, size_t off, size_t len, size_t *hole_off,
    size_t *hole_len)
{
	return file_space_find_hole(
	    &file_of(b)->space, off, len, hole_off, hole_len);
}

static int
clone_file(struct backing *b, int fd)
{
	struct backing_file *f = file_of(b);

	return kept_fd_is_ours(&f->space.fd) ? file_space_clone(&f->space, fd)
					     : -EOPNOTSUPP;
}

static int
unshare_range(struct backing *b, size_t off, size_t len)
{
	return file_space_unshare(&file_of(b)->space, off, len);
}

static void
undo_open(int fd, const char *path, unsigned undo)
{
	int rc = 0;

	if ((undo & UNDO_MAKING) != 0) {
		rc = os_unlink(path);
	} else if ((undo & UNDO_SIZE) != 0) {
		rc = os_set_size(fd, 0); /* empty, as it was */
		if (rc == 0 && (undo & UNDO_IN_PLACE) != 0)
			rc = os_set_in_place(fd, false);
	}
	if (rc < 0)
		log_write(DK_LOG_WARNING, "%s cannot be restored as it was: %s",
		    path, strerror(-rc));
}

static int
find_bad(struct backing *b, size_t off, size_t len, badblocks_visit *visit,
    void *arg)
{
	const struct backing_file *f = file_of(b);

	return kept_fd_is_ours(&f->space.fd)
		   ? badblocks_of_file(f->space.fd.fd, off, len, visit, arg)
		   : 0;
}

/* A hole of tmpfs can be read from the file, but an access to the mapping fails
 * if there is no space for the page. */
static bool
can_read(struct backing *b, size_t off)
{
	const struct backing_file *f = file_of(b);

	return kept_fd_is_ours(&f->space.fd)
		   ? os_probe_file(f->space.fd.fd, off) == 0
		   : os_probe_read(b->base + off) == 0;
}

static void
close_file(struct backing *b)
{
	struct backing_file *f = file_of(b);

	(void)os_unmap(b->base, b->size);
	if (!b->is_kept)
		undo_open(f->space.fd.fd, f->path, f->undo);
	kept_fd_close(&f->space.fd, !b->is_inherited);
	os_delete(f);
}

static int map_at(struct backing *b, char *to);
static int resize(struct backing *b, size_t size);

static const struct backing_ops Ops = {
    .ensure = ensure,
    .discard = discard,
    .is_hole = is_hole,
    .find_hole = find_hole,
    .find_bad = find_bad,
    .map_at = map_at,
    .resize = resize,
    .clone = clone_file,
    .unshare = unshare_range,
    .can_read = can_read,
    .close = close_file,
};

static size_t
unit_of(int fd)
{
	size_t unit;

	return os_fs_block(fd, &unit) == 0 ? unit : DK_PAGE;
}

/* Use MAP_SYNC if the file system supports it, else a plain mapping.  Only a
 * working MAP_SYNC proves that flushing is enough: ext4 with dax on virtio-pmem
 * reports DAX, but refuses MAP_SYNC. */
static int
map(struct backing *b, int fd, const char *name, unsigned flags)
{
	size_t align = max_size(b->unit, DK_HUGE_PAGE);
	unsigned how = (flags & BACKING_READ_ONLY) != 0 ? OS_MAP_READ_ONLY : 0;
	void *addr;
	int rc = os_map_file(fd, 0, b->size, align, OS_MAP_SYNC | how, &addr);

	b->is_sync = rc == 0;
	/* A kernel before 4.15 returns EINVAL. */
	if (rc == -EOPNOTSUPP || rc == -EINVAL)
		rc = os_map_file(
		    fd, 0, b->size, align, OS_MAP_BY_PAGE | how, &addr);
	if (rc < 0)
		return error_set(rc, "%s: %zu bytes cannot be mapped: %s%s",
		    name, b->size, strerror(-rc),
		    rc == -EAGAIN ? BACKING_LOCK_HINT : "");
	b->base = addr;
	b->is_dax = b->is_sync || os_is_dax(fd);
	b->granularity = b->is_sync ? flush_of_sync_mapping() : FLUSH_PAGE;
	return 0;
}

/* Reserve all file space and fault it in. */
static int
prefault(struct backing *b, const char *name)
{
	int rc = file_space_reserve_all(&file_of(b)->space);

	if (rc < 0)
		return error_set(rc,
		    "%s: %zu bytes cannot be reserved and prefaulted: %s", name,
		    b->size, strerror(-rc));
	b->starts_as_holes = false;
	b->keeps_space = true;
	return 0;
}

/* The file must be open and locked. */
static struct backing_file *
new_record(int fd, const char *name, bool is_new, unsigned undo)
{
	size_t path_size = strlen(name) + 1;
	struct backing_file *f = os_new(sizeof(*f) + path_size);

	if (f == NULL) {
		(void)error_set(-ENOMEM, "no memory for a region's record");
		return NULL;
	}
	f->undo = undo;
	memcpy(f->path, name, path_size);
	f->base = (struct backing){
	    .ops = &Ops,
	    .type = BACKING_FILE,
	    .align = DK_PAGE,
	    .unit = unit_of(fd),
	    .has_file_space = true,
	    .starts_as_holes = true,
	    .starts_zero = is_new,
	    .has_content = !is_new,
	    .numa_node = -1,
	};
	file_space_init(&f->space, &f->base, fd, f->path);
	return f;
}

/* The file must have that size: map it. */
static int
start(struct backing_file *f, size_t size, unsigned flags)
{
	struct backing *b = &f->base;

	b->size = align_down(size, DK_PAGE);
	/* The page cache may use large pieces: see OS_MAP_BY_PAGE. */
	if (b->has_content && (flags & BACKING_READ_ONLY) == 0 &&
	    !os_is_dense(f->space.fd.fd, size))
		os_drop_cache(f->space.fd.fd);
	int rc = map(b, f->space.fd.fd, f->path, flags);
	if (rc < 0)
		return rc;
	if ((flags & BACKING_PREFAULT) != 0) {
		rc = prefault(b, f->path);
		if (rc < 0)
			(void)os_unmap(b->base, b->size);
		return rc;
	}
	/* The kernel makes locked memory (mlockall) present by itself. */
	if (b->starts_zero && os_is_dense(f->space.fd.fd, size))
		b->starts_as_holes = false;
	return 0;
}

/* Takes ownership of fd on success only. */
static int
new_backing(int fd, const char *name, size_t size, bool is_new, unsigned undo,
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
	kept_fd_init(&f->space.fd, fd);
	*out = &f->base;
	return 0;
}

/* No other program opens a file without a name, but a fork or /proc may reach
 * it. */
static int
lock_owner(int fd, const char *name)
{
	int rc = os_lock_file(fd);

	if (rc == -EWOULDBLOCK)
		return error_set(-EBUSY,
		    "%s is already open as a region, in this or another "
		    "process; close that region first",
		    name);
	/* Network file systems without locks: open without one, and warn. */
	if (rc < 0)
		log_write(DK_LOG_WARNING, "%s cannot be locked: %s", name,
		    strerror(-rc));
	return 0;
}

static int
set_size(int fd, const char *name, size_t size)
{
	size_t unit = unit_of(fd);
	int rc = os_set_size(fd, size);

	/* hugetlbfs requires this */
	if (rc == -EINVAL && size % unit != 0)
		return error_set(rc,
		    "%s: %zu bytes is not a multiple of the file system's "
		    "page size, %zu",
		    name, size, unit);

	if (rc == -EFBIG)
		return error_set(rc,
		    "%s cannot have %zu bytes: that is more than the file "
		    "system or the file size limit (ulimit -f) allows",
		    name, size);
	if (rc < 0)
		return error_set(rc, "%s cannot be extended to %zu bytes: %s",
		    name, size, strerror(-rc));
	return 0;
}

static unsigned
map_flags(const struct backing *b)
{
	return b->is_sync ? OS_MAP_SYNC : OS_MAP_BY_PAGE;
}

static int
map_at(struct backing *b, char *to)
{
	struct backing_file *f = file_of(b);

	if (!kept_fd_is_ours(&f->space.fd))
		return -EBADF;
	int rc = os_map_file_at(f->space.fd.fd, 0, b->size, map_flags(b), to);
	if (rc == 0)
		(void)os_unmap(b->base, b->size);
	return rc;
}

/* Addresses for the part that is new, behind the others. */
static int
map_more(struct backing_file *f, size_t size)
{
	struct backing *b = &f->base;
	char *to = b->base + b->size;
	size_t len = size - b->size;
	char taken_by[128];

	int rc = os_map_file_at(f->space.fd.fd, b->size, len, map_flags(b), to);
	if (rc == 0)
		return 0;
	if (rc != -EADDRINUSE)
		return error_set(rc, "%s: %zu bytes more cannot be mapped: %s",
		    f->path, len, strerror(-rc));
	os_describe_mapping(to, len, taken_by, sizeof(taken_by));
	return error_set(rc,
	    "%s cannot grow: its next addresses, at %p, are taken by %s; open "
	    "it earlier, or with its old size",
	    f->path, (void *)to, taken_by);
}

/* All of what is new, if all else has it. */
static int
reserve_more(struct backing_file *f, size_t size)
{
	struct backing *b = &f->base;
	size_t len = size - b->size;
	bool is_zero;

	if (!b->keeps_space)
		return 0;
	int rc = file_space_ensure(&f->space, b->size, len, &is_zero);
	if (rc == 0)
		rc = os_populate(b->base + b->size, len);
	return rc == 0 ? 0
		       : error_set(rc,
			     "%s: %zu bytes more cannot be reserved and "
			     "prefaulted: %s",
			     f->path, len, strerror(-rc));
}

static int
grow(struct backing_file *f, size_t size)
{
	struct backing *b = &f->base;
	int fd = f->space.fd.fd;
	int rc = set_size(fd, f->path, size);

	if (rc < 0)
		return rc;
	rc = os_sync_new_file(fd, f->path);
	if (rc < 0)
		(void)error_set(rc, "%s: its new size cannot be synced: %s",
		    f->path, strerror(-rc));
	if (rc == 0)
		rc = map_more(f, size);
	if (rc < 0)
		goto err_size;
	rc = reserve_more(f, size);
	if (rc < 0)
		goto err_unmap;
	b->size = size;
	return 0;

err_unmap:
	(void)os_unmap(b->base + b->size, size - b->size);
err_size:
	if (os_set_size(fd, b->size) < 0)
		log_write(
		    DK_LOG_WARNING, "%s stays %zu bytes long", f->path, size);
	return rc;
}

static int
resize(struct backing *b, size_t size)
{
	struct backing_file *f = file_of(b);

	if (!kept_fd_is_ours(&f->space.fd))
		return error_set(-EBADF,
		    "%s: the program has closed the region's descriptor",
		    f->path);
	if (size > b->size)
		return grow(f, size);
	(void)os_unmap(b->base + size, b->size - size);
	b->size = size;
	int rc = os_set_size(f->space.fd.fd, size);
	return rc == 0 ? 0
		       : error_set(rc, "%s cannot get its old size: %s",
			     f->path, strerror(-rc));
}

/*
 * A store to reserved space must find that space.  A file system that writes to
 * a new place each time would need more space, and could report a lack of it
 * only by SIGBUS.  Returns the changes to undo.
 */
static unsigned
set_in_place(int fd, const char *name)
{
	int rc = os_set_in_place(fd, true);

	if (os_copies_on_write(fd) != OS_COW_NEVER)
		log_write(DK_LOG_WARNING,
		    "%s is on a copy-on-write file system: a store to a "
		    "block may raise SIGBUS when the disk is full",
		    name);
	return rc == 1 ? UNDO_IN_PLACE : 0;
}

static int
check_in_place(int fd, const char *path)
{
	switch (os_copies_on_write(fd)) {
	case OS_COW_ALWAYS:
		return error_set(-EOPNOTSUPP,
		    "%s: on btrfs, a store to existing data needs new space, "
		    "and raises SIGBUS if there is none; use a new file, or "
		    "empty this one and run chattr +C on it",
		    path);
	case OS_COW_SHARED:
		return error_set(-EOPNOTSUPP,
		    "%s shares data with a snapshot or a clone: a store to "
		    "it needs new space, and raises SIGBUS if there is none; "
		    "remove those, or use a copy (cp --reflink=never)",
		    path);
	case OS_COW_NEVER:
	default:
		return 0;
	}
}

/* Check an existing file. new_size 0: use it as it is. */
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
	if ((flags & (BACKING_OVERWRITE | BACKING_KEEP)) == 0)
		return error_set(-EEXIST,
		    "%s holds %s of %zu bytes, which would be overwritten; "
		    "pass DAXKIND_OVERWRITE to allow that",
		    path,
		    superblock_is_in_file(path, st.size) ? "a durable heap"
							 : "data",
		    st.size);
	/* The heap that is there decides whether the file grows. */
	if (size != 0 && size != st.size && (flags & BACKING_KEEP) == 0)
		return error_set(-EINVAL,
		    "%s has %zu bytes, not %zu; an existing file keeps its "
		    "size: pass 0",
		    path, st.size, size);
	return check_in_place(fd, path);
}

/* Explain why open(2) refused an existing file, and what to do. */
static int
explain_open(int rc, const char *path, const char *what)
{
	bool is_right = rc == -EACCES || rc == -EPERM || rc == -EROFS;

	return error_set(rc, "%s %s: %s%s", what, path, strerror(-rc),
	    is_right ? "; it must be writable" : "");
}

/* The file does not exist: create it with size bytes, if that is allowed. */
static int
make_file(const char *path, size_t size, unsigned flags, int *fd)
{
	if ((flags & BACKING_CREATE) == 0)
		return error_set(-ENOENT,
		    "file %s does not exist; pass DAXKIND_CREATE to create it",
		    path);
	if (size < MIN_SIZE)
		return error_set(-EINVAL,
		    "file %s does not exist, and %zu bytes are too few to "
		    "create it; give at least %zu",
		    path, size, MIN_SIZE);
	int rc = os_open(path, true, fd);
	if (rc == -ENOENT)
		return error_set(rc,
		    "file %s cannot be created: its directory does not "
		    "exist, or cannot hold files",
		    path);
	return rc < 0 ? explain_open(rc, path, "file") : 0;
}

/* Durable data is useless if the file itself can be lost in a power failure
 * (xfs: the whole file). */
static void
sync_new(int fd, const char *path)
{
	int rc = os_sync_new_file(fd, path);

	if (rc < 0)
		log_write(DK_LOG_WARNING,
		    "%s was created, but its name may not be durable: %s", path,
		    strerror(-rc));
}

static int
open_to_read(const char *path, unsigned flags, struct backing **out)
{
	struct os_stat st;
	int fd = -1;
	int rc = os_stat(path, &st);

	/* To open a pipe would wait. */
	if (rc == 0 && !st.is_file)
		return error_set(-EINVAL,
		    "%s is neither a regular file nor a devdax device", path);
	if (rc == 0)
		rc = os_open_read(path, &fd);
	if (rc < 0)
		return error_set(rc, "file %s: %s", path, strerror(-rc));
	if (st.size < DK_PAGE)
		rc = error_set(-ENODATA,
		    "%s has %zu bytes, which is too short for a heap", path,
		    st.size);
	if (rc == 0 && (flags & BACKING_NO_OWNER) == 0)
		rc = lock_owner(fd, path);
	if (rc == 0)
		rc = new_backing(fd, path, st.size, false, 0, flags, out);
	if (rc < 0)
		os_close(fd);
	return rc;
}

int
backing_file_open(
    const char *path, size_t size, unsigned flags, struct backing **out)
{
	unsigned undo = 0;
	size_t old_size = 0;
	int fd, rc;

	if ((flags & BACKING_READ_ONLY) != 0)
		return open_to_read(path, flags, out);
	rc = os_open(path, false, &fd);
	if (rc == -ENOENT) {
		rc = make_file(path, size, flags, &fd);
		undo = UNDO_MAKING;
	} else if (rc < 0) {
		rc = explain_open(rc, path, "file");
	}
	if (rc < 0)
		return rc;
	rc = lock_owner(fd, path);
	if (rc < 0) {
		undo = 0; /* another process owns it by now */
		goto err;
	}
	if (undo == 0) {
		rc = check_existing(fd, path, size, flags, &old_size);
		if (rc < 0)
			goto err;
	}
	size_t use_size = old_size != 0 ? old_size : size;
	if (use_size < MIN_SIZE) {
		rc = error_set(-EINVAL,
		    "%s: %zu bytes are too few for a region; give at least "
		    "%zu",
		    path, use_size, MIN_SIZE);
		goto err;
	}
	if (old_size == 0) {
		undo |= set_in_place(fd, path) | UNDO_SIZE;
		rc = set_size(fd, path, size);
		if (rc < 0)
			goto err;
	}
	if ((undo & UNDO_MAKING) != 0)
		sync_new(fd, path);
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
 * Choose the size from the limits of the file system and the process.  They may
 * exceed the possible size of a file or of the address space: halve until it
 * fits.  Half of the process's address space limit is left free.
 */
static int
start_largest(struct backing_file *f, unsigned flags)
{
	size_t size;
	int rc = os_fs_size(f->space.fd.fd, &size);

	if (rc < 0)
		return error_set(rc, "%s: %s", f->path, strerror(-rc));
	if (size == SIZE_MAX)
		size = UNLIMITED_SIZE;
	size = min_size(size, os_file_size_limit());
	size = min_size(size, os_address_space_limit() / 2);
	rc = -ENOSPC;
	for (size = align_down(size, f->base.unit); size >= MIN_SIZE;
	     size = align_down(size / 2, f->base.unit)) {
		rc = os_set_size(f->space.fd.fd, size);
		if (rc == -EFBIG || rc == -EINVAL)
			continue;
		if (rc < 0)
			break;
		rc = start(f, size, flags);
		if (rc != -ENOMEM)
			return rc;
	}
	return error_set(rc,
	    "no file in %s can be as large as the smallest "
	    "region: %s",
	    f->path, strerror(-rc));
}

/* Takes ownership of fd on success only. */
static int
new_largest(int fd, const char *dir, unsigned flags, struct backing **out)
{
	struct backing_file *f = new_record(fd, dir, true, 0);

	if (f == NULL)
		return -ENOMEM;
	int rc = start_largest(f, flags);
	if (rc < 0) {
		os_delete(f);
		return rc;
	}
	kept_fd_init(&f->space.fd, fd);
	*out = &f->base;
	return 0;
}

/* Explain why open(2) refused a file without a name. */
static int
explain_open_unlinked(int rc, const char *dir)
{
	struct os_stat st;

	if (rc != -ENOENT)
		return explain_open(rc, dir, "a file in directory");
	if (os_stat(dir, &st) == 0)
		return error_set(rc,
		    "directory %s cannot hold files: it is on one of the "
		    "kernel's own file systems",
		    dir);
	return error_set(
	    rc, "directory %s does not exist; create it first", dir);
}

int
backing_file_open_dir(
    const char *dir, size_t max_size, unsigned flags, struct backing **out)
{
	int fd;
	int rc = os_open_unlinked(dir, &fd);

	if (rc < 0)
		return explain_open_unlinked(rc, dir);
	(void)set_in_place(fd, dir);
	rc = lock_owner(fd, dir);
	if (rc == 0 && max_size == 0) {
		rc = new_largest(fd, dir, flags, out);
	} else if (rc == 0) {
		rc = set_size(fd, dir, max_size);
		if (rc == 0)
			rc =
			    new_backing(fd, dir, max_size, true, 0, flags, out);
	}
	if (rc < 0)
		os_close(fd);
	return rc;
}

static int
open_file(const struct backing_request *request, struct backing **out)
{
	return backing_file_open(
	    request->path, request->size, request->flags, out);
}

const struct backing_class Backing_file = {
    .name = "file",
    .place = DAX_PLACE_FILE,
    .flags = BACKING_OVERWRITE | BACKING_PREFAULT | BACKING_CREATE |
	     BACKING_NEED_DAX | BACKING_NEED_SYNC,
    .open = open_file,
};

static int
open_dir(const struct backing_request *request, struct backing **out)
{
	if (request->size != 0 && request->size < MIN_SIZE)
		return error_set(-EINVAL,
		    "%zu bytes are too few for a region; give at least %zu, "
		    "or 0 for no limit",
		    request->size, MIN_SIZE);
	return backing_file_open_dir(
	    request->path, request->size, request->flags, out);
}

const struct backing_class Backing_dir = {
    .name = "directory",
    .place = DAX_PLACE_DIR,
    .flags = BACKING_PREFAULT | BACKING_NEED_DAX | BACKING_NEED_SYNC,
    .open = open_dir,
};
