/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_worker.h -- the processes that measure, seen from both sides.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "bench_allocators.h"
#include "bench_workloads.h"

/* One allocator, one workload, once. */
struct bench_job {
	const struct bench_allocator *allocator;
	const struct bench_workload *workload; /* NULL: can it be opened? */
	struct bench_place place;
	struct bench_how how;
};

/* In the process itself: returns its exit status. */
int bench_worker_run(const struct bench_job *job);

/* Start a process for the job and wait for it.  visit gets each figure.
 * False: it failed. */
bool bench_worker_start(const struct bench_job *job,
    void (*visit)(void *arg, const char *metric, double value), void *arg);
/* Whether the job's allocator can be opened; a process that cannot says why
 * on standard error, unless is_quiet. */
bool bench_worker_probe(const struct bench_job *job, bool is_quiet);
/* Instructions that the job's process takes, by callgrind.  False: no valgrind,
 * or it failed. */
bool bench_worker_count(const struct bench_job *job, double *instructions);

#endif /* BENCH_WORKER_H */
