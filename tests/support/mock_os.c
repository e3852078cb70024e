// SPDX-License-Identifier: BSD-2-Clause
/*
 * mock_os.c -- see mock_os.h.
 *
 * The names that begin with two underscores are the linker's (ld --wrap).
 */
#include "mock_os.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"

/* Name, parameters and arguments of each function that is in UNIT_WRAPS and
 * returns an int; those that only the test calls are left out. */
#define FUNCTIONS(X)                                                           \
	X(os_map_anon, (size_t len, void **addr), (len, addr))                 \
	X(os_map_anon_aligned, (size_t len, size_t align, void **addr),        \
	    (len, align, addr))                                                \
	X(os_reserve, (size_t len, size_t align, void **addr),                 \
	    (len, align, addr))                                                \
	X(os_commit, (void *addr, size_t len), (addr, len))                    \
	X(os_populate, (void *addr, size_t len), (addr, len))                  \
	X(os_drop_pages, (void *addr, size_t len), (addr, len))                \
	X(os_is_mapped, (const void *addr), (addr))                            \
	X(os_check_page_size, (void), ())                                      \
	X(os_make_private, (void *addr, size_t len), (addr, len))              \
	X(os_move_mapping, (void *addr, size_t len, void *to),                 \
	    (addr, len, to))                                                   \
	X(os_random, (void *bytes, size_t len), (bytes, len))                  \
	X(os_pipe, (int fds[2]), (fds))                                        \
	X(os_open, (const char *path, bool create, int *fd),                   \
	    (path, create, fd))                                                \
	X(os_open_read, (const char *path, int *fd), (path, fd))               \
	X(os_open_unlinked, (const char *dir, int *fd), (dir, fd))             \
	X(os_map_file_at,                                                      \
	    (int fd, size_t off, size_t len, unsigned flags, void *to),        \
	    (fd, off, len, flags, to))                                         \
	X(os_open_linkable, (const char *dir, int *fd), (dir, fd))             \
	X(os_link, (int fd, const char *path), (fd, path))                     \
	X(os_rename, (const char *from, const char *to), (from, to))           \
	X(os_clone, (int fd, int from_fd), (fd, from_fd))                      \
	X(os_sync_new_file, (int fd, const char *path), (fd, path))            \
	X(os_write_bulk, (int fd, size_t off, const void *bytes, size_t len),  \
	    (fd, off, bytes, len))                                             \
	X(os_stat, (const char *path, struct os_stat *st), (path, st))         \
	X(os_fstat, (int fd, struct os_stat *st), (fd, st))                    \
	X(os_device_of_file, (int fd, unsigned *major_nr, unsigned *minor_nr), \
	    (fd, major_nr, minor_nr))                                          \
	X(os_walk_extents,                                                     \
	    (int fd, size_t off, size_t len,                                   \
		int (*visit)(                                                  \
		    void *arg, size_t off, size_t device_off, size_t len),     \
		void *arg),                                                    \
	    (fd, off, len, visit, arg))                                        \
	X(os_fs_size, (int fd, size_t *bytes), (fd, bytes))                    \
	X(os_find_hole,                                                        \
	    (int fd, size_t off, size_t len, size_t *hole_off,                 \
		size_t *hole_len),                                             \
	    (fd, off, len, hole_off, hole_len))                                \
	X(os_set_size, (int fd, size_t len), (fd, len))                        \
	X(os_sync_range, (int fd, size_t off, size_t len), (fd, off, len))     \
	X(os_write, (int fd, size_t off, const void *bytes, size_t len),       \
	    (fd, off, bytes, len))                                             \
	X(os_punch_mapped, (void *addr, size_t len), (addr, len))              \
	X(os_punch, (int fd, size_t off, size_t len), (fd, off, len))          \
	X(os_lock_file, (int fd), (fd))                                        \
	X(os_read_line, (const char *path, char *buf, size_t buf_size),        \
	    (path, buf, buf_size))                                             \
	X(os_read_number, (const char *dir, const char *name, size_t *number), \
	    (dir, name, number))                                               \
	X(os_read_link_name, (const char *path, char *buf, size_t buf_size),   \
	    (path, buf, buf_size))                                             \
	X(os_thread_start,                                                     \
	    (void *(*run)(void *), void *arg, const char *name,                \
		pthread_t *thread),                                            \
	    (run, arg, name, thread))

enum {
	NR_NAMES = 56
};

static _Thread_local struct {
	const char *only;      /* NULL: any ... */
	const char *except[3]; /* ... but these */
	unsigned first, last;  /* the calls that fail */
	int err;
	unsigned nr; /* calls that the plan is about */
	const char *failed;
	void (*at_msync)(void *addr, size_t len);
	void (*at_membarrier)(void *arg);
	void *membarrier_arg;
	/* All calls, by name. */
	struct {
		const char *name;
		unsigned nr;
	} counts[NR_NAMES];
} Plan;

static void
plan(const char *only, unsigned first, unsigned last, int err)
{
	memset(&Plan, 0, sizeof(Plan));
	Plan.only = only;
	Plan.first = first;
	Plan.last = last;
	Plan.err = err;
}

void
mock_os_fail_nth(unsigned n, int err)
{
	plan(NULL, n, n, err);
}

void
mock_os_fail_from(unsigned n, int err)
{
	plan(NULL, n, UINT_MAX, err);
}

void
mock_os_fail_nth_of(const char *name, unsigned n, int err)
{
	plan(name, n, n, err);
}

void
mock_os_fail_first_of(const char *name, unsigned n, int err)
{
	plan(name, n > 0, n, err);
}

void
mock_os_fail_all(const char *name, int err)
{
	plan(name, 1, UINT_MAX, err);
}

void
mock_os_let(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(Plan.except) - 1 && Plan.except[i] != NULL)
		i++;
	Plan.except[i] = name;
}

void
mock_os_call_at_membarrier(void (*f)(void *arg), void *arg)
{
	Plan.at_membarrier = f;
	Plan.membarrier_arg = arg;
}

void
mock_os_call_at_msync(void (*f)(void *addr, size_t len))
{
	Plan.at_msync = f;
}

void
mock_os_reset(void)
{
	plan(NULL, 0, 0, 0);
	mock_os_set_fs(0, OS_COW_NEVER);
}

const char *
mock_os_failed(void)
{
	return Plan.failed;
}

unsigned
mock_os_nr_calls(const char *name)
{
	unsigned nr = 0;

	for (size_t i = 0; i < NR_NAMES && Plan.counts[i].name != NULL; i++) {
		if (name == NULL || strcmp(Plan.counts[i].name, name) == 0)
			nr += Plan.counts[i].nr;
	}
	return nr;
}

static void
count(const char *name)
{
	size_t i = 0;

	while (i < NR_NAMES - 1 && Plan.counts[i].name != NULL &&
	       strcmp(Plan.counts[i].name, name) != 0)
		i++;
	Plan.counts[i].name = name;
	Plan.counts[i].nr++;
}

static bool
is_excepted(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(Plan.except); i++) {
		if (Plan.except[i] != NULL && strcmp(Plan.except[i], name) == 0)
			return true;
	}
	return false;
}

/* Count a call; whether it is to fail. */
static bool
fails(const char *name)
{
	count(name);
	if (Plan.first == 0 ||
	    (Plan.only != NULL && strcmp(Plan.only, name) != 0) ||
	    is_excepted(name))
		return false;
	Plan.nr++;
	if (Plan.nr < Plan.first || Plan.nr > Plan.last)
		return false;
	Plan.failed = name;
	return true;
}

#define WRAP(name, params, args)                                      \
	int __real_##name params;                                     \
	int __wrap_##name params;                                     \
	int __wrap_##name params                                      \
	{                                                             \
		return fails(#name) ? -Plan.err : __real_##name args; \
	}

FUNCTIONS(WRAP)

static _Thread_local size_t Last_align;

int __real_os_map_file(
    int fd, size_t off, size_t len, size_t align, unsigned flags, void **addr);
int __wrap_os_map_file(
    int fd, size_t off, size_t len, size_t align, unsigned flags, void **addr);

int
__wrap_os_map_file(
    int fd, size_t off, size_t len, size_t align, unsigned flags, void **addr)
{
	Last_align = align;
	return fails("os_map_file")
		   ? -Plan.err
		   : __real_os_map_file(fd, off, len, align, flags, addr);
}

size_t
mock_os_last_align(void)
{
	return Last_align;
}

/* Those that may do a part before they fail. */
#define WRAP_HALF(name)                                     \
	int __real_##name(int fd, size_t off, size_t len);  \
	int __wrap_##name(int fd, size_t off, size_t len);  \
	int __wrap_##name(int fd, size_t off, size_t len)   \
	{                                                   \
		size_t half = align_down(len / 2, DK_PAGE); \
                                                            \
		if (!fails(#name))                          \
			return __real_##name(fd, off, len); \
		if (half > 0)                               \
			(void)__real_##name(fd, off, half); \
		return -Plan.err;                           \
	}

WRAP_HALF(os_allocate)
WRAP_HALF(os_allocate_unshared)
WRAP_HALF(os_write_zeroes)
WRAP_HALF(os_write_zero_pages)

/* What the file system is, if it is not what it is. */
static _Thread_local size_t Fs_block;
static _Thread_local enum os_cow Cow;

void
mock_os_set_fs(size_t block, enum os_cow cow)
{
	Fs_block = block;
	Cow = cow;
}

int __real_os_fs_block(int fd, size_t *bytes);
int __wrap_os_fs_block(int fd, size_t *bytes);
enum os_cow __real_os_copies_on_write(int fd);
enum os_cow __wrap_os_copies_on_write(int fd);

int
__wrap_os_fs_block(int fd, size_t *bytes)
{
	if (Fs_block == 0)
		return __real_os_fs_block(fd, bytes);
	*bytes = Fs_block;
	return 0;
}

enum os_cow
__wrap_os_copies_on_write(int fd)
{
	return Cow != OS_COW_NEVER ? Cow : __real_os_copies_on_write(fd);
}

int __real_os_msync(void *addr, size_t len);
int __wrap_os_msync(void *addr, size_t len);

int
__wrap_os_msync(void *addr, size_t len)
{
	if (fails("os_msync"))
		return -Plan.err;
	if (Plan.at_msync != NULL)
		Plan.at_msync(addr, len);
	return __real_os_msync(addr, len);
}

int __real_os_membarrier(void);
int __wrap_os_membarrier(void);
void __real_os_pause(unsigned *round);
void __wrap_os_pause(unsigned *round);

int
__wrap_os_membarrier(void)
{
	if (fails("os_membarrier"))
		return -Plan.err;
	if (Plan.at_membarrier != NULL)
		Plan.at_membarrier(Plan.membarrier_arg);
	return __real_os_membarrier();
}

void
__wrap_os_pause(unsigned *round)
{
	count("os_pause");
	__real_os_pause(round);
}

void __real_os_thread_join(pthread_t thread);
void __wrap_os_thread_join(pthread_t thread);

void
__wrap_os_thread_join(pthread_t thread)
{
	count("os_thread_join");
	__real_os_thread_join(thread);
}

static _Atomic(size_t) Nr_records;

int __real_os_read_text(const char *path, char **text);
int __wrap_os_read_text(const char *path, char **text);

int
__wrap_os_read_text(const char *path, char **text)
{
	int rc =
	    fails("os_read_text") ? -Plan.err : __real_os_read_text(path, text);

	if (rc == 0)
		atomic_fetch_add(&Nr_records, 1);
	return rc;
}

void *__real_os_new(size_t size);
void *__wrap_os_new(size_t size);
void __real_os_delete(void *record);
void __wrap_os_delete(void *record);

void *
__wrap_os_new(size_t size)
{
	void *record = fails("os_new") ? NULL : __real_os_new(size);

	if (record != NULL)
		atomic_fetch_add(&Nr_records, 1);
	return record;
}

void
__wrap_os_delete(void *record)
{
	count("os_delete");
	if (record != NULL)
		atomic_fetch_sub(&Nr_records, 1);
	__real_os_delete(record);
}

size_t
mock_os_nr_records(void)
{
	return atomic_load(&Nr_records);
}
