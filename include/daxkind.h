/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxkind.h -- regions of DAX memory and what memkind's API has no word for.
 *
 * A region is one contiguous mapped range of addresses with one backing: a
 * mapping that the caller made, a file, or a devdax device.  A kind is a heap
 * over a region.  daxkind(7) describes the model.
 *
 * Errors: functions that return int return 0 or a negative errno value, set
 * errno to the positive one, and leave a text for daxkind_last_error().
 * Out-parameters are set on success only, except that handles are set to NULL
 * on entry.
 *
 * Threads: every function may be called by any thread at any time, except
 * that a region or kind must not be in use while it is closed or destroyed.
 */
#ifndef DAXKIND_H
#define DAXKIND_H

#include <daxkind_version.h>
#include <memkind.h>
#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The run-time version, MAJOR * 1000000 + MINOR * 1000 + PATCH. */
int daxkind_version(void);

/*
 * What the last failed call of this thread found wrong and what to do about it.
 * Every failing call leaves a text.  One that works leaves none of an older call,
 * but for those that are called all the time (memkind_malloc() and its like, and
 * daxkind_persist() and its like), which leave it as it is.  Valid until the
 * thread's next call.
 */
const char *daxkind_last_error(void);

/* --- opening a region ------------------------------------------------------ */

struct daxkind_region;

/*
 * No flag is ignored: one that means nothing for what is opened is -EINVAL.  Only
 * daxkind_region_open() takes DAXKIND_CREATE and DAXKIND_OVERWRITE for whatever
 * path names, as they allow something that need not happen.
 */
enum daxkind_open_flags {
	/* What a file or a device holds may be overwritten by blocks; where
	 * none is handed out, it stays. */
	DAXKIND_OVERWRITE = 1u << 0,
	/* Reserve all file space and touch every page now; none of it is given
	 * back before the region is closed. */
	DAXKIND_PREFAULT = 1u << 1,
	/* A caller's mapping: the caller vouches that flushing a cache line
	 * makes a store to it durable (it was mapped with MAP_SYNC). */
	DAXKIND_PERSISTENT = 1u << 2,
	/* A file that does not exist is made. */
	DAXKIND_CREATE = 1u << 3,
	/* -EOPNOTSUPP, with a text that says what is there instead, unless
	 * stores go to the medium without a page cache (is_dax) ... */
	DAXKIND_NEED_DAX = 1u << 4,
	/* ... or unless they are durable without msync(2) (is_sync). */
	DAXKIND_NEED_SYNC = 1u << 5
};

/*
 * Open what path names: a directory (as daxkind_region_open_dir), a character
 * device (as daxkind_region_open_devdax), else a file (as
 * daxkind_region_open_file).  Or a namespace or its device by name:
 * "dax0.0", "pmem0", "/dev/pmem0" (where it is mounted), "namespace0.0".
 * -ENOENT: no such name; no file is ever made in /dev.  -ENODEV: in a mode
 * without DAX, disabled, not mounted.  -EOPNOTSUPP: mounted without dax.  The
 * last error's text names the command that mends it.
 */
int daxkind_region_open(const char *path, size_t size, unsigned flags,
    struct daxkind_region **region);

/*
 * A region over the caller's own mapping of size bytes at addr, both multiples
 * of the page size.  The mapping must be readable and writable, and stay so
 * until the region is closed; it is never unmapped or written by the library.
 * -EINVAL: NULL, zero, unaligned or wrapping.  -EEXIST: overlaps a live region.
 */
int daxkind_region_open_mapping(
    void *addr, size_t size, unsigned flags, struct daxkind_region **region);

/*
 * A region over a file.  With DAXKIND_CREATE a file that does not exist is made,
 * with size bytes (at least DAXKIND_REGION_MIN), and kept after close; an empty
 * one is used the same way.  A file that holds data is opened only with
 * DAXKIND_OVERWRITE, at the size that it has (size must be 0 or that size), and
 * never truncated.  -ENOENT: it is not there.  -EEXIST: holds data and
 * DAXKIND_OVERWRITE was not given.  -EBUSY: open as a region elsewhere.
 * -EOPNOTSUPP: stores to its data could be SIGBUS (btrfs).
 */
int daxkind_region_open_file(const char *path, size_t size, unsigned flags,
    struct daxkind_region **region);

/*
 * A region over an unlinked file in directory dir, which grows to max_size
 * bytes (0: as far as the file system and limits of the process go) and is gone
 * after close.
 */
int daxkind_region_open_dir(const char *dir, size_t max_size, unsigned flags,
    struct daxkind_region **region);

/*
 * A region over size bytes of a devdax device from offset (size 0: to its
 * end), both multiples of the device's alignment.  path may be a name, as
 * above, of a devdax device or namespace.  -EBUSY: the device is open
 * as a region elsewhere.  -ENODEV: not a devdax device, or in system-ram mode.
 * -EEXIST: it holds a durable heap and DAXKIND_OVERWRITE was not given.
 */
int daxkind_region_open_devdax(const char *path, size_t offset, size_t size,
    unsigned flags, struct daxkind_region **region);

/* -EBUSY while a kind is on it.  NULL is no error.  -EINVAL: it is closed, which
 * can be told until 256 more regions were closed. */
int daxkind_region_close(struct daxkind_region *region);

/* Smallest region over a file, in bytes. */
#define DAXKIND_REGION_MIN ((size_t)64 * 1024)

/* --- asking a region -------------------------------------------------------- */

enum daxkind_backing {
	DAXKIND_BACKING_MAPPING, /* a mapping that the caller made */
	DAXKIND_BACKING_FILE,    /* a file, named or unlinked */
	DAXKIND_BACKING_DEVDAX   /* a devdax character device */
};

/* How fine a store must be flushed to be durable. */
enum daxkind_granularity {
	DAXKIND_GRANULARITY_BYTE, /* not at all (eADR): a fence is enough */
	DAXKIND_GRANULARITY_CACHE_LINE, /* cache line flush and fence */
	DAXKIND_GRANULARITY_PAGE        /* msync(2) */
};

struct daxkind_region_info {
	void *base;   /* first usable byte */
	size_t size;  /* usable bytes */
	size_t align; /* base and size are multiples of this, in bytes */
	enum daxkind_backing backing;
	enum daxkind_granularity granularity;
	int is_dax;    /* stores go to the medium without a page cache */
	int is_sync;   /* mapped with MAP_SYNC, or a devdax device */
	int numa_node; /* of the memory, or -1 when not known */
};

/* info_size is sizeof(struct daxkind_region_info) of the caller; -EINVAL for 0
 * and for more than 4096, which no version of it has. */
int daxkind_region_info(const struct daxkind_region *region,
    struct daxkind_region_info *info, size_t info_size);

/* Figures in bytes; total = taken + free + bad. */
struct daxkind_space {
	size_t total;        /* the whole region */
	size_t taken;        /* by the heap and by memkind_fixed_mmap() */
	size_t free;         /* not taken, not bad */
	size_t bad;          /* never handed out: media errors */
	size_t largest_free; /* the longest contiguous free run */
	size_t held;         /* file space that is really allocated */
};

/* space_size is sizeof(struct daxkind_space) of the caller, as above. */
int daxkind_region_space(const struct daxkind_region *region,
    struct daxkind_space *space, size_t space_size);

enum daxkind_run_state {
	DAXKIND_RUN_TAKEN,
	DAXKIND_RUN_IDLE, /* free, with file space behind it */
	DAXKIND_RUN_HOLE, /* free, no file space behind it */
	DAXKIND_RUN_BAD
};

/*
 * Call visit for each run of the space map, in the order of their offsets (in
 * bytes from the base), until it returns other than 0.  Returns 0 when all runs
 * were visited, 1 when visit ended the walk, and a negative errno value on
 * failure, so what visit returned is never taken for an error.  The map may
 * change while it is walked: each run was so when it was looked at.  visit may
 * call any function.
 */
int daxkind_region_walk(const struct daxkind_region *region,
    int (*visit)(
	void *arg, size_t off, size_t len, enum daxkind_run_state state),
    void *arg);

/*
 * Hold the records of the region's space against each other; nobody takes or
 * gives space meanwhile.  -EUCLEAN: they disagree, since something has written
 * over them, and the region should not be used any more.
 */
int daxkind_region_check(const struct daxkind_region *region);

/* --- kinds on regions ------------------------------------------------------- */

/*
 * Make a heap over all of the region; one kind at a time (-EBUSY).  The region
 * must outlive the kind.  memkind_destroy_kind() ends it and leaves the region
 * open.
 */
int daxkind_kind_create(struct daxkind_region *region, memkind_t *kind);

/*
 * The same with an operations table of the caller's, which is copied; ops_size
 * is sizeof(struct memkind_ops) of the caller.  Operations beyond it are not
 * supported by the kind.  name is at most 63 bytes.  -E2BIG: the table has an
 * operation that this version of the library does not know.
 */
int daxkind_kind_create_with_ops(struct daxkind_region *region,
    const struct memkind_ops *ops, size_t ops_size, const char *name,
    memkind_t *kind);

/* The region that a kind is over; NULL for a kind over plain DRAM. */
struct daxkind_region *daxkind_kind_region(memkind_t kind);

/* When free file space goes back to the file system. */
enum daxkind_policy {
	/* What was not needed for some seconds, and at once what is more than
	 * half as much as is in use.  As MEMKIND_MEM_USAGE_POLICY_DEFAULT. */
	DAXKIND_POLICY_DEFAULT,
	/* The same, but at once what is more than 4 MiB. */
	DAXKIND_POLICY_BALANCED,
	/* At each free.  As MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE. */
	DAXKIND_POLICY_CONSERVATIVE
};

/* From now on.  -EINVAL: no policy, or a kind without a region. */
int daxkind_kind_set_policy(memkind_t kind, enum daxkind_policy policy);

/* --- flush-aware stores ------------------------------------------------------ */

/*
 * Make stores to [addr, addr + len) durable, in the way that the kind's region
 * needs.  flush starts it and drain waits for all that this thread started;
 * persist is both.  Where the granularity is a page, flush already waits
 * (msync(2)) and drain does nothing.
 *
 * -EINVAL: the range is not inside the kind's region.  -ENOTSUP: the kind is
 * over plain DRAM.  Else what msync(2) says.
 */
int daxkind_persist(memkind_t kind, const void *addr, size_t len);
int daxkind_flush(memkind_t kind, const void *addr, size_t len);
int daxkind_drain(memkind_t kind);

/*
 * memcpy(3) and memset(3) to a kind's memory that are durable on return
 * (_persist) or after the next daxkind_drain() of this thread (_nodrain).
 * dst must lie inside the kind's region; src and dst must not overlap.
 */
int daxkind_memcpy_persist(
    memkind_t kind, void *dst, const void *src, size_t len);
int daxkind_memcpy_nodrain(
    memkind_t kind, void *dst, const void *src, size_t len);
int daxkind_memset_persist(memkind_t kind, void *dst, int c, size_t len);
int daxkind_memset_nodrain(memkind_t kind, void *dst, int c, size_t len);

/*
 * The same for a range of a region: of one without a kind on it, whose layout is
 * the program's own, such as a log that is read after a restart.  Open it with
 * DAXKIND_PREFAULT, so that no store to it wants file space.
 */
int daxkind_region_persist(
    const struct daxkind_region *region, const void *addr, size_t len);
int daxkind_region_flush(
    const struct daxkind_region *region, const void *addr, size_t len);
int daxkind_region_drain(const struct daxkind_region *region);

/* --- media errors ------------------------------------------------------------ */

/*
 * Bad blocks that the system knows of when a region is opened are never handed
 * out.  For those that show later:
 *
 * Take the pages that [addr, addr + len) touches out of use, for as long as
 * the region is open: what is free of them at once, what is in use when it is
 * freed.  They count as bad in daxkind_region_space() from then on.  -EINVAL:
 * empty, or not inside the kind's region.  -ENOTSUP: the kind is over plain
 * DRAM.  -ENOMEM: not all of it.
 */
int daxkind_quarantine(memkind_t kind, void *addr, size_t len);

enum daxkind_sigbus_flags {
	/* Zeroes may take the place of lost bytes without a word. */
	DAXKIND_SIGBUS_ZEROES = 1u << 0
};

/*
 * Handle SIGBUS: what the kernel cannot read of a region is quarantined, then
 * callback is called in the signal handler, by the thread that met the error.
 * It may do what signal-safety(7) allows, must not touch the range, and may
 * leave by siglongjmp(3).  When it returns, ordinary memory takes the range's
 * place, with zeroes for what was lost, and the access is made again.
 * DAXKIND_SIGBUS_ZEROES: callback may be NULL, and that happens at once.
 * SIGBUS for any other reason goes to the handler that there was.  -EBUSY:
 * installed already.  -EINVAL: no callback and no flag, or an unknown flag.
 */
int daxkind_sigbus_install(unsigned flags,
    void (*callback)(void *arg, void *addr, size_t len), void *arg);
/* Put the former handler back.  -EINVAL: not installed. */
int daxkind_sigbus_remove(void);

#ifdef __cplusplus
}
#endif

#endif /* DAXKIND_H */
