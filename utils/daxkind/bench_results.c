// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_results.c -- see bench_results.h.
 */
#include "bench_results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_workloads.h"

static struct bench_figure *Figures;
static size_t Nr_figures, Max_figures;

static void *
must(void *ptr)
{
	if (ptr == NULL)
		bench_give_up("out of memory");
	return ptr;
}

static struct bench_figure *
find(const char *allocator, const char *workload, const char *metric)
{
	for (size_t i = 0; i < Nr_figures; i++) {
		struct bench_figure *f = &Figures[i];

		if (strcmp(f->metric, metric) == 0 &&
		    strcmp(f->workload, workload) == 0 &&
		    strcmp(f->allocator, allocator) == 0)
			return f;
	}
	return NULL;
}

static struct bench_figure *
append(const char *allocator, const char *workload, const char *metric)
{
	if (Nr_figures == Max_figures) {
		Max_figures = Max_figures * 2 + 64;
		Figures =
		    must(reallocarray(Figures, Max_figures, sizeof(*Figures)));
	}
	struct bench_figure *f = &Figures[Nr_figures++];

	*f = (struct bench_figure){
	    .allocator = must(strdup(allocator)),
	    .workload = must(strdup(workload)),
	    .metric = must(strdup(metric)),
	};
	return f;
}

void
bench_results_add(const char *allocator, const char *workload,
    const char *metric, size_t run, double value)
{
	struct bench_figure *f = find(allocator, workload, metric);

	if (f == NULL)
		f = append(allocator, workload, metric);
	if (run >= f->nr_values) {
		f->values =
		    must(reallocarray(f->values, run + 1, sizeof(*f->values)));
		while (f->nr_values <= run)
			f->values[f->nr_values++] = NAN;
	}
	f->values[run] = value;
}

const struct bench_figure *
bench_results_at(size_t i)
{
	return i < Nr_figures ? &Figures[i] : NULL;
}

const struct bench_figure *
bench_results_find(
    const char *allocator, const char *workload, const char *metric)
{
	return find(allocator, workload, metric);
}

static bool
summarize(double *values, size_t nr, struct bench_summary *summary)
{
	if (nr == 0)
		return false;
	summary->median = bench_median(values, nr); /* sorts values */
	summary->min = values[0];
	summary->max = values[nr - 1];
	return true;
}

/* Divide by the figures of base, unless that is NULL. */
static bool
summarize_ratio(const struct bench_figure *figure,
    const struct bench_figure *base, struct bench_summary *summary)
{
	double *values = must(calloc(figure->nr_values, sizeof(*values)));
	size_t nr = 0;

	for (size_t i = 0; i < figure->nr_values; i++) {
		double value = figure->values[i];

		if (base != NULL)
			value =
			    i < base->nr_values ? value / base->values[i] : NAN;
		if (isfinite(value))
			values[nr++] = value;
	}
	bool any = summarize(values, nr, summary);
	free(values);
	return any;
}

bool
bench_results_summary(
    const struct bench_figure *figure, struct bench_summary *summary)
{
	return figure != NULL && summarize_ratio(figure, NULL, summary);
}

bool
bench_results_ratio(const struct bench_figure *figure,
    const struct bench_figure *base, struct bench_summary *summary)
{
	return figure != NULL && base != NULL &&
	       summarize_ratio(figure, base, summary);
}

void
bench_results_clear(void)
{
	for (size_t i = 0; i < Nr_figures; i++) {
		free(Figures[i].allocator);
		free(Figures[i].workload);
		free(Figures[i].metric);
		free(Figures[i].values);
	}
	free(Figures);
	Figures = NULL;
	Nr_figures = 0;
	Max_figures = 0;
}
