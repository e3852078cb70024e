/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tested.h -- which library is under test: ours, or memkind itself.
 *
 * The programs of tests/api are written for what both have, and
 * tests/api/compare/cases.sh compiles them for Debian's libmemkind too, with
 * TEST_MEMKIND defined.  What memkind has not is between #if TEST_OURS and
 * #endif there, and a case of it is test_ours_only() in its program's table, so
 * that it can be seen how much is not compared.
 */
#ifndef TESTED_H
#define TESTED_H

#ifdef TEST_MEMKIND
#include <memkind.h>
#define TEST_OURS 0
#else
#include <daxkind.h>
#define TEST_OURS 1
#endif

/*
 * A case, in the form that unit() gives it, which asks for what memkind has
 * not.  There it has no function, and test_run_cases() says so.
 */
#if TEST_OURS
#define test_ours_only(unit, f) unit(f)
#else
#define test_ours_only(unit, f)            \
	{                                  \
#f, NULL, NULL, NULL, NULL \
	}
#endif

/* The call that was refused left a text that says why; memkind has none. */
#if TEST_OURS
#define test_says_why() assert_string_not_equal(daxkind_last_error(), "")
#else
#define test_says_why() ((void)0)
#endif

#endif /* TESTED_H */
