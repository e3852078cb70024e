/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * histogram.h -- counts of values in log-linear buckets, for percentiles.
 *
 * Each power of two is cut into 32 buckets of equal width.  So a percentile is
 * at most 1/32 (3 %) above the true one, whatever its size, and two histograms
 * can be added.
 *
 * 0 1 .. 31 | 32 33 .. 63 | 64 66 .. 126 | 128 132 .. 252 | ...
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Buckets in each power of two, and those of all 64 bits. */
#define HISTOGRAM_STEPS ((size_t)32)
#define HISTOGRAM_NR_BUCKETS (60 * HISTOGRAM_STEPS)

struct histogram {
	uint64_t nr;  /* values counted */
	uint64_t max; /* the greatest of them */
	uint64_t buckets[HISTOGRAM_NR_BUCKETS];
};

void histogram_count(struct histogram *histogram, uint64_t value);
void histogram_add(struct histogram *sum, const struct histogram *other);
/* The value that percent of all values do not exceed; 0 when there are none. */
uint64_t histogram_percentile(
    const struct histogram *histogram, double percent);

#endif /* HISTOGRAM_H */
