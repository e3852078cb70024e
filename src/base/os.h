/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os.h -- the only way from this library to the kernel (layer 0).
 *
 * Every call that can fail in the kernel has one thin wrapper, in os.c or one of
 * the os_*.c; no other file includes <sys/mman.h> or <fcntl.h>.  That gives each
 * failure one place to be injected: unit tests link with -Wl,--wrap=os_map_file
 * and so on.
 *
 * All functions that return int return 0 or a negative errno value, set
 * out-parameters on success only, and leave errno alone.  None is a
 * cancellation point (cancel.h).
 */
#ifndef OS_H
#define OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"

/* --- memory ----------------------------------------------------------------- */

/* Private zeroed memory for our own records: not reserved, never huge pages,
 * not in core dumps of the region kind. */
int os_map_anon(size_t len, void **addr) DK_MUST_CHECK;

/* The same at a multiple of align, a power of two. */
int os_map_anon_aligned(size_t len, size_t align, void **addr) DK_MUST_CHECK;

/* The same of huge pages of 2 MiB: len and align are multiples of that.
 * -ENOMEM: the kernel's pools have not so many. */
int os_map_huge(size_t len, size_t align, void **addr) DK_MUST_CHECK;
/* The same of pages of 1 GiB. */
int os_map_gigantic(size_t len, size_t align, void **addr) DK_MUST_CHECK;
/* Huge pages of that size that the kernel has or may make; 0: it knows of
 * none. */
size_t os_nr_huge_pages(size_t page_size);
/* The same of 1 GiB. */
size_t os_nr_gigantic_pages(void);
/* No transparent huge pages there.  0 also where the kernel has none. */
int os_refuse_huge_pages(void *addr, size_t len);
/* Flags of mmap(2) for memory without a file. */
enum os_mmap_kind {
	OS_MMAP_PRIVATE,
	OS_MMAP_PRIVATE_HUGE,     /* of 2 MiB */
	OS_MMAP_PRIVATE_GIGANTIC, /* of 1 GiB */
	OS_MMAP_SHARED
};
int os_mmap_flags(enum os_mmap_kind kind);
/* Map memory without a file with flags of the caller's choice, at hint if that
 * is free. */
int os_map_with_flags(void *hint, size_t len, int flags, void **addr)
    DK_MUST_CHECK;

enum os_map_flags {
	OS_MAP_SYNC = 1 << 0,     /* -EOPNOTSUPP when the file is not DAX */
	OS_MAP_POPULATE = 1 << 1, /* touch every page now */
	/* Let a fault bring one page into the page cache and not what is
	 * around it, in one large piece (a folio).  A store to a page of such a
	 * piece wants file space for all of it. */
	OS_MAP_BY_PAGE = 1 << 2
};

/*
 * Map len bytes of fd at file offset off, shared, readable and writable, at an
 * address that is a multiple of align (a power of two, at least a page).
 */
int os_map_file(int fd, size_t off, size_t len, size_t align, unsigned flags,
    void **addr) DK_MUST_CHECK;
int os_unmap(void *addr, size_t len);
/* Have memory of this process alone in the place of [addr, addr + len), with the
 * same content.  On failure all is as it was. */
int os_make_private(void *addr, size_t len) DK_MUST_CHECK;
/* Have nothing that could be read or written there. */
void os_forbid(void *addr, size_t len);
/*
 * Reserve addresses for private memory, at a multiple of align.  Nothing there
 * can be touched or counts as memory of this process before os_commit().  As
 * many bytes again are left for others, where a limit is near.
 */
int os_reserve(size_t len, size_t align, void **addr) DK_MUST_CHECK;
/* Let a part of what was reserved be used; what is in use already stays as it
 * is.  -ENOMEM: the kernel's overcommit check, or a limit, refuses. */
int os_commit(void *addr, size_t len) DK_MUST_CHECK;
/* The other way: it cannot be touched or counts as memory any more.  What
 * os_commit() brings back is zero, and not bound to nodes. */
int os_decommit(void *addr, size_t len) DK_MUST_CHECK;
/* Give the pages of private memory back: it reads as zero then. */
int os_drop_pages(void *addr, size_t len) DK_MUST_CHECK;
/* Whether the kernel promises no more memory than it has, so that what is not
 * needed should be given up by os_decommit(). */
bool os_is_commit_strict(void);
/*
 * Whether the word at addr, a multiple of 4, can be read, or written: no byte
 * changes, and what would be a signal is -EFAULT or -EHWPOISON.  May be called by
 * a signal handler.
 */
int os_probe_read(const void *addr) DK_MUST_CHECK;
int os_probe_write(void *addr) DK_MUST_CHECK;
/* Fault all pages in for writing without changing a byte. */
int os_populate(void *addr, size_t len) DK_MUST_CHECK;
/* -ENOMEM when the page at addr is not mapped. */
int os_is_mapped(const void *addr) DK_MUST_CHECK;
/* Whether a child of fork(2) would get a copy of the page at addr. */
bool os_is_private_mapping(const void *addr);
/* The character device whose memory is mapped there; -ENODEV: none. */
int os_mapped_device(const void *addr, unsigned *major_nr, unsigned *minor_nr)
    DK_MUST_CHECK;
int os_msync(void *addr, size_t len) DK_MUST_CHECK;
/*
 * Give the file space behind a shared mapping back; the bytes read as zero then.
 * -EOPNOTSUPP: the file system cannot.  -EINVAL, -EACCES: nor can this be done for
 * memory that is locked, or not writable; os_punch() can.
 */
int os_punch_mapped(void *addr, size_t len) DK_MUST_CHECK;
/*
 * Put ordinary memory in the place of pages that cannot be read or written,
 * so that a touch is no signal any more.  What of them the kernel can read is
 * kept, the rest is zero.  Pages that are all good stay.  May be called by a
 * signal handler.
 */
int os_replace_pages(void *addr, size_t len) DK_MUST_CHECK;
/* Whether huge pages are switched off for this process (prctl): faults on a
 * devdax device would be SIGBUS then. */
bool os_thp_is_disabled(void);

/* --- files ------------------------------------------------------------------ */

struct os_stat {
	bool is_dir, is_file, is_char_dev, is_block_dev;
	size_t size;  /* bytes */
	size_t space; /* bytes of file space that are allocated */
	unsigned major_nr, minor_nr; /* of a device */
	uint64_t device, inode; /* which no other file has at the same time */
};

int os_open(const char *path, bool create, int *fd) DK_MUST_CHECK;
int os_open_read(const char *path, int *fd) DK_MUST_CHECK;
/* An open file in dir that has no name. */
int os_open_unlinked(const char *dir, int *fd) DK_MUST_CHECK;
void os_close(int fd);
/* The same open file by a higher number, which is seldom given to another, and
 * fd is closed; or fd itself where there is no such number. */
int os_raise_fd(int fd);
/* Both ends are closed in programs that are executed. */
int os_pipe(int fds[2]) DK_MUST_CHECK;
/* Read and forget until there is nobody left who could write. */
void os_wait_for_end(int fd);
int os_unlink(const char *path);
int os_stat(const char *path, struct os_stat *st) DK_MUST_CHECK;
int os_fstat(int fd, struct os_stat *st) DK_MUST_CHECK;
/* Whether the kernel says that the file is accessed without a page cache.
 * Only a mapping with OS_MAP_SYNC tells that flushing is enough. */
bool os_is_dax(int fd);
/* The block device that the file is on. */
int os_device_of_file(int fd, unsigned *major_nr, unsigned *minor_nr)
    DK_MUST_CHECK;
/* Whether the byte at off can be read; -ENODATA: the file ends before.  May be
 * called by a signal handler. */
int os_probe_file(int fd, size_t off) DK_MUST_CHECK;
/* Have nothing of the file in the page cache, but what is used just now. */
void os_drop_cache(int fd);
/* Make a new file, its size and its name durable. */
int os_sync_new_file(int fd, const char *path) DK_MUST_CHECK;
/* -EWOULDBLOCK when another open file description holds the lock. */
int os_lock_file(int fd) DK_MUST_CHECK;
/* For all descriptors of the same open(2), in children of fork(2), too. */
void os_unlock_file(int fd);

/* --- file space ------------------------------------------------------------- */

/*
 * Call visit for each extent that the file has in [off, off + len), until it
 * returns other than 0, which is returned then.  -EOPNOTSUPP, -ENOTTY: the
 * file system cannot tell.
 */
int os_walk_extents(int fd, size_t off, size_t len,
    int (*visit)(void *arg, size_t off, size_t device_off, size_t len),
    void *arg) DK_MUST_CHECK;
/* Have a file without data written in place, also on a file system that copies
 * on write otherwise (btrfs), or not.  1: that is a change, 0: it was so.
 * -EOPNOTSUPP, -ENOTTY: the file system knows no such thing. */
int os_set_in_place(int fd, bool on) DK_MUST_CHECK;
enum os_cow {
	OS_COW_NEVER,  /* or os_allocate_unshared() helps, or it is not known */
	OS_COW_SHARED, /* data that is shared with a clone or a snapshot */
	OS_COW_ALWAYS  /* each store to what was written to the disk */
};
/* Which stores may want new space, though there is some behind the data. */
enum os_cow os_copies_on_write(int fd);
/* Bytes of the file system that fd is on; SIZE_MAX when it has no limit. */
int os_fs_size(int fd, size_t *bytes) DK_MUST_CHECK;
/* Bytes that a file of this process may grow to (ulimit -f), and bytes of its
 * address space (ulimit -v); SIZE_MAX: any number. */
size_t os_file_size_limit(void);
size_t os_address_space_limit(void);
/* Whether a file that nobody has written to has file space everywhere. */
bool os_is_dense(int fd, size_t len);
/* -EFBIG beyond the process's file size limit, instead of SIGXFSZ. */
int os_set_size(int fd, size_t len) DK_MUST_CHECK;
/*
 * Call visit for each part of [off, off + len) that has no space of its own: a
 * hole, or data that is shared with a clone.  Until it returns other than 0,
 * which is returned then.  -EOPNOTSUPP, -ENOTTY: the file system cannot tell.
 */
int os_walk_gaps(int fd, size_t off, size_t len,
    int (*visit)(void *arg, size_t off, size_t len), void *arg) DK_MUST_CHECK;
/* Bytes in which the file system gives space and takes it back, a power of
 * two: a multiple of DK_PAGE, or that. */
int os_fs_block(int fd, size_t *bytes) DK_MUST_CHECK;
/* Reserve file space; bytes that were there stay. */
int os_allocate(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* The same, and what is shared with other files (a clone) gets space of its own.
 * -EOPNOTSUPP: the file system cannot. */
int os_allocate_unshared(int fd, size_t off, size_t len) DK_MUST_CHECK;
/*
 * The first part of [off, off + len) that has no data: a hole, or reserved and
 * never written.  -ENOENT: there is none, or the file system does not say.
 */
int os_find_hole(int fd, size_t off, size_t len, size_t *hole_off,
    size_t *hole_len) DK_MUST_CHECK;
/* Give file space back; the bytes read as zero then. */
int os_punch(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* -EFBIG as os_set_size(). */
int os_write_zeroes(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* The same by single pages: see OS_MAP_BY_PAGE. */
int os_write_zero_pages(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* The same for bytes, which may be in a mapping of that part of the file: it has
 * file space then, and no byte changed. */
int os_write(int fd, size_t off, const void *bytes, size_t len) DK_MUST_CHECK;
/* Have what was written to the range be on the disk, and so in space that is
 * there.  What failed is said to the first who asks, whatever the range. */
int os_sync_range(int fd, size_t off, size_t len) DK_MUST_CHECK;

/* --- texts of the system ---------------------------------------------------- */

/* A small text file (sysfs): its first line without the newline. */
int os_read_line(const char *path, char *buf, size_t buf_size) DK_MUST_CHECK;
/* The number in such a file of a folder.  -EINVAL: it has none, or one below 0. */
int os_read_number(const char *dir, const char *name, size_t *number)
    DK_MUST_CHECK;
/* Last part of what a symbolic link points to. */
int os_read_link_name(const char *path, char *buf, size_t buf_size)
    DK_MUST_CHECK;
/* All of a text file whose size nobody knows (procfs); *text is for
 * os_delete(). */
int os_read_text(const char *path, char **text) DK_MUST_CHECK;
/* Exactly len bytes from off; -ENODATA: there are fewer. */
int os_read_at(const char *path, size_t off, void *buf, size_t len)
    DK_MUST_CHECK;
/* Call visit for each name in a directory but . and .., until it returns
 * other than 0, which is returned then. */
int os_walk_dir(const char *path, int (*visit)(const char *name, void *arg),
    void *arg) DK_MUST_CHECK;

/* --- records --- a zeroed one from the process's malloc, or NULL ------------- */

void *os_new(size_t size) DK_MUST_CHECK;
void os_delete(void *record);

/* --- the rest ---------------------------------------------------------------- */

/* NULL in a program that runs with more rights than its user. */
const char *os_getenv(const char *name);
/* MEMKIND_HOG_MEMORY=1: what is free is kept, not given back. */
bool os_hogs_memory(void);
uint64_t os_now_us(void); /* CLOCK_MONOTONIC */
/* The same, up to 10 ms late, for a fraction of the price. */
uint64_t os_now_coarse_us(void);
/* Make ready for os_membarrier(), which makes every thread of the process pass
 * a full memory barrier.  -ENOSYS: a kernel before 4.14, or it is forbidden. */
int os_membarrier_init(void) DK_MUST_CHECK;
/* Forbidden since then (seccomp), it fails: no thread has passed a barrier. */
int os_membarrier(void) DK_MUST_CHECK;
/*
 * For a loop that waits until another thread has done a few instructions:
 * yields at first, then sleeps in growing steps of at most a millisecond, since
 * a thread of lower priority never runs while others only yield.  *round is 0
 * before the first.  May be called by a signal handler.
 */
void os_pause(unsigned *round);
unsigned os_nr_cpus(void);      /* that this process may run on */
unsigned os_current_node(void); /* NUMA node of the processor it runs on */
size_t os_memory_size(void);    /* bytes of DRAM, all nodes */
/* -ENOTSUP: the kernel's pages are not those that this was built for. */
int os_check_page_size(void) DK_MUST_CHECK;
/* Start a thread that no signal is delivered to. */
int os_thread_start(void *(*run)(void *), void *arg, const char *name,
    pthread_t *thread) DK_MUST_CHECK;
void os_thread_join(pthread_t thread);
/*
 * Call run(arg) apart, for libraries that change the working directory, print,
 * or want more stack than threads may have: it runs in a double of this thread,
 * with OS_APART_STACK bytes of stack, a working directory and descriptors of
 * its own, a standard error that goes nowhere, and no signals.  Memory,
 * thread-locals and locks are this thread's.  Descriptors that it opens are gone
 * afterwards, and it must start no thread and call no code of the program's.
 * Where the system has no process to spare, it runs in this thread as it is.
 */
void os_run_apart(void (*run)(void *arg), void *arg);
enum {
	OS_APART_STACK = 256 * 1024
};

#endif /* OS_H */
