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

/* --- durable regions ------------------------------------------------------------- */

enum {
	NR_KEPT = 20 /* blocks that each opening must find */
};
static const char Layout[] = "constructed";
static const char Root[] = "kept";

static size_t
kept_size(size_t i)
{
	return i % 5 == 0 ? 20000 : 100 + i % 3 * 100;
}

static int
open_durable_with(unsigned flags, struct daxkind_region **region)
{
	return daxkind_region_open_durable(
	    Path, REGION_SIZE, Layout, flags, region);
}

/* The root is a table of the other blocks. */
static int
keep_blocks(void)
{
	memkind_t kind;

	if (open_durable_with(DAXKIND_CREATE, &Base_region) < 0 ||
	    daxkind_kind_create(Base_region, &kind) < 0)
		return 1;
	unsigned char **table = memkind_malloc(kind, NR_KEPT * sizeof(*table));
	if (table == NULL || daxkind_root_set(kind, Root, table) < 0)
		return 1;
	for (size_t i = 1; i < NR_KEPT; i++) {
		table[i] = memkind_malloc(kind, kept_size(i));
		if (table[i] == NULL)
			return 1;
		memset(table[i], (int)i, kept_size(i));
	}
	/* And what a cache has. */
	memkind_free(kind, memkind_malloc(kind, 100));
	Base_kind = kind;
	return 0;
}

static int
count_block(void *arg, void *block, size_t usable)
{
	(void)block;
	(void)usable;
	++*(size_t *)arg;
	return DAXKIND_KEEP;
}

static bool
kind_has_blocks(memkind_t kind)
{
	unsigned char **table = daxkind_root(kind, Root);
	size_t nr = 0;

	for (size_t i = 1; table != NULL && i < NR_KEPT; i++) {
		for (size_t j = 0; j < kept_size(i); j++) {
			if (table[i][j] != i)
				return false;
		}
	}
	return table != NULL && daxkind_walk(kind, count_block, &nr) == 0 &&
	       nr == NR_KEPT;
}

/* Opened again, the file has all of its blocks, and was left in that way. */
static bool
file_has_blocks(enum daxkind_restart_how how)
{
	struct daxkind_restart restart;
	struct daxkind_region *region;
	memkind_t kind;

	if (open_durable_with(0, &region) < 0) {
		print_error("not opened: %s\n", daxkind_last_error());
		return false;
	}
	bool has =
	    daxkind_region_restart(region, &restart, sizeof(restart)) == 0 &&
	    restart.how == how && daxkind_kind_create(region, &kind) == 0 &&
	    kind_has_blocks(kind) && memkind_destroy_kind(kind) == 0;
	return daxkind_region_close(region) == 0 && has;
}

static int
format_durable(void)
{
	return open_durable_with(DAXKIND_CREATE, &Region);
}

static int
format_durable_prefault(void)
{
	return open_durable_with(DAXKIND_CREATE | DAXKIND_PREFAULT, &Region);
}

static int
overwrite_durable(void)
{
	return open_durable_with(DAXKIND_OVERWRITE, &Region);
}

static int
open_durable(void)
{
	return open_durable_with(0, &Region);
}

static bool
is_closed_with_blocks(void)
{
	return Region == NULL && file_has_blocks(DAXKIND_RESTART_CLEAN);
}

static bool
is_killed_with_blocks(void)
{
	return Region == NULL && file_has_blocks(DAXKIND_RESTART_CRASH);
}

/* What is left can be formatted, with a word where it begins to be a heap. */
static bool
has_no_region_and_formats(void)
{
	if (Region != NULL)
		return false;
	if (open_durable_with(DAXKIND_CREATE | DAXKIND_OVERWRITE, &Region) < 0)
		return false;
	return daxkind_region_close(Region) == 0;
}

static int
keep_and_close(void *arg)
{
	(void)arg;
	return keep_blocks() != 0 || memkind_destroy_kind(Base_kind) != 0 ||
	       daxkind_region_close(Base_region) != 0;
}

/* The process ends without closing. */
static int
keep_and_end(void *arg)
{
	(void)arg;
	return keep_blocks();
}

/* What a process leaves, the same each time: another file would be at another
 * address, of which the region index keeps tables. */
struct left {
	int (*make)(void *arg);
	char bytes[REGION_SIZE];
};
static struct left Closed = {.make = keep_and_close};
static struct left Killed = {.make = keep_and_end};
static const char Zeroes[4096];

static void
make_left(struct left *left)
{
	if (test_in_child(left->make, NULL) != 0)
		abort();
	int fd = open(Path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 ||
	    read(fd, left->bytes, REGION_SIZE) != (ssize_t)REGION_SIZE ||
	    close(fd) != 0 || unlink(Path) != 0)
		abort();
}

static void
put_left(struct left *left)
{
	if (memcmp(left->bytes, Zeroes, sizeof(Zeroes)) == 0)
		make_left(left);
	int fd = open(Path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)REGION_SIZE) != 0)
		abort();
	for (size_t off = 0; off < REGION_SIZE; off += sizeof(Zeroes)) {
		const char *page = left->bytes + off;

		if (memcmp(page, Zeroes, sizeof(Zeroes)) != 0 &&
		    pwrite(fd, page, sizeof(Zeroes), (off_t)off) !=
			(ssize_t)sizeof(Zeroes))
			abort();
	}
	if (close(fd) != 0)
		abort();
}

static void
prepare_closed(void)
{
	put_left(&Closed);
}

static void
prepare_killed(void)
{
	put_left(&Killed);
}

static void
prepare_durable_region(void)
{
	prepare_closed();
	if (open_durable_with(0, &Base_region) < 0)
		abort();
}

static void
prepare_durable_kind(void)
{
	prepare_durable_region();
	if (daxkind_kind_create(Base_region, &Base_kind) < 0)
		abort();
}

static void
clean_durable_region(void)
{
	if (daxkind_region_close(Base_region) != 0)
		abort();
	clean_file();
}

static void
clean_durable_kind(void)
{
	if (memkind_destroy_kind(Base_kind) != 0)
		abort();
	clean_durable_region();
}

static bool
has_no_kind_but_blocks(void)
{
	if (Kind != NULL || daxkind_kind_create(Base_region, &Kind) < 0)
		return false;
	bool has = kind_has_blocks(Kind);
	return memkind_destroy_kind(Kind) == 0 && has;
}

static bool
has_no_block_but_others(void)
{
	return Block == NULL && errno == ENOMEM && kind_has_blocks(Base_kind);
}

/* --- blocks ---------------------------------------------------------------------- */

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

static int
allocate_pages(void)
{
	return allocate(100 * KIB);
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
static const char No_pages[] = "os_populate";     /* stores make them */
static const char No_list[] = "os_read_text";     /* no known bad blocks */
static const char No_sync[] = "os_sync_new_file"; /* a log line */
static const char No_room[] = "os_map_file";      /* a smaller one */
static const char No_place[] = "os_move_mapping"; /* another address */
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
    {"daxkind_region_open_durable, new", do_nothing, format_durable,
	has_no_region_and_formats, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start, No_place}, false},
    {"daxkind_region_open_durable, new, prefaulted", do_nothing,
	format_durable_prefault, has_no_region_and_formats, end_region,
	clean_file, {No_lock, No_keeper, No_list, No_start, No_place}, false},
    {"daxkind_region_open_durable, overwritten", prepare_closed,
	overwrite_durable, has_no_region_and_formats, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start, No_place}, false},
    {"daxkind_region_open_durable, closed", prepare_closed, open_durable,
	is_closed_with_blocks, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start}, false},
    {"daxkind_region_open_durable, after a kill", prepare_killed, open_durable,
	is_killed_with_blocks, end_region, clean_file,
	{No_lock, No_keeper, No_list, No_start}, false},
    {"daxkind_kind_create, durable", prepare_durable_region, create_kind,
	has_no_kind_but_blocks, end_kind, clean_durable_region, {NULL}, false},
    {"first small allocation, durable", prepare_durable_kind, allocate_small,
	has_no_block_but_others, free_block, clean_durable_kind,
	{No_cache, No_pages}, true},
    {"first large allocation, durable", prepare_durable_kind, allocate_pages,
	has_no_block_but_others, free_block, clean_durable_kind, {No_pages},
	true},
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
	/* Where bad blocks of one copy of a superblock are not known, the other
	 * counts; what may be a hole is read; exactly what is needed is had. */
	static const char *const durable[] = {"os_device_of_file",
	    "os_find_hole", "os_allocate", "os_allocate_unshared",
	    "os_sync_new_file"};
	bool is_durable = strstr(row->name, "durable") != NULL;
	for (size_t i = 0; is_durable && i < ARRAY_LEN(durable); i++) {
		if (strcmp(failed, durable[i]) == 0)
			return true;
	}
	/* What cannot be looked at is opened as a file all the same. */
	return (is_durable ||
		   strcmp(row->name, "daxkind_region_open, a file") == 0) &&
	       strcmp(failed, "os_stat") == 0;
}

/* Functions of daxkind.h return what the system says, except where they know
 * better what it means.  failed is the first that failed, or the last of many. */
static bool
has_code(
    const struct row *row, const char *failed, bool is_one, int err, int rc)
{
	if (strncmp(row->name, "daxkind_", strlen("daxkind_")) != 0 ||
	    rc == -err)
		return true;
	if (strcmp(failed, "os_is_mapped") == 0)
		return rc == -EFAULT;
	if (is_one && strcmp(failed, "os_stat") == 0)
		return true; /* opened as a file, which may not be one */
	return rc == -ENOMEM && (!is_one || strcmp(failed, "os_new") == 0 ||
				    strcmp(failed, "os_map_anon") == 0);
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
	char text[256];
	(void)snprintf(text, sizeof(text), "%s", daxkind_last_error());
	mock_os_reset();
	*done = failed == NULL;
	if (rc == good_rc) {
		right = *done || is_tolerated(row, failed);
	} else {
		right = !*done && (row->is_silent || *text != '\0') &&
			has_code(row, failed, !and_all_after, err, rc);
		right = row->has_none() && right;
	}
	if (!right)
		print_error("%s: call %u, %s, %s%s: returned %d, \"%s\"\n",
		    row->name, n, failed != NULL ? failed : "nothing",
		    strerror(err), and_all_after ? " from here on" : "", rc,
		    text);
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

/* Of a process that has not used the library yet: records that are kept for
 * the next time, and the stack of a thread, may be new. */
enum {
	KEPT_BYTES = 12 * 1024 * 1024
};

/* A new durable heap has another address each time. */
static size_t
kept_bytes(const struct row *row)
{
	return row->make == format_durable ||
		       row->make == format_durable_prefault ||
		       row->make == overwrite_durable
		   ? KEPT_BYTES
		   : 0;
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
		size_t more = kept_bytes(&Rows[i]);
		unsigned nr_calls = 0;

		dk_row(Rows[i].name);
		/* from here on nothing new is kept */
		int good_rc = make_once(&Rows[i]);
		assert_int_equal(make_once(&Rows[i]), good_rc);
		/* What is done again and again with files takes long. */
		size_t first = strstr(Rows[i].name, "durable") != NULL;
		for (size_t j = first; j < ARRAY_LEN(Errors); j++) {
			assert_true(fail_each_call(&Rows[i], Errors[j], false,
			    good_rc, more, &nr_calls));
			assert_true(fail_each_call(&Rows[i], Errors[j], true,
			    good_rc, more, &nr_calls));
		}
		print_message("%u calls\n", nr_calls);
	}
}

/* A heap is not taken for other data then, nor written over. */
static void
test_a_heap_whose_bad_blocks_are_unknown(void **state)
{
	(void)state;
	prepare_closed();
	for (size_t i = 0; i < 2; i++) {
		mock_os_fail_all("os_device_of_file", EACCES);
		int rc = i == 0 ? open_durable() : overwrite_durable();
		mock_os_reset();
		assert_int_equal(rc, -EACCES);
		assert_non_null(strstr(daxkind_last_error(), "bad blocks"));
		assert_true(is_closed_with_blocks());
	}
	clean_file();
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
		cmocka_unit_test_setup_teardown(
		    test_a_heap_whose_bad_blocks_are_unknown, setup, teardown),
	};

	return cmocka_run_group_tests_name("constructors", tests, NULL, NULL);
}
