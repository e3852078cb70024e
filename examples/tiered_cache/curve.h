/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * curve.h -- the hit ratio of a run, from its first read to its last.
 *
 * A curve is a block of the region that the root "curve" leads to.  So the next
 * run finds the curve of this one, also when this one is killed.
 */
#ifndef CURVE_H
#define CURVE_H

#include <memkind.h>
#include <stdbool.h>
#include <stdint.h>

struct curve_ratio {
	uint64_t nr_reads;
	uint64_t nr_hits;
};

struct curve_point {
	uint32_t nr_reads;
	uint32_t nr_hits;
};

struct curve {
	uint64_t start;    /* how often the region had been opened */
	uint64_t nr_found; /* objects when it began */
	uint64_t step;     /* reads of a point */
	uint64_t nr_points;
	struct curve_point points[];
};

/* A copy of the curve of the last run, for free(3); NULL: there is none. */
struct curve *curve_load(memkind_t kind);
/* Begin a curve for a run of nr_reads, in the place of the last one: load that
 * first.  Of head, start and nr_found are taken.  NULL: the region has no room. */
struct curve *curve_begin(
    memkind_t kind, const struct curve *head, uint64_t nr_reads);

/* Count read number nr, from 0.  Any thread may call it. */
void curve_count(struct curve *curve, uint64_t nr, bool is_hit);

/* The first, or last, points of at least nr_reads together, or all. */
struct curve_ratio curve_first(const struct curve *curve, uint64_t nr_reads);
struct curve_ratio curve_last(const struct curve *curve, uint64_t nr_reads);
/* All reads whose number is from begin to before end. */
struct curve_ratio curve_between(
    const struct curve *curve, uint64_t begin, uint64_t end);

/* As a part of 1. */
double curve_share(const struct curve_ratio *ratio);

#endif /* CURVE_H */
