// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_init_once.c -- the operations init_once, which look for a kind's memory
 * before the first allocation does.
 *
 * What was looked for stays known for the rest of the process: each case runs in
 * a child, with node 0 for one of high bandwidth.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <memkind_default.h>
#include <memkind_hbw.h>
#include <memkind_hugetlb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct row {
	const char *name; /* of the kind */
	memkind_t *kind;
	void (*init)(void);
};

/* In a child, cmocka is not there to tell. */
#define CHECK(condition)                                             \
	do {                                                         \
		if (!(condition)) {                                  \
			printf("line %d: %s failed\n%s\n", __LINE__, \
			    #condition, said);                       \
			return 1;                                    \
		}                                                    \
	} while (0)

/* How often the library has said that the memory of the kind is looked for. */
static int
count_lines(const char *said, const char *name)
{
	char line[128];
	int nr = 0;

	(void)snprintf(line, sizeof(line), "Initializing kind %s.\n", name);
	for (const char *at = strstr(said, line); at != NULL;
	     at = strstr(at + 1, line))
		nr++;
	return nr;
}

static int
look_early(void *arg)
{
	const struct row *row = arg;
	FILE *file = tmpfile();
	char said[4096] = "";

	CHECK(file != NULL && dup2(fileno(file), STDERR_FILENO) >= 0);
	CHECK(setenv("DAXKIND_LOG", "info", 1) == 0);
	CHECK(setenv("MEMKIND_HBW_NODES", "0", 1) == 0);
	row->init();
	CHECK(pread(fileno(file), said, sizeof(said) - 1, 0) >= 0);
	const char *why = daxkind_last_error();
	CHECK(count_lines(said, row->name) == 1);
	/* found, or looked for in vain: of huge pages there may be none */
	CHECK(*why == '\0' || strstr(why, "huge page") != NULL);

	/* What it found is kept, and it may be called again. */
	CHECK(setenv("MEMKIND_HBW_NODES", "nonsense", 1) == 0);
	row->init();
	CHECK(memkind_check_available(*row->kind) ==
	      (*why == '\0' ? MEMKIND_SUCCESS : MEMKIND_ERROR_HUGETLB));
	CHECK(pread(fileno(file), said, sizeof(said) - 1, 0) >= 0);
	CHECK(count_lines(said, row->name) == 1);
	return 0;
}

static void
test_memory_is_looked_for_at_once(void **state)
{
	static const struct row rows[] = {
	    {"memkind_interleave", &MEMKIND_INTERLEAVE,
		memkind_interleave_init_once},
	    {"memkind_hugetlb", &MEMKIND_HUGETLB, memkind_hugetlb_init_once},
	    {"memkind_hbw", &MEMKIND_HBW, memkind_hbw_init_once},
	    {"memkind_hbw_all", &MEMKIND_HBW_ALL, memkind_hbw_all_init_once},
	    {"memkind_hbw_hugetlb", &MEMKIND_HBW_HUGETLB,
		memkind_hbw_hugetlb_init_once},
	    {"memkind_hbw_all_hugetlb", &MEMKIND_HBW_ALL_HUGETLB,
		memkind_hbw_all_hugetlb_init_once},
	    {"memkind_hbw_preferred", &MEMKIND_HBW_PREFERRED,
		memkind_hbw_preferred_init_once},
	    {"memkind_hbw_preferred_hugetlb", &MEMKIND_HBW_PREFERRED_HUGETLB,
		memkind_hbw_preferred_hugetlb_init_once},
	    {"memkind_hbw_interleave", &MEMKIND_HBW_INTERLEAVE,
		memkind_hbw_interleave_init_once},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct row row = rows[i];

		print_message("row: %s\n", row.name);
		assert_int_equal(test_in_child(look_early, &row), 0);
	}
}

static int
start_early(void *arg)
{
	const char *said = "";

	(void)arg;
	memkind_default_init_once();
	memkind_default_init_once();
	char *p = memkind_default_malloc(NULL, 100);
	CHECK(p != NULL && memkind_detect_kind(p) == MEMKIND_DEFAULT);
	memkind_default_free(NULL, p);
	return 0;
}

static void
test_the_allocator_is_started(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(start_early, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_memory_is_looked_for_at_once),
	    cmocka_unit_test(test_the_allocator_is_started),
	};

	return cmocka_run_group_tests_name("init_once", tests, NULL, NULL);
}
