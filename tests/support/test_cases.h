/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cases.h -- all cases of a program, or one of them.
 *
 * Included by cmocka_all.h, which has cmocka_run_group_tests_name() call it.
 */
#ifndef TEST_CASES_H
#define TEST_CASES_H

/*
 * As cmocka has it, unless one of these is in the environment:
 *
 *   DAXKIND_TEST_LIST=1     print a line for each case and run none: "case" or,
 *                           of what memkind has not, "ours", and its name
 *   DAXKIND_TEST_CASE=NAME  run this one only.  A signal ends the process, and
 *                           after a failure nothing is undone.
 */
int test_run_cases(const char *group, const struct CMUnitTest *cases,
    size_t nr_cases, CMFixtureFunction setup, CMFixtureFunction teardown);

#undef cmocka_run_group_tests_name
#define cmocka_run_group_tests_name(group, cases, setup, teardown) \
	test_run_cases(group, cases, ARRAY_LEN(cases), setup, teardown)

#endif /* TEST_CASES_H */
