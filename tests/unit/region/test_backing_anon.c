// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_backing_anon.c -- memory without a file: reserved at once, opened page
 * by page.
 *
 * Holds these invariants: what was not ensured cannot be touched, what the
 * kernel would not promise fails when it is ensured, and what was given back is
 * zero when it comes again.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/os.h"
#include "base/util.h"
#include "region/backing_anon.h"

#define SIZE (64 * MIB)

static struct backing_anon Anon;
static int Pipe[2];

/* What place() was asked for. */
static struct {
	unsigned nr;
	char *addr;
	size_t len;
	int rc;
} Placed;

static int
place(const void *arg, void *addr, size_t len)
{
	assert_ptr_equal(arg, &Placed);
	Placed.nr++;
	Placed.addr = addr;
	Placed.len = len;
	return Placed.rc;
}

static int
setup(void **state)
{
	mock_os_reset();
	memset(&Placed, 0, sizeof(Placed));
	Anon = (struct backing_anon){.place = place, .arg = &Placed};
	return pipe(Pipe) == 0 ? test_leaks_setup(state) : -1;
}

static int
teardown(void **state)
{
	mock_os_reset();
	if (Anon.base.base != NULL)
		backing_close(&Anon.base);
	Anon.base.base = NULL;
	int rc = test_leaks_teardown(state);
	return close(Pipe[0]) == 0 && close(Pipe[1]) == 0 ? rc : -1;
}

static void
open_anon(void)
{
	assert_int_equal(backing_anon_open(&Anon, SIZE, SIZE), 0);
}

static int
ensure(size_t off, size_t len)
{
	bool is_zero;

	return backing_ensure(&Anon.base, off, len, &is_zero);
}

/* The kernel's read of the byte there: no signal where ours would be one. */
static bool
can_be_read(size_t off)
{
	char byte;

	if (write(Pipe[1], Anon.base.base + off, 1) != 1) {
		assert_int_equal(errno, EFAULT);
		return false;
	}
	assert_int_equal(read(Pipe[0], &byte, 1), 1);
	return true;
}

static bool
is_present(size_t off)
{
	unsigned char present;

	assert_int_equal(mincore(Anon.base.base + off, DK_PAGE, &present), 0);
	return (present & 1) != 0;
}

/* Whether the kernel counts the page as memory that it has promised. */
static bool
is_counted(size_t off)
{
	uintptr_t at = (uintptr_t)Anon.base.base + off;
	FILE *f = fopen("/proc/self/smaps", "re");
	bool is_it = false, is_in = false;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_in = at >= start && at < end;
		else if (is_in && strncmp(line, "VmFlags:", 8) == 0)
			is_it = strstr(line, " ac") != NULL;
	}
	assert_int_equal(fclose(f), 0);
	return is_it;
}

static void
test_nothing_can_be_touched_before_it_is_ensured(void **state)
{
	(void)state;
	open_anon();
	assert_int_equal(Anon.base.size, SIZE);
	assert_int_equal((uintptr_t)Anon.base.base % SIZE, 0);
	assert_false(can_be_read(0));
	assert_false(is_counted(0));
	assert_int_equal(ensure(MIB, 2 * MIB), 0);
	assert_false(can_be_read(MIB - 1));
	assert_true(can_be_read(MIB));
	assert_true(can_be_read(3 * MIB - 1));
	assert_false(can_be_read(3 * MIB));
	memset(Anon.base.base + MIB, 0x5a, 2 * MIB);
	/* again, and more: what is there stays */
	assert_int_equal(ensure(0, 4 * MIB), 0);
	assert_true(test_all_bytes(Anon.base.base + MIB, 0x5a, 2 * MIB));
	assert_true(test_all_bytes(Anon.base.base, 0, MIB));
}

static void
test_what_is_given_back_is_zero_and_no_memory(void **state)
{
	(void)state;
	open_anon();
	assert_int_equal(ensure(0, MIB), 0);
	memset(Anon.base.base, 0x5a, MIB);
	assert_true(is_present(0));
	assert_int_equal(backing_discard(&Anon.base, 0, MIB - DK_PAGE), 0);
	assert_false(is_present(0));
	assert_true(is_present(MIB - DK_PAGE));
	assert_int_equal(ensure(0, MIB), 0);
	assert_true(test_all_bytes(Anon.base.base, 0, MIB - DK_PAGE));
	assert_int_equal(Anon.base.base[MIB - 1], 0x5a);
}

static void
test_memory_is_placed_once_for_all(void **state)
{
	(void)state;
	open_anon();
	assert_int_equal(Placed.nr, 1);
	assert_ptr_equal(Placed.addr, Anon.base.base);
	assert_int_equal(Placed.len, SIZE);
	assert_int_equal(ensure(0, MIB), 0);
	assert_int_equal(backing_discard(&Anon.base, 0, MIB), 0);
	assert_int_equal(Placed.nr, 1);
}

/* As with vm.overcommit_memory=2, which is not for a test to set. */
static void
test_where_the_kernel_is_strict_nothing_idle_is_counted(void **state)
{
	(void)state;
	open_anon();
	Anon.is_strict = true;
	assert_int_equal(ensure(0, MIB), 0);
	assert_int_equal(Placed.nr, 2);
	assert_ptr_equal(Placed.addr, Anon.base.base);
	assert_int_equal(Placed.len, MIB);
	memset(Anon.base.base, 0x5a, MIB);
	assert_true(is_counted(0));
	assert_int_equal(backing_discard(&Anon.base, 0, MIB), 0);
	assert_false(is_counted(0));
	assert_false(can_be_read(0));
	assert_int_equal(ensure(0, MIB), 0);
	assert_true(test_all_bytes(Anon.base.base, 0, MIB));
	/* memory that cannot be placed is none */
	Placed.rc = -EIO;
	assert_int_equal(ensure(MIB, MIB), -EIO);
	assert_false(is_counted(MIB));
}

static void
test_what_the_kernel_would_not_promise_is_refused(void **state)
{
	bool is_zero = false;
	char line[8];

	(void)state;
	assert_int_equal(
	    os_read_line("/proc/sys/vm/overcommit_memory", line, sizeof(line)),
	    0);
	if (line[0] == '1') {
		print_message("the kernel promises anything here\n");
		return;
	}
	size_t size = SIZE;
	while (size < 4 * os_memory_size())
		size *= 2;
	assert_int_equal(backing_anon_open(&Anon, size, size), 0);
	assert_int_equal(ensure(0, MIB), 0);
	memset(Anon.base.base, 0x5a, MIB);
	assert_int_equal(
	    backing_ensure(&Anon.base, MIB, size - MIB, &is_zero), -ENOMEM);
	assert_true(is_zero);
	assert_true(test_all_bytes(Anon.base.base, 0x5a, MIB));
	assert_int_equal(ensure(0, 2 * MIB), 0);
}

static void
test_failures_leave_nothing(void **state)
{
	const struct {
		const char *call;
		size_t least;
		int place_rc, rc;
	} rows[] = {
	    {"os_reserve", SIZE, 0, -ENFILE},
	    {"os_reserve", SIZE / 1024, 0, -ENFILE},
	    {NULL, SIZE, -EIO, -EIO},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].call != NULL)
			mock_os_fail_all(rows[i].call, ENFILE);
		Placed.rc = rows[i].place_rc;
		assert_int_equal(
		    backing_anon_open(&Anon, SIZE, rows[i].least), rows[i].rc);
		assert_null(Anon.base.base);
		mock_os_reset();
	}
	Placed.rc = 0;
	open_anon();
	mock_os_fail_all("os_commit", ENOMEM);
	assert_int_equal(ensure(0, MIB), -ENOMEM);
	mock_os_reset();
	assert_int_equal(ensure(0, MIB), 0);
}

/* With a limit on addresses it gets what there is, and others too. */
static int
open_below_a_limit(void *arg)
{
	struct rlimit limit;
	size_t used, left = *(size_t *)arg;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL || fscanf(f, "%zu", &used) != 1 || fclose(f) != 0)
		return 99;
	limit.rlim_cur = used * DK_PAGE + left;
	limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return 99;
	if (backing_anon_open(&Anon, 64 * GIB, MIB) < 0)
		return 1;
	if (Anon.base.size < left / 4 || Anon.base.size > left / 2)
		return 2;
	if (ensure(0, Anon.base.size) != 0)
		return 3;
	/* as much again is left */
	return mmap(NULL, Anon.base.size / 2, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED
		   ? 0
		   : 4;
}

static void
test_below_a_limit_there_is_less(void **state)
{
	size_t lefts[] = {100 * MIB, 300 * MIB + 12 * KIB, 5 * GIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lefts); i++)
		assert_int_equal(
		    test_in_child(open_below_a_limit, &lefts[i]), 0);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_nothing_can_be_touched_before_it_is_ensured),
	    UNIT(test_what_is_given_back_is_zero_and_no_memory),
	    UNIT(test_memory_is_placed_once_for_all),
	    UNIT(test_where_the_kernel_is_strict_nothing_idle_is_counted),
	    UNIT(test_what_the_kernel_would_not_promise_is_refused),
	    UNIT(test_failures_leave_nothing),
	    UNIT(test_below_a_limit_there_is_less),
	};

	return cmocka_run_group_tests_name("backing_anon", tests, NULL, NULL);
}
