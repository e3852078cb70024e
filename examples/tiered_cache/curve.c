// SPDX-License-Identifier: BSD-2-Clause
/*
 * curve.c -- see curve.h.
 *
 * Counts are stored and never flushed: a kill loses no store.  After a reset they
 * may be old, which makes a picture wrong and nothing else.
 */
#include "curve.h"

#include <daxkind.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "curve"
#define STEP 1000
#define MAX_POINTS 4096

static size_t
size_of(uint64_t nr_points)
{
	return sizeof(struct curve) + nr_points * sizeof(struct curve_point);
}

struct curve *
curve_load(memkind_t kind)
{
	struct curve *kept = daxkind_root(kind, ROOT);
	struct curve *copy;
	size_t usable;

	if (kept == NULL)
		return NULL;
	usable = memkind_malloc_usable_size(kind, kept);
	if (usable < sizeof(*kept) || kept->nr_points > MAX_POINTS ||
	    kept->step == 0 || size_of(kept->nr_points) > usable)
		return NULL;
	copy = malloc(size_of(kept->nr_points));
	if (copy != NULL)
		memcpy(copy, kept, size_of(kept->nr_points));
	return copy;
}

int
curve_begin(memkind_t kind, const struct curve *head, uint64_t nr_reads,
    struct curve **curve)
{
	uint64_t step = nr_reads / MAX_POINTS + 1;
	struct curve *old = daxkind_root(kind, ROOT);
	struct curve *made;
	int rc;

	if (step < STEP)
		step = STEP;
	made = memkind_calloc(kind, 1, size_of(nr_reads / step + 1));
	if (made == NULL)
		return -ENOMEM;
	*made = *head;
	made->step = step;
	made->nr_points = nr_reads / step + 1;
	rc = daxkind_persist(kind, made, size_of(made->nr_points));
	if (rc == 0)
		rc = daxkind_root_set(kind, ROOT, made);
	if (rc < 0) {
		memkind_free(kind, made);
		return rc;
	}
	memkind_free(kind, old);
	*curve = made;
	return 0;
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
