/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_workloads.h -- the workloads of daxkind bench.
 *
 * A workload runs in a separate process, once, on the open allocator, and
 * reports its figures by bench_emit().
 */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_how {
	double seconds; /* approximate processor time for each figure */
	size_t nr_ops;  /* not 0: exactly this many, without timing */
	unsigned part;  /* divides the fixed counts of workloads */
};

enum bench_group {
	BENCH_SPEED,   /* in an area of --size bytes */
	BENCH_SPACE,   /* in an area of 256 MiB */
	BENCH_RESTART, /* of durable heaps, each with its own files */
	BENCH_PLOT     /* only for --plot, or by name */
};
#define BENCH_SPACE_SIZE ((size_t)256 << 20)

struct bench_workload {
	const char *name;
	const char *about;
	enum bench_group group;
	unsigned needs;      /* traits that the allocator must have */
	unsigned nr_counted; /* lanes that obey nr_ops; 0: not supported */
	void (*run)(const struct bench_how *how);
};

/* The last one has the name NULL. */
extern const struct bench_workload Bench_workloads[];

const struct bench_workload *bench_workload_find(const char *name);

/* Print a figure of this process: "ns 12.3". */
void bench_emit(const char *metric, double value);
/* Print a figure of a series: "ns@64 12.3". */
void bench_emit_at(const char *metric, double at, double value);
/* End the process, since the workload cannot go on. */
_Noreturn void bench_give_up(const char *why);

/* In nanoseconds: processor time of all threads, and elapsed time. */
double bench_cpu_ns(void);
double bench_clock_ns(void);

/* Sorts values. */
double bench_median(double *values, size_t nr);
double bench_percentile(double *values, size_t nr, double percent);

/* Zeroed memory for the driver's records, independent of all allocators. */
void *bench_records(size_t nr, size_t size);

/* xorshift64*, so that each allocator gets the same numbers. */
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

/* A number below n, from the upper or the lower half of a random number. */
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

/* bench_reopen.c */
void bench_run_reopen(const struct bench_how *how);
void bench_run_reopen_many(const struct bench_how *how);
void bench_run_reopen_sparse(const struct bench_how *how);
void bench_run_records(const struct bench_how *how);

/* bench_trace.c */
void bench_run_trace(const struct bench_how *how);

#endif /* BENCH_WORKLOADS_H */
