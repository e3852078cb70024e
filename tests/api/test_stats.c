// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_stats.c -- memkind_get_stat(), memkind_update_cached_stats(),
 * memkind_stats_print().
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <memkind_fixed.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- figures ----------------------------------------------------------------- */

static size_t
stat_of(memkind_t kind, memkind_stat_type type)
{
	size_t value = SIZE_MAX;

	assert_int_equal(memkind_get_stat(kind, type, &value), MEMKIND_SUCCESS);
	assert_int_not_equal(value, SIZE_MAX);
	return value;
}

static size_t
fresh_stat_of(memkind_t kind, memkind_stat_type type)
{
	assert_int_equal(memkind_update_cached_stats(), MEMKIND_SUCCESS);
	return stat_of(kind, type);
}

/* allocated <= active <= resident, and all of it in the region. */
static void
check_order(memkind_t kind)
{
	size_t allocated = fresh_stat_of(kind, MEMKIND_STAT_TYPE_ALLOCATED);
	size_t active = stat_of(kind, MEMKIND_STAT_TYPE_ACTIVE);
	size_t resident = stat_of(kind, MEMKIND_STAT_TYPE_RESIDENT);

	print_message("allocated %zu, active %zu, resident %zu\n", allocated,
	    active, resident);
	assert_true(allocated <= active);
	assert_true(active <= resident);
	assert_int_equal(active % TEST_PAGE, 0);
}

static void
check_figures(memkind_t kind)
{
	enum {
		NR = 8
	};
	void *large[NR];
	void *small[1000];
	size_t before = fresh_stat_of(kind, MEMKIND_STAT_TYPE_ALLOCATED);
	size_t want = 0;

	check_order(kind);
	for (size_t i = 0; i < NR; i++) {
		large[i] = memkind_malloc(kind, TEST_MIB + i * 1000);
		assert_non_null(large[i]);
		want += memkind_malloc_usable_size(kind, large[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(small); i++) {
		small[i] = memkind_malloc(kind, 1000);
		assert_non_null(small[i]);
		want += memkind_malloc_usable_size(kind, small[i]);
	}
	/* what caches hold may count as allocated; in memkind, what they held
	 * before does */
	assert_in_range(
	    fresh_stat_of(kind, MEMKIND_STAT_TYPE_ALLOCATED) - before,
	    want - (TEST_OURS ? 0 : 64 * TEST_KIB), want + 512 * TEST_KIB);
	check_order(kind);
	for (size_t i = 0; i < NR; i++)
		memkind_free(kind, large[i]);
	for (size_t i = 0; i < ARRAY_LEN(small); i++)
		memkind_free(kind, small[i]);
	assert_true(fresh_stat_of(kind, MEMKIND_STAT_TYPE_ALLOCATED) <=
		    before + 512 * TEST_KIB);
	check_order(kind);
}

static void
test_figures_follow_what_is_live(void **state)
{
	(void)state;
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++) {
		struct test_heap heap;

		print_message(
		    "on: %s\n", test_backing_name((enum test_backing)b));
		test_heap_make(&heap, (enum test_backing)b, 64 * TEST_MIB);
		check_figures(heap.kind);
		assert_true(fresh_stat_of(heap.kind,
				MEMKIND_STAT_TYPE_RESIDENT) <= heap.size);
		test_heap_end(&heap);
	}
	print_message("on: DRAM\n");
	check_figures(MEMKIND_DEFAULT);
}

static void
test_no_kind_means_the_whole_library(void **state)
{
	struct test_heap heap;
	void *p;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 32 * TEST_MIB);
	p = memkind_malloc(heap.kind, 10 * TEST_MIB);
	assert_non_null(p);
	assert_int_equal(memkind_update_cached_stats(), MEMKIND_SUCCESS);
	for (int type = 0; type < MEMKIND_STAT_TYPE_MAX_VALUE; type++)
		assert_true(stat_of(NULL, (memkind_stat_type)type) >=
			    stat_of(heap.kind, (memkind_stat_type)type));
	assert_true(
	    stat_of(NULL, MEMKIND_STAT_TYPE_ALLOCATED) >= 10 * TEST_MIB);
	memkind_free(heap.kind, p);
	test_heap_end(&heap);
}

/* memkind refuses these until its first update; we answer at once. */
static void
test_fresh_kind_has_figures(void **state)
{
	struct test_heap heap;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 32 * TEST_MIB);
	assert_true(
	    fresh_stat_of(heap.kind, MEMKIND_STAT_TYPE_ALLOCATED) <= TEST_MIB);
	test_heap_end(&heap);
}

static void
test_bad_arguments_are_refused(void **state)
{
	static const int types[] = {
	    MEMKIND_STAT_TYPE_MAX_VALUE, MEMKIND_STAT_TYPE_MAX_VALUE + 1, -1};
	struct test_heap heap;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 16 * TEST_MIB);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		size_t value = 77;

		assert_int_equal(memkind_get_stat(heap.kind,
				     (memkind_stat_type)types[i], &value),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(value, 77);
		assert_int_equal(
		    memkind_get_stat(NULL, (memkind_stat_type)types[i], &value),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(value, 77);
	}
	test_heap_end(&heap);
}

static void
test_nowhere_to_put_a_figure_is_refused(void **state)
{
	struct test_heap heap;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 16 * TEST_MIB);
	assert_int_equal(
	    memkind_get_stat(heap.kind, MEMKIND_STAT_TYPE_ALLOCATED, NULL),
	    MEMKIND_ERROR_INVALID);
	test_heap_end(&heap);
}

/* --- the report -------------------------------------------------------------- */

struct text {
	char *s;
	size_t len, cap;
};

static void
append(void *opaque, const char *s)
{
	struct text *t = opaque;
	size_t n = strlen(s);

	if (t->len + n + 1 > t->cap) {
		t->cap = 2 * (t->len + n + 1);
		t->s = realloc(t->s, t->cap);
		if (t->s == NULL)
			abort();
	}
	memcpy(t->s + t->len, s, n + 1);
	t->len += n;
}

/* stderr and stdout go to a file meanwhile; how much came there. */
static int
print_quietly(void (*cb)(void *, const char *), struct text *t,
    memkind_stat_print_opt opts, struct text *std)
{
	FILE *f = tmpfile();
	int saved_out;
	int saved_err;
	int rc;
	char buf[4096];
	size_t n;

	assert_non_null(f);
	(void)fflush(NULL);
	saved_out = dup(1);
	saved_err = dup(2);
	assert_true(saved_out >= 0 && saved_err >= 0);
	(void)dup2(fileno(f), 1);
	(void)dup2(fileno(f), 2);
	rc = memkind_stats_print(cb, t, opts);
	(void)fflush(NULL);
	(void)dup2(saved_out, 1);
	(void)dup2(saved_err, 2);
	(void)close(saved_out);
	(void)close(saved_err);
	rewind(f);
	while ((n = fread(buf, 1, sizeof(buf) - 1, f)) > 0) {
		buf[n] = '\0';
		append(std, buf);
	}
	assert_int_equal(fclose(f), 0);
	return rc;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s);
	size_t m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void
make_some_figures(struct test_heap *heap)
{
	test_heap_make(heap, TEST_ON_MAPPING, 32 * TEST_MIB);
	assert_non_null(memkind_malloc(heap->kind, 100));
	assert_non_null(memkind_malloc(heap->kind, TEST_MIB));
	assert_int_equal(memkind_update_cached_stats(), MEMKIND_SUCCESS);
}

static void
test_report_goes_through_the_callback_only(void **state)
{
	struct test_heap heap;
	struct text t = {0};
	struct text std = {0};

	(void)state;
	make_some_figures(&heap);
	assert_int_equal(
	    print_quietly(append, &t, MEMKIND_STAT_PRINT_ALL, &std), 0);
	assert_int_equal(std.len, 0);
	assert_true(t.len > 1000);
	assert_non_null(strstr(t.s, "___ Begin jemalloc statistics ___\n"));
	assert_true(ends_with(t.s, "--- End jemalloc statistics ---\n"));
	free(t.s);
	test_heap_end(&heap);
}

/* --- JSON: a checker, no more than that --------------------------------------- */

static const char *skip_value(const char *s, unsigned depth);

static const char *
skip_space(const char *s)
{
	while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r')
		s++;
	return s;
}

/* Each of these returns what comes after, or NULL when it is no JSON. */
static const char *
skip_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < 0x20)
			return NULL;
		if (*s == '\\' && *++s == '\0')
			return NULL;
	}
	return s + 1;
}

static const char *
skip_number(const char *s)
{
	const char *start;

	if (*s == '-')
		s++;
	start = s;
	while (isdigit((unsigned char)*s))
		s++;
	if (s == start || (*start == '0' && s - start > 1))
		return NULL;
	if (*s == '.')
		for (start = ++s; isdigit((unsigned char)*s);)
			s++;
	if (*s == 'e' || *s == 'E') {
		s++;
		if (*s == '+' || *s == '-')
			s++;
		for (start = s; isdigit((unsigned char)*s);)
			s++;
	}
	return s == start ? NULL : s;
}

/* A list of values, or of "name": value, up to the closing bracket. */
static const char *
skip_members(const char *s, char close, unsigned depth)
{
	s = skip_space(s);
	if (*s == close)
		return s + 1;
	for (;;) {
		if (close == '}') {
			s = skip_string(skip_space(s));
			if (s == NULL)
				return NULL;
			s = skip_space(s);
			if (*s++ != ':')
				return NULL;
		}
		s = skip_value(s, depth + 1);
		if (s == NULL)
			return NULL;
		s = skip_space(s);
		if (*s == close)
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

static const char *
skip_value(const char *s, unsigned depth)
{
	static const char *const words[] = {"true", "false", "null"};

	if (depth > 100)
		return NULL;
	s = skip_space(s);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strncmp(s, words[i], strlen(words[i])) == 0)
			return s + strlen(words[i]);
	if (*s == '{')
		return skip_members(s + 1, '}', depth);
	if (*s == '[')
		return skip_members(s + 1, ']', depth);
	return *s == '"' ? skip_string(s) : skip_number(s);
}

static bool
is_json(const char *s)
{
	s = skip_value(s, 0);
	return s != NULL && *skip_space(s) == '\0';
}

static void
test_json_checker_knows_json(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
	    {"{}", true},
	    {" {\"a\": [1, 2.5, -3e7, \"x\\\"y\", null, true]}\n", true},
	    {"{\"a\":1,}", false},
	    {"{\"a\" 1}", false},
	    {"{\"a\":1}}", false},
	    {"{\"a\":01}", false},
	    {"[1 2]", false},
	    {"[1", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].text);
		assert_int_equal(is_json(rows[i].text), rows[i].ok);
	}
}

#if TEST_OURS
/* They do not come from jemalloc, and are in its report, for each kind and as a
 * sum, in both forms. */
static void
test_large_blocks_are_in_the_report(void **state)
{
	static const struct {
		unsigned opts;
		bool has_sum, has_kinds;
	} rows[] = {
	    {MEMKIND_STAT_PRINT_ALL, true, true},
	    {MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA, false, true},
	    {MEMKIND_STAT_PRINT_OMIT_PER_ARENA, true, false},
	    {MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA |
		    MEMKIND_STAT_PRINT_OMIT_PER_ARENA,
		false, false},
	};
	const size_t size[2] = {5 * TEST_MIB, 2 * TEST_MIB};
	struct test_heap heaps[2];
	static int foreign;
	char sum[2][100], of_kind[2][2][160];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		test_heap_make(&heaps[i], TEST_ON_MAPPING, 16 * TEST_MIB);
		assert_non_null(memkind_malloc(heaps[i].kind, size[i]));
		/* one bad free, or two */
		memkind_free(heaps[i].kind, &foreign);
		if (i == 1)
			memkind_free(heaps[i].kind, heaps[i].area.addr + 8);
		(void)snprintf(of_kind[0][i], sizeof(of_kind[0][i]),
		    ": %zu bytes\nFrees of what is no block in use, kind ",
		    size[i]);
		(void)snprintf(of_kind[1][i], sizeof(of_kind[1][i]),
		    "\", \"large\": %zu, \"bad_frees\": %zu}", size[i], i + 1);
	}
	(void)snprintf(sum[0], sizeof(sum[0]),
	    "\nLarge blocks of kinds, not jemalloc's: %zu bytes\n",
	    size[0] + size[1]);
	(void)snprintf(
	    sum[1], sizeof(sum[1]), "\n\t\t\"large\": %zu", size[0] + size[1]);
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		unsigned form = i % 2 == 0 ? 0 : MEMKIND_STAT_PRINT_JSON_FORMAT;
		struct text t = {0}, std = {0};

		print_message("row: options %x\n", rows[i / 2].opts | form);
		assert_int_equal(
		    print_quietly(append, &t,
			(memkind_stat_print_opt)(rows[i / 2].opts | form),
			&std),
		    0);
		assert_int_equal(
		    strstr(t.s, sum[i % 2]) != NULL, rows[i / 2].has_sum);
		for (size_t k = 0; k < 2; k++)
			assert_int_equal(strstr(t.s, of_kind[i % 2][k]) != NULL,
			    rows[i / 2].has_kinds);
		assert_true(form == 0 ? ends_with(t.s,
					    "--- End jemalloc statistics ---\n")
				      : is_json(t.s));
		free(t.s);
		free(std.s);
	}
	for (size_t i = 0; i < 2; i++)
		test_heap_end(&heaps[i]);
}

/* Whatever a program calls its kind. */
static void
test_names_of_kinds_are_quoted(void **state)
{
	struct memkind_ops ops = MEMKIND_FIXED_OPS;
	struct daxkind_region *region;
	struct test_area area;
	struct text t = {0}, std = {0};
	memkind_t kind;

	(void)state;
	test_area_map(&area, 16 * TEST_MIB);
	assert_int_equal(
	    daxkind_region_open_mapping(area.addr, area.len, 0, &region), 0);
	assert_int_equal(daxkind_kind_create_with_ops(
			     region, &ops, sizeof(ops), "a \"b\\\n", &kind),
	    0);
	assert_int_equal(
	    print_quietly(append, &t, MEMKIND_STAT_PRINT_JSON_FORMAT, &std), 0);
	assert_true(is_json(t.s));
	assert_non_null(
	    strstr(t.s, "{\"name\": \"a \\\"b\\\\\\u000a\", \"large\": 0, "
			"\"bad_frees\": 0}"));
	free(t.s);
	free(std.s);
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	test_area_unmap(&area);
}
#endif

static void
test_report_without_a_callback_goes_to_stderr(void **state)
{
	struct test_heap heap;
	struct text std = {0};

	(void)state;
	make_some_figures(&heap);
	assert_int_equal(
	    print_quietly(NULL, NULL, MEMKIND_STAT_PRINT_ALL, &std), 0);
	assert_true(std.len > 1000);
	assert_true(ends_with(std.s, "--- End jemalloc statistics ---\n"));
	free(std.s);
	test_heap_end(&heap);
}

static void
test_parts_can_be_left_out(void **state)
{
	static const unsigned opts[] = {
	    MEMKIND_STAT_PRINT_OMIT_GENERAL,
	    MEMKIND_STAT_PRINT_OMIT_PER_ARENA,
	    MEMKIND_STAT_PRINT_OMIT_MUTEX | MEMKIND_STAT_PRINT_OMIT_EXTENT,
	    0x1fe,
	};
	struct test_heap heap;
	struct text all = {0};
	struct text std = {0};

	(void)state;
	make_some_figures(&heap);
	assert_int_equal(
	    print_quietly(append, &all, MEMKIND_STAT_PRINT_ALL, &std), 0);
	for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
		struct text t = {0};

		assert_int_equal(print_quietly(append, &t,
				     (memkind_stat_print_opt)opts[i], &std),
		    0);
		assert_true(t.len < all.len);
		assert_true(
		    ends_with(t.s, "--- End jemalloc statistics ---\n"));
		free(t.s);
	}
	assert_int_equal(std.len, 0);
	free(all.s);
	free(std.s);
	test_heap_end(&heap);
}

static void
test_unknown_options_are_refused(void **state)
{
	static const unsigned opts[] = {0x200, 0xffff, 0x80000000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
		struct text t = {0};
		struct text std = {0};

		assert_int_equal(print_quietly(append, &t,
				     (memkind_stat_print_opt)opts[i], &std),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(t.len, 0);
		assert_int_equal(std.len, 0);
	}
}

static void
test_json_report_is_json(void **state)
{
	static const unsigned opts[] = {
	    0, 0x1fe, MEMKIND_STAT_PRINT_OMIT_PER_ARENA};
	struct test_heap heap;

	(void)state;
	make_some_figures(&heap);
	for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
		struct text t = {0};
		struct text std = {0};

		assert_int_equal(
		    print_quietly(append, &t,
			(memkind_stat_print_opt)(opts[i] |
						 MEMKIND_STAT_PRINT_JSON_FORMAT),
			&std),
		    0);
		assert_int_equal(std.len, 0);
		assert_true(t.len > 100);
		assert_true(is_json(t.s));
		assert_non_null(strstr(t.s, "\"jemalloc\""));
		free(t.s);
	}
	test_heap_end(&heap);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_figures_follow_what_is_live),
	    test_unit(test_no_kind_means_the_whole_library),
	    test_unit(test_fresh_kind_has_figures),
	    test_unit(test_bad_arguments_are_refused),
	    test_unit(test_nowhere_to_put_a_figure_is_refused),
	    test_unit(test_report_goes_through_the_callback_only),
	    test_ours_only(test_unit, test_large_blocks_are_in_the_report),
	    test_ours_only(test_unit, test_names_of_kinds_are_quoted),
	    test_unit(test_report_without_a_callback_goes_to_stderr),
	    test_unit(test_parts_can_be_left_out),
	    test_unit(test_unknown_options_are_refused),
	    test_unit(test_json_checker_knows_json),
	    test_unit(test_json_report_is_json),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
