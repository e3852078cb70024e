// SPDX-License-Identifier: BSD-2-Clause
/*
 * curve.c -- see curve.h.
 *
 * Counts are stored and never flushed: a kill loses no store.  After a reset they
 * may be old, which makes a picture wrong and nothing else.
 */
#include "curve.h"

#include <daxkind.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "curve"
#define STEP 1000
#define MAX_POINTS 1024
#define SIZE (sizeof(struct curve) + MAX_POINTS * sizeof(struct curve_point))

/* The block of the region; NULL: there is none, or it is not ours. */
static struct curve *
find(memkind_t kind)
{
	struct curve *curve = daxkind_root(kind, ROOT);

	return curve != NULL && memkind_malloc_usable_size(kind, curve) >= SIZE
		   ? curve
		   : NULL;
}

/* It is linked empty. */
static struct curve *
make(memkind_t kind)
{
	struct curve *curve = memkind_calloc(kind, 1, SIZE);

	if (curve != NULL && (daxkind_persist(kind, curve, SIZE) < 0 ||
				 daxkind_root_set(kind, ROOT, curve) < 0)) {
		memkind_free(kind, curve);
		curve = NULL;
	}
	return curve;
}

struct curve *
curve_load(memkind_t kind)
{
	const struct curve *kept = find(kind);
	struct curve *copy;

	if (kept == NULL || kept->nr_points == 0 ||
	    kept->nr_points > MAX_POINTS || kept->step == 0)
		return NULL;
	copy = malloc(SIZE);
	if (copy != NULL)
		memcpy(copy, kept, SIZE);
	return copy;
}

/* The block is used again, as a full region may have no room for another. */
struct curve *
curve_begin(memkind_t kind, const struct curve *head, uint64_t nr_reads)
{
	uint64_t step = nr_reads / MAX_POINTS + 1;
	struct curve *curve = find(kind);

	if (curve == NULL)
		curve = make(kind);
	if (curve == NULL)
		return NULL;
	__atomic_store_n(&curve->nr_points, 0, __ATOMIC_SEQ_CST);
	memset(curve->points, 0, MAX_POINTS * sizeof(curve->points[0]));
	curve->start = head->start;
	curve->nr_found = head->nr_found;
	curve->step = step < STEP ? STEP : step;
	__atomic_store_n(
	    &curve->nr_points, nr_reads / curve->step + 1, __ATOMIC_SEQ_CST);
	return curve;
}

void
curve_count(struct curve *curve, uint64_t nr, bool is_hit)
{
	uint64_t i = nr / curve->step;

	if (i >= curve->nr_points)
		return;
	__atomic_fetch_add(&curve->points[i].nr_reads, 1, __ATOMIC_RELAXED);
	if (is_hit)
		__atomic_fetch_add(
		    &curve->points[i].nr_hits, 1, __ATOMIC_RELAXED);
}

static void
add_point(struct curve_ratio *sum, const struct curve_point *point)
{
	sum->nr_reads += point->nr_reads;
	sum->nr_hits += point->nr_hits;
}

struct curve_ratio
curve_first(const struct curve *curve, uint64_t nr_reads)
{
	struct curve_ratio sum = {0};
	uint64_t i;

	for (i = 0; i < curve->nr_points && sum.nr_reads < nr_reads; i++)
		add_point(&sum, &curve->points[i]);
	return sum;
}

struct curve_ratio
curve_last(const struct curve *curve, uint64_t nr_reads)
{
	struct curve_ratio sum = {0};
	uint64_t i;

	for (i = curve->nr_points; i > 0 && sum.nr_reads < nr_reads; i--)
		add_point(&sum, &curve->points[i - 1]);
	return sum;
}

struct curve_ratio
curve_between(const struct curve *curve, uint64_t begin, uint64_t end)
{
	struct curve_ratio sum = {0};
	uint64_t i;

	for (i = begin / curve->step;
	     i < curve->nr_points && i * curve->step < end; i++)
		add_point(&sum, &curve->points[i]);
	return sum;
}

double
curve_share(const struct curve_ratio *ratio)
{
	return ratio->nr_reads == 0
		   ? 0
		   : (double)ratio->nr_hits / (double)ratio->nr_reads;
}
