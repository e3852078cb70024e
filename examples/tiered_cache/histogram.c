// SPDX-License-Identifier: BSD-2-Clause
/*
 * histogram.c -- see histogram.h.
 */
#include "histogram.h"

#define STEP_BITS 5 /* log2(HISTOGRAM_STEPS) */

static size_t
bucket_of(uint64_t value)
{
	unsigned exponent;

	if (value < HISTOGRAM_STEPS)
		return (size_t)value;
	exponent = 63 - (unsigned)__builtin_clzll(value);
	return (size_t)(exponent - STEP_BITS + 1) * HISTOGRAM_STEPS +
	       (size_t)(value >> (exponent - STEP_BITS)) % HISTOGRAM_STEPS;
}

/* The greatest value that falls into the bucket. */
static uint64_t
last_of_bucket(size_t bucket)
{
	uint64_t first;
	unsigned shift;

	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	shift = (unsigned)(bucket / HISTOGRAM_STEPS) - 1;
	first = (uint64_t)(HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS) << shift;
	return first + (((uint64_t)1 << shift) - 1);
}

void
histogram_count(struct histogram *histogram, uint64_t value)
{
	histogram->buckets[bucket_of(value)]++;
	histogram->nr++;
	if (value > histogram->max)
		histogram->max = value;
}

void
histogram_add(struct histogram *sum, const struct histogram *other)
{
	size_t i;

	for (i = 0; i < HISTOGRAM_NR_BUCKETS; i++)
		sum->buckets[i] += other->buckets[i];
	sum->nr += other->nr;
	if (other->max > sum->max)
		sum->max = other->max;
}

uint64_t
histogram_percentile(const struct histogram *histogram, double percent)
{
	double wanted = percent / 100 * (double)histogram->nr;
	uint64_t nr_seen = 0;
	size_t i;

	for (i = 0; i < HISTOGRAM_NR_BUCKETS; i++) {
		nr_seen += histogram->buckets[i];
		if (nr_seen > 0 && (double)nr_seen >= wanted)
			break;
	}
	if (i == HISTOGRAM_NR_BUCKETS)
		return histogram->max;
	return last_of_bucket(i) < histogram->max ? last_of_bucket(i)
						  : histogram->max;
}
