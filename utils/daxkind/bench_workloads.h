/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_workloads.h -- what daxkind bench has allocators do.
 *
 * A workload runs in a process of its own, once, on the open allocator, and
 * says what it found by bench_emit().
 */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_how {
	double seconds; /* about so much processor time for each figure */
	size_t nr_ops;  /* other than 0: exactly so many, nothing is timed */
	unsigned part;  /* of workloads with fixed counts: one part in this */
};

enum bench_group {
	BENCH_SPEED, /* in an area of --size */
	BENCH_SPACE, /* in one of 256 MiB */
	BENCH_PLOT   /* only for --plot, or when it is asked for */
};
#define BENCH_SPACE_SIZE ((size_t)256 << 20)

struct bench_workload {
	const char *name;
	const char *about;
	enum bench_group group;
	unsigned needs;      /* traits of allocators */
	unsigned nr_counted; /* lanes that obey nr_ops; 0: it cannot */
	void (*run)(const struct bench_how *how);
};

/* Ends with a name of NULL. */
extern const struct bench_workload Bench_workloads[];

const struct bench_workload *bench_workload_find(const char *name);

/* A figure of this process: "ns 12.3" on the standard output. */
void bench_emit(const char *metric, double value);
/* One of a series: "ns@64 12.3". */
void bench_emit_at(const char *metric, double at, double value);
/* End the process: a workload cannot go on. */
_Noreturn void bench_give_up(const char *why);

/* In nanoseconds: processor time of all threads; time that passes. */
double bench_cpu_ns(void);
double bench_clock_ns(void);

/* Sorts. */
double bench_median(double *values, size_t nr);
double bench_percentile(double *values, size_t nr, double percent);

/* Zeroed memory that no allocator knows of, for the driver's own records. */
void *bench_records(size_t nr, size_t size);

/* xorshift64*: the same numbers for each allocator. */
static inline uint64_t
bench_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(2685821657736338717);
}

/* Of the upper and the lower half of a random number: below n. */
static inline size_t
bench_below_hi(uint64_t random, uint32_t n)
{
	return (size_t)(((random >> 32) * n) >> 32);
}

static inline size_t
bench_below_lo(uint64_t random, uint32_t n)
{
	return (size_t)(((random & UINT32_MAX) * n) >> 32);
}

/* bench_kinds.c */
void bench_run_free_null(const struct bench_how *how);
void bench_run_detect(const struct bench_how *how);
void bench_run_kinds(const struct bench_how *how);
void bench_run_policy(const struct bench_how *how);
void bench_run_append(const struct bench_how *how);
void bench_run_double(const struct bench_how *how);

/* bench_space.c */
void bench_run_enomem_1(const struct bench_how *how);
void bench_run_enomem_16(const struct bench_how *how);
void bench_run_fill(const struct bench_how *how);
void bench_run_turns(const struct bench_how *how);
void bench_run_largest(const struct bench_how *how);
void bench_run_churn(const struct bench_how *how);
void bench_run_life(const struct bench_how *how);

#endif /* BENCH_WORKLOADS_H */
