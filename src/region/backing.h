/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backing.h -- the memory of a region (layer 2).
 *
 * A backing is a mapping, its properties, and the operations on its file space.
 * It has no lock: only the thread that has taken a range in the space map
 * changes it.
 */
#ifndef BACKING_H
#define BACKING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/os.h"
#include "dax/badblocks.h"
#include "dax/dax_name.h"
#include "region/flush.h"

struct backing;

enum backing_type {
	BACKING_MAPPING,
	BACKING_FILE,
	BACKING_DEVDAX,
	BACKING_ANON /* of static kinds; after those that programs know */
};

/* Ranges are offsets in bytes from base, multiples of DK_PAGE. */
struct backing_ops {
	/*
	 * Allocate file space for [off, off + len), so that no store there can
	 * fail.  Content from before the open stays; freed ranges may be
	 * zeroed.  *is_zero: whether the range is known to read as zero, also
	 * on failure.  On failure, new file space is given back if the file
	 * system can do that.  -EIO: there is a bad block; the file space
	 * stays, so that find_bad can find it.
	 */
	int (*ensure)(struct backing *b, size_t off, size_t len, bool *is_zero);
	/* Give file space back; the range then reads as zero.  -EOPNOTSUPP: the
	 * file system cannot, ever. */
	int (*discard)(struct backing *b, size_t off, size_t len);
	/* Whether the range holds no data, so that a discard loses nothing.
	 * Called only if has_content, for ranges not handed out before. */
	bool (*is_hole)(struct backing *b, size_t off, size_t len);
	/* The first part of the range that holds no data and reads as zero.
	 * False: there is none, or nobody knows.  NULL: likewise. */
	bool (*find_hole)(struct backing *b, size_t off, size_t len,
	    size_t *hole_off, size_t *hole_len);
	/* Call visit for the known bad blocks in the range; NULL: there is no
	 * list of them. */
	int (*find_bad)(struct backing *b, size_t off, size_t len,
	    badblocks_visit *visit, void *arg);
	/* Map it at another address, as backing_move(), where a mapping cannot
	 * be moved.  NULL: it always can. */
	int (*map_at)(struct backing *b, char *to);
	/* Give a file that size, durably, with the addresses behind it, or take
	 * back what a call before has given.  On failure, with a text, it is as
	 * before.  -EADDRINUSE: the addresses are taken.  NULL: the size is
	 * fixed. */
	int (*resize)(struct backing *b, size_t size);
	/* Make an empty file a clone of all of the backing, whose data it then
	 * shares.  -EOPNOTSUPP and others: it cannot.  NULL: never. */
	int (*clone)(struct backing *b, int fd);
	/* Give [off, off + len), which has file space, space that no clone
	 * shares.  NULL only where clone is. */
	int (*unshare)(struct backing *b, size_t off, size_t len);
	/* Whether the word at off, a multiple of 4, can be read without a
	 * signal; usable in a signal handler.  NULL: probe the mapping. */
	bool (*can_read)(struct backing *b, size_t off);
	/* Unmap and close what open made, and free b.  Unless is_kept, also
	 * undo what open did to the file system. */
	void (*close)(struct backing *b);
};

struct backing {
	const struct backing_ops *ops;
	enum backing_type type;
	char *base;   /* first usable byte, a multiple of DK_PAGE */
	size_t size;  /* usable bytes, a multiple of DK_PAGE */
	size_t align; /* base and size are multiples of this */
	/* The unit of file space: a power of two; base is a multiple of it.  0:
	 * DK_PAGE. */
	size_t unit;
	enum flush_granularity granularity;
	bool is_dax;         /* no page cache in between */
	bool is_sync;        /* MAP_SYNC, or devdax */
	bool has_file_space; /* ensure and discard have an effect */
	/* Private memory: a child of fork(2) gets a copy, and the threads that
	 * use it give it back. */
	bool is_private;
	bool starts_as_holes; /* no file space yet */
	bool starts_zero;     /* all of it reads as zero */
	bool has_content;     /* may hold data that must be kept */
	bool keeps_space;     /* reserved at open, for good */
	int numa_node;        /* -1: unknown */
	bool is_kept;         /* a region is on it */
	bool is_inherited;    /* this is a child of fork(2) of its owner */
};

/* daxkind.h describes the flags that programs use. */
enum backing_flags {
	BACKING_OVERWRITE = 1 << 0,  /* old content may go */
	BACKING_PREFAULT = 1 << 1,   /* reserve and touch everything now */
	BACKING_PERSISTENT = 1 << 2, /* flushing cache lines is enough */
	BACKING_CREATE = 1 << 3,     /* create a missing file */
	BACKING_NEED_DAX = 1 << 4,   /* fail unless is_dax */
	BACKING_NEED_SYNC = 1 << 5,  /* fail unless is_sync */
	/* Internal: accept any address and size, even without a whole page
	 * inside. */
	BACKING_ANY_AREA = 1 << 16,
	/* Internal: open for inspection, without an owner lock. */
	BACKING_NO_OWNER = 1 << 17,
	/* Internal: content stays; the caller looks what it is. */
	BACKING_KEEP = 1 << 18,
	/* Internal: an existing file or device, mapped for reading.  Nothing may
	 * be stored to it, and ensure and discard must not be called. */
	BACKING_READ_ONLY = 1 << 19,
};

/* What to open; each class uses some of the members. */
struct backing_request {
	const char *path;
	void *addr;
	size_t offset;
	size_t size;    /* 0: everything */
	unsigned flags; /* enum backing_flags */
};

/*
 * A type of backing: a file of its own, and a row of the table in backing.c.  The
 * constants above and in daxkind.h tell types apart; enum dax_place_type has the
 * names that open as one.
 */
struct backing_class {
	const char *name; /* in texts and in the command's output */
	/* The type of place that opens as this class. */
	enum dax_place_type place;
	unsigned flags; /* those that apply */
	/* Sets *b on success only, and leaves a text by error_set() on
	 * failure.  backing_open() handles NEED_DAX and NEED_SYNC. */
	int (*open)(const struct backing_request *request, struct backing **b);
};

extern const struct backing_class Backing_mapping, Backing_file, Backing_dir,
    Backing_devdax;

/* The class of a type of place. */
const struct backing_class *backing_class_of(enum dax_place_type place);

/*
 * Open by the class.  In addition to the errors of its opener: -EINVAL for a
 * flag that does not apply, -EOPNOTSUPP if a need is not met, -EEXIST for a
 * durable heap that would be overwritten.
 */
int backing_open(const struct backing_class *class,
    const struct backing_request *request, struct backing **b) DK_MUST_CHECK;

/* The openers of the classes, which memkind's kinds call directly. */
int backing_mapping_open(
    void *addr, size_t size, unsigned flags, struct backing **b) DK_MUST_CHECK;
int backing_file_open(const char *path, size_t size, unsigned flags,
    struct backing **b) DK_MUST_CHECK;
int backing_file_open_dir(const char *dir, size_t max_size, unsigned flags,
    struct backing **b) DK_MUST_CHECK;
int backing_devdax_open(const char *path, size_t offset, size_t size,
    unsigned flags, struct backing **b) DK_MUST_CHECK;

static inline int
backing_ensure(struct backing *b, size_t off, size_t len, bool *is_zero)
{
	return b->ops->ensure(b, off, len, is_zero);
}

static inline int
backing_discard(struct backing *b, size_t off, size_t len)
{
	return b->ops->discard(b, off, len);
}

static inline bool
backing_is_hole(struct backing *b, size_t off, size_t len)
{
	return b->ops->is_hole != NULL && b->ops->is_hole(b, off, len);
}

static inline bool
backing_find_hole(struct backing *b, size_t off, size_t len, size_t *hole_off,
    size_t *hole_len)
{
	return b->ops->find_hole != NULL &&
	       b->ops->find_hole(b, off, len, hole_off, hole_len);
}

static inline int
backing_find_bad(struct backing *b, size_t off, size_t len,
    badblocks_visit *visit, void *arg)
{
	if (b->ops->find_bad == NULL)
		return 0;
	return b->ops->find_bad(b, off, len, visit, arg);
}

/* Move its mapping to another address.  -EADDRINUSE: something is mapped there. */
int backing_move(struct backing *b, char *to) DK_MUST_CHECK;

static inline int
backing_resize(struct backing *b, size_t size)
{
	return b->ops->resize != NULL ? b->ops->resize(b, size) : -EOPNOTSUPP;
}

static inline int
backing_clone(struct backing *b, int fd)
{
	return b->ops->clone != NULL ? b->ops->clone(b, fd) : -EOPNOTSUPP;
}

static inline int
backing_unshare(struct backing *b, size_t off, size_t len)
{
	return b->ops->unshare(b, off, len);
}

static inline bool
backing_can_read(struct backing *b, size_t off)
{
	if (b->ops->can_read == NULL)
		return os_probe_read(b->base + off) == 0;
	return b->ops->can_read(b, off);
}

static inline void
backing_close(struct backing *b)
{
	b->ops->close(b);
}

/* The advice for -EAGAIN of mmap(2). */
#define BACKING_LOCK_HINT                                                   \
	": the process locks its memory (mlockall), and may lock no more; " \
	"raise that limit (ulimit -l)"

/* For backings whose memory is always allocated. */
int backing_ensure_nothing(
    struct backing *b, size_t off, size_t len, bool *is_zero);
int backing_discard_nothing(struct backing *b, size_t off, size_t len);

#endif /* BACKING_H */
