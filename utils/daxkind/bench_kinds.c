// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_kinds.c -- workloads about kinds, and about realloc().
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daxkind.h>

#include "bench_allocators.h"
#include "bench_workloads.h"

enum {
	NR_SEGMENTS = 9,
	NR_LIVE = 1000,
	NR_CYCLES = 200,  /* of create and destroy */
	NR_KINDS = 64,    /* whose DRAM use is measured */
	MAX_KINDS = 2000, /* at once */
	NR_GROWTHS = 5,   /* after a first one that does not count */
	PAGE = 4096
};
#define SLICE_SIZE ((size_t)2 << 20)  /* of each of many kinds */
#define CYCLE_SIZE ((size_t)64 << 20) /* of a short-lived kind */
#define GROWN_SIZE ((size_t)64 << 20)
#define POLICY_SIZE ((size_t)256 << 20)
#define POLICY_BLOCK ((size_t)1 << 20)

static void
must_alloc(const void *ptr)
{
	if (ptr == NULL)
		bench_give_up("out of memory");
}

/* --- free without the kind, detect_kind -------------------------------------------- */

/* ns for one pair of malloc and free, with or without the kind. */
static double
time_pairs(memkind_t kind, memkind_t free_with, size_t nr)
{
	double begin = bench_cpu_ns();

	for (size_t i = 0; i < nr; i++) {
		char *ptr = Bench_kind_api.malloc(kind, 64);

		must_alloc(ptr);
		*(volatile char *)ptr = 1;
		Bench_kind_api.free(free_with, ptr);
	}
	return (bench_cpu_ns() - begin) / (double)nr;
}

static void
alloc_live(memkind_t kind, void **live)
{
	for (size_t i = 0; i < NR_LIVE; i++) {
		live[i] = Bench_kind_api.malloc(kind, 64);
		must_alloc(live[i]);
	}
}

void
bench_run_free_null(const struct bench_how *how)
{
	memkind_t kind = bench_heap_begin();
	double with[NR_SEGMENTS], without[NR_SEGMENTS], more[NR_SEGMENTS];
	void *live[NR_LIVE];

	alloc_live(kind, live);
	double ns = time_pairs(kind, kind, 100000);
	size_t nr = (size_t)(how->seconds * 1e9 / ns / (2 * NR_SEGMENTS)) + 1;
	for (size_t i = 0; i < NR_SEGMENTS; i++) {
		with[i] = time_pairs(kind, kind, nr);
		without[i] = time_pairs(kind, NULL, nr);
		more[i] = without[i] - with[i];
	}
	bench_emit("kind_ns", bench_median(with, NR_SEGMENTS));
	bench_emit("null_ns", bench_median(without, NR_SEGMENTS));
	bench_emit("more_ns", bench_median(more, NR_SEGMENTS));
}

/* ns for one look-up of ptrs[], all blocks of kind. */
static double
time_detect(void *const *ptrs, memkind_t kind, double seconds)
{
	double segments[NR_SEGMENTS];
	size_t rounds = 10;
	double took = 0;

	for (size_t i = 0; i < NR_SEGMENTS + 1; i++) {
		double begin = bench_cpu_ns();

		for (size_t j = 0; j < rounds; j++) {
			for (size_t k = 0; k < NR_LIVE; k++) {
				if (Bench_kind_api.detect(ptrs[k]) != kind)
					bench_give_up("detect_kind is wrong");
			}
		}
		took = bench_cpu_ns() - begin;
		if (i > 0)
			segments[i - 1] = took / (double)(rounds * NR_LIVE);
		else
			rounds =
			    (size_t)(seconds * 1e9 / took * 10 / NR_SEGMENTS) +
			    1;
	}
	return bench_median(segments, NR_SEGMENTS);
}

void
bench_run_detect(const struct bench_how *how)
{
	static int one;
	memkind_t kind = bench_heap_begin();
	void *live[NR_LIVE], *foreign[NR_LIVE];

	alloc_live(kind, live);
	bench_emit("own_ns", time_detect(live, kind, how->seconds / 2));
	if (Bench_kind_api.detect != memkind_detect_kind)
		return; /* memkind crashes on a foreign pointer */
	/* Blocks of malloc, the stack, static data, and invalid addresses. */
	for (size_t i = 0; i < NR_LIVE; i++)
		foreign[i] = malloc(64);
	for (size_t i = 0; i < NR_LIVE; i += 8) {
		free(foreign[i]);
		free(foreign[i + 1]);
		free(foreign[i + 2]);
		foreign[i] = &foreign[i];
		foreign[i + 1] = &one;
		foreign[i + 2] = NULL;
	}
	bench_emit("foreign_ns", time_detect(foreign, NULL, how->seconds / 2));
}

/* --- create and destroy ---------------------------------------------------------------- */

/* Bytes of private memory of this process. */
static double
dram_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	double kib = NAN;

	if (f == NULL)
		return NAN;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Anonymous:", 10) == 0)
			kib = strtod(line + 10, NULL);
	}
	(void)fclose(f);
	return kib * 1024;
}

static void
time_cycles(char *base, bool is_used, double *create, double *destroy)
{
	for (size_t i = 0; i < NR_CYCLES; i++) {
		memkind_t kind;
		double t0 = bench_cpu_ns();
		int rc = Bench_kind_api.create_fixed(base, CYCLE_SIZE, &kind);
		double t1 = bench_cpu_ns();

		if (rc != MEMKIND_SUCCESS)
			bench_give_up("a kind could not be created");
		if (is_used)
			must_alloc(Bench_kind_api.malloc(kind, 64));
		double t2 = bench_cpu_ns();
		if (Bench_kind_api.destroy(kind) != MEMKIND_SUCCESS)
			bench_give_up("a kind could not be destroyed");
		destroy[i] = (bench_cpu_ns() - t2) / 1000;
		create[i] = (t1 - t0) / 1000;
	}
}

void
bench_run_kinds(const struct bench_how *how)
{
	char *base = bench_map_shm(MAX_KINDS * SLICE_SIZE);
	memkind_t *kinds = bench_records(MAX_KINDS, sizeof(memkind_t));
	double create[NR_CYCLES], destroy[NR_CYCLES];
	size_t nr = 0;

	(void)how;
	if (base == NULL)
		bench_give_up("no mapping of /dev/shm");
	time_cycles(base, false, create, destroy);
	bench_emit("create_us", bench_median(create, NR_CYCLES));
	bench_emit("destroy_us", bench_median(destroy, NR_CYCLES));
	time_cycles(base, true, create, destroy);
	bench_emit("create_us_used", bench_median(create, NR_CYCLES));
	bench_emit("destroy_us_used", bench_median(destroy, NR_CYCLES));

	double before = dram_bytes();
	for (; nr < NR_KINDS; nr++) {
		if (Bench_kind_api.create_fixed(base + nr * SLICE_SIZE,
			SLICE_SIZE, &kinds[nr]) != MEMKIND_SUCCESS)
			bench_give_up("a kind could not be created");
	}
	bench_emit("unused_kib", (dram_bytes() - before) / NR_KINDS / 1024);
	for (size_t i = 0; i < NR_KINDS; i++)
		must_alloc(Bench_kind_api.malloc(kinds[i], 64));
	bench_emit("used_kib", (dram_bytes() - before) / NR_KINDS / 1024);
	for (; nr < MAX_KINDS; nr++) {
		if (Bench_kind_api.create_fixed(base + nr * SLICE_SIZE,
			SLICE_SIZE, &kinds[nr]) != MEMKIND_SUCCESS ||
		    Bench_kind_api.malloc(kinds[nr], 64) == NULL)
			break;
	}
	bench_emit("at_once", (double)nr);
}

/* --- policies ---------------------------------------------------------------------------------- */

static memkind_t
create_with_policy(memkind_mem_usage_policy policy, bool is_balanced)
{
	struct memkind_config *config = Bench_kind_api.config_new();
	memkind_t kind;

	/* memkind lacks this policy */
	if (is_balanced && Bench_kind_api.detect != memkind_detect_kind)
		return NULL;
	if (config == NULL)
		bench_give_up("no configuration");
	Bench_kind_api.config_set_path(config, "/dev/shm");
	Bench_kind_api.config_set_size(config, POLICY_SIZE);
	Bench_kind_api.config_set_policy(config, policy);
	int rc = Bench_kind_api.create_with_config(config, &kind);
	Bench_kind_api.config_delete(config);
	if (rc != MEMKIND_SUCCESS ||
	    (is_balanced &&
		daxkind_kind_set_policy(kind, DAXKIND_POLICY_BALANCED) < 0))
		bench_give_up("a kind with a policy could not be created");
	return kind;
}

/* Microseconds for allocating and freeing a block. */
static double
time_blocks(memkind_t kind, size_t nr)
{
	double begin = bench_cpu_ns();

	for (size_t i = 0; i < nr; i++) {
		char *ptr = Bench_kind_api.malloc(kind, POLICY_BLOCK);

		must_alloc(ptr);
		for (size_t off = 0; off < POLICY_BLOCK; off += PAGE)
			*(volatile char *)(ptr + off) = 1;
		Bench_kind_api.free(kind, ptr);
	}
	return (bench_cpu_ns() - begin) / (double)nr / 1000;
}

void
bench_run_policy(const struct bench_how *how)
{
	static const struct {
		memkind_mem_usage_policy policy;
		bool is_balanced;
		const char *metric;
	} policies[] = {
	    {MEMKIND_MEM_USAGE_POLICY_DEFAULT, false, "default_us"},
	    {MEMKIND_MEM_USAGE_POLICY_DEFAULT, true, "balanced_us"},
	    {MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE, false, "conservative_us"},
	};

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		memkind_t kind = create_with_policy(
		    policies[i].policy, policies[i].is_balanced);
		double segments[NR_SEGMENTS];

		if (kind == NULL)
			continue;
		double us = time_blocks(kind, 20);
		size_t nr =
		    (size_t)(how->seconds * 1e6 / us / (2 * NR_SEGMENTS)) + 1;

		for (size_t j = 0; j < NR_SEGMENTS; j++)
			segments[j] = time_blocks(kind, nr);
		bench_emit(
		    policies[i].metric, bench_median(segments, NR_SEGMENTS));
		if (Bench_kind_api.destroy(kind) != MEMKIND_SUCCESS)
			bench_give_up("a kind could not be destroyed");
	}
}

/* --- realloc --------------------------------------------------------------------------------------- */

struct growth {
	size_t step; /* 0: double the size */
	size_t nr, nr_in_place;
};

/* Grow a block from 16 B to GROWN_SIZE, touching each new page. */
BENCH_INLINE void
grow(enum bench_shape shape, void *heap, struct growth *g)
{
	size_t size = 16;
	char *ptr = bench_malloc(shape, heap, size);

	must_alloc(ptr);
	while (size < GROWN_SIZE) {
		size_t more = g->step != 0 ? g->step : size;
		char *grown = bench_realloc(shape, heap, ptr, size + more);

		must_alloc(grown);
		g->nr++;
		if (grown == ptr)
			g->nr_in_place++;
		ptr = grown;
		for (size_t off = size; off < size + more; off += PAGE)
			*(volatile char *)(ptr + off) = 1;
		size += more;
	}
	bench_free(shape, heap, ptr);
}

static void
run_growth(size_t step)
{
	struct growth g = {.step = step};
	void *heap = bench_heap_begin();
	double ms[NR_GROWTHS];

	BENCH_BY_SHAPE(grow, heap, &g);
	g.nr = 0;
	g.nr_in_place = 0;
	for (size_t i = 0; i < NR_GROWTHS; i++) {
		double begin = bench_cpu_ns();

		BENCH_BY_SHAPE(grow, heap, &g);
		ms[i] = (bench_cpu_ns() - begin) / 1e6;
	}
	bench_heap_end(heap);
	bench_emit("ms", bench_median(ms, NR_GROWTHS));
	bench_emit("in_place", (double)g.nr_in_place / (double)g.nr);
}

void
bench_run_append(const struct bench_how *how)
{
	(void)how;
	run_growth(PAGE);
}

void
bench_run_double(const struct bench_how *how)
{
	(void)how;
	run_growth(0);
}
