/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_bars.h -- this library's targets, compared with the figures.
 */
#ifndef BENCH_BARS_H
#define BENCH_BARS_H

#include <stdbool.h>
#include <stddef.h>

/* The workload name for instruction counts; the metric is the counted
 * workload. */
#define BENCH_INSTRUCTIONS "instructions"

struct bench_bar {
	const char *what;
	/* This library's figure, and its divisor (base NULL: none). */
	const char *workload, *metric;
	const char *base; /* an allocator, or BENCH_BEST_PEER */
	bool is_inverse;  /* base / figure */
	bool is_at_least;
	double limit;
	const char *unit;
	const char *own; /* the allocator it is a figure of; NULL: daxkind */
};
#define BENCH_BEST_PEER "the best peer"

/* The last one has what NULL. */
extern const struct bench_bar Bench_bars[];

/* False if a figure is missing. */
bool bench_bar_measure(const struct bench_bar *bar, double *value);
bool bench_bar_is_met(const struct bench_bar *bar, double value);

#endif /* BENCH_BARS_H */
