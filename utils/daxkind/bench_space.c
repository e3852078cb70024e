// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_space.c -- workloads about space: how much of an area live blocks can
 * use.
 *
 * Shares are the requested bytes of all live blocks, divided by the bytes of
 * the area.  The first byte of each block is written.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bench_allocators.h"
#include "bench_workloads.h"

enum {
	PAGE = 4096,
	NR_TURNS = 8,
	NR_PHASES = 5,
	PHASE_OPS = 1000000,
	NR_STEPS = 90, /* of the blocks' life */
	NR_EMPTY_STEPS = 10,
	MAX_SAMPLES = 1 << 20,
	SAMPLE_EVERY = 16 /* allocations for each timed one */
};
/* Limit for one phase. */
#define PHASE_SECONDS 3.0

struct block {
	char *ptr;
	size_t size;
};

/* The live blocks of one thread. */
struct live {
	void *heap;
	struct block *blocks;
	size_t nr, max;
	size_t bytes; /* as requested */
	uint64_t random;
};

/* A distribution of sizes. */
struct sizes {
	uint32_t smallest, largest;
	/* This many of 1,000 blocks have sizes from the second range. */
	uint32_t nr_others, other_smallest, other_largest;
};

static double
share(size_t bytes)
{
	return (double)bytes / (double)Bench_area.size;
}

static size_t
choose_size(const struct sizes *sizes, uint64_t *state)
{
	uint32_t from = sizes->smallest, to = sizes->largest;

	if (sizes->nr_others > 0 &&
	    bench_below_hi(bench_random(state), 1000) < sizes->nr_others) {
		from = sizes->other_smallest;
		to = sizes->other_largest;
	}
	return from + bench_below_lo(bench_random(state), to - from + 1);
}

/* Begin a list for the calling thread; blocks have at least smallest bytes. */
static void
begin_live(struct live *live, uint64_t seed, size_t smallest)
{
	*live = (struct live){
	    .heap = bench_heap_begin(),
	    .max = Bench_area.size / smallest + 1,
	    .random = seed * UINT64_C(0x9e3779b97f4a7c15),
	};
	live->blocks = bench_records(live->max, sizeof(*live->blocks));
}

BENCH_INLINE bool
add(enum bench_shape shape, struct live *live, size_t size)
{
	char *ptr = bench_malloc(shape, live->heap, size);

	if (ptr == NULL)
		return false;
	*(volatile char *)ptr = 1;
	if (live->nr == live->max)
		bench_give_up("more blocks than the area can hold");
	live->blocks[live->nr++] = (struct block){.ptr = ptr, .size = size};
	live->bytes += size;
	return true;
}

/* Free a random block. */
BENCH_INLINE void
evict(enum bench_shape shape, struct live *live)
{
	size_t i =
	    bench_below_hi(bench_random(&live->random), (uint32_t)live->nr);
	struct block block = live->blocks[i];

	live->blocks[i] = live->blocks[--live->nr];
	live->bytes -= block.size;
	bench_free(shape, live->heap, block.ptr);
}

BENCH_INLINE void
free_all(enum bench_shape shape, struct live *live)
{
	for (size_t i = 0; i < live->nr; i++)
		bench_free(shape, live->heap, live->blocks[i].ptr);
	live->nr = 0;
	live->bytes = 0;
}

BENCH_INLINE void
fill_until(enum bench_shape shape, struct live *live, const struct sizes *sizes,
    const atomic_bool *stop)
{
	while (stop == NULL || !atomic_load(stop)) {
		if (!add(shape, live, choose_size(sizes, &live->random)))
			return;
	}
}

/* Allocate until the first ENOMEM, here or in another thread. */
static void
fill(struct live *live, const struct sizes *sizes, const atomic_bool *stop)
{
	BENCH_BY_SHAPE(fill_until, live, sizes, stop);
}

static void
empty(struct live *live)
{
	BENCH_BY_SHAPE(free_all, live);
}

static const struct sizes Mixed = {.smallest = 100, .largest = 4000};

static void
start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	if (pthread_create(thread, NULL, run, arg) != 0)
		bench_give_up("no thread");
}

/* --- first ENOMEM ------------------------------------------------------------------ */

struct filler {
	struct live live;
	unsigned nr;
	atomic_bool *stop;
	pthread_barrier_t *barrier;
};

static void *
run_filler(void *arg)
{
	struct filler *f = arg;

	begin_live(&f->live, f->nr + 1, 100);
	(void)pthread_barrier_wait(f->barrier);
	fill(&f->live, &Mixed, f->stop);
	atomic_store(f->stop, true);
	/* All threads stop before any of them frees. */
	(void)pthread_barrier_wait(f->barrier);
	size_t bytes = f->live.bytes;
	empty(&f->live);
	f->live.bytes = bytes;
	bench_heap_end(f->live.heap);
	return NULL;
}

static void
run_enomem(unsigned nr)
{
	struct filler *fillers = bench_records(nr, sizeof(*fillers));
	pthread_t *threads = bench_records(nr, sizeof(*threads));
	pthread_barrier_t barrier;
	atomic_bool stop = false;
	size_t bytes = 0;

	if (pthread_barrier_init(&barrier, NULL, nr) != 0)
		bench_give_up("no barrier");
	for (unsigned i = 0; i < nr; i++) {
		fillers[i].nr = i;
		fillers[i].stop = &stop;
		fillers[i].barrier = &barrier;
		start(&threads[i], run_filler, &fillers[i]);
	}
	for (unsigned i = 0; i < nr; i++) {
		(void)pthread_join(threads[i], NULL);
		bytes += fillers[i].live.bytes;
	}
	bench_emit("share", share(bytes));
}

void
bench_run_enomem_1(const struct bench_how *how)
{
	(void)how;
	run_enomem(1);
}

void
bench_run_enomem_16(const struct bench_how *how)
{
	(void)how;
	run_enomem(16);
}

/* --- one size after another ----------------------------------------- */

void
bench_run_fill(const struct bench_how *how)
{
	static const struct {
		const char *metric;
		struct sizes sizes;
	} fills[] = {
	    {"64", {.smallest = 64, .largest = 64}},
	    {"1000", {.smallest = 1000, .largest = 1000}},
	    {"100-4000", {.smallest = 100, .largest = 4000}},
	    {"16K-64K", {.smallest = 16 << 10, .largest = 64 << 10}},
	    {"1M", {.smallest = 1 << 20, .largest = 1 << 20}},
	};
	struct live live;

	(void)how;
	begin_live(&live, 1, 64);
	for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		fill(&live, &fills[i].sizes, NULL);
		bench_emit(fills[i].metric, share(live.bytes));
		empty(&live);
	}
}

/* --- one thread after another --------------------------------------- */

/* All threads live until the last one has had its turn, so memory that they
 * retain is missing for the others. */
struct turn {
	unsigned nr;
	double filled;
	pthread_barrier_t *barrier;
};

static void *
run_turn(void *arg)
{
	static const struct sizes sizes = {.smallest = 1000, .largest = 1000};
	struct turn *turn = arg;
	struct live live;

	begin_live(&live, 1, 1000);
	for (unsigned i = 0; i < NR_TURNS; i++) {
		(void)pthread_barrier_wait(turn->barrier);
		if (i != turn->nr)
			continue;
		fill(&live, &sizes, NULL);
		turn->filled = share(live.bytes);
		empty(&live);
	}
	(void)pthread_barrier_wait(turn->barrier);
	bench_heap_end(live.heap);
	return NULL;
}

void
bench_run_turns(const struct bench_how *how)
{
	struct turn turns[NR_TURNS];
	pthread_t threads[NR_TURNS];
	pthread_barrier_t barrier;
	double least = 1;

	(void)how;
	if (pthread_barrier_init(&barrier, NULL, NR_TURNS) != 0)
		bench_give_up("no barrier");
	for (unsigned i = 0; i < NR_TURNS; i++) {
		turns[i] = (struct turn){.nr = i, .barrier = &barrier};
		start(&threads[i], run_turn, &turns[i]);
	}
	for (unsigned i = 0; i < NR_TURNS; i++) {
		(void)pthread_join(threads[i], NULL);
		bench_emit_at("share", i + 1, turns[i].filled);
		least = fmin(least, turns[i].filled);
	}
	bench_emit("least", least);
}

/* --- the largest block ------------------------------------------------------------------------ */

/* Try sizes from the area's size down.  A failed allocation leaves most heaps
 * unchanged, a successful one does not. */
BENCH_INLINE void
probe_largest(enum bench_shape shape, void *heap, double less, size_t *largest)
{
	double size = (double)Bench_area.size;

	while (size >= PAGE) {
		void *ptr = bench_malloc(shape, heap, (size_t)size);

		if (ptr != NULL) {
			bench_free(shape, heap, ptr);
			*largest = (size_t)size;
			return;
		}
		/* Below an eighth of the area, the steps are proportional to
		 * the size. */
		size -= fmin(less * (double)Bench_area.size, size * less * 8);
	}
}

static double
find_largest(void *heap, double less)
{
	size_t largest = 0;

	BENCH_BY_SHAPE(probe_largest, heap, less, &largest);
	return share(largest);
}

static void *
run_fill_and_free(void *arg)
{
	struct live live;

	(void)arg;
	begin_live(&live, 1, 100);
	fill(&live, &Mixed, NULL);
	empty(&live);
	bench_heap_end(live.heap);
	return NULL;
}

/* First the thread that frees ends, then one that frees lives on. */
void
bench_run_largest(const struct bench_how *how)
{
	pthread_t thread;
	struct live live;

	(void)how;
	begin_live(&live, 1, 100);
	bench_emit("fresh", find_largest(live.heap, 1.0 / 256));
	start(&thread, run_fill_and_free, NULL);
	(void)pthread_join(thread, NULL);
	bench_emit("after_other", find_largest(live.heap, 1.0 / 256));
	fill(&live, &Mixed, NULL);
	empty(&live);
	bench_emit("after_own", find_largest(live.heap, 1.0 / 256));
}

/* --- a cache in a nearly full heap ----------------------------------- */

static const struct sizes Phases[NR_PHASES] = {
    {.smallest = 100, .largest = 4000},
    {.smallest = 100, .largest = 600},
    {.smallest = 2500, .largest = 4000},
    {128, 256, .nr_others = 200, .other_smallest = 3000, .other_largest = 4000},
    {100, 4000, .nr_others = 20, .other_smallest = 8 << 10,
	.other_largest = 64 << 10},
};

struct churn {
	struct live live;
	size_t nr_ops, nr_failures;
	double live_sum; /* of shares, one for each operation */
	double *failed_ns;
	size_t nr_failed;
	uint64_t nr_tries;
	bool is_cut;
};

/* Time one of SAMPLE_EVERY allocations, and record it if it failed. */
BENCH_INLINE bool
try_add(enum bench_shape shape, struct churn *c, size_t size)
{
	bool is_sample = c->nr_tries++ % SAMPLE_EVERY == 0;

	if (!is_sample)
		return add(shape, &c->live, size);
	double begin = bench_clock_ns();
	if (add(shape, &c->live, size))
		return true;
	if (c->nr_failed < MAX_SAMPLES)
		c->failed_ns[c->nr_failed++] = bench_clock_ns() - begin;
	return false;
}

BENCH_INLINE void
churn_phase(enum bench_shape shape, struct churn *c, const struct sizes *sizes,
    size_t nr)
{
	double end = bench_cpu_ns() + PHASE_SECONDS * 1e9;
	double to_share = 1 / (double)Bench_area.size;

	for (size_t i = 0; i < nr; i++) {
		size_t size = choose_size(sizes, &c->live.random);

		while (!try_add(shape, c, size)) {
			c->nr_failures++;
			if (c->live.nr == 0)
				return;
			evict(shape, &c->live);
		}
		c->live_sum += (double)c->live.bytes * to_share;
		c->nr_ops++;
		if (i % 1024 == 0 && bench_cpu_ns() > end) {
			c->is_cut = true;
			return;
		}
	}
}

void
bench_run_churn(const struct bench_how *how)
{
	struct churn c = {.nr_ops = 0};
	const size_t nr = PHASE_OPS / how->part;
	size_t total = 0;
	double ns = 0;

	begin_live(&c.live, 1, 64);
	c.failed_ns = bench_records(MAX_SAMPLES, sizeof(*c.failed_ns));
	fill(&c.live, &Mixed, NULL);
	for (size_t i = 0; i < NR_PHASES; i++) {
		double begin = bench_cpu_ns();

		c.nr_ops = 0;
		c.live_sum = 0;
		BENCH_BY_SHAPE(churn_phase, &c, &Phases[i], nr);
		ns += bench_cpu_ns() - begin;
		total += c.nr_ops;
		/* A phase that was cut has not changed the heap as the others
		 * did: its share is no figure. */
		if (c.nr_ops == nr)
			bench_emit_at(
			    "share", (double)i + 1, c.live_sum / (double)nr);
	}
	bench_emit("ns", ns / (double)total);
	bench_emit("is_cut", c.is_cut);
	bench_emit("failures", (double)c.nr_failures / (double)total);
	if (c.nr_failed > 0) {
		bench_emit("failed_p50_ns",
		    bench_percentile(c.failed_ns, c.nr_failed, 50));
		bench_emit("failed_p99_ns",
		    bench_percentile(c.failed_ns, c.nr_failed, 99));
		bench_emit("failed_max_ns",
		    bench_percentile(c.failed_ns, c.nr_failed, 100));
	}
}

/* --- over time ---------------------------------------------------------------------------------------- */

BENCH_INLINE void
live_step(enum bench_shape shape, struct live *live, const struct sizes *sizes,
    size_t nr)
{
	size_t want = Bench_area.size / 10 * 4;

	for (size_t i = 0; i < nr; i++) {
		size_t size = choose_size(sizes, &live->random);

		while (live->nr > 0 && live->bytes + size > want)
			evict(shape, live);
		while (!add(shape, live, size)) {
			if (live->nr == 0)
				return;
			evict(shape, live);
		}
	}
}

void
bench_run_life(const struct bench_how *how)
{
	size_t nr = PHASE_OPS * NR_PHASES / NR_STEPS / how->part;
	struct live live;

	begin_live(&live, 1, 64);
	for (size_t i = 0; i < NR_STEPS + NR_EMPTY_STEPS; i++) {
		if (i >= NR_STEPS)
			empty(&live);
		else
			BENCH_BY_SHAPE(live_step, &live,
			    &Phases[i * NR_PHASES / NR_STEPS], nr);
		/* Before the probe, which uses space. */
		bench_emit_at("held", (double)i, share(bench_held()));
		bench_emit_at("live", (double)i, share(live.bytes));
		bench_emit_at(
		    "largest", (double)i, find_largest(live.heap, 1.0 / 64));
	}
}
