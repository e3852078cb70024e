// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_command.c -- daxkind(1) on a machine without DAX memory: what it prints
 * is what it says it prints, and its exit statuses.
 */
#include "../support/cmocka_all.h"

#include "../support/test_command.h"
#include "../support/test_region.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char Program[4096];

static json_object *
get_json(const char *arguments, int status)
{
	assert_int_equal(
	    test_command("%s %s 2>/dev/null", Program, arguments), status);
	json_object *object = json_tokener_parse(test_command_text());
	if (object == NULL)
		fail_msg("no JSON: %s", test_command_text());
	return object;
}

static const char *
get_text(json_object *object, const char *key)
{
	json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value != NULL ? json_object_get_string(value) : "";
}

static void
test_help_and_version(void **state)
{
	static const char *const Commands[] = {
	    "list", "probe", "map", "inspect", "check", "emulate"};

	(void)state;
	test_command_ok("%s --help", Program);
	for (size_t i = 0; i < ARRAY_LEN(Commands); i++) {
		test_has(test_command_text(), Commands[i]);
	}
	test_command_ok("%s --version", Program);
	test_has(test_command_text(), "daxkind ");
	for (size_t i = 0; i < ARRAY_LEN(Commands); i++) {
		dk_row(Commands[i]);
		test_command_ok("%s %s --version", Program, Commands[i]);
		test_has(test_command_text(), "daxkind ");
		test_command_ok("%s %s --help", Program, Commands[i]);
		test_has(test_command_text(), "usage: daxkind ");
		test_has(test_command_text(), "--json");
	}
}

/* Each option of each command, with what it does not take: the answer names the
 * part that is wrong. */
static void
test_wrong_usage_is_2(void **state)
{
	static const struct {
		const char *arguments, *said;
	} Rows[] = {
	    {"", "usage: daxkind COMMAND"},
	    {"nothing", "there is no command \"nothing\""},
	    {"''", "there is no command \"\""},
	    {"LIST", "there is no command \"LIST\""},
	    {"--jason", "there is no option \"--jason\""},
	    {"-x", "there is no option \"-x\""},

	    {"list extra", "daxkind list: unexpected argument \"extra\""},
	    {"list ''", "unexpected argument \"\""},
	    {"list --jason", "daxkind list: there is no option --jason"},
	    {"list --jason=1", "daxkind list: there is no option --jason"},
	    {"list -x", "daxkind list: there is no option -x"},
	    {"list -jx", "daxkind list: there is no option -x"},
	    {"list --json=1", "daxkind list: --json takes no value"},

	    {"probe", "daxkind probe: give a PATH"},
	    {"probe ''", "daxkind probe: the PATH is empty"},
	    {"probe a b", "daxkind probe: unexpected argument \"b\""},
	    {"probe --size=1 /tmp", "there is no option --size"},

	    {"map", "daxkind map: give a PATH"},
	    {"map ''", "daxkind map: the PATH is empty"},
	    {"map /tmp extra", "daxkind map: unexpected argument \"extra\""},
	    {"map --demo /tmp", "daxkind map: unexpected argument \"/tmp\""},
	    {"map --demo --size=1M", "daxkind map: --demo takes no --size"},
	    {"map --demo=1", "daxkind map: --demo takes no value"},
	    {"map /tmp --size", "daxkind map: --size needs a value"},
	    {"map /tmp -s", "daxkind map: -s needs a value"},
	    {"map --size=x /tmp", "--size \"x\" is not a size"},
	    {"map --size=0 /tmp", "--size \"0\" is not a size"},
	    {"map --size=-1 /tmp", "--size \"-1\" is not a size"},
	    {"map --size= /tmp", "--size \"\" is not a size"},
	    {"map -s 1KB /tmp", "--size \"1KB\" is not a size"},

	    {"inspect", "daxkind inspect: give a PATH"},
	    {"inspect ''", "daxkind inspect: the PATH is empty"},
	    {"inspect a b", "daxkind inspect: unexpected argument \"b\""},
	    {"inspect -s 1 /tmp", "there is no option -s"},

	    {"check", "daxkind check: give a PATH"},
	    {"check ''", "daxkind check: the PATH is empty"},
	    {"check a b", "daxkind check: unexpected argument \"b\""},
	    {"check --size=1 /tmp", "there is no option --size"},

	    {"emulate a b", "daxkind emulate: unexpected argument \"b\""},
	    {"emulate ''", "daxkind emulate: the NAMESPACE is empty"},
	    {"emulate --frob", "daxkind emulate: there is no option --frob"},
	    {"emulate --m=1", "daxkind emulate: --m may be several options"},
	    {"emulate --apply=1", "--apply takes no value"},
	    {"emulate --size", "--size needs a value"},
	    {"emulate --size=x", "--size \"x\" is not a size"},
	    {"emulate --size 0", "--size \"0\" is not a size"},
	    {"emulate --size=-1", "--size \"-1\" is not a size"},
	    {"emulate --size=1Z", "--size \"1Z\" is not a size"},
	    {"emulate --size=99999999T", "--size \"99999999T\" is not a size"},
	    {"emulate --mode=raw",
		"--mode \"raw\" is neither fsdax nor devdax"},
	    {"emulate --mode=FSDAX", "--mode \"FSDAX\" is neither"},
	    {"emulate --mode=", "--mode \"\" is neither"},
	    {"emulate --fs=vfat", "--fs \"vfat\" is neither ext4 nor xfs"},
	    {"emulate -t ''", "--fs \"\" is neither"},
	    {"emulate --mode=devdax --fs=xfs",
		"--fs and --mount apply to fsdax"},
	    {"emulate --mode=devdax --mount=/x",
		"--fs and --mount apply to fsdax"},
	    {"emulate --mount=", "--mount \"\" does not begin with /"},
	    {"emulate --mount=x", "--mount \"x\" does not begin with /"},
	    {"emulate --force", "--force needs --apply"},
	    {"emulate --apply --memory-map=/tmp",
		"--apply is for this machine"},

	    {"bench extra", "daxkind bench: unexpected argument \"extra\""},
	    {"bench --quik", "daxkind bench: there is no option --quik"},
	    {"bench -x", "daxkind bench: there is no option -x"},
	    {"bench --quick=1", "daxkind bench: --quick takes no value"},
	    {"bench --runs", "daxkind bench: --runs needs a value"},
	    {"bench --runs 0", "--runs \"0\" is not a number from 1 to 1000"},
	    {"bench --runs 1001", "--runs \"1001\" is not a number"},
	    {"bench --runs x", "--runs \"x\" is not a number"},
	    {"bench --seconds 0", "--seconds \"0\" is not a time"},
	    {"bench --seconds nan", "--seconds \"nan\" is not a time"},
	    {"bench --seconds 1e9", "--seconds \"1e9\" is not a time"},
	    {"bench --seconds 1s", "--seconds \"1s\" is not a time"},
	    {"bench --size x", "--size \"x\" is not a size"},
	    {"bench --size 0", "--size \"0\" is not a size"},
	    {"bench --size 1M",
		"--size \"1M\" is not a size of at least 16 MiB"},
	    {"bench --allocator x", "there is no allocator \"x\""},
	    {"bench --allocator ''", "there is no allocator \"\""},
	    {"bench --allocator glibc,", "there is no allocator \"\""},
	    {"bench --allocator glibc,,floor", "there is no allocator \"\""},
	    {"bench --allocator floor --workload x",
		"there is no workload \"x\""},
	    {"bench --allocator floor --workload ''",
		"there is no workload \"\""},
	    {"bench --allocator floor --instructions x",
		"there is no workload \"x\""},
	    {"bench --allocator floor --instructions sizes",
		"the instructions of sizes cannot be counted"},
	    {"bench --allocator floor --workload pair,kinds",
		"kinds does not apply to any of these"},
	    {"bench --base x", "--base \"x\" is not an allocator"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		dk_row(Rows[i].arguments);
		assert_int_equal(
		    test_command("%s %s", Program, Rows[i].arguments), 2);
		test_has(test_command_text(), Rows[i].said);
		if (strstr(Rows[i].arguments, "--allocator") == NULL)
			test_has(test_command_text(), "usage: daxkind ");
	}
}

static void
test_list_is_json(void **state)
{
	json_object *object = get_json("list --json", 0);

	(void)state;
	json_object *places;
	assert_true(json_object_object_get_ex(object, "places", &places));
	assert_true(json_object_is_type(places, json_type_array));
	json_object_put(object);
	test_command_ok("%s list", Program);
}

static void
test_probe_of_a_plain_folder(void **state)
{
	char line[4200];

	(void)state;
	(void)snprintf(line, sizeof(line), "probe -j %s", test_dir());
	json_object *object = get_json(line, 3);
	assert_string_equal(get_text(object, "what"), "directory");
	assert_string_equal(get_text(object, "dax"), "false");
	assert_string_equal(get_text(object, "granularity"), "page");
	json_object_put(object);

	FILE *f = fopen(test_path("file"), "we");
	assert_non_null(f);
	assert_true(fputs("content", f) >= 0);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(line, sizeof(line), "probe -j %s/file", test_dir());
	object = get_json(line, 3);
	assert_string_equal(get_text(object, "what"), "file");
	assert_string_equal(get_text(object, "busy"), "false");
	json_object_put(object);
	struct stat st;
	assert_int_equal(stat(test_path("file"), &st), 0);
	assert_int_equal(st.st_size, strlen("content"));
	assert_int_equal(unlink(test_path("file")), 0);
	/* one that is not there is no region, and is not made */
	object = get_json(line, 1);
	test_has(get_text(object, "error"), "probe");
	json_object_put(object);
	assert_int_equal(access(test_path("file"), F_OK), -1);
}

static void
test_probe_says_who_is_busy(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(daxkind_region_open_file(test_path("busy"), TEST_MIB,
			     DAXKIND_CREATE, &region),
	    0);
	assert_int_equal(
	    test_command("%s probe %s", Program, test_path("busy")), 3);
	test_has(test_command_text(), "a region is open on it");
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(unlink(test_path("busy")), 0);
}

static void
test_what_can_not_be_is_1(void **state)
{
	static const struct {
		const char *arguments, *said;
	} Rows[] = {
	    {"probe dax77.0", "dax77.0"},
	    {"probe namespace77.0", "namespace77.0"},
	    {"probe /dev/null", "/dev/null"},
	    {"probe /nowhere/file", "/nowhere"},
	    {"probe /dev/dax00", "there is no device /dev/dax00"},
	    {"map /dev/dax00", "there is no device /dev/dax00"},
	    {"map dax77.0", "dax77.0"},
	    {"map /nowhere/file", "/nowhere/file"},
	    {"map --size=1M /etc/passwd", "--size applies to a directory"},
	    {"map /proc", "directory /proc cannot hold files"},
	    {"map --demo", "/nowhere/tmp"},
	    {"emulate namespace77.0", "namespace77.0"},
	    {"emulate --memory-map=/nowhere/map",
		"--memory-map /nowhere/map cannot be read"},
	    {"emulate --memory-map /etc/passwd",
		"--memory-map /etc/passwd is not a memory map"},
	    {"emulate --json --memory-map /etc",
		"--memory-map /etc is not a memory map"},
	    {"bench --region /nowhere/dir", "--region /nowhere/dir: neither"},
	    {"bench --region /etc/passwd", "--region /etc/passwd: neither"},
	    {"bench --region dax77.0", "--region dax77.0: there is no DAX"},
	    {"bench --region ''", "--region : "},
	    {"bench --list --region /nowhere/dir", "--region /nowhere/dir"},
	    {"bench --json /nowhere/figures", "--json /nowhere/figures: "},
	    {"bench --json ''", "--json : "},
	    {"bench --plot /nowhere/plots", "--plot /nowhere/plots: "},
	    {"bench --plot /etc/passwd", "--plot /etc/passwd: "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		dk_row(Rows[i].arguments);
		/* At once: a bench of all that there is takes an hour. */
		assert_int_equal(test_command("TMPDIR=/nowhere/tmp timeout 60 "
					      "%s %s",
				     Program, Rows[i].arguments),
		    1);
		test_has(test_command_text(), "daxkind");
		test_has(test_command_text(), Rows[i].said);
	}
	json_object *object = get_json("probe --json dax77.0", 1);
	test_has(get_text(object, "error"), "there is no DAX device dax77.0");
	json_object_put(object);
}

static void
test_map_leaves_a_file_alone(void **state)
{
	const char *path = test_path("kept");
	struct stat before, after;

	(void)state;
	test_command_ok(
	    "dd if=/dev/urandom of=%s bs=1M count=1 status=none", path);
	assert_int_equal(stat(path, &before), 0);
	test_command_ok("%s map %s", Program, path);
	test_has(test_command_text(), "1 MiB, 0 B taken");
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(unlink(path), 0);
	/* Nor does it make one. */
	assert_int_equal(test_command("%s map --size=1M %s", Program, path), 1);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_map_demo(void **state)
{
	(void)state;
	test_command_ok("%s map --demo", Program);
	test_has(test_command_text(), "the heap destroyed: 64 MiB, 0 B taken");
	json_object *object = get_json("map --demo --json", 0);
	json_object *maps;
	assert_true(json_object_object_get_ex(object, "maps", &maps));
	assert_int_equal(json_object_array_length(maps), 4);
	json_object_put(object);
}

/* --- durable heaps ------------------------------------------------------------ */

#define HEAP_SIZE (16 * TEST_MIB)

/* A heap with blocks of some sizes, and the root "first".  It had more: some of its
 * records are 0 again. */
static memkind_t
make_heap(const char *path, struct daxkind_region **region)
{
	memkind_t kind;

	if (daxkind_region_open_durable(
		path, HEAP_SIZE, "test_command 1", DAXKIND_CREATE, region) != 0)
		fail_msg("%s", daxkind_last_error());
	void *blocks[900];

	assert_int_equal(daxkind_kind_create(*region, &kind), 0);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		blocks[i] = memkind_malloc(kind, 9000);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		memkind_free(kind, blocks[i]);
	for (size_t i = 0; i < 300; i++) {
		void *p = memkind_malloc(kind, 1 + i * 977 % 40000);

		assert_non_null(p);
		if (i == 0)
			assert_int_equal(daxkind_root_set(kind, "first", p), 0);
	}
	return kind;
}

static void
make_closed_heap(const char *path)
{
	struct daxkind_region *region;
	memkind_t kind = make_heap(path, &region);

	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* As kill -9 leaves it. */
static void
make_killed_heap(const char *path)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct daxkind_region *region;

		(void)make_heap(path, &region);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Sum and times of a file, with the space that it has. */
static void
describe_file(const char *path, char *text, size_t size)
{
	struct stat st;

	test_command_ok("cksum <%s", path);
	assert_int_equal(stat(path, &st), 0);
	(void)snprintf(text, size, "%s %lld %lld.%ld %lld", test_command_text(),
	    (long long)st.st_size, (long long)st.st_mtim.tv_sec,
	    st.st_mtim.tv_nsec, (long long)st.st_blocks);
}

/* It ends with status, says that, and leaves the file as it was. */
static void
assert_leaves_alone(
    const char *path, const char *command, int status, const char *said)
{
	char before[256], after[256];

	describe_file(path, before, sizeof(before));
	assert_int_equal(
	    test_command("%s %s %s", Program, command, path), status);
	test_has(test_command_text(), said);
	describe_file(path, after, sizeof(after));
	assert_string_equal(after, before);
}

static void
flip_bit(const char *path, long off)
{
	FILE *f = fopen(path, "r+e");

	assert_non_null(f);
	assert_int_equal(fseek(f, off, SEEK_SET), 0);
	int c = getc(f);
	assert_true(c != EOF);
	assert_int_equal(fseek(f, off, SEEK_SET), 0);
	assert_true(putc(c ^ 4, f) != EOF);
	assert_int_equal(fclose(f), 0);
}

static void
test_check_of_sound_heaps(void **state)
{
	char path[4096], said[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/heap", test_dir());
	make_closed_heap(path);
	assert_leaves_alone(path, "check", 0, "heap: sound");
	/* A copy with holes where there are zeroes: to read one through a
	 * mapping would fill it on tmpfs. */
	char sparse[64];
	(void)snprintf(
	    sparse, sizeof(sparse), "/dev/shm/test_command.%d", (int)getpid());
	test_command_ok("cp --sparse=always %s %s", path, sparse);
	(void)snprintf(said, sizeof(said), "%s: sound", sparse);
	assert_leaves_alone(sparse, "check", 0, said);
	assert_leaves_alone(sparse, "inspect", 0, "closed");
	assert_leaves_alone(sparse, "map", 0, "16 MiB, ");
	assert_int_equal(unlink(sparse), 0);
	assert_int_equal(chmod(path, 0400), 0);
	assert_leaves_alone(path, "check", 0, "heap: sound");
	assert_int_equal(unlink(path), 0);
	make_killed_heap(path);
	assert_leaves_alone(path, "check", 0, "heap: sound");
	assert_int_equal(unlink(path), 0);
}

static void
test_check_of_damaged_heaps(void **state)
{
	static const struct {
		long off;
		const char *said;
	} Rows[] = {
	    {77, "heap: at offset 0: the superblock is damaged"},
	    {HEAP_SIZE - 4096 + 50,
		"heap: at offset 16773120: the copy of the superblock is"},
	    {4096, "heap: at offset 4096: the ledger's lower mark"},
	    {8192 + 1, "heap: at offset 8192: root \"first\""},
	    /* the line of the chunk that the heap begins in */
	    {24576 + 5 * 64 + 40, "of the line of chunk 5"},
	};
	const char *path = test_path("heap");

	(void)state;
	make_closed_heap(path);
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		dk_row(Rows[i].said);
		flip_bit(path, Rows[i].off);
		assert_leaves_alone(path, "check", 1, Rows[i].said);
		assert_leaves_alone(path, "check", 1, "heap: damaged");
		/* They show what they can, and the same fault. */
		assert_leaves_alone(path, "inspect", 1, Rows[i].said);
		assert_leaves_alone(
		    path, "inspect", 1, "layout       test_command 1");
		assert_leaves_alone(path, "map", 1, Rows[i].said);
		assert_leaves_alone(path, "map", 1, "16 MiB, ");
		flip_bit(path, Rows[i].off);
	}
	flip_bit(path, Rows[0].off);
	flip_bit(path, Rows[1].off);
	char line[4200];
	(void)snprintf(line, sizeof(line), "check -j %s", path);
	json_object *object = get_json(line, 1);
	assert_string_equal(get_text(object, "sound"), "false");
	assert_string_equal(get_text(object, "nr_faults"), "2");
	json_object_put(object);
	flip_bit(path, Rows[0].off);
	flip_bit(path, Rows[1].off);
	assert_leaves_alone(path, "check", 0, "heap: sound");
	assert_int_equal(truncate(path, HEAP_SIZE / 2), 0);
	assert_leaves_alone(path, "check", 1, "is cut");
	assert_leaves_alone(path, "inspect", 1, "is cut");
	assert_leaves_alone(path, "inspect", 1, "layout       test_command 1");
	assert_leaves_alone(path, "map", 1, "is cut");
	assert_int_equal(unlink(path), 0);
}

static void
test_check_of_what_is_no_heap(void **state)
{
	static const struct {
		const char *how, *said;
	} Rows[] = {
	    {"truncate -s 1M", "holds no durable heap"},
	    {"dd if=/dev/zero bs=1M count=1 status=none of=",
		"holds no durable heap"},
	    {"dd if=/dev/urandom bs=1M count=1 status=none of=",
		"holds no durable heap"},
	    {"cp /bin/sh", "holds no durable heap"},
	    {"truncate -s 0", "0 bytes, which is too short"},
	    {"truncate -s 4095", "4095 bytes, which is too short"},
	};
	const char *path = test_path("other");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		dk_row(Rows[i].how);
		test_command_ok("%s%s%s", Rows[i].how,
		    strstr(Rows[i].how, "of=") != NULL ? "" : " ", path);
		assert_leaves_alone(path, "check", 2, Rows[i].said);
		assert_leaves_alone(path, "inspect", 2, Rows[i].said);
		assert_int_equal(unlink(path), 0);
	}
	test_command_ok("mkfifo %s", path);
	assert_int_equal(test_command("%s check %s", Program, path), 2);
	test_has(test_command_text(), "neither a regular file nor");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(test_command("%s check %s", Program, path), 2);
	test_has(test_command_text(), "No such file");
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(test_command("%s check %s", Program, test_dir()), 2);
	test_has(test_command_text(), "is a directory");
	char line[4200];
	(void)snprintf(line, sizeof(line), "check -j %s", path);
	json_object *object = get_json(line, 2);
	test_has(get_text(object, "error"), "No such file");
	json_object_put(object);
}

static void
test_inspect(void **state)
{
	const char *path = test_path("heap");
	char line[4200];

	(void)state;
	(void)snprintf(line, sizeof(line), "inspect -j %s", path);
	make_closed_heap(path);
	assert_leaves_alone(path, "inspect", 0, "heap: durable heap, closed");
	assert_leaves_alone(path, "inspect", 0, "    first  at ");
	json_object *object = get_json(line, 0);
	assert_string_equal(get_text(object, "state"), "closed");
	assert_string_equal(get_text(object, "layout"), "test_command 1");
	assert_string_equal(get_text(object, "generation"), "1");
	assert_string_equal(get_text(object, "size"), "16777216");
	assert_string_equal(get_text(object, "granularity"), "page");
	assert_string_equal(get_text(object, "blocks"), "300");
	assert_string_equal(get_text(object, "stacks"), "0");
	assert_string_equal(get_text(object, "nr_faults"), "0");
	assert_string_equal(get_text(object, "pid"), "");
	assert_int_equal(strlen(get_text(object, "uuid")), 36);
	json_object *roots, *classes;
	assert_true(json_object_object_get_ex(object, "roots", &roots));
	assert_int_equal(json_object_array_length(roots), 1);
	assert_true(json_object_object_get_ex(object, "classes", &classes));
	assert_true(json_object_array_length(classes) > 5);
	json_object_put(object);
	assert_int_equal(unlink(path), 0);

	make_killed_heap(path);
	assert_leaves_alone(path, "inspect", 0, "not closed by its process");
	object = get_json(line, 0);
	assert_string_equal(get_text(object, "state"), "crashed");
	assert_string_equal(get_text(object, "blocks"), "300");
	assert_string_equal(get_text(object, "stacks"), "1");
	assert_string_not_equal(get_text(object, "cached_blocks"), "0");
	assert_string_equal(get_text(object, "cached_max"), "0");
	json_object_put(object);
	assert_int_equal(unlink(path), 0);
}

static void
test_inspect_of_an_open_heap(void **state)
{
	char line[4200], said[64];
	const char *path = test_path("heap");
	struct daxkind_region *region;

	(void)state;
	(void)snprintf(line, sizeof(line), "inspect -j %s", path);
	memkind_t kind = make_heap(path, &region);
	(void)snprintf(said, sizeof(said), "open in process %d (", getpid());
	assert_leaves_alone(path, "inspect", 0, said);
	json_object *object = get_json(line, 0);
	assert_string_equal(get_text(object, "state"), "open");
	assert_int_equal(strtol(get_text(object, "pid"), NULL, 10), getpid());
	assert_string_equal(get_text(object, "layout"), "test_command 1");
	/* Nothing that may be changing. */
	json_object *value;
	assert_false(json_object_object_get_ex(object, "blocks", &value));
	json_object_put(object);
	assert_leaves_alone(path, "map", 1, "is already open as a region");
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(unlink(path), 0);
}

static void
test_map_of_a_durable_heap(void **state)
{
	const char *path = test_path("heap");
	char line[4200];
	size_t end = 0;

	(void)state;
	make_closed_heap(path);
	assert_leaves_alone(path, "map", 0, "heap: 16 MiB, ");
	(void)snprintf(line, sizeof(line), "map -j %s", path);
	json_object *object = get_json(line, 0);
	json_object *maps, *runs;
	assert_true(json_object_object_get_ex(object, "maps", &maps));
	assert_int_equal(json_object_array_length(maps), 1);
	json_object *map = json_object_array_get_idx(maps, 0);
	assert_true(json_object_object_get_ex(map, "runs", &runs));
	/* All of it, once. */
	for (size_t i = 0; i < json_object_array_length(runs); i++) {
		json_object *run = json_object_array_get_idx(runs, i);

		assert_int_equal(
		    strtoul(get_text(run, "offset"), NULL, 10), end);
		end += strtoul(get_text(run, "size"), NULL, 10);
	}
	assert_int_equal(end, HEAP_SIZE);
	assert_int_equal(strtoul(get_text(map, "taken"), NULL, 10) +
			     strtoul(get_text(map, "free"), NULL, 10),
	    HEAP_SIZE);
	assert_string_equal(
	    get_text(json_object_array_get_idx(runs, 0), "what"), "records");
	json_object_put(object);
	assert_int_equal(unlink(path), 0);
}

static void
test_check_waits_for_nobody(void **state)
{
	const char *path = test_path("heap");
	struct daxkind_region *region;

	(void)state;
	memkind_t kind = make_heap(path, &region);
	assert_int_equal(test_command("%s check %s", Program, path), 2);
	test_has(test_command_text(), "is already open as a region");
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_leaves_alone(path, "check", 0, "heap: sound");
	assert_int_equal(unlink(path), 0);
}

/* --- emulate ---------------------------------------------------------------- */

/* A memory map in the form of /proc/iomem. */
static void
write_map(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
test_emulate_stays_inside_ram_above_4g(void **state)
{
	static const struct {
		const char *why, *map, *size, *memmap, *error;
		int status;
	} Rows[] = {
	    {"a quarter, of whole GiB",
		"00001000-7fffffff : System RAM\n"
		"100000000-47fffffff : System RAM\n",
		"", "memmap=3G!15G", "", 0},
	    {"the asked size at the top",
		"00001000-7fffffff : System RAM\n"
		"100000000-47fffffff : System RAM\n",
		"--size=4G", "memmap=4G!14G", "", 0},
	    {"a hole between two ranges is not used",
		"00001000-7fffffff : System RAM\n"
		"100000000-17fffffff : System RAM\n"
		"200000000-2bfffffff : System RAM\n",
		"--size=2G", "memmap=2G!9G", "", 0},
	    {"nothing spans the hole",
		"00001000-7fffffff : System RAM\n"
		"100000000-17fffffff : System RAM\n"
		"200000000-2bfffffff : System RAM\n",
		"--size=4G", "", "ask for less", 1},
	    {"nothing below 4 GiB", "00001000-bfffffff : System RAM\n", "", "",
		"no memory above 4 GiB", 1},
	    {"something is left for the machine",
		"00001000-0fffffff : System RAM\n"
		"100000000-13fffffff : System RAM\n",
		"--size=1G", "", "less than 1 GiB would be left", 1},
	    {"what others than root see", "00000000-00000000 : System RAM\n",
		"", "", "as root", 1},
	};
	char path[4096], line[8400];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("iomem"));
	for (size_t i = 0; i < ARRAY_LEN(Rows); i++) {
		dk_row(Rows[i].why);
		write_map(path, Rows[i].map);
		(void)snprintf(line, sizeof(line),
		    "emulate --json %s --memory-map=%s", Rows[i].size, path);
		json_object *object = get_json(line, Rows[i].status);
		assert_string_equal(get_text(object, "memmap"), Rows[i].memmap);
		test_has(get_text(object, "memmap_error"), Rows[i].error);
		assert_string_equal(get_text(object, "applied"), "false");
		json_object_put(object);
	}
	assert_int_equal(unlink(path), 0);
}

/* Words that a shell would take apart. */
static void
test_emulate_quotes_its_commands(void **state)
{
	(void)state;
	(void)test_command("%s emulate --mount=\"/mnt/a b'c\"", Program);
	test_has(test_command_text(), "mkdir -p '/mnt/a b'\\''c'");
}

static void
test_emulate_reads_a_firmware_map(void **state)
{
	char dir[4096];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s", test_path("memmap"));
	test_command_ok("mkdir -p %s/0 %s/1 %s/2 && cd %s && "
			"echo 0x1000 >0/start && echo 0x7fffffff >0/end && "
			"echo 0x100000000 >1/start && "
			"echo 0x2ffffffff >1/end && "
			"echo 0x300000000 >2/start && "
			"echo 0x4ffffffff >2/end && "
			"echo 'System RAM' | tee 0/type >1/type && "
			"echo Reserved >2/type",
	    dir, dir, dir, dir);
	test_command_ok("%s emulate --size=2G --memory-map=%s", Program, dir);
	test_has(test_command_text(), "memmap=2G!10G");
	test_has(test_command_text(), "mkfs.ext4 -q -F -b 4096");
	test_command_ok(
	    "%s emulate --fs=xfs --size=2G --memory-map=%s", Program, dir);
	test_has(test_command_text(), "mkfs.xfs -q -f -d su=2m,sw=1");
	test_command_ok(
	    "%s emulate --mode=devdax --size=2G --memory-map=%s", Program, dir);
	test_has(test_command_text(), "-m devdax -a 2M");
	test_command_ok("rm -r %s", dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_help_and_version),
	    test_unit(test_wrong_usage_is_2),
	    test_unit(test_list_is_json),
	    test_unit(test_probe_of_a_plain_folder),
	    test_unit(test_probe_says_who_is_busy),
	    test_unit(test_what_can_not_be_is_1),
	    test_unit(test_map_leaves_a_file_alone),
	    test_unit(test_map_demo),
	    test_unit(test_check_of_sound_heaps),
	    test_unit(test_check_of_damaged_heaps),
	    test_unit(test_check_of_what_is_no_heap),
	    test_unit(test_check_waits_for_nobody),
	    test_unit(test_inspect),
	    test_unit(test_inspect_of_an_open_heap),
	    test_unit(test_map_of_a_durable_heap),
	    test_unit(test_emulate_stays_inside_ram_above_4g),
	    test_unit(test_emulate_quotes_its_commands),
	    test_unit(test_emulate_reads_a_firmware_map),
	};
	const char *top = getenv("top_builddir");

	(void)snprintf(Program, sizeof(Program), "%s/utils/daxkind/daxkind",
	    top != NULL ? top : ".");
	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
