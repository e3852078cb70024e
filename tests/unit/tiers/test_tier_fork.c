// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_tier_fork.c -- a child's copy of tiers on files, and what is left where
 * there is no memory for one.
 *
 * This program has a malloc of its own, which gives a block of a tier to those who
 * ask for one byte, to find that out.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <daxkind.h>
#include <errno.h>
#include <memkind.h>
#include <memkind_memtier.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "kind/kind_fork.h"

#define SIZE (16 * MIB)
#define BLOCK_LEN (256 * TEST_KIB)

static memkind_t Kind;
static memkind_t _Atomic Malloc_kind;
static struct memtier_memory *Tiers;
static char *Block;

#if !DK_SANITIZED
void *__libc_malloc(size_t size);
void __libc_free(void *ptr);

__attribute__((visibility("default"))) void *
malloc(size_t size)
{
	memkind_t kind = atomic_load(&Malloc_kind);

	void *ptr = kind != NULL && size == 1 ? memkind_malloc(kind, 1) : NULL;

	return ptr != NULL ? ptr : __libc_malloc(size);
}

__attribute__((visibility("default"))) void
free(void *ptr)
{
	if (Kind != NULL && memkind_detect_kind(ptr) == Kind)
		memkind_free(Kind, ptr);
	else
		__libc_free(ptr);
}
#endif

static int
setup(void **state)
{
	struct memtier_builder *builder;

	(void)state;
	mock_os_reset();
	assert_true(kind_fork_is_safe()); /* and so it is linked */
	assert_int_equal(
	    memkind_create_pmem(test_dir(), SIZE, &Kind), MEMKIND_SUCCESS);
	builder = memtier_builder_new(MEMTIER_POLICY_STATIC_RATIO);
	assert_non_null(builder);
	assert_int_equal(memtier_builder_add_tier(builder, Kind, 1), 0);
	Tiers = memtier_builder_construct_memtier_memory(builder);
	memtier_builder_delete(builder);
	assert_non_null(Tiers);
	Block = memtier_malloc(Tiers, BLOCK_LEN);
	assert_ptr_equal(memkind_detect_kind(Block), Kind);
	memset(Block, 5, BLOCK_LEN);
	atomic_store(&Malloc_kind, Kind);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	atomic_store(&Malloc_kind, NULL);
	mock_os_reset();
	memtier_free(Block);
	memtier_delete_memtier_memory(Tiers);
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	Kind = NULL;
	return 0;
}

/* Whether the kernel can read it, without a signal if it cannot. */
static bool
can_be_read(const char *p)
{
	int fds[2];

	if (pipe(fds) != 0)
		return false;
	bool result = write(fds[1], p, 1) == 1;
	(void)close(fds[0]);
	(void)close(fds[1]);
	return result;
}

static int
change_in_child(void *arg)
{
	(void)arg;
	if (!can_be_read(Block) || !test_all_bytes(Block, 5, BLOCK_LEN))
		return 1;
	memset(Block, 6, BLOCK_LEN);
	char *more = memtier_malloc(Tiers, 100);
	return more != NULL ? 0 : 2;
}

/* With a pipe its parent waits; without descriptors it does not. */
static void
test_a_child_has_a_copy_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(change_in_child, NULL), 0);
	assert_true(test_all_bytes(Block, 5, BLOCK_LEN));
	mock_os_fail_all("os_pipe", EMFILE);
	assert_int_equal(test_in_child(change_in_child, NULL), 0);
	assert_string_equal(mock_os_failed(), "os_pipe");
}

/* Of the kind's blocks only one cannot be copied. */
static int
look_in_child(void *arg)
{
	const char *other = arg;

	if (mock_os_failed() == NULL)
		return 1;
	if (can_be_read(Block))
		return 2;
	return can_be_read(other) && test_all_bytes(other, 7, BLOCK_LEN) ? 0
									 : 3;
}

static void
test_what_cannot_be_copied_is_not_there(void **state)
{
	char *gap = memtier_malloc(Tiers, BLOCK_LEN);
	char *other = memtier_malloc(Tiers, BLOCK_LEN);

	(void)state;
	assert_non_null(other);
	memset(other, 7, BLOCK_LEN);
	memtier_free(gap);
	assert_true(other > Block);
	mock_os_fail_nth_of("os_make_private", 1, ENOMEM);
	assert_int_equal(test_in_child(look_in_child, other), 0);
	/* and the parent has all */
	assert_true(test_all_bytes(Block, 5, BLOCK_LEN));
	memset(Block, 8, BLOCK_LEN);
	memtier_free(other);
}

static int
look_in_grandchild(void *arg)
{
	(void)arg;
	if (mock_os_nr_calls("os_make_private") != 0)
		return 11;
	if (!can_be_read(Block) || !test_all_bytes(Block, 6, BLOCK_LEN))
		return 12;
	memset(Block, 9, BLOCK_LEN);
	return 0;
}

/* A child of the child has what is the child's own: no further copy. */
static int
fork_again(void *arg)
{
	(void)arg;
	memset(Block, 6, BLOCK_LEN);
	mock_os_fail_all("os_make_private", ENOMEM);
	int rc = test_in_child(look_in_grandchild, NULL);
	return rc != 0 ? rc : !test_all_bytes(Block, 6, BLOCK_LEN);
}

static void
test_a_copy_is_not_copied_again(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(fork_again, NULL), 0);
	assert_true(test_all_bytes(Block, 5, BLOCK_LEN));
}

/* Where malloc is not built on tiers, nothing is copied: see kind_fork.c. */
static int
look_without_copy(void *arg)
{
	(void)arg;
	return mock_os_nr_calls("os_make_private") == 0 ? 0 : 1;
}

static void
test_without_malloc_there_is_no_copy(void **state)
{
	(void)state;
	atomic_store(&Malloc_kind, NULL);
	mock_os_reset();
	assert_int_equal(test_in_child(look_without_copy, NULL), 0);
	assert_int_equal(mock_os_nr_calls("os_pipe"), 0);
}

#define unit(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    unit(test_a_child_has_a_copy_of_its_own),
	    unit(test_what_cannot_be_copied_is_not_there),
	    unit(test_a_copy_is_not_copied_again),
	    unit(test_without_malloc_there_is_no_copy),
	};

	if (DK_SANITIZED) {
		puts("skipped: malloc is the sanitizer's");
		return 77;
	}
	return cmocka_run_group_tests_name("tier_fork", tests, NULL, NULL);
}
