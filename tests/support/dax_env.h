/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_env.h -- where a test of tests/dax runs.
 *
 * utils/dax-vm sets the variables that tests/dax/README.md lists; without them
 * such a test does not run.
 */
#ifndef DAX_ENV_H
#define DAX_ENV_H

#include <daxkind.h>
#include <stdbool.h>
#include <stddef.h>

/* What main() returns when there is no DAX memory to test on. */
#define DAX_ENV_SKIP 77

/* Whether the test runs in the guest; says why it does not. */
bool dax_env_is_there(void);
/* $DAX_PATH: a device, or a folder. */
const char *dax_env_path(void);
/* $DAX_KIND is one of these words, which blanks separate. */
bool dax_env_is_kind(const char *kinds);
/* What the platform's regions promise for a power failure: their caches are
 * flushed, too (dax-vm -E). */
bool dax_env_is_eadr(void);
/* Granularity that a MAP_SYNC mapping must have on this platform. */
enum daxkind_granularity dax_env_sync_granularity(void);
/* Open a region of size bytes on what is under test. */
void dax_env_open(size_t size, unsigned flags, struct daxkind_region **region);
/* Page faults of this process so far, of all its threads. */
long dax_env_nr_faults(void);
/* Make the 4 KiB at off, a multiple of that, of a file or a device bad. */
void dax_env_poison(const char *path, size_t off);
/* Run a program of the guest; its exit status. */
int dax_env_run(char *const argv[]);

#endif /* DAX_ENV_H */
