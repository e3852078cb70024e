// SPDX-License-Identifier: BSD-2-Clause
/*
 * memtier_program.c -- a program whose malloc is libmemtier's.
 *
 * Run by memtier.sh with the library preloaded, and with the tiers that it
 * should see as arguments: names of D (MEMKIND_DEFAULT) and F (a file).  With a
 * number besides, so many MiB are allocated at once, which is more than F has.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memkind_memtier.h>

#define CHECK(condition)                                                \
	do {                                                            \
		if (!(condition)) {                                     \
			fprintf(stderr, "%s:%d: %s failed\n", __FILE__, \
			    __LINE__, #condition);                      \
			exit(1);                                        \
		}                                                       \
	} while (0)

/* Out of the compiler's sight, which knows what malloc does. */
static void *volatile Sink;
static volatile size_t Zero;

static bool
is_all(const char *p, char c, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != c)
			return false;
	}
	return true;
}

static void
check_family(void)
{
	static const size_t sizes[] = {1, 100, 5000, 300000, 3000000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];
		char *p = malloc(size);

		CHECK(p != NULL && malloc_usable_size(p) >= size);
		CHECK(memkind_detect_kind(p) != NULL);
		memset(p, 1, size);
		p = realloc(p, size * 2);
		CHECK(p != NULL && is_all(p, 1, size));
		free(p);
		p = calloc(size, 1);
		CHECK(p != NULL && is_all(p, 0, size));
		free(p);
		for (size_t align = 8; align <= 65536; align *= 8) {
			void *q = NULL;

			CHECK(posix_memalign(&q, align, size) == 0);
			CHECK((uintptr_t)q % align == 0);
			free(q);
			q = aligned_alloc(align, size);
			CHECK(q != NULL && (uintptr_t)q % align == 0);
			free(q);
			q = memalign(align, size);
			CHECK(q != NULL && (uintptr_t)q % align == 0);
			free(q);
		}
		p = valloc(size);
		CHECK(p != NULL && (uintptr_t)p % 4096 == 0);
		free(p);
		p = pvalloc(size);
		CHECK(p != NULL && (uintptr_t)p % 4096 == 0);
		CHECK(malloc_usable_size(p) % 4096 == 0);
		free(p);
	}
	/* as libc does, and not as memkind */
	Sink = malloc(Zero);
	CHECK(Sink != NULL);
	free(Sink);
	Sink = calloc(Zero, 8);
	CHECK(Sink != NULL);
	Sink = realloc(Sink, Zero);
	CHECK(Sink == NULL);
	errno = 0;
	Sink = malloc(SIZE_MAX / 2 - Zero);
	CHECK(Sink == NULL && errno == ENOMEM);
	errno = 0;
	Sink = calloc(SIZE_MAX / 2 + 9 - Zero, 2);
	CHECK(Sink == NULL && errno == ENOMEM);
	errno = 0;
	Sink = memalign(SIZE_MAX - Zero, 1);
	CHECK(Sink == NULL && errno == EINVAL);
	void *stays = &errno;
	CHECK(posix_memalign(&stays, 3 + Zero, 1) == EINVAL);
	CHECK(stays == &errno);
	CHECK(malloc_usable_size(NULL) == 0);
	free(NULL);
	/* a caller's errno stays */
	Sink = malloc(10);
	errno = 77;
	free(Sink);
	CHECK(errno == 77);
	char *line = strdup("allocated by libc");
	CHECK(line != NULL && memkind_detect_kind(line) != NULL);
	free(line);
}

/* Which tiers blocks came from. */
static void
check_tiers(const char *wanted)
{
	bool has_default = false, has_file = false;
	void *blocks[200];

	for (size_t i = 0; i < 200; i++) {
		blocks[i] = malloc(10000);
		CHECK(blocks[i] != NULL);
		if (memkind_detect_kind(blocks[i]) == MEMKIND_DEFAULT)
			has_default = true;
		else
			has_file = true;
	}
	for (size_t i = 0; i < 200; i++)
		free(blocks[i]);
	CHECK(has_default == (strchr(wanted, 'D') != NULL));
	CHECK(has_file == (strchr(wanted, 'F') != NULL));
}

/* What fills one tier goes on in the other, by each function. */
static void
check_full(size_t nr_mib)
{
	enum {
		LEN = 100000
	};
	size_t nr = nr_mib * 1048576 / LEN;
	char **blocks = calloc(nr, sizeof(*blocks));
	bool has_default = false, has_file = false;

	CHECK(blocks != NULL);
	for (size_t i = 0; i < nr; i++) {
		void *block = NULL;

		errno = 77;
		switch (i % 4) {
		case 0:
			block = malloc(LEN);
			break;
		case 1:
			block = calloc(LEN, 1);
			CHECK(block != NULL && is_all(block, 0, LEN));
			break;
		case 2:
			block = realloc(malloc(LEN / 2), LEN);
			break;
		default:
			CHECK(posix_memalign(&block, 4096, LEN) == 0);
		}
		CHECK(block != NULL && errno == 77);
		memset(block, (int)i % 100, LEN);
		if (memkind_detect_kind(block) == MEMKIND_DEFAULT)
			has_default = true;
		else
			has_file = true;
		blocks[i] = block;
	}
	CHECK(has_default && has_file);
	for (size_t i = 0; i < nr; i++) {
		CHECK(is_all(blocks[i], (char)(i % 100), LEN));
		free(blocks[i]);
	}
	free(blocks);
}

static void *
churn(void *arg)
{
	uintptr_t seed = (uintptr_t)arg;
	void *blocks[64] = {NULL};

	for (int i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size_t at = (seed >> 33) % 64;
		size_t size = (seed >> 40) % 5000 + 1;

		free(blocks[at]);
		blocks[at] = malloc(size);
		if (blocks[at] == NULL)
			return NULL;
		memset(blocks[at], 1, size);
	}
	for (size_t i = 0; i < 64; i++)
		free(blocks[i]);
	return arg;
}

static void
check_threads(void)
{
	pthread_t threads[4];

	for (uintptr_t i = 0; i < 4; i++)
		CHECK(pthread_create(
			  &threads[i], NULL, churn, (void *)(i + 1)) == 0);
	for (size_t i = 0; i < 4; i++) {
		void *result;

		CHECK(pthread_join(threads[i], &result) == 0);
		CHECK(result != NULL);
	}
}

/* Neither sees what the other writes, and both can allocate. */
static void
check_fork(void)
{
	enum {
		NR = 100,
		LEN = 3000
	};
	static char *blocks[NR];
	int status;

	for (int i = 0; i < NR; i++) {
		blocks[i] = malloc(LEN);
		CHECK(blocks[i] != NULL);
		memset(blocks[i], 'p', LEN);
	}
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		for (int i = 0; i < NR; i++) {
			CHECK(is_all(blocks[i], 'p', LEN));
			memset(blocks[i], 'c', LEN);
			blocks[i] = realloc(blocks[i], 2 * LEN);
			CHECK(blocks[i] != NULL && is_all(blocks[i], 'c', LEN));
		}
		check_family();
		/* and its own child */
		child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			CHECK(is_all(blocks[0], 'c', LEN));
			memset(blocks[0], 'g', LEN);
			_exit(0);
		}
		CHECK(waitpid(child, &status, 0) == child && status == 0);
		CHECK(is_all(blocks[0], 'c', LEN));
		for (int i = 0; i < NR; i++)
			free(blocks[i]);
		exit(0); /* with the handlers, which allocate too */
	}
	for (int i = 0; i < NR; i++)
		memset(blocks[i], 'P', LEN);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (int i = 0; i < NR; i++) {
		CHECK(is_all(blocks[i], 'P', LEN));
		free(blocks[i]);
	}
}

/* malloc(3) is no cancellation point. */
static void *
allocate_cancelled(void *arg)
{
	static const size_t sizes[] = {1000, 300000, 3000000};

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
	CHECK(argc == 2 || argc == 3);
	if (argc == 3)
		check_full((size_t)atol(argv[2]));
	check_family();
	check_cancel();
	check_tiers(argv[1]);
	check_threads();
	check_fork();
	check_family();
	puts("ok");
	return 0;
}
