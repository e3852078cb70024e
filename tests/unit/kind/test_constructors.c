// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_constructors.c -- every fallible call of every constructor fails once.
 *
 * Holds this invariant: a failing constructor leaves nothing: no descriptor,
 * mapping, arena, registry entry, file or handle; and it says why.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <daxkind.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <memkind_fixed.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/records.h"
#include "base/util.h"
#include "kind/kind_registry.h"
#include "region/region.h"
#include "region/region_index.h"

/* What memkind wants at least, and what is enough for the others. */
#define SIZE (16 * MIB)
#define REGION_SIZE MIB

/* What a row works on and makes. */
static struct test_area Area;
static char Path[PATH_MAX];
static struct daxkind_region *Base_region; /* to make a kind on */
static memkind_t Base_kind;                /* to allocate from */
static struct memkind_config *Config;
static memkind_t Kind;
static struct daxkind_region *Region;
static void *Block;

/* A handle that was not set to NULL. */
#define UNSET ((void *)0x77)

/* --- what can be left ------------------------------------------------------------ */

struct traces {
	size_t nr_fds, nr_kinds, nr_entries, nr_records;
	size_t private_bytes; /* of address space, malloc's heap left out */
	size_t nr_shared;     /* mappings of files */
};

static int
count_one(struct memkind *kind, void *arg)
{
	(void)kind;
	(*(size_t *)arg)++;
	return 0;
}

/* Entries of the region index that are regions. */
static size_t
count_entries(region_index_slot *table, unsigned depth)
{
	static const size_t lens[] = {
	    INDEX_TOP_LEN, INDEX_MIDDLE_LEN, INDEX_LOW_LEN};
	size_t nr = 0;

	for (size_t i = 0; i < lens[depth]; i++) {
		uintptr_t entry = atomic_load(&table[i]);

		if ((entry & INDEX_IS_TABLE) != 0)
			nr += count_entries(
			    (region_index_slot *)(entry - INDEX_IS_TABLE),
			    depth + 1);
		else
			nr += entry != 0;
	}
	return nr;
}

static void
count_maps(struct traces *traces)
{
	FILE *f = fopen("/proc/self/maps", "re");
	static char line[PATH_MAX + 128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *end;
		size_t from = strtoull(line, &end, 16);
		size_t to = strtoull(end + 1, &end, 16);

		if (end[4] == 's')
			traces->nr_shared++;
		else if (strstr(line, "[heap]") == NULL &&
			 strstr(line, "[stack]") == NULL)
			traces->private_bytes += to - from;
	}
	if (f != NULL)
		(void)fclose(f);
}

static struct traces
look(void)
{
	struct traces traces = {
	    .nr_fds = test_nr_fds(), .nr_records = mock_os_nr_records()};

	(void)kind_registry_walk(count_one, &traces.nr_kinds);
	traces.nr_entries = count_entries(Region_index, 0);
	count_maps(&traces);
	return traces;
}

/* Whether nothing is there that was not; more: bytes that may be. */
static bool
left_nothing(const struct traces *was, size_t more)
{
	struct traces is = look();

	if (is.nr_fds != was->nr_fds || is.nr_kinds != was->nr_kinds ||
	    is.nr_entries != was->nr_entries ||
	    is.nr_records != was->nr_records ||
	    is.nr_shared != was->nr_shared ||
	    (!DK_SANITIZED && is.private_bytes > was->private_bytes + more)) {
		print_error("left: %zd descriptors, %zd kinds, %zd entries, "
			    "%zd records, %zd shared mappings, %zd bytes\n",
		    (ssize_t)(is.nr_fds - was->nr_fds),
		    (ssize_t)(is.nr_kinds - was->nr_kinds),
		    (ssize_t)(is.nr_entries - was->nr_entries),
		    (ssize_t)(is.nr_records - was->nr_records),
		    (ssize_t)(is.nr_shared - was->nr_shared),
		    (ssize_t)(is.private_bytes - was->private_bytes));
		return false;
	}
	return true;
}

/* --- the constructors ------------------------------------------------------------ */

static int
create_fixed(void)
{
	return memkind_create_fixed(Area.addr, SIZE, &Kind);
}

static int
create_pmem(void)
{
	return memkind_create_pmem(test_dir(), SIZE, &Kind);
}

static int
create_pmem_without_limit(void)
{
	return memkind_create_pmem(test_dir(), 0, &Kind);
}

static void
prepare_config(void)
{
	Config = memkind_config_new();
	memkind_config_set_path(Config, test_dir());
	memkind_config_set_size(Config, SIZE);
	memkind_config_set_memory_usage_policy(
	    Config, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);
}

static void
clean_config(void)
{
	memkind_config_delete(Config);
}

static int
create_pmem_with_config(void)
{
	return memkind_create_pmem_with_config(Config, &Kind);
}

static void
end_kind(void)
{
	(void)memkind_destroy_kind(Kind);
}

static bool
has_no_kind(void)
{
	return Kind == NULL;
}

static int
open_mapping(void)
{
	return daxkind_region_open_mapping(Area.addr, SIZE, 0, &Region);
}

static int
open_mapping_prefault(void)
{
	return daxkind_region_open_mapping(
	    Area.addr, SIZE, DAXKIND_PREFAULT, &Region);
}

static int
open_new_file(void)
{
	return daxkind_region_open_file(
	    Path, REGION_SIZE, DAXKIND_CREATE, &Region);
}

static int
open_new_file_prefault(void)
{
	return daxkind_region_open_file(
	    Path, REGION_SIZE, DAXKIND_CREATE | DAXKIND_PREFAULT, &Region);
}

static int
open_by_path(void)
{
	return daxkind_region_open(Path, REGION_SIZE, DAXKIND_CREATE, &Region);
}

static int
open_folder_by_path(void)
{
	return daxkind_region_open(test_dir(), REGION_SIZE, 0, &Region);
}

static void
clean_file(void)
{
	(void)unlink(Path);
}

static bool
has_no_region_and_file(void)
{
	return Region == NULL && access(Path, F_OK) != 0;
}

static void
prepare_file(void)
{
	int fd = open(Path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "data", 4) != 4 ||
	    ftruncate(fd, (off_t)REGION_SIZE) != 0 || close(fd) != 0)
		abort();
}

static int
open_old_file(void)
{
	return daxkind_region_open_file(Path, 0, DAXKIND_OVERWRITE, &Region);
}

static int
open_old_file_prefault(void)
{
	return daxkind_region_open_file(
	    Path, REGION_SIZE, DAXKIND_OVERWRITE | DAXKIND_PREFAULT, &Region);
}

/* The file is there as it was. */
static bool
has_no_region_but_file(void)
{
	char buf[4] = "";
	struct stat st;
	int fd = open(Path, O_RDONLY | O_CLOEXEC);
	bool same = fd >= 0 && read(fd, buf, 4) == 4 &&
		    memcmp(buf, "data", 4) == 0 && fstat(fd, &st) == 0 &&
		    st.st_size == (off_t)REGION_SIZE;

	if (fd >= 0)
		(void)close(fd);
	return same && Region == NULL;
}

static int
open_dir(void)
{
	return daxkind_region_open_dir(test_dir(), REGION_SIZE, 0, &Region);
}

static int
open_dir_prefault(void)
{
	return daxkind_region_open_dir(
	    test_dir(), REGION_SIZE, DAXKIND_PREFAULT, &Region);
}

static void
end_region(void)
{
	(void)daxkind_region_close(Region);
}

static bool
has_no_region(void)
{
	return Region == NULL;
}

static void
prepare_region(void)
{
	if (daxkind_region_open_mapping(Area.addr, SIZE, 0, &Base_region) < 0)
		abort();
}

static void
clean_region(void)
{
	(void)daxkind_region_close(Base_region);
}

static int
create_kind(void)
{
	return daxkind_kind_create(Base_region, &Kind);
}

static int
create_kind_with_ops(void)
{
	return daxkind_kind_create_with_ops(Base_region, &MEMKIND_FIXED_OPS,
	    sizeof(MEMKIND_FIXED_OPS), "own", &Kind);
}

static int
check_dax_path(void)
{
	return memkind_check_dax_path(test_dir());
}

static int
new_config(void)
{
	Config = memkind_config_new();
	return Config == NULL ? -ENOMEM : 0;
}

static bool
has_no_config(void)
{
	return Config == NULL;
}

static int
start_threads(void)
{
	return memkind_set_bg_threads(true);
}

static void
end_threads(void)
{
	(void)memkind_set_bg_threads(false);
}

static void
prepare_fixed_kind(void)
{
	if (memkind_create_fixed(Area.addr, SIZE, &Base_kind) != 0)
		abort();
}

static void
prepare_file_kind(void)
{
	if (memkind_create_pmem(test_dir(), SIZE, &Base_kind) != 0)
		abort();
}

static void
clean_kind(void)
{
	(void)memkind_destroy_kind(Base_kind);
}

static int
allocate(size_t size)
{
	errno = 0;
	Block = memkind_malloc(Base_kind, size);
	return Block == NULL ? -errno : 0;
}

static int
allocate_small(void)
{
	return allocate(100);
}

static int
allocate_large(void)
{
	return allocate(MIB);
}

static void
free_block(void)
{
	memkind_free(NULL, Block);
}

static bool
has_no_block(void)
{
	return Block == NULL && errno == ENOMEM;
}

static bool
has_nothing(void)
{
	return true;
}

static void
do_nothing(void)
{
}

/* Failures that a constructor does without, and says so in its log. */
/* The half of it that is there is not wanted again. */
static const char No_space_of_its_own[] = "os_allocate_unshared";
static const char No_hole[] = "os_find_hole";      /* it does not say */
static const char No_lock[] = "os_lock_file";      /* network file systems */
static const char No_keeper[] = "os_thread_start"; /* file space stays */
static const char No_cache[] = "os_map_anon";      /* slower */
static const char No_space_ahead[] = "os_allocate";
static const char No_list[] = "os_read_text";     /* no known bad blocks */
static const char No_sync[] = "os_sync_new_file"; /* a log line */
static const char No_room[] = "os_map_file";      /* a smaller one */
static const char No_start[] = "os_read_number";  /* of a partition: the same */

static const struct row {
	const char *name;
	void (*prepare)(void);
	int (*make)(void);
	bool (*has_none)(void); /* after it failed */
	void (*end)(void);      /* after it did not */
	void (*clean)(void);    /* what prepare made */
	const char *tolerates[7];
	bool is_silent; /* no text for daxkind_last_error() */
} Rows[] = {
    {"memkind_create_fixed", do_nothing, create_fixed, has_no_kind, end_kind,
	do_nothing, {NULL}, false},
    {"memkind_create_pmem", do_nothing, create_pmem, has_no_kind, end_kind,
	do_nothing, {No_lock, No_keeper, No_list, No_start}, false},
    {"memkind_create_pmem without a limit", do_nothing,
	create_pmem_without_limit, has_no_kind, end_kind, do_nothing,
	{No_lock, No_keeper, No_list, No_start, No_room}, false},
    {"memkind_create_pmem_with_config", prepare_config, create_pmem_with_config,
	has_no_kind, end_kind, clean_config,
	{No_lock, No_keeper, No_list, No_start}, false},
    {"daxkind_region_open_mapping", do_nothing, open_mapping, has_no_region,
	end_region, do_nothing, {NULL}, false},
    {"daxkind_region_open_mapping, prefaulted", do_nothing,
	open_mapping_prefault, has_no_region, end_region, do_nothing, {NULL},
	false},
    {"daxkind_region_open_file, new", do_nothing, open_new_file,
	has_no_region_and_file, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start, No_sync}, false},
    {"daxkind_region_open_file, new, prefaulted", do_nothing,
	open_new_file_prefault, has_no_region_and_file, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start, No_sync, No_space_ahead},
	false},
    {"daxkind_region_open_file, existing", prepare_file, open_old_file,
	has_no_region_but_file, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start}, false},
    {"daxkind_region_open_file, existing, prefaulted", prepare_file,
	open_old_file_prefault, has_no_region_but_file, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start, No_hole, No_space_ahead,
	    No_space_of_its_own},
	false},
    {"daxkind_region_open_dir", do_nothing, open_dir, has_no_region, end_region,
	do_nothing, {No_lock, No_keeper, No_list, No_start}, false},
    {"daxkind_region_open_dir, prefaulted", do_nothing, open_dir_prefault,
	has_no_region, end_region, do_nothing,
	{No_lock, No_keeper, No_list, No_start, No_space_ahead}, false},
    /* what cannot be looked at is opened as a file all the same */
    {"daxkind_region_open, a file", do_nothing, open_by_path,
	has_no_region_and_file, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start, No_sync}, false},
    {"daxkind_region_open, a folder", do_nothing, open_folder_by_path,
	has_no_region, end_region, do_nothing,
	{No_lock, No_keeper, No_list, No_start, No_space_ahead}, false},
    {"daxkind_kind_create", prepare_region, create_kind, has_no_kind, end_kind,
	clean_region, {NULL}, false},
    {"daxkind_kind_create_with_ops", prepare_region, create_kind_with_ops,
	has_no_kind, end_kind, clean_region, {NULL}, false},
    {"memkind_check_dax_path", do_nothing, check_dax_path, has_nothing,
	do_nothing, do_nothing, {No_lock}, false},
    {"memkind_config_new", do_nothing, new_config, has_no_config, clean_config,
	do_nothing, {NULL}, false},
    {"memkind_set_bg_threads", do_nothing, start_threads, has_nothing,
	end_threads, do_nothing, {NULL}, false},
    {"first small allocation, fixed", prepare_fixed_kind, allocate_small,
	has_no_block, free_block, clean_kind, {No_cache}, true},
    {"first large allocation, fixed", prepare_fixed_kind, allocate_large,
	has_no_block, free_block, clean_kind, {NULL}, true},
    {"first small allocation, file", prepare_file_kind, allocate_small,
	has_no_block, free_block, clean_kind, {No_cache, No_space_ahead}, true},
    {"first large allocation, file", prepare_file_kind, allocate_large,
	has_no_block, free_block, clean_kind, {No_space_ahead}, true},
};

/* --- failing them --------------------------------------------------------------- */

enum {
	MAX_CALLS = 100
};

static bool
is_tolerated(const struct row *row, const char *failed)
{
	/* A descriptor cannot be told from another then. */
	if (strcmp(failed, "os_fstat") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(row->tolerates); i++) {
		if (row->tolerates[i] != NULL &&
		    strcmp(row->tolerates[i], failed) == 0)
			return true;
	}
	return strcmp(row->name, "daxkind_region_open, a file") == 0 &&
	       strcmp(failed, "os_stat") == 0;
}

/* The result when nothing fails: not 0 for a check that finds no DAX. */
static int
make_once(const struct row *row)
{
	row->prepare();
	int rc = row->make();
	row->end();
	row->clean();
	return rc;
}

/* One try, in which the nth call fails.  Sets *done when there are not so
 * many; false when something is wrong. */
static bool
fail_once(const struct row *row, unsigned n, int err, bool and_all_after,
    int good_rc, bool *done)
{
	bool right = true;

	row->prepare();
	Kind = UNSET;
	Region = UNSET;
	Block = UNSET;
	(void)error_set(0, "%s", "");
	if (and_all_after)
		mock_os_fail_from(n, err);
	else
		mock_os_fail_nth(n, err);
	int rc = row->make();
	const char *failed = mock_os_failed();
	bool has_text = *daxkind_last_error() != '\0';
	mock_os_reset();
	*done = failed == NULL;
	if (rc == good_rc) {
		right = *done || is_tolerated(row, failed);
	} else {
		right =
		    !*done && row->has_none() && (row->is_silent || has_text);
	}
	if (!right)
		print_error("%s: call %u, %s, %s%s: returned %d, \"%s\"\n",
		    row->name, n, failed != NULL ? failed : "nothing",
		    strerror(err), and_all_after ? " from here on" : "", rc,
		    daxkind_last_error());
	if (rc == good_rc)
		row->end();
	row->clean();
	return right;
}

static bool
fail_each_call(const struct row *row, int err, bool and_all_after, int good_rc,
    size_t more, unsigned *nr_calls)
{
	bool done = false;
	unsigned n = 0;

	while (!done && n < MAX_CALLS) {
		struct traces before = look();

		if (!fail_once(row, ++n, err, and_all_after, good_rc, &done) ||
		    !left_nothing(&before, more)) {
			print_error("%s: call %u\n", row->name, n);
			return false;
		}
	}
	*nr_calls = n - 1;
	return done;
}

static const int Errors[] = {ENOMEM, ENOSPC, EIO};

static int
setup(void **state)
{
	mock_os_reset();
	(void)snprintf(Path, sizeof(Path), "%s", test_path("constructed"));
	test_area_map(&Area, SIZE);
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	test_area_unmap(&Area);
	(void)unlink(Path);
	return test_leaks_teardown(state);
}

/* ThreadSanitizer takes jemalloc's locks, which a fork makes anew in the child,
 * for those that the parent held. */
#if !DK_TSAN
/* Of a process that has not used the library yet: records that are kept for
 * the next time, and the stack of a thread, may be new. */
enum {
	KEPT_BYTES = 12 * 1024 * 1024
};

static int
fail_cold(void *arg)
{
	const struct row *row = arg;
	unsigned nr_calls;
	int good_rc = 0;

	if (row->make == check_dax_path)
		good_rc = row->make();
	return fail_each_call(row, ENOMEM, true, good_rc, KEPT_BYTES, &nr_calls)
		   ? 0
		   : 1;
}

static void
test_the_first_use_of_all_may_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		struct row row = Rows[i];

		dk_row(row.name);
		assert_int_equal(test_in_child(fail_cold, &row), 0);
	}
}

#endif

static void
test_every_call_may_fail(void **state)
{
	(void)state;
	/* until records that rested are used again */
	for (size_t i = 0; i < (size_t)4 * RECORDS_REST; i++) {
		struct daxkind_region *region;

		assert_int_equal(region_index_new(sizeof(*region), &region), 0);
		region_index_free(region);
		kind_registry_free(kind_registry_new());
	}
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		unsigned nr_calls = 0;

		dk_row(Rows[i].name);
		/* from here on nothing new is kept */
		int good_rc = make_once(&Rows[i]);
		assert_int_equal(make_once(&Rows[i]), good_rc);
		for (size_t j = 0; j < ARRAY_LEN(Errors); j++) {
			assert_true(fail_each_call(
			    &Rows[i], Errors[j], false, good_rc, 0, &nr_calls));
			assert_true(fail_each_call(
			    &Rows[i], Errors[j], true, good_rc, 0, &nr_calls));
		}
		print_message("%u calls\n", nr_calls);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#if !DK_TSAN
		cmocka_unit_test_setup_teardown(
		    test_the_first_use_of_all_may_fail, setup, teardown),
#endif
		cmocka_unit_test_setup_teardown(
		    test_every_call_may_fail, setup, teardown),
	};

	return cmocka_run_group_tests_name("constructors", tests, NULL, NULL);
}
