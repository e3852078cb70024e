/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_time.h -- a clock that stands still until a test moves it, for unit
 * tests: a stand-in for os_now_us(), os_now_coarse_us() and lock_wait_ms().
 */
#ifndef MOCK_TIME_H
#define MOCK_TIME_H

#include <stdbool.h>
#include <time.h>

/* From now on the library's clock goes by mock_time_pass() only.  A wait ends
 * when it is signalled or when the clock has passed its time. */
void mock_time_stop(void);
/* As without this; who waits is told that the time is over. */
void mock_time_go(void);
/* Let so much time pass, and all whose time is over go on. */
void mock_time_pass(unsigned ms);

/* Wait until so many threads are in lock_wait_ms() or lock_wait() on a lock of
 * this rank; false: not within a minute. */
bool mock_time_await(unsigned rank, unsigned nr_timed, unsigned nr_untimed);
/* How often lock_wait_ms() was called while the clock stood, by any thread. */
unsigned mock_time_nr_waits(void);
/* What it was asked for last. */
unsigned mock_time_last_ms(void);

/* true: what waits for a time of the system's clock is told that it is over, at
 * once.  The time that was waited for last. */
void mock_time_skip(bool on);
struct timespec mock_time_last_until(void);

#endif /* MOCK_TIME_H */
