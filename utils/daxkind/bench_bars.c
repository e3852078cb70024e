// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_bars.c -- see bench_bars.h.
 */
#include "bench_bars.h"

#include <math.h>
#include <string.h>

#include "bench_allocators.h"
#include "bench_results.h"

#define OWN "daxkind"
#define LIKE_JEMALLOC .base = "jemalloc", .unit = "x jemalloc"
#define LIKE_MEMKIND .base = "memkind-fixed", .unit = "x memkind"
#define LIKE_MIMALLOC .base = "mimalloc", .unit = "x mimalloc"
#define LIKE_BEST .base = BENCH_BEST_PEER, .unit = "x best peer"
#define AT_LEAST .is_at_least = true, .limit

#define DURABLE .own = "daxkind-durable"
#define LINES .own = "daxkind-lines"
/* A durable kind, and volatile ones: over a mapping, which caches as many small
 * blocks, and over a file, whose space comes and goes as well. */
#define LIKE_MAPPING .base = "daxkind", .unit = "x volatile"
#define LIKE_FILE .base = "daxkind-pmem", .unit = "x volatile"

const struct bench_bar Bench_bars[] = {
    {"pair of 64 B, fresh heap", "pair", "ns", LIKE_JEMALLOC, .limit = 1.0},
    {"pair of 64 B, 1,000 live", "pair-live", "ns", LIKE_JEMALLOC,
	.limit = 1.0},
    {"instructions of a pair, fresh", BENCH_INSTRUCTIONS, "pair", LIKE_JEMALLOC,
	.limit = 1.2},
    {"instructions of a pair, live", BENCH_INSTRUCTIONS, "pair-live",
	LIKE_JEMALLOC, .limit = 1.2},
    {"pair, fresh: times faster than memkind", "pair", "ns",
	.base = "memkind-fixed", .is_inverse = true, AT_LEAST = 10,
	.unit = "x"},
    {"replace, 1 thread", "replace", "ns", LIKE_JEMALLOC, .limit = 0.85},
    {"replace, 2 threads", "2T", "ns", LIKE_JEMALLOC, .limit = 0.85},
    {"replace, 16 threads", "16T", "ns", LIKE_JEMALLOC, .limit = 1.0},
    {"hand-over between threads", "hand", "ns", LIKE_JEMALLOC, .limit = 1.1},
    {"hand-over of 2,000 blocks at once", "hand-bulk", "ns", LIKE_JEMALLOC,
	.limit = 1.1},
    {"held after the hand-over", "hand", "held_mib", .limit = 64,
	.unit = "MiB"},
    {"large blocks", "large", "ns", LIKE_MEMKIND, .limit = 0.9},
    {"large blocks", "large", "ns", LIKE_MIMALLOC, .limit = 1.1},
    {"free with NULL over free with the kind", "free-null", "more_ns",
	.limit = 3, .unit = "ns"},
    {"detect_kind, own pointer", "detect", "own_ns", .limit = 10, .unit = "ns"},
    {"detect_kind, foreign pointer", "detect", "foreign_ns", .limit = 10,
	.unit = "ns"},
    {"first ENOMEM, 100-4,000 B, 1 thread", "enomem-1", "share",
	AT_LEAST = 0.92, .unit = "of the area"},
    {"first ENOMEM, 100-4,000 B, 16 threads", "enomem-16", "share",
	AT_LEAST = 0.90, .unit = "of the area"},
    {"filled in turn: 64 B", "fill", "64", AT_LEAST = 0.99,
	.unit = "of the area"},
    {"then 1,000 B", "fill", "1000", AT_LEAST = 0.97, .unit = "of the area"},
    {"then 100-4,000 B", "fill", "100-4000", AT_LEAST = 0.92,
	.unit = "of the area"},
    {"then 16-64 KiB", "fill", "16K-64K", AT_LEAST = 0.93,
	.unit = "of the area"},
    {"then 1 MiB", "fill", "1M", AT_LEAST = 0.98, .unit = "of the area"},
    {"8 threads in turn, the least", "turns", "least", AT_LEAST = 0.97,
	.unit = "of the area"},
    {"churn, 100-4,000 B", "churn", "share@1", LIKE_BEST, AT_LEAST = 1},
    {"churn, then 100-600 B", "churn", "share@2", LIKE_BEST, AT_LEAST = 1},
    {"churn, then 2,500-4,000 B", "churn", "share@3", LIKE_BEST, AT_LEAST = 1},
    {"churn, then 128-256 or 3,000-4,000 B", "churn", "share@4", LIKE_BEST,
	AT_LEAST = 1},
    {"churn, then 2 % of 8-64 KiB", "churn", "share@5", LIKE_BEST,
	AT_LEAST = 1},
    {"churn, an operation", "churn", "ns", .limit = 1200, .unit = "ns"},
    {"churn, p99 of a failing allocation", "churn", "failed_p99_ns",
	.limit = 20000, .unit = "ns"},
    {"largest block, another thread freed all", "largest", "after_other",
	AT_LEAST = 0.98, .unit = "of the area"},
    {"largest block, the same thread freed all", "largest", "after_own",
	AT_LEAST = 0.98, .unit = "of the area"},
    {"create a kind", "kinds", "create_us", .limit = 20, .unit = "us"},
    {"destroy a kind", "kinds", "destroy_us", .limit = 20, .unit = "us"},
    {"destroy a kind that was used", "kinds", "destroy_us_used", .limit = 20,
	.unit = "us"},
    {"DRAM of a kind without blocks", "kinds", "unused_kib", .limit = 16,
	.unit = "KiB"},
    {"DRAM of a kind with one block", "kinds", "used_kib", .limit = 128,
	.unit = "KiB"},
    {"used kinds at once", "kinds", "at_once", AT_LEAST = 2000,
	.unit = "kinds"},
    {"realloc by 4 KiB stays in place", "append", "in_place", AT_LEAST = 0.99,
	.unit = "of the calls"},
    {"realloc by 4 KiB", "append", "ms", LIKE_MEMKIND, .limit = 1.0},
    {"realloc by doubling", "double", "ms", LIKE_MEMKIND, .limit = 1.0},
    {"durable: instructions of a pair, fresh", BENCH_INSTRUCTIONS, "pair",
	DURABLE, .limit = 68, .unit = "instructions"},
    {"durable: replace, 1 thread", "replace", "ns", DURABLE, LIKE_MAPPING,
	.limit = 1.10},
    {"durable: 16-64 KiB", "medium", "ns", DURABLE, LIKE_FILE, .limit = 1.15},
    {"durable by cache lines: replace", "replace", "ns", LINES, LIKE_MAPPING,
	.limit = 1.4},
    {"durable: first ENOMEM, 1 thread", "enomem-1", "share", DURABLE,
	AT_LEAST = 0.90, .unit = "of the area"},
    {"durable: first ENOMEM, 16 threads", "enomem-16", "share", DURABLE,
	AT_LEAST = 0.90, .unit = "of the area"},
    {"durable: largest block, other freed all", "largest", "after_other",
	DURABLE, AT_LEAST = 0.98, .unit = "of the area"},
    {"durable: largest block, same freed all", "largest", "after_own", DURABLE,
	AT_LEAST = 0.98, .unit = "of the area"},
    {"durable: open again, 1 M blocks", "reopen", "ms", DURABLE, .limit = 20,
	.unit = "ms"},
    {"durable: after a crash, 1 M blocks", "reopen", "crash_ms", DURABLE,
	.limit = 20, .unit = "ms"},
    {"durable: open again, 100 M blocks", "reopen-100M", "ms", DURABLE,
	.limit = 250, .unit = "ms"},
    {"durable: walk, 1 M blocks", "reopen", "walk_ns", DURABLE, .limit = 20,
	.unit = "ns a block"},
    {"durable: trace, a list of 10 M nodes", "trace", "in_order_s", DURABLE,
	.limit = 3, .unit = "s"},
    {"durable: trace, at random over following it", "trace", "over_chase",
	DURABLE, .limit = 1.3, .unit = "x"},
    {"durable: format 4 TiB", "reopen-4T", "format_ms", DURABLE, .limit = 10,
	.unit = "ms"},
    {"durable: open 4 TiB, 1,000 blocks", "reopen-4T", "ms", DURABLE,
	.limit = 10, .unit = "ms"},
    {"durable: records", "records", "share", DURABLE, .limit = 0.005,
	.unit = "of the region"},
    {"durable: a new file holds", "records", "fresh_kib", DURABLE, .limit = 64,
	.unit = "KiB"},
    {.what = NULL},
};

static bool
median_of(const char *allocator, const struct bench_bar *bar, double *median)
{
	struct bench_summary summary;

	if (!bench_results_summary(
		bench_results_find(allocator, bar->workload, bar->metric),
		&summary))
		return false;
	*median = summary.median;
	return true;
}

/* The largest figure of the other allocators with an area. */
static bool
find_best_peer(const struct bench_bar *bar, double *best)
{
	bool any = false;

	for (const struct bench_allocator *a = Bench_allocators;
	     a->name != NULL; a++) {
		double median;

		if (strncmp(a->name, OWN, strlen(OWN)) == 0 ||
		    !(a->traits & BENCH_BOUNDED) ||
		    !median_of(a->name, bar, &median))
			continue;
		*best = any ? fmax(*best, median) : median;
		any = true;
	}
	return any;
}

bool
bench_bar_measure(const struct bench_bar *bar, double *value)
{
	const char *name = bar->own != NULL ? bar->own : OWN;
	const struct bench_figure *own =
	    bench_results_find(name, bar->workload, bar->metric);
	struct bench_summary summary;

	if (bar->base == NULL)
		return median_of(name, bar, value);
	if (strcmp(bar->base, BENCH_BEST_PEER) == 0) {
		double best;

		if (!find_best_peer(bar, &best) || !median_of(name, bar, value))
			return false;
		*value /= best;
		return true;
	}
	const struct bench_figure *base =
	    bench_results_find(bar->base, bar->workload, bar->metric);
	if (!(bar->is_inverse ? bench_results_ratio(base, own, &summary)
			      : bench_results_ratio(own, base, &summary)))
		return false;
	*value = summary.median;
	return true;
}

bool
bench_bar_is_met(const struct bench_bar *bar, double value)
{
	return bar->is_at_least ? value >= bar->limit : value <= bar->limit;
}
