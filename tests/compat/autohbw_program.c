// SPDX-License-Identifier: BSD-2-Clause
/*
 * autohbw_program.c -- a program whose malloc is libautohbw's.
 *
 * Run by autohbw.sh with the library preloaded: arguments are the number of the
 * kind (memkind_deprecated.h) that blocks of the sizes after it are of, or -1
 * for no other than MEMKIND_DEFAULT.
 */
#define MEMKIND_DEPRECATED(func) func /* without the compiler's warning */
#include <autohbw_api.h>
#include <errno.h>
#include <malloc.h>
#include <memkind.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                \
	do {                                                            \
		if (!(condition)) {                                     \
			fprintf(stderr, "%s:%d: %s failed\n", __FILE__, \
			    __LINE__, #condition);                      \
			exit(1);                                        \
		}                                                       \
	} while (0)

static volatile size_t Zero; /* out of the compiler's sight */

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
}

int
main(int argc, char **argv)
{
	memkind_t kind = MEMKIND_DEFAULT;

	CHECK(argc > 2);
	if (atoi(argv[1]) >= 0)
		CHECK(memkind_get_kind_by_partition(atoi(argv[1]), &kind) == 0);
	for (int i = 2; i < argc; i++)
		check_size(kind, (size_t)atol(argv[i]));
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
