// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_backing.c -- what opening a backing of any class has in common.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_backing.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "region/backing.h"
#include "region/superblock.h"

#define SIZE (64 * DK_PAGE)

static struct fake_backing Fake;
static unsigned Nr_opened;

static int
open_fake(const struct backing_request *request, struct backing **b)
{
	(void)request;
	Nr_opened++;
	*b = &Fake.base;
	return 0;
}

/* As a device is: not new, and nobody else's to know. */
static const struct backing_class Class = {
    .name = "fake",
    .place = DAX_PLACE_NONE,
    .flags = BACKING_OVERWRITE | BACKING_NEED_DAX | BACKING_NEED_SYNC,
    .open = open_fake,
};

static int
setup(void **state)
{
	fake_backing_init_mapping(&Fake, SIZE);
	Nr_opened = 0;
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	fake_backing_fini(&Fake);
	return test_leaks_teardown(state);
}

static int
try_open(const char *path, unsigned flags)
{
	struct backing_request request = {
	    .path = path, .addr = Fake.base.base, .size = SIZE, .flags = flags};
	struct backing *b = NULL;

	(void)error_set(0, "%s", "");
	int rc = backing_open(&Class, &request, &b);
	if (rc == 0)
		assert_ptr_equal(b, &Fake.base);
	else
		assert_null(b);
	return rc;
}

/* --- the table -------------------------------------------------------------------- */

static void
test_each_name_has_its_class(void **state)
{
	static const struct {
		enum dax_place_type place;
		const struct backing_class *class;
	} rows[] = {
	    {DAX_PLACE_FILE, &Backing_file},
	    {DAX_PLACE_DIR, &Backing_dir},
	    {DAX_PLACE_DEVDAX, &Backing_devdax},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_ptr_equal(
		    backing_class_of(rows[i].place), rows[i].class);
		assert_true(strlen(rows[i].class->name) > 0);
	}
	for (int i = DAX_PLACE_NONE + 1; i < NR_DAX_PLACES; i++)
		assert_non_null(backing_class_of((enum dax_place_type)i));
}

/* --- flags ------------------------------------------------------------------------ */

static void
test_a_flag_that_means_nothing_is_refused(void **state)
{
	static const struct {
		unsigned flags;
		const char *text; /* NULL: taken */
	} rows[] = {
	    {0, NULL},
	    {BACKING_OVERWRITE, NULL},
	    {BACKING_ANY_AREA | BACKING_NO_OWNER, NULL},
	    {BACKING_CREATE, "DAXKIND_CREATE"},
	    {BACKING_OVERWRITE | BACKING_PERSISTENT, "DAXKIND_PERSISTENT"},
	    {BACKING_PREFAULT, "DAXKIND_PREFAULT"},
	    {1u << 15, "0x8000"},
	    {1u << 31, "0x80000000"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned before = Nr_opened;

		print_message("row: %#x\n", rows[i].flags);
		if (rows[i].text == NULL) {
			assert_int_equal(try_open("/x", rows[i].flags), 0);
			continue;
		}
		assert_int_equal(try_open("/x", rows[i].flags), -EINVAL);
		assert_non_null(strstr(error_text(), rows[i].text));
		/* before anything is opened */
		assert_int_equal(Nr_opened, before);
	}
}

/* --- what is needed ------------------------------------------------------------------ */

static void
test_needs(void **state)
{
	static const struct {
		bool is_dax, is_sync;
		unsigned flags;
		const char *text; /* NULL: it is so */
	} rows[] = {
	    {false, false, 0, NULL},
	    {true, true, BACKING_NEED_DAX | BACKING_NEED_SYNC, NULL},
	    {true, false, BACKING_NEED_DAX, NULL},
	    {true, false, BACKING_NEED_SYNC, "is DAX without MAP_SYNC"},
	    {true, false, BACKING_NEED_DAX | BACKING_NEED_SYNC,
		"DAXKIND_NEED_SYNC"},
	    {false, false, BACKING_NEED_DAX, "is not DAX"},
	    {false, false, BACKING_NEED_SYNC, "DAXKIND_NEED_SYNC"},
	    {false, false, BACKING_NEED_DAX | BACKING_NEED_SYNC,
		"DAXKIND_NEED_DAX"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("row: dax %d, sync %d, %#x\n", rows[i].is_dax,
		    rows[i].is_sync, rows[i].flags);
		fake_backing_fini(&Fake);
		fake_backing_init_mapping(&Fake, SIZE);
		Fake.base.is_dax = rows[i].is_dax;
		Fake.base.is_sync = rows[i].is_sync;
		if (rows[i].text == NULL) {
			assert_int_equal(try_open("/", rows[i].flags), 0);
			continue;
		}
		assert_int_equal(try_open("/", rows[i].flags), -EOPNOTSUPP);
		assert_non_null(strstr(error_text(), rows[i].text));
		/* what is there instead */
		assert_non_null(strstr(error_text(), "mounted on /"));
		/* and it is closed */
		assert_false(Fake.is_open);
	}
	fake_backing_fini(&Fake);
	fake_backing_init_mapping(&Fake, SIZE);
	assert_int_equal(try_open(NULL, BACKING_NEED_DAX), -EOPNOTSUPP);
	assert_non_null(strstr(error_text(), "DAXKIND_PERSISTENT"));
}

/* --- a durable heap --------------------------------------------------------------------- */

static void
put_magic(size_t off)
{
	memcpy(Fake.base.base + off, SUPERBLOCK_MAGIC, SUPERBLOCK_MAGIC_LEN);
}

static void
test_a_superblock_wants_overwrite(void **state)
{
	static const size_t places[] = {0, SIZE - DK_PAGE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		fake_backing_fini(&Fake);
		fake_backing_init_mapping(&Fake, SIZE);
		assert_int_equal(try_open("/x", 0), 0);
		put_magic(places[i]);
		assert_int_equal(try_open("/x", BACKING_OVERWRITE), 0);
		assert_int_equal(try_open("/x", BACKING_NO_OWNER), 0);
		/* of a caller's mapping the caller knows */
		assert_int_equal(try_open(NULL, 0), 0);
		assert_int_equal(try_open("/x", 0), -EEXIST);
		assert_non_null(strstr(error_text(), "DAXKIND_OVERWRITE"));
		assert_false(Fake.is_open);
	}
	/* and nowhere else */
	fake_backing_fini(&Fake);
	fake_backing_init_mapping(&Fake, SIZE);
	put_magic(8);
	put_magic(DK_PAGE);
	put_magic(SIZE - 8);
	assert_int_equal(try_open("/x", 0), 0);
}

static void
test_a_bad_page_is_not_read(void **state)
{
	(void)state;
	put_magic(0);
	put_magic(SIZE - DK_PAGE);
	fake_backing_add_bad(&Fake, 100, 10);
	assert_int_equal(try_open("/x", BACKING_NO_OWNER), 0);
	assert_true(superblock_is_on(&Fake.base)); /* the copy */
	fake_backing_add_bad(&Fake, SIZE - 1, 1);
	assert_false(superblock_is_on(&Fake.base));
	/* nor is one where nobody can tell */
	Fake.nr_bad = 0;
	fake_backing_set_find_bad_rc(&Fake, -EIO);
	assert_false(superblock_is_on(&Fake.base));
}

#define unit(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    unit(test_each_name_has_its_class),
	    unit(test_a_flag_that_means_nothing_is_refused),
	    unit(test_needs),
	    unit(test_a_superblock_wants_overwrite),
	    unit(test_a_bad_page_is_not_read),
	};

	return cmocka_run_group_tests_name("backing", tests, NULL, NULL);
}
