// SPDX-License-Identifier: BSD-2-Clause
/*
 * autohbw_program.c -- a program whose malloc is libautohbw's.
 *
 * Run by autohbw.sh with the library preloaded: arguments are the number of the
 * kind (memkind_deprecated.h) that blocks of the sizes after it are of, or -1
 * for no other than MEMKIND_DEFAULT.  With "full" in front, the memory of the
 * kind is full from the start: the blocks are MEMKIND_DEFAULT's.
 */
#define MEMKIND_DEPRECATED(func) func /* without the compiler's warning */
#include <autohbw_api.h>
#include <errno.h>
#include <malloc.h>
#include <memkind.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(condition)                                                \
	do {                                                            \
		if (!(condition)) {                                     \
			fprintf(stderr, "%s:%d: %s failed\n", __FILE__, \
			    __LINE__, #condition);                      \
			exit(1);                                        \
		}                                                       \
	} while (0)

static volatile size_t Zero; /* out of the compiler's sight */

/* The library opens memory of its kinds by the program's mprotect(), which has
 * no more of this one then. */
static memkind_t Full;
static unsigned Nr_refused;

#pragma GCC visibility push(default)
int mprotect(void *addr, size_t len, int prot);
#pragma GCC visibility pop

int
mprotect(void *addr, size_t len, int prot)
{
	if (Full != NULL && memkind_detect_kind(addr) == Full) {
		Nr_refused++;
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_mprotect, addr, len, prot);
}

static void
check_block(void *ptr, memkind_t kind, size_t size)
{
	CHECK(ptr != NULL);
	CHECK(memkind_detect_kind(ptr) == kind);
	CHECK(malloc_usable_size(ptr) >= size);
	memset(ptr, 1, size);
	free(ptr);
}

static void
check_size(memkind_t kind, size_t size)
{
	void *ptr = NULL;

	errno = 77;
	check_block(malloc(size), kind, size);
	char *zeroed = calloc(size, 1);
	CHECK(zeroed != NULL && zeroed[0] == 0 && zeroed[size - 1] == 0);
	check_block(zeroed, kind, size);
	check_block(realloc(malloc(1), size), kind, size);
	check_block(realloc(NULL, size), kind, size);
	CHECK(posix_memalign(&ptr, 256, size) == 0);
	CHECK((uintptr_t)ptr % 256 == 0);
	check_block(ptr, kind, size);
	check_block(memalign(512, size), kind, size);
	check_block(aligned_alloc(64, size), kind, size);
	check_block(valloc(size), kind, size);
	CHECK(errno == 77);
}

/* Blocks of the kind that are there stay, and grow elsewhere. */
static void
check_full(memkind_t kind, size_t size)
{
	char *ptr = malloc(size);

	CHECK(ptr != NULL && memkind_detect_kind(ptr) == kind);
	memset(ptr, 1, size);
	Full = kind;
	check_size(MEMKIND_DEFAULT, 4 * size);
	CHECK(Nr_refused > 0);
	ptr = realloc(ptr, 8 * size);
	CHECK(ptr != NULL && ptr[0] == 1 && ptr[size - 1] == 1);
	check_block(ptr, MEMKIND_DEFAULT, 8 * size);
	Full = NULL;
}

/* malloc(3) is no cancellation point. */
static void *
allocate_cancelled(void *arg)
{
	static const size_t sizes[] = {1000, 5000, 3000000};

	(void)pthread_cancel(pthread_self());
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *ptr = malloc(sizes[i]);

		if (ptr != NULL)
			ptr[0] = 1;
		free(ptr);
	}
	*(bool *)arg = true;
	pthread_testcancel();
	return NULL;
}

static void
check_cancel(void)
{
	bool came_back = false;
	pthread_t thread;
	void *result;

	CHECK(
	    pthread_create(&thread, NULL, allocate_cancelled, &came_back) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	CHECK(came_back && result == PTHREAD_CANCELED);
}

int
main(int argc, char **argv)
{
	memkind_t kind = MEMKIND_DEFAULT;

	if (argc == 4 && strcmp(argv[1], "full") == 0) {
		CHECK(memkind_get_kind_by_partition(atoi(argv[2]), &kind) == 0);
		check_full(kind, (size_t)atol(argv[3]));
		puts("ok");
		return 0;
	}
	CHECK(argc > 2);
	if (atoi(argv[1]) >= 0)
		CHECK(memkind_get_kind_by_partition(atoi(argv[1]), &kind) == 0);
	for (int i = 2; i < argc; i++)
		check_size(kind, (size_t)atol(argv[i]));
	check_cancel();
	disableAutoHBW();
	for (int i = 2; i < argc; i++)
		check_size(MEMKIND_DEFAULT, (size_t)atol(argv[i]));
	enableAutoHBW();
	check_size(kind, (size_t)atol(argv[2]));

	void *zero = malloc(Zero);
	CHECK(zero != NULL);
	CHECK(realloc(zero, Zero) == NULL);
	errno = 0;
	zero = calloc(SIZE_MAX / 2 + 9 - Zero, 2);
	CHECK(zero == NULL && errno == ENOMEM);
	zero = memalign(SIZE_MAX - Zero, 1);
	CHECK(zero == NULL && errno == EINVAL);
	CHECK(malloc_usable_size(NULL) == 0);
	free(NULL);
	puts("ok");
	return 0;
}
