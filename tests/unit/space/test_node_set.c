// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_node_set.c -- lists of nodes as the kernel and as people write them.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/util.h"
#include "space/node_set.h"

/* Nodes up to 63 as the bits of a number. */
static uint64_t
bits_of(const struct node_set *set)
{
	for (unsigned node = 64; node < NODE_SET_MAX; node++)
		assert_false(node_set_has(set, node));
	return set->words[0];
}

#define REFUSED UINT64_MAX

static const struct {
	const char *text;
	uint64_t bits;
} Lists[] = {
    {"", 0},
    {"\n", 0},
    {"0", 1},
    {" 0 ", 1},
    {"0-3", 0xf},
    {"1,3", 0xa},
    {"0-1,4-5,63", 0x8000000000000033},
    {"3-3", 8},
    {"1,1,1", 2},
    {"0-2,1-3", 0xf},
    {"1, 2", 6},
    {"3-1", REFUSED},
    {"0-", REFUSED},
    {"-1", REFUSED},
    {"1,", REFUSED},
    {",1", REFUSED},
    {"1 2", REFUSED},
    {"abc", REFUSED},
    {"1x", REFUSED},
    {"1024", REFUSED},
    {"99999999999999999999", REFUSED},
    {"0-1024", REFUSED},
};

static void
test_a_list_of_the_kernel(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Lists); i++) {
		struct node_set set;

		dk_row(Lists[i].text);
		memset(&set, 0x55, sizeof(set));
		int rc = node_set_read(Lists[i].text, &set);
		if (Lists[i].bits == REFUSED) {
			assert_int_equal(rc, -EINVAL);
			assert_int_equal(set.words[0], 0x5555555555555555);
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(bits_of(&set), Lists[i].bits);
		}
	}
}

/* On a machine with the nodes 0, 1, 4 and 8. */
static const struct {
	const char *text;
	uint64_t bits;
} Wishes[] = {
    {"0", 1},
    {"0-1,8", 0x103},
    {"all", 0x113},
    {"!4", 0x103},
    {"!0-1", 0x110},
    {"+2", 0x10},
    {"+0-3", 0x113},
    {"!+2,3", 3},
    {"!all", REFUSED},
    {"", REFUSED},
    {"!", 0x113},
    {"2", REFUSED},
    {"0-4", REFUSED},
    {"+4", REFUSED},
    {"all,1", REFUSED},
    {"All", REFUSED},
    {"x", REFUSED},
};

static void
test_a_list_of_the_environment(void **state)
{
	struct node_set known;

	(void)state;
	assert_int_equal(node_set_read("0-1,4,8", &known), 0);
	for (size_t i = 0; i < ARRAY_LEN(Wishes); i++) {
		struct node_set set;

		dk_row(Wishes[i].text);
		memset(&set, 0x55, sizeof(set));
		int rc = node_set_parse(Wishes[i].text, &known, &set);
		if (Wishes[i].bits == REFUSED) {
			assert_int_equal(rc, -EINVAL);
			assert_int_equal(set.words[0], 0x5555555555555555);
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(bits_of(&set), Wishes[i].bits);
		}
	}
}

static void
test_members(void **state)
{
	struct node_set set = {0}, more = {0};

	(void)state;
	assert_true(node_set_is_empty(&set));
	node_set_add(&set, 0);
	node_set_add(&set, 64);
	node_set_add(&set, NODE_SET_MAX - 1);
	node_set_add(&set, NODE_SET_MAX); /* there is none */
	assert_int_equal(node_set_count(&set), 3);
	assert_true(node_set_has(&set, 64));
	assert_true(node_set_has(&set, NODE_SET_MAX - 1));
	assert_false(node_set_has(&set, 65));
	assert_false(node_set_has(&set, NODE_SET_MAX));
	node_set_add(&more, 7);
	node_set_add_all(&more, &set);
	assert_int_equal(node_set_count(&more), 4);
	node_set_clear(&more);
	assert_true(node_set_is_empty(&more));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_a_list_of_the_kernel),
	    test_unit(test_a_list_of_the_environment),
	    test_unit(test_members),
	};

	return cmocka_run_group_tests_name("node_set", tests, NULL, NULL);
}
