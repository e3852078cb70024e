// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_preloaded_malloc.c -- a program whose malloc() is MEMKIND_DEFAULT.
 *
 * Its malloc, calloc, realloc, free come before libc's, as those of a preloaded
 * library do: were the library to call malloc() for MEMKIND_DEFAULT, it would
 * call itself without end.  Each such call is counted here.
 *
 * No cmocka, which allocates too.  Sanitizers bring a malloc of their own.
 */
#include "../support/cmocka_all.h"

#include <errno.h>
#include <memkind.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if DK_SANITIZED
int
main(void)
{
	puts("skipped: a sanitizer has a malloc of its own");
	return 77;
}
#else

/* glibc's own, under the names that it gives them for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t num, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *ptr);

static atomic_bool Use_memkind;  /* malloc() is MEMKIND_DEFAULT */
static atomic_int Nr_recursions; /* malloc() called while in memkind */
static atomic_int Nr_allocs;
static __thread int Depth __attribute__((tls_model("initial-exec")));

/* Whether this call is the library's own. */
static bool
enter(void)
{
	if (Depth > 0)
		atomic_fetch_add(&Nr_recursions, 1);
	return Depth++ > 0;
}

static void
leave(void)
{
	Depth--;
}

void *
malloc(size_t size)
{
	void *p;

	if (!atomic_load(&Use_memkind))
		return __libc_malloc(size);
	if (enter()) {
		p = __libc_malloc(size);
	} else {
		p = memkind_malloc(MEMKIND_DEFAULT, size ? size : 1);
		atomic_fetch_add(&Nr_allocs, 1);
	}
	leave();
	return p;
}

void *
calloc(size_t num, size_t size)
{
	void *p;

	if (!atomic_load(&Use_memkind))
		return __libc_calloc(num, size);
	if (num == 0 || size == 0)
		num = size = 1;
	if (enter()) {
		p = __libc_calloc(num, size);
	} else {
		p = memkind_calloc(MEMKIND_DEFAULT, num, size);
		atomic_fetch_add(&Nr_allocs, 1);
	}
	leave();
	return p;
}

void
free(void *ptr)
{
	if (ptr == NULL)
		return;
	/* what came before memkind was used is libc's */
	if (!enter() && memkind_detect_kind(ptr) != NULL)
		memkind_free(MEMKIND_DEFAULT, ptr);
	else
		__libc_free(ptr);
	leave();
}

void *
realloc(void *ptr, size_t size)
{
	void *p;

	if (ptr == NULL)
		return malloc(size);
	if (!enter() && memkind_detect_kind(ptr) != NULL) {
		p = memkind_realloc(MEMKIND_DEFAULT, ptr, size);
	} else {
		p = __libc_realloc(ptr, size);
	}
	leave();
	return p;
}

int
posix_memalign(void **memptr, size_t align, size_t size)
{
	int rc;

	if (!atomic_load(&Use_memkind)) {
		*memptr = __libc_memalign(align, size);
		return *memptr ? 0 : ENOMEM;
	}
	(void)enter();
	rc = memkind_posix_memalign(
	    MEMKIND_DEFAULT, memptr, align, size ? size : 1);
	leave();
	return rc;
}

static void *
work(void *arg)
{
	static const size_t sizes[] = {1, 100, 3000, 20000, 300000, 5000000};
	bool *ok = arg;

	*ok = true;
	for (int round = 0; round < 200; round++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			char *volatile p = malloc(sizes[i]);
			char *volatile q = calloc(1, sizes[i]);
			void *r = NULL;

			if (p == NULL || q == NULL || q[sizes[i] - 1] != 0) {
				*ok = false;
				return NULL;
			}
			memset(p, 1, sizes[i]);
			p = realloc(p, sizes[i] + 1000);
			if (p == NULL || p[sizes[i] - 1] != 1)
				*ok = false;
			if (posix_memalign(&r, 4096, sizes[i]) != 0 ||
			    (uintptr_t)r % 4096 != 0)
				*ok = false;
			free(p);
			free(q);
			free(r);
		}
	return NULL;
}

/* What is not the allocator, but allocates: stdio, threads. */
static bool
use_libc(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char *line = NULL;
	size_t cap = 0;
	bool ok = f != NULL;

	while (f != NULL && getline(&line, &cap, f) > 0)
		;
	free(line);
	if (f != NULL)
		ok = fclose(f) == 0;
	return ok;
}

int
main(void)
{
	pthread_t threads[4];
	bool ok[5];
	bool libc_ok;
	int nr_allocs;
	int rc = 0;

	/* as test_cases.h has it */
	if (getenv("DAXKIND_TEST_LIST") != NULL) {
		puts("case test_default_kind_does_not_call_malloc");
		return 0;
	}
	if (getenv("DAXKIND_TEST_DAX") != NULL) {
		puts("skipped: not about the memory that it runs on");
		return 77;
	}
	/* from the very first call of the library on */
	atomic_store(&Use_memkind, true);
	work(&ok[4]);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		if (pthread_create(&threads[i], NULL, work, &ok[i]) != 0)
			return 99;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		(void)pthread_join(threads[i], NULL);
	libc_ok = use_libc();
	if (memkind_update_cached_stats() != MEMKIND_SUCCESS)
		rc = 1;
	nr_allocs = atomic_load(&Nr_allocs);
	atomic_store(&Use_memkind, false);

	for (size_t i = 0; i < ARRAY_LEN(ok); i++)
		if (!ok[i])
			rc = 1;
	printf("%d allocations, %d recursions\n", nr_allocs,
	    atomic_load(&Nr_recursions));
	if (!libc_ok || nr_allocs < 1000 || atomic_load(&Nr_recursions) != 0)
		rc = 1;
	puts(rc ? "FAILED" : "ok: MEMKIND_DEFAULT does not call malloc()");
	return rc;
}
#endif
