// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_cancel.c -- no function of the library is a cancellation point: a
 * thread that is to be cancelled comes back from each, and nothing is left half
 * done.
 *
 * So that a function does not pass because nothing of it could have been one,
 * this program has functions of libc's names that are: they come before libc's,
 * count, and say so when cancellation is enabled.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hbwmalloc.h>
#include <memkind_arena.h>
#include <memkind_dax_kmem.h>
#include <memkind_default.h>
#include <memkind_fixed.h>
#include <memkind_hbw.h>
#include <memkind_memtier.h>
#include <memkind_pmem.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- libc's cancellation points -------------------------------------------------- */

/* Of this thread. */
static _Thread_local unsigned Nr_points;
static _Thread_local bool Is_watched;
/* The first that was called with cancellation enabled, by a watched thread or
 * one of the library's own. */
static _Atomic(const char *) Enabled_point;

#define INSTEAD __attribute__((visibility("default")))

/* They would come before those of a sanitizer, too. */
#if !DK_SANITIZED

static void
note_point(const char *name)
{
	int state;

	if (!Is_watched)
		return;
	Nr_points++;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (state == PTHREAD_CANCEL_ENABLE)
		atomic_store(&Enabled_point, name);
	(void)pthread_setcancelstate(state, NULL);
}

INSTEAD int
open(const char *path, int flags, ...)
{
	va_list args;

	note_point("open");
	va_start(args, flags);
	int mode = va_arg(args, int);
	va_end(args);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

INSTEAD int
close(int fd)
{
	note_point("close");
	return (int)syscall(SYS_close, fd);
}

INSTEAD ssize_t
read(int fd, void *buf, size_t len)
{
	note_point("read");
	return syscall(SYS_read, fd, buf, len);
}

INSTEAD ssize_t
write(int fd, const void *buf, size_t len)
{
	note_point("write");
	return syscall(SYS_write, fd, buf, len);
}

INSTEAD ssize_t
pwrite(int fd, const void *buf, size_t len, off_t off)
{
	note_point("pwrite");
	return syscall(SYS_pwrite64, fd, buf, len, off);
}

INSTEAD int
fallocate(int fd, int mode, off_t off, off_t len)
{
	note_point("fallocate");
	return (int)syscall(SYS_fallocate, fd, mode, off, len);
}

INSTEAD int
msync(void *addr, size_t len, int flags)
{
	note_point("msync");
	return (int)syscall(SYS_msync, addr, len, flags);
}

INSTEAD int
nanosleep(const struct timespec *time, struct timespec *rest)
{
	note_point("nanosleep");
	return (int)syscall(SYS_nanosleep, time, rest);
}

/* What this program's own function of that name hides. */
static void *
next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

INSTEAD int
pthread_join(pthread_t thread, void **result)
{
	static int (*libcs)(pthread_t, void **);

	if (libcs == NULL)
		*(void **)&libcs = next("pthread_join");
	note_point("pthread_join");
	return libcs(thread, result);
}

#endif

/* --- what the functions are called with ------------------------------------------ */

static memkind_t Kind; /* over a file */
static void *Small, *Large;
static struct daxkind_region *Region; /* over another file, without a kind */
static memkind_t Made;
static struct memtier_memory *Memory;
static struct test_area Area;

static void
prepare(void)
{
	assert_int_equal(memkind_create_pmem(test_dir(), 64 * TEST_MIB, &Kind),
	    MEMKIND_SUCCESS);
	assert_int_equal(
	    daxkind_kind_set_policy(Kind, DAXKIND_POLICY_CONSERVATIVE), 0);
	Small = memkind_malloc(Kind, 100);
	Large = memkind_malloc(Kind, 4 * TEST_MIB);
	assert_non_null(Small);
	assert_non_null(Large);
	memset(Large, 1, 4 * TEST_MIB);
	assert_int_equal(
	    daxkind_region_open_dir(test_dir(), 32 * TEST_MIB, 0, &Region), 0);
	test_area_map(&Area, 16 * TEST_MIB);
}

static void
clean_up(void)
{
	if (Memory != NULL)
		memtier_delete_memtier_memory(Memory);
	if (Made != NULL)
		assert_int_equal(memkind_destroy_kind(Made), MEMKIND_SUCCESS);
	if (Kind != NULL)
		assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(Region), 0);
	test_area_unmap(&Area);
	Memory = NULL;
	Made = NULL;
	Kind = NULL;
	Region = NULL;
}

/* What a call gave, so that the compiler leaves none out. */
static volatile uintptr_t Answer;

static void
ignore_text(void *arg, const char *text)
{
	(void)arg;
	(void)text;
	pthread_testcancel();
}

static int
ignore_run(void *arg, size_t off, size_t len, enum daxkind_run_state run)
{
	(void)arg;
	(void)off;
	(void)len;
	(void)run;
	return 0;
}

/* Operations of a program, which are cancellation points. */
static int
slow_create(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	pthread_testcancel();
	int err = memkind_fixed_create(kind, ops, name);
	pthread_testcancel();
	return err;
}

static int
slow_destroy(struct memkind *kind)
{
	pthread_testcancel();
	int err = memkind_fixed_destroy(kind);
	pthread_testcancel();
	return err;
}

static void *
slow_mmap(struct memkind *kind, void *addr, size_t size)
{
	(void)kind;
	pthread_testcancel();
	return mmap(addr, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static struct memkind_ops Slow_fixed_ops, Slow_arena_ops;

static int
config_kind(void)
{
	struct memkind_config *config = memkind_config_new();

	memkind_config_set_path(config, test_dir());
	memkind_config_set_size(config, 32 * TEST_MIB);
	memkind_config_set_memory_usage_policy(
	    config, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);
	int err = memkind_create_pmem_with_config(config, &Made);
	memkind_config_delete(config);
	return err;
}

static int
destroy(void)
{
	memkind_t kind = Kind;

	Kind = NULL;
	return memkind_destroy_kind(kind);
}

static int
destroy_twice(void)
{
	memkind_t kind = Kind;

	(void)destroy();
	return memkind_destroy_kind(kind);
}

static int
error_message(void)
{
	char text[MEMKIND_ERROR_MESSAGE_SIZE];

	memkind_error_message(MEMKIND_ERROR_MALLOC, text, sizeof(text));
	return text[0];
}

static int
close_region(void)
{
	int rc = daxkind_region_close(Region);

	Region = NULL;
	return rc;
}

/* The last region that needs the thread joins it. */
static int
bg_threads(void)
{
	int err = memkind_set_bg_threads(true);

	(void)memkind_set_bg_threads(false);
	(void)destroy();
	(void)close_region();
	return err;
}

static int
malloc_many(void)
{
	int nr = 0;

	for (int i = 0; i < 3000; i++)
		nr += memkind_malloc(Kind, 3000) != NULL;
	return nr;
}

static int
align_large(void)
{
	void *ptr;

	return memkind_posix_memalign(Kind, &ptr, TEST_MIB, 5 * TEST_MIB);
}

static int
free_of(memkind_t kind, void *ptr)
{
	memkind_free(kind, ptr);
	return 0;
}

static int
hbw_free_of(void *ptr)
{
	hbw_free(ptr);
	return 0;
}

static int
allow_zero(void)
{
	memkind_set_allow_zero_allocs(Kind, true);
	return 0;
}

static int
open_and_close(void)
{
	struct daxkind_region *region;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/file", test_dir());
	int rc = daxkind_region_open(
	    path, TEST_MIB, DAXKIND_CREATE | DAXKIND_PREFAULT, &region);
	if (rc == 0)
		rc = daxkind_region_close(region);
	(void)unlink(path);
	return rc;
}

static int
open_and_close_mapping(void)
{
	struct daxkind_region *region;
	int rc = daxkind_region_open_mapping(
	    Area.addr, Area.len, DAXKIND_PREFAULT, &region);

	return rc == 0 ? daxkind_region_close(region) : rc;
}

static int
create_and_destroy_slow(void)
{
	memkind_t kind;
	int rc = daxkind_kind_create_with_ops(
	    Region, &Slow_fixed_ops, sizeof(Slow_fixed_ops), "slow", &kind);

	return rc == 0 ? memkind_destroy_kind(kind) : rc;
}

static int
use_slow(void)
{
	return memkind_create(&Slow_arena_ops, "slow", &Made) ==
		   MEMKIND_SUCCESS &&
	       memkind_malloc(Made, TEST_MIB) != NULL;
}

static int
install_and_remove(void)
{
	(void)daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL);
	return daxkind_sigbus_remove();
}

static int
use_tiers(void)
{
	struct memtier_builder *builder =
	    memtier_builder_new(MEMTIER_POLICY_STATIC_RATIO);

	(void)memtier_builder_add_tier(builder, Kind, 1);
	Memory = memtier_builder_construct_memtier_memory(builder);
	memtier_builder_delete(builder);
	memtier_free(memtier_realloc(
	    Memory, memtier_malloc(Memory, 5 * TEST_MIB), 9 * TEST_MIB));
	return 0;
}

static struct daxkind_region *Never;
static struct daxkind_region_info Info;
static struct daxkind_space Space;
static size_t Stat;
static unsigned Arena;

/*
 * Expressions.  MUST(...) is for those which reach a system call that is a
 * cancellation point.  The first ones look for nodes and devices, and a
 * process does that once.
 */
#define ROWS(MAY, MUST)                                                      \
	MUST(memkind_check_available(MEMKIND_DAX_KMEM))                      \
	MAY(memkind_check_available(MEMKIND_HBW))                            \
	MAY(memkind_check_available(MEMKIND_HUGETLB))                        \
	MAY(hbw_check_available())                                           \
	MAY(hbw_get_policy())                                                \
	MAY(hbw_free_of(hbw_malloc(100)))                                    \
	MAY(hbw_free_of(hbw_calloc(100, 100)))                               \
	MAY(hbw_free_of(hbw_realloc(hbw_malloc(100), 100000)))               \
	MAY(hbw_set_policy(HBW_POLICY_PREFERRED))                            \
	MAY(hbw_verify_memory_region(Area.addr, Area.len, HBW_TOUCH_PAGES))  \
	MAY(free_of(NULL, memkind_malloc(MEMKIND_REGULAR, TEST_MIB)))        \
	MAY(free_of(NULL, memkind_malloc(MEMKIND_DEFAULT, TEST_MIB)))        \
	MAY(memkind_get_capacity(MEMKIND_REGULAR))                           \
	/* kinds */                                                          \
	MAY(memkind_create_kind(MEMKIND_MEMTYPE_DEFAULT,                     \
	    MEMKIND_POLICY_PREFERRED_LOCAL, (memkind_bits_t)0, &Made))       \
	MAY(memkind_create_fixed(Area.addr, Area.len, &Made))                \
	MUST(memkind_create_pmem(test_dir(), 0, &Made))                      \
	MUST(memkind_create_pmem("/dev/null", 0, &Made))                     \
	MUST(config_kind())                                                  \
	MUST(destroy())                                                      \
	MUST(destroy_twice())                                                \
	MAY(memkind_detect_kind(Small))                                      \
	MAY(memkind_check_available(Kind))                                   \
	MUST(memkind_check_dax_path(test_dir()))                             \
	MAY(memkind_get_version())                                           \
	MAY(error_message())                                                 \
	MAY(memkind_update_cached_stats())                                   \
	MAY(memkind_get_stat(Kind, MEMKIND_STAT_TYPE_ALLOCATED, &Stat))      \
	MAY(memkind_get_stat(NULL, MEMKIND_STAT_TYPE_ALLOCATED, &Stat))      \
	MAY(memkind_stats_print(ignore_text, NULL, MEMKIND_STAT_PRINT_ALL))  \
	MUST(bg_threads())                                                   \
	MAY(allow_zero())                                                    \
	/* blocks */                                                         \
	MAY(memkind_malloc(Kind, 3000))                                      \
	MUST(malloc_many())                                                  \
	MUST(memkind_malloc(Kind, 5 * TEST_MIB))                             \
	MAY(memkind_malloc(Kind, 65 * TEST_MIB))                             \
	MUST(memkind_calloc(Kind, 5, TEST_MIB))                              \
	MUST(align_large())                                                  \
	MUST(memkind_realloc(Kind, Large, 9 * TEST_MIB))                     \
	MAY(memkind_realloc(Kind, Large, TEST_MIB))                          \
	MAY(memkind_realloc(Kind, Small, 10000))                             \
	MAY(free_of(Kind, Large))                                            \
	MAY(free_of(Kind, Small))                                            \
	MAY(free_of(NULL, Large))                                            \
	MAY(free_of(Kind, &Stat))                                            \
	MAY(memkind_malloc_usable_size(Kind, Small))                         \
	MAY(memkind_defrag_reallocate(Kind, Small))                          \
	/* regions */                                                        \
	MAY(daxkind_version())                                               \
	MAY(daxkind_last_error())                                            \
	MUST(open_and_close())                                               \
	MAY(open_and_close_mapping())                                        \
	MAY(daxkind_region_open("namespace77.7", 0, 0, &Never))              \
	MAY(daxkind_region_open_devdax("/dev/null", 0, 0, 0, &Never))        \
	MUST(close_region())                                                 \
	MAY(daxkind_region_info(Region, &Info, sizeof(Info)))                \
	MAY(daxkind_region_space(Region, &Space, sizeof(Space)))             \
	MAY(daxkind_region_walk(Region, ignore_run, NULL))                   \
	MAY(daxkind_region_check(Region))                                    \
	MAY(daxkind_kind_create(Region, &Made))                              \
	MAY(daxkind_kind_create_with_ops(                                    \
	    Region, &Slow_fixed_ops, sizeof(Slow_fixed_ops), "slow", &Made)) \
	MAY(create_and_destroy_slow())                                       \
	MAY(use_slow())                                                      \
	MAY(daxkind_kind_region(Kind))                                       \
	MAY(daxkind_kind_set_policy(Kind, DAXKIND_POLICY_DEFAULT))           \
	MUST(daxkind_persist(Kind, Large, TEST_MIB))                         \
	MUST(daxkind_flush(Kind, Small, 100))                                \
	MAY(daxkind_drain(Kind))                                             \
	MUST(daxkind_memcpy_persist(Kind, Large, "abc", 3))                  \
	MUST(daxkind_memset_persist(Kind, Large, 1, 9999))                   \
	MAY(daxkind_quarantine(Kind, Large, 100))                            \
	MUST(install_and_remove())                                           \
	/* operations, and tiers */                                          \
	MUST(memkind_pmem_validate_dir(test_dir()))                          \
	MUST(memkind_fixed_mmap(Kind, NULL, 5 * TEST_MIB))                   \
	MAY(memkind_thread_get_arena(MEMKIND_REGULAR, &Arena, 100))          \
	MUST(use_tiers())

/* --- the test -------------------------------------------------------------------- */

struct attempt {
	size_t row;
	bool came_back;
	unsigned nr_points;
};

static size_t Nr_rows;
static const char *Name; /* of a row */
static bool Is_must;

/* Count the rows, say what the one is, and call it if wanted. */
static void
do_row(size_t row, bool wanted)
{
	size_t i = 0;

#define DO(call, must)                            \
	if (i++ == row) {                         \
		Name = #call;                     \
		Is_must = must;                   \
		Is_watched = wanted;              \
		if (wanted)                       \
			Answer = (uintptr_t)call; \
		Is_watched = false;               \
	}
#define DO_MAY(call) DO(call, false)
#define DO_MUST(call) DO(call, true)
	ROWS(DO_MAY, DO_MUST)
	Nr_rows = i;
}

static void *
call_cancelled(void *arg)
{
	struct attempt *attempt = arg;

	/* pending from here on, and not acted upon before a cancellation
	 * point */
	(void)pthread_cancel(pthread_self());
	Nr_points = 0;
	do_row(attempt->row, true);
	attempt->nr_points = Nr_points;
	attempt->came_back = true;
	pthread_testcancel();
	return NULL;
}

static void
check_row(size_t row)
{
	struct attempt attempt = {.row = row};
	pthread_t thread;
	void *result;

	do_row(row, false);
	dk_row(Name);
	prepare();
	assert_int_equal(
	    pthread_create(&thread, NULL, call_cancelled, &attempt), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_true(attempt.came_back);
	/* and it is left to the program as it was */
	assert_ptr_equal(result, PTHREAD_CANCELED);
	if (!DK_SANITIZED && Is_must && !test_is_fsdax())
		assert_true(attempt.nr_points > 0);
	assert_ptr_equal(atomic_load(&Enabled_point), NULL);
	clean_up();
}

static void
test_a_cancelled_thread_comes_back_from_each_function(void **state)
{
	(void)state;
	Slow_fixed_ops = MEMKIND_FIXED_OPS;
	Slow_fixed_ops.create = slow_create;
	Slow_fixed_ops.destroy = slow_destroy;
	Slow_arena_ops = MEMKIND_DEFAULT_OPS;
	Slow_arena_ops.create = memkind_arena_create;
	Slow_arena_ops.destroy = memkind_arena_destroy;
	Slow_arena_ops.malloc = memkind_arena_malloc;
	Slow_arena_ops.free = memkind_arena_free;
	Slow_arena_ops.get_arena = memkind_thread_get_arena;
	Slow_arena_ops.mmap = slow_mmap;
	Slow_arena_ops.init_once = NULL;
	do_row(0, false);
	assert_true(Nr_rows > 50);
	for (size_t row = 0; row < Nr_rows; row++)
		check_row(row);
}

/* Ends when the thread that wrote to its cache is cancelled. */
static void *
fill_until_cancelled(void *arg)
{
	(void)arg;
	for (;;) {
		void *p = memkind_malloc(Kind, 5 * TEST_MIB);
		void *q = memkind_malloc(Kind, 700);

		memkind_free(Kind, p);
		memkind_free(Kind, q);
		pthread_testcancel();
	}
	return NULL;
}

/* At a moment of chance, over and over. */
static void
test_threads_that_are_cancelled_at_work_leave_a_sound_kind(void **state)
{
	(void)state;
	prepare();
	for (size_t i = 0; i < test_scaled(200); i++) {
		pthread_t threads[2];
		void *result;

		for (size_t t = 0; t < ARRAY_LEN(threads); t++)
			assert_int_equal(pthread_create(&threads[t], NULL,
					     fill_until_cancelled, NULL),
			    0);
		for (size_t t = 0; t < ARRAY_LEN(threads); t++)
			assert_int_equal(pthread_cancel(threads[t]), 0);
		for (size_t t = 0; t < ARRAY_LEN(threads); t++) {
			assert_int_equal(pthread_join(threads[t], &result), 0);
			assert_ptr_equal(result, PTHREAD_CANCELED);
		}
	}
	memkind_free(Kind, Small);
	memkind_free(Kind, Large);
	assert_int_equal(daxkind_region_check(daxkind_kind_region(Kind)), 0);
	/* nothing is in use any more */
	void *all = memkind_malloc(Kind, 64 * TEST_MIB);
	assert_non_null(all);
	clean_up();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_a_cancelled_thread_comes_back_from_each_function),
	    test_unit(
		test_threads_that_are_cancelled_at_work_leave_a_sound_kind),
	};

	return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
