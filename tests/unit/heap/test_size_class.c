// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_size_class.c -- the size classes of small blocks, which the hot paths
 * read at any time.
 */
#include "../../support/cmocka_all.h"

#include "base/util.h"
#include "heap/je.h"
#include "heap/size_class.h"

static void
assert_is_right(void)
{
	for (unsigned i = 1; i < SIZE_CLASS_NR; i++)
		assert_true(Size_classes.size[i - 1] < Size_classes.size[i]);
	assert_int_equal(
	    Size_classes.size[SIZE_CLASS_NR - 1], SIZE_CLASS_LARGEST);
	for (size_t size = 1; size <= SIZE_CLASS_LARGEST; size++) {
		unsigned i = size_class_of(size);

		assert_true(i < SIZE_CLASS_NR);
		assert_int_equal(size_class_word(size), page_word_of_small(i));
		assert_true(Size_classes.size[i] >= size);
		assert_true(i == 0 || Size_classes.size[i - 1] < size);
	}
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		unsigned last = Size_classes.last_stand_in[i];

		assert_in_range(last, i, SIZE_CLASS_NR - 1);
		assert_true(
		    Size_classes.size[last] <= 2 * Size_classes.size[i]);
		assert_true(
		    last == SIZE_CLASS_NR - 1 ||
		    Size_classes.size[last + 1] > 2 * Size_classes.size[i]);
		assert_int_equal(Size_classes.slab_size[i] % DK_PAGE, 0);
		assert_true(Size_classes.slab_size[i] >= Size_classes.size[i]);
	}
}

/* A thread may allocate from a kind over DRAM while another makes the first
 * heap over a region. */
static void
test_the_classes_are_there_before_any_heap(void **state)
{
	(void)state;
	assert_is_right();
}

static void
test_they_are_jemallocs(void **state)
{
	(void)state;
	assert_int_equal(size_class_init(), 0);
	assert_int_equal(je_nr_bins(), SIZE_CLASS_NR);
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		assert_int_equal(je_bin_size(i), Size_classes.size[i]);
		assert_int_equal(
		    je_bin_slab_size(i), Size_classes.slab_size[i]);
	}
	assert_is_right();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_classes_are_there_before_any_heap),
	    cmocka_unit_test(test_they_are_jemallocs),
	};

	return cmocka_run_group_tests_name("size_class", tests, NULL, NULL);
}
