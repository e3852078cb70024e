/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h -- daxkind bench: allocators side by side.
 *
 * cmd_bench() is the driver.  Each measurement is a process of its own, which
 * is this program again with --worker: one allocator, one workload, figures as
 * lines of text on its standard output.  So an allocator may replace malloc
 * (LD_PRELOAD), crash or hang without harm to the others.
 *
 *   bench.c             options, runs, workers
 *   bench_allocators.c  this library, its peers, and how they are called
 *   bench_workloads.c   the list of workloads; those about time
 *   bench_kinds.c       those about kinds: create, detect, policy, realloc
 *   bench_space.c       those about space
 *   bench_results.c     figures by allocator, workload and metric
 *   bench_bars.c        what is promised, held against the figures
 *   bench_report.c      table, JSON, plots
 */
#ifndef BENCH_H
#define BENCH_H

/* Returns the exit status: 0, 1 (a bar is missed or a worker failed) or 2
 * (usage). */
int cmd_bench(int argc, char **argv);

#endif /* BENCH_H */
