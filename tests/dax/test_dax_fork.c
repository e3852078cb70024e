// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dax_fork.c -- a shared region is off in a child of fork(2), a private
 * copy goes on, and a fork finds no lock taken.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (16 * TEST_MIB)
#define NR_FORKS 12
#define NR_THREADS 3

static memkind_t Kind;
static char *Small;
static char *Large;

/* 0: nothing is handed out, for a reason that is told; nothing is taken. */
static int
child_of_shared_region(void *arg)
{
	struct daxkind_space before;
	struct daxkind_space after;
	struct daxkind_region *region = daxkind_kind_region(Kind);
	static const size_t sizes[] = {8, 5000, 100000, TEST_MIB};
	void *p = NULL;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		errno = 0;
		if (memkind_malloc(Kind, sizes[i]) != NULL || errno != ENOMEM)
			return 1;
		if (strstr(daxkind_last_error(), "child of fork") == NULL)
			return 2;
		errno = 0;
		if (memkind_calloc(Kind, 1, sizes[i]) != NULL ||
		    errno != ENOMEM)
			return 3;
		if (memkind_posix_memalign(Kind, &p, 64, sizes[i]) != ENOMEM)
			return 4;
	}
	if (daxkind_region_space(region, &before, sizeof(before)) < 0)
		return 5;
	errno = 0;
	if (memkind_realloc(Kind, Large, 3 * TEST_MIB) != NULL ||
	    errno != ENOMEM)
		return 6;
	memkind_free(Kind, Small);
	memkind_free(Kind, Large);
	memkind_free(NULL, Small);
	if (daxkind_region_space(region, &after, sizeof(after)) < 0 ||
	    memcmp(&before, &after, sizeof(before)) != 0)
		return 7;
	/* readable, and the parent's to write */
	if (strcmp(Small, "small") != 0 || !test_all_bytes(Large, 3, TEST_MIB))
		return 8;
	if (memkind_detect_kind(Small) != Kind)
		return 9;
	/* a region of its own is the way out */
	struct daxkind_region *own;
	memkind_t own_kind;
	void *area = mmap(NULL, TEST_MIB, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED ||
	    daxkind_region_open_mapping(area, TEST_MIB, 0, &own) < 0 ||
	    daxkind_kind_create(own, &own_kind) < 0 ||
	    memkind_malloc(own_kind, 100) == NULL)
		return 10;
	return 0;
}

static void
test_shared_region_is_off_in_a_child(void **state)
{
	struct daxkind_region *region;
	struct daxkind_space space;

	(void)state;
	dax_env_open(SIZE, 0, &region);
	assert_int_equal(daxkind_kind_create(region, &Kind), 0);
	Small = memkind_malloc(Kind, 100);
	Large = memkind_malloc(Kind, TEST_MIB);
	assert_non_null(Small);
	assert_non_null(Large);
	memcpy(Small, "small", 6);
	memset(Large, 3, TEST_MIB);
	assert_int_equal(test_in_child(child_of_shared_region, NULL), 0);
	/* the parent noticed nothing of it */
	assert_string_equal(Small, "small");
	assert_true(test_all_bytes(Large, 3, TEST_MIB));
	memkind_free(Kind, Small);
	memkind_free(Kind, Large);
	Small = memkind_malloc(Kind, 100);
	assert_non_null(Small);
	memkind_free(Kind, Small);
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(
	    daxkind_region_space(region, &space, sizeof(space)), 0);
	assert_int_equal(space.taken, 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* 0: the heap goes on, on a copy. */
static int
child_of_private_mapping(void *arg)
{
	char *p = memkind_malloc(Kind, 2 * TEST_MIB);

	(void)arg;
	if (p == NULL)
		return 1;
	memset(p, 9, 2 * TEST_MIB);
	memset(Large, 8, TEST_MIB);
	memkind_free(Kind, Large);
	memkind_free(Kind, p);
	p = memkind_malloc(Kind, 100);
	return p != NULL && strcmp(Small, "small") == 0 ? 0 : 2;
}

/* devdax has no private mappings. */
static void
test_private_mapping_is_copied(void **state)
{
	int flags = MAP_PRIVATE;
	int fd = -1;
	void *area;

	(void)state;
	if (test_devdax() == NULL) {
		fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
	} else {
		flags |= MAP_ANONYMOUS;
	}
	area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
	assert_true(area != MAP_FAILED);
	assert_int_equal(
	    memkind_create_fixed(area, SIZE, &Kind), MEMKIND_SUCCESS);
	Small = memkind_malloc(Kind, 100);
	Large = memkind_malloc(Kind, TEST_MIB);
	assert_non_null(Small);
	assert_non_null(Large);
	memcpy(Small, "small", 6);
	memset(Large, 3, TEST_MIB);
	assert_int_equal(test_in_child(child_of_private_mapping, NULL), 0);
	assert_true(test_all_bytes(Large, 3, TEST_MIB));
	memkind_free(Kind, Large);
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(munmap(area, SIZE), 0);
	if (fd >= 0)
		assert_int_equal(close(fd), 0);
}

static _Atomic(bool) Wants_stop;

static void *
allocate_all_the_time(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	while (!atomic_load(&Wants_stop)) {
		size_t size = test_random_size(&random, 8, 200000);
		char *p = memkind_malloc(Kind, size);

		if (p == NULL)
			continue;
		*p = 1;
		memkind_free(Kind, p);
	}
	return NULL;
}

/* No lock is left taken by a thread that the child does not have. */
static int
child_of_threads(void *arg)
{
	(void)arg;
	errno = 0;
	if (memkind_malloc(Kind, 100) != NULL || errno != ENOMEM)
		return 1;
	if (memkind_malloc(Kind, TEST_MIB) != NULL)
		return 2;
	memkind_free(Kind, Small);
	void *p = memkind_malloc(MEMKIND_DEFAULT, 1000);
	memkind_free(MEMKIND_DEFAULT, p);
	return p != NULL ? 0 : 3;
}

static void
test_fork_of_a_threaded_program(void **state)
{
	struct daxkind_region *region;
	pthread_t threads[NR_THREADS];

	(void)state;
	dax_env_open(SIZE, 0, &region);
	assert_int_equal(daxkind_kind_create(region, &Kind), 0);
	Small = memkind_malloc(Kind, 100);
	assert_non_null(Small);
	for (uintptr_t i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
				     allocate_all_the_time, (void *)(i + 1)),
		    0);
	for (int i = 0; i < NR_FORKS; i++) {
		test_sleep_ms(20);
		assert_int_equal(test_in_child(child_of_threads, NULL), 0);
	}
	atomic_store(&Wants_stop, true);
	for (size_t i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	memkind_free(Kind, Small);
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_shared_region_is_off_in_a_child),
	    test_unit(test_private_mapping_is_copied),
	    test_unit(test_fork_of_a_threaded_program),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name("dax_fork", tests, NULL, NULL);
}
