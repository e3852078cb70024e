/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_worker.h -- the measuring processes, and their start.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "bench_allocators.h"
#include "bench_workloads.h"

/* One run of one workload on one allocator. */
struct bench_job {
	const struct bench_allocator *allocator;
	const struct bench_workload *workload; /* NULL: only try to open */
	struct bench_place place;
	struct bench_how how;
};

/* Run the job in this process; returns the exit status. */
int bench_worker_run(const struct bench_job *job);

/* Start a process for the job and wait for it. visit gets each figure.  False:
 * it failed. */
bool bench_worker_start(const struct bench_job *job,
    void (*visit)(void *arg, const char *metric, double value), void *arg);
/* Whether the job's allocator can be opened.  Unless is_quiet, the process
 * prints the reason on standard error. */
bool bench_worker_probe(const struct bench_job *job, bool is_quiet);
/* Count the instructions of the job's process with callgrind.  False: no
 * valgrind, or it failed. */
bool bench_worker_count(const struct bench_job *job, double *instructions);

#endif /* BENCH_WORKER_H */
