/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h -- the results, for people and as JSON.
 */
#ifndef REPORT_H
#define REPORT_H

#include <daxkind.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cache.h"
#include "corpus.h"
#include "curve.h"
#include "options.h"
#include "picture.h"
#include "terminal.h"
#include "trace.h"

/* Of a region that is kept. */
struct report_kept {
	struct daxkind_restart restart;
	uint64_t open_ns; /* to open the region and make the kind */
	struct kept_found found;
	uint64_t find_ns;
	struct curve *before; /* of the run before; NULL: there was none */
	struct curve *now;    /* in the region */
};

struct report {
	const struct options *options;
	const struct corpus *corpus;
	const char *place; /* path of the region */
	size_t dram_size;  /* limit of the DRAM tier, in bytes */
	struct daxkind_region_info info;
	struct daxkind_space space; /* when the trace ended */
	size_t allocated;           /* bytes in live blocks of the DAX kind */
	struct cache_content content[CACHE_DISK]; /* by tier */
	struct cache_counts load_counts;          /* while loading */
	struct cache_counts counts;               /* while the trace ran */
	uint64_t load_ns;
	struct trace_result trace;
	struct report_kept kept;
	size_t left_taken; /* bytes taken after the cache was freed */
};

/* Printed before the work: the plan. */
void report_print_head(
    const struct report *report, const struct terminal *terminal);
void report_print(const struct report *report, const struct picture *picture,
    const struct terminal *terminal);
void report_print_json(const struct report *report, FILE *out);

/* Number of reads served. */
uint64_t report_nr_reads(const struct report *report);

/* Whether the first reads hit at least percent of what the last reads of the run
 * before hit. */
bool report_is_warm(const struct report *report, uint64_t percent);

/* One line for the picture. */
struct report_caption {
	char text[256];
};
struct report_caption report_caption(const struct report *report);

/* Write the hit ratios of the run before and of this one. */
void report_write_curves(const struct report *report, FILE *out);

#endif /* REPORT_H */
