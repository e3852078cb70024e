// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_durable_kill.c -- a durable heap whose process is killed at any moment.
 *
 * A child has threads that allocate, free, reallocate and link; it is killed,
 * and the test, which has the list of what was acknowledged in memory of its own,
 * opens the region and judges: nothing is lost, nothing was handed out twice, the
 * content is right, and at most one block for each thread is nobody's.  Then the
 * next child goes on with the same heap.
 *
 * DAXKIND_TEST_KILLS is how often.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	NR_THREADS = 8,
	NR_SLOTS = 200, /* of a thread */
	MAX_BLOCKS = 1 << 20
};

enum phase {
	PHASE_EMPTY,   /* nothing was acknowledged */
	PHASE_LIVE,    /* ptr is a block with that content */
	PHASE_FREEING, /* it was, and is being freed or moved */
};

/* What the judge knows of a block. */
struct slot {
	_Atomic(int) phase;
	void *ptr;
	size_t size;
	uint64_t seed;
};

struct judge {
	struct slot slots[NR_THREADS][NR_SLOTS];
	_Atomic(uint64_t) nr_done; /* operations */
	uint64_t seed;
};

static struct judge *Judge;
static memkind_t Kind;
static char Path[4096]; /* a file or a devdax device */
static size_t Size;

/* --- the program that is killed -------------------------------------------------- */

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t
choose_size(uint64_t *random)
{
	uint64_t r = next_random(random);

	switch (r % 8) {
	case 0:
		return 1 + (r >> 8) % 32;
	case 1:
		return 14000 + (r >> 8) % 40000;
	case 2:
		return 1 + (r >> 8) % 14336;
	default:
		return 33 + (r >> 8) % 1000;
	}
}

/* What a block holds at its beginning, its middle and its end. */
static void
fill(void *ptr, size_t size, uint64_t seed)
{
	unsigned char byte = (unsigned char)(seed * 31 + 7);

	memset(ptr, byte, size);
}

static bool
is_filled(const void *ptr, size_t size, uint64_t seed)
{
	const unsigned char *bytes = ptr;
	unsigned char byte = (unsigned char)(seed * 31 + 7);

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != byte)
			return false;
	}
	return true;
}

static void
set_phase(struct slot *slot, enum phase phase)
{
	atomic_store_explicit(&slot->phase, phase, memory_order_release);
}

static void
put_block(struct slot *slot, void *ptr, size_t size, uint64_t seed)
{
	if (ptr == NULL) /* full: so be it */
		return;
	fill(ptr, size, seed);
	slot->ptr = ptr;
	slot->size = size;
	slot->seed = seed;
	set_phase(slot, PHASE_LIVE);
}

static void
drop_block(struct slot *slot)
{
	set_phase(slot, PHASE_FREEING);
	memkind_free(Kind, slot->ptr);
	set_phase(slot, PHASE_EMPTY);
}

static void
change_block(struct slot *slot, uint64_t *random)
{
	size_t size = choose_size(random);
	uint64_t seed = next_random(random);

	set_phase(slot, PHASE_FREEING);
	void *ptr = memkind_realloc(Kind, slot->ptr, size);
	if (ptr == NULL)
		set_phase(slot, PHASE_LIVE);
	else
		put_block(slot, ptr, size, seed);
}

static void *
work(void *arg)
{
	struct slot *slots = arg;
	uint64_t random = Judge->seed + (uint64_t)(uintptr_t)arg;

	for (;;) {
		uint64_t r = next_random(&random);
		struct slot *slot = &slots[r % NR_SLOTS];

		if (slot->phase == PHASE_EMPTY) {
			size_t size = choose_size(&random);

			put_block(slot, memkind_malloc(Kind, size), size, r);
		} else if (r >> 20 & 1) {
			drop_block(slot);
		} else {
			change_block(slot, &random);
		}
		atomic_fetch_add_explicit(
		    &Judge->nr_done, 1, memory_order_relaxed);
	}
	return NULL;
}

static void
run_until_killed(void)
{
	struct daxkind_region *region;
	pthread_t threads[NR_THREADS];

	if (daxkind_region_open_durable(
		Path, Size, "test_durable_kill", 0, &region) < 0 ||
	    daxkind_kind_create(region, &Kind) < 0) {
		fprintf(stderr, "%s\n", daxkind_last_error());
		_exit(1);
	}
	for (size_t i = 0; i < NR_THREADS; i++) {
		if (pthread_create(&threads[i], NULL, work, Judge->slots[i]) !=
		    0)
			_exit(2);
	}
	for (;;)
		(void)pause();
}

/* --- the judge ----------------------------------------------------------------------- */

struct found {
	char *block;
	size_t usable;
	bool is_known;
	bool is_ending; /* it was being freed or moved: no leak */
};

static struct found *Found;
static size_t Nr_found;

static int
note_block(void *arg, void *block, size_t usable)
{
	(void)arg;
	assert_true(Nr_found < MAX_BLOCKS);
	/* In the order of addresses, none over another. */
	if (Nr_found > 0)
		assert_true(
		    Found[Nr_found - 1].block + Found[Nr_found - 1].usable <=
		    (char *)block);
	Found[Nr_found++] = (struct found){.block = block, .usable = usable};
	return DAXKIND_KEEP;
}

static struct found *
find(const void *ptr)
{
	size_t low = 0, high = Nr_found;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (Found[middle].block < (const char *)ptr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < Nr_found && Found[low].block == ptr ? &Found[low] : NULL;
}

static void
judge_slot(struct slot *slot)
{
	int phase = atomic_load(&slot->phase);
	struct found *found = phase != PHASE_EMPTY ? find(slot->ptr) : NULL;

	if (phase == PHASE_LIVE) {
		assert_non_null(found);
		assert_false(found->is_known);
		assert_true(found->usable >= slot->size);
		assert_true(is_filled(slot->ptr, slot->size, slot->seed));
		found->is_known = true;
	} else {
		/* Freed or not, moved or not: nobody may count on it. */
		if (found != NULL)
			found->is_ending = true;
		set_phase(slot, PHASE_EMPTY);
	}
}

struct dropped {
	size_t nr, nr_ending;
};

static int
drop_unknown(void *arg, void *block, size_t usable)
{
	struct dropped *dropped = arg;
	const struct found *found = find(block);

	(void)usable;
	assert_non_null(found);
	if (found->is_known)
		return DAXKIND_KEEP;
	dropped->nr++;
	dropped->nr_ending += found->is_ending;
	return DAXKIND_DROP;
}

/* After so many kills since the last time. */
static void
judge(size_t nr_kills_since)
{
	struct daxkind_restart restart;
	struct daxkind_region *region;
	struct dropped dropped = {0};
	size_t nr_live = 0, bytes = 0;

	if (daxkind_region_open_durable(
		Path, Size, "test_durable_kill", 0, &region) < 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.how, DAXKIND_RESTART_CRASH);
	assert_int_equal(restart.moved_by, 0);
	assert_int_equal(daxkind_kind_create(region, &Kind), 0);
	Nr_found = 0;
	assert_int_equal(daxkind_walk(Kind, note_block, NULL), 0);
	assert_int_equal(Nr_found, restart.blocks);
	for (size_t i = 0; i < Nr_found; i++)
		bytes += Found[i].usable;
	assert_int_equal(bytes, restart.bytes);
	/* Nothing is left that is known to be nobody's; blocks that a thread
	 * had in its hands only the judge knows. */
	assert_int_equal(restart.leaked, 0);
	assert_int_equal(restart.cached_max, 0);
	for (size_t i = 0; i < NR_THREADS; i++) {
		for (size_t j = 0; j < NR_SLOTS; j++) {
			judge_slot(&Judge->slots[i][j]);
			nr_live += Judge->slots[i][j].phase == PHASE_LIVE;
		}
	}
	assert_int_equal(daxkind_walk(Kind, drop_unknown, &dropped), 0);
	assert_int_equal(nr_live + dropped.nr, Nr_found);
	/* What a thread had been given, and nobody had heard of. */
	assert_true(
	    dropped.nr - dropped.nr_ending <= nr_kills_since * NR_THREADS);
	assert_int_equal(daxkind_region_check(region), 0);
	assert_int_equal(memkind_destroy_kind(Kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

static int
drop_all(void *arg, void *block, size_t usable)
{
	(void)arg;
	(void)block;
	(void)usable;
	return DAXKIND_DROP;
}

/* However often it was killed, all of it can be had as one block. */
static void
expect_all_space(void)
{
	struct daxkind_region *region;

	if (daxkind_region_open_durable(
		Path, Size, "test_durable_kill", 0, &region) < 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(daxkind_kind_create(region, &Kind), 0);
	assert_int_equal(daxkind_walk(Kind, drop_all, NULL), 0);
	void *all = memkind_malloc(Kind, Size / 100 * 98);
	assert_non_null(all);
	memkind_free(Kind, all);
	assert_int_equal(memkind_destroy_kind(Kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

static unsigned
nr_kills(void)
{
	const char *text = getenv("DAXKIND_TEST_KILLS");

	return text != NULL ? (unsigned)strtoul(text, NULL, 10)
			    : (unsigned)test_scaled(100);
}

static void
test_killed_at_any_moment(void **state)
{
	unsigned nr = nr_kills();
	size_t nr_since = 0;
	struct daxkind_region *region;

	(void)state;
	Size = test_size(64 * TEST_MIB);
	(void)snprintf(Path, sizeof(Path), "%s",
	    test_devdax() != NULL ? test_devdax() : test_path("kill"));
	Judge = mmap(NULL, sizeof(*Judge), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(Judge != MAP_FAILED);
	Found = calloc(MAX_BLOCKS, sizeof(*Found));
	assert_non_null(Found);
	Judge->seed = (uint64_t)time(NULL) | 1;
	print_message("seed %llu\n", (unsigned long long)Judge->seed);
	if (daxkind_region_open_durable(Path, Size, "test_durable_kill",
		test_devdax() != NULL ? DAXKIND_OVERWRITE : DAXKIND_CREATE,
		&region) < 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(daxkind_region_close(region), 0);
	for (unsigned i = 0; i < nr; i++) {
		uint64_t done = atomic_load(&Judge->nr_done);
		struct timespec span = {
		    .tv_nsec = (long)(next_random(&Judge->seed) % 20000000)};
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			run_until_killed();
		/* Now and then while it opens; else when it is at work. */
		while (i % 8 != 0 && atomic_load(&Judge->nr_done) == done)
			(void)sched_yield();
		(void)nanosleep(&span, NULL);
		(void)kill(pid, SIGKILL);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		nr_since++;
		/* It may not even have been open. */
		if (atomic_load(&Judge->nr_done) == done)
			continue;
		judge(nr_since);
		nr_since = 0;
	}
	expect_all_space();
	print_message("%u kills, %llu operations\n", nr,
	    (unsigned long long)Judge->nr_done);
	if (test_devdax() != NULL)
		test_clear_devdax();
	else
		assert_int_equal(unlink(Path), 0);
	free(Found);
	(void)munmap(Judge, sizeof(*Judge));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_killed_at_any_moment),
	};

	return cmocka_run_group_tests_name("durable_kill", tests, NULL, NULL);
}
