// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_driver.c -- daxkind-bench, the program behind daxkind bench: allocators
 * side by side.
 *
 * It is a separate program because, like the users' programs, it is linked with
 * the shared library, and the daxkind command is not.
 *
 * Each measurement is a separate process: this program with --worker, for one
 * allocator and one workload.  It prints figures as lines of text.  So an
 * allocator may replace malloc (LD_PRELOAD), crash or hang without affecting
 * the others.
 *
 *   bench_driver.c      options, which job runs when
 *   bench_worker.c      the processes that measure
 *   bench_allocators.c  this library, its peers, and how they are called
 *   bench_workloads.c   the list of workloads; those about time
 *   bench_kinds.c       those about kinds: create, detect, policy, realloc
 *   bench_space.c       those about space
 *   bench_durable.c     those about walks and traces of durable heaps
 *   bench_reopen.c      those about opening durable heaps again
 *   bench_results.c     figures by allocator, workload and metric
 *   bench_bars.c        what is promised, held against the figures
 *   bench_report.c      table, JSON, plots
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "bench_allocators.h"
#include "bench_bars.h"
#include "bench_report.h"
#include "bench_results.h"
#include "bench_worker.h"
#include "bench_workloads.h"
#include "options.h"

enum {
	MAX_ALLOCATORS = 16,
	MAX_WORKLOADS = 32,
	DEFAULT_RUNS = 5,
	MAX_RUNS = 1000,
	MAX_SECONDS = 1000,
	SPACE_RUNS = 3, /* their figures vary little */
	QUICK_PART = 10,
	/* Instructions are the difference between runs of these lengths. */
	FEW_OPS = 20000,
	MANY_OPS = 60000
};
#define DEFAULT_SIZE ((size_t)4 << 30)
#define DEFAULT_SECONDS 0.5
#define QUICK_SECONDS 0.1

struct options {
	size_t nr_runs;
	const char *base;
	struct bench_place place;
	struct bench_how how;
	const char *allocators, *workloads, *instructions; /* lists, or NULL */
	const char *json, *plot, *worker;
	bool is_quick, is_list, has_bars, has_runs, has_seconds;
};

/* The selection to run. */
static const struct bench_allocator *Allocators[MAX_ALLOCATORS + 1];
static const struct bench_workload *Workloads[MAX_WORKLOADS + 1];
static const struct bench_workload *Counted[MAX_WORKLOADS + 1];

static void
print_usage(FILE *to)
{
	(void)fputs(
	    "usage: daxkind bench [OPTION]...\n"
	    "\n"
	    "Compare this library with other allocators.\n"
	    "\n"
	    "  --allocator NAME,...  only these (--list)\n"
	    "  --workload NAME,...   only these (--list)\n"
	    "  --runs N              runs, interleaved [5; about space 3]\n"
	    "  --seconds S           processor time for a figure [0.5]\n"
	    "  --quick               1 run, short: to see it work\n"
	    "  --region PATH         directory or device for the heaps\n"
	    "                        [an unlinked file in /dev/shm, mapped]\n"
	    "  --size BYTES          of the heap (K, M, G) [4G; about space:\n"
	    "                        always 256M]\n"
	    "  --base NAME           allocator that ratios are to [jemalloc]\n"
	    "  --instructions NAME,...\n"
	    "                        count instructions of these workloads, by\n"
	    "                        valgrind\n"
	    "  --bars                what is promised of this library, and\n"
	    "                        whether it holds (exit status 1: it does\n"
	    "                        not)\n"
	    "  --json FILE           all figures as JSON, too\n"
	    "  -j                    as JSON instead of text\n"
	    "  --plot DIR            SVG by gnuplot, with data and scripts\n"
	    "  --list                allocators that are there, workloads\n"
	    "\n"
	    "Each figure is taken in a process of its own, in turn for all\n"
	    "allocators.  All are called in the same way, by pointers loaded\n"
	    "for each call, from the same loops; the allocator \"floor\" does\n"
	    "nothing and shows what the driver itself costs.  Times are\n"
	    "processor time of the whole process for each operation.\n",
	    to);
}

/* --- options ---------------------------------------------------------------------- */

/* Print an error on standard error; returns false. */
static bool __attribute__((format(printf, 1, 2))) complain(const char *fmt, ...)
{
	va_list args;

	(void)fputs("daxkind bench: ", stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	return false;
}

/* Parse a number from 1 to max. */
static bool
take_count(const char *option, const char *text, size_t max, size_t *number)
{
	size_t n;

	if (!parse_number(text, &n) || n == 0 || n > max)
		return complain("%s \"%s\" is not a number from 1 to %zu",
		    option, text, max);
	*number = n;
	return true;
}

static bool
take_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return (end != text && *end == '\0' && *seconds > 0 &&
		   *seconds < MAX_SECONDS) ||
	       complain("--seconds \"%s\" is not a time above 0 and below %d",
		   text, MAX_SECONDS);
}

static bool
take_size(const char *text, size_t *size)
{
	return (parse_size(text, size) && *size >= MEMKIND_PMEM_MIN_SIZE) ||
	       complain("--size \"%s\" is not a size of at least %d MiB, "
			"such as 4G",
		   text, (int)(MEMKIND_PMEM_MIN_SIZE >> 20));
}

/* Call add for each name of a list, until it returns false. */
static bool
for_each(const char *list, bool (*add)(const char *name))
{
	for (;;) {
		size_t len = strcspn(list, ",");
		char *name = strndup(list, len);
		bool ok = name != NULL ? add(name) : complain("no memory");

		free(name);
		if (!ok || list[len] == '\0')
			return ok;
		list += len + 1;
	}
}

static bool
add_allocator(const char *name)
{
	const struct bench_allocator *a = bench_allocator_find(name);
	size_t nr = 0;

	if (a == NULL)
		return complain(
		    "there is no allocator \"%s\"; see --list", name);
	while (Allocators[nr] != NULL && Allocators[nr] != a)
		nr++;
	Allocators[nr] = a;
	return true;
}

static const struct bench_workload *
find_workload(const char *name)
{
	const struct bench_workload *w = bench_workload_find(name);

	if (w == NULL)
		(void)complain("there is no workload \"%s\"; see --list", name);
	return w;
}

static void
add_to(const struct bench_workload **list, const struct bench_workload *w)
{
	size_t nr = 0;

	while (list[nr] != NULL && list[nr] != w)
		nr++;
	list[nr] = w;
}

static bool
add_workload(const char *name)
{
	const struct bench_workload *w = find_workload(name);

	if (w != NULL)
		add_to(Workloads, w);
	return w != NULL;
}

static bool
add_counted(const char *name)
{
	const struct bench_workload *w = find_workload(name);

	if (w == NULL)
		return false;
	if (w->nr_counted == 0)
		return complain(
		    "the instructions of %s cannot be counted", name);
	add_to(Counted, w);
	return true;
}

enum {
	OPT_ALLOCATOR = 256,
	OPT_WORKLOAD,
	OPT_RUNS,
	OPT_SECONDS,
	OPT_QUICK,
	OPT_REGION,
	OPT_SIZE,
	OPT_BASE,
	OPT_INSTRUCTIONS,
	OPT_BARS,
	OPT_JSON,
	OPT_PLOT,
	OPT_LIST,
	OPT_HELP,
	OPT_WORKER, /* options of a worker */
	OPT_OPS,
	OPT_PART
};

static const struct option Long_options[] = {
    {"allocator", required_argument, NULL, OPT_ALLOCATOR},
    {"workload", required_argument, NULL, OPT_WORKLOAD},
    {"runs", required_argument, NULL, OPT_RUNS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"quick", no_argument, NULL, OPT_QUICK},
    {"region", required_argument, NULL, OPT_REGION},
    {"size", required_argument, NULL, OPT_SIZE},
    {"base", required_argument, NULL, OPT_BASE},
    {"instructions", required_argument, NULL, OPT_INSTRUCTIONS},
    {"bars", no_argument, NULL, OPT_BARS},
    {"json", required_argument, NULL, OPT_JSON},
    {"plot", required_argument, NULL, OPT_PLOT},
    {"list", no_argument, NULL, OPT_LIST},
    {"help", no_argument, NULL, OPT_HELP},
    {"worker", required_argument, NULL, OPT_WORKER},
    {"ops", required_argument, NULL, OPT_OPS},
    {"part", required_argument, NULL, OPT_PART},
    {NULL, 0, NULL, 0},
};

/* False: the argument is invalid, and an error was printed. */
static bool
take_option(struct options *o, int option, const char *arg)
{
	size_t n = 0;

	switch (option) {
	case OPT_ALLOCATOR:
		o->allocators = arg;
		return true;
	case OPT_WORKLOAD:
		o->workloads = arg;
		return true;
	case OPT_RUNS:
		o->has_runs = true;
		return take_count("--runs", arg, MAX_RUNS, &o->nr_runs);
	case OPT_SECONDS:
		o->has_seconds = true;
		return take_seconds(arg, &o->how.seconds);
	case OPT_QUICK:
		o->is_quick = true;
		return true;
	case OPT_REGION:
		/* As in other commands, "shm" is the default. */
		o->place.region = strcmp(arg, "shm") == 0 ? NULL : arg;
		return true;
	case OPT_SIZE:
		return take_size(arg, &o->place.size);
	case OPT_BASE:
		o->base = arg;
		return bench_allocator_find(arg) != NULL ||
		       complain("--base \"%s\" is not an allocator; see --list",
			   arg);
	case OPT_INSTRUCTIONS:
		o->instructions = arg;
		return true;
	case OPT_BARS:
		o->has_bars = true;
		return true;
	case OPT_JSON:
		o->json = arg;
		return true;
	case 'j':
		o->json = "-";
		return true;
	case OPT_PLOT:
		o->plot = arg;
		return true;
	case OPT_LIST:
		o->is_list = true;
		return true;
	case OPT_WORKER:
		o->worker = arg;
		return true;
	case OPT_OPS:
		return parse_number(arg, &o->how.nr_ops);
	case OPT_PART:
		if (!take_count("--part", arg, QUICK_PART, &n))
			return false;
		o->how.part = (unsigned)n;
		return true;
	default:
		return complain("%s", options_complaint());
	}
}

/* Returns -1 to go on, else the exit status. */
static int
parse(struct options *o, int argc, char **argv)
{
	bool ok = true;
	int option;

	while (ok &&
	       (option = options_next(argc, argv, "hj", Long_options)) != -1) {
		if (option == 'h' || option == OPT_HELP) {
			print_usage(stdout);
			return fflush(stdout) == 0 ? 0 : 1;
		}
		ok = take_option(o, option, optarg);
	}
	if (ok && optind < argc)
		ok = complain("unexpected argument \"%s\"", argv[optind]);
	if (!ok) {
		(void)fputs("usage: daxkind bench [OPTION]...; daxkind bench "
			    "--help tells all\n",
		    stderr);
		return 2;
	}
	if (o->is_quick) {
		o->how.part = QUICK_PART;
		if (!o->has_runs)
			o->nr_runs = 1;
		if (!o->has_seconds)
			o->how.seconds = QUICK_SECONDS;
	}
	return -1;
}

/* --- selection ------------------------------------------------------ */

static bool
is_there(
    const struct bench_allocator *a, const struct options *o, bool is_quiet)
{
	const struct bench_job job = {
	    .allocator = a, .place = o->place, .how = o->how};

	return bench_worker_probe(&job, is_quiet);
}

static void
print_list(const struct options *o)
{
	static const char *const groups[] = {
	    "speed", "space", "restart", "plot"};
	char packages[256] = "";

	for (const struct bench_allocator *a = Bench_allocators;
	     a->name != NULL; a++) {
		bool there = is_there(a, o, true);

		(void)printf("%-14s %-8s %s\n", a->name, there ? "" : "missing",
		    a->about);
		if (!there && a->package != NULL &&
		    strstr(packages, a->package) == NULL) {
			size_t len = strlen(packages);

			(void)snprintf(packages + len, sizeof(packages) - len,
			    " %s", a->package);
		}
	}
	if (packages[0] != '\0')
		(void)printf(
		    "for what is missing: apt-get install%s\n", packages);
	(void)printf("\n");
	for (const struct bench_workload *w = Bench_workloads; w->name != NULL;
	     w++)
		(void)printf(
		    "%-14s %-8s %s\n", w->name, groups[w->group], w->about);
}

/* Workloads to run if none was named: those about time and space, unless only
 * plots or instructions are requested. */
static bool
is_meant(const struct options *o, const struct bench_workload *w)
{
	if (o->workloads != NULL)
		return false;
	if (w->group == BENCH_PLOT)
		return o->plot != NULL;
	return o->has_bars || (o->plot == NULL && o->instructions == NULL);
}

static bool
has(const struct bench_allocator *a, const struct bench_workload *w)
{
	return (a->traits & w->needs) == w->needs;
}

/* Whether each workload has an allocator. */
static bool
check_needs(void)
{
	for (size_t i = 0; Workloads[i] != NULL; i++) {
		size_t nr = 0;

		while (Allocators[nr] != NULL &&
		       !has(Allocators[nr], Workloads[i]))
			nr++;
		if (Allocators[nr] == NULL)
			return complain("%s does not apply to any of these "
					"allocators",
			    Workloads[i]->name);
	}
	return true;
}

/* Choose allocators and workloads.  Leaves out those that are missing, with a
 * message for those that were named. */
static bool
choose(const struct options *o)
{
	size_t nr = 0;

	if (o->allocators != NULL) {
		if (!for_each(o->allocators, add_allocator))
			return false;
	} else {
		for (const struct bench_allocator *a = Bench_allocators;
		     a->name != NULL; a++) {
			if (!(a->traits & BENCH_EXTRA))
				(void)add_allocator(a->name);
		}
	}
	for (size_t i = 0; Allocators[i] != NULL; i++) {
		if (is_there(Allocators[i], o, false)) {
			Allocators[nr++] = Allocators[i];
			continue;
		}
		(void)fprintf(
		    stderr, "daxkind bench: without %s", Allocators[i]->name);
		if (Allocators[i]->package != NULL)
			(void)fprintf(stderr, " (apt-get install %s?)",
			    Allocators[i]->package);
		(void)fputc('\n', stderr);
	}
	Allocators[nr] = NULL;
	if (nr == 0)
		return complain("no allocator is left");
	if (o->workloads != NULL && !for_each(o->workloads, add_workload))
		return false;
	for (const struct bench_workload *w = Bench_workloads; w->name != NULL;
	     w++) {
		if (is_meant(o, w))
			add_to(Workloads, w);
	}
	if (o->workloads != NULL && !check_needs())
		return false;
	if (o->instructions != NULL)
		return for_each(o->instructions, add_counted);
	if (o->has_bars && o->workloads == NULL)
		return for_each("pair,pair-live,replace", add_counted);
	return true;
}

/* Check what could fail at the end of a long run. */
static bool
check_places(const struct options *o)
{
	const char *why =
	    o->place.region != NULL ? bench_place_check(&o->place) : NULL;

	if (why != NULL)
		return complain("--region %s: %s", o->place.region, why);
	if (o->json != NULL && strcmp(o->json, "-") != 0) {
		FILE *to = fopen(o->json, "ae");

		if (to == NULL)
			return complain(
			    "--json %s: %s", o->json, strerror(errno));
		(void)fclose(to);
	}
	if (o->plot != NULL && bench_report_make_dir(o->plot) < 0)
		return complain("--plot %s: %s", o->plot, strerror(errno));
	return true;
}

/* --- runs --------------------------------------------------------------------------------- */

struct where {
	const struct bench_job *job;
	size_t run;
};

static void
keep(void *arg, const char *metric, double value)
{
	const struct where *where = arg;

	bench_results_add(where->job->allocator->name,
	    where->job->workload->name, metric, where->run, value);
}

static void
show_progress(const char *what, const struct bench_job *job, size_t run)
{
	if (isatty(2))
		(void)fprintf(stderr, "\r\033[K%s %zu: %s, %s\r", what, run + 1,
		    job->workload->name, job->allocator->name);
}

static unsigned
run_workload(
    const struct options *o, const struct bench_workload *w, size_t run)
{
	unsigned nr_failed = 0;

	for (size_t i = 0; Allocators[i] != NULL; i++) {
		struct bench_job job = {
		    .allocator = Allocators[i],
		    .workload = w,
		    .place = o->place,
		    .how = o->how,
		};
		struct where where = {.job = &job, .run = run};

		if (!has(job.allocator, w))
			continue;
		if (w->needs & BENCH_BOUNDED)
			job.place.size = BENCH_SPACE_SIZE;
		show_progress("run", &job, run);
		if (!bench_worker_start(&job, keep, &where)) {
			(void)fprintf(stderr,
			    "daxkind bench: %s failed in %s\n",
			    job.allocator->name, w->name);
			nr_failed++;
		}
	}
	return nr_failed;
}

/* Workloads are interleaved, so that a disturbance of the machine affects
 * all. */
static unsigned
run_all(const struct options *o)
{
	unsigned nr_failed = 0;

	for (size_t run = 0; run < o->nr_runs; run++) {
		for (size_t i = 0; Workloads[i] != NULL; i++) {
			if (Workloads[i]->group != BENCH_SPEED &&
			    run >= SPACE_RUNS)
				continue;
			nr_failed += run_workload(o, Workloads[i], run);
		}
	}
	return nr_failed;
}

/* Count instructions for each operation: the difference of two counts. */
static bool
count(struct bench_job *job, double *instructions)
{
	double few, many;

	job->how.nr_ops = FEW_OPS;
	if (!bench_worker_count(job, &few))
		return false;
	job->how.nr_ops = MANY_OPS;
	if (!bench_worker_count(job, &many))
		return false;
	*instructions =
	    (many - few) / (MANY_OPS - FEW_OPS) / job->workload->nr_counted;
	return true;
}

static unsigned
count_all(const struct options *o)
{
	unsigned nr_failed = 0;

	for (size_t i = 0; Counted[i] != NULL; i++) {
		for (size_t j = 0; Allocators[j] != NULL; j++) {
			struct bench_job job = {
			    .allocator = Allocators[j],
			    .workload = Counted[i],
			    .place = o->place,
			    .how = o->how,
			};
			double instructions;

			show_progress("instructions", &job, 0);
			if (count(&job, &instructions)) {
				bench_results_add(job.allocator->name,
				    BENCH_INSTRUCTIONS, Counted[i]->name, 0,
				    instructions);
				continue;
			}
			(void)fprintf(stderr,
			    "daxkind bench: no count of %s with %s "
			    "(apt-get install valgrind)\n",
			    Counted[i]->name, job.allocator->name);
			nr_failed++;
		}
	}
	return nr_failed;
}

static int
report(const struct options *o)
{
	const struct bench_about about = {
	    .base = o->base,
	    .nr_runs = o->nr_runs,
	    .region = o->place.region,
	    .size = o->place.size,
	};
	int status = 0;
	int rc = 0;

	if (isatty(2))
		(void)fputs("\r\033[K", stderr);
	bool is_text = o->json == NULL || strcmp(o->json, "-") != 0;
	if (is_text)
		bench_report_table(&about);
	if (o->has_bars && bench_report_bars(is_text) > 0)
		status = 1;
	if (o->json != NULL) {
		rc = bench_report_json(o->json, &about);
		if (rc < 0) {
			(void)complain("--json %s: %s", o->json, strerror(-rc));
			status = 1;
		}
	}
	if (o->plot != NULL) {
		rc = bench_report_plots(o->plot);
		if (rc < 0) {
			(void)complain("--plot %s: %s", o->plot,
			    rc == -ENOENT ? "there is no gnuplot (apt-get "
					    "install gnuplot-nox)"
					  : strerror(-rc));
			status = 1;
		}
	}
	return status;
}

int
main(int argc, char **argv)
{
	struct options o = {
	    .nr_runs = DEFAULT_RUNS,
	    .base = "jemalloc",
	    .place = {.size = DEFAULT_SIZE},
	    .how = {.seconds = DEFAULT_SECONDS, .part = 1},
	};
	int status = parse(&o, argc, argv);

	if (status >= 0)
		return status;
	if (o.worker != NULL) {
		const struct bench_job job = {
		    .allocator = bench_allocator_find(o.worker),
		    .workload = o.workloads != NULL
				    ? bench_workload_find(o.workloads)
				    : NULL,
		    .place = o.place,
		    .how = o.how,
		};

		return job.allocator != NULL ? bench_worker_run(&job) : 2;
	}
	if (!check_places(&o))
		return 1;
	if (o.is_list) {
		print_list(&o);
		return 0;
	}
	if (!choose(&o))
		return 2;
	unsigned nr_failed = run_all(&o) + count_all(&o);
	status = report(&o);
	bench_results_clear();
	return nr_failed > 0 ? 1 : status;
}
