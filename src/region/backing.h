/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backing.h -- where the bytes of a region are (layer 2).
 *
 * A backing is a mapping with what is known of it and the few things that can
 * be done to the file space behind it.  It has no lock: each range is changed
 * by the one thread that has it taken in the space map.
 */
#ifndef BACKING_H
#define BACKING_H

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
	BACKING_ANON /* of kinds that are always there */
};

/* Ranges are offsets in bytes from base, multiples of DK_PAGE. */
struct backing_ops {
	/*
	 * Put file space behind [off, off + len), so that no store there can
	 * fail.  What the region was opened on stays; what it handed out since
	 * and took back may be zeroed.  *is_zero says whether all of it is
	 * known to read as zero now, also on failure; then the file space that
	 * came was given back, if the file system can do that.  -EIO: a bad
	 * block is there; the file space stays, so that find_bad can tell
	 * where.
	 */
	int (*ensure)(struct backing *b, size_t off, size_t len, bool *is_zero);
	/* Give file space back; it reads as zero then.  -EOPNOTSUPP: the file
	 * system cannot, ever. */
	int (*discard)(struct backing *b, size_t off, size_t len);
	/* Whether nobody's data is in the range: to discard it loses nothing.
	 * Asked if has_content only, of what was not handed out. */
	bool (*is_hole)(struct backing *b, size_t off, size_t len);
	/* Call visit for the known bad blocks in the range; NULL: none can be
	 * known. */
	int (*find_bad)(struct backing *b, size_t off, size_t len,
	    badblocks_visit *visit, void *arg);
	/* Whether the word at off, a multiple of 4, can be read, without a
	 * signal; in a signal handler, too.  NULL: the mapping is asked. */
	bool (*can_read)(struct backing *b, size_t off);
	/* Unmap and close what open made, free b.  Unless is_kept, what open
	 * did to the file system is undone as well. */
	void (*close)(struct backing *b);
};

struct backing {
	const struct backing_ops *ops;
	enum backing_type type;
	char *base;   /* first usable byte, a multiple of DK_PAGE */
	size_t size;  /* usable bytes, a multiple of DK_PAGE */
	size_t align; /* base and size are multiples of this */
	/* File space comes and goes in multiples of this, of which base is
	 * one: a power of two, or 0 for DK_PAGE. */
	size_t unit;
	enum flush_granularity granularity;
	bool is_dax;         /* no page cache in between */
	bool is_sync;        /* MAP_SYNC, or devdax */
	bool has_file_space; /* ensure and discard mean something */
	/* Memory of this process alone: a child of fork(2) gets a copy, and it
	 * is the threads that use it who give it back. */
	bool is_private;
	bool starts_as_holes; /* no file space yet */
	bool starts_zero;     /* all of it reads as zero */
	bool has_content;     /* it may hold data of others, to be kept */
	bool keeps_space;     /* all was reserved at open, to stay so */
	int numa_node;        /* -1: not known */
	bool is_kept;         /* a region is on it */
	bool is_inherited;    /* by a child of fork(2): it is its parent's */
};

/* What they mean to a program is said in daxkind.h. */
enum backing_flags {
	BACKING_OVERWRITE = 1 << 0,  /* old content may go */
	BACKING_PREFAULT = 1 << 1,   /* reserve and touch everything now */
	BACKING_PERSISTENT = 1 << 2, /* the caller vouches for cache lines */
	BACKING_CREATE = 1 << 3,     /* make a file that is not there */
	BACKING_NEED_DAX = 1 << 4,   /* fail unless is_dax */
	BACKING_NEED_SYNC = 1 << 5,  /* fail unless is_sync */
	/* Not a program's.  Any address and size are fine, even if no whole
	 * page is inside. */
	BACKING_ANY_AREA = 1 << 16,
	/* Only to look: somebody else may have a region there. */
	BACKING_NO_OWNER = 1 << 17,
};

/* What a region is wanted on; each class knows which of these it takes. */
struct backing_request {
	const char *path;
	void *addr;
	size_t offset;
	size_t size;    /* 0: all there is */
	unsigned flags; /* enum backing_flags */
};

/*
 * A sort of backing: a file of its own, and a row of the table in backing.c.
 * Nothing else knows which there are, but for the constant of daxkind.h.
 */
struct backing_class {
	const char *name; /* in texts, and in what the command prints */
	/* What a name stands for that opens as this one. */
	enum dax_place_type place;
	unsigned flags; /* those that mean something here */
	/* Sets *b on success only, and leaves a text by error_set() on
	 * failure; of flags, NEED_DAX and NEED_SYNC are looked after. */
	int (*open)(const struct backing_request *request, struct backing **b);
};

extern const struct backing_class Backing_mapping, Backing_file, Backing_dir,
    Backing_devdax;

/* The class of what a name stands for. */
const struct backing_class *backing_class_of(enum dax_place_type place);

/*
 * Open by the class.  Besides what its opener says: -EINVAL for a flag that
 * means nothing there, -EOPNOTSUPP for what was needed and is not so, -EEXIST
 * for a durable heap that would be overwritten.
 */
int backing_open(const struct backing_class *class,
    const struct backing_request *request, struct backing **b) DK_MUST_CHECK;

/* What classes are made of, and memkind's kinds, which know what they want:
 * open as the class does. */
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

static inline int
backing_find_bad(struct backing *b, size_t off, size_t len,
    badblocks_visit *visit, void *arg)
{
	if (b->ops->find_bad == NULL)
		return 0;
	return b->ops->find_bad(b, off, len, visit, arg);
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

/* What to do about -EAGAIN of mmap(2). */
#define BACKING_LOCK_HINT                                                   \
	": the process locks its memory (mlockall), and may lock no more; " \
	"raise that limit (ulimit -l)"

/* For backings whose bytes are always there. */
int backing_ensure_nothing(
    struct backing *b, size_t off, size_t len, bool *is_zero);
int backing_discard_nothing(struct backing *b, size_t off, size_t len);

#endif /* BACKING_H */
