// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_sigbus.c -- media errors that the kernel tells of although nobody has
 * touched the memory: they come faster than they are quarantined.
 *
 * A process may queue a signal for itself that looks like the kernel's.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/util.h"
#include "kind/sigbus.h"
#include "region/backing.h"
#include "region/region.h"
#include "space/space.h"

#define SIZE (4 * MIB)

static void *Map;
static struct daxkind_region *Region;
static unsigned Nr_previous, Nr_called;
static void *Last_addr;
static size_t Last_len;
static struct sigaction Before;

static void
count_previous(int sig)
{
	(void)sig;
	Nr_previous++;
}

static void
count_call(void *arg, void *addr, size_t len)
{
	(void)arg;
	Nr_called++;
	Last_addr = addr;
	Last_len = len;
}

static int
setup(void **state)
{
	struct backing *b;

	(void)state;
	mock_os_reset();
	Map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(Map != MAP_FAILED);
	assert_int_equal(backing_mapping_open(Map, SIZE, 0, &b), 0);
	assert_int_equal(region_open(b, b->base, b->size, &Region), 0);
	Nr_previous = Nr_called = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mock_os_reset();
	region_close(Region);
	assert_int_equal(munmap(Map, SIZE), 0);
	return 0;
}

/* In the place of cmocka's, which is there in a test and not in its setup. */
static void
set_previous(void)
{
	struct sigaction action = {.sa_handler = count_previous};

	assert_int_equal(sigaction(SIGBUS, &action, &Before), 0);
}

static void
check_previous(void)
{
	struct sigaction now;

	assert_int_equal(sigaction(SIGBUS, &Before, &now), 0);
	assert_true(now.sa_handler == count_previous);
}

/* As for a page that went bad: delivered when it returns. */
static void
tell_of(void *addr, unsigned lsb)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGBUS;
	info.si_code = BUS_MCEERR_AO;
	info.si_addr = addr;
	info.si_addr_lsb = (short)lsb;
	assert_int_equal(syscall(SYS_rt_tgsigqueueinfo, getpid(),
			     syscall(SYS_gettid), SIGBUS, &info),
	    0);
}

static size_t
bad_bytes(void)
{
	struct space_figures figures;

	region_get_figures(Region, &figures);
	return figures.bad;
}

static void
test_the_kernel_says_how_much_is_bad(void **state)
{
	static const struct {
		const char *why;
		size_t off;
		unsigned lsb;
		size_t len;
	} rows[] = {
	    {"a page", 5 * DK_PAGE + 100, DK_PAGE_SHIFT, DK_PAGE},
	    {"less is a page", 7 * DK_PAGE, 6, DK_PAGE},
	    {"64 KiB", MIB + 5 * DK_PAGE, 16, 64 * TEST_KIB},
	};

	(void)state;
	set_previous();
	assert_int_equal(sigbus_install(count_call, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		char *addr = Region->base + rows[i].off;
		tell_of(addr, rows[i].lsb);
		assert_int_equal(Nr_called, i + 1);
		assert_int_equal(Last_len, rows[i].len);
		assert_int_equal((uintptr_t)Last_addr % rows[i].len, 0);
		assert_true((char *)Last_addr <= addr &&
			    addr < (char *)Last_addr + Last_len);
	}
	assert_int_equal(sigbus_remove(), 0);
	assert_int_equal(bad_bytes(), 2 * DK_PAGE + 64 * TEST_KIB);
	assert_int_equal(Nr_previous, 0);
	check_previous();
}

static void
test_what_makes_no_sense_goes_to_the_previous_handler(void **state)
{
	(void)state;
	set_previous();
	assert_int_equal(sigbus_install(count_call, NULL), 0);
	tell_of(Region->base, 31);
	assert_int_equal(Nr_previous, 1);
	tell_of(&Nr_called, DK_PAGE_SHIFT);
	assert_int_equal(Nr_previous, 2);
	tell_of(NULL, DK_PAGE_SHIFT);
	assert_int_equal(Nr_previous, 3);
	assert_int_equal(Nr_called, 0);
	assert_int_equal(sigbus_remove(), 0);
	assert_int_equal(bad_bytes(), 0);
	check_previous();
}

/* More errors than there are slots, while our thread cannot go on: the rest is
 * counted, and said. */
static void
test_what_finds_no_slot_is_said(void **state)
{
	enum {
		NR_SLOTS = 256,
		NR_LOST = 44
	};
	char said[512] = "";
	int log = memfd_create("daxkind-log", MFD_CLOEXEC);
	int err = dup(STDERR_FILENO);

	(void)state;
	assert_true(log >= 0 && err >= 0);
	set_previous();
	assert_int_equal(sigbus_install(count_call, NULL), 0);
	lock_take(&Region->lock);
	for (size_t i = 0; i < NR_SLOTS + NR_LOST; i++)
		tell_of(Region->base + 2 * i * DK_PAGE, DK_PAGE_SHIFT);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	lock_drop(&Region->lock);
	int rc = sigbus_remove();
	assert_int_equal(dup2(err, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(err), 0);
	assert_int_equal(rc, 0);
	/* who called back was told of each */
	assert_int_equal(Nr_called, NR_SLOTS + NR_LOST);
	assert_int_equal(bad_bytes(), NR_SLOTS * DK_PAGE);
	assert_true(pread(log, said, sizeof(said) - 1, 0) > 0);
	assert_non_null(strstr(said, "44 media errors were not quarantined"));
	assert_int_equal(close(log), 0);
	check_previous();
}

static void
test_without_a_thread_there_is_no_handler(void **state)
{
	(void)state;
	set_previous();
	mock_os_fail_all("os_thread_start", EAGAIN);
	assert_int_equal(sigbus_install(count_call, NULL), -EAGAIN);
	assert_non_null(strstr(error_text(), "cannot be started"));
	mock_os_reset();
	assert_int_equal(sigbus_remove(), -EINVAL);
	check_previous();
	set_previous();
	assert_int_equal(sigbus_install(count_call, NULL), 0);
	assert_int_equal(sigbus_remove(), 0);
	check_previous();
}

#define unit(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    unit(test_the_kernel_says_how_much_is_bad),
	    unit(test_what_makes_no_sense_goes_to_the_previous_handler),
	    unit(test_what_finds_no_slot_is_said),
	    unit(test_without_a_thread_there_is_no_handler),
	};

	if (DK_TSAN) {
		puts("skipped: the sanitizer delivers such signals later");
		return 77;
	}
	if (setenv("DAXKIND_LOG", "error", 1) != 0)
		return 99;
	return cmocka_run_group_tests_name("sigbus", tests, NULL, NULL);
}
