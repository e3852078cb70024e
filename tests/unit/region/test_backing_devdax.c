// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_backing_devdax.c -- what is refused of a devdax device before anything is
 * mapped: the kernel would map other memory, or raise SIGBUS at the first access.
 *
 * /dev/zero stands for the device, which mock_device.h describes.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_device.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <daxkind.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/os.h"
#include "base/util.h"
#include "dax/dax_device.h"
#include "region/backing.h"

#define NODE "/dev/zero"

static struct dax_device Device;

static int
setup(void **state)
{
	mock_os_reset();
	Device = (struct dax_device){.name = "dax9.0",
	    .size = 10 * DK_HUGE_PAGE,
	    .align = DK_HUGE_PAGE,
	    .numa_node = -1,
	    .is_enabled = true};
	mock_device_set(&Device);
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_device_set(NULL);
	mock_os_reset();
	return test_leaks_teardown(state);
}

static int
open_device(size_t offset, size_t size, struct backing **b)
{
	return backing_devdax_open(NODE, offset, size, BACKING_NO_OWNER, b);
}

static void
assert_refused(size_t offset, size_t size, int rc, const char *text)
{
	struct backing *b = NULL;

	assert_int_equal(open_device(offset, size, &b), rc);
	assert_null(b);
	assert_non_null(strstr(daxkind_last_error(), text));
	assert_int_equal(mock_os_nr_calls("os_map_file"), 0);
}

static void
assert_opens(size_t offset, size_t size, size_t len)
{
	struct backing *b = NULL;

	assert_int_equal(open_device(offset, size, &b), 0);
	assert_int_equal(b->size, len);
	/* or it is mapped by small pages */
	assert_int_equal(mock_os_last_align(), DK_HUGE_PAGE);
	assert_int_equal((uintptr_t)b->base % DK_HUGE_PAGE, 0);
	assert_true(b->is_sync);
	backing_close(b);
}

static void
test_a_part_is_of_whole_units_and_inside(void **state)
{
	static const struct {
		const char *why;
		size_t offset, size;
		const char *text; /* NULL: it opens, with len bytes */
		size_t len;
	} rows[] = {
	    {"all", 0, 0, NULL, 10 * DK_HUGE_PAGE},
	    {"the rest", 9 * DK_HUGE_PAGE, 0, NULL, DK_HUGE_PAGE},
	    {"a part", DK_HUGE_PAGE, 3 * DK_HUGE_PAGE, NULL, 3 * DK_HUGE_PAGE},
	    {"at the end", 10 * DK_HUGE_PAGE, 0, "is beyond", 0},
	    {"behind it", SIZE_MAX - DK_HUGE_PAGE + 1, 0, "is beyond", 0},
	    {"over the end", 9 * DK_HUGE_PAGE, 2 * DK_HUGE_PAGE, "exceed", 0},
	    {"a sum that wraps", DK_HUGE_PAGE, SIZE_MAX - DK_PAGE + 1, "exceed",
		0},
	    {"an offset between units", DK_PAGE, DK_HUGE_PAGE,
		"multiples of its alignment", 0},
	    {"a size between units", 0, DK_HUGE_PAGE + DK_PAGE,
		"multiples of its alignment", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		mock_os_reset();
		if (rows[i].text == NULL)
			assert_opens(rows[i].offset, rows[i].size, rows[i].len);
		else
			assert_refused(rows[i].offset, rows[i].size, -EINVAL,
			    rows[i].text);
	}
}

/* What does not fill a unit at the end is left. */
static void
test_all_of_an_odd_size_is_whole_units(void **state)
{
	(void)state;
	Device.size += DK_PAGE;
	assert_opens(0, 0, 10 * DK_HUGE_PAGE);
}

static void
test_a_device_that_cannot_be_used_is_refused(void **state)
{
	(void)state;
	Device.is_enabled = false;
	assert_refused(0, 0, -ENODEV, "daxctl enable-device dax9.0");
	Device.is_enabled = true;
	Device.is_system_ram = true;
	assert_refused(0, 0, -ENODEV, "system-ram");
	Device.is_system_ram = false;
	Device.align = 3 * DK_PAGE;
	assert_refused(0, 0, -EINVAL, "alignment");
}

static int
switch_huge_pages(bool on)
{
	return prctl(PR_SET_THP_DISABLE, on ? 0 : 1, 0, 0, 0);
}

/* Its pages are huge ones, or none: the first access would be a SIGBUS. */
static void
test_without_huge_pages_only_small_units_can_be_used(void **state)
{
	(void)state;
	assert_int_equal(switch_huge_pages(false), 0);
	bool is_off = os_thp_is_disabled();
	struct backing *b = NULL;
	int rc = open_device(0, 0, &b);
	Device.align = DK_PAGE;
	struct backing *small = NULL;
	int small_rc = open_device(0, 0, &small);
	assert_int_equal(switch_huge_pages(true), 0);
	assert_true(is_off);
	assert_int_equal(rc, -EPERM);
	assert_null(b);
	assert_int_equal(small_rc, 0);
	backing_close(small);

	Device.align = DK_HUGE_PAGE;
	assert_false(os_thp_is_disabled());
	assert_opens(0, 0, 10 * DK_HUGE_PAGE);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_a_part_is_of_whole_units_and_inside),
	    UNIT(test_all_of_an_odd_size_is_whole_units),
	    UNIT(test_a_device_that_cannot_be_used_is_refused),
	    UNIT(test_without_huge_pages_only_small_units_can_be_used),
	};

	return cmocka_run_group_tests_name("backing_devdax", tests, NULL, NULL);
}
