// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_plan.c -- what a kernel command line takes away from a memory map.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <string.h>
#include <sys/mman.h>

#include "../../utils/daxkind/plan.h"
#include "base/util.h"

#define G(n) ((uint64_t)(n) << 30)

/* Ends where a page is that cannot be read. */
static char *
at_the_edge(const char *text, char *pages)
{
	size_t size = strlen(text) + 1;
	char *at = pages + TEST_PAGE - size;

	memcpy(at, text, size);
	return at;
}

static void
test_memmap_is_taken_away(void **state)
{
	static const struct {
		const char *line;
		unsigned nr;
		uint64_t left; /* of 16 GiB */
	} rows[] = {
	    {"", 0, G(16)},
	    {"quiet", 0, G(16)},
	    {"memmap=", 0, G(16)},
	    {"memmap=4G", 0, G(16)},
	    {"memmap=4G!", 0, G(16)},
	    {"memmap=4G!12", 1, G(12)},
	    {"memmap=4G!12G", 1, G(12)},
	    {"memmap=4G!12G\n", 1, G(12)},
	    {"ro memmap=2G!4G,1G!8G quiet", 2, G(13)},
	    {"memmap=2G!4G memmap=1G!8G", 2, G(13)},
	    {"memmap=2G!4G,", 1, G(14)},
	    {"memmap=2G$4G", 0, G(14)},
	    {"memmap=2G@4G", 0, G(16)},
	    {"memmap=exactmap memmap=1G!8G", 1, G(15)},
	    {"memmap=0x40000000!0x200000000", 1, G(15)},
	    {"memmap=16E!1", 0, G(16)},
	    {"memmap=15E!1G", 1, G(1)},
	};
	char *pages = mmap(NULL, 2 * TEST_PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + TEST_PAGE, TEST_PAGE, PROT_NONE), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct plan_map map = {.ranges = {{0, G(16)}}, .nr = 1};

		dk_row(rows[i].line);
		plan_apply_command_line(&map, at_the_edge(rows[i].line, pages));
		assert_int_equal(map.nr_memmap, rows[i].nr);
		assert_int_equal(plan_total(&map), rows[i].left);
	}
	assert_int_equal(munmap(pages, 2 * TEST_PAGE), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_memmap_is_taken_away),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
