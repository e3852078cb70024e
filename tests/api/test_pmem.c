// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_pmem.c -- memkind_create_pmem(): sizes, errors, the file behind it, and
 * when its space goes back to the file system.
 *
 * Holds this invariant: file space held = taken ranges + a stated slack; the
 * file never grows past its maximum.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOT_SET ((memkind_t)(uintptr_t)0xDA)
#define LARGE (10 * TEST_MIB)

static memkind_t
make_pmem(size_t max_size)
{
	memkind_t kind = NOT_SET;

	assert_int_equal(
	    memkind_create_pmem(test_dir(), max_size, &kind), MEMKIND_SUCCESS);
	assert_non_null(kind);
	assert_ptr_not_equal(kind, NOT_SET);
	return kind;
}

static memkind_t
make_pmem_with_policy(size_t max_size, memkind_mem_usage_policy policy)
{
	struct memkind_config *cfg = memkind_config_new();
	memkind_t kind = NULL;

	assert_non_null(cfg);
	memkind_config_set_path(cfg, test_dir());
	memkind_config_set_size(cfg, max_size);
	memkind_config_set_memory_usage_policy(cfg, policy);
	assert_int_equal(
	    memkind_create_pmem_with_config(cfg, &kind), MEMKIND_SUCCESS);
	memkind_config_delete(cfg);
	assert_non_null(kind);
	return kind;
}

static void
end_kind(memkind_t kind)
{
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

/* --- sizes and errors -------------------------------------------------------- */

static void
test_sizes(void **state)
{
	static const struct {
		const char *why;
		size_t size;
		int rc;
	} rows[] = {
	    {"1 byte", 1, MEMKIND_ERROR_INVALID},
	    {"a page", 4096, MEMKIND_ERROR_INVALID},
	    {"the minimum less 1", MEMKIND_PMEM_MIN_SIZE - 1,
		MEMKIND_ERROR_INVALID},
	    {"the minimum", MEMKIND_PMEM_MIN_SIZE, MEMKIND_SUCCESS},
	    {"the minimum and 1", MEMKIND_PMEM_MIN_SIZE + 1, MEMKIND_SUCCESS},
	    {"no multiple of a page", 20000001, MEMKIND_SUCCESS},
	    {"64 MiB", (size_t)64 << 20, MEMKIND_SUCCESS},
	};

	/* memkind rounds 15 MiB up to 16, which do not fit into 16 */
	const size_t most = (TEST_OURS ? 15 : 12) * TEST_MIB;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memkind_t kind = NOT_SET;
		void *p;

		dk_row(rows[i].why);
		assert_int_equal(
		    memkind_create_pmem(test_dir(), rows[i].size, &kind),
		    rows[i].rc);
		if (rows[i].rc != MEMKIND_SUCCESS) {
			test_says_why();
			continue;
		}
		size_t capacity = (size_t)memkind_get_capacity(kind);
		assert_in_range(capacity, rows[i].size,
		    rows[i].size + (TEST_OURS ? TEST_PAGE - 1 : 2 * TEST_MIB));
		assert_int_equal(
		    memkind_check_available(kind), MEMKIND_SUCCESS);
		p = memkind_malloc(kind, most);
		assert_non_null(p);
		test_touch(p, most);
		memkind_free(kind, p);
#if TEST_OURS
		/* that is what can be had, and no more */
		assert_int_equal(capacity % TEST_PAGE, 0);
		p = memkind_malloc(kind, capacity);
		assert_non_null(p);
		memkind_free(kind, p);
		assert_null(memkind_malloc(kind, capacity + 1));
#endif
		errno = 0;
		assert_null(memkind_malloc(kind, rows[i].size + 2 * TEST_MIB));
		assert_int_equal(errno, ENOMEM);
		end_kind(kind);
	}
}

/* Sizes that no file can have: refused or not, but nothing breaks. */
static void
test_absurd_sizes_do_no_harm(void **state)
{
	static const size_t sizes[] = {(size_t)1 << 50, (size_t)1 << 62,
	    SIZE_MAX / 2, SIZE_MAX - 4095, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		memkind_t kind = NOT_SET;
		int rc = memkind_create_pmem(test_dir(), sizes[i], &kind);

		if (rc != MEMKIND_SUCCESS) {
			assert_true(rc < 0);
			assert_null(kind);
			continue;
		}
		assert_non_null(memkind_malloc(kind, 100));
		end_kind(kind);
	}
}

static void
test_size_0_means_no_limit_but_the_file_systems(void **state)
{
	memkind_t kind = make_pmem(0);
	size_t size = test_size(100 * TEST_MIB);
	void *p = memkind_malloc(kind, size / 2);

	(void)state;
	assert_non_null(p);
	test_touch(p, size / 2);
	assert_true(memkind_get_capacity(kind) >= (ssize_t)size);
	end_kind(kind);
}

/* memkind leaves two files open. */
/* The file system is larger than what the process may map; a sanitizer has
 * mapped more already. */
static int
use_with_limits(void *arg)
{
	const struct rlimit space = {3 * TEST_GIB, 3 * TEST_GIB};
	const struct rlimit file = {200 * TEST_MIB + 1, 200 * TEST_MIB + 1};
	memkind_t kind = NULL;
	bool is_space = *(bool *)arg;

	if (DK_SANITIZED && is_space)
		return 0;
	if ((is_space ? setrlimit(RLIMIT_AS, &space)
		      : setrlimit(RLIMIT_FSIZE, &file)) != 0 ||
	    memkind_create_pmem(test_dir(), 0, &kind) != MEMKIND_SUCCESS)
		return 1;
	void *p = memkind_malloc(kind, LARGE);
	if (p == NULL)
		return 2;
	test_touch(p, LARGE);
	size_t capacity = (size_t)memkind_get_capacity(kind);
	if (TEST_OURS && !is_space && capacity != 200 * TEST_MIB &&
	    capacity != test_size(TEST_GIB))
		return 3;
	/* something is left to the program */
	if (TEST_OURS && is_space) {
		void *rest = malloc(TEST_GIB);

		if (rest == NULL)
			return 4;
		free(rest);
	}
	return memkind_destroy_kind(kind) == MEMKIND_SUCCESS ? 0 : 5;
}

static void
test_size_0_keeps_to_the_limits_of_the_process(void **state)
{
	bool is_space[] = {true, false};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(is_space); i++)
		assert_int_equal(
		    test_in_child(use_with_limits, &is_space[i]), 0);
}

static void
test_too_much_without_a_limit_leaves_nothing(void **state)
{
	memkind_t kind = make_pmem(0);

	(void)state;
	errno = 0;
	assert_null(memkind_malloc(kind, (size_t)1 << 46));
	assert_int_equal(errno, ENOMEM);
	end_kind(kind);
}

static void
test_16_mib_of_16_mib_and_a_page_in_one_block(void **state)
{
	memkind_t kind = make_pmem(MEMKIND_PMEM_MIN_SIZE + TEST_PAGE);

	(void)state;
	for (int i = 0; i < 3; i++) {
		void *p = memkind_malloc(kind, MEMKIND_PMEM_MIN_SIZE);

		assert_non_null(p);
		test_touch(p, MEMKIND_PMEM_MIN_SIZE);
		memkind_free(kind, p);
	}
	end_kind(kind);
}

static void
test_directories_that_are_refused(void **state)
{
	char file[PATH_MAX];
	const struct {
		const char *why;
		const char *dir;
		int err;
	} rows[] = {
	    {"missing", "/nonexistent/dir", ENOENT},
	    {"a file", file, ENOTDIR},
	};
	FILE *f;

	(void)state;
	(void)snprintf(file, sizeof(file), "%s", test_path("file"));
	f = fopen(file, "we");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memkind_t kind = NOT_SET;

		dk_row(rows[i].why);
		errno = 0;
		assert_int_equal(
		    memkind_create_pmem(rows[i].dir, 32 * TEST_MIB, &kind),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(errno, rows[i].err);
		test_says_why();
	}
	assert_int_equal(unlink(file), 0);
}

static void
test_path_that_is_too_long_is_refused(void **state)
{
	static char long_path[PATH_MAX + 1000];
	memkind_t kind = NOT_SET;

	(void)state;
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	errno = 0;
	assert_int_equal(memkind_create_pmem(long_path, 32 * TEST_MIB, &kind),
	    MEMKIND_ERROR_INVALID);
	assert_int_equal(errno, ENAMETOOLONG);
	test_says_why();
}

/* memkind takes it for the root. */
static void
test_directory_without_a_name_is_refused(void **state)
{
	memkind_t kind = NOT_SET;

	(void)state;
	errno = 0;
	assert_int_equal(memkind_create_pmem("", 32 * TEST_MIB, &kind),
	    MEMKIND_ERROR_INVALID);
	assert_int_equal(errno, ENOENT);
}

static void
test_no_handle_of_a_kind_that_was_not_made(void **state)
{
	memkind_t kind = NOT_SET;

	(void)state;
	assert_int_equal(
	    memkind_create_pmem(test_dir(), 1, &kind), MEMKIND_ERROR_INVALID);
	assert_null(kind);
	kind = NOT_SET;
	assert_int_equal(
	    memkind_create_pmem("/nonexistent/dir", 32 * TEST_MIB, &kind),
	    MEMKIND_ERROR_INVALID);
	assert_null(kind);
}

static void
test_null_arguments_are_refused(void **state)
{
	memkind_t kind = NOT_SET;

	(void)state;
	assert_int_equal(memkind_create_pmem(NULL, 32 * TEST_MIB, &kind),
	    MEMKIND_ERROR_INVALID);
	assert_null(kind);
	assert_int_equal(memkind_create_pmem(test_dir(), 32 * TEST_MIB, NULL),
	    MEMKIND_ERROR_INVALID);
}

/* In a child, which is nobody when we are root. */
static int
create_in_read_only_dir(void *arg)
{
	memkind_t kind = NOT_SET;
	int rc;

	if (geteuid() == 0 && seteuid(65534) != 0)
		return 99;
	errno = 0;
	rc = memkind_create_pmem(arg, 32 * TEST_MIB, &kind);
	if (rc != MEMKIND_ERROR_INVALID)
		return 1;
	return errno == EACCES ? 0 : 2;
}

static void
test_read_only_directory_is_refused(void **state)
{
	char template[] = "/tmp/daxkind-ro.XXXXXX";
	char *dir = mkdtemp(template);
	int rc;

	(void)state;
	assert_non_null(dir);
	assert_int_equal(chmod(dir, 0555), 0);
	rc = test_in_child(create_in_read_only_dir, dir);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(rc, 0);
}

/* --- the file ---------------------------------------------------------------- */

static void
test_file_has_no_name_and_ends_with_the_kind(void **state)
{
	memkind_t kind = make_pmem(32 * TEST_MIB);
	struct stat st;
	struct dirent *e;
	DIR *d = opendir(test_dir());

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		assert_true(e->d_name[0] == '.' ||
			    strcmp(e->d_name, "lost+found") == 0);
	assert_int_equal(closedir(d), 0);
	assert_true(test_unlinked_file(&st));
	assert_int_equal(st.st_nlink, 0);
	end_kind(kind);
	assert_false(test_unlinked_file(&st));
}

static void
test_create_takes_next_to_no_file_space(void **state)
{
	memkind_t kind = make_pmem(test_size(128 * TEST_MIB));

	(void)state;
	assert_true(test_unlinked_files_held() <= 2 * TEST_MIB);
	end_kind(kind);
}

/* Full, the file is as large as it may be, and nothing is lost to records. */
static void
test_full_file_is_not_larger_than_its_maximum(void **state)
{
	const size_t max_size = 24 * TEST_MIB;
	memkind_t kind = make_pmem(max_size);
	struct test_fill fill;
	struct stat st;

	(void)state;
	for (int i = 0; i < (test_is_emulated() ? 1 : 3); i++) {
		test_fill(kind, 16, 20000, 1, &fill);
		assert_int_equal(fill.err, ENOMEM);
		assert_true(fill.bytes > max_size / 100 * 85);
		assert_true(test_unlinked_file(&st));
		assert_true(st.st_size <= (off_t)max_size);
		assert_true(
		    (size_t)st.st_blocks * 512 <= max_size + 64 * TEST_KIB);
		test_fill_free(kind, &fill);
	}
	end_kind(kind);
}

static void
test_two_kinds_have_a_file_each(void **state)
{
	memkind_t a = make_pmem(32 * TEST_MIB);
	memkind_t b = make_pmem(32 * TEST_MIB);
	void *p = memkind_malloc(a, 20 * TEST_MIB);
	void *q = memkind_malloc(b, 20 * TEST_MIB);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	memset(p, 1, TEST_MIB);
	memset(q, 2, TEST_MIB);
	assert_true(test_all_bytes(p, 1, TEST_MIB));
	assert_ptr_equal(memkind_detect_kind(p), a);
	assert_ptr_equal(memkind_detect_kind(q), b);
	end_kind(a);
	assert_true(test_all_bytes(q, 2, TEST_MIB));
	end_kind(b);
}

/* --- policies ---------------------------------------------------------------- */

static void
test_conservative_policy_gives_space_back_at_once(void **state)
{
	static const size_t sizes[] = {
	    LARGE, TEST_MIB, 5 * TEST_MIB + 4096, 40 * TEST_MIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		memkind_t kind = make_pmem_with_policy(
		    64 * TEST_MIB, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);
		void *p = memkind_malloc(kind, sizes[i]);
		size_t before;

		assert_non_null(p);
		test_touch(p, sizes[i]);
		before = test_unlinked_files_held();
		assert_true(before >= sizes[i]);
		memkind_free(kind, p);
		assert_true(
		    before - test_unlinked_files_held() >= sizes[i] / 10 * 9);
		end_kind(kind);
	}
}

/* In a process whose environment had it from the start. */
static int
use_hogged(void)
{
	memkind_t kind = make_pmem_with_policy(
	    64 * TEST_MIB, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);
	void *p = memkind_malloc(kind, 40 * TEST_MIB);

	if (p == NULL)
		return 1;
	test_touch(p, 40 * TEST_MIB);
	size_t before = test_unlinked_files_held();
	memkind_free(kind, p);
	if (test_unlinked_files_held() != before)
		return 2;
	/* It is used again. */
	p = memkind_malloc(kind, 40 * TEST_MIB);
	if (p == NULL || test_unlinked_files_held() != before)
		return 3;
	memkind_free(kind, p);
	return memkind_destroy_kind(kind) == MEMKIND_SUCCESS ? 0 : 4;
}

static int
run_self_hogging(void *arg)
{
	static char self[] = "/proc/self/exe";
	char *argv[] = {self, arg, NULL};

	if (setenv("MEMKIND_HOG_MEMORY", "1", 1) == 0)
		(void)execv(self, argv);
	return 99;
}

/* MEMKIND_HOG_MEMORY=1: until the kind ends, whatever the policy. */
static void
test_hogged_space_is_kept(void **state)
{
	static char arg[] = "--hogging";

	(void)state;
	assert_int_equal(test_in_child(run_self_hogging, arg), 0);
}

/* Many frees in a row: giving back is batched, but not for ever.  How long it
 * takes at most is what tests/unit/region/test_reclaimer holds. */
static void
test_conservative_policy_holds_for_small_blocks(void **state)
{
	const size_t size = (TEST_OURS ? 40 : 20) * TEST_MIB;
	memkind_t kind = make_pmem_with_policy(
	    64 * TEST_MIB, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);
	struct test_fill fill;
	double end;

	(void)state;
	test_fill_up_to(kind, 16, 8000, 1, size, &fill);
	assert_true(test_unlinked_files_held() >= size / 10 * 9);
	test_fill_free(kind, &fill);
	end = test_now() + test_patience(60);
	while (test_unlinked_files_held() > 4 * TEST_MIB && test_now() < end)
		test_sleep_ms(20);
	assert_true(test_unlinked_files_held() <= 4 * TEST_MIB);
	end_kind(kind);
}

/* Some small blocks, and large ones of 1, 3 and 10 MiB, free again. */
static void
use_and_free(memkind_t kind)
{
	static const size_t sizes[] = {TEST_MIB, 3 * TEST_MIB, LARGE};
	struct test_fill fill;
	void *blocks[ARRAY_LEN(sizes)];

	test_fill_up_to(kind, 16, 100000, 1, 20 * TEST_MIB, &fill);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		blocks[i] = memkind_malloc(kind, sizes[i]);
		assert_non_null(blocks[i]);
		test_touch(blocks[i], sizes[i]);
	}
	assert_true(test_unlinked_files_held() >= 30 * TEST_MIB);
	test_fill_free(kind, &fill);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		memkind_free(kind, blocks[i]);
}

/* Two kinds at once, to wait once: nobody calls one of them any more, and this
 * thread goes on with the other. */
static void
test_default_policy_gives_space_back_idle_or_not(void **state)
{
	memkind_t idle = make_pmem(64 * TEST_MIB);
	memkind_t busy = make_pmem_with_policy(
	    64 * TEST_MIB, MEMKIND_MEM_USAGE_POLICY_DEFAULT);
	const size_t limit = 2 * TEST_MIB + test_unlinked_files_held();
	double start = test_now();
	size_t held;

	(void)state;
	use_and_free(idle);
	use_and_free(busy);
	while ((held = test_unlinked_files_held()) > limit &&
	       test_now() < start + test_patience(60)) {
		for (size_t i = 0; i < 1000; i++)
			memkind_free(busy, memkind_malloc(busy, 100 + i));
		test_sleep_ms(20);
	}
	print_message(
	    "%zu KiB held after %.1f s\n", held / TEST_KIB, test_now() - start);
	assert_true(held <= limit);
	end_kind(idle);
	end_kind(busy);
}

#if TEST_OURS
static void
test_policy_can_be_changed_later(void **state)
{
	memkind_t kind = make_pmem(64 * TEST_MIB);
	void *p;

	(void)state;
	assert_int_equal(
	    daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE), 0);
	p = memkind_malloc(kind, LARGE);
	assert_non_null(p);
	test_touch(p, LARGE);
	memkind_free(kind, p);
	assert_true(test_unlinked_files_held() <= TEST_MIB);
	assert_int_equal(
	    daxkind_kind_set_policy(kind, DAXKIND_POLICY_DEFAULT), 0);
	assert_int_equal(
	    daxkind_kind_set_policy(
		kind, (enum daxkind_policy)(DAXKIND_POLICY_CONSERVATIVE + 1)),
	    -EINVAL);
	assert_int_equal(
	    daxkind_kind_set_policy(kind, (enum daxkind_policy) - 1), -EINVAL);
	assert_int_equal(
	    daxkind_kind_set_policy(NULL, DAXKIND_POLICY_DEFAULT), -EINVAL);
	assert_int_equal(
	    daxkind_kind_set_policy(MEMKIND_DEFAULT, DAXKIND_POLICY_DEFAULT),
	    -EINVAL);
	end_kind(kind);
}
#endif

/* --- DAX --------------------------------------------------------------------- */

static void
test_check_dax_path(void **state)
{
	(void)state;
	if (test_is_fsdax())
		assert_int_equal(
		    memkind_check_dax_path(test_dir()), MEMKIND_SUCCESS);
	else
		assert_int_equal(
		    memkind_check_dax_path(test_dir()), MEMKIND_ERROR_MMAP);
	errno = 0;
	assert_int_equal(
	    memkind_check_dax_path("/nonexistent"), MEMKIND_ERROR_RUNTIME);
	assert_int_equal(errno, ENOENT);
}

static void
test_check_dax_path_of_null_is_refused(void **state)
{
	(void)state;
	assert_true(memkind_check_dax_path(NULL) < 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_sizes),
	    test_unit(test_absurd_sizes_do_no_harm),
	    test_unit(test_size_0_means_no_limit_but_the_file_systems),
	    test_unit(test_size_0_keeps_to_the_limits_of_the_process),
	    test_unit(test_too_much_without_a_limit_leaves_nothing),
	    test_unit(test_16_mib_of_16_mib_and_a_page_in_one_block),
	    test_unit(test_directories_that_are_refused),
	    test_unit(test_path_that_is_too_long_is_refused),
	    test_unit(test_directory_without_a_name_is_refused),
	    test_unit(test_no_handle_of_a_kind_that_was_not_made),
	    test_unit(test_null_arguments_are_refused),
	    test_unit(test_read_only_directory_is_refused),
	    test_unit(test_file_has_no_name_and_ends_with_the_kind),
	    test_unit(test_create_takes_next_to_no_file_space),
	    test_unit(test_full_file_is_not_larger_than_its_maximum),
	    test_unit(test_two_kinds_have_a_file_each),
	    test_unit(test_conservative_policy_gives_space_back_at_once),
	    test_unit(test_hogged_space_is_kept),
	    test_unit(test_conservative_policy_holds_for_small_blocks),
	    test_unit(test_default_policy_gives_space_back_idle_or_not),
	    test_ours_only(test_unit, test_policy_can_be_changed_later),
	    test_unit(test_check_dax_path),
	    test_unit(test_check_dax_path_of_null_is_refused),
	};

	if (argc > 1 && strcmp(argv[1], "--hogging") == 0)
		return use_hogged();
	return cmocka_run_group_tests_name("pmem", tests, NULL, NULL);
}
