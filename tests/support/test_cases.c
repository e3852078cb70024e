// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_cases.c -- see test_cases.h.
 */
#include "cmocka_all.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct CMUnitTest *The_case;
static bool Has_passed;

/* cmocka's handlers would make a failure of it and go on; what died may hold
 * locks. */
static void
let_signals_kill(void)
{
	static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};

	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		(void)signal(caught[i], SIG_DFL);
}

static int
setup_the_case(void **state)
{
	let_signals_kill();
	return The_case->setup_func != NULL ? The_case->setup_func(state) : 0;
}

static void
run_the_case(void **state)
{
	let_signals_kill();
	The_case->test_func(state);
	Has_passed = true;
}

static int
teardown_the_case(void **state)
{
	let_signals_kill();
	if (!Has_passed || The_case->teardown_func == NULL)
		return 0;
	return The_case->teardown_func(state);
}

static int
run_one(const char *group, const struct CMUnitTest *cases, size_t nr_cases,
    const char *name, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	struct CMUnitTest one = {
	    name, run_the_case, setup_the_case, teardown_the_case, NULL};

	for (size_t i = 0; i < nr_cases; i++) {
		if (strcmp(cases[i].name, name) != 0)
			continue;
		if (cases[i].test_func == NULL) {
			printf("%s: memkind has no such thing\n", name);
			return 77;
		}
		The_case = &cases[i];
		one.initial_state = cases[i].initial_state;
		return _cmocka_run_group_tests(group, &one, 1, setup, teardown);
	}
	fprintf(stderr, "%s: no such case\n", name);
	return 99;
}

int
test_run_cases(const char *group, const struct CMUnitTest *cases,
    size_t nr_cases, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	const char *name = getenv("DAXKIND_TEST_CASE");

	if (getenv("DAXKIND_TEST_LIST") != NULL) {
		for (size_t i = 0; i < nr_cases; i++)
			printf("%s %s\n",
			    cases[i].test_func != NULL ? "case" : "ours",
			    cases[i].name);
		return 0;
	}
	if (name != NULL)
		return run_one(group, cases, nr_cases, name, setup, teardown);
	return _cmocka_run_group_tests(group, cases, nr_cases, setup, teardown);
}
