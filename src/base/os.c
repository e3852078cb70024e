// SPDX-License-Identifier: BSD-2-Clause
/*
 * os.c -- records, threads, time and the machine: see os.h.
 */
#include "base/os.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/log.h"
#include "base/os_result.h"
#include "base/util.h"

/* --- our own records ---------------------------------------------- */

void *
os_new(size_t size)
{
	int saved_errno = errno;
	void *record = calloc(1, size);

	errno = saved_errno;
	return record;
}

void
os_delete(void *record)
{
	int saved_errno = errno;

	free(record);
	errno = saved_errno;
}

/* --- threads, time and the machine ------------------------------- */

/* os_pause(): this many yields, then sleeps that double from 1/32 ms to 1
 * ms. */
enum {
	PAUSE_YIELDS = 8,
	PAUSE_FIRST_NS = 31250
};

int
os_membarrier_init(void)
{
	int saved_errno = errno;

	return os_result(syscall(SYS_membarrier,
			     MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0),
	    saved_errno);
}

int
os_membarrier(void)
{
	int saved_errno = errno;

	return os_result(
	    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0),
	    saved_errno);
}

void
os_pause(unsigned *round)
{
	DK_NO_CANCEL();
	unsigned step = (*round)++;

	if (step < PAUSE_YIELDS) {
		(void)sched_yield();
		return;
	}
	int saved_errno = errno;
	unsigned doublings = (unsigned)min_size(step - PAUSE_YIELDS, 5);
	struct timespec time = {.tv_nsec = PAUSE_FIRST_NS << doublings};

	(void)nanosleep(&time, NULL); /* a signal makes it shorter */
	errno = saved_errno;
}

const char *
os_getenv(const char *name)
{
	return secure_getenv(name);
}

bool
os_hogs_memory(void)
{
	static atomic_bool is_said;
	const char *env = os_getenv("MEMKIND_HOG_MEMORY");

	if (env == NULL || env[0] == '1')
		return env != NULL;
	if (env[0] != '\0' && env[0] != '0' && !atomic_exchange(&is_said, true))
		log_write(DK_LOG_WARNING,
		    "MEMKIND_HOG_MEMORY=%.60s is neither 0 nor 1: free memory "
		    "is given back",
		    env);
	return false;
}

static uint64_t
now_us(clockid_t clock)
{
	struct timespec now = {0};

	(void)clock_gettime(clock, &now); /* cannot fail on Linux */
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int
os_random(void *bytes, size_t len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	char *at = bytes;

	while (len > 0) {
		ssize_t nr = getrandom(at, len, 0);

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr < 0)
			return os_result(-1, saved_errno);
		at += nr;
		len -= (size_t)nr;
	}
	errno = saved_errno;
	return 0;
}

uint64_t
os_now_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

uint64_t
os_now_coarse_us(void)
{
	return now_us(CLOCK_MONOTONIC_COARSE);
}

unsigned
os_nr_cpus(void)
{
	static _Atomic(unsigned) Nr_cpus; /* 0: not read yet */
	unsigned known = atomic_load_explicit(&Nr_cpus, memory_order_relaxed);

	if (known != 0)
		return known;
	int saved_errno = errno;
	cpu_set_t set;
	int n =
	    sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
	/* The machine has more processors than a cpu_set_t has bits. */
	if (n <= 0)
		n = (int)sysconf(_SC_NPROCESSORS_ONLN);
	errno = saved_errno;
	known = n > 0 ? (unsigned)n : 1;
	atomic_store_explicit(&Nr_cpus, known, memory_order_relaxed);
	return known;
}

unsigned
os_current_node(void)
{
	unsigned node = 0;
	int saved_errno = errno;

	/* Without getcpu(2), node stays 0. */
	if (getcpu(NULL, &node) != 0)
		node = 0;
	errno = saved_errno;
	return node;
}

size_t
os_memory_size(void)
{
	int saved_errno = errno;
	long pages = sysconf(_SC_PHYS_PAGES);

	errno = saved_errno;
	return pages > 0 ? (size_t)pages * DK_PAGE : 0;
}

int
os_check_page_size(void)
{
	int saved_errno = errno;
	long size = sysconf(_SC_PAGESIZE);

	errno = saved_errno;
	return size == (long)DK_PAGE ? 0 : -ENOTSUP;
}

int
os_thread_start(
    void *(*run)(void *), void *arg, const char *name, pthread_t *thread)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(thread, NULL, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err == 0)
		(void)pthread_setname_np(*thread, name);
	return -err;
}

void
os_thread_join(pthread_t thread)
{
	DK_NO_CANCEL();
	int rc = pthread_join(thread, NULL);

	DK_BUG_ON(rc != 0);
}
