// SPDX-License-Identifier: BSD-2-Clause
/*
 * mock_time.c -- see mock_time.h.
 *
 * The names that begin with two underscores are the linker's (ld --wrap).
 */
#include "mock_time.h"

#include <stdatomic.h>

#include "base/lock.h"

static _Atomic(unsigned) Divisor = 1;
static _Atomic(unsigned) Nr_waits;
static _Atomic(unsigned) Last_ms;

void
mock_time_divide(unsigned by)
{
	atomic_store(&Divisor, by);
}

unsigned
mock_time_nr_waits(void)
{
	return atomic_load(&Nr_waits);
}

unsigned
mock_time_last_ms(void)
{
	return atomic_load(&Last_ms);
}

void __real_lock_wait_ms(struct lock *lock, pthread_cond_t *cond, unsigned ms);
void __wrap_lock_wait_ms(struct lock *lock, pthread_cond_t *cond, unsigned ms);

void
__wrap_lock_wait_ms(struct lock *lock, pthread_cond_t *cond, unsigned ms)
{
	atomic_fetch_add(&Nr_waits, 1);
	atomic_store(&Last_ms, ms);
	__real_lock_wait_ms(lock, cond, ms / atomic_load(&Divisor));
}
