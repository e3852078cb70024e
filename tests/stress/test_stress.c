// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_stress.c -- threads that use several heaps as hard as they can, with a
 * shadow of each block.
 *
 *	test_stress [--seconds N] [--threads N] [--seed N]
 *
 * Each block carries a tag of its own in all its parts, which is looked for at
 * each free, realloc and hand-over: a block that overlaps another, moves
 * without its content or is touched after its free does not have it.  Heaps
 * are small, so that they are full often; heaps end and are made anew while
 * others are in use; threads end and are started anew; blocks go from thread
 * to thread.  In the end all is freed, and each heap gives a block of 95 % of
 * its region.
 *
 * $DAXKIND_STRESS_SECONDS is the default of --seconds (3).  The seed is
 * printed; the same seed gives each thread the same choices, not the same
 * order among threads.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define NR_HEAPS 4   /* mapping, file, mapping, file */
#define NR_SLOTS 256 /* where blocks wait for another thread */
#define NR_OWN 400   /* blocks of one thread */
#define MAX_THREADS 64
#define HEAP_SIZE (16 * TEST_MIB)

static unsigned Seconds = 3;
static unsigned Nr_threads = 8;
static uint64_t Seed;

static double End_time;
static atomic_ulong Nr_ops;
static atomic_ulong Nr_enomem;
static atomic_ulong Nr_kinds;
static atomic_ulong Nr_thread_starts;
static atomic_ulong Next_tag = 1;

/* The test cannot go on: say why, and leave a core. */
#define give_up(...)                                                           \
	do {                                                                   \
		(void)fprintf(stderr, __VA_ARGS__);                            \
		(void)fprintf(stderr, "\n%s:%d; seed %llu, %u threads\n",      \
		    __FILE__, __LINE__, (unsigned long long)Seed, Nr_threads); \
		abort();                                                       \
	} while (0)
#define check(cond)                                   \
	do {                                          \
		if (!(cond))                          \
			give_up("broken: %s", #cond); \
	} while (0)

/* --- heaps ------------------------------------------------------------------- */

struct heap {
	/* for reading while a block of it is in use, for writing while it is
	 * ended and made anew */
	pthread_rwlock_t lock;
	struct test_heap h;
	unsigned generation; /* blocks of another one are gone */
};

static struct heap Heaps[NR_HEAPS];

/* test_heap_make() and _end() are for one thread at a time. */
static pthread_mutex_t Make_lock = PTHREAD_MUTEX_INITIALIZER;

static void
make_heap(size_t i)
{
	(void)pthread_mutex_lock(&Make_lock);
	test_heap_make(&Heaps[i].h,
	    i % 2 && (test_devdax() == NULL || i == 1) ? TEST_ON_FILE
						       : TEST_ON_MAPPING,
	    HEAP_SIZE);
	(void)pthread_mutex_unlock(&Make_lock);
	atomic_fetch_add(&Nr_kinds, 1);
}

static void
end_heap(size_t i)
{
	(void)pthread_mutex_lock(&Make_lock);
	test_heap_end(&Heaps[i].h);
	(void)pthread_mutex_unlock(&Make_lock);
	Heaps[i].generation++;
}

/* --- blocks and their tags --------------------------------------------------- */

struct block {
	char *p; /* NULL: none */
	size_t len;
	uint64_t tag;
	size_t heap;
	unsigned generation;
};

/* Where tags are: everywhere in small blocks, in each 512 bytes of others. */
static size_t
tag_step(size_t len)
{
	return len <= 4096 ? sizeof(uint64_t) : 512;
}

static void
write_tags(const struct block *b)
{
	size_t step = tag_step(b->len);
	size_t tail = b->len < 8 ? b->len : 8;

	for (size_t off = 0; off + 8 <= b->len; off += step)
		memcpy(b->p + off, &b->tag, 8);
	memcpy(b->p + b->len - tail, &b->tag, tail);
}

/* Whether the first len bytes of b, at p, are as they were written. */
static bool
has_tags(const struct block *b, const char *p, size_t len)
{
	size_t step = tag_step(b->len);
	size_t tail = b->len < 8 ? b->len : 8;

	/* where the tail has been written over a tag */
	for (size_t off = 0; off + 8 <= len; off += step)
		if (off + 8 <= b->len - tail &&
		    memcmp(p + off, &b->tag, 8) != 0)
			return false;
	return len < b->len || memcmp(p + b->len - tail, &b->tag, tail) == 0;
}

static void
expect_tags(const struct block *b, const char *p, size_t len)
{
	if (!has_tags(b, p, len))
		give_up("block %p of %zu bytes, heap %zu, lost its content "
			"(%zu bytes looked at)",
		    (void *)b->p, b->len, b->heap, len);
}

/* Its heap, locked for reading; NULL, and no block, when that is gone. */
static struct heap *
lock_heap_of(struct block *b)
{
	struct heap *heap = &Heaps[b->heap];

	(void)pthread_rwlock_rdlock(&heap->lock);
	if (b->generation == heap->generation)
		return heap;
	(void)pthread_rwlock_unlock(&heap->lock);
	b->p = NULL;
	return NULL;
}

static void
unlock_heap(struct heap *heap)
{
	(void)pthread_rwlock_unlock(&heap->lock);
}

/* --- what a thread does ------------------------------------------------------ */

struct worker {
	pthread_t thread;
	uint64_t rng;
	unsigned number;
	double end_time; /* of this thread; another follows */
	struct block own[NR_OWN];
};

static size_t
pick(struct worker *w, size_t n)
{
	return test_random_size(&w->rng, 0, n - 1);
}

static size_t
pick_size(struct worker *w)
{
	size_t x = pick(w, 100);

	if (x < 60)
		return test_random_size(&w->rng, 1, 1000);
	if (x < 88)
		return test_random_size(&w->rng, 1000, 16 * TEST_KIB);
	if (x < 97)
		return test_random_size(&w->rng, 16 * TEST_KIB, 256 * TEST_KIB);
	return test_random_size(&w->rng, 256 * TEST_KIB, 3 * TEST_MIB);
}

/* b is new: look at it, and mark it. */
static void
adopt(struct heap *heap, struct block *b)
{
	b->tag = atomic_fetch_add(&Next_tag, 1) * UINT64_C(0x9E3779B97F4A7C15);
	if (heap->h.area.map != NULL)
		check(test_area_holds(&heap->h.area, b->p, b->len));
	check(memkind_malloc_usable_size(heap->h.kind, b->p) >= b->len);
	write_tags(b);
}

static void
allocate(struct worker *w, struct block *b)
{
	size_t align;
	struct heap *heap;

	memset(b, 0, sizeof(*b));
	b->heap = pick(w, NR_HEAPS);
	b->len = pick_size(w);
	heap = &Heaps[b->heap];
	(void)pthread_rwlock_rdlock(&heap->lock);
	b->generation = heap->generation;
	errno = 0;
	switch (pick(w, 8)) {
	case 0:
	case 1:
		b->p = memkind_calloc(heap->h.kind, 1, b->len);
		if (b->p != NULL)
			check(test_all_bytes(b->p, 0, b->len));
		break;
	case 2:
		align = (size_t)8 << pick(w, 15);
		errno = memkind_posix_memalign(
		    heap->h.kind, (void **)&b->p, align, b->len);
		if (b->p != NULL)
			check((uintptr_t)b->p % align == 0);
		break;
	default:
		b->p = memkind_malloc(heap->h.kind, b->len);
	}
	if (b->p == NULL) {
		check(errno == ENOMEM);
		atomic_fetch_add(&Nr_enomem, 1);
	} else {
		adopt(heap, b);
	}
	unlock_heap(heap);
}

static void
release(struct worker *w, struct block *b)
{
	struct heap *heap = lock_heap_of(b);

	if (heap == NULL)
		return;
	expect_tags(b, b->p, b->len);
	if (pick(w, 16) == 0)
		check(memkind_detect_kind(b->p) == heap->h.kind);
	memkind_free(pick(w, 2) ? heap->h.kind : NULL, b->p);
	b->p = NULL;
	unlock_heap(heap);
}

static void
resize(struct worker *w, struct block *b)
{
	struct heap *heap = lock_heap_of(b);
	size_t len = pick(w, 3) ? b->len + pick(w, b->len) + 1 : pick_size(w);
	char *p;

	if (heap == NULL)
		return;
	if (len > 4 * TEST_MIB)
		len = 4 * TEST_MIB;
	expect_tags(b, b->p, b->len);
	errno = 0;
	p = memkind_realloc(pick(w, 2) ? heap->h.kind : NULL, b->p, len);
	if (p == NULL) {
		check(errno == ENOMEM);
		atomic_fetch_add(&Nr_enomem, 1);
		expect_tags(b, b->p, b->len);
	} else {
		expect_tags(b, p, len < b->len ? len : b->len);
		b->p = p;
		b->len = len;
		adopt(heap, b);
	}
	unlock_heap(heap);
}

static void
defragment(struct block *b)
{
	struct heap *heap = lock_heap_of(b);
	char *p;

	if (heap == NULL)
		return;
	p = memkind_defrag_reallocate(heap->h.kind, b->p);
	if (p != NULL)
		b->p = p;
	expect_tags(b, b->p, b->len);
	unlock_heap(heap);
}

static struct {
	pthread_mutex_t lock;
	struct block b;
} Slots[NR_SLOTS];

/* Give a block away and take what waits there. */
static void
hand_over(struct worker *w, struct block *b)
{
	size_t i = pick(w, NR_SLOTS);
	struct block other;

	(void)pthread_mutex_lock(&Slots[i].lock);
	other = Slots[i].b;
	Slots[i].b = *b;
	(void)pthread_mutex_unlock(&Slots[i].lock);
	*b = other;
}

/* A kind of this thread's own, for a short time. */
static void
use_own_kind(struct worker *w)
{
	size_t size = (1 + pick(w, 4)) * TEST_MIB;
	memkind_t kind = NULL;
	char *blocks[64];
	char *addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(addr != MAP_FAILED);
	check(memkind_create_fixed(addr, size, &kind) == MEMKIND_SUCCESS);
	atomic_fetch_add(&Nr_kinds, 1);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		size_t len = test_random_size(&w->rng, 1, 30000);

		blocks[i] = memkind_malloc(kind, len);
		if (blocks[i] == NULL)
			continue;
		check(blocks[i] >= addr && blocks[i] + len <= addr + size);
		memset(blocks[i], 1, len);
		if (i % 2)
			memkind_free(kind, blocks[i / 2 * 2]);
	}
	check(memkind_destroy_kind(kind) == MEMKIND_SUCCESS);
	check(munmap(addr, size) == 0);
}

static int
sum_runs(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	size_t *next = arg;

	(void)state;
	check(off == *next);
	*next = off + len;
	return 0;
}

/* Figures must add up at any moment. */
static void
look_at_figures(struct worker *w)
{
	struct heap *heap = &Heaps[pick(w, NR_HEAPS)];
	struct daxkind_region *region;
	struct daxkind_space space;
	size_t value;
	size_t next = 0;

	(void)pthread_rwlock_rdlock(&heap->lock);
	region = daxkind_kind_region(heap->h.kind);
	check(daxkind_region_space(region, &space, sizeof(space)) == 0);
	check(space.total == space.taken + space.free + space.bad);
	check(space.largest_free <= space.free);
	check(daxkind_region_walk(region, sum_runs, &next) == 0);
	check(next == space.total);
	if (pick(w, 8) == 0)
		check(memkind_update_cached_stats() == MEMKIND_SUCCESS);
	check(memkind_get_stat(heap->h.kind, MEMKIND_STAT_TYPE_ALLOCATED,
		  &value) == MEMKIND_SUCCESS);
	unlock_heap(heap);
}

/* All blocks of it are gone with it. */
static void
renew_heap(struct worker *w)
{
	size_t i = pick(w, NR_HEAPS);

	(void)pthread_rwlock_wrlock(&Heaps[i].lock);
	end_heap(i);
	make_heap(i);
	(void)pthread_rwlock_unlock(&Heaps[i].lock);
}

static void
do_rare_things(struct worker *w)
{
	switch (pick(w, 40)) {
	case 0:
		renew_heap(w);
		break;
	case 1:
		check(memkind_set_bg_threads(pick(w, 2)) == MEMKIND_SUCCESS);
		break;
	case 2:
	case 3:
	case 4:
		use_own_kind(w);
		break;
	case 5:
		check(daxkind_kind_set_policy(NULL, DAXKIND_POLICY_DEFAULT) ==
		      -EINVAL);
		break;
	default:
		look_at_figures(w);
	}
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	unsigned long n;

	for (n = 0; n % 64 != 0 || test_now() < w->end_time; n++) {
		struct block *b = &w->own[pick(w, NR_OWN)];
		size_t x = pick(w, 100);

		if (b->p == NULL)
			allocate(w, b);
		else if (x < 45)
			release(w, b);
		else if (x < 60)
			resize(w, b);
		else if (x < 62)
			defragment(b);
		else
			hand_over(w, b);
		if (n % 256 == 255)
			do_rare_things(w);
	}
	atomic_fetch_add(&Nr_ops, n);
	return NULL;
}

/* cmocka's handlers would leave a thread's fault by longjmp() into another
 * thread: put back what was there, so that a fault is seen where it is. */
static const int Caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};
static struct sigaction Handlers[ARRAY_LEN(Caught)];

static void
save_handlers(void)
{
	for (size_t i = 0; i < ARRAY_LEN(Caught); i++)
		(void)sigaction(Caught[i], NULL, &Handlers[i]);
}

static void
restore_handlers(void)
{
	for (size_t i = 0; i < ARRAY_LEN(Caught); i++)
		(void)sigaction(Caught[i], &Handlers[i], NULL);
}

/* --- the whole --------------------------------------------------------------- */

static void
start_thread(struct worker *w)
{
	double now = test_now();

	/* a second at most: threads end with full caches, too */
	w->end_time = now + 0.1 + 0.9 * (double)pick(w, 1000) / 1000;
	if (w->end_time > End_time)
		w->end_time = End_time;
	assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
	atomic_fetch_add(&Nr_thread_starts, 1);
}

static void
free_all(struct worker *workers)
{
	struct worker *w = &workers[0];

	for (size_t t = 0; t < Nr_threads; t++)
		for (size_t i = 0; i < NR_OWN; i++)
			if (workers[t].own[i].p != NULL)
				release(w, &workers[t].own[i]);
	for (size_t i = 0; i < NR_SLOTS; i++)
		if (Slots[i].b.p != NULL)
			release(w, &Slots[i].b);
}

static void
test_threads_with_shadow_heaps(void **state)
{
	struct worker *workers = calloc(Nr_threads, sizeof(*workers));

	(void)state;
	assert_non_null(workers);
	restore_handlers();
	for (size_t i = 0; i < NR_SLOTS; i++)
		assert_int_equal(pthread_mutex_init(&Slots[i].lock, NULL), 0);
	for (size_t i = 0; i < NR_HEAPS; i++) {
		assert_int_equal(pthread_rwlock_init(&Heaps[i].lock, NULL), 0);
		make_heap(i);
	}
	End_time = test_now() + Seconds;
	for (unsigned i = 0; i < Nr_threads; i++) {
		workers[i].number = i;
		workers[i].rng = (Seed + i) * UINT64_C(0x9E3779B97F4A7C15) | 1;
		start_thread(&workers[i]);
	}
	for (unsigned i = 0; test_now() < End_time; i++) {
		struct worker *w = &workers[i % Nr_threads];

		assert_int_equal(pthread_join(w->thread, NULL), 0);
		start_thread(w);
	}
	for (unsigned i = 0; i < Nr_threads; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	assert_int_equal(memkind_set_bg_threads(false), MEMKIND_SUCCESS);

	print_message("%lu operations, %lu times no room, %lu kinds made, %lu "
		      "threads started\n",
	    atomic_load(&Nr_ops), atomic_load(&Nr_enomem),
	    atomic_load(&Nr_kinds), atomic_load(&Nr_thread_starts));
	free_all(workers);
	for (size_t i = 0; i < NR_HEAPS; i++) {
		size_t len = Heaps[i].h.size / 100 * 95;
		void *p = memkind_malloc(Heaps[i].h.kind, len);

		assert_non_null(p);
		memkind_free(Heaps[i].h.kind, p);
		end_heap(i);
		assert_int_equal(pthread_rwlock_destroy(&Heaps[i].lock), 0);
	}
	for (size_t i = 0; i < NR_SLOTS; i++)
		assert_int_equal(pthread_mutex_destroy(&Slots[i].lock), 0);
	free(workers);
}

static unsigned
number(const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n == 0 || n > max) {
		(void)fprintf(
		    stderr, "not a number from 1 to %u: %s\n", max, text);
		exit(99);
	}
	return (unsigned)n;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_threads_with_shadow_heaps),
	};
	const char *env = getenv("DAXKIND_STRESS_SECONDS");

	Seed = (uint64_t)time(NULL);
	if (env != NULL && *env != '\0')
		Seconds = number(env, 1000000);
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--seconds") == 0)
			Seconds = number(argv[++i], 1000000);
		else if (strcmp(argv[i], "--threads") == 0)
			Nr_threads = number(argv[++i], MAX_THREADS);
		else if (strcmp(argv[i], "--seed") == 0)
			Seed = strtoull(argv[++i], NULL, 10);
	}
	printf("seed %llu, %u threads, %u seconds\n", (unsigned long long)Seed,
	    Nr_threads, Seconds);
	(void)fflush(stdout);
	save_handlers();
	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
