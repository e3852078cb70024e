/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_results.h -- the figures of all runs.
 *
 * A figure has a name, such as "ns", or "ns@64" in a series, and one value for
 * each run, NAN if the run lacks it.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

struct bench_figure {
	char *allocator, *workload, *metric;
	double *values; /* by run */
	size_t nr_values;
};

struct bench_summary {
	double median, min, max;
};

void bench_results_add(const char *allocator, const char *workload,
    const char *metric, size_t run, double value);
/* In the order of their first addition; NULL past the last one. */
const struct bench_figure *bench_results_at(size_t i);
const struct bench_figure *bench_results_find(
    const char *allocator, const char *workload, const char *metric);
/* Over the runs that have a value.  False: none has. */
bool bench_results_summary(
    const struct bench_figure *figure, struct bench_summary *summary);
/* The ratio figure / base, run by run. */
bool bench_results_ratio(const struct bench_figure *figure,
    const struct bench_figure *base, struct bench_summary *summary);
void bench_results_clear(void);

#endif /* BENCH_RESULTS_H */
