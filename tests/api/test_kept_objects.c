// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_kept_objects.c -- what a start of examples/tiered_cache --keep makes of
 * the links that it finds: whole ones, what a kill left, and damaged ones.
 */
#include "../support/cmocka_all.h"

#include "../../examples/tiered_cache/kept.h"
#include "../support/test_region.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (16 * TEST_MIB)
#define NR 1000 /* objects: they need two chunks of slots */
#define LEN 100 /* bytes of data in each */

static char Path[PATH_MAX];

static struct daxkind_region *Region;
static memkind_t Kind;
static struct kept *Kept;
static struct kept_slot *Slots[NR];

static void
open_kept(void)
{
	if (daxkind_region_open_durable(Path,
		access(Path, F_OK) == 0 ? 0 : SIZE, "test_kept_objects 1",
		DAXKIND_CREATE, &Region) != 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	assert_int_equal(kept_open(Region, Kind, &Kept), 0);
}

static void
close_kept(void)
{
	kept_close(Kept);
	assert_int_equal(memkind_destroy_kind(Kind), 0);
	assert_int_equal(daxkind_region_close(Region), 0);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(Path, sizeof(Path), "%s", test_path("kept"));
	(void)unlink(Path);
	open_kept();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	close_kept();
	return unlink(Path);
}

static struct kept_object *
make_object(size_t number)
{
	struct kept_object *object =
	    memkind_malloc(Kind, sizeof(*object) + LEN);

	assert_non_null(object);
	object->key = number;
	object->checksum = ~number;
	object->len = LEN;
	object->heat = 0;
	memset(object->data, (int)(number % 251), LEN);
	return object;
}

static void
link_objects(size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		Slots[i] = kept_link(Kept, make_object(i));
		assert_non_null(Slots[i]);
	}
}

/* What a start has found, by number. */
static bool Is_found[NR];
static size_t Nr_found;

static bool
want_all(void *arg, struct kept_object *object, struct kept_slot *slot)
{
	const bool *are_wanted = arg;

	assert_true(object->key < NR);
	assert_false(Is_found[object->key]);
	assert_int_equal(object->checksum, ~object->key);
	assert_int_equal(object->len, LEN);
	for (size_t i = 0; i < LEN; i++)
		assert_int_equal(object->data[i], object->key % 251);
	assert_ptr_equal(slot->object, object);
	if (are_wanted != NULL && !are_wanted[object->key])
		return false;
	Is_found[object->key] = true;
	Slots[object->key] = slot;
	Nr_found++;
	return true;
}

static int
count_block(void *arg, void *block, size_t usable)
{
	(void)block;
	(void)usable;
	(*(size_t *)arg)++;
	return DAXKIND_KEEP;
}

static size_t
count_blocks(void)
{
	size_t nr = 0;

	assert_int_equal(daxkind_walk(Kind, count_block, &nr), 0);
	return nr;
}

static struct kept_found
find(bool *are_wanted)
{
	struct kept_found found;

	memset(Is_found, 0, sizeof(Is_found));
	Nr_found = 0;
	assert_int_equal(kept_find(Kept, want_all, are_wanted, &found), 0);
	assert_int_equal(found.nr_objects, Nr_found);
	assert_int_equal(found.size, Nr_found * LEN);
	return found;
}

static struct kept_found
restart(bool *are_wanted)
{
	close_kept();
	open_kept();
	return find(are_wanted);
}

static void
expect(struct kept_found found, size_t nr_objects, size_t nr_damaged,
    size_t nr_unlinked)
{
	assert_int_equal(found.nr_objects, nr_objects);
	assert_int_equal(found.nr_damaged, nr_damaged);
	assert_int_equal(found.nr_unlinked, nr_unlinked);
}

#define TEST_KEPT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- cases ----------------------------------------------------------------------- */

static void
test_linked_objects_are_found(void **state)
{
	(void)state;
	expect(find(NULL), 0, 0, 0);
	link_objects(NR);
	expect(restart(NULL), NR, 0, 0);
	/* Two chunks; slots are used again, so there is no third one. */
	assert_int_equal(count_blocks(), NR + 2);
	for (size_t i = 0; i < NR; i++) {
		struct kept_object *object = Slots[i]->object;

		kept_unlink(Kept, Slots[i]);
		memkind_free(Kind, object);
	}
	link_objects(NR);
	assert_int_equal(count_blocks(), NR + 2);
	expect(restart(NULL), NR, 0, 0);
}

static void
test_an_unlinked_object_is_not_found(void **state)
{
	(void)state;
	link_objects(5);
	struct kept_object *object = Slots[1]->object;
	kept_unlink(Kept, Slots[1]);
	memkind_free(Kind, object);
	kept_unlink(Kept, Slots[2]); /* and then a kill, before it is freed */
	expect(restart(NULL), 3, 0, 1);
	assert_false(Is_found[1] || Is_found[2]);
	assert_int_equal(count_blocks(), 3 + 1);
}

static void
test_an_unwanted_object_is_freed(void **state)
{
	bool are_wanted[NR];

	(void)state;
	link_objects(NR);
	for (size_t i = 0; i < NR; i++)
		are_wanted[i] = i % 2 == 0;
	struct kept_found found = restart(are_wanted);
	expect(found, NR / 2, 0, 0);
	assert_int_equal(found.nr_unwanted, NR / 2);
	assert_int_equal(count_blocks(), NR / 2 + 2);
	expect(restart(NULL), NR / 2, 0, 0);
}

static void
test_a_kill_before_the_link_leaves_one_block(void **state)
{
	int status;

	(void)state;
	close_kept();
	pid_t pid = fork();
	if (pid == 0) {
		open_kept();
		link_objects(10);
		kept_kill_next(Kept);
		(void)kept_link(Kept, make_object(10));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	open_kept();
	expect(find(NULL), 10, 0, 1);
	assert_int_equal(count_blocks(), 10 + 1);
}

static void
test_blocks_of_other_roots_stay(void **state)
{
	(void)state;
	link_objects(3);
	void *block = memkind_calloc(Kind, 1, 64);
	assert_int_equal(daxkind_root_set(Kind, "other", block), 0);
	expect(restart(NULL), 3, 0, 0);
	assert_int_equal(count_blocks(), 3 + 1 + 1);
}

static void
test_damaged_links_are_cut(void **state)
{
	(void)state;
	link_objects(10);
	char *gone = memkind_malloc(Kind, 64);
	struct kept_object *objects[10];
	for (size_t i = 0; i < 10; i++)
		objects[i] = Slots[i]->object;
	memkind_free(Kind, gone);
	Slots[0]->object = (struct kept_object *)(void *)gone;
	Slots[1]->object = (struct kept_object *)(void *)&objects[1]->data;
	Slots[2]->object = (struct kept_object *)(void *)&Kept;
	Slots[3]->object = objects[4]; /* two links to one object */
	Slots[5]->object = daxkind_root(Kind, "objects");
	objects[6]->len = SIZE_MAX;
	objects[7]->len = SIZE;
	expect(restart(NULL), 3, 7, 7);
	assert_true(Is_found[4] && Is_found[8] && Is_found[9]);
	assert_int_equal(count_blocks(), 3 + 1);
	expect(restart(NULL), 3, 0, 0);
}

/* The newest chunk is first; its first word leads to the next one. */
static void
expect_cut(void *next)
{
	void **chunk;

	close_kept();
	(void)unlink(Path);
	open_kept();
	link_objects(NR);
	chunk = daxkind_root(Kind, "objects");
	*chunk = next != NULL ? next : (void *)chunk;
	struct kept_found found = restart(NULL);
	assert_int_equal(found.nr_damaged, 1);
	assert_true(found.nr_objects > 400 && found.nr_objects < 600);
	/* With the objects of the other chunk, it was freed itself. */
	assert_int_equal(found.nr_unlinked, NR - found.nr_objects + 1);
	assert_int_equal(count_blocks(), found.nr_objects + 1);
	expect(restart(NULL), found.nr_objects, 0, 0);
}

static void
test_a_damaged_chunk_is_cut(void **state)
{
	(void)state;
	expect_cut(NULL); /* to itself, a ring */
	expect_cut(&Kept);
}

static void
test_a_damaged_root_is_a_cold_start(void **state)
{
	(void)state;
	link_objects(10);
	void *small = memkind_malloc(Kind, 64);
	assert_int_equal(daxkind_root_set(Kind, "objects", small), 0);
	expect(restart(NULL), 0, 1, 10 + 2);
	assert_int_equal(count_blocks(), 0);
	link_objects(10);
	expect(restart(NULL), 10, 0, 0);
}

/* No room: nothing is linked, and what was made goes on. */
static void
test_no_room_for_slots_is_no_link(void **state)
{
	static void *blocks[SIZE / TEST_PAGE];
	struct kept_object *object;
	size_t nr = 0;

	(void)state;
	object = make_object(0);
	while ((blocks[nr] = memkind_malloc(Kind, TEST_PAGE)) != NULL)
		nr++;
	assert_null(kept_link(Kept, object));
	while (nr > 0)
		memkind_free(Kind, blocks[--nr]);
	assert_non_null(kept_link(Kept, object));
	expect(restart(NULL), 1, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST_KEPT(test_linked_objects_are_found),
	    TEST_KEPT(test_an_unlinked_object_is_not_found),
	    TEST_KEPT(test_an_unwanted_object_is_freed),
	    TEST_KEPT(test_a_kill_before_the_link_leaves_one_block),
	    TEST_KEPT(test_blocks_of_other_roots_stay),
	    TEST_KEPT(test_damaged_links_are_cut),
	    TEST_KEPT(test_a_damaged_chunk_is_cut),
	    TEST_KEPT(test_a_damaged_root_is_a_cold_start),
	    TEST_KEPT(test_no_room_for_slots_is_no_link),
	};

	return cmocka_run_group_tests_name("kept_objects", tests, NULL, NULL);
}
