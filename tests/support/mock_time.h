/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_time.h -- shorter waits, for unit tests: a stand-in for lock_wait_ms().
 */
#ifndef MOCK_TIME_H
#define MOCK_TIME_H

/* From now on lock_wait_ms() waits for a part of the time that it is asked
 * for; 1 is as without this. */
void mock_time_divide(unsigned by);
/* How often it was called, by any thread. */
unsigned mock_time_nr_waits(void);
/* What it was asked for last, before the division. */
unsigned mock_time_last_ms(void);

#endif /* MOCK_TIME_H */
