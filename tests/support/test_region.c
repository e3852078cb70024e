// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_region.c -- see test_region.h.
 */
#include "cmocka_all.h"

#include "test_region.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TEST_ALIGN (2 * TEST_MIB)

/* Mappings of memory that a test may leave behind: arenas' records are kept
 * for the next arena, and glibc keeps stacks and heaps of threads. */
#define MAPS_SLACK 64

static char Dir[PATH_MAX];
static char Devdax[PATH_MAX];
static bool Dir_is_ours;
/* Areas are taken from the device's end, as regions begin at its start. */
static size_t Devdax_taken;
static unsigned Nr_devdax_areas;

bool
test_is_long(void)
{
	return getenv("DAXKIND_TEST_LONG") != NULL;
}

bool
test_is_emulated(void)
{
	return getenv("DAXKIND_TEST_DAX") != NULL;
}

size_t
test_scaled(size_t n)
{
	if (test_is_long())
		return n;
	if (test_is_emulated())
		return n / 16;
	return DK_TSAN ? n / 4 : n;
}

double
test_patience(double seconds)
{
	return TEST_OURS ? seconds : seconds / 30;
}

static void
remove_dir(void)
{
	if (Dir_is_ours)
		(void)rmdir(Dir);
}

/* Find out once where the tests run. */
static void
look_around(void)
{
	const char *path = getenv("DAX_PATH");
	const char *tmp = getenv("TMPDIR");
	char template[PATH_MAX - 64];
	struct stat st;

	if (Dir[0] != '\0')
		return;
	if (path != NULL && stat(path, &st) == 0) {
		if (S_ISCHR(st.st_mode)) {
			(void)snprintf(Devdax, sizeof(Devdax), "%s", path);
		} else if (S_ISDIR(st.st_mode)) {
			assert_non_null(realpath(path, Dir));
			return;
		}
	}
	(void)snprintf(template, sizeof(template), "%s/daxkind-test.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(template));
	assert_non_null(realpath(template, Dir));
	Dir_is_ours = true;
	assert_int_equal(atexit(remove_dir), 0);
}

const char *
test_devdax(void)
{
	look_around();
	return Devdax[0] != '\0' ? Devdax : NULL;
}

#if TEST_OURS
/* By stores, as copies of superblocks may be where heaps of other sizes ended. */
void
test_clear_devdax(void)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;

	if (daxkind_region_open(test_devdax(), 0, DAXKIND_OVERWRITE, &region) <
	    0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	memset(info.base, 0, info.size);
	assert_int_equal(daxkind_region_close(region), 0);
}
#endif

bool
test_is_fsdax(void)
{
	const char *kind = getenv("DAX_KIND");

	look_around();
	return !Dir_is_ours && kind != NULL &&
	       (strcmp(kind, "ext4") == 0 || strcmp(kind, "xfs") == 0);
}

const char *
test_dir(void)
{
	look_around();
	return Dir;
}

const char *
test_path(const char *name)
{
	static char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", test_dir(), name);

	assert_true(len > 0 && (size_t)len < sizeof(path));
	return path;
}

/* A number from the device's folder in sysfs. */
static size_t
devdax_number(const char *name)
{
	char path[PATH_MAX];
	char line[64] = "";
	struct stat st;
	FILE *f;

	assert_int_equal(stat(Devdax, &st), 0);
	(void)snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/%s",
	    major(st.st_rdev), minor(st.st_rdev), name);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	assert_int_equal(fclose(f), 0);
	return (size_t)strtoull(line, NULL, 0);
}

size_t
test_size(size_t want)
{
	size_t room = want;
	struct statvfs vfs;

	look_around();
	if (Devdax[0] != '\0') {
		room = devdax_number("size");
	} else if (!Dir_is_ours) {
		assert_int_equal(statvfs(Dir, &vfs), 0);
		room = (size_t)vfs.f_bavail * (size_t)vfs.f_frsize;
		/* ext4 and xfs keep a part for their own records */
		room = room / 16 * 14;
	}
	if (room < want)
		want = room;
	if (want > TEST_ALIGN)
		want = want / TEST_ALIGN * TEST_ALIGN;
	return want;
}

/* --- a caller's mapping ------------------------------------------------------ */

static int
open_file_of(size_t len)
{
	int fd;

	if (Dir_is_ours)
		fd = memfd_create("daxkind-test", MFD_CLOEXEC);
	else
		fd = open(Dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	/* a store to a hole of a full file system would be a SIGBUS */
	if (!Dir_is_ours)
		assert_int_equal(posix_fallocate(fd, 0, (off_t)len), 0);
	return fd;
}

static void
map_devdax(struct test_area *area, size_t len)
{
	size_t align = devdax_number("align");
	size_t size;
	int fd = open(Devdax, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	if (align < TEST_ALIGN)
		align = TEST_ALIGN;
	area->map_len = (len + align - 1) / align * align;
	size = devdax_number("size") / align * align;
	assert_true(area->map_len <= size - Devdax_taken);
	Devdax_taken += area->map_len;
	area->map = mmap(NULL, area->map_len, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, (off_t)(size - Devdax_taken));
	assert_true(area->map != MAP_FAILED);
	assert_int_equal(close(fd), 0);
	area->addr = area->map;
	Nr_devdax_areas++;
}

void
test_area_map(struct test_area *area, size_t len)
{
	uintptr_t base;
	void *p;
	int fd;

	look_around();
	memset(area, 0, sizeof(*area));
	area->len = len;
	if (Devdax[0] != '\0') {
		map_devdax(area, len);
		return;
	}

	/* address space with room to align in it, and the file over a part */
	area->map_len = len + TEST_ALIGN;
	area->map = mmap(NULL, area->map_len, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(area->map != MAP_FAILED);
	base = ((uintptr_t)area->map + TEST_ALIGN - 1) & ~(TEST_ALIGN - 1);
	area->addr = (char *)area->map + (base - (uintptr_t)area->map);
	if (len == 0)
		return;
	fd = open_file_of(len);
	p = mmap(area->addr, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0);
	assert_ptr_equal(p, area->addr);
	assert_int_equal(close(fd), 0);
}

void
test_area_unmap(struct test_area *area)
{
	if (area->map == NULL)
		return;
	assert_int_equal(munmap(area->map, area->map_len), 0);
	if (Devdax[0] != '\0' && --Nr_devdax_areas == 0)
		Devdax_taken = 0;
	area->map = NULL;
}

bool
test_area_holds(const struct test_area *area, const void *p, size_t len)
{
	uintptr_t at = (uintptr_t)p;
	uintptr_t base = (uintptr_t)area->addr;

	return at >= base && len <= area->len && at - base <= area->len - len;
}

/* --- a heap ------------------------------------------------------------------ */

const char *
test_backing_name(enum test_backing backing)
{
	if (backing == TEST_ON_MAPPING)
		return "mapping";
	return test_devdax() != NULL ? "devdax" : "file";
}

void
test_heap_make(struct test_heap *heap, enum test_backing backing, size_t size)
{
	memset(heap, 0, sizeof(*heap));
	heap->backing = backing;
	heap->size = test_size(size);
	if (backing == TEST_ON_MAPPING) {
		test_area_map(&heap->area, heap->size);
		assert_int_equal(memkind_create_fixed(
				     heap->area.addr, heap->size, &heap->kind),
		    MEMKIND_SUCCESS);
#if TEST_OURS
	} else if (test_devdax() != NULL) {
		assert_int_equal(daxkind_region_open_devdax(test_devdax(), 0,
				     heap->size, 0, &heap->region),
		    0);
		assert_int_equal(
		    daxkind_kind_create(heap->region, &heap->kind), 0);
#endif
	} else {
		assert_int_equal(
		    memkind_create_pmem(test_dir(), heap->size, &heap->kind),
		    MEMKIND_SUCCESS);
	}
	assert_non_null(heap->kind);
}

void
test_heap_end(struct test_heap *heap)
{
	assert_int_equal(memkind_destroy_kind(heap->kind), MEMKIND_SUCCESS);
#if TEST_OURS
	assert_int_equal(daxkind_region_close(heap->region), 0);
#endif
	test_area_unmap(&heap->area);
	memset(heap, 0, sizeof(*heap));
}

/* The first part of the report, which comes in pieces of any length. */
struct head {
	char text[16384];
	size_t len;
};

static void
append_head(void *arg, const char *s)
{
	struct head *head = arg;
	size_t n = strlen(s);

	if (n > sizeof(head->text) - 1 - head->len)
		n = sizeof(head->text) - 1 - head->len;
	memcpy(head->text + head->len, s, n);
	head->len += n;
	head->text[head->len] = '\0';
}

bool
test_heap_fills_blocks(void)
{
	static struct head head;

	head.len = 0;
	assert_int_equal(memkind_stats_print(append_head, &head,
			     MEMKIND_STAT_PRINT_OMIT_PER_ARENA),
	    MEMKIND_SUCCESS);
	return strstr(head.text, "opt.junk: \"true\"") != NULL;
}

/* How many there are; *st is of the last one, *held of all. */
static unsigned
find_unlinked_files(struct stat *st, size_t *held)
{
	size_t dir_len = strlen(test_dir());
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned nr_found = 0;

	assert_non_null(d);
	*held = 0;
	while ((e = readdir(d)) != NULL) {
		char target[PATH_MAX + 16];
		ssize_t len =
		    readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

		if (len <= 0)
			continue;
		target[len] = '\0';
		if (strncmp(target, test_dir(), dir_len) != 0 ||
		    strstr(target, " (deleted)") == NULL)
			continue;
		assert_int_equal(
		    fstat((int)strtol(e->d_name, NULL, 10), st), 0);
		*held += (size_t)st->st_blocks * 512;
		nr_found++;
	}
	assert_int_equal(closedir(d), 0);
	return nr_found;
}

bool
test_unlinked_file(struct stat *st)
{
	size_t held;
	unsigned nr_found = find_unlinked_files(st, &held);

	assert_true(nr_found <= 1);
	return nr_found == 1;
}

size_t
test_unlinked_files_held(void)
{
	struct stat st;
	size_t held;

	assert_true(find_unlinked_files(&st, &held) > 0);
	return held;
}

/* --- what is left ------------------------------------------------------------ */

static size_t
count_entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			n++;
	assert_int_equal(closedir(d), 0);
	return n;
}

size_t
test_nr_fds(void)
{
	return count_entries("/proc/self/fd") - 1; /* not the one that looks */
}

/* The kernel lists a thread that was joined until it is through with it. */
size_t
test_nr_threads(void)
{
	size_t least = count_entries("/proc/self/task");

	for (int i = 0; least > 1 && i < 20; i++) {
		test_sleep_ms(5);
		size_t nr = count_entries("/proc/self/task");
		least = nr < least ? nr : least;
	}
	return least;
}

/* Lines of /proc/self/maps, but for libraries, which are loaded when they are
 * first needed; *nr_backed: of files, devices, memfds under test. */
static size_t
count_maps(size_t *nr_backed)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t cap = 0;
	size_t n = 0;

	assert_non_null(f);
	*nr_backed = 0;
	while (getline(&line, &cap, f) > 0) {
		n += strstr(line, ".so.") == NULL;
		if (strstr(line, "(deleted)") != NULL ||
		    strstr(line, "/dev/dax") != NULL ||
		    strstr(line, test_dir()) != NULL)
			(*nr_backed)++;
	}
	free(line);
	assert_int_equal(fclose(f), 0);
	return n;
}

size_t
test_nr_maps(void)
{
	size_t nr_backed;

	return count_maps(&nr_backed);
}

size_t
test_rss(void)
{
	unsigned long pages = 0;
	unsigned long resident = 0;
	char line[128] = "";
	char *end;
	FILE *f = fopen("/proc/self/statm", "re");

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(fclose(f), 0);
	pages = strtoul(line, &end, 10);
	resident = strtoul(end, NULL, 10);
	assert_true(pages >= resident);
	return resident * TEST_PAGE;
}

size_t
test_malloc_used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

size_t
test_allocated(memkind_t kind)
{
	size_t bytes;

	return memkind_update_cached_stats() == MEMKIND_SUCCESS &&
		       memkind_get_stat(kind, MEMKIND_STAT_TYPE_ALLOCATED,
			   &bytes) == MEMKIND_SUCCESS
		   ? bytes
		   : SIZE_MAX;
}

static size_t Fds_before;
static size_t Backed_before;
static size_t Maps_before;

int
test_leaks_setup(void **state)
{
	(void)state;
	look_around();
	Fds_before = test_nr_fds();
	Maps_before = count_maps(&Backed_before);
	return 0;
}

int
test_leaks_teardown(void **state)
{
	size_t nr_backed;
	size_t nr_maps = count_maps(&nr_backed);
	size_t nr_fds = test_nr_fds();

	(void)state;
	if (nr_fds > Fds_before) {
		print_error("%zu descriptors left\n", nr_fds - Fds_before);
		return -1;
	}
	if (nr_backed > Backed_before) {
		print_error("%zu mappings left\n", nr_backed - Backed_before);
		return -1;
	}
	if (!DK_SANITIZED && nr_maps > Maps_before + MAPS_SLACK) {
		print_error(
		    "mappings grew from %zu to %zu\n", Maps_before, nr_maps);
		return -1;
	}
	return 0;
}

/* --- small things ------------------------------------------------------------ */

double
test_now(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double
test_cpu_now(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void
test_sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

uint64_t
test_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(2685821657736338717);
}

size_t
test_random_size(uint64_t *state, size_t lo, size_t hi)
{
	return lo + (size_t)(test_random(state) >> 16) % (hi - lo + 1);
}

bool
test_all_bytes(const void *p, int c, size_t len)
{
	const unsigned char *b = p;

	if (len == 0)
		return true;
	return b[0] == (unsigned char)c && memcmp(b, b + 1, len - 1) == 0;
}

void
test_touch(void *p, size_t len)
{
	char *b = p;

	if (!test_is_emulated()) {
		memset(b, 1, len);
		return;
	}
	for (size_t off = 0; off < len; off += 256 * TEST_KIB)
		b[off] = 1;
	b[len - 1] = 1;
}

int
test_in_child(int (*f)(void *arg), void *arg)
{
	static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};
	int status;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* cmocka's handlers would go on with the tests, in the child */
		for (size_t i = 0; i < ARRAY_LEN(caught); i++)
			(void)signal(caught[i], SIG_DFL);
		(void)alarm(150);
		_exit(f(arg));
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
