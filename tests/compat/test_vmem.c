// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_vmem.c -- libvmem: pools, blocks, and what vmem_set_funcs() sets.
 */
#include "../support/cmocka_all.h"

#include "../support/test_command.h"
#include "../support/test_region.h"

#include <errno.h>
#include <libvmem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (16 * TEST_MIB)

static char Printed[1 << 16];
static size_t Nr_records;

static void
print(const char *s)
{
	if (strlen(Printed) + strlen(s) < sizeof(Printed))
		strcat(Printed, s);
}

static void *
count_malloc(size_t size)
{
	Nr_records++;
	return malloc(size);
}

static void
count_free(void *ptr)
{
	Nr_records--;
	free(ptr);
}

static void *
no_malloc(size_t size)
{
	(void)size;
	return NULL;
}

static VMEM *
make(void)
{
	VMEM *pool = vmem_create(test_dir(), SIZE);

	assert_non_null(pool);
	return pool;
}

static void
test_a_pool_over_a_file(void **state)
{
	struct stat st;

	(void)state;
	VMEM *pool = make();
	assert_true(test_unlinked_file(&st));
	assert_true((size_t)st.st_size <= SIZE);
	/* File space comes with the blocks. */
	assert_true(test_unlinked_files_held() <= 4 * TEST_MIB);
	char *all = vmem_malloc(pool, SIZE - 2 * TEST_MIB);
	assert_non_null(all);
	assert_true(test_unlinked_files_held() >= SIZE - 2 * TEST_MIB);
	memset(all, 0x5A, SIZE - 2 * TEST_MIB);
	assert_int_equal(vmem_check(pool), 1);
	errno = 0;
	assert_null(vmem_malloc(pool, SIZE));
	assert_int_equal(errno, ENOMEM);
	assert_true(*vmem_errormsg() != '\0');
	vmem_free(pool, all);
	vmem_delete(pool);
	assert_false(test_unlinked_file(&st));
}

static void
test_a_pool_over_memory_of_the_caller(void **state)
{
	struct test_area area;

	(void)state;
	test_area_map(&area, SIZE);
	memset(area.addr, 0xAA, area.len);
	VMEM *pool = vmem_create_in_region(area.addr, area.len);
	assert_non_null(pool);
	unsigned char *block = vmem_calloc(pool, 1000, 1000);
	assert_non_null(block);
	assert_true(test_area_holds(&area, block, 1000000));
	assert_true(test_all_bytes(block, 0, 1000000));
	/* One area, one pool. */
	errno = 0;
	assert_null(vmem_create_in_region(area.addr, area.len));
	assert_int_equal(errno, EEXIST);
	vmem_delete(pool);
	/* It is still mapped, and may be a pool again. */
	area.addr[0] = 1;
	pool = vmem_create_in_region(area.addr, area.len - 1);
	assert_non_null(pool);
	vmem_delete(pool);
	test_area_unmap(&area);
}

static void
test_pools_that_can_not_be(void **state)
{
	const struct {
		const char *why, *dir;
		size_t size;
		int err;
	} rows[] = {
	    {"too small", test_dir(), VMEM_MIN_POOL - 1, EINVAL},
	    {"empty", test_dir(), 0, EINVAL},
	    {"larger than the file system", test_dir(), (size_t)1 << 60,
		ENOSPC},
	    {"wraps", test_dir(), SIZE_MAX, EINVAL},
	    {"no such directory", "/nonexistent/directory", SIZE, ENOENT},
	    {"a file", "/etc/passwd", SIZE, ENOTDIR},
	    {"no directory at all", NULL, SIZE, EINVAL},
	};
	char page[2 * 4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		errno = 0;
		assert_null(vmem_create(rows[i].dir, rows[i].size));
		assert_int_equal(errno, rows[i].err);
		assert_true(*vmem_errormsg() != '\0');
	}
	errno = 0;
	assert_null(vmem_create_in_region(page + 1, SIZE));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(vmem_create_in_region((void *)4096, VMEM_MIN_POOL - 1));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(vmem_create_in_region(NULL, SIZE));
	assert_int_equal(errno, EINVAL);
}

static void
test_what_is_no_pool(void **state)
{
	VMEM *pool = make();

	(void)state;
	vmem_delete(pool);
	errno = 0;
	vmem_delete(pool);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_int_equal(vmem_check(pool), -1);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	vmem_stats_print(pool, NULL);
	assert_int_equal(errno, EINVAL);
	vmem_delete(NULL);
	assert_int_equal(vmem_check(NULL), -1);
}

static void
test_null_is_refused(void **state)
{
	VMEM *pool = make();

	(void)state;
#define refuses(call)                                  \
	do {                                           \
		errno = 0;                             \
		assert_true((call) == 0);              \
		assert_int_equal(errno, EINVAL);       \
		assert_true(*vmem_errormsg() != '\0'); \
	} while (0)
	refuses(vmem_malloc(NULL, 10));
	refuses(vmem_calloc(NULL, 1, 10));
	refuses(vmem_realloc(NULL, NULL, 10));
	refuses(vmem_realloc(NULL, &pool, 0));
	refuses(vmem_aligned_alloc(NULL, 64, 10));
	refuses(vmem_strdup(NULL, "narrow"));
	refuses(vmem_wcsdup(NULL, L"wide"));
	refuses(vmem_malloc_usable_size(NULL, &pool));
	refuses((vmem_free(NULL, &pool), 0));
	refuses((vmem_stats_print(NULL, NULL), 0));
	refuses(vmem_strdup(pool, NULL));
	refuses(vmem_wcsdup(pool, NULL));
#undef refuses
	vmem_delete(pool);
}

static void
test_blocks(void **state)
{
	VMEM *pool = make();

	(void)state;
	char *p = vmem_malloc(pool, 100);
	assert_non_null(p);
	assert_true(vmem_malloc_usable_size(pool, p) >= 100);
	assert_int_equal(vmem_malloc_usable_size(pool, NULL), 0);
	memset(p, 7, 100);
	p = vmem_realloc(pool, p, 1000000);
	assert_non_null(p);
	assert_true(test_all_bytes(p, 7, 100));
	errno = 0;
	assert_null(vmem_realloc(pool, p, SIZE_MAX / 2));
	assert_int_equal(errno, ENOMEM);
	assert_true(test_all_bytes(p, 7, 100));
	assert_null(vmem_realloc(pool, p, 0)); /* freed */

	/* Of 0 bytes there are two, not one and the same. */
	char *zero[] = {vmem_malloc(pool, 0), vmem_realloc(pool, NULL, 0),
	    vmem_calloc(pool, 0, 5), vmem_calloc(pool, 5, 0),
	    vmem_aligned_alloc(pool, 64, 0)};
	for (size_t i = 0; i < ARRAY_LEN(zero); i++) {
		assert_non_null(zero[i]);
		assert_ptr_not_equal(zero[i], zero[(i + 1) % ARRAY_LEN(zero)]);
	}
	for (size_t i = 0; i < ARRAY_LEN(zero); i++)
		vmem_free(pool, zero[i]);

	errno = 0;
	assert_null(vmem_calloc(pool, SIZE_MAX / 2 + 9, 2));
	assert_int_equal(errno, ENOMEM);
	vmem_free(pool, NULL);
	vmem_delete(pool);
}

static void
test_alignments(void **state)
{
	VMEM *pool = make();

	(void)state;
	for (size_t align = 1; align <= 4 * TEST_MIB; align *= 2) {
		for (size_t size = 1; size <= TEST_MIB; size *= 32) {
			void *p = vmem_aligned_alloc(pool, align, size);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % align, 0);
			memset(p, 1, size);
			vmem_free(pool, p);
		}
	}
	static const size_t bad[] = {0, 3, 12, 4097, SIZE_MAX};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		errno = 0;
		assert_null(vmem_aligned_alloc(pool, bad[i], 100));
		assert_int_equal(errno, EINVAL);
	}
	errno = 0;
	assert_null(vmem_aligned_alloc(pool, 64, 2 * SIZE));
	assert_int_equal(errno, ENOMEM);
	vmem_delete(pool);
}

static void
test_strings(void **state)
{
	VMEM *pool = make();

	(void)state;
	char *s = vmem_strdup(pool, "narrow");
	wchar_t *w = vmem_wcsdup(pool, L"wide");
	assert_string_equal(s, "narrow");
	assert_int_equal(wcscmp(w, L"wide"), 0);
	vmem_free(pool, s);
	vmem_free(pool, w);
	/* A pool that is full. */
	while (vmem_malloc(pool, 4096) != NULL)
		;
	while (vmem_malloc(pool, 8) != NULL)
		;
	errno = 0;
	assert_null(vmem_strdup(pool, "narrow"));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(vmem_wcsdup(pool, L"w"));
	assert_int_equal(errno, ENOMEM);
	vmem_delete(pool);
}

static void
test_pools_are_apart(void **state)
{
	VMEM *a = make();
	VMEM *b = make();

	(void)state;
	char *p = vmem_strdup(a, "of a");
	char *q = vmem_strdup(b, "of b");
	vmem_delete(a);
	assert_string_equal(q, "of b");
	assert_int_equal(vmem_check(b), 1);
	vmem_delete(b);
	(void)p;
}

static void
test_the_functions_that_are_set(void **state)
{
	(void)state;
	vmem_set_funcs(count_malloc, count_free, NULL, NULL, print);
	VMEM *pool = make();
	assert_int_equal(Nr_records, 1);
	Printed[0] = '\0';
	vmem_stats_print(pool, NULL);
	assert_non_null(strstr(Printed, "Pool: "));
	assert_non_null(strstr(Printed, "Allocated: "));
	assert_non_null(strstr(Printed, "arenas["));
	Printed[0] = '\0';
	vmem_stats_print(pool, "gma");
	assert_null(strstr(Printed, "Pool: "));
	assert_null(strstr(Printed, "Allocated: "));
	assert_null(strstr(Printed, "arenas["));

	/* The record goes back to where it came from. */
	vmem_set_funcs(NULL, NULL, NULL, NULL, NULL);
	VMEM *other = make();
	assert_int_equal(Nr_records, 1);
	vmem_delete(pool);
	assert_int_equal(Nr_records, 0);
	vmem_delete(other);
	assert_int_equal(Nr_records, 0);

	vmem_set_funcs(no_malloc, NULL, NULL, NULL, NULL);
	errno = 0;
	assert_null(vmem_create(test_dir(), SIZE));
	assert_int_equal(errno, ENOMEM);
	vmem_set_funcs(NULL, NULL, NULL, NULL, NULL);
}

/* Of the process that is this program again, see main(): prints to what its
 * environment names, from elsewhere, and twice. */
static int
print_to_the_file(void)
{
	VMEM *pool = vmem_create(test_dir(), SIZE);
	size_t before = test_nr_fds();

	if (pool == NULL || chdir("/") != 0 ||
	    setenv("VMEM_LOG_FILE", "/nonexistent/other", 1) != 0)
		return 1;
	vmem_stats_print(pool, "a");
	if (test_nr_fds() != before)
		return 2;
	vmem_stats_print(pool, "a");
	vmem_delete(pool);
	return 0;
}

static unsigned
count_in(const char *path, const char *part)
{
	FILE *file = fopen(path, "re");
	char line[200];
	unsigned nr = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		nr += strstr(line, part) != NULL;
	assert_int_equal(fclose(file), 0);
	return nr;
}

/* A name is of the folder and the process that it was given in. */
static void
test_the_file_of_the_environment(void **state)
{
	static const char *const Begin = "Begin pool statistics";
	char name[4096], program[4096];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	(void)state;
	assert_true(len > 0);
	program[len] = '\0';
	assert_true(
	    snprintf(name, sizeof(name), "%s", test_path("vmem.log")) > 0);
	FILE *file = fopen(name, "we");
	assert_non_null(file);
	assert_true(fputs("of another run\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	test_command_ok("VMEM_LOG_FILE=%s VMEM_TEST_PRINT=1 %s", name, program);
	assert_string_equal(test_command_text(), "");
	assert_int_equal(count_in(name, Begin), 2);
	assert_int_equal(count_in(name, "of another run"), 0);
	assert_int_equal(unlink(name), 0);

	test_command_ok("cd %s && VMEM_LOG_FILE=vmem.log VMEM_TEST_PRINT=1 %s",
	    test_dir(), program);
	assert_int_equal(count_in(name, Begin), 2);
	assert_int_equal(unlink(name), 0);

	test_command_ok("cd %s && VMEM_LOG_FILE=pid- VMEM_TEST_PRINT=1 %s && "
			"cat pid-[1-9]* && rm pid-[1-9]*",
	    test_dir(), program);
	test_has(test_command_text(), Begin);
	test_command_ok(
	    "VMEM_LOG_FILE=/nonexistent/log VMEM_TEST_PRINT=1 %s", program);
	test_has(test_command_text(), Begin);
}

/* --- fork ------------------------------------------------------------------------ */

static atomic_bool Is_over;

/* Keeps the library's lock taken, most of the time. */
static void *
keep_busy(void *arg)
{
	while (!atomic_load(&Is_over)) {
		VMEM *pool = vmem_create(test_dir(), SIZE);

		if (pool == NULL)
			return NULL;
		for (int i = 0; i < 10000; i++)
			vmem_set_funcs(NULL, NULL, NULL, NULL, NULL);
		vmem_delete(pool);
	}
	return arg;
}

struct pools {
	VMEM *over_file, *over_memory;
	char *in_file, *in_memory;
};

static int
use_in_child(void *arg)
{
	struct pools *pools = arg;

	(void)alarm(150); /* a lock that nobody drops */
	if (vmem_check(pools->over_memory) != 1)
		return 1;
	/* What parent and child would share gives nothing; what was copied
	 * goes on. */
	errno = 0;
	if (vmem_malloc(pools->over_file, 100) != NULL || errno != ENOMEM)
		return 2;
	char *p = vmem_malloc(pools->over_memory, 100);
	if (p == NULL || !test_all_bytes(pools->in_memory, 'm', 1000) ||
	    !test_all_bytes(pools->in_file, 'f', 1000))
		return 3;
	memset(pools->in_memory, 'c', 1000);
	vmem_free(pools->over_memory, p);
	/* (one over a file has a thread look after it, which a sanitizer does
	 * not allow here) */
	void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	VMEM *own = vmem_create_in_region(memory, SIZE);
	if (own == NULL || vmem_malloc(own, 100) == NULL)
		return 4;
	vmem_delete(own);
	vmem_delete(pools->over_file);
	vmem_delete(pools->over_memory);
	return 0;
}

static void
test_a_fork_among_threads(void **state)
{
	struct pools pools;
	pthread_t threads[2];
	int rc = 0;

	(void)state;
	void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	pools.over_file = make();
	pools.over_memory = vmem_create_in_region(memory, SIZE);
	assert_non_null(pools.over_memory);
	pools.in_file = vmem_malloc(pools.over_file, 1000);
	pools.in_memory = vmem_malloc(pools.over_memory, 1000);
	memset(pools.in_file, 'f', 1000);
	memset(pools.in_memory, 'm', 1000);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, keep_busy, &pools), 0);
	for (size_t i = 0; rc == 0 && i < test_scaled(30); i++)
		rc = test_in_child(use_in_child, &pools);
	atomic_store(&Is_over, true);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_non_null(result);
	}
	assert_int_equal(rc, 0);
	assert_true(test_all_bytes(pools.in_memory, 'm', 1000));
	vmem_delete(pools.over_file);
	vmem_delete(pools.over_memory);
	assert_int_equal(munmap(memory, SIZE), 0);
}

static void
test_versions(void **state)
{
	(void)state;
	assert_int_equal(VMEM_MAJOR_VERSION, 1);
	assert_int_equal(VMEM_MINOR_VERSION, 1);
	assert_null(vmem_check_version(1, 1));
	assert_null(vmem_check_version(1, 0));
	assert_string_equal(vmem_check_version(1, 2),
	    "libvmem minor version mismatch (need 2, found 1)");
	assert_string_equal(vmem_check_version(2, 0),
	    "libvmem major version mismatch (need 2, found 1)");
	assert_string_equal(vmem_errormsg(),
	    "libvmem major version mismatch (need 2, found 1)");
	assert_non_null(vmem_check_version(0, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_a_pool_over_a_file),
	    test_unit(test_a_pool_over_memory_of_the_caller),
	    test_unit(test_pools_that_can_not_be),
	    test_unit(test_what_is_no_pool),
	    test_unit(test_null_is_refused),
	    test_unit(test_blocks),
	    test_unit(test_alignments),
	    test_unit(test_strings),
	    test_unit(test_pools_are_apart),
	    test_unit(test_the_functions_that_are_set),
	    test_unit(test_the_file_of_the_environment),
	    test_unit(test_a_fork_among_threads),
	    test_unit(test_versions),
	};

	if (getenv("VMEM_TEST_PRINT") != NULL)
		return print_to_the_file();
	return cmocka_run_group_tests_name("vmem", tests, NULL, NULL);
}
