/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_os.h -- failures of the system by plan, for unit tests.
 *
 * Unit tests are linked with -Wl,--wrap=NAME for each name in UNIT_WRAPS, so
 * the library's calls of those functions of os.h arrive here, are counted, and
 * go on to the real one unless the plan says that they fail.
 *
 * A plan is that of the thread that makes it: the calls of others are neither
 * counted nor made to fail.
 */
#ifndef MOCK_OS_H
#define MOCK_OS_H

#include <stddef.h>

#include "base/os.h"

/*
 * Let the nth call (from 1) of any of the functions from now on fail with err,
 * a positive errno value; os_new() returns NULL.  Space that fails to be
 * allocated or zeroed is so up to its half, as file systems leave it.
 */
void mock_os_fail_nth(unsigned n, int err);
/* Let the nth and all after it fail. */
void mock_os_fail_from(unsigned n, int err);
/* The nth call of one function only. */
void mock_os_fail_nth_of(const char *name, unsigned n, int err);
/* The first n calls of one function. */
void mock_os_fail_first_of(const char *name, unsigned n, int err);
/* Let all calls of one function fail, or of any (NULL). */
void mock_os_fail_all(const char *name, int err);
/* But let calls of this one work. */
void mock_os_let(const char *name);
/* Let file systems have blocks of that size (0: of their own), and copy on write,
 * until mock_os_reset(). */
void mock_os_set_fs(size_t block, enum os_cow cow);
/* Call f in the place where os_membarrier() is at work, until the plan is reset. */
void mock_os_call_at_membarrier(void (*f)(void *arg), void *arg);
/* Call f before each os_msync(), until the plan is reset. */
void mock_os_call_at_msync(void (*f)(void *addr, size_t len));
/* Let no call fail, and count from 0. */
void mock_os_reset(void);

/* The alignment that os_map_file() was asked for last. */
size_t mock_os_last_align(void);

/* The function that was made to fail last, or NULL. */
const char *mock_os_failed(void);
/* Records of os_new() that os_delete() has not got, of all threads. */
size_t mock_os_nr_records(void);
/* How often one of the functions was called, or any (NULL). */
unsigned mock_os_nr_calls(const char *name);

#endif /* MOCK_OS_H */
