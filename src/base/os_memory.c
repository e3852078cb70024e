// SPDX-License-Identifier: BSD-2-Clause
/*
 * os_memory.c -- mappings: see os.h.
 */
#include "base/os.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/os_result.h"
#include "base/util.h"

/* Linux 5.14; glibc 2.36 has it, older headers do not. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* In glibc only <linux/mman.h> has it. */
#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif
#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB (30 << 26) /* likewise */
#endif

/* EAGAIN, for memory beyond the lock limit (mlockall(2)), counts as no
 * memory. */
static int
no_memory(int rc)
{
	return rc == -EAGAIN ? -ENOMEM : rc;
}

int
os_map_anon(size_t len, void **addr)
{
	int saved_errno = errno;
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return no_memory(os_result(-1, saved_errno));
	/* Otherwise sparse tables, and small mappings that the kernel merges,
	 * would use 2 MiB for each touched byte.  A kernel without huge pages
	 * refuses, which is fine. */
	(void)madvise(p, len, MADV_NOHUGEPAGE);
	errno = saved_errno;
	*addr = p;
	return 0;
}

/* How often to retry if another thread takes the place found. */
#define MAX_TRIES 100

/* A place where len bytes fit at a multiple of align, free for now. */
static int
find_place(size_t len, size_t align, char **place)
{
	if (len > SIZE_MAX - align)
		return -ENOMEM;
	char *p = mmap(NULL, len + align, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	(void)munmap(p, len + align);
	*place = p + (align_up((uintptr_t)p, align) - (uintptr_t)p);
	return 0;
}

/*
 * Map at a multiple of align.  The place is only a hint.  Keeping a reservation
 * and mapping over it is not safe: if that fails, the kernel may have unmapped
 * the place already, and another thread may have mapped something there that is
 * not ours to unmap.
 */
static int
map_aligned(size_t len, size_t align, int prot, int how, int fd, size_t off,
    void **addr)
{
	int saved_errno = errno, rc = -ENOMEM;
	char *place = NULL;

	for (int i = 0; i < MAX_TRIES; i++) {
		/* Pages fit anywhere, and the kernel prefers a place next to
		 * other mappings, which it can merge. */
		rc = align > DK_PAGE ? find_place(len, align, &place) : 0;
		if (rc < 0)
			break;
		void *p = mmap(place, len, prot, how, fd, (off_t)off);
		if (p == MAP_FAILED) {
			rc = -errno;
			break;
		}
		if ((uintptr_t)p % align == 0) {
			*addr = p;
			rc = 0;
			break;
		}
		(void)munmap(p, len);
		rc = -ENOMEM;
	}
	errno = saved_errno;
	return rc;
}

int
os_map_anon_aligned(size_t len, size_t align, void **addr)
{
	return no_memory(map_aligned(len, align, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, addr));
}

/* page: MAP_HUGE_*.  Reserves the pages in the kernel's pools, so that only
 * pages that exist are promised. */
static int
map_huge(size_t len, size_t align, int page, void **addr)
{
	return no_memory(map_aligned(len, align, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | page, -1, 0, addr));
}

int
os_map_huge(size_t len, size_t align, void **addr)
{
	return map_huge(len, align, MAP_HUGE_2MB, addr);
}

int
os_map_gigantic(size_t len, size_t align, void **addr)
{
	return map_huge(len, align, MAP_HUGE_1GB, addr);
}

int
os_refuse_huge_pages(void *addr, size_t len)
{
	int saved_errno = errno;
	int rc = madvise(addr, len, MADV_NOHUGEPAGE);
	/* A kernel without huge pages returns EINVAL for a valid range. */
	bool has_none = rc < 0 && errno == EINVAL && len > 0 &&
			(uintptr_t)addr % DK_PAGE == 0;

	return has_none ? os_result(0, saved_errno)
			: os_result(rc, saved_errno);
}

int
os_mmap_flags(enum os_mmap_kind kind)
{
	switch (kind) {
	case OS_MMAP_PRIVATE_HUGE:
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB;
	case OS_MMAP_PRIVATE_GIGANTIC:
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB;
	case OS_MMAP_SHARED:
		return MAP_SHARED;
	case OS_MMAP_PRIVATE:
	default:
		return MAP_PRIVATE | MAP_ANONYMOUS;
	}
}

int
os_make_private(void *addr, size_t len)
{
	int saved_errno = errno;
	void *copy = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return os_result(-1, saved_errno);
	memcpy(copy, addr, len);
	if (mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, addr) ==
	    MAP_FAILED) {
		int rc = os_result(-1, saved_errno);

		(void)munmap(copy, len);
		return rc;
	}
	return 0;
}

void
os_forbid(void *addr, size_t len)
{
	int saved_errno = errno;

	(void)mmap(addr, len, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	errno = saved_errno;
}

/* Without MAP_NORESERVE, so that the kernel checks what is committed later. */
enum {
	RESERVED = MAP_PRIVATE | MAP_ANONYMOUS
};

int
os_reserve(size_t len, size_t align, void **addr)
{
	int saved_errno = errno;

	/* Reserve twice as much and cut, since a hint is not always followed
	 * (valgrind). */
	if (align > len || len > SIZE_MAX / 2)
		return -EINVAL;
	char *p = mmap(NULL, 2 * len, PROT_NONE, RESERVED, -1, 0);
	if (p == MAP_FAILED)
		return os_result(-1, saved_errno);
	size_t head = align_up((uintptr_t)p, align) - (uintptr_t)p;
	if (head > 0)
		(void)munmap(p, head);
	(void)munmap(p + head + len, len - head);
	errno = saved_errno;
	*addr = p + head;
	return 0;
}

int
os_commit(void *addr, size_t len)
{
	int saved_errno = errno;

	return os_result(
	    mprotect(addr, len, PROT_READ | PROT_WRITE), saved_errno);
}

int
os_decommit(void *addr, size_t len)
{
	int saved_errno = errno;
	void *p = mmap(addr, len, PROT_NONE, RESERVED | MAP_FIXED, -1, 0);

	return os_result(p == MAP_FAILED ? -1 : 0, saved_errno);
}

int
os_drop_pages(void *addr, size_t len)
{
	int saved_errno = errno;

	return os_result(madvise(addr, len, MADV_DONTNEED), saved_errno);
}

bool
os_is_commit_strict(void)
{
	char line[8];

	return os_read_line(
		   "/proc/sys/vm/overcommit_memory", line, sizeof(line)) == 0 &&
	       line[0] == '2';
}

int
os_map_with_flags(void *hint, size_t len, int flags, void **addr)
{
	int saved_errno = errno;
	void *p = mmap(hint, len, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (p == MAP_FAILED)
		return os_result(-1, saved_errno);
	*addr = p;
	return 0;
}

static int
flags_of_file(unsigned flags)
{
	int how = (flags & OS_MAP_SYNC) != 0 ? MAP_SHARED_VALIDATE | MAP_SYNC
					     : MAP_SHARED;

	if ((flags & OS_MAP_POPULATE) != 0)
		how |= MAP_POPULATE;
	/* Otherwise hugetlbfs would reserve all pages at once. */
	return how | MAP_NORESERVE;
}

static int
prot_of_file(unsigned flags)
{
	return (flags & OS_MAP_READ_ONLY) != 0 ? PROT_READ
					       : PROT_READ | PROT_WRITE;
}

/* Only this keeps the kernel from reading ahead. */
static void
advise_file(void *addr, size_t len, unsigned flags)
{
	int saved_errno = errno;

	if ((flags & OS_MAP_BY_PAGE) != 0)
		(void)madvise(addr, len, MADV_RANDOM);
	errno = saved_errno;
}

int
os_map_file(
    int fd, size_t off, size_t len, size_t align, unsigned flags, void **addr)
{
	if (!align_up_checked(len, DK_PAGE, &len))
		return -ENOMEM;
	int rc = map_aligned(len, align, prot_of_file(flags),
	    flags_of_file(flags), fd, off, addr);
	if (rc == 0)
		advise_file(*addr, len, flags);
	return rc;
}

/* Addresses that nothing is mapped at, so that MAP_FIXED there replaces nothing.
 * -EADDRINUSE */
static int
reserve_at(void *to, size_t len)
{
	int saved_errno = errno;
	void *addr = mmap(to, len, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
	    -1, 0);

	if (addr == MAP_FAILED) {
		int rc = os_result(-1, saved_errno);

		return rc == -EEXIST ? -EADDRINUSE : rc;
	}
	/* A kernel before 4.17 takes the address for a hint. */
	if (addr != to) {
		(void)munmap(addr, len);
		errno = saved_errno;
		return -EADDRINUSE;
	}
	return 0;
}

int
os_map_file_at(int fd, size_t off, size_t len, unsigned flags, void *to)
{
	int saved_errno = errno;
	/* MAP_SHARED_VALIDATE, which MAP_SYNC needs, refuses
	 * MAP_FIXED_NOREPLACE. */
	int rc = reserve_at(to, len);

	if (rc < 0)
		return rc;
	if (mmap(to, len, prot_of_file(flags), flags_of_file(flags) | MAP_FIXED,
		fd, (off_t)off) == MAP_FAILED) {
		rc = os_result(-1, saved_errno);
		(void)munmap(to, len);
		errno = saved_errno;
		return rc;
	}
	advise_file(to, len, flags);
	return 0;
}

int
os_unmap(void *addr, size_t len)
{
	int saved_errno = errno;

	return os_result(munmap(addr, len), saved_errno);
}

/* futex(2) reads a word of the caller's memory.  If it cannot, it returns
 * EFAULT instead of raising a signal, on all kernels.  No thread waits
 * there. */
int
os_probe_read(const void *addr)
{
	static const struct timespec At_once;
	int saved_errno = errno;
	long rc =
	    syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, 0, &At_once, NULL, 0);
	int err = rc < 0 ? errno : 0;

	errno = saved_errno;
	/* It read the word: the value differed, or the time was over. */
	return err == EAGAIN || err == ETIMEDOUT || err == EINTR ? 0 : -err;
}

int
os_probe_write(void *addr)
{
	int saved_errno = errno;
	uint32_t nobody = 0;

	/* Adds 0 to the word atomically. */
	return os_result(
	    syscall(SYS_futex, &nobody, FUTEX_WAKE_OP_PRIVATE, 0, NULL, addr,
		FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)),
	    saved_errno);
}

int
os_populate(void *addr, size_t len)
{
	int saved_errno = errno;
	int rc =
	    os_result(madvise(addr, len, MADV_POPULATE_WRITE), saved_errno);

	if (rc != -EINVAL)
		return rc;
	/* A kernel before 5.14 lacks it. */
	rc = 0;
	for (size_t off = 0; rc == 0 && off < len; off += DK_PAGE)
		rc = os_probe_write((char *)addr + off);
	return rc;
}

int
os_is_mapped(const void *addr)
{
	int saved_errno = errno;
	unsigned char in_core;
	uintptr_t page = align_down((uintptr_t)addr, DK_PAGE);

	return os_result(mincore((void *)page, 1, &in_core), saved_errno);
}

int
os_msync(void *addr, size_t len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;

	return os_result(msync(addr, len, MS_SYNC), saved_errno);
}

int
os_move_mapping(void *addr, size_t len, void *to)
{
	int saved_errno = errno;

	if (addr == to)
		return 0;
	int rc = reserve_at(to, len);
	if (rc < 0)
		return rc;
	if (mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    MAP_FAILED) {
		rc = os_result(-1, saved_errno);
		(void)munmap(to, len);
		errno = saved_errno;
		return rc;
	}
	errno = saved_errno;
	return 0;
}

int
os_punch_mapped(void *addr, size_t len)
{
	int saved_errno = errno;

	return os_result(madvise(addr, len, MADV_REMOVE), saved_errno);
}

/* Copy the readable pages to a memory file; the others stay holes.  -1: no
 * file. */
static int
copy_pages(const char *addr, size_t len)
{
	int fd = memfd_create("daxkind", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)len) != 0) {
		(void)close(fd);
		return -1;
	}
	/* For the kernel a bad page is an error, for this process a signal. */
	for (size_t off = 0; off < len; off += DK_PAGE) {
		ssize_t done = pwrite(fd, addr + off, DK_PAGE, (off_t)off);

		(void)done; /* a page that failed stays a hole */
	}
	return fd;
}

int
os_replace_pages(void *addr, size_t len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;

	/* Another thread may have replaced them. */
	if (os_populate(addr, len) == 0)
		return 0;
	int fd = copy_pages(addr, len);
	void *p = mmap(addr, len, PROT_READ | PROT_WRITE,
	    fd >= 0 ? MAP_SHARED | MAP_FIXED
		    : MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	    fd, 0);
	int rc = p == MAP_FAILED ? -errno : 0;
	if (fd >= 0)
		(void)close(fd);
	errno = saved_errno;
	return rc;
}

bool
os_thp_is_disabled(void)
{
	int saved_errno = errno;
	int rc = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);

	errno = saved_errno;
	return rc == 1;
}
