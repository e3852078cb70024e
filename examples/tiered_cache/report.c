// SPDX-License-Identifier: BSD-2-Clause
/*
 * report.c -- see report.h.
 */
#include "report.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "place.h"
#include "plot.h"
#include "units.h"

#define BAR_WIDTH 50
#define WINDOW 10000 /* reads that are compared over a restart */

static const char *const Tier_names[CACHE_NR_TIERS] = {
    [CACHE_DRAM] = "DRAM",
    [CACHE_DAX] = "DAX tier",
    [CACHE_DISK] = "disk (miss)",
};

static const char *const Tier_keys[CACHE_NR_TIERS] = {
    [CACHE_DRAM] = "dram",
    [CACHE_DAX] = "dax",
    [CACHE_DISK] = "disk",
};

static const enum terminal_style Tier_styles[CACHE_NR_TIERS] = {
    [CACHE_DRAM] = TERMINAL_GREEN,
    [CACHE_DAX] = TERMINAL_CYAN,
    [CACHE_DISK] = TERMINAL_YELLOW,
};

static const double Percents[] = {50, 90, 99, 99.9};
static const char *const Percent_keys[] = {"p50", "p90", "p99", "p99_9"};
#define NR_PERCENTS (sizeof(Percents) / sizeof(Percents[0]))

static uint64_t
reads_of(const struct trace_result *trace)
{
	return trace->latency[CACHE_DRAM].nr + trace->latency[CACHE_DAX].nr +
	       trace->latency[CACHE_DISK].nr;
}

static uint64_t
size_of(const struct trace_result *trace)
{
	return trace->size[CACHE_DRAM] + trace->size[CACHE_DAX] +
	       trace->size[CACHE_DISK];
}

static double
per_second(uint64_t nr, uint64_t elapsed_ns)
{
	return elapsed_ns == 0 ? 0 : (double)nr * 1e9 / (double)elapsed_ns;
}

static void
print_heading(const struct terminal *terminal, const char *heading)
{
	fprintf(terminal->out, "\n%s%s%s\n",
	    terminal_style(terminal, TERMINAL_BOLD), heading,
	    terminal_style(terminal, TERMINAL_PLAIN));
}

uint64_t
report_nr_reads(const struct report *report)
{
	return reads_of(&report->trace);
}

void
report_print_head(const struct report *report, const struct terminal *terminal)
{
	const struct options *options = report->options;
	const struct corpus *corpus = report->corpus;
	FILE *out = terminal->out;
	size_t i;

	fprintf(out,
	    "%stiered_cache%s: %s of DRAM over %s of daxkind memory\n\n",
	    terminal_style(terminal, TERMINAL_BOLD),
	    terminal_style(terminal, TERMINAL_PLAIN),
	    units_bytes(report->dram_size).text,
	    units_bytes(report->info.size).text);
	fprintf(out, "  files    %s, %s, under",
	    units_count(corpus->nr_files).text, units_bytes(corpus->size).text);
	for (i = 0; i < options->nr_dirs; i++)
		fprintf(out, " %s", options->dirs[i]);
	if (corpus->nr_omitted > 0)
		fprintf(out, " (%s more left out: --corpus)",
		    units_count(corpus->nr_omitted).text);
	fprintf(out, "\n  region   %s %s\n           %s%s%s\n",
	    place_phrase(report->place, &report->info), report->place,
	    terminal_style(terminal,
		report->info.is_dax ? TERMINAL_GREEN : TERMINAL_YELLOW),
	    place_describe(&report->info),
	    terminal_style(terminal, TERMINAL_PLAIN));
	fprintf(out,
	    "  reads    %s, Zipf %.2f, seed %" PRIu64 ", %u thread%s\n",
	    units_count(options->nr_reads).text, options->skew, options->seed,
	    options->nr_threads, options->nr_threads == 1 ? "" : "s");
	fflush(out);
}

/* --- for people -------------------------------------------------------------- */

static void
print_bar(const struct trace_result *trace, const struct terminal *terminal)
{
	uint64_t nr_reads = reads_of(trace);
	uint64_t nr_seen = 0;
	uint64_t drawn = 0;
	uint64_t until;
	int tier;

	fputs("  ", terminal->out);
	for (tier = 0; tier < CACHE_NR_TIERS; tier++) {
		nr_seen += trace->latency[tier].nr;
		until = nr_reads == 0 ? 0 : nr_seen * BAR_WIDTH / nr_reads;
		fputs(
		    terminal_style(terminal, Tier_styles[tier]), terminal->out);
		for (; drawn < until; drawn++) {
			if (terminal->has_utf8)
				fputs(tier == CACHE_DRAM  ? "█"
				      : tier == CACHE_DAX ? "▒"
							  : "·",
				    terminal->out);
			else
				fputc("#+."[tier], terminal -> out);
		}
	}
	fprintf(terminal->out, "%s %s from memory\n",
	    terminal_style(terminal, TERMINAL_PLAIN),
	    units_share(nr_reads - trace->latency[CACHE_DISK].nr, nr_reads)
		.text);
}

static void
print_latency_row(const struct histogram *latency, uint64_t size,
    uint64_t nr_reads, const struct terminal *terminal)
{
	size_t i;

	fprintf(terminal->out, "%10s %8s", units_count(latency->nr).text,
	    units_share(latency->nr, nr_reads).text);
	for (i = 0; i < NR_PERCENTS; i++)
		fprintf(terminal->out, "%9s",
		    latency->nr == 0
			? "-"
			: units_time(histogram_percentile(latency, Percents[i]))
			      .text);
	fprintf(terminal->out, " %10s\n",
	    units_bytes(latency->nr == 0 ? 0 : size / latency->nr).text);
}

static void
print_latencies(
    const struct trace_result *trace, const struct terminal *terminal)
{
	static struct histogram all; /* too large for the stack */
	uint64_t nr_reads = reads_of(trace);
	int tier;

	fprintf(terminal->out, "  %-12s%10s %8s%9s%9s%9s%9s %10s\n",
	    "served from", "reads", "share", "p50", "p90", "p99", "p99.9",
	    "mean size");
	for (tier = 0; tier < CACHE_NR_TIERS; tier++) {
		fprintf(terminal->out, "  %s%-12s%s",
		    terminal_style(terminal, Tier_styles[tier]),
		    Tier_names[tier], terminal_style(terminal, TERMINAL_PLAIN));
		print_latency_row(&trace->latency[tier], trace->size[tier],
		    nr_reads, terminal);
		histogram_add(&all, &trace->latency[tier]);
	}
	fprintf(terminal->out, "  %-12s", "all");
	print_latency_row(&all, size_of(trace), nr_reads, terminal);
}

static void
print_check(const struct trace_result *trace, const struct terminal *terminal)
{
	uint64_t nr_reads = reads_of(trace);
	bool is_good = trace->nr_wrong == 0;

	fprintf(terminal->out, "  checked     %s%s objects, %s damaged%s",
	    terminal_style(terminal, is_good ? TERMINAL_GREEN : TERMINAL_RED),
	    units_count(nr_reads).text, units_count(trace->nr_wrong).text,
	    terminal_style(terminal, TERMINAL_PLAIN));
	if (trace->nr_changed + trace->nr_unreadable > 0)
		fprintf(terminal->out,
		    "; of the misses, %s found the file changed and %s "
		    "unreadable",
		    units_count(trace->nr_changed).text,
		    units_count(trace->nr_unreadable).text);
	fputc('\n', terminal->out);
}

static void
print_space(const struct report *report, const struct terminal *terminal)
{
	const struct daxkind_space *space = &report->space;
	FILE *out = terminal->out;

	fprintf(out, "  taken       %10s  %7s of the region; live blocks %s\n",
	    units_bytes(space->taken).text,
	    units_share(space->taken, space->total).text,
	    units_bytes(report->allocated).text);
	fprintf(out, "  free        %10s  %7s, the longest run %s\n",
	    units_bytes(space->free).text,
	    units_share(space->free, space->total).text,
	    units_bytes(space->largest_free).text);
	if (space->bad > 0)
		fprintf(out, "  bad         %10s  never handed out\n",
		    units_bytes(space->bad).text);
	fprintf(out, "  file space  %10s  really allocated behind it\n",
	    units_bytes(space->held).text);
	fprintf(out, "  afterwards  %10s  taken when %s\n\n",
	    units_bytes(report->left_taken).text,
	    report->options->keep != NULL ? "the cache has ended: it is kept"
					  : "every block was freed");
}

/* --- what was kept ----------------------------------------------------------- */

static const char *const How_keys[] = {
    [DAXKIND_RESTART_NEW] = "new",
    [DAXKIND_RESTART_CLEAN] = "clean",
    [DAXKIND_RESTART_CRASH] = "crash",
    [DAXKIND_RESTART_POWER] = "power",
};

/* How the run before ended. */
static const char *const Ends[] = {
    [DAXKIND_RESTART_NEW] = "",
    [DAXKIND_RESTART_CLEAN] = ", closed",
    [DAXKIND_RESTART_CRASH] = ", then killed",
    [DAXKIND_RESTART_POWER] = ", then the machine was reset",
};

struct warmth {
	struct curve_ratio cold;   /* the first reads of the run before */
	struct curve_ratio before; /* its last ones */
	struct curve_ratio now;    /* the first reads of this one */
	double share;              /* of the last two; 0: none before */
};

static struct warmth
warmth_of(const struct report_kept *kept)
{
	struct warmth warmth = {.now = curve_first(kept->now, WINDOW)};
	double before;

	if (kept->before == NULL)
		return warmth;
	warmth.cold = curve_first(kept->before, WINDOW);
	warmth.before = curve_last(kept->before, WINDOW);
	before = curve_share(&warmth.before);
	if (before > 0)
		warmth.share = curve_share(&warmth.now) / before;
	return warmth;
}

bool
report_is_warm(const struct report *report, uint64_t percent)
{
	return warmth_of(&report->kept).share * 100 >= (double)percent;
}

/* One line. */
static struct report_caption
caption_of_kept(const struct report_kept *kept)
{
	struct warmth warmth = warmth_of(kept);
	struct report_caption caption;
	char cold[32] = "";

	if (kept->before == NULL) {
		snprintf(caption.text, sizeof(caption.text),
		    "Hit ratio of a cache whose DAX tier is kept");
		return caption;
	}
	if (kept->before->nr_found == 0)
		snprintf(cold, sizeof(cold), " (cold: %.1f %%)",
		    100 * curve_share(&warmth.cold));
	snprintf(caption.text, sizeof(caption.text),
	    "Still there%s: the first %s reads hit %.1f %%%s, which is "
	    "%.1f %% of the %.1f %% before",
	    kept->restart.how == DAXKIND_RESTART_CRASH ? " after kill -9" : "",
	    units_count(warmth.now.nr_reads).text,
	    100 * curve_share(&warmth.now), cold, 100 * warmth.share,
	    100 * curve_share(&warmth.before));
	return caption;
}

static struct plot
plot_of(const struct report_kept *kept, const struct report_caption *caption)
{
	return (struct plot){
	    .before = kept->before,
	    .now = kept->now,
	    .ended_by = Ends[kept->restart.how],
	    .caption = caption->text,
	};
}

static void
print_kept(const struct report *report, const struct terminal *terminal)
{
	const struct report_kept *kept = &report->kept;
	const struct kept_found *found = &kept->found;
	struct report_caption caption = caption_of_kept(kept);
	struct plot plot = plot_of(kept, &caption);
	FILE *out = terminal->out;

	print_heading(terminal, "Kept over the restart");
	fprintf(out, "  opened      in %s, with %s blocks (%s)\n",
	    units_time(kept->open_ns).text,
	    units_count(kept->restart.blocks).text,
	    units_bytes(kept->restart.bytes).text);
	fprintf(out, "  found       %s objects (%s) in %s\n",
	    units_count(found->nr_objects).text, units_bytes(found->size).text,
	    units_time(kept->find_ns).text);
	fprintf(out,
	    "  freed       objects whose files have changed: %s; blocks that "
	    "nothing linked: %s\n",
	    units_count(found->nr_unwanted).text,
	    units_count(found->nr_unlinked).text);
	if (found->nr_damaged > 0)
		fprintf(out,
		    "  damaged     %s%s links%s that led to no object\n",
		    terminal_style(terminal, TERMINAL_RED),
		    units_count(found->nr_damaged).text,
		    terminal_style(terminal, TERMINAL_PLAIN));
	print_heading(terminal, "Hit ratio");
	plot_print(&plot, terminal);
	fprintf(out, "\n%s\n", caption.text);
}

void
report_write_curves(const struct report *report, FILE *out)
{
	struct report_caption caption = caption_of_kept(&report->kept);
	struct plot plot = plot_of(&report->kept, &caption);

	plot_write_svg(&plot, out);
}

/* --- all of it --------------------------------------------------------------- */

void
report_print(const struct report *report, const struct picture *picture,
    const struct terminal *terminal)
{
	const struct trace_result *trace = &report->trace;
	const struct cache_counts *counts = &report->counts;
	FILE *out = terminal->out;

	print_heading(terminal, "Reads");
	print_bar(trace, terminal);
	print_latencies(trace, terminal);
	fprintf(out, "\n  throughput  %.0f reads/s, %s/s, in %s%s\n",
	    per_second(reads_of(trace), trace->elapsed_ns),
	    units_bytes((uint64_t)per_second(size_of(trace), trace->elapsed_ns))
		.text,
	    units_time(trace->elapsed_ns).text,
	    trace->is_interrupted ? " (interrupted)" : "");
	fprintf(out,
	    "  moved       promoted %s, demoted %s, evicted %s, turned away "
	    "%s\n",
	    units_count(counts->promoted).text,
	    units_count(counts->demoted).text,
	    units_count(counts->evicted).text,
	    units_count(counts->turned_away).text);
	fprintf(out,
	    "  now cached  %s objects (%s) in DRAM, %s (%s) in the DAX tier\n",
	    units_count(report->content[CACHE_DRAM].nr_objects).text,
	    units_bytes(report->content[CACHE_DRAM].size).text,
	    units_count(report->content[CACHE_DAX].nr_objects).text,
	    units_bytes(report->content[CACHE_DAX].size).text);
	print_check(trace, terminal);

	print_heading(terminal, "Space of the region");
	print_space(report, terminal);
	picture_print(picture, terminal);
	if (report->options->keep != NULL)
		print_kept(report, terminal);
}

/* --- for programs ------------------------------------------------------------ */

static void
write_json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void
write_json_counts(FILE *out, const char *key, const struct cache_counts *counts)
{
	fprintf(out,
	    "  \"%s\": {\"promoted\": %" PRIu64 ", \"demoted\": %" PRIu64
	    ", \"evicted\": %" PRIu64 ", \"turned_away\": %" PRIu64
	    ", \"out_of_room\": %" PRIu64 "},\n",
	    key, counts->promoted, counts->demoted, counts->evicted,
	    counts->turned_away, counts->out_of_room);
}

static void
write_json_tier(FILE *out, const struct trace_result *trace, int tier)
{
	const struct histogram *latency = &trace->latency[tier];
	size_t i;

	fprintf(out,
	    "    \"%s\": {\"reads\": %" PRIu64 ", \"bytes\": %" PRIu64
	    ", \"latency_ns\": {",
	    Tier_keys[tier], latency->nr, trace->size[tier]);
	for (i = 0; i < NR_PERCENTS; i++)
		fprintf(out, "\"%s\": %" PRIu64 ", ", Percent_keys[i],
		    histogram_percentile(latency, Percents[i]));
	fprintf(out, "\"max\": %" PRIu64 "}}%s\n", latency->max,
	    tier + 1 < CACHE_NR_TIERS ? "," : "");
}

static void
write_json_region(FILE *out, const struct report *report)
{
	const struct daxkind_space *space = &report->space;

	fputs("  \"region\": {\"path\": ", out);
	write_json_string(out, report->place);
	fprintf(out,
	    ", \"backing\": \"%s\", \"size\": %zu, \"is_dax\": %s, "
	    "\"is_sync\": %s, \"numa_node\": %d},\n",
	    place_backing(&report->info), report->info.size,
	    report->info.is_dax ? "true" : "false",
	    report->info.is_sync ? "true" : "false", report->info.numa_node);
	fprintf(out,
	    "  \"space\": {\"total\": %zu, \"taken\": %zu, \"free\": %zu, "
	    "\"bad\": %zu, \"largest_free\": %zu, \"held\": %zu, "
	    "\"allocated\": %zu, \"taken_when_emptied\": %zu},\n",
	    space->total, space->taken, space->free, space->bad,
	    space->largest_free, space->held, report->allocated,
	    report->left_taken);
}

static void
write_json_ratio(FILE *out, const char *key, const struct curve_ratio *ratio)
{
	fprintf(out,
	    ", \"%s\": {\"reads\": %" PRIu64 ", \"hits\": %" PRIu64 "}", key,
	    ratio->nr_reads, ratio->nr_hits);
}

static void
write_json_kept(FILE *out, const struct report_kept *kept)
{
	const struct kept_found *found = &kept->found;
	struct warmth warmth = warmth_of(kept);

	fprintf(out,
	    "  \"kept\": {\"how\": \"%s\", \"start\": %" PRIu64
	    ", \"blocks\": %zu, \"open_ns\": %" PRIu64
	    ", \"objects\": %zu, \"bytes\": %zu, \"find_ns\": %" PRIu64
	    ", \"unwanted\": %zu, \"unlinked\": %zu, \"damaged_links\": %zu",
	    How_keys[kept->restart.how], kept->restart.generation,
	    kept->restart.blocks, kept->open_ns, found->nr_objects, found->size,
	    kept->find_ns, found->nr_unwanted, found->nr_unlinked,
	    found->nr_damaged);
	write_json_ratio(out, "last_before", &warmth.before);
	write_json_ratio(out, "first_now", &warmth.now);
	fputs("},\n", out);
}

void
report_print_json(const struct report *report, FILE *out)
{
	const struct options *options = report->options;
	const struct trace_result *trace = &report->trace;
	int tier;

	fprintf(out,
	    "{\n  \"corpus\": {\"files\": %zu, \"bytes\": %zu, \"omitted\": "
	    "%zu, \"load_ns\": %" PRIu64 "},\n",
	    report->corpus->nr_files, report->corpus->size,
	    report->corpus->nr_omitted, report->load_ns);
	fprintf(out,
	    "  \"options\": {\"dram\": %zu, \"requests\": %" PRIu64
	    ", \"skew\": %.17g, \"seed\": %" PRIu64 ", \"threads\": %u},\n",
	    report->dram_size, options->nr_reads, options->skew, options->seed,
	    options->nr_threads);
	write_json_region(out, report);
	fputs("  \"reads\": {\n", out);
	for (tier = 0; tier < CACHE_NR_TIERS; tier++)
		write_json_tier(out, trace, tier);
	fputs("  },\n", out);
	if (options->keep != NULL)
		write_json_kept(out, &report->kept);
	write_json_counts(out, "while_loading", &report->load_counts);
	write_json_counts(out, "while_reading", &report->counts);
	fprintf(out,
	    "  \"elapsed_ns\": %" PRIu64 ",\n  \"interrupted\": %s,\n"
	    "  \"damaged\": %" PRIu64 ",\n  \"changed_on_disk\": %" PRIu64
	    ",\n  \"unreadable\": %" PRIu64 "\n}\n",
	    trace->elapsed_ns, trace->is_interrupted ? "true" : "false",
	    trace->nr_wrong, trace->nr_changed, trace->nr_unreadable);
}

struct report_caption
report_caption(const struct report *report)
{
	struct report_caption caption;

	snprintf(caption.text, sizeof(caption.text),
	    "Space of a daxkind region: %s, %s taken (%s), %s of file space "
	    "held; %s, %s",
	    units_bytes(report->space.total).text,
	    units_bytes(report->space.taken).text,
	    units_share(report->space.taken, report->space.total).text,
	    units_bytes(report->space.held).text, place_backing(&report->info),
	    report->info.is_dax ? "DAX" : "not DAX");
	return caption;
}
