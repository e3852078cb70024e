// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_workloads.c -- the list of workloads, and those about time.
 *
 * A workload about time runs in lanes, one for each thread, which live through
 * all its segments.  A segment is a number of operations of each lane between
 * two barriers.  Its figure is the processor time of the whole process, so that
 * waiting does not count.
 */
#include "bench_workloads.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench_allocators.h"

enum {
	NR_SEGMENTS = 5,
	NR_LIVE = 10000,     /* for replace */
	NR_LIVE_PAIR = 1000, /* for pair-live */
	NR_LIVE_LARGE = 256, /* for large */
	NR_BOXES = 4096,     /* for hand, in each direction */
	HAND_LAG = NR_BOXES / 2,
	HAND_TELL = 64,    /* operations between a lane's progress reports */
	HAND_BATCH = 2000, /* blocks handed over at once by hand-bulk */
	SMALLEST = 16,     /* smallest size of replace, in bytes */
	NR_SIZES = 1024 - SMALLEST + 1,
	NR_LARGE_SIZES = 1024, /* in the table of large */
	PAGE = 4096
};

/* --- common ---------------------------------------------------------------------- */

void
bench_emit(const char *metric, double value)
{
	(void)printf("%s %.9g\n", metric, value);
}

void
bench_emit_at(const char *metric, double at, double value)
{
	(void)printf("%s@%.6g %.9g\n", metric, at, value);
}

void
bench_give_up(const char *why)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "daxkind bench: %s\n", why);
	exit(1);
}

static double
read_clock(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) != 0)
		bench_give_up("no clock");
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double
bench_cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

double
bench_clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static int
compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double
bench_percentile(double *values, size_t nr, double percent)
{
	if (nr == 0)
		return NAN;
	qsort(values, nr, sizeof(*values), compare_doubles);
	return values[(size_t)((double)(nr - 1) * percent / 100)];
}

double
bench_median(double *values, size_t nr)
{
	return bench_percentile(values, nr, 50);
}

void *
bench_records(size_t nr, size_t size)
{
	void *at = mmap(NULL, nr * size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		bench_give_up("no memory for records");
	return at;
}

/* --- lanes -------------------------------------------------------------------------- */

struct lane {
	struct team *team;
	unsigned nr; /* 0, 1 ... */
	void *heap;
	uint64_t random;
	void **blocks; /* the live blocks */
	size_t nr_blocks;
	size_t size;    /* for workloads with one size */
	size_t nr_done; /* for hand */
};

struct task {
	unsigned nr_lanes;
	size_t nr_live; /* in each lane */
	size_t size;    /* 0: the task chooses sizes */
	size_t grain;   /* operations come in multiples of this; 0: 1 */
	void (*fill)(struct lane *lane);
	void (*run)(struct lane *lane, size_t nr);
};

struct team {
	const struct task *task;
	pthread_barrier_t start, end;
	size_t nr_ops; /* of the next segment; 0: end */
	pthread_barrier_t meet;
	void **hands[2]; /* from each of two lanes to the other */
	_Atomic(void *) *boxes[2];
	/* For hand: the progress of each lane, for the other to wait on. */
	_Atomic(size_t) progress[2];
	atomic_uint nr_asleep;
	pthread_mutex_t lock;
	pthread_cond_t caught_up;
};

static void
must_alloc(const void *ptr)
{
	if (__builtin_expect(ptr == NULL, 0))
		bench_give_up("out of memory");
}

/* Write to the first and the last byte of each page. */
static void
touch_pages(char *ptr, size_t size)
{
	for (size_t off = 0; off < size; off += PAGE) {
		size_t last = off + PAGE <= size ? off + PAGE : size;

		*(volatile char *)(ptr + off) = 1;
		*(volatile char *)(ptr + last - 1) = 1;
	}
}

static void
begin_lane(struct lane *lane)
{
	const struct task *task = lane->team->task;

	lane->random = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(lane->nr + 1);
	lane->heap = bench_heap_begin();
	lane->size = task->size;
	lane->nr_blocks = task->nr_live;
	if (lane->nr_blocks > 0)
		lane->blocks =
		    bench_records(lane->nr_blocks, sizeof(*lane->blocks));
	if (task->fill != NULL)
		task->fill(lane);
}

BENCH_INLINE void
free_blocks(enum bench_shape shape, struct lane *lane)
{
	for (size_t i = 0; i < lane->nr_blocks; i++)
		bench_free(shape, lane->heap, lane->blocks[i]);
}

/* Free what is left in hand's boxes. */
BENCH_INLINE void
empty_boxes(enum bench_shape shape, struct lane *lane)
{
	_Atomic(void *) *take = lane->team->boxes[1 - lane->nr];

	for (size_t i = 0; i < NR_BOXES; i++) {
		void *ptr = atomic_exchange(&take[i], NULL);

		if (ptr != NULL)
			bench_free(shape, lane->heap, ptr);
	}
}

static void
end_lane(struct lane *lane)
{
	BENCH_BY_SHAPE(free_blocks, lane);
	if (lane->team->task->nr_lanes == 2)
		BENCH_BY_SHAPE(empty_boxes, lane);
	bench_heap_end(lane->heap);
}

static void *
run_lane(void *arg)
{
	struct lane *lane = arg;
	struct team *team = lane->team;

	begin_lane(lane);
	for (;;) {
		(void)pthread_barrier_wait(&team->start);
		if (team->nr_ops == 0)
			break;
		team->task->run(lane, team->nr_ops);
		(void)pthread_barrier_wait(&team->end);
	}
	end_lane(lane);
	return NULL;
}

struct crew {
	struct team team;
	struct lane *lanes;
	pthread_t *threads; /* NULL: the only lane is this thread */
};

static void
begin_crew(struct crew *crew, const struct task *task)
{
	unsigned nr = task->nr_lanes;

	*crew = (struct crew){.team = {.task = task}};
	crew->lanes = bench_records(nr, sizeof(*crew->lanes));
	for (unsigned i = 0; i < nr; i++)
		crew->lanes[i] = (struct lane){.team = &crew->team, .nr = i};
	if (nr == 1) {
		begin_lane(&crew->lanes[0]);
		return;
	}
	crew->threads = bench_records(nr, sizeof(*crew->threads));
	for (int i = 0; i < 2; i++) {
		crew->team.hands[i] = bench_records(
		    (size_t)2 * HAND_BATCH, sizeof(*crew->team.hands[i]));
		crew->team.boxes[i] =
		    bench_records(NR_BOXES, sizeof(*crew->team.boxes[i]));
	}
	if (pthread_mutex_init(&crew->team.lock, NULL) != 0 ||
	    pthread_cond_init(&crew->team.caught_up, NULL) != 0 ||
	    pthread_barrier_init(&crew->team.start, NULL, nr + 1) != 0 ||
	    pthread_barrier_init(&crew->team.end, NULL, nr + 1) != 0 ||
	    pthread_barrier_init(&crew->team.meet, NULL, nr) != 0)
		bench_give_up("no barrier");
	for (unsigned i = 0; i < nr; i++) {
		if (pthread_create(&crew->threads[i], NULL, run_lane,
			&crew->lanes[i]) != 0)
			bench_give_up("no thread");
	}
}

/* Processor time of nr operations in each lane, in ns. */
static double
run_segment(struct crew *crew, size_t nr)
{
	double begin = bench_cpu_ns();

	crew->team.nr_ops = nr;
	if (crew->threads == NULL) {
		crew->team.task->run(&crew->lanes[0], nr);
	} else {
		(void)pthread_barrier_wait(&crew->team.start);
		(void)pthread_barrier_wait(&crew->team.end);
	}
	return bench_cpu_ns() - begin;
}

static void
end_crew(struct crew *crew)
{
	unsigned nr = crew->team.task->nr_lanes;

	if (crew->threads == NULL) {
		end_lane(&crew->lanes[0]);
		return;
	}
	crew->team.nr_ops = 0;
	(void)pthread_barrier_wait(&crew->team.start);
	for (unsigned i = 0; i < nr; i++)
		(void)pthread_join(crew->threads[i], NULL);
}

/* ns for one operation: the median of the segments. */
static double
measure(const struct task *task, const struct bench_how *how)
{
	double segments[NR_SEGMENTS];
	struct crew crew;
	double ns = NAN;

	begin_crew(&crew, task);
	if (how->nr_ops > 0) {
		(void)run_segment(&crew, how->nr_ops);
	} else {
		double want = how->seconds * 1e9 / NR_SEGMENTS;
		size_t grain = task->grain > 0 ? task->grain : 1;
		size_t nr = grain > 1 ? grain : 100;
		double took = run_segment(&crew, nr);

		/* Warm up, and find a segment that is long enough to time. */
		while (took < want / 2) {
			nr *= 2;
			took = run_segment(&crew, nr);
		}
		took = fmin(took, run_segment(&crew, nr));
		nr = (size_t)((double)nr * want / took) + 1;
		nr = (nr + grain - 1) / grain * grain;
		for (size_t i = 0; i < NR_SEGMENTS; i++)
			segments[i] = run_segment(&crew, nr) /
				      ((double)nr * task->nr_lanes);
		ns = bench_median(segments, NR_SEGMENTS);
	}
	end_crew(&crew);
	return ns;
}

static void
report_ns(const struct task *task, const struct bench_how *how)
{
	double ns = measure(task, how);

	if (how->nr_ops == 0)
		bench_emit("ns", ns);
}

/* --- pair: malloc, touch, free --------------------------------------------------------- */

BENCH_INLINE void
fill_same(enum bench_shape shape, struct lane *lane)
{
	for (size_t i = 0; i < lane->nr_blocks; i++) {
		lane->blocks[i] = bench_malloc(shape, lane->heap, lane->size);
		must_alloc(lane->blocks[i]);
		touch_pages(lane->blocks[i], lane->size);
	}
}

static void
fill_same_size(struct lane *lane)
{
	BENCH_BY_SHAPE(fill_same, lane);
}

BENCH_INLINE void
pair_64(enum bench_shape shape, void *heap, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		char *ptr = bench_malloc(shape, heap, 64);

		must_alloc(ptr);
		*(volatile char *)ptr = 1;
		bench_free(shape, heap, ptr);
	}
}

static void
run_pairs(struct lane *lane, size_t nr)
{
	BENCH_BY_SHAPE(pair_64, lane->heap, nr);
}

static void
run_pair(const struct bench_how *how)
{
	const struct task task = {.nr_lanes = 1, .run = run_pairs};

	report_ns(&task, how);
}

static void
run_pair_live(const struct bench_how *how)
{
	const struct task task = {
	    .nr_lanes = 1,
	    .nr_live = NR_LIVE_PAIR,
	    .size = 64,
	    .fill = fill_same_size,
	    .run = run_pairs,
	};

	report_ns(&task, how);
}

/* --- replace one of many at random -------------------------------------------------------- */

BENCH_INLINE void
fill_small(enum bench_shape shape, struct lane *lane)
{
	for (size_t i = 0; i < lane->nr_blocks; i++) {
		size_t size =
		    SMALLEST +
		    bench_below_lo(bench_random(&lane->random), NR_SIZES);

		lane->blocks[i] = bench_malloc(shape, lane->heap, size);
		must_alloc(lane->blocks[i]);
		touch_pages(lane->blocks[i], size);
	}
}

static void
fill_small_sizes(struct lane *lane)
{
	BENCH_BY_SHAPE(fill_small, lane);
}

BENCH_INLINE void
replace_small(enum bench_shape shape, struct lane *lane, size_t nr)
{
	uint64_t state = lane->random;
	void *heap = lane->heap;

	for (size_t i = 0; i < nr; i++) {
		uint64_t random = bench_random(&state);
		void **at = &lane->blocks[bench_below_hi(random, NR_LIVE)];
		size_t size = SMALLEST + bench_below_lo(random, NR_SIZES);

		bench_free(shape, heap, *at);
		char *ptr = bench_malloc(shape, heap, size);
		must_alloc(ptr);
		*(volatile char *)ptr = 1;
		*at = ptr;
	}
	lane->random = state;
}

static void
run_replacements(struct lane *lane, size_t nr)
{
	BENCH_BY_SHAPE(replace_small, lane, nr);
}

static double
measure_replace(unsigned nr_lanes, const struct bench_how *how)
{
	const struct task task = {
	    .nr_lanes = nr_lanes,
	    .nr_live = NR_LIVE,
	    .fill = fill_small_sizes,
	    .run = run_replacements,
	};

	return measure(&task, how);
}

static void
run_replace(const struct bench_how *how)
{
	double ns = measure_replace(1, how);

	if (how->nr_ops == 0)
		bench_emit("ns", ns);
}

static void
run_replace_2(const struct bench_how *how)
{
	double ns = measure_replace(2, how);

	if (how->nr_ops == 0)
		bench_emit("ns", ns);
}

static void
run_replace_16(const struct bench_how *how)
{
	double ns = measure_replace(16, how);

	if (how->nr_ops == 0)
		bench_emit("ns", ns);
}

static void
run_threads(const struct bench_how *how)
{
	for (unsigned nr = 1; nr <= 16; nr *= 2)
		bench_emit_at("ns", nr, measure_replace(nr, how));
}

/* --- two threads, each frees what the other allocated --------------- */

/* Each lane puts a block into its next box, and takes one out of the other's
 * box of HAND_LAG operations before.  A lane that finds no block sleeps until
 * the other has caught up. */
static void
tell_progress(struct lane *lane)
{
	struct team *team = lane->team;

	atomic_store(&team->progress[lane->nr], lane->nr_done);
	if (atomic_load(&team->nr_asleep) > 0) {
		(void)pthread_mutex_lock(&team->lock);
		(void)pthread_cond_broadcast(&team->caught_up);
		(void)pthread_mutex_unlock(&team->lock);
	}
}

static void
wait_for_other(struct lane *lane)
{
	struct team *team = lane->team;
	_Atomic(size_t) *other = &team->progress[1 - lane->nr];

	tell_progress(lane);
	(void)pthread_mutex_lock(&team->lock);
	atomic_fetch_add(&team->nr_asleep, 1);
	while (atomic_load(other) < lane->nr_done)
		(void)pthread_cond_wait(&team->caught_up, &team->lock);
	atomic_fetch_sub(&team->nr_asleep, 1);
	(void)pthread_mutex_unlock(&team->lock);
}

BENCH_INLINE void
hand_over(enum bench_shape shape, struct lane *lane, size_t nr)
{
	_Atomic(void *) *give = lane->team->boxes[lane->nr];
	_Atomic(void *) *take = lane->team->boxes[1 - lane->nr];
	uint64_t state = lane->random;
	void *heap = lane->heap;

	for (size_t i = 0; i < nr; i++) {
		size_t size =
		    SMALLEST + bench_below_lo(bench_random(&state), NR_SIZES);
		size_t box = lane->nr_done % NR_BOXES;
		char *ptr = bench_malloc(shape, heap, size);

		must_alloc(ptr);
		*(volatile char *)ptr = 1;
		if (atomic_load_explicit(&give[box], memory_order_acquire) !=
		    NULL)
			wait_for_other(lane);
		atomic_store_explicit(&give[box], ptr, memory_order_release);
		if (lane->nr_done++ < HAND_LAG)
			continue;
		box = (lane->nr_done - 1 - HAND_LAG) % NR_BOXES;
		ptr = atomic_load_explicit(&take[box], memory_order_acquire);
		if (ptr == NULL) {
			wait_for_other(lane);
			ptr = atomic_load_explicit(
			    &take[box], memory_order_acquire);
		}
		atomic_store_explicit(&take[box], NULL, memory_order_release);
		bench_free(shape, heap, ptr);
		if (lane->nr_done % HAND_TELL == 0)
			tell_progress(lane);
	}
	tell_progress(lane);
	lane->random = state;
}

static void
run_hand_overs(struct lane *lane, size_t nr)
{
	BENCH_BY_SHAPE(hand_over, lane, nr);
}

/* The same with many blocks at once: one half of the hands is filled while the
 * other is emptied. nr is rounded up to whole batches. */
BENCH_INLINE void
hand_over_bulk(enum bench_shape shape, struct lane *lane, size_t nr)
{
	struct team *team = lane->team;
	uint64_t state = lane->random;
	void *heap = lane->heap;

	for (size_t batch = 0; batch * HAND_BATCH < nr; batch++) {
		size_t half = batch % 2 * HAND_BATCH;
		void **give = team->hands[lane->nr] + half;
		void **take = team->hands[1 - lane->nr] + half;

		for (size_t i = 0; i < HAND_BATCH; i++) {
			size_t size =
			    SMALLEST +
			    bench_below_lo(bench_random(&state), NR_SIZES);
			char *ptr = bench_malloc(shape, heap, size);

			must_alloc(ptr);
			*(volatile char *)ptr = 1;
			give[i] = ptr;
		}
		(void)pthread_barrier_wait(&team->meet);
		for (size_t i = 0; i < HAND_BATCH; i++)
			bench_free(shape, heap, take[i]);
	}
	/* The next segment reuses the hands. */
	(void)pthread_barrier_wait(&team->meet);
	lane->random = state;
}

static void
run_bulk_hand_overs(struct lane *lane, size_t nr)
{
	BENCH_BY_SHAPE(hand_over_bulk, lane, nr);
}

static void
report_hand(
    const struct bench_how *how, void (*run)(struct lane *lane, size_t nr))
{
	const struct task task = {
	    .nr_lanes = 2, .grain = HAND_BATCH, .run = run};
	double ns = measure(&task, how);

	if (how->nr_ops > 0)
		return;
	bench_emit("ns", ns);
	if (Bench_area.size > 0)
		bench_emit("held_mib", (double)bench_held() / (1 << 20));
}

static void
run_hand(const struct bench_how *how)
{
	report_hand(how, run_hand_overs);
}

static void
run_hand_bulk(const struct bench_how *how)
{
	report_hand(how, run_bulk_hand_overs);
}

/* --- large blocks ------------------------------------------------------------------------------ */

/* From 16 KiB on, log-uniform. */
static uint32_t Large_sizes[NR_LARGE_SIZES];

static void
init_large_sizes(double nr_doublings)
{
	for (size_t i = 0; i < NR_LARGE_SIZES; i++)
		Large_sizes[i] =
		    (uint32_t)(16384 * exp2(nr_doublings * (double)i /
					    (NR_LARGE_SIZES - 1)));
}

BENCH_INLINE void
replace_large(enum bench_shape shape, struct lane *lane, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t random = bench_random(&lane->random);
		void **at =
		    &lane->blocks[bench_below_hi(random, NR_LIVE_LARGE)];
		size_t size =
		    Large_sizes[bench_below_lo(random, NR_LARGE_SIZES)];

		bench_free(shape, lane->heap, *at);
		*at = bench_malloc(shape, lane->heap, size);
		must_alloc(*at);
		touch_pages(*at, size);
	}
}

static void
run_large_replacements(struct lane *lane, size_t nr)
{
	BENCH_BY_SHAPE(replace_large, lane, nr);
}

BENCH_INLINE void
fill_large(enum bench_shape shape, struct lane *lane)
{
	for (size_t i = 0; i < lane->nr_blocks; i++) {
		size_t size = Large_sizes[bench_below_lo(
		    bench_random(&lane->random), NR_LARGE_SIZES)];

		lane->blocks[i] = bench_malloc(shape, lane->heap, size);
		must_alloc(lane->blocks[i]);
		touch_pages(lane->blocks[i], size);
	}
}

static void
fill_large_sizes(struct lane *lane)
{
	BENCH_BY_SHAPE(fill_large, lane);
	/* Make all pages of the area present before the measurement. */
	run_large_replacements(lane, 2000);
}

static void
replace_large_sizes(const struct bench_how *how, double nr_doublings)
{
	const struct task task = {
	    .nr_lanes = 1,
	    .nr_live = NR_LIVE_LARGE,
	    .fill = fill_large_sizes,
	    .run = run_large_replacements,
	};

	init_large_sizes(nr_doublings);
	report_ns(&task, how);
}

static void
run_large(const struct bench_how *how)
{
	replace_large_sizes(how, 8);
}

static void
run_medium(const struct bench_how *how)
{
	replace_large_sizes(how, 2);
}

/* --- by size ---------------------------------------------------------------------------------------- */

BENCH_INLINE void
replace_same(enum bench_shape shape, struct lane *lane, size_t nr)
{
	uint32_t nr_blocks = (uint32_t)lane->nr_blocks;

	for (size_t i = 0; i < nr; i++) {
		uint64_t random = bench_random(&lane->random);
		void **at = &lane->blocks[bench_below_hi(random, nr_blocks)];

		bench_free(shape, lane->heap, *at);
		*at = bench_malloc(shape, lane->heap, lane->size);
		must_alloc(*at);
		*(volatile char *)*at = 1;
	}
}

static void
run_same_replacements(struct lane *lane, size_t nr)
{
	BENCH_BY_SHAPE(replace_same, lane, nr);
}

static void
run_sizes(const struct bench_how *how)
{
	for (size_t size = 16; size <= (size_t)4 << 20; size *= 2) {
		const struct task task = {
		    .nr_lanes = 1,
		    .nr_live = 100,
		    .size = size,
		    .fill = fill_same_size,
		    .run = run_same_replacements,
		};

		bench_emit_at("ns", (double)size, measure(&task, how));
	}
}

/* --- the list ----------------------------------------------------------------------------------------- */

const struct bench_workload Bench_workloads[] = {
    {"pair", "malloc, touch, free of 64 B in a fresh heap", BENCH_SPEED, 0, 1,
	run_pair},
    {"pair-live", "the same beside 1,000 live blocks", BENCH_SPEED, 0, 1,
	run_pair_live},
    {"replace", "one of 10,000 live blocks of 16-1,024 B, at random",
	BENCH_SPEED, 0, 1, run_replace},
    {"2T", "replace in 2 threads, 10,000 blocks each", BENCH_SPEED, 0, 2,
	run_replace_2},
    {"16T", "replace in 16 threads", BENCH_SPEED, 0, 16, run_replace_16},
    {"hand", "2 threads, each frees the other's blocks of 16-1,024 B",
	BENCH_SPEED, 0, 2, run_hand},
    {"hand-bulk", "the same, 2,000 blocks at once", BENCH_SPEED, 0, 2,
	run_hand_bulk},
    {"large", "replace one of 256 blocks of 16 KiB to 4 MiB, pages touched",
	BENCH_SPEED, 0, 1, run_large},
    {"medium", "the same, 16 to 64 KiB", BENCH_SPEED, 0, 1, run_medium},
    {"free-null", "free with a NULL kind against free with the kind",
	BENCH_SPEED, BENCH_HAS_API | BENCH_FIXED, 0, bench_run_free_null},
    {"detect", "detect_kind() on own and foreign pointers", BENCH_SPEED,
	BENCH_HAS_API | BENCH_FIXED, 0, bench_run_detect},
    {"append", "realloc from 16 B to 64 MiB by 4 KiB, touched", BENCH_SPEED, 0,
	0, bench_run_append},
    {"double", "realloc from 16 B to 64 MiB by doubling, touched", BENCH_SPEED,
	0, 0, bench_run_double},
    {"kinds", "create and destroy kinds; what they cost; how many at once",
	BENCH_SPEED, BENCH_HAS_API | BENCH_FIXED, 0, bench_run_kinds},
    {"policy", "malloc, touch, free of 1 MiB under each policy", BENCH_SPEED,
	BENCH_HAS_API | BENCH_FILE, 0, bench_run_policy},
    {"enomem-1", "live share at the first ENOMEM, 100-4,000 B, 1 thread",
	BENCH_SPACE, BENCH_BOUNDED, 0, bench_run_enomem_1},
    {"enomem-16", "the same, 16 threads", BENCH_SPACE, BENCH_BOUNDED, 0,
	bench_run_enomem_16},
    {"fill", "share filled with one size after the other, free all between",
	BENCH_SPACE, BENCH_BOUNDED, 0, bench_run_fill},
    {"turns", "share that each of 8 threads in turn fills with 1,000 B",
	BENCH_SPACE, BENCH_BOUNDED, 0, bench_run_turns},
    {"largest", "largest block: fresh, and after another thread's free-all",
	BENCH_SPACE, BENCH_BOUNDED, 0, bench_run_largest},
    {"churn", "a cache that evicts at ENOMEM; sizes change in five phases",
	BENCH_SPACE, BENCH_BOUNDED, 0, bench_run_churn},
    {"reopen", "open a durable heap with 1 M live blocks of 64 B; walk it",
	BENCH_RESTART, BENCH_DURABLE, 0, bench_run_reopen},
    {"reopen-100M", "the same, 100 M blocks", BENCH_RESTART, BENCH_DURABLE, 0,
	bench_run_reopen_many},
    {"reopen-4T", "format 4 TiB; open it with 1,000 live blocks", BENCH_RESTART,
	BENCH_DURABLE, 0, bench_run_reopen_sparse},
    {"trace", "what a root reaches: a list of 10 M nodes of 64 B",
	BENCH_RESTART, BENCH_DURABLE, 0, bench_run_trace},
    {"records", "what the records of a durable heap take", BENCH_RESTART,
	BENCH_DURABLE, 0, bench_run_records},
    {"sizes", "replace by size", BENCH_PLOT, 0, 0, run_sizes},
    {"threads", "replace by threads", BENCH_PLOT, 0, 0, run_threads},
    {"life", "space in use and largest free run, 40 % live, sizes change",
	BENCH_PLOT, BENCH_BOUNDED, 0, bench_run_life},
    {.name = NULL},
};

const struct bench_workload *
bench_workload_find(const char *name)
{
	for (const struct bench_workload *w = Bench_workloads; w->name != NULL;
	     w++) {
		if (strcmp(w->name, name) == 0)
			return w;
	}
	return NULL;
}
