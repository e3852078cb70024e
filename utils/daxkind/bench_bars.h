/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_bars.h -- what is promised of this library, held against the figures.
 */
#ifndef BENCH_BARS_H
#define BENCH_BARS_H

#include <stdbool.h>
#include <stddef.h>

/* Workload under which instructions are kept, by workload as metric. */
#define BENCH_INSTRUCTIONS "instructions"

struct bench_bar {
	const char *what;
	/* This library's figure, and what it is divided by (NULL: nothing). */
	const char *workload, *metric;
	const char *base; /* an allocator, or BENCH_BEST_PEER */
	bool is_inverse;  /* base / figure */
	bool is_at_least;
	double limit;
	const char *unit;
};
#define BENCH_BEST_PEER "the best peer"

/* Ends with what of NULL. */
extern const struct bench_bar Bench_bars[];

/* False when a figure is missing. */
bool bench_bar_measure(const struct bench_bar *bar, double *value);
bool bench_bar_is_met(const struct bench_bar *bar, double value);

#endif /* BENCH_BARS_H */
