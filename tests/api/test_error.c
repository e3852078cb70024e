// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_error.c -- memkind_error_message() and the version numbers.
 */
#include "../support/cmocka_all.h"

#include "../support/tested.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *why;
	int code;
} Codes[] = {
    {"UNAVAILABLE", MEMKIND_ERROR_UNAVAILABLE},
    {"MBIND", MEMKIND_ERROR_MBIND},
    {"MMAP", MEMKIND_ERROR_MMAP},
    {"MALLOC", MEMKIND_ERROR_MALLOC},
    {"ENVIRON", MEMKIND_ERROR_ENVIRON},
    {"INVALID", MEMKIND_ERROR_INVALID},
    {"TOOMANY", MEMKIND_ERROR_TOOMANY},
    {"BADOPS", MEMKIND_ERROR_BADOPS},
    {"HUGETLB", MEMKIND_ERROR_HUGETLB},
    {"MEMTYPE_NOT_AVAILABLE", MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE},
    {"OPERATION_FAILED", MEMKIND_ERROR_OPERATION_FAILED},
    {"ARENAS_CREATE", MEMKIND_ERROR_ARENAS_CREATE},
    {"RUNTIME", MEMKIND_ERROR_RUNTIME},
    {"EINVAL of posix_memalign", EINVAL},
    {"ENOMEM of posix_memalign", ENOMEM},
};

static void
test_each_code_has_a_text_of_its_own(void **state)
{
	static char texts[ARRAY_LEN(Codes)][MEMKIND_ERROR_MESSAGE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Codes); i++) {
		dk_row(Codes[i].why);
		memset(texts[i], 'x', sizeof(texts[i]));
		memkind_error_message(
		    Codes[i].code, texts[i], sizeof(texts[i]));
		assert_non_null(memchr(texts[i], '\0', sizeof(texts[i])));
		print_message("    %s\n", texts[i]);
		assert_true(strlen(texts[i]) > 10);
		assert_null(strstr(texts[i], "Undefined error"));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(texts[i], texts[j]);
	}
}

static void
test_unknown_codes_are_told_by_number(void **state)
{
	static const struct {
		const char *number;
		int code;
	} rows[] = {
	    {"-4", -4},
	    {"-23", -23},
	    {"-256", -256},
	    {"1000", 1000},
	    {"2147483647", INT32_MAX},
	    {"-2147483648", INT32_MIN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[MEMKIND_ERROR_MESSAGE_SIZE];

		dk_row(rows[i].number);
		memkind_error_message(rows[i].code, text, sizeof(text));
		assert_non_null(strstr(text, rows[i].number));
	}
}

/* As much as fits, always ended, and not a byte behind it. */
static void
test_text_fits_any_buffer(void **state)
{
	char whole[MEMKIND_ERROR_MESSAGE_SIZE];

	(void)state;
	memkind_error_message(MEMKIND_ERROR_INVALID, whole, sizeof(whole));
	for (size_t size = 0; size <= sizeof(whole); size++) {
		char text[sizeof(whole) + 16];

		memset(text, '#', sizeof(text));
		memkind_error_message(MEMKIND_ERROR_INVALID, text, size);
		for (size_t i = size; i < sizeof(text); i++)
			assert_int_equal(text[i], '#');
		if (size == 0)
			continue;
		assert_non_null(memchr(text, '\0', size));
		assert_memory_equal(text, whole, strlen(text));
		assert_int_equal(strlen(text),
		    strlen(whole) < size ? strlen(whole) : size - 1);
	}
	memkind_error_message(MEMKIND_ERROR_INVALID, NULL, 0);
}

static void
test_no_buffer_is_ignored(void **state)
{
	(void)state;
	memkind_error_message(MEMKIND_ERROR_INVALID, NULL, 10);
}

static void
test_version_of_memkind(void **state)
{
	(void)state;
	assert_int_equal(memkind_get_version(), 1014000);
}

#if TEST_OURS
static void
test_version_of_ours(void **state)
{
	(void)state;
	assert_int_equal(daxkind_version(), DAXKIND_VERSION_MAJOR * 1000000 +
						DAXKIND_VERSION_MINOR * 1000 +
						DAXKIND_VERSION_PATCH);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_code_has_a_text_of_its_own),
	    cmocka_unit_test(test_unknown_codes_are_told_by_number),
	    cmocka_unit_test(test_text_fits_any_buffer),
	    cmocka_unit_test(test_no_buffer_is_ignored),
	    cmocka_unit_test(test_version_of_memkind),
	    test_ours_only(cmocka_unit_test, test_version_of_ours),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
