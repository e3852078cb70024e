// SPDX-License-Identifier: BSD-2-Clause
/*
 * os.c -- see os.h.
 */
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

/* Linux 5.14; glibc 2.36 has it, older headers do not. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* glibc has it in a header of its own, of the kernel's. */
#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif
#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB (30 << 26) /* as above */
#endif

/* Turn a system call's result into 0 or -errno, and put errno back. */
static int
result(long rc, int saved_errno)
{
	int err = rc < 0 ? -errno : 0;

	errno = saved_errno;
	return err;
}

int
os_map_anon(size_t len, void **addr)
{
	int saved_errno = errno;
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return result(-1, saved_errno);
	/* Sparse tables, and small mappings that come to lie side by side,
	 * would hold 2 MiB for each touched byte otherwise.  A kernel without
	 * huge pages refuses, which is as good. */
	(void)madvise(p, len, MADV_NOHUGEPAGE);
	errno = saved_errno;
	*addr = p;
	return 0;
}

/* How often another thread may be faster before it is given up. */
#define MAX_TRIES 100

/* Where len bytes fit at a multiple of align, just now. */
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
 * Map at a multiple of align.  The place is only a hint: to hold it and to map
 * over it would be a hole when that fails, which the kernel may have made by
 * then, and what another thread maps into the hole is not ours to unmap.
 */
static int
map_aligned(size_t len, size_t align, int how, int fd, size_t off, void **addr)
{
	int saved_errno = errno, rc = -ENOMEM;
	char *place = NULL;

	for (int i = 0; i < MAX_TRIES; i++) {
		rc = find_place(len, align, &place);
		if (rc < 0)
			break;
		void *p = mmap(
		    place, len, PROT_READ | PROT_WRITE, how, fd, (off_t)off);
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
	return map_aligned(len, align,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, addr);
}

/* page: MAP_HUGE_*.  With a reservation in the kernel's pools: no page is
 * promised that is not there. */
static int
map_huge(size_t len, size_t align, int page, void **addr)
{
	return map_aligned(len, align,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | page, -1, 0, addr);
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

size_t
os_nr_gigantic_pages(void)
{
	static const char *const files[] = {
	    "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages",
	    "/sys/kernel/mm/hugepages/hugepages-1048576kB/"
	    "nr_overcommit_hugepages"};
	size_t sum = 0, nr;
	char line[32];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (os_read_line(files[i], line, sizeof(line)) == 0 &&
		    os_parse_number(line, &nr))
			sum += nr;
	}
	return sum;
}

int
os_refuse_huge_pages(void *addr, size_t len)
{
	int saved_errno = errno;
	int rc = madvise(addr, len, MADV_NOHUGEPAGE);
	/* A kernel without them says so of any good range. */
	bool has_none = rc < 0 && errno == EINVAL && len > 0 &&
			(uintptr_t)addr % DK_PAGE == 0;

	return has_none ? result(0, saved_errno) : result(rc, saved_errno);
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
		return result(-1, saved_errno);
	memcpy(copy, addr, len);
	if (mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, addr) ==
	    MAP_FAILED) {
		int rc = result(-1, saved_errno);

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

int
os_map_with_flags(void *hint, size_t len, int flags, void **addr)
{
	int saved_errno = errno;
	void *p = mmap(hint, len, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (p == MAP_FAILED)
		return result(-1, saved_errno);
	*addr = p;
	return 0;
}

int
os_map_file(
    int fd, size_t off, size_t len, size_t align, unsigned flags, void **addr)
{
	int how = (flags & OS_MAP_SYNC) != 0 ? MAP_SHARED_VALIDATE | MAP_SYNC
					     : MAP_SHARED;

	if ((flags & OS_MAP_POPULATE) != 0)
		how |= MAP_POPULATE;
	if (!align_up_checked(len, DK_PAGE, &len))
		return -ENOMEM;
	return map_aligned(len, align, how, fd, off, addr);
}

int
os_unmap(void *addr, size_t len)
{
	int saved_errno = errno;

	return result(munmap(addr, len), saved_errno);
}

int
os_populate(void *addr, size_t len)
{
	int saved_errno = errno;
	int rc = result(madvise(addr, len, MADV_POPULATE_WRITE), saved_errno);

	if (rc != -EINVAL)
		return rc;
	/* A kernel before 5.14: a read fault is the most that can be had
	 * without writing to somebody's bytes. */
	const volatile char *p = addr;
	for (size_t i = 0; i < len; i += DK_PAGE)
		(void)p[i];
	return 0;
}

int
os_is_mapped(const void *addr)
{
	int saved_errno = errno;
	unsigned char in_core;
	uintptr_t page = align_down((uintptr_t)addr, DK_PAGE);

	return result(mincore((void *)page, 1, &in_core), saved_errno);
}

/*
 * A reader of /proc/self/maps, whose lines are START-END rwxp ...: it runs at
 * a fork with locks held, so it allocates nothing.
 */
struct maps_reader {
	int fd;
	size_t len, pos;
	char buf[2048];
};

/* The next byte, or -1 at the end. */
static int
next_byte(struct maps_reader *r)
{
	if (r->pos == r->len) {
		ssize_t len = read(r->fd, r->buf, sizeof(r->buf));

		if (len <= 0)
			return -1;
		r->len = (size_t)len;
		r->pos = 0;
	}
	return (unsigned char)r->buf[r->pos++];
}

/* Reads a hexadecimal number and the byte after it. */
static uintptr_t
next_number(struct maps_reader *r)
{
	uintptr_t value = 0;

	for (;;) {
		int c = next_byte(r);

		if (c >= '0' && c <= '9')
			value = value << 4 | (uintptr_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uintptr_t)(c - 'a' + 10);
		else
			return value;
	}
}

/* Reads up to the fourth letter of the permissions, s or p, in the line of the
 * mapping that holds addr; 0 when there is none. */
static int
find_line(struct maps_reader *r, const void *addr)
{
	int c = 0;

	while (c >= 0) {
		uintptr_t start = next_number(r);
		uintptr_t end = next_number(r);

		for (int i = 0; i < 4; i++)
			c = next_byte(r);
		if ((uintptr_t)addr >= start && (uintptr_t)addr < end)
			return c;
		while (c >= 0 && c != '\n')
			c = next_byte(r);
	}
	return 0;
}

bool
os_is_private_mapping(const void *addr)
{
	int saved_errno = errno;
	struct maps_reader r = {
	    .fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
	bool is_private = false;

	if (r.fd >= 0) {
		is_private = find_line(&r, addr) == 'p';
		(void)close(r.fd);
	}
	errno = saved_errno;
	return is_private;
}

int
os_mapped_device(const void *addr, unsigned *major_nr, unsigned *minor_nr)
{
	int saved_errno = errno;
	struct maps_reader r = {
	    .fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
	char path[PATH_MAX];
	struct stat st;
	size_t len = 0;

	if (r.fd < 0)
		return result(r.fd, saved_errno);
	/* ... offset device inode      /path */
	int c = find_line(&r, addr);
	while (c > 0 && c != '\n' && c != '/')
		c = next_byte(&r);
	for (; c > 0 && c != '\n' && len + 1 < sizeof(path); c = next_byte(&r))
		path[len++] = (char)c;
	path[len] = '\0';
	(void)close(r.fd);
	bool is_device = len > 0 && stat(path, &st) == 0 && S_ISCHR(st.st_mode);
	errno = saved_errno;
	if (!is_device)
		return -ENODEV;
	*major_nr = major(st.st_rdev);
	*minor_nr = minor(st.st_rdev);
	return 0;
}

int
os_msync(void *addr, size_t len)
{
	int saved_errno = errno;

	return result(msync(addr, len, MS_SYNC), saved_errno);
}

int
os_replace_pages(void *addr, size_t len)
{
	int saved_errno = errno;
	/* The kernel's read of a bad page fails, where ours is a signal. */
	int fd = memfd_create("daxkind", MFD_CLOEXEC);
	bool is_good = madvise(addr, len, MADV_POPULATE_WRITE) == 0;
	bool has_copy = fd >= 0 && ftruncate(fd, (off_t)len) == 0;

	for (size_t off = 0; has_copy && off < len; off += DK_PAGE) {
		if (pwrite(fd, (const char *)addr + off, DK_PAGE, (off_t)off) !=
		    (ssize_t)DK_PAGE)
			is_good = false; /* it stays a hole of the copy */
	}
	void *p = addr;
	if (!is_good || !has_copy)
		p = mmap(addr, len, PROT_READ | PROT_WRITE,
		    has_copy ? MAP_SHARED | MAP_FIXED
			     : MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    has_copy ? fd : -1, 0);
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

/* --- files ------------------------------------------------------- */

int
os_open(const char *path, bool create, int *fd)
{
	int saved_errno = errno;
	int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0);
	int f = open(path, flags, 0600);

	if (f < 0)
		return result(f, saved_errno);
	*fd = f;
	return 0;
}

int
os_open_read(const char *path, int *fd)
{
	int saved_errno = errno;
	int f = open(path, O_RDONLY | O_CLOEXEC);

	if (f < 0)
		return result(f, saved_errno);
	*fd = f;
	return 0;
}

/* For file systems without O_TMPFILE.  Signals are held back, so that none
 * ends the program between the making and the unlinking. */
static int
open_and_unlink(const char *dir, int *fd)
{
	char path[PATH_MAX];
	sigset_t all, old;
	int rc = snprintf(path, sizeof(path), "%s/daxkind.XXXXXX", dir);

	if (rc < 0 || (size_t)rc >= sizeof(path))
		return -ENAMETOOLONG;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int f = mkostemp(path, O_CLOEXEC);
	rc = f < 0 ? -errno : 0;
	if (f >= 0 && unlink(path) != 0) {
		rc = -errno;
		(void)close(f);
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		*fd = f;
	return rc;
}

int
os_open_unlinked(const char *dir, int *fd)
{
	int saved_errno = errno;
	int f = open(dir, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
	int rc = f < 0 ? -errno : 0;

	/* EISDIR: a kernel that does not know O_TMPFILE. */
	if (rc == -EOPNOTSUPP || rc == -EISDIR)
		rc = open_and_unlink(dir, &f);
	errno = saved_errno;
	if (rc == 0)
		*fd = f;
	return rc;
}

void
os_close(int fd)
{
	int saved_errno = errno;

	(void)close(fd); /* on Linux the descriptor is gone in any case */
	errno = saved_errno;
}

int
os_pipe(int fds[2])
{
	int saved_errno = errno;

	return result(pipe2(fds, O_CLOEXEC), saved_errno);
}

void
os_wait_for_end(int fd)
{
	int saved_errno = errno;
	char none[64];
	ssize_t len;

	do
		len = read(fd, none, sizeof(none));
	while (len > 0 || (len < 0 && errno == EINTR));
	errno = saved_errno;
}

int
os_unlink(const char *path)
{
	int saved_errno = errno;

	return result(unlink(path), saved_errno);
}

static void
fill_stat(const struct stat *from, struct os_stat *to)
{
	*to = (struct os_stat){
	    .is_dir = S_ISDIR(from->st_mode),
	    .is_file = S_ISREG(from->st_mode),
	    .is_char_dev = S_ISCHR(from->st_mode),
	    .is_block_dev = S_ISBLK(from->st_mode),
	    .size = (size_t)from->st_size,
	    .space = (size_t)from->st_blocks * 512, /* stat(2)'s unit */
	    .major_nr = major(from->st_rdev),
	    .minor_nr = minor(from->st_rdev),
	};
}

int
os_stat(const char *path, struct os_stat *st)
{
	int saved_errno = errno;
	struct stat buf;

	if (stat(path, &buf) != 0)
		return result(-1, saved_errno);
	fill_stat(&buf, st);
	return 0;
}

int
os_fstat(int fd, struct os_stat *st)
{
	int saved_errno = errno;
	struct stat buf;

	if (fstat(fd, &buf) != 0)
		return result(-1, saved_errno);
	fill_stat(&buf, st);
	return 0;
}

int
os_device_of_file(int fd, unsigned *major_nr, unsigned *minor_nr)
{
	int saved_errno = errno;
	struct stat buf;

	if (fstat(fd, &buf) != 0)
		return result(-1, saved_errno);
	*major_nr = major(buf.st_dev);
	*minor_nr = minor(buf.st_dev);
	return 0;
}

/* Of one call of the ioctl. */
enum {
	NR_EXTENTS = 32
};

int
os_walk_extents(int fd, size_t off, size_t len,
    int (*visit)(void *arg, size_t off, size_t device_off, size_t len),
    void *arg)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) +
			  NR_EXTENTS * sizeof(struct fiemap_extent)];
	} u;
	int saved_errno = errno;
	size_t end = off + len;
	int rc = 0;

	while (rc == 0 && off < end) {
		memset(&u, 0, sizeof(u));
		u.map.fm_start = off;
		u.map.fm_length = end - off;
		u.map.fm_flags = FIEMAP_FLAG_SYNC;
		u.map.fm_extent_count = NR_EXTENTS;
		if (ioctl(fd, FS_IOC_FIEMAP, &u.map) != 0)
			return result(-1, saved_errno);
		if (u.map.fm_mapped_extents == 0)
			break;
		for (unsigned i = 0; rc == 0 && i < u.map.fm_mapped_extents;
		     i++) {
			const struct fiemap_extent *e = &u.map.fm_extents[i];
			size_t from = max_size(e->fe_logical, off);
			size_t to = min_size(e->fe_logical + e->fe_length, end);

			if (from < to)
				rc = visit(arg, from,
				    e->fe_physical + (from - e->fe_logical),
				    to - from);
			off = e->fe_logical + e->fe_length;
			if ((e->fe_flags & FIEMAP_EXTENT_LAST) != 0)
				end = off;
		}
	}
	return rc;
}

bool
os_is_dax(int fd)
{
	int saved_errno = errno;
	struct statx buf;
	bool is_dax = false;

#ifdef STATX_ATTR_DAX
	if (statx(fd, "", AT_EMPTY_PATH, 0, &buf) == 0)
		is_dax = (buf.stx_attributes & STATX_ATTR_DAX) != 0;
#else
	(void)fd;
	(void)buf;
#endif
	errno = saved_errno;
	return is_dax;
}

int
os_fs_size(int fd, size_t *bytes)
{
	int saved_errno = errno;
	struct statvfs buf;
	size_t size;

	if (fstatvfs(fd, &buf) != 0)
		return result(-1, saved_errno);
	/* tmpfs without a size= limit says 0 */
	if (buf.f_blocks == 0 ||
	    !mul_checked(buf.f_blocks, buf.f_frsize, &size))
		size = SIZE_MAX;
	*bytes = size;
	return 0;
}

int
os_set_size(int fd, size_t len)
{
	int saved_errno = errno;
	struct rlimit limit;

	if (len > (size_t)INT64_MAX)
		return -EFBIG;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY && len > limit.rlim_cur) {
		errno = saved_errno;
		return -EFBIG;
	}
	return result(ftruncate(fd, (off_t)len), saved_errno);
}

int
os_allocate(int fd, size_t off, size_t len)
{
	int saved_errno = errno;
	int rc;

	do {
		rc = fallocate(fd, 0, (off_t)off, (off_t)len);
	} while (rc != 0 && errno == EINTR);
	return result(rc, saved_errno);
}

int
os_punch(int fd, size_t off, size_t len)
{
	int saved_errno = errno;
	int rc;

	do {
		rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    (off_t)off, (off_t)len);
	} while (rc != 0 && errno == EINTR);
	return result(rc, saved_errno);
}

int
os_write_zeroes(int fd, size_t off, size_t len)
{
	static const char Zeroes[64 * 1024];
	int saved_errno = errno;

	while (len > 0) {
		ssize_t done = pwrite(
		    fd, Zeroes, min_size(len, sizeof(Zeroes)), (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			int err = done < 0 ? -errno : -ENOSPC;

			errno = saved_errno;
			return err;
		}
		off += (size_t)done;
		len -= (size_t)done;
	}
	errno = saved_errno;
	return 0;
}

int
os_lock_file(int fd)
{
	int saved_errno = errno;

	return result(flock(fd, LOCK_EX | LOCK_NB), saved_errno);
}

/* --- text of the system ------------------------------------------ */

int
os_read_line(const char *path, char *buf, size_t buf_size)
{
	int saved_errno = errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return result(fd, saved_errno);
	ssize_t len = read(fd, buf, buf_size - 1);
	int err = len < 0 ? -errno : 0;
	(void)close(fd);
	errno = saved_errno;
	if (err != 0)
		return err;
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int
os_read_link_name(const char *path, char *buf, size_t buf_size)
{
	int saved_errno = errno;
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	if (len < 0)
		return result(len, saved_errno);
	target[len] = '\0';
	const char *slash = strrchr(target, '/');
	const char *name = slash != NULL ? slash + 1 : target;
	int need = snprintf(buf, buf_size, "%s", name);

	errno = saved_errno;
	return need >= 0 && (size_t)need < buf_size ? 0 : -ENAMETOOLONG;
}

/* Read on until the end or a full buffer; -1 and errno on failure. */
static ssize_t
read_on(int fd, char *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int
os_read_text(const char *path, char **text)
{
	int saved_errno = errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf = NULL;
	size_t room = 0, len = 0;
	int rc = fd < 0 ? -errno : 0;

	while (rc == 0 && len + 1 >= room) {
		char *more = realloc(buf, room = 2 * room + 4096);

		if (more == NULL) {
			rc = -ENOMEM;
			break;
		}
		buf = more;
		ssize_t n = read_on(fd, buf + len, room - len - 1);
		if (n < 0)
			rc = -errno;
		else
			len += (size_t)n;
	}
	if (fd >= 0)
		(void)close(fd);
	if (rc == 0) {
		buf[len] = '\0';
		*text = buf;
	} else {
		free(buf);
	}
	errno = saved_errno;
	return rc;
}

int
os_read_at(const char *path, size_t off, void *buf, size_t len)
{
	int saved_errno = errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : 0;

	if (rc == 0 && lseek(fd, (off_t)off, SEEK_SET) < 0)
		rc = -errno;
	if (rc == 0) {
		ssize_t n = read_on(fd, buf, len);

		rc = n < 0 ? -errno : (size_t)n == len ? 0 : -ENODATA;
	}
	if (fd >= 0)
		(void)close(fd);
	errno = saved_errno;
	return rc;
}

int
os_walk_dir(
    const char *path, int (*visit)(const char *name, void *arg), void *arg)
{
	int saved_errno = errno;
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int rc = 0;

	if (dir == NULL)
		return result(-1, saved_errno);
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			rc = visit(entry->d_name, arg);
	}
	(void)closedir(dir);
	errno = saved_errno;
	return rc;
}

/* --- records of our own ------------------------------------------ */

void *
os_new(size_t size)
{
	int saved_errno = errno;
	void *record = calloc(1, size);

	errno = saved_errno;
	return record;
}

void
os_delete(void *record)
{
	int saved_errno = errno;

	free(record);
	errno = saved_errno;
}

/* --- threads, time and the machine ------------------------------- */

int
os_membarrier_init(void)
{
	int saved_errno = errno;

	return result(syscall(SYS_membarrier,
			  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0),
	    saved_errno);
}

void
os_membarrier(void)
{
	int saved_errno = errno;

	/* Works once it was registered. */
	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	errno = saved_errno;
}

void
os_yield(void)
{
	(void)sched_yield();
}

const char *
os_getenv(const char *name)
{
	return secure_getenv(name);
}

bool
os_hogs_memory(void)
{
	const char *env = os_getenv("MEMKIND_HOG_MEMORY");

	return env != NULL && env[0] == '1';
}

bool
os_parse_number(const char *text, size_t *number)
{
	int saved_errno = errno;
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	bool ok = errno == 0 && end != text && strchr(text, '-') == NULL &&
		  end[strspn(end, " \t\n")] == '\0';
	errno = saved_errno;
	if (ok)
		*number = value;
	return ok;
}

uint64_t
os_now_us(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* can not fail on Linux */
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

unsigned
os_nr_cpus(void)
{
	static _Atomic(unsigned) Nr_cpus; /* 0: not asked yet */
	unsigned known = atomic_load_explicit(&Nr_cpus, memory_order_relaxed);

	if (known != 0)
		return known;
	int saved_errno = errno;
	cpu_set_t set;
	int n =
	    sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
	/* More processors than a cpu_set_t has bits for. */
	if (n <= 0)
		n = (int)sysconf(_SC_NPROCESSORS_ONLN);
	errno = saved_errno;
	known = n > 0 ? (unsigned)n : 1;
	atomic_store_explicit(&Nr_cpus, known, memory_order_relaxed);
	return known;
}

unsigned
os_current_node(void)
{
	unsigned node = 0;
	int saved_errno = errno;

	/* Not there: 0. */
	if (getcpu(NULL, &node) != 0)
		node = 0;
	errno = saved_errno;
	return node;
}

size_t
os_memory_size(void)
{
	int saved_errno = errno;
	long pages = sysconf(_SC_PHYS_PAGES);

	errno = saved_errno;
	return pages > 0 ? (size_t)pages * DK_PAGE : 0;
}

int
os_thread_start(
    void *(*run)(void *), void *arg, const char *name, pthread_t *thread)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(thread, NULL, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err == 0)
		(void)pthread_setname_np(*thread, name);
	return -err;
}
