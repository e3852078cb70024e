// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_plan.c -- what the kernel's command line takes out of the map of RAM.
 *
 * Each line ends where the readable memory does: to read a byte more is a
 * SIGSEGV.
 */
#include "../../support/cmocka_all.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "../../../utils/daxkind/plan.h"
#include "base/util.h"

static char *Page; /* and behind it one that cannot be read */

static int
map_pages(void **state)
{
	void *p = mmap(NULL, 2 * DK_PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (p == MAP_FAILED)
		return -1;
	Page = p;
	return mprotect(Page + DK_PAGE, DK_PAGE, PROT_NONE);
}

static int
unmap_pages(void **state)
{
	(void)state;
	return munmap(Page, 2 * DK_PAGE);
}

static const char *
at_the_end(const char *line)
{
	size_t len = strlen(line) + 1;

	return memcpy(Page + DK_PAGE - len, line, len);
}

static void
test_a_command_line_takes_its_ranges(void **state)
{
	static const struct {
		const char *line;
		uint64_t left; /* GiB of 16 */
		unsigned nr;
	} rows[] = {
	    {"", 16, 0},
	    {"quiet", 16, 0},
	    {"memmap=4G!12G", 12, 1},
	    {"memmap=4G!12G quiet", 12, 1},
	    {"memmap=4G$12G", 12, 0},
	    {"memmap=1G!4G,1G!6G", 14, 2},
	    {"memmap=1G!4G memmap=2G!6G", 13, 2},
	    {"memmap=1G!4G,", 15, 1},
	    {"memmap=1G!", 16, 0},
	    {"memmap=1G", 16, 0},
	    {"memmap=", 16, 0},
	    {"memmap", 16, 0},
	    {"memmap=4G!12Gmemmap=", 12, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct plan_map map = {
		    .ranges = {{0, (uint64_t)16 << 30}}, .nr = 1};

		dk_row(rows[i].line);
		plan_apply_command_line(&map, at_the_end(rows[i].line));
		assert_int_equal(plan_total(&map) >> 30, rows[i].left);
		assert_int_equal(map.nr_memmap, rows[i].nr);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_command_line_takes_its_ranges),
	};

	return cmocka_run_group_tests_name(
	    "plan", tests, map_pages, unmap_pages);
}
