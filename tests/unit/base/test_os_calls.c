// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_os_calls.c -- which calls of libc the wrappers make, in which order, and
 * what they do where the kernel answers what it seldom does: this program has
 * functions of libc's names, which come before libc's.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"

/* --- what was called ------------------------------------------------------------ */

static unsigned Nr_yields;
static unsigned Nr_sleeps;
static long Slept_ns[32];

int
sched_yield(void)
{
	Nr_yields++;
	return 0;
}

int
nanosleep(const struct timespec *time, struct timespec *rest)
{
	(void)rest;
	if (Nr_sleeps < ARRAY_LEN(Slept_ns))
		Slept_ns[Nr_sleeps] = time->tv_sec * 1000000000 + time->tv_nsec;
	Nr_sleeps++;
	errno = EINTR;
	return -1;
}

/* --- the barrier ----------------------------------------------------------------- */

/* Of membarrier(2): what was asked for, and what it answers. */
static struct {
	long command;
	unsigned nr;
	int err;
} Barrier;

/* Of the others, libc's own makes the call. */
long
syscall(long number, ...)
{
	static long (*real)(long number, ...);
	long arg[6];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < ARRAY_LEN(arg); i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (number != SYS_membarrier) {
		if (real == NULL)
			*(void **)&real = dlsym(RTLD_NEXT, "syscall");
		return real(
		    number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	}
	Barrier.command = (int)arg[0];
	Barrier.nr++;
	errno = Barrier.err;
	return Barrier.err == 0 ? 0 : -1;
}

/* Who takes from other threads' caches relies on it. */
static void
test_a_barrier_is_the_kernel_s(void **state)
{
	(void)state;
	memset(&Barrier, 0, sizeof(Barrier));
	errno = 77;
	assert_int_equal(os_membarrier_init(), 0);
	assert_int_equal(Barrier.nr, 1);
	assert_int_equal(
	    Barrier.command, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	errno = 77;
	assert_int_equal(os_membarrier(), 0);
	assert_int_equal(Barrier.nr, 2);
	assert_int_equal(Barrier.command, MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	Barrier.err = EPERM;
	errno = 77;
	assert_int_equal(os_membarrier(), -EPERM);
	assert_int_equal(os_membarrier_init(), -EPERM);
	assert_int_equal(errno, 77);
}

/* --- file space ----------------------------------------------------------------- */

/* Of the file that fallocate() is called for. */
static struct {
	size_t max_len; /* more is interrupted, and all of it given back */
	int modes;      /* bit n: mode n is supported */
	size_t end;     /* all before is there */
	unsigned nr_calls, nr_interrupted;
	bool is_wrong;
} Fake;

int
fallocate(int fd, int mode, off_t off, off_t len)
{
	(void)fd;
	Fake.nr_calls++;
	if ((Fake.modes & 1 << mode) == 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if ((size_t)len > Fake.max_len) {
		Fake.nr_interrupted++;
		errno = EINTR;
		return -1;
	}
	Fake.is_wrong = Fake.is_wrong || (size_t)off != Fake.end || len <= 0 ||
			off % (off_t)DK_PAGE != 0;
	Fake.end = (size_t)(off + len);
	return 0;
}

/* tmpfs before Linux 6.10, and a timer: what takes too long never ends. */
static void
test_an_interrupted_reservation_goes_on_in_smaller_pieces(void **state)
{
	static const size_t max_lens[] = {DK_PAGE, 7 * DK_PAGE, MIB, 100 * MIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(max_lens); i++) {
		memset(&Fake, 0, sizeof(Fake));
		Fake.modes = ~0;
		Fake.max_len = max_lens[i];
		Fake.end = 3 * DK_PAGE;
		errno = 77;
		assert_int_equal(
		    os_allocate(5, 3 * DK_PAGE, 256 * MIB + DK_PAGE), 0);
		assert_int_equal(errno, 77);
		assert_false(Fake.is_wrong);
		assert_int_equal(Fake.end, 256 * MIB + 4 * DK_PAGE);
		assert_in_range(Fake.nr_interrupted, 1, 20);
	}
}

/* A file that is not ours keeps its size, wherever the file system can. */
static void
test_a_reservation_keeps_the_size(void **state)
{
	(void)state;
	memset(&Fake, 0, sizeof(Fake));
	Fake.max_len = SIZE_MAX / 2;
	Fake.modes = 1 << FALLOC_FL_KEEP_SIZE;
	assert_int_equal(os_allocate(5, 0, MIB), 0);
	assert_int_equal(Fake.nr_calls, 1);
	Fake.end = 0;
	Fake.modes = 1 << 0;
	assert_int_equal(os_allocate(5, 0, MIB), 0);
	Fake.modes = 0;
	assert_int_equal(os_allocate(5, 0, MIB), -EOPNOTSUPP);
}

/* --- kernels before 5.14 --------------------------------------------------------- */

static bool Is_old_kernel;

int
madvise(void *addr, size_t len, int advice)
{
	if (Is_old_kernel && advice == MADV_POPULATE_WRITE) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_madvise, addr, len, advice);
}

/* A file of nr pages, mapped. */
static char *
map_pages(size_t nr, int *fd)
{
	void *p = NULL;

	*fd = memfd_create("daxkind-test", MFD_CLOEXEC);
	assert_true(*fd >= 0);
	assert_int_equal(ftruncate(*fd, (off_t)(nr * DK_PAGE)), 0);
	assert_int_equal(os_map_file(*fd, 0, nr * DK_PAGE, DK_PAGE, 0, &p), 0);
	return p;
}

static size_t
space_of(int fd)
{
	struct os_stat st;

	assert_int_equal(os_fstat(fd, &st), 0);
	return st.space;
}

static void
test_pages_get_file_space_in_old_kernels_too(void **state)
{
	(void)state;
	for (int is_old = 0; is_old < 2; is_old++) {
		int fd;
		char *p = map_pages(8, &fd);

		Is_old_kernel = is_old == 1;
		p[3 * DK_PAGE] = 'x';
		assert_int_equal(os_populate(p, 8 * DK_PAGE), 0);
		assert_int_equal(space_of(fd), 8 * DK_PAGE);
		assert_int_equal(p[3 * DK_PAGE], 'x');
		assert_int_equal(p[4 * DK_PAGE], 0);
		/* where there is none for the last page */
		assert_int_equal(ftruncate(fd, 7 * (off_t)DK_PAGE), 0);
		assert_int_equal(os_populate(p, 8 * DK_PAGE), -EFAULT);
		assert_int_equal(os_unmap(p, 8 * DK_PAGE), 0);
		os_close(fd);
	}
	Is_old_kernel = false;
}

static void
test_only_lost_pages_are_replaced(void **state)
{
	(void)state;
	for (int is_old = 0; is_old < 2; is_old++) {
		char byte = 0;
		int fd;
		char *p = map_pages(4, &fd);

		Is_old_kernel = is_old == 1;
		p[DK_PAGE] = 'x';
		errno = 77;
		assert_int_equal(os_replace_pages(p, 4 * DK_PAGE), 0);
		assert_int_equal(errno, 77);
		/* good ones are the file's still */
		p[DK_PAGE + 1] = 'y';
		assert_int_equal(pread(fd, &byte, 1, DK_PAGE + 1), 1);
		assert_int_equal(byte, 'y');
		assert_int_equal(ftruncate(fd, 2 * (off_t)DK_PAGE), 0);
		assert_int_equal(os_replace_pages(p, 4 * DK_PAGE), 0);
		assert_int_equal(errno, 77);
		assert_memory_equal(p + DK_PAGE, "xy", 2);
		assert_true(test_all_bytes(p + 2 * DK_PAGE, 0, 2 * DK_PAGE));
		memset(p, 'z', 4 * DK_PAGE);
		assert_int_equal(os_unmap(p, 4 * DK_PAGE), 0);
		os_close(fd);
	}
	Is_old_kernel = false;
}

/* --- where the kernel has no more of something ---------------------------------- */

/* A sanitizer has some of these functions for itself. */
#if !DK_SANITIZED
/* The names of calls that fail, and of what. */
static struct {
	bool memfd_create, ftruncate, mmap, mremap;
} Fails;
static void *Copy; /* that was to be moved */

int
memfd_create(const char *name, unsigned flags)
{
	if (Fails.memfd_create) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_memfd_create, name, flags);
}

int
ftruncate(int fd, off_t len)
{
	if (Fails.ftruncate) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, len);
}

void *
mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	if (Fails.mmap) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	/* NOLINTNEXTLINE: the kernel's answer */
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}

void *
mremap(void *old_addr, size_t old_len, size_t len, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	void *addr = va_arg(args, void *);
	va_end(args);
	Copy = old_addr;
	if (Fails.mremap) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	/* NOLINTNEXTLINE: the kernel's answer */
	return (void *)syscall(SYS_mremap, old_addr, old_len, len, flags, addr);
}

/* Without a file for the good ones, all pages are private, and empty. */
static void
test_pages_are_replaced_without_a_descriptor(void **state)
{
	(void)state;
	for (int nr = 0; nr < 2; nr++) {
		int fd;
		char *p = map_pages(4, &fd);

		assert_int_equal(ftruncate(fd, 2 * (off_t)DK_PAGE), 0);
		Fails.memfd_create = nr == 0;
		Fails.ftruncate = nr == 1;
		errno = 77;
		int rc = os_replace_pages(p, 4 * DK_PAGE);
		memset(&Fails, 0, sizeof(Fails));
		assert_int_equal(rc, 0);
		assert_int_equal(errno, 77);
		assert_true(test_all_bytes(p, 0, 4 * DK_PAGE));
		memset(p, 'z', 4 * DK_PAGE);
		char byte = 'z';
		assert_int_equal(pread(fd, &byte, 1, 0), 1);
		assert_int_equal(byte, 0);
		assert_int_equal(os_unmap(p, 4 * DK_PAGE), 0);
		os_close(fd);
	}
}

static void
test_pages_that_cannot_be_replaced_stay(void **state)
{
	int fd;
	char *p = map_pages(4, &fd);

	(void)state;
	p[0] = 'x';
	assert_int_equal(ftruncate(fd, 2 * (off_t)DK_PAGE), 0);
	Fails.mmap = true;
	errno = 77;
	int rc = os_replace_pages(p, 4 * DK_PAGE);
	memset(&Fails, 0, sizeof(Fails));
	assert_int_equal(rc, -ENOMEM);
	assert_int_equal(errno, 77);
	char byte = 'y';
	assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
	assert_int_equal(*(volatile char *)p, 'y');
	assert_int_equal(os_unmap(p, 4 * DK_PAGE), 0);
	os_close(fd);
}

/* For a child of fork: see tier_fork.c. */
static void
test_what_is_made_private_is_so_or_is_as_it_was(void **state)
{
	char byte = 0;
	int fd;
	char *p = map_pages(4, &fd);

	(void)state;
	memset(p, 'x', 4 * DK_PAGE);
	for (int nr = 0; nr < 2; nr++) {
		Fails.mmap = nr == 0;
		Fails.mremap = nr == 1;
		errno = 77;
		int rc = os_make_private(p + DK_PAGE, 2 * DK_PAGE);
		memset(&Fails, 0, sizeof(Fails));
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(errno, 77);
		p[DK_PAGE] = (char)nr;
		assert_int_equal(pread(fd, &byte, 1, DK_PAGE), 1);
		assert_int_equal(byte, nr);
	}
	/* nor is a copy left */
	unsigned char core;
	assert_non_null(Copy);
	assert_int_equal(mincore(Copy, DK_PAGE, &core), -1);
	p[DK_PAGE] = 'x';
	assert_int_equal(os_make_private(p + DK_PAGE, 2 * DK_PAGE), 0);
	assert_true(test_all_bytes(p, 'x', 4 * DK_PAGE));
	memset(p, 'y', 4 * DK_PAGE);
	static const char in_file[] = {'y', 'x', 'x', 'y'};
	for (size_t i = 0; i < ARRAY_LEN(in_file); i++) {
		assert_int_equal(pread(fd, &byte, 1, (off_t)(i * DK_PAGE)), 1);
		assert_int_equal(byte, in_file[i]);
	}
	assert_int_equal(os_unmap(p, 4 * DK_PAGE), 0);
	os_close(fd);
}
#endif

/* --- waiting -------------------------------------------------------------------- */

static void
test_a_pause_yields_then_sleeps_longer_and_longer(void **state)
{
	unsigned round = 0;

	(void)state;
	Nr_yields = Nr_sleeps = 0;
	errno = 77;
	while (Nr_sleeps == 0)
		os_pause(&round);
	assert_in_range(Nr_yields, 1, 20);
	for (int i = 0; i < 20; i++)
		os_pause(&round);
	assert_int_equal(errno, 77);
	assert_true(Slept_ns[0] > 0);
	for (unsigned i = 1; i < Nr_sleeps; i++)
		assert_true(Slept_ns[i] >= Slept_ns[i - 1]);
	assert_true(Slept_ns[Nr_sleeps - 1] > Slept_ns[0]);
	assert_in_range(Slept_ns[Nr_sleeps - 1], 1, 1000000);
	/* however long it lasts */
	round = UINT32_MAX;
	os_pause(&round);
	os_pause(&round);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_unit(
		    test_an_interrupted_reservation_goes_on_in_smaller_pieces),
		test_unit(test_a_reservation_keeps_the_size),
		test_unit(test_pages_get_file_space_in_old_kernels_too),
		test_unit(test_only_lost_pages_are_replaced),
#if !DK_SANITIZED
		test_unit(test_pages_are_replaced_without_a_descriptor),
		test_unit(test_pages_that_cannot_be_replaced_stay),
		test_unit(test_what_is_made_private_is_so_or_is_as_it_was),
#endif
		test_unit(test_a_barrier_is_the_kernel_s),
		test_unit(test_a_pause_yields_then_sleeps_longer_and_longer),
	};

	return cmocka_run_group_tests_name("os_calls", tests, NULL, NULL);
}
