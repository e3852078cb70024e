// SPDX-License-Identifier: BSD-2-Clause
/*
 * main.c -- tiered_cache: a cache in two tiers over real files, from the
 * command line to the report.
 *
 *	list files -> open region, make kind -> load files into the cache
 *	  -> serve a trace of reads, all checked -> report -> free everything
 *
 * With --keep nothing is loaded: the cache begins with what the run before left
 * in the region, and leaves what it has to the next one.
 */
#include <daxkind.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "corpus.h"
#include "curve.h"
#include "kept.h"
#include "options.h"
#include "picture.h"
#include "place.h"
#include "progress.h"
#include "report.h"
#include "terminal.h"
#include "trace.h"
#include "units.h"
#include "zipf.h"

#define EXIT_FAILED 1
#define EXIT_CANNOT_RUN 2

#define MIB ((size_t)1 << 20)
#define SHARDS_PER_THREAD 4 /* so that threads seldom meet; 1 if alone */
#define SVG_ROWS 24
#define SVG_COLUMNS 96
#define COLUMNS 64
#define MAX_THREADS 256         /* of a run */
#define LAYOUT "tiered_cache 1" /* changes with what kept.h and curve.h say */

static int
fail(const char *what, const char *why)
{
	fprintf(stderr, "tiered_cache: %s: %s\n", what, why);
	return EXIT_CANNOT_RUN;
}

static void
stop_trace(int signal_number)
{
	(void)signal_number;
	trace_interrupt();
}

/* Ctrl-C ends the trace early; the report covers what was done. */
static void
catch_interrupt(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = stop_trace;
	action.sa_flags = (int)SA_RESETHAND; /* the second one kills */
	(void)sigaction(SIGINT, &action, NULL);
}

/* --- steps of a run ------------------------------------------------------- */

struct run {
	const struct options *options;
	struct terminal out;
	struct terminal err;
	struct corpus corpus;
	struct zipf zipf;
	struct daxkind_region *region;
	memkind_t kind;
	struct cache *cache;
	struct kept *kept; /* NULL: nothing is */
	FILE *svg;         /* opened early, to report a bad name at once */
	FILE *curves;      /* the same */
	struct picture picture;
	struct report report;
};

static size_t
round_up(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

/* Choose sizes that are too small for the files: 5 % and 40 % of them. */
static void
choose_place(struct run *run, size_t *size)
{
	const struct options *options = run->options;
	const char *place =
	    options->keep != NULL ? options->keep : options->region;

	*size = options->size;
	if (*size == 0 && (place == NULL || !place_has_size(place)))
		*size = round_up(run->corpus.size / 5 * 2 + 1, 2 * MIB);
	if (place == NULL)
		place = place_default_dir(*size);
	run->report.place = place;
	run->report.dram_size = options->dram_size != 0
				    ? options->dram_size
				    : run->corpus.size / 20 + 1;
}

static int
open_volatile(struct run *run, size_t size, unsigned flags)
{
	int rc = daxkind_region_open(
	    run->report.place, size, DAXKIND_CREATE | flags, &run->region);

	if (rc == -EEXIST)
		return fail("region",
		    "the file holds data; --overwrite if it may be lost");
	return rc < 0 ? fail("region", daxkind_last_error()) : 0;
}

static int
open_durable(struct run *run, size_t size, unsigned flags)
{
	struct report_kept *kept = &run->report.kept;
	const char *remedy;
	int rc;

	if (run->options->want_salvage)
		flags |= DAXKIND_SALVAGE;
	rc = daxkind_region_open_durable(run->report.place, size, LAYOUT,
	    DAXKIND_CREATE | flags, &run->region);
	if (rc == 0)
		rc = daxkind_region_restart(
		    run->region, &kept->restart, sizeof(kept->restart));
	if (rc == 0)
		return 0;
	fail("--keep", daxkind_last_error());
	remedy = place_remedy(rc, run->options->size);
	return remedy != NULL ? fail("--keep", remedy) : EXIT_CANNOT_RUN;
}

static int
open_region(struct run *run)
{
	const struct options *options = run->options;
	unsigned flags = options->want_overwrite ? DAXKIND_OVERWRITE : 0;
	struct report *report = &run->report;
	uint64_t start_ns = units_now_ns();
	size_t size;
	int status;

	choose_place(run, &size);
	status = options->keep != NULL ? open_durable(run, size, flags)
				       : open_volatile(run, size, flags);
	if (status != 0)
		return status;
	if (daxkind_region_info(
		run->region, &report->info, sizeof(report->info)) < 0 ||
	    daxkind_kind_create(run->region, &run->kind) < 0)
		return fail("region", daxkind_last_error());
	report->kept.open_ns = units_now_ns() - start_ns;
	if (options->keep != NULL &&
	    kept_open(run->region, run->kind, &run->kept) < 0)
		return fail("--keep", daxkind_last_error());
	return 0;
}

static int
make_cache(struct run *run)
{
	const struct options *options = run->options;
	struct cache_config config = {
	    .dax_kind = run->kind,
	    .dax_size = run->report.info.size,
	    .dram_size = run->report.dram_size,
	    .kept = run->kept,
	    .corpus = &run->corpus,
	    .nr_shards = options->nr_threads == 1
			     ? 1
			     : options->nr_threads * SHARDS_PER_THREAD,
	};

	if (cache_new(&config, &run->cache) < 0 ||
	    zipf_init(&run->zipf, run->corpus.nr_files, options->skew,
		options->seed) < 0)
		return fail("cache", strerror(ENOMEM));
	return 0;
}

/* Read each file once, for its checksum.  A cache that is not kept gets the
 * content, too; one that is kept begins with what it finds. */
static void
load_files(struct run *run)
{
	struct corpus *corpus = &run->corpus;
	struct corpus_buffer buffer = {0};
	struct corpus_file *file;
	struct progress progress;
	size_t loaded = 0;
	size_t i;
	int rc;

	progress_init(&progress, &run->err,
	    run->kept == NULL ? "loading" : "checksums", corpus->size);
	for (i = 0; i < corpus->nr_files; i++) {
		file = &corpus->files[i];
		rc = corpus_load(file, &buffer);
		if (rc < 0)
			fprintf(stderr, "%s: %s\n", file->path, strerror(-rc));
		else if (buffer.len > 0 && run->kept == NULL)
			cache_insert(run->cache, i, buffer.data, buffer.len);
		loaded += buffer.len;
		progress_show(&progress, loaded);
	}
	corpus_buffer_fini(&buffer);

	run->report.load_ns = units_now_ns() - progress.start_ns;
	run->report.load_counts = cache_counts(run->cache);
	progress_end(&progress, "%s files, %s; %s evicted again",
	    units_count(corpus->nr_files).text, units_bytes(loaded).text,
	    units_count(run->report.load_counts.evicted).text);
}

/* Take up what the run before left, and begin a curve. */
static int
find_kept(struct run *run)
{
	struct report_kept *kept = &run->report.kept;
	uint64_t start_ns = units_now_ns();
	struct curve head = {.start = kept->restart.generation};

	if (cache_find(run->cache, &kept->found) < 0)
		return fail("--keep", daxkind_last_error());
	kept->find_ns = units_now_ns() - start_ns;
	kept->before = curve_load(run->kind);
	head.nr_found = kept->found.nr_objects;
	kept->now = curve_begin(run->kind, &head, run->options->nr_reads);
	return kept->now != NULL ? 0 : fail("--keep", daxkind_last_error());
}

/* For --damage: flip a bit of the hottest object, unnoticed by the cache. */
static int
damage_object(struct run *run)
{
	size_t id = run->zipf.objects[0];
	struct corpus_buffer buffer = {0};
	struct cache_object object;

	if (corpus_read(&run->corpus.files[id], &buffer) == 0)
		cache_insert(run->cache, id, buffer.data, buffer.len);
	corpus_buffer_fini(&buffer);
	if (!cache_hold(run->cache, id, &object))
		return fail("--damage", "the hottest object does not fit");
	object.data[object.len / 2] ^= 1;
	cache_release(run->cache, id);
	return 0;
}

static int
read_trace(struct run *run)
{
	const struct options *options = run->options;
	struct trace_config config = {
	    .corpus = &run->corpus,
	    .cache = run->cache,
	    .zipf = &run->zipf,
	    .nr_reads = options->nr_reads,
	    .nr_threads = options->nr_threads,
	    .seed = options->seed,
	    .stream = run->report.kept.restart.generation * MAX_THREADS,
	    .curve = run->report.kept.now,
	    .kept = run->kept,
	    .kill_at = options->kill_at,
	};
	struct cache_counts *counts = &run->report.counts;
	const struct cache_counts *before = &run->report.load_counts;
	struct progress progress;
	int rc;

	progress_init(&progress, &run->err, "reading", options->nr_reads);
	catch_interrupt();
	rc = trace_run(&config, &progress, &run->report.trace);
	if (rc < 0)
		return fail("threads", strerror(-rc));
	*counts = cache_counts(run->cache);
	counts->promoted -= before->promoted;
	counts->demoted -= before->demoted;
	counts->evicted -= before->evicted;
	counts->turned_away -= before->turned_away;
	counts->out_of_room -= before->out_of_room;
	progress_end(&progress, "%s objects",
	    units_count(report_nr_reads(&run->report)).text);
	return 0;
}

static size_t
rows_for(size_t size)
{
	if (size < 8 * MIB)
		return 4;
	return size < 1024 * MIB ? 8 : 16;
}

static int
draw_svg(struct run *run)
{
	struct picture picture;
	int rc;

	rc = picture_take(&picture, run->region, SVG_ROWS, SVG_COLUMNS);
	if (rc < 0)
		return fail("picture", strerror(-rc));
	picture_write_svg(
	    &picture, run->svg, report_caption(&run->report).text);
	picture_fini(&picture);
	return 0;
}

/* Record the figures of the full cache, then of what is left of it. */
static int
take_figures(struct run *run)
{
	struct report *report = &run->report;
	struct daxkind_space emptied;

	report->content[CACHE_DRAM] = cache_content(run->cache, CACHE_DRAM);
	report->content[CACHE_DAX] = cache_content(run->cache, CACHE_DAX);
	memkind_update_cached_stats();
	if (memkind_get_stat(run->kind, MEMKIND_STAT_TYPE_ALLOCATED,
		&report->allocated) != MEMKIND_SUCCESS ||
	    daxkind_region_space(
		run->region, &report->space, sizeof(report->space)) < 0 ||
	    picture_take(&run->picture, run->region,
		rows_for(report->space.total), COLUMNS) < 0)
		return fail("figures", daxkind_last_error());
	if (run->svg != NULL && draw_svg(run) != 0)
		return EXIT_CANNOT_RUN;
	if (run->curves != NULL)
		report_write_curves(report, run->curves);

	cache_free(run->cache);
	run->cache = NULL;
	if (daxkind_region_space(run->region, &emptied, sizeof(emptied)) < 0)
		return fail("figures", daxkind_last_error());
	report->left_taken = emptied.taken;
	return 0;
}

static int
open_output(const char *path, FILE **file)
{
	if (path == NULL)
		return 0;
	*file = fopen(path, "w");
	return *file == NULL ? fail(path, strerror(errno)) : 0;
}

static int
list_files(struct run *run)
{
	const struct options *options = run->options;
	int rc;

	rc = corpus_list(&run->corpus, options->dirs, options->nr_dirs,
	    options->corpus_size);
	if (rc == -ENOENT)
		return fail(options->dirs[0],
		    "no readable files here (nor in the other directories); "
		    "name a directory that has some");
	if (rc < 0)
		return fail("listing files", strerror(-rc));
	return 0;
}

static int
do_run(struct run *run)
{
	const struct options *options = run->options;
	int status;

	status = open_output(options->svg_path, &run->svg);
	if (status == 0)
		status = open_output(options->curves_path, &run->curves);
	if (status == 0)
		status = list_files(run);
	if (status == 0)
		status = open_region(run);
	if (status == 0)
		status = make_cache(run);
	if (status != 0)
		return status;
	if (!options->want_json)
		report_print_head(&run->report, &run->out);
	load_files(run);
	if (run->kept != NULL)
		status = find_kept(run);
	if (status == 0 && options->want_damage)
		status = damage_object(run);
	if (status == 0)
		status = read_trace(run);
	if (status == 0)
		status = take_figures(run);
	if (status != 0)
		return status;
	if (options->want_json)
		report_print_json(&run->report, stdout);
	else
		report_print(&run->report, &run->picture, &run->out);
	if (options->warm != 0 &&
	    !report_is_warm(&run->report, options->warm)) {
		fprintf(stderr, "tiered_cache: --warm: that is too little\n");
		return EXIT_FAILED;
	}
	return run->report.trace.nr_wrong == 0 ? 0 : EXIT_FAILED;
}

/* Returns -1 if a write to it failed. */
static int
close_checked(FILE *file)
{
	int has_failed = ferror(file);

	return fclose(file) != 0 || has_failed ? -1 : 0;
}

/* End everything that was made, also after a failure. */
static int
end_run(struct run *run)
{
	int status = 0;

	if (run->svg != NULL && close_checked(run->svg) < 0)
		status = fail(run->options->svg_path, "could not be written");
	if (run->curves != NULL && close_checked(run->curves) < 0)
		status =
		    fail(run->options->curves_path, "could not be written");
	picture_fini(&run->picture);
	cache_free(run->cache);
	kept_close(run->kept);
	free(run->report.kept.before);
	if (run->kind != NULL && memkind_destroy_kind(run->kind) != 0)
		status = fail("kind", daxkind_last_error());
	if (daxkind_region_close(run->region) < 0)
		status = fail("region", daxkind_last_error());
	zipf_fini(&run->zipf);
	corpus_fini(&run->corpus);
	return status;
}

int
main(int argc, char **argv)
{
	static struct run run; /* its histograms are too large for the stack */
	struct options options;
	int end_status;
	int status;

	setlocale(LC_CTYPE, "");
	switch (options_parse(argc, argv, &options)) {
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_BAD:
		return EXIT_CANNOT_RUN;
	case OPTIONS_RUN:
		break;
	}
	run.options = &options;
	run.report.options = &options;
	run.report.corpus = &run.corpus;
	run.out = terminal_of(stdout, options.want_colour);
	run.err = terminal_of(stderr, options.want_colour);

	status = do_run(&run);
	end_status = end_run(&run);
	if (fflush(stdout) != 0 || ferror(stdout))
		end_status = fail("standard output", "could not be written");
	return status != 0 ? status : end_status;
}
