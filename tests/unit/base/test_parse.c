// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_parse.c -- numbers and sizes that people write: what each text is, and
 * that what is none changes nothing.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/os.h"
#include "base/parse.h"
#include "base/util.h"

#define NONE ((size_t)-77)

struct row {
	const char *text;
	size_t value; /* NONE: the text is none */
};

static void
check(bool (*parse)(const char *text, size_t *value), const struct row *rows,
    size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		size_t value = NONE;

		print_message("row: \"%s\"\n", rows[i].text);
		errno = 77;
		assert_int_equal(
		    parse(rows[i].text, &value), rows[i].value != NONE);
		assert_int_equal(value, rows[i].value);
		assert_int_equal(errno, 77);
	}
}

static void
test_numbers(void **state)
{
	static const struct row rows[] = {
	    {"0", 0},
	    {"1", 1},
	    {"007", 7},
	    {" 12\n", 12},
	    {"+3", 3},
	    {"18446744073709551615", SIZE_MAX},
	    {"18446744073709551616", NONE},
	    {"99999999999999999999", NONE},
	    {"", NONE},
	    {" ", NONE},
	    {"+", NONE},
	    {"-1", NONE},
	    {"1-", NONE},
	    {"x", NONE},
	    {"1x", NONE},
	    {"0x10", NONE},
	    {"1 2", NONE},
	    {"1K", NONE},
	    {"1.5", NONE},
	};

	(void)state;
	check(parse_number, rows, ARRAY_LEN(rows));
}

static void
test_numbers_of_files(void **state)
{
	static const struct row rows[] = {
	    {"0", 0},
	    {"512\n", 512},
	    {"0x240000000\n", 0x240000000},
	    {"0xffffffffffffffff", SIZE_MAX},
	    {"0x10000000000000000", NONE},
	    {"0xG", NONE},
	    {"0x", NONE},
	    {"-1\n", NONE},
	    {"", NONE},
	    {"\n", NONE},
	    {"ff", NONE},
	};

	(void)state;
	check(parse_file_number, rows, ARRAY_LEN(rows));
}

static void
test_sizes(void **state)
{
	static const struct row rows[] = {
	    {"0", 0},
	    {"1", 1},
	    {"64K", 64 * KIB},
	    {"64k", 64 * KIB},
	    {"3M", 3 * MIB},
	    {"4g", 4 * GIB},
	    {"2T", (size_t)2 << 40},
	    {"1P", (size_t)1 << 50},
	    {"15E", (size_t)15 << 60},
	    {"0x10", 16},
	    {"0x10K", 16 * KIB},
	    {"16E", NONE},
	    {"17179869184G", NONE},
	    {"17179869183G", (size_t)17179869183u << 30},
	    {"18446744073709551615", SIZE_MAX},
	    {"18446744073709551616", NONE},
	    {"", NONE},
	    {"K", NONE},
	    {"-1", NONE},
	    {" 1", NONE},
	    {"1 ", NONE},
	    {"1 K", NONE},
	    {"1KB", NONE},
	    {"1KiB", NONE},
	    {"1X", NONE},
	    {"1.5G", NONE},
	    {"1,", NONE},
	};

	(void)state;
	check(parse_size, rows, ARRAY_LEN(rows));
}

static void
test_a_size_and_what_is_behind_it(void **state)
{
	static const struct {
		const char *text;
		size_t value, len; /* len 0: none */
	} rows[] = {
	    {"1K:2K", KIB, 2},
	    {"4G!12G", 4 * GIB, 2},
	    {"100", 100, 3},
	    {"1 K", 1, 1},
	    {"0xyz", 0, 1},
	    {":1", NONE, 0},
	    {"", NONE, 0},
	    {"16E,", NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *end = NULL;
		size_t value = NONE;

		print_message("row: \"%s\"\n", rows[i].text);
		assert_int_equal(parse_size_at(rows[i].text, &end, &value),
		    rows[i].len != 0);
		assert_int_equal(value, rows[i].value);
		if (rows[i].len != 0)
			assert_ptr_equal(end, rows[i].text + rows[i].len);
		else
			assert_null(end);
	}
}

static void
test_a_number_in_a_file(void **state)
{
	static const struct {
		const char *content;
		int rc;
		size_t value;
	} rows[] = {
	    {"42\n", 0, 42},
	    {"0x1000\nmore\n", 0, 0x1000},
	    {"-1\n", -EINVAL, NONE},
	    {"", -EINVAL, NONE},
	    {"word\n", -EINVAL, NONE},
	};
	char long_name[400];
	size_t value = NONE;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		FILE *f = fopen(test_path("number"), "we");

		value = NONE;
		assert_non_null(f);
		assert_true(fputs(rows[i].content, f) >= 0);
		assert_int_equal(fclose(f), 0);
		errno = 77;
		assert_int_equal(
		    os_read_number(test_dir(), "number", &value), rows[i].rc);
		assert_int_equal(value, rows[i].value);
		assert_int_equal(errno, 77);
	}
	assert_int_equal(unlink(test_path("number")), 0);
	value = NONE;
	assert_int_equal(os_read_number(test_dir(), "number", &value), -ENOENT);
	for (size_t i = 0; i < sizeof(long_name) - 1; i++)
		long_name[i] = 'x';
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(os_read_number("/", long_name, &value), -ENAMETOOLONG);
	assert_int_equal(value, NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_numbers),
	    test_unit(test_numbers_of_files),
	    test_unit(test_sizes),
	    test_unit(test_a_size_and_what_is_behind_it),
	    test_unit(test_a_number_in_a_file),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
