/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os.h -- the only way from this library to the kernel (layer 0).
 *
 * Each call that can fail in the kernel has one thin wrapper, in os.c or one of
 * the os_*.c; no other file includes <sys/mman.h> or <fcntl.h>.  So a test can
 * make each of them fail: unit tests link with -Wl,--wrap=os_map_file and so
 * on.
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

/* Private zeroed memory for the library's records: not reserved, no huge
 * pages. */
int os_map_anon(size_t len, void **addr) DK_MUST_CHECK;

/* The same at a multiple of align, a power of two. */
int os_map_anon_aligned(size_t len, size_t align, void **addr) DK_MUST_CHECK;

/* The same with huge pages of 2 MiB; len and align are multiples of 2 MiB.
 * -ENOMEM: the kernel's pools have too few. */
int os_map_huge(size_t len, size_t align, void **addr) DK_MUST_CHECK;
/* The same with pages of 1 GiB. */
int os_map_gigantic(size_t len, size_t align, void **addr) DK_MUST_CHECK;
/* Number of huge pages of that size that the kernel has or may make; 0: it does
 * not support that size. */
size_t os_nr_huge_pages(size_t page_size);
/* The same for 1 GiB. */
size_t os_nr_gigantic_pages(void);
/* Use no transparent huge pages there.  Also 0 on a kernel without them. */
int os_refuse_huge_pages(void *addr, size_t len);
/* Flags of mmap(2) for memory without a file. */
enum os_mmap_kind {
	OS_MMAP_PRIVATE,
	OS_MMAP_PRIVATE_HUGE,     /* of 2 MiB */
	OS_MMAP_PRIVATE_GIGANTIC, /* of 1 GiB */
	OS_MMAP_SHARED
};
int os_mmap_flags(enum os_mmap_kind kind);
/* Map memory without a file with the caller's flags, at hint if that is
 * free. */
int os_map_with_flags(void *hint, size_t len, int flags, void **addr)
    DK_MUST_CHECK;

enum os_map_flags {
	OS_MAP_SYNC = 1 << 0,     /* -EOPNOTSUPP when the file is not DAX */
	OS_MAP_POPULATE = 1 << 1, /* touch every page now */
	/* Faults bring in single pages, not large pieces of the page cache
	 * (folios).  A store to a page of a folio would need file space for the
	 * whole folio. */
	OS_MAP_BY_PAGE = 1 << 2,
	OS_MAP_READ_ONLY = 1 << 3
};

/*
 * Map len bytes of fd at file offset off, shared, readable and (unless
 * OS_MAP_READ_ONLY) writable, at an address that is a multiple of align (a power of two, at least a page).
 */
int os_map_file(int fd, size_t off, size_t len, size_t align, unsigned flags,
    void **addr) DK_MUST_CHECK;
/* The same at that address.  -EADDRINUSE: something is mapped there. */
int os_map_file_at(int fd, size_t off, size_t len, unsigned flags, void *to)
    DK_MUST_CHECK;
int os_unmap(void *addr, size_t len);
/* Replace the mapping of [addr, addr + len) with private memory of the same
 * content.  On failure nothing changes. */
int os_make_private(void *addr, size_t len) DK_MUST_CHECK;
/* Make the range inaccessible. */
void os_forbid(void *addr, size_t len);
/*
 * Reserve addresses for private memory, at a multiple of align.  Until
 * os_commit() the memory is inaccessible and does not count as memory of this
 * process.  Near the process's address space limit it fails unless it leaves
 * len bytes for others.
 */
int os_reserve(size_t len, size_t align, void **addr) DK_MUST_CHECK;
/* Make part of a reservation usable; pages in use keep their content.  -ENOMEM:
 * the kernel's overcommit check, or a limit, refuses. */
int os_commit(void *addr, size_t len) DK_MUST_CHECK;
/* Undo os_commit(): the memory is inaccessible and does not count any more.
 * After another os_commit() it is zero, and not bound to nodes. */
int os_decommit(void *addr, size_t len) DK_MUST_CHECK;
/* Give back the pages of private memory, which then reads as zero. */
int os_drop_pages(void *addr, size_t len) DK_MUST_CHECK;
/* Whether the kernel's overcommit accounting is strict, so that unused memory
 * should be given up by os_decommit(). */
bool os_is_commit_strict(void);
/*
 * Whether the word at addr, a multiple of 4, can be read or written.  Changes
 * no byte.  -EFAULT or -EHWPOISON where an access would raise a signal.  Safe
 * in a signal handler.
 */
int os_probe_read(const void *addr) DK_MUST_CHECK;
int os_probe_write(void *addr) DK_MUST_CHECK;
/* Fault all pages in for writing without changing a byte. */
int os_populate(void *addr, size_t len) DK_MUST_CHECK;
/* -ENOMEM when the page at addr is not mapped. */
int os_is_mapped(const void *addr) DK_MUST_CHECK;
/* Whether a child of fork(2) would get a copy of the page at addr. */
bool os_is_private_mapping(const void *addr);
/* The number of the character device that is mapped at addr; -ENODEV: none. */
int os_mapped_device(const void *addr, unsigned *major_nr, unsigned *minor_nr)
    DK_MUST_CHECK;
int os_msync(void *addr, size_t len) DK_MUST_CHECK;
/* Move a mapping as a whole to another address.  -EADDRINUSE: something is mapped
 * there. */
int os_move_mapping(void *addr, size_t len, void *to) DK_MUST_CHECK;
/* The name of what is mapped first in the range, as /proc/self/maps has it;
 * "something" where it has none. */
void os_describe_mapping(
    const void *addr, size_t len, char *text, size_t text_size);
/*
 * Give back the file space behind a shared mapping, which then reads as zero.
 * -EOPNOTSUPP: the file system cannot.  -EINVAL, -EACCES: the memory is locked
 * or not writable; os_punch() works there.
 */
int os_punch_mapped(void *addr, size_t len) DK_MUST_CHECK;
/*
 * Replace pages that cannot be read or written with ordinary memory, so that an
 * access raises no signal.  Keeps the content that the kernel can read; the
 * rest is zero.  Does nothing if all pages are good.  Safe in a signal handler.
 */
int os_replace_pages(void *addr, size_t len) DK_MUST_CHECK;
/* Whether prctl(2) disabled huge pages for this process: faults on a devdax
 * device would then raise SIGBUS. */
bool os_thp_is_disabled(void);

/* --- files ------------------------------------------------------------------ */

struct os_stat {
	bool is_dir, is_file, is_char_dev, is_block_dev;
	size_t size;  /* bytes */
	size_t space; /* bytes of file space that are allocated */
	unsigned major_nr, minor_nr; /* of a device */
	uint64_t device, inode;      /* together unique at any one time */
};

int os_open(const char *path, bool create, int *fd) DK_MUST_CHECK;
int os_open_read(const char *path, int *fd) DK_MUST_CHECK;
/* Open a file in dir that has no name. */
int os_open_unlinked(const char *dir, int *fd) DK_MUST_CHECK;
/* The same for os_link().  -EOPNOTSUPP, -EISDIR: the file system has no such
 * files. */
int os_open_linkable(const char *dir, int *fd) DK_MUST_CHECK;
/* Give it a name.  -EEXIST: there is a file of that name. */
int os_link(int fd, const char *path) DK_MUST_CHECK;
/* Replaces a file of that name. */
int os_rename(const char *from, const char *to) DK_MUST_CHECK;
void os_close(int fd);
/* Move fd to a higher number, which is seldom reused, and close fd.  Returns fd
 * itself if there is no such number. */
int os_raise_fd(int fd);
/* Both ends are close-on-exec. */
int os_pipe(int fds[2]) DK_MUST_CHECK;
/* Read and discard until no process has the pipe open for writing. */
void os_wait_for_end(int fd);
int os_unlink(const char *path);
int os_stat(const char *path, struct os_stat *st) DK_MUST_CHECK;
int os_fstat(int fd, struct os_stat *st) DK_MUST_CHECK;
/* Whether the kernel says that the file has no page cache.  Only a mapping with
 * OS_MAP_SYNC proves that flushing is enough. */
bool os_is_dax(int fd);
/* The block device that the file is on. */
int os_device_of_file(int fd, unsigned *major_nr, unsigned *minor_nr)
    DK_MUST_CHECK;
/* Whether the byte at off can be read; -ENODATA: off is past the end.  Safe in
 * a signal handler. */
int os_probe_file(int fd, size_t off) DK_MUST_CHECK;
/* Drop the file from the page cache, except pages in use. */
void os_drop_cache(int fd);
/* Make a new file, its size and its name durable. */
int os_sync_new_file(int fd, const char *path) DK_MUST_CHECK;
/* -EWOULDBLOCK when another open file description holds the lock. */
int os_lock_file(int fd) DK_MUST_CHECK;
/* Affects all descriptors of the same open(2), also in children of fork(2). */
void os_unlock_file(int fd);

/* --- file space ------------------------------------------------------------- */

/*
 * Call visit for each extent of the file in [off, off + len), until it returns
 * a value other than 0, which is then returned.  -EOPNOTSUPP, -ENOTTY: the file
 * system cannot list extents.
 */
int os_walk_extents(int fd, size_t off, size_t len,
    int (*visit)(void *arg, size_t off, size_t device_off, size_t len),
    void *arg) DK_MUST_CHECK;
/* Turn writing in place on or off for a file without data, on a file system
 * that copies on write otherwise (btrfs).  1: changed; 0: it was so already.
 * -EOPNOTSUPP, -ENOTTY: the file system has no such setting. */
int os_set_in_place(int fd, bool on) DK_MUST_CHECK;
enum os_cow {
	OS_COW_NEVER,  /* also if os_allocate_unshared() helps, or unknown */
	OS_COW_SHARED, /* data shared with a clone or a snapshot */
	OS_COW_ALWAYS  /* each store to data that was written to disk */
};
/* Which stores need new space although the data has space already. */
enum os_cow os_copies_on_write(int fd);
/* Bytes of the file system that fd is on; SIZE_MAX when it has no limit. */
int os_fs_size(int fd, size_t *bytes) DK_MUST_CHECK;
/* The limits of this process: on the size of a file (ulimit -f), on the address
 * space (ulimit -v).  SIZE_MAX: none. */
size_t os_file_size_limit(void);
size_t os_address_space_limit(void);
/* Whether a file that was never written to has file space everywhere. */
bool os_is_dense(int fd, size_t len);
/* -EFBIG beyond the process's file size limit, instead of SIGXFSZ. */
int os_set_size(int fd, size_t len) DK_MUST_CHECK;
/*
 * Call visit for each part of [off, off + len) without space of its own, a hole
 * or data shared with a clone, until it returns a value other than 0, which is
 * then returned.  -EOPNOTSUPP, -ENOTTY: the file system cannot tell.
 */
int os_walk_gaps(int fd, size_t off, size_t len,
    int (*visit)(void *arg, size_t off, size_t len), void *arg) DK_MUST_CHECK;
/* The unit in which the file system allocates space, a power of two.  DK_PAGE
 * is a multiple of it, or it is a multiple of DK_PAGE. */
int os_fs_block(int fd, size_t *bytes) DK_MUST_CHECK;
/* Reserve file space; existing bytes stay. */
int os_allocate(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* The same, and data shared with other files (a clone) gets its own space.
 * -EOPNOTSUPP: the file system cannot. */
int os_allocate_unshared(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* The first part of [off, off + len) without data: a hole, or reserved and
 * never written.  -ENOENT: none, or the file system does not say. */
int os_find_hole(int fd, size_t off, size_t len, size_t *hole_off,
    size_t *hole_len) DK_MUST_CHECK;
/* Make an empty file share all data of another one.  -EOPNOTSUPP, -ENOTTY, -EXDEV
 * and others: the file systems cannot. */
int os_clone(int fd, int from_fd) DK_MUST_CHECK;
/* Give back file space, which then reads as zero. */
int os_punch(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* -EFBIG as for os_set_size(). */
int os_write_zeroes(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* The same page by page: see OS_MAP_BY_PAGE. */
int os_write_zero_pages(int fd, size_t off, size_t len) DK_MUST_CHECK;
/* The same for bytes, which may lie in a mapping of that part of the file: it
 * then has file space, and no byte changed. */
int os_write(int fd, size_t off, const void *bytes, size_t len) DK_MUST_CHECK;
/* The same in large pieces.  -EFAULT: the bytes cannot be read. */
int os_write_bulk(int fd, size_t off, const void *bytes, size_t len)
    DK_MUST_CHECK;
/* Write the range to the disk, so that it has space there.  The first caller is
 * told of a failure, whatever its range. */
int os_sync_range(int fd, size_t off, size_t len) DK_MUST_CHECK;

/* --- texts of the system ---------------------------------------------------- */

/* The first line of a small text file (sysfs), without the newline. */
int os_read_line(const char *path, char *buf, size_t buf_size) DK_MUST_CHECK;
/* The number in file name of directory dir.  -EINVAL: no number, or
 * negative. */
int os_read_number(const char *dir, const char *name, size_t *number)
    DK_MUST_CHECK;
/* The last part of a symbolic link's target. */
int os_read_link_name(const char *path, char *buf, size_t buf_size)
    DK_MUST_CHECK;
/* The content of a text file of unknown size (procfs); release *text with
 * os_delete(). */
int os_read_text(const char *path, char **text) DK_MUST_CHECK;
/* Exactly len bytes from off; -ENODATA: there are fewer. */
int os_read_at(const char *path, size_t off, void *buf, size_t len)
    DK_MUST_CHECK;
/* Call visit for each name in a directory except . and .., until it returns a
 * value other than 0, which is then returned. */
int os_walk_dir(const char *path, int (*visit)(const char *name, void *arg),
    void *arg) DK_MUST_CHECK;

/* --- records --- a zeroed one from the process's malloc, or NULL ------------- */

void *os_new(size_t size) DK_MUST_CHECK;
void os_delete(void *record);

/* --- the rest ---------------------------------------------------------------- */

/* NULL if the program runs with more rights than its user. */
const char *os_getenv(const char *name);
/* MEMKIND_HOG_MEMORY=1: keep free memory instead of giving it back. */
bool os_hogs_memory(void);
/* Random bytes. */
int os_random(void *bytes, size_t len) DK_MUST_CHECK;
uint64_t os_now_us(void); /* CLOCK_MONOTONIC */
/* The same, up to 10 ms late, and much cheaper. */
uint64_t os_now_coarse_us(void);
/* Prepare for os_membarrier(), which makes every thread of the process pass a
 * full memory barrier.  -ENOSYS: a kernel before 4.14, or forbidden. */
int os_membarrier_init(void) DK_MUST_CHECK;
/* Fails if it was forbidden since (seccomp): then no thread passed a
 * barrier. */
int os_membarrier(void) DK_MUST_CHECK;
/*
 * One step of a loop that waits until another thread has done a few
 * instructions.  Yields at first, then sleeps in growing steps of at most a
 * millisecond: a thread of lower priority never runs while others only yield.
 * *round is 0 before the first step.  Safe in a signal handler.
 */
void os_pause(unsigned *round);
unsigned os_nr_cpus(void);      /* that this process may run on */
unsigned os_current_node(void); /* NUMA node of the processor it runs on */
size_t os_memory_size(void);    /* bytes of DRAM, all nodes */
/* -ENOTSUP: the kernel's page size is not DK_PAGE. */
int os_check_page_size(void) DK_MUST_CHECK;
/* Start a thread that receives no signals. */
int os_thread_start(void *(*run)(void *), void *arg, const char *name,
    pthread_t *thread) DK_MUST_CHECK;
void os_thread_join(pthread_t thread);
/*
 * Call run(arg) isolated from the process, for libraries that change the
 * working directory, print, or need more stack than a thread may have.  It runs
 * in a clone(2) that shares this thread's memory, thread-locals and locks, but
 * has OS_APART_STACK bytes of stack, its own working directory and descriptors,
 * no standard error and no signals.  Descriptors that run opens are closed
 * afterwards.  run must start no thread and call no code of the program.  If
 * the system cannot make another process, run is called in this thread.
 */
void os_run_apart(void (*run)(void *arg), void *arg);
enum {
	OS_APART_STACK = 256 * 1024
};

#endif /* OS_H */
