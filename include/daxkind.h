/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxkind.h -- regions of DAX memory, and what memkind's API lacks.
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
 * No function is a cancellation point.
 */
#ifndef DAXKIND_H
#define DAXKIND_H

#include <daxkind_version.h>
#include <memkind.h>
#include <memkind_ops.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#ifdef __GNUC__
/* A function may have the name of its structure, as stat(2) has. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#endif

/* The run-time version, MAJOR * 1000000 + MINOR * 1000 + PATCH. */
int daxkind_version(void);

/*
 * Why this thread's last failed call failed, and how to fix it.  Every failing
 * call leaves a text.  A successful call clears it, except the frequent ones
 * (memkind_malloc(), daxkind_persist() and the like), which leave it alone.  ""
 * if there is none.  Valid until the thread's next call.
 */
const char *daxkind_last_error(void);

/* --- opening a region ------------------------------------------------------ */

struct daxkind_region;

/*
 * No flag is ignored: one that does not apply to what is opened is -EINVAL.
 * The exception is daxkind_region_open(), which accepts DAXKIND_CREATE and
 * DAXKIND_OVERWRITE for any path.
 */
enum daxkind_open_flags {
	/* Blocks may overwrite what a file or a device holds.  Pages that no
	 * block uses keep their content. */
	DAXKIND_OVERWRITE = 1u << 0,
	/* Reserve all file space and touch every page now.  The space stays
	 * reserved until the region is closed. */
	DAXKIND_PREFAULT = 1u << 1,
	/* For a mapping: the caller promises that flushing a cache line makes
	 * a store to it durable, because it was mapped with MAP_SYNC. */
	DAXKIND_PERSISTENT = 1u << 2,
	/* Create the file if it does not exist. */
	DAXKIND_CREATE = 1u << 3,
	/* Fail with -EOPNOTSUPP, and a text that says what is there instead,
	 * unless stores bypass the page cache (is_dax). */
	DAXKIND_NEED_DAX = 1u << 4,
	/* The same unless stores are durable without msync(2) (is_sync). */
	DAXKIND_NEED_SYNC = 1u << 5,
	/* For a durable region: map it at another address if its own is
	 * taken; pointers in it are no good then, offsets are. */
	DAXKIND_RELOCATE = 1u << 6,
	/* For a durable region: open it even after a reset that may have lost
	 * pages; the program checks each block by itself. */
	DAXKIND_SALVAGE = 1u << 7
};

/*
 * Open what path names: a directory (as daxkind_region_open_dir), a character
 * device (as daxkind_region_open_devdax), else a file (as
 * daxkind_region_open_file).  path can also name a namespace or its device:
 * "dax0.0", "pmem0", "/dev/pmem0" (where it is mounted), "namespace0.0".
 * -ENOENT: no such name; no file is ever created in /dev.  -ENODEV: in a mode
 * without DAX, disabled, or not mounted.  -EOPNOTSUPP: mounted without dax.
 * daxkind_last_error() then names the command that fixes it.
 */
int daxkind_region_open(const char *path, size_t size, unsigned flags,
    struct daxkind_region **region);

/*
 * Open the caller's own mapping of size bytes at addr, both multiples of the
 * page size.  The mapping must be readable and writable, and stay so until the
 * region is closed.  The library never unmaps it, and never writes to it.
 * -EINVAL: NULL, zero, unaligned or wrapping.  -EEXIST: overlaps a live region.
 */
int daxkind_region_open_mapping(
    void *addr, size_t size, unsigned flags, struct daxkind_region **region);

/*
 * Open a file.  With DAXKIND_CREATE a file that does not exist is created with
 * size bytes (at least DAXKIND_REGION_MIN) and kept after close; an empty file
 * is used the same way.  A file that holds data needs DAXKIND_OVERWRITE, keeps
 * its size (size must be 0 or that size) and is never truncated.  -ENOENT: the
 * file does not exist.  -EEXIST: it holds data and DAXKIND_OVERWRITE was not
 * given.  -EBUSY: it is open as a region already.  -EOPNOTSUPP: stores to its
 * data could raise SIGBUS (btrfs).
 */
int daxkind_region_open_file(const char *path, size_t size, unsigned flags,
    struct daxkind_region **region);

/*
 * Open an unlinked file in directory dir.  It takes up to max_size bytes (0: as
 * many as the file system and the limits of the process allow), and is gone
 * after close.
 */
int daxkind_region_open_dir(const char *dir, size_t max_size, unsigned flags,
    struct daxkind_region **region);

/*
 * Open size bytes of a devdax device from offset (size 0: to its end), both
 * multiples of the device's alignment.  path can be the name of a devdax device
 * or namespace, as above.  -EBUSY: the device is open as a region already.
 * -ENODEV: it is not a devdax device, or is in system-ram mode.
 * -EEXIST: it holds a durable heap and DAXKIND_OVERWRITE was not given.
 */
int daxkind_region_open_devdax(const char *path, size_t offset, size_t size,
    unsigned flags, struct daxkind_region **region);

/* Close a region; NULL is allowed.  -EBUSY: a kind is still on it.  -EINVAL: it
 * is already closed (detected until 256 more regions have been closed). */
int daxkind_region_close(struct daxkind_region *region);

/* Smallest region over a file, in bytes. */
#define DAXKIND_REGION_MIN ((size_t)64 * 1024)

/* --- querying a region ------------------------------------------------------ */

enum daxkind_backing {
	DAXKIND_BACKING_MAPPING, /* a mapping that the caller made */
	DAXKIND_BACKING_FILE,    /* a file, named or unlinked */
	DAXKIND_BACKING_DEVDAX   /* a devdax character device */
};

/* The unit in which stores must be flushed to be durable. */
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
	int numa_node; /* of the memory, or -1 if unknown */
};

/* Pass sizeof(struct daxkind_region_info) as info_size.  -EINVAL: it is 0 or
 * more than 4096. */
int daxkind_region_info(const struct daxkind_region *region,
    struct daxkind_region_info *info, size_t info_size);

/* Usage in bytes; total = taken + free + bad. */
struct daxkind_space {
	size_t total;        /* the whole region */
	size_t taken;        /* by the heap and by memkind_fixed_mmap() */
	size_t free;         /* not taken, not bad */
	size_t bad;          /* never handed out: media errors */
	size_t largest_free; /* of a free run, what one block can have */
	size_t held;         /* file space that is allocated */
};

/* Pass sizeof(struct daxkind_space) as space_size, as above. */
int daxkind_region_space(const struct daxkind_region *region,
    struct daxkind_space *space, size_t space_size);

enum daxkind_run_state {
	DAXKIND_RUN_TAKEN,
	DAXKIND_RUN_IDLE, /* free, with file space behind it */
	DAXKIND_RUN_HOLE, /* free, no file space behind it */
	DAXKIND_RUN_BAD
};

/*
 * Call visit for each run of the space map, in ascending order of offset (bytes
 * from the base), until visit returns a value other than 0.  Returns 0 if all
 * runs were visited, 1 if visit ended the walk, and a negative errno value on
 * failure.  The map may change during the walk: each run is reported as it was
 * when the walk reached it.  visit may call any function.
 */
int daxkind_region_walk(const struct daxkind_region *region,
    int (*visit)(
	void *arg, size_t off, size_t len, enum daxkind_run_state state),
    void *arg);

/*
 * Cross-check the region's space records; allocation blocks meanwhile.
 * -EUCLEAN: they are inconsistent because something has overwritten them.  Stop
 * using the region.
 */
int daxkind_region_check(const struct daxkind_region *region);

/* --- kinds on regions ------------------------------------------------------- */

/*
 * Make a heap over the whole region.  A region has one kind at a time (-EBUSY)
 * and must outlive it.  memkind_destroy_kind() destroys the kind and leaves the
 * region open.
 */
int daxkind_kind_create(struct daxkind_region *region, memkind_t *kind);

/*
 * The same with the caller's own operations table, which is copied.  Pass
 * sizeof(struct memkind_ops) as ops_size; the kind does not support operations
 * beyond it.  name has at most 63 bytes.  -E2BIG: the table has an operation
 * that this version of the library does not know.
 */
int daxkind_kind_create_with_ops(struct daxkind_region *region,
    const struct memkind_ops *ops, size_t ops_size, const char *name,
    memkind_t *kind);

/* The region of a kind; NULL for a kind on plain DRAM. */
struct daxkind_region *daxkind_kind_region(memkind_t kind);

/* When free file space goes back to the file system. */
enum daxkind_policy {
	/* After some idle seconds.  At once what exceeds 4 MiB, or half of
	 * what is in use if that is more.  As
	 * MEMKIND_MEM_USAGE_POLICY_DEFAULT. */
	DAXKIND_POLICY_DEFAULT,
	/* The same, but at once what exceeds 4 MiB. */
	DAXKIND_POLICY_BALANCED,
	/* When it is freed.  As MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE. */
	DAXKIND_POLICY_CONSERVATIVE
};

/* Set the policy from now on.  -EINVAL: not a policy, or a kind without a
 * region. */
int daxkind_kind_set_policy(memkind_t kind, enum daxkind_policy policy);

/* --- durable regions --------------------------------------------------------- */

/*
 * Open a region that keeps its heap: a file or a devdax device (or a name, as
 * daxkind_region_open() takes it).  A file that is new (DAXKIND_CREATE) or empty,
 * and a device that begins and ends with zeroes, is formatted for size bytes.
 * What was formatted before is opened with every block where it was, and grows to
 * size bytes; 0: as large as the file or device is.
 *
 * layout names the program's format of its data, 1 to 47 bytes.  A heap with
 * another name is not opened.
 *
 * The heap is mapped at the same address each time, so that pointers in it stay
 * valid.  What survives what is said in daxkind-restart(7).
 *
 * On failure every block and its content are as they were:
 *   -EEXIST           it holds data that is no durable heap; with
 *                     DAXKIND_OVERWRITE it is formatted
 *   -EPROTO           the heap has another layout
 *   -EUCLEAN          it is damaged; or it was not closed before a reset, and
 *                     its granularity is a page (DAXKIND_SALVAGE)
 *   -EADDRINUSE       its addresses are taken (DAXKIND_RELOCATE); or those behind
 *                     it, if it grows
 *   -EINVAL           size is less than it has, or too little more
 *   -EPROTONOSUPPORT  a later version of the library made it
 *   -EFBIG            the file or device has become smaller
 *   -EBUSY            it is open as a region already, in any process
 *   -EISDIR           path is a directory
 * or an error of daxkind_region_open().
 *
 * daxkind_kind_create() makes the durable kind on it, and memkind_destroy_kind()
 * ends it without freeing a block.  daxkind_region_close() is what makes the next
 * opening a clean one; where the granularity is a page it writes back all pages.
 * A child of fork(2) changes nothing of it.
 */
int daxkind_region_open_durable(const char *path, size_t size,
    const char *layout, unsigned flags, struct daxkind_region **region);

enum daxkind_restart_how {
	DAXKIND_RESTART_NEW,   /* it was formatted */
	DAXKIND_RESTART_CLEAN, /* it was closed */
	DAXKIND_RESTART_CRASH, /* its process ended without closing it */
	DAXKIND_RESTART_POWER  /* the machine was reset without closing it */
};

struct daxkind_restart {
	enum daxkind_restart_how how;
	ptrdiff_t moved_by;  /* bytes from the old address; 0: none */
	uint64_t generation; /* how often it was opened */
	unsigned char uuid[16];
	size_t blocks; /* that were allocated when it was opened */
	size_t bytes;  /* in them */
	/* Of bytes: known to be nobody's.  0, as an opening frees what it
	 * knows of; of other blocks only the program knows whose they are. */
	size_t leaked;
	/* Of bytes: at most so many were free in thread caches when the machine
	 * was reset, now or earlier, and are nobody's until daxkind_trace()
	 * frees them. */
	size_t cached_max;
};

/* How it was found when it was opened.  Pass sizeof(struct daxkind_restart).
 * -ENOTSUP: the region is volatile. */
int daxkind_region_restart(const struct daxkind_region *region,
    struct daxkind_restart *restart, size_t restart_size);

/*
 * A name, of 1 to 63 bytes, for what ptr points to in the kind's region; NULL
 * unsets it.  The change is one store that is durable on return.  -ENOSPC: there
 * are 128 roots.  -EINVAL: the name, or ptr is not in the region.  -ENOTSUP: the
 * kind is volatile.
 */
int daxkind_root_set(memkind_t kind, const char *name, const void *ptr);
/* NULL, and errno: ENOENT where there is no such root. */
void *daxkind_root(memkind_t kind, const char *name);
/* Call visit for each root until it returns a value other than 0; returns 1 then,
 * else 0. */
int daxkind_root_walk(memkind_t kind,
    int (*visit)(void *arg, const char *name, void *ptr), void *arg);

enum daxkind_walk_result {
	DAXKIND_KEEP,
	DAXKIND_DROP
};

/*
 * Call visit for each live block of a durable kind once, in the order of their
 * addresses.  It returns DAXKIND_KEEP, DAXKIND_DROP to have the block freed, or a
 * negative value, which ends the walk and is returned.  No other thread uses the
 * kind meanwhile, and visit neither allocates from it nor frees.
 */
int daxkind_walk(memkind_t kind,
    int (*visit)(void *arg, void *block, size_t usable), void *arg);

/*
 * Make a copy of a durable kind's region at path, a file, as if the region was
 * closed now.  No thread uses the kind meanwhile.  The name stands for a whole and
 * durable copy at any time: a durable heap that is there, such as an earlier
 * snapshot, is replaced when the new one is complete.  The copy has another uuid,
 * and the same layout, address and generation.
 *
 * On failure what is at path is as it was:
 *   -EEXIST   it is no durable heap; -EISDIR: a directory
 *   -EBUSY    it is open as a region
 *   -ENOSPC, -EFBIG, -EACCES, -EROFS, -ENOENT  what the file system says
 *   -EIO      a part of the region cannot be read
 *   -ENOTSUP  the kind is volatile
 *   -ENOMEM   no memory, or the caller is a child of fork(2)
 */
int daxkind_snapshot(memkind_t kind, const char *path);

/* What a trace has reached; valid during its calls of the visitor. */
struct daxkind_marker;

/*
 * Called once for each block that is reached.  It calls daxkind_mark() for what
 * the block points to.  A negative value ends the trace and is returned: then no
 * block was freed.
 */
typedef int daxkind_trace_fn(
    void *arg, void *block, size_t usable, struct daxkind_marker *marker);

/* From a visitor: the block that ptr is in is reached.  ptr may be anywhere in
 * it.  What is in no allocated block of the kind, as NULL is, is ignored. */
void daxkind_mark(struct daxkind_marker *marker, const void *ptr);

struct daxkind_trace_result {
	size_t kept_blocks, kept_bytes; /* reached; bytes that they can hold */
	size_t freed_blocks, freed_bytes;
};

/*
 * Find the blocks of a durable kind that its roots reach, and free the others.
 * Only roots count: not what variables of the program point to.
 *
 * With visit NULL each aligned word of a reached block that is an address in a
 * block reaches that one, too, whatever it was meant as.  With visit the program
 * tells what a block points to.
 *
 * result may be NULL; else pass sizeof(struct daxkind_trace_result).
 *
 * No other thread uses the kind meanwhile, and visit neither allocates from it
 * nor frees.  Needs a bit or two of memory for each block, and 8 bytes for each
 * 16 KiB of small and each one of large ones; nothing recurses.  If the process
 * is killed meanwhile, no block that is reached is lost.
 *
 *   -EADDRNOTAVAIL  visit is NULL, and the heap was opened at another address
 *                   (DAXKIND_RELOCATE), so that pointers in it lead elsewhere
 *   -EIO            visit is NULL, and a reached block has a page that was taken
 *                   out of use
 *   -ENOMEM, -ENOTSUP (the kind is volatile), -EINVAL, -EUCLEAN
 */
int daxkind_trace(memkind_t kind, daxkind_trace_fn *visit, void *arg,
    struct daxkind_trace_result *result, size_t result_size);

/* The offset of a pointer into a durable kind's region, which is the same each
 * time; 0: it is not in it. */
size_t daxkind_offset(memkind_t kind, const void *ptr);
/* The pointer that has that offset now; NULL: none has. */
void *daxkind_at(memkind_t kind, size_t offset);

/* --- flush-aware stores ------------------------------------------------------ */

/*
 * Make stores to [addr, addr + len) durable, as the granularity of the kind's
 * region requires.  flush starts this, drain waits for all flushes of this
 * thread, and persist does both.  Where the granularity is a page, flush
 * already waits (msync(2)) and drain does nothing.
 *
 * -EINVAL: the range is not inside the kind's region.  -ENOTSUP: the kind is
 * on plain DRAM.  Otherwise an error of msync(2).
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
 * The same for a range of a region without a kind, whose layout the program
 * defines itself: a log that is read after a restart, for example.  Open such a
 * region with DAXKIND_PREFAULT, so that no store needs new file space.
 */
int daxkind_region_persist(
    const struct daxkind_region *region, const void *addr, size_t len);
int daxkind_region_flush(
    const struct daxkind_region *region, const void *addr, size_t len);
int daxkind_region_drain(const struct daxkind_region *region);

/* --- media errors ------------------------------------------------------------ */

/*
 * Bad blocks that the kernel knows when a region is opened are never handed
 * out.  These functions handle those that appear later.
 *
 * Take the pages that [addr, addr + len) touches out of use while the region is
 * open: free pages at once, pages in use when they are freed.  From then on
 * they count as bad in daxkind_region_space().  -EINVAL: the range is empty, or
 * not inside the kind's region.  -ENOTSUP: the kind is on plain DRAM.  -ENOMEM:
 * only a part was quarantined.
 */
int daxkind_quarantine(memkind_t kind, void *addr, size_t len);

enum daxkind_sigbus_flags {
	/* Lost bytes may silently read as zero. */
	DAXKIND_SIGBUS_ZEROES = 1u << 0
};

/*
 * Handle SIGBUS from media errors.  The unreadable range is quarantined, then
 * callback runs in the signal handler of the thread that met the error.  It may
 * do what signal-safety(7) allows, must not touch the range, and may leave by
 * siglongjmp(3).  When it returns, ordinary memory replaces the range, with
 * zeroes for what was lost, and the access is repeated.  With
 * DAXKIND_SIGBUS_ZEROES callback may be NULL.  Any other SIGBUS goes to the
 * previous handler.  -EBUSY: already installed.  -EINVAL: neither a callback
 * nor the flag, or an unknown flag.
 */
int daxkind_sigbus_install(unsigned flags,
    void (*callback)(void *arg, void *addr, size_t len), void *arg);
/* Restore the previous handler.  -EINVAL: not installed. */
int daxkind_sigbus_remove(void);

#ifdef __cplusplus
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif
}
#endif

#endif /* DAXKIND_H */
