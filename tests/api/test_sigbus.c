// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_sigbus.c -- living on after SIGBUS: a file that is truncated under its
 * mapping takes the place of a bad block; to the process they look the same.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (8 * TEST_MIB)

static memkind_t Kind;
static struct daxkind_region *Region;
static char *Base;
static int File = -1;
static char *Block; /* large, the last page of which is lost */
#define BLOCK_LEN (64 * TEST_KIB)

static volatile sig_atomic_t Nr_called;
static void *volatile Called_addr;
static volatile size_t Called_len;
static sigjmp_buf Way_out;
static volatile sig_atomic_t Leaves;

static void
note(void *arg, void *addr, size_t len)
{
	Nr_called += *(int *)arg;
	Called_addr = addr;
	Called_len = len;
	if (Leaves)
		siglongjmp(Way_out, 1);
}

/* A region over a mapped file, and a block whose last page, the result, is gone:
 * each access to that is to be made where it is written. */
static volatile char *
lose_a_page(void)
{
	File = memfd_create("daxkind-test", MFD_CLOEXEC);
	assert_true(File >= 0);
	assert_int_equal(ftruncate(File, (off_t)SIZE), 0);
	Base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, File, 0);
	assert_true(Base != MAP_FAILED);
	assert_int_equal(
	    daxkind_region_open_mapping(Base, SIZE, 0, &Region), 0);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	/* large blocks begin at the low end: all but this one stay whole */
	char *rest[SIZE / BLOCK_LEN];
	size_t nr = 0;
	while (nr < ARRAY_LEN(rest) &&
	       (rest[nr] = memkind_malloc(Kind, BLOCK_LEN)) != NULL)
		nr++;
	Block = rest[--nr];
	memset(Block, 5, BLOCK_LEN);
	while (nr > 0)
		memkind_free(Kind, rest[--nr]);
	assert_int_equal(ftruncate(File, (off_t)((size_t)(Block - Base) +
						 BLOCK_LEN - TEST_PAGE)),
	    0);
	Nr_called = 0;
	Leaves = 0;
	return Block + BLOCK_LEN - TEST_PAGE;
}

static void
clean_up(void)
{
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(Region), 0);
	assert_int_equal(munmap(Base, SIZE), 0);
	assert_int_equal(close(File), 0);
}

static size_t
bad_bytes(void)
{
	struct daxkind_space space;

	assert_int_equal(
	    daxkind_region_space(Region, &space, sizeof(space)), 0);
	return space.bad;
}

static void
check_is_not_handed_out(const volatile char *bad)
{
	char *p;

	memkind_free(Kind, Block);
	assert_int_equal(bad_bytes(), TEST_PAGE);
	while ((p = memkind_malloc(Kind, TEST_PAGE * 4)) != NULL)
		assert_true(p + TEST_PAGE * 4 <= bad || p >= bad + TEST_PAGE);
}

static void
test_process_lives_on_with_a_page_of_zeroes(void **state)
{
	volatile char *bad = lose_a_page();

	(void)state;
	assert_int_equal(
	    daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL), 0);
	assert_int_equal(bad[100], 0);
	bad[100] = 3;
	assert_int_equal(bad[100], 3);
	assert_true(test_all_bytes(Block, 5, BLOCK_LEN - TEST_PAGE));
	assert_int_equal(daxkind_sigbus_remove(), 0);
	check_is_not_handed_out(bad);
	clean_up();
}

static void
test_callback_is_told_the_range(void **state)
{
	volatile char *bad = lose_a_page();
	int step = 1;

	(void)state;
	assert_int_equal(daxkind_sigbus_install(0, note, &step), 0);
	bad[TEST_PAGE - 1] = 1;
	assert_int_equal(Nr_called, 1);
	assert_ptr_equal(Called_addr, bad);
	assert_int_equal(Called_len, TEST_PAGE);
	assert_int_equal(bad[TEST_PAGE - 1], 1);
	bad[0] = 1; /* replaced: no second signal */
	assert_int_equal(Nr_called, 1);
	assert_int_equal(daxkind_sigbus_remove(), 0);
	check_is_not_handed_out(bad);
	clean_up();
}

static void
test_callback_may_leave_by_siglongjmp(void **state)
{
	volatile char *bad = lose_a_page();
	int step = 1;

	(void)state;
	assert_int_equal(daxkind_sigbus_install(0, note, &step), 0);
	Leaves = 1;
	for (int round = 1; round <= 2; round++) {
		if (sigsetjmp(Way_out, 1) == 0) {
			(void)*bad;
			fail();
		}
		assert_int_equal(Nr_called, round);
	}
	assert_int_equal(daxkind_sigbus_remove(), 0);
	check_is_not_handed_out(bad);
	clean_up();
}

static volatile sig_atomic_t Nr_previous;

static void
previous_handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	Nr_previous++;
	if (info->si_code > 0)
		siglongjmp(Way_out, 1);
}

static void
test_other_signals_go_to_the_previous_handler(void **state)
{
	struct sigaction action = {
	    .sa_sigaction = previous_handler, .sa_flags = SA_SIGINFO};
	struct sigaction before;
	struct sigaction after;
	int fd = memfd_create("daxkind-other", MFD_CLOEXEC);
	char *other;

	(void)state;
	assert_true(fd >= 0);
	other = mmap(NULL, TEST_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(other != MAP_FAILED);
	assert_int_equal(sigaction(SIGBUS, &action, &before), 0);
	volatile char *bad = lose_a_page();
	assert_int_equal(
	    daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL), 0);
	Nr_previous = 0;
	assert_int_equal(raise(SIGBUS), 0);
	assert_int_equal(Nr_previous, 1);
	if (sigsetjmp(Way_out, 1) == 0) {
		(void)*(volatile char *)other; /* empty file: of no region */
		fail();
	}
	assert_int_equal(Nr_previous, 2);
	bad[0] = 1; /* ours */
	assert_int_equal(Nr_previous, 2);
	assert_int_equal(daxkind_sigbus_remove(), 0);
	assert_int_equal(sigaction(SIGBUS, NULL, &after), 0);
	assert_true(after.sa_sigaction == previous_handler);
	assert_int_equal(sigaction(SIGBUS, &before, NULL), 0);
	clean_up();
	assert_int_equal(munmap(other, TEST_PAGE), 0);
	assert_int_equal(close(fd), 0);
}

/* Without a handler before, what is not ours still ends the process. */
static int
die_of_others(void *arg)
{
	int fd = memfd_create("daxkind-other", MFD_CLOEXEC);
	char *other = mmap(NULL, TEST_PAGE, PROT_READ, MAP_SHARED, fd, 0);

	if (daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL) < 0)
		return 1;
	if (arg != NULL)
		(void)raise(SIGBUS);
	else
		(void)*(volatile char *)other;
	return 2;
}

static void
test_what_is_not_ours_still_ends_the_process(void **state)
{
	int yes = 1;

	(void)state;
	assert_int_equal(test_in_child(die_of_others, NULL), 128 + SIGBUS);
	assert_int_equal(test_in_child(die_of_others, &yes), 128 + SIGBUS);
}

/* In the place of libc's, and of a sanitizer's. */
static unsigned Nr_sem_inits;

#if !DK_SANITIZED
__attribute__((visibility("default"))) int
sem_init(sem_t *sem, int is_shared, unsigned value)
{
	int (*libcs)(sem_t *, int, unsigned);

	*(void **)&libcs = dlsym(RTLD_NEXT, "sem_init");
	assert_non_null(libcs);
	Nr_sem_inits++;
	return libcs(sem, is_shared, value);
}
#endif

/* A handler that is late may still post to the semaphore of the last time. */
static void
test_install_and_remove_come_in_pairs(void **state)
{
	(void)state;
	assert_int_equal(daxkind_sigbus_remove(), -EINVAL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL),
		    0);
		errno = 0;
		assert_int_equal(
		    daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL),
		    -EBUSY);
		assert_int_equal(errno, EBUSY);
		assert_int_equal(daxkind_sigbus_remove(), 0);
		assert_int_equal(daxkind_sigbus_remove(), -EINVAL);
	}
	assert_in_range(Nr_sem_inits, DK_SANITIZED ? 0 : 1, 1);
}

static void
ignore_range(void *arg, void *addr, size_t len)
{
	(void)arg;
	(void)addr;
	(void)len;
}

static void
test_zeroes_must_be_asked_for(void **state)
{
	static const struct {
		const char *why;
		unsigned flags;
		void (*callback)(void *arg, void *addr, size_t len);
		int rc;
	} rows[] = {
	    {"neither", 0, NULL, -EINVAL},
	    {"a callback", 0, ignore_range, 0},
	    {"zeroes", DAXKIND_SIGBUS_ZEROES, NULL, 0},
	    {"both", DAXKIND_SIGBUS_ZEROES, ignore_range, 0},
	    {"no such flag", 1u << 1, ignore_range, -EINVAL},
	    {"one too many", 1u << 31 | DAXKIND_SIGBUS_ZEROES, NULL, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_int_equal(daxkind_sigbus_install(
				     rows[i].flags, rows[i].callback, NULL),
		    rows[i].rc);
		if (rows[i].rc < 0)
			assert_string_not_equal(daxkind_last_error(), "");
		assert_int_equal(
		    daxkind_sigbus_remove(), rows[i].rc == 0 ? 0 : -EINVAL);
	}
}

/* The child has no thread that could quarantine: it must not wait for it for
 * ever, and lives on, too. */
static int
touch_in_child(void *arg)
{
	volatile char *bad = arg;
	struct sigaction now;

	/* test_in_child() has put the default back */
	(void)sigaction(SIGBUS, NULL, &now);
	(void)daxkind_sigbus_remove();
	if (daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL) < 0)
		return 1;
	bad[5] = 1;
	return bad[5] == 1 ? 0 : 2;
}

static void
test_child_of_fork_lives_on(void **state)
{
	volatile char *bad = lose_a_page();

	(void)state;
	assert_int_equal(
	    daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL), 0);
	assert_int_equal(
	    test_in_child(touch_in_child, (void *)(uintptr_t)bad), 0);
	bad[5] = 2;
	assert_int_equal(daxkind_sigbus_remove(), 0);
	check_is_not_handed_out(bad);
	clean_up();
}

/* --- under load ------------------------------------------------------------------ */

enum {
	NR_BAD = 20,
	NR_THREADS = 4
};

static char *Bad[NR_BAD];
static _Atomic(size_t) Nr_bad; /* counted before the page is lost */
static _Atomic(unsigned) Nr_signals;
static _Atomic(bool) Wants_stop;

static void
count_signal(void *arg, void *addr, size_t len)
{
	(void)arg;
	(void)addr;
	if (len == TEST_PAGE)
		atomic_fetch_add(&Nr_signals, 1);
}

struct worker {
	pthread_t thread;
	uint64_t seed;
	size_t nr_wrong; /* pages of other content than was stored there */
};

static bool
is_bad(const char *p)
{
	size_t nr_bad = atomic_load(&Nr_bad);

	for (size_t i = 0; i < nr_bad; i++) {
		if (p >= Bad[i] && p < Bad[i] + TEST_PAGE)
			return true;
	}
	return false;
}

/* A page that is lost while it is filled keeps what comes after: zeroes, and
 * what the owner of the block stored, but nothing else. */
static bool
is_zero_or(const char *p, char value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != 0 && p[i] != value)
			return false;
	}
	return true;
}

static void
check_block(struct worker *w, const char *p, size_t size)
{
	for (size_t off = 0; off < size;) {
		size_t len = TEST_PAGE - (uintptr_t)(p + off) % TEST_PAGE;

		if (len > size - off)
			len = size - off;
		if (!test_all_bytes(p + off, (int)w->seed, len) &&
		    !(is_bad(p + off) &&
			is_zero_or(p + off, (char)w->seed, len)))
			w->nr_wrong++;
		off += len;
	}
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	uint64_t random = w->seed;
	struct {
		char *p;
		size_t size;
	} held[64] = {{NULL, 0}};

	while (!atomic_load(&Wants_stop)) {
		size_t i = test_random_size(&random, 0, ARRAY_LEN(held) - 1);
		size_t shift = test_random_size(&random, 5, 17);

		if (held[i].p != NULL)
			check_block(w, held[i].p, held[i].size);
		memkind_free(Kind, held[i].p);
		held[i].size = test_random_size(
		    &random, (size_t)1 << (shift - 1), (size_t)1 << shift);
		held[i].p = memkind_malloc(Kind, held[i].size);
		if (held[i].p != NULL)
			memset(held[i].p, (int)w->seed, held[i].size);
	}
	for (size_t i = 0; i < ARRAY_LEN(held); i++) {
		if (held[i].p != NULL)
			check_block(w, held[i].p, held[i].size);
		memkind_free(Kind, held[i].p);
	}
	return NULL;
}

/* Take all there is, write to it, give it back. */
static size_t
touch_all(size_t size)
{
	struct block {
		struct block *next;
	} *last = NULL, *b;
	size_t nr = 0;

	while ((b = memkind_malloc(Kind, size)) != NULL) {
		memset(b, 1, size);
		b->next = last;
		last = b;
		nr++;
	}
	while (last != NULL) {
		b = last;
		last = b->next;
		memkind_free(Kind, b);
	}
	return nr;
}

/* A mapping of an empty file takes the place of a page that went bad. */
static void
test_20_pages_go_bad_under_load(void **state)
{
	static struct worker workers[NR_THREADS];
	int empty = memfd_create("daxkind-empty", MFD_CLOEXEC);
	uint64_t random = 9;

	(void)state;
	assert_true(empty >= 0);
	File = memfd_create("daxkind-test", MFD_CLOEXEC);
	assert_true(File >= 0);
	assert_int_equal(ftruncate(File, (off_t)SIZE), 0);
	Base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, File, 0);
	assert_true(Base != MAP_FAILED);
	assert_int_equal(
	    daxkind_region_open_mapping(Base, SIZE, 0, &Region), 0);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	assert_int_equal(daxkind_sigbus_install(0, count_signal, NULL), 0);
	atomic_store(&Wants_stop, false);
	for (uint64_t i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker){.seed = i + 1};
		assert_int_equal(
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]),
		    0);
	}
	atomic_store(&Nr_bad, 0);
	for (size_t nr = 0; nr < NR_BAD;) {
		size_t off = test_random_size(&random, 0, 300) * TEST_PAGE;

		if (nr % 2 == 0) /* slabs are at the high end */
			off = SIZE - TEST_PAGE - off;
		if (is_bad(Base + off))
			continue;
		Bad[nr] = Base + off;
		atomic_store(&Nr_bad, nr + 1);
		assert_ptr_equal(
		    mmap(Bad[nr], TEST_PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, empty, 0),
		    Bad[nr]);
		nr++;
		test_sleep_ms(20);
	}
	/* until one of them has met a page, however seldom they run */
	for (int i = 0; i < 3000 && atomic_load(&Nr_signals) == 0; i++)
		test_sleep_ms(20);
	atomic_store(&Wants_stop, true);
	for (size_t i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].nr_wrong, 0);
	}
	unsigned nr_signals = atomic_load(&Nr_signals);
	print_message("%u signals under load\n", nr_signals);
	assert_true(nr_signals > 0);
	/* who was not met yet is met now, and then nobody is any more */
	(void)touch_all(TEST_PAGE * 4);
	(void)touch_all(TEST_PAGE * 4);
	nr_signals = atomic_load(&Nr_signals);
	(void)touch_all(2000);
	assert_true(
	    touch_all(TEST_PAGE * 4) >= SIZE / TEST_PAGE / 4 - 2 * NR_BAD - 64);
	assert_int_equal(atomic_load(&Nr_signals), nr_signals);
	assert_true(bad_bytes() <= NR_BAD * TEST_PAGE);
	assert_true(bad_bytes() >= (NR_BAD - 4) * TEST_PAGE);
	assert_int_equal(daxkind_sigbus_remove(), 0);
	clean_up();
	assert_int_equal(close(empty), 0);
}

/* What a durable heap does not know any more, it does not hand out. */
static void
test_records_of_a_durable_heap(void **state)
{
	char path[PATH_MAX];

	(void)state;
	/* Space is written with zeroes there: the file would be long again. */
	if (test_is_fsdax()) {
		(void)puts(
		    "skipped: lost records; tests/dax/test_devdax_badblocks "
		    "has media errors");
		return;
	}
	(void)snprintf(path, sizeof(path), "%s", test_path("durable.heap"));
	(void)unlink(path);
	if (daxkind_region_open_durable(
		path, SIZE, "test_sigbus", DAXKIND_CREATE, &Region) < 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	assert_int_equal(
	    daxkind_sigbus_install(DAXKIND_SIGBUS_ZEROES, NULL, NULL), 0);
	/* The ledger begins behind six pages. */
	assert_int_equal(truncate(path, (off_t)(6 * TEST_PAGE)), 0);
	assert_null(memkind_malloc(Kind, 100));
	assert_null(memkind_malloc(Kind, 100000));
	assert_non_null(strstr(daxkind_last_error(), "media error"));
	assert_int_equal(daxkind_sigbus_remove(), 0);
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(Region), -EIO);
	test_says_why();
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_install_and_remove_come_in_pairs),
	    test_unit(test_zeroes_must_be_asked_for),
	    test_unit(test_process_lives_on_with_a_page_of_zeroes),
	    test_unit(test_callback_is_told_the_range),
	    test_unit(test_callback_may_leave_by_siglongjmp),
	    test_unit(test_other_signals_go_to_the_previous_handler),
	    test_unit(test_what_is_not_ours_still_ends_the_process),
	    test_unit(test_child_of_fork_lives_on),
	    test_unit(test_20_pages_go_bad_under_load),
	    test_unit(test_records_of_a_durable_heap),
	};

	return cmocka_run_group_tests_name("sigbus", tests, NULL, NULL);
}
