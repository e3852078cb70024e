// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_report.c -- see bench_report.h.
 */
#include "bench_report.h"

#include <daxkind.h>
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_allocators.h"
#include "bench_bars.h"
#include "bench_results.h"
#include "bench_workloads.h"

/* --- table ------------------------------------------------------------------------ */

/* Four significant digits, or all of them from 1,000 on. */
static void
format(char *text, size_t size, double value)
{
	double to = fabs(value);
	int digits = to < 10 ? 3 : to < 100 ? 2 : to < 1000 ? 1 : 0;

	(void)snprintf(text, size, "%.*f", digits, value);
}

static void
print_figure(const struct bench_figure *f, const char *base)
{
	struct bench_summary s, ratio;
	char median[32], min[32], max[32];

	if (!bench_results_summary(f, &s))
		return;
	format(median, sizeof(median), s.median);
	format(min, sizeof(min), s.min);
	format(max, sizeof(max), s.max);
	(void)printf("%-13s %-16s %-14s %10s  %9s .. %-9s", f->workload,
	    f->metric, f->allocator, median, min, max);
	if (strcmp(f->allocator, base) != 0 &&
	    bench_results_ratio(
		f, bench_results_find(base, f->workload, f->metric), &ratio))
		(void)printf(" %8.2f", ratio.median);
	(void)printf("\n");
}

/* Print the figures of all allocators with the same name. */
static void
print_metric(const struct bench_figure *first, const char *base)
{
	const struct bench_figure *f;

	for (size_t i = 0; (f = bench_results_at(i)) != NULL; i++) {
		if (strcmp(f->workload, first->workload) == 0 &&
		    strcmp(f->metric, first->metric) == 0)
			print_figure(f, base);
	}
}

enum {
	MAX_POINTS = 24, /* for a series in the table */
	FEWER_POINTS = 10
};

/* Whether both belong to one series, such as "ns@64" and "ns@128". */
static bool
is_same_series(const struct bench_figure *f, const struct bench_figure *g)
{
	size_t len = strcspn(f->metric, "@");

	return f->metric[len] == '@' && strcmp(f->workload, g->workload) == 0 &&
	       strcmp(f->allocator, g->allocator) == 0 &&
	       strncmp(f->metric, g->metric, len + 1) == 0;
}

/* For a long series, show every tenth point, and the last. */
static bool
is_shown(const struct bench_figure *f)
{
	const struct bench_figure *g;
	size_t nr = 0, at = 0;

	for (size_t i = 0; (g = bench_results_at(i)) != NULL; i++) {
		if (g == f)
			at = nr;
		nr += is_same_series(f, g);
	}
	return nr <= MAX_POINTS || at % (nr / FEWER_POINTS) == 0 ||
	       at == nr - 1;
}

static bool
is_first(size_t at)
{
	const struct bench_figure *f = bench_results_at(at);

	for (size_t i = 0; i < at; i++) {
		const struct bench_figure *g = bench_results_at(i);

		if (strcmp(f->workload, g->workload) == 0 &&
		    strcmp(f->metric, g->metric) == 0)
			return false;
	}
	return true;
}

void
bench_report_table(const struct bench_about *about)
{
	const struct bench_figure *f;
	double load = 0;

	(void)getloadavg(&load, 1);
	(void)printf("%zu runs, medians; %ld processors, load %.1f\n"
		     "%-13s %-16s %-14s %10s  %9s .. %-9s %8s\n",
	    about->nr_runs, sysconf(_SC_NPROCESSORS_ONLN), load, "workload",
	    "figure", "allocator", "median", "min", "max", "ratio");
	bool is_all = true;
	for (size_t i = 0; (f = bench_results_at(i)) != NULL; i++) {
		if (!is_first(i))
			continue;
		if (is_shown(f))
			print_metric(f, about->base);
		else
			is_all = false;
	}
	(void)printf("ratio: to %s, run by run\n", about->base);
	if (!is_all)
		(void)printf("one in ten points of a long series; --json has "
			     "all\n");
}

static void
print_bar(const struct bench_bar *b, bool has, double value, bool is_met)
{
	(void)printf(
	    "%-42s %s %7g", b->what, b->is_at_least ? ">=" : "<=", b->limit);
	if (has)
		(void)printf(" %10.4f", value);
	else
		(void)printf(" %10s", "-");
	(void)printf(" %-13s %s\n", b->unit,
	    !has     ? "not measured"
	    : is_met ? "met"
		     : "MISSED");
}

unsigned
bench_report_bars(bool prints)
{
	unsigned nr_missed = 0;

	if (prints)
		(void)printf(
		    "\n%-42s %10s %10s  %s\n", "bar", "limit", "measured", "");
	for (const struct bench_bar *b = Bench_bars; b->what != NULL; b++) {
		double value = 0;
		bool has = bench_bar_measure(b, &value);
		bool is_met = has && bench_bar_is_met(b, value);

		if (prints)
			print_bar(b, has, value, is_met);
		nr_missed += has && !is_met;
	}
	return nr_missed;
}

/* --- JSON -------------------------------------------------------------------------- */

static void
add_string(struct json_object *to, const char *key, const char *value)
{
	(void)json_object_object_add(
	    to, key, value != NULL ? json_object_new_string(value) : NULL);
}

static void
add_number(struct json_object *to, const char *key, double value)
{
	(void)json_object_object_add(
	    to, key, isfinite(value) ? json_object_new_double(value) : NULL);
}

static struct json_object *
new_figure(const struct bench_figure *f, const char *base)
{
	struct json_object *o = json_object_new_object();
	struct json_object *values = json_object_new_array();
	const char *at = strchr(f->metric, '@');
	struct bench_summary s;

	add_string(o, "allocator", f->allocator);
	add_string(o, "workload", f->workload);
	if (at != NULL) {
		char *name = strndup(f->metric, (size_t)(at - f->metric));

		add_string(o, "figure", name);
		free(name);
		add_number(o, "at", strtod(at + 1, NULL));
	} else {
		add_string(o, "figure", f->metric);
	}
	for (size_t i = 0; i < f->nr_values; i++)
		(void)json_object_array_add(
		    values, isfinite(f->values[i])
				? json_object_new_double(f->values[i])
				: NULL);
	(void)json_object_object_add(o, "values", values);
	if (bench_results_summary(f, &s)) {
		add_number(o, "median", s.median);
		add_number(o, "min", s.min);
		add_number(o, "max", s.max);
	}
	if (bench_results_ratio(
		f, bench_results_find(base, f->workload, f->metric), &s))
		add_number(o, "ratio", s.median);
	return o;
}

static struct json_object *
new_bar(const struct bench_bar *b)
{
	struct json_object *o = json_object_new_object();
	double value;
	bool has = bench_bar_measure(b, &value);

	add_string(o, "bar", b->what);
	add_string(o, b->is_at_least ? "at_least_of" : "at_most_of", b->unit);
	add_number(o, "limit", b->limit);
	add_number(o, "measured", has ? value : NAN);
	(void)json_object_object_add(o, "is_met",
	    has ? json_object_new_boolean(bench_bar_is_met(b, value)) : NULL);
	return o;
}

static struct json_object *
new_report(const struct bench_about *about)
{
	struct json_object *o = json_object_new_object();
	struct json_object *figures = json_object_new_array();
	struct json_object *bars = json_object_new_array();
	const struct bench_figure *f;
	struct utsname uts;
	double load = 0;

	(void)getloadavg(&load, 1);
	(void)json_object_object_add(
	    o, "daxkind_version", json_object_new_int(daxkind_version()));
	add_string(o, "kernel", uname(&uts) == 0 ? uts.release : NULL);
	(void)json_object_object_add(o, "processors",
	    json_object_new_int64(sysconf(_SC_NPROCESSORS_ONLN)));
	add_number(o, "load", load);
	(void)json_object_object_add(
	    o, "runs", json_object_new_int64((int64_t)about->nr_runs));
	add_string(o, "region", about->region);
	(void)json_object_object_add(
	    o, "size", json_object_new_int64((int64_t)about->size));
	add_string(o, "base", about->base);
	for (size_t i = 0; (f = bench_results_at(i)) != NULL; i++)
		(void)json_object_array_add(
		    figures, new_figure(f, about->base));
	(void)json_object_object_add(o, "figures", figures);
	for (const struct bench_bar *b = Bench_bars; b->what != NULL; b++)
		(void)json_object_array_add(bars, new_bar(b));
	(void)json_object_object_add(o, "bars", bars);
	return o;
}

int
bench_report_json(const char *path, const struct bench_about *about)
{
	bool is_stdout = strcmp(path, "-") == 0;
	FILE *to = is_stdout ? stdout : fopen(path, "we");

	if (to == NULL)
		return -errno;
	struct json_object *report = new_report(about);
	int rc = fprintf(to, "%s\n",
		     json_object_to_json_string_ext(report,
			 JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED)) < 0
		     ? -EIO
		     : 0;

	(void)json_object_put(report);
	if (!is_stdout && fclose(to) != 0)
		rc = -EIO;
	return rc;
}

/* --- plots ---------------------------------------------------------------------------- */

struct plot {
	const char *name, *workload, *metric;
	const char *settings; /* for gnuplot */
};

static const struct plot Plots[] = {
    {"ns-by-size", "sizes", "ns",
	"set title 'malloc and free of one size, 100 live'\n"
	"set xlabel 'size in bytes'\n"
	"set ylabel 'ns of processor time'\n"
	"set logscale x 2\nset logscale y 10\n"
	"set xtics ('16' 16, '64' 64, '256' 256, '1 Ki' 1024, '4 Ki' 4096, "
	"'16 Ki' 16384, '64 Ki' 65536, '256 Ki' 262144, '1 Mi' 1048576, "
	"'4 Mi' 4194304)\n"
	"set key left top\n"},
    {"ns-by-threads", "threads", "ns",
	"set title 'replace one of 10,000 blocks of 16-1,024 B in each "
	"thread'\n"
	"set xlabel 'threads'\n"
	"set ylabel 'ns of processor time'\n"
	"set logscale x 2\nset logscale y 10\n"
	"set xrange [1:16.5]\nset xtics (1, 2, 4, 8, 16)\n"
	"set key left top\n"},
    {"space-over-time", "life", "held",
	"set title 'file space held; 40 % live, sizes change, free all at the "
	"end'\n"
	"set xlabel '% of the time'\nset xrange [0:100]\n"
	"set ylabel 'share of the area'\nset yrange [0:1.05]\n"
	"set key left bottom\n"},
    {"largest-over-time", "life", "largest",
	"set title 'largest block to be had; 40 % live, sizes change, free "
	"all at the end'\n"
	"set xlabel '% of the time'\nset xrange [0:100]\n"
	"set ylabel 'share of the area'\nset yrange [0:1.05]\n"
	"set key center top\n"},
};

/* In the order of the list of allocators. */
enum {
	NR_COLOURS = 8
};
static const char *const Colours[NR_COLOURS] = {"#c51b1b", "#f08060", "#1f5fbf",
    "#7fb0e8", "#1a8a4a", "#8a4fbf", "#707070", "#c0c0c0"};

static FILE *
open_in(const char *dir, const char *name, const char *suffix)
{
	char path[4096];
	int len = snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);

	if (len < 0 || (size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return fopen(path, "we");
}

/* Write one block of lines "x median min max" for each allocator. */
static unsigned
write_data(FILE *to, const struct plot *plot, const char *names[], unsigned max)
{
	size_t len = strlen(plot->metric);
	const struct bench_figure *f;
	unsigned nr = 0;

	for (size_t i = 0; (f = bench_results_at(i)) != NULL; i++) {
		struct bench_summary s;

		if (strcmp(f->workload, plot->workload) != 0 ||
		    strncmp(f->metric, plot->metric, len) != 0 ||
		    f->metric[len] != '@' || !bench_results_summary(f, &s))
			continue;
		if (nr == 0 || strcmp(names[nr - 1], f->allocator) != 0) {
			if (nr == max)
				break;
			(void)fprintf(
			    to, "%s# %s\n", nr > 0 ? "\n\n" : "", f->allocator);
			names[nr++] = f->allocator;
		}
		(void)fprintf(to, "%s %.6g %.6g %.6g\n", f->metric + len + 1,
		    s.median, s.min, s.max);
	}
	return nr;
}

static void
write_script(
    FILE *to, const struct plot *plot, const char *const names[], unsigned nr)
{
	(void)fprintf(to,
	    "# gnuplot %s.gp\n"
	    "set terminal svg size 800,480 font 'sans,14' background '#ffffff'\n"
	    "set output '%s.svg'\nset grid lc rgb '#dddddd'\n%splot ",
	    plot->name, plot->name, plot->settings);
	for (unsigned i = 0; i < nr; i++) {
		ptrdiff_t nr_colour =
		    bench_allocator_find(names[i]) - Bench_allocators;

		(void)fprintf(to,
		    "%s'%s.dat' index %u using 1:2 with lines lw %s "
		    "lc rgb '%s' title '%s'",
		    i > 0 ? ", \\\n  " : "", plot->name, i,
		    strncmp(names[i], "daxkind", 7) == 0 ? "3" : "1.5",
		    Colours[nr_colour % NR_COLOURS], names[i]);
	}
	(void)fprintf(to, "\n");
}

/* Returns 0; -ENOENT: there is no gnuplot; -EIO: it failed. */
static int
run_gnuplot(const char *dir, const char *name)
{
	char script[256];
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status;

	(void)snprintf(script, sizeof(script), "%s.gp", name);
	char *const args[] = {(char[]){"gnuplot"}, script, NULL};
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	int rc = posix_spawn_file_actions_addchdir_np(&actions, dir);
	if (rc == 0)
		rc = posix_spawnp(
		    &pid, "gnuplot", &actions, NULL, args, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (rc != 0)
		return -rc;
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return -EIO;
	return 0;
}

static int
draw(const char *dir, const struct plot *plot)
{
	const char *names[16];
	FILE *data = open_in(dir, plot->name, ".dat");

	if (data == NULL)
		return -errno;
	unsigned nr =
	    write_data(data, plot, names, sizeof(names) / sizeof(names[0]));
	if (fclose(data) != 0)
		return -EIO;
	if (nr == 0)
		return 0;
	FILE *script = open_in(dir, plot->name, ".gp");
	if (script == NULL)
		return -errno;
	write_script(script, plot, names, nr);
	if (fclose(script) != 0)
		return -EIO;
	return run_gnuplot(dir, plot->name);
}

int
bench_report_make_dir(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return -1;
	if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	return access(dir, W_OK);
}

int
bench_report_plots(const char *dir)
{
	for (size_t i = 0; i < sizeof(Plots) / sizeof(Plots[0]); i++) {
		int rc = draw(dir, &Plots[i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}
