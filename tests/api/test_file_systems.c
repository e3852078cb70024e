// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_file_systems.c -- what a kind promises, on each file system that can be
 * mounted here: small ones on loop devices, one child process for each.
 *
 * A store to a block is never SIGBUS, also on a full file system and after what
 * was written has gone to the disk; NULL is said only when the space is used;
 * everything can be had again; what is given back comes back to the file
 * system; and what an existing file holds stays where no block lies.
 *
 * A row whose file system is not to be had here is printed with the reason.
 * Exits with 77 if that is so of all: only root can mount.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is left free of each, so that it is soon full. */
#define ROOM (24 * TEST_MIB)
/* Of a region, which is more. */
#define SIZE (64 * TEST_MIB)

enum {
	NEEDS_LOOP = 1 << 0,   /* mkfs makes it, on a loop device */
	REFUSES_DATA = 1 << 1, /* existing data is refused (btrfs) */
	HAS_CLONES = 1 << 2,
	NO_HOLES = 1 << 3,      /* space comes back with the file only */
	WHOLE_EXTENTS = 1 << 5, /* or when all of an extent is a hole (btrfs) */
	HAS_HUGE_PAGES = 1 << 4 /* of them it is made */
};

struct row {
	const char *name;
	const char *type;
	const char *options;
	size_t size; /* MiB, of the loop device */
	unsigned flags;
	const char *mkfs[10];
	bool (*mount)(const struct row *row); /* NULL: mount(2) */
};

static bool mount_overlay(const struct row *row);
static bool mount_bindfs(const struct row *row);

static const struct row Rows[] = {
    {"tmpfs", "tmpfs", "size=40m", 0, 0, {NULL}, NULL},
    {"tmpfs of huge pages", "tmpfs", "size=40m,huge=always", 0, 0, {NULL},
	NULL},
    {"hugetlbfs", "hugetlbfs", "size=32m,pagesize=2M", 0,
	NO_HOLES | HAS_HUGE_PAGES, {NULL}, NULL},
    {"ext2", "ext2", NULL, 48, NEEDS_LOOP, {"mkfs.ext2", "-q"}, NULL},
    {"ext3", "ext3", NULL, 48, NEEDS_LOOP, {"mkfs.ext3", "-q"}, NULL},
    {"ext4", "ext4", NULL, 48, NEEDS_LOOP, {"mkfs.ext4", "-q", "-b", "4096"},
	NULL},
    {"ext4, 1 KiB blocks", "ext4", NULL, 48, NEEDS_LOOP,
	{"mkfs.ext4", "-q", "-b", "1024"}, NULL},
    {"ext4, no journal", "ext4", NULL, 48, NEEDS_LOOP,
	{"mkfs.ext4", "-q", "-b", "4096", "-O", "^has_journal"}, NULL},
    {"ext4, inline data", "ext4", NULL, 48, NEEDS_LOOP,
	{"mkfs.ext4", "-q", "-b", "4096", "-O", "inline_data"}, NULL},
    {"ext4, clusters of 64 KiB", "ext4", NULL, 64, NEEDS_LOOP,
	{"mkfs.ext4", "-q", "-b", "4096", "-O", "bigalloc", "-C", "65536"},
	NULL},
    {"xfs", "xfs", NULL, 320, NEEDS_LOOP | HAS_CLONES,
	{"mkfs.xfs", "-q", "-f", "-m", "reflink=1"}, NULL},
    {"xfs, no clones", "xfs", NULL, 320, NEEDS_LOOP,
	{"mkfs.xfs", "-q", "-f", "-m", "reflink=0"}, NULL},
    {"xfs, 1 KiB blocks", "xfs", NULL, 320, NEEDS_LOOP,
	{"mkfs.xfs", "-q", "-f", "-b", "size=1k"}, NULL},
    {"xfs, 64 KiB blocks", "xfs", NULL, 320, NEEDS_LOOP,
	{"mkfs.xfs", "-q", "-f", "-b", "size=64k"}, NULL},
    {"btrfs", "btrfs", NULL, 160, NEEDS_LOOP | REFUSES_DATA | WHOLE_EXTENTS,
	{"mkfs.btrfs", "-q", "-f"}, NULL},
    {"btrfs, compressing", "btrfs", "compress-force=zstd", 160,
	NEEDS_LOOP | REFUSES_DATA | WHOLE_EXTENTS, {"mkfs.btrfs", "-q", "-f"},
	NULL},
    {"overlayfs over tmpfs", "tmpfs", "size=40m", 0, 0, {NULL}, mount_overlay},
    {"overlayfs over xfs", "xfs", NULL, 320, NEEDS_LOOP,
	{"mkfs.xfs", "-q", "-f"}, mount_overlay},
    {"overlayfs over btrfs", "btrfs", NULL, 160, NEEDS_LOOP | WHOLE_EXTENTS,
	{"mkfs.btrfs", "-q", "-f"}, mount_overlay},
    {"bindfs over ext4", "ext4", NULL, 48, NEEDS_LOOP | NO_HOLES,
	{"mkfs.ext4", "-q", "-b", "4096"}, mount_bindfs},
};

/* What follows runs in children, without cmocka: they say what is wrong and
 * exit. */

static char Root[PATH_MAX]; /* an empty folder, to mount on */
static char Dir[PATH_MAX];  /* where the files are made */

enum {
	NOT_RUN = 77
};

/* Also to be seen if the process is killed. */
#define say(...)                      \
	do {                          \
		printf(__VA_ARGS__);  \
		(void)putchar('\n');  \
		(void)fflush(stdout); \
	} while (0)

#define say_and_exit(status, ...) \
	do {                      \
		say(__VA_ARGS__); \
		_exit(status);    \
	} while (0)

#define CHECK(condition)                                                     \
	do {                                                                 \
		if (!(condition))                                            \
			say_and_exit(1, "line %d: %s (errno: %s)", __LINE__, \
			    #condition, strerror(errno));                    \
	} while (0)

/* --- mounting ------------------------------------------------------------------ */

/* Exit status, or -1. */
static int
run(const char *const argv[], bool waits)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		int null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
		    dup2(null, 2) < 0)
			_exit(126);
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (!waits)
		return 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* A loop device over size bytes of memory; it is gone with its last user. */
static void
make_loop(const struct row *row, char *path, size_t path_size)
{
	int memory = memfd_create("daxkind-test", MFD_CLOEXEC);
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (control < 0)
		say_and_exit(NOT_RUN, "no /dev/loop-control");
	CHECK(memory >= 0);
	CHECK(ftruncate(memory, (off_t)(row->size * TEST_MIB)) == 0);
	/* another may be faster */
	for (int i = 0; i < 50; i++) {
		struct loop_config config = {.fd = (unsigned)memory,
		    .info.lo_flags = LO_FLAGS_AUTOCLEAR};
		int nr = ioctl(control, LOOP_CTL_GET_FREE);

		if (nr < 0)
			break;
		(void)snprintf(path, path_size, "/dev/loop%d", nr);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		/* it stays open until the process ends */
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
			(void)close(memory);
			(void)close(control);
			return;
		}
		if (fd >= 0)
			(void)close(fd);
	}
	say_and_exit(NOT_RUN, "no loop device: %s", strerror(errno));
}

static void
make_fs(const struct row *row, const char *device)
{
	const char *argv[12] = {NULL};
	size_t nr = 0;

	for (; row->mkfs[nr] != NULL; nr++)
		argv[nr] = row->mkfs[nr];
	argv[nr] = device;
	int rc = run(argv, true);
	if (rc == 127)
		say_and_exit(NOT_RUN, "%s is not installed", argv[0]);
	if (rc != 0)
		say_and_exit(NOT_RUN, "%s: exit status %d", argv[0], rc);
}

/* In a mount namespace of the child's own: all is gone when it ends. */
static void
mount_row(const struct row *row)
{
	char device[64] = "none";

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		say_and_exit(NOT_RUN, "mounts: %s", strerror(errno));
	if ((row->flags & NEEDS_LOOP) != 0) {
		make_loop(row, device, sizeof(device));
		make_fs(row, device);
	}
	if (mount(device, Root, row->type, 0, row->options) != 0)
		say_and_exit(NOT_RUN, "mount: %s", strerror(errno));
	(void)snprintf(Dir, sizeof(Dir), "%s", Root);
	if (row->mount != NULL && !row->mount(row))
		say_and_exit(
		    NOT_RUN, "mount over %s: %s", row->type, strerror(errno));
}

/* Folders of Root, and where to mount on the last of them. */
static bool
make_folders(const char *const names[], size_t nr)
{
	char path[PATH_MAX + 16];

	for (size_t i = 0; i < nr; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", Root, names[i]);
		if (mkdir(path, 0700) != 0)
			return false;
	}
	CHECK(strlen(path) < sizeof(Dir));
	memcpy(Dir, path, strlen(path) + 1);
	return true;
}

static bool
mount_overlay(const struct row *row)
{
	static const char *const names[] = {"low", "up", "work", "all"};
	char options[3 * PATH_MAX + 64];

	(void)row;
	(void)snprintf(options, sizeof(options),
	    "lowerdir=%s/low,upperdir=%s/up,workdir=%s/work", Root, Root, Root);
	return make_folders(names, ARRAY_LEN(names)) &&
	       mount("none", Dir, "overlay", 0, options) == 0;
}

static bool
mount_bindfs(const struct row *row)
{
	static const char *const names[] = {"below", "all"};
	char below[PATH_MAX + 16];
	const char *argv[] = {"bindfs", "-f", below, Dir, NULL};
	struct stat st, root;

	(void)row;
	(void)snprintf(below, sizeof(below), "%s/below", Root);
	if (!make_folders(names, ARRAY_LEN(names)))
		return false;
	(void)run(argv, false);
	CHECK(stat(Root, &root) == 0);
	for (int i = 0; i < 200; i++) {
		if (stat(Dir, &st) == 0 && st.st_dev != root.st_dev)
			return true;
		test_sleep_ms(10);
	}
	return false;
}

/* --- helpers ------------------------------------------------------------------- */

/* Files of Dir, made by prepare_paths(). */
static char Ballast[PATH_MAX + 16], Kept[PATH_MAX + 16], Data[PATH_MAX + 16],
    Clone[PATH_MAX + 16];

static void
prepare_paths(void)
{
	(void)snprintf(Ballast, sizeof(Ballast), "%s/ballast", Dir);
	(void)snprintf(Kept, sizeof(Kept), "%s/kept", Dir);
	(void)snprintf(Data, sizeof(Data), "%s/data", Dir);
	(void)snprintf(Clone, sizeof(Clone), "%s/clone", Dir);
}

static void
sync_fs(void)
{
	int fd = open(Dir, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(syncfs(fd) == 0);
	(void)close(fd);
}

static size_t
room_left(void)
{
	struct statvfs vfs;

	CHECK(statvfs(Dir, &vfs) == 0);
	return (size_t)vfs.f_bavail * vfs.f_frsize;
}

static size_t
held_by(const char *path)
{
	struct stat st;

	CHECK(stat(path, &st) == 0);
	return (size_t)st.st_blocks * 512;
}

/* Take the file system's space until that much is left. */
static void
leave_room(size_t room)
{
	static char bytes[256 * 1024];
	int fd = open(Ballast, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	off_t off = 0;

	CHECK(fd >= 0);
	memset(bytes, 0x77, sizeof(bytes));
	while (room_left() > room) {
		if (posix_fallocate(fd, off, sizeof(bytes)) != 0)
			break;
		off += (off_t)sizeof(bytes);
		if (off % (off_t)(8 * TEST_MIB) == 0)
			sync_fs();
	}
	(void)close(fd);
	sync_fs();
}

static void
fill(void *p, uint64_t tag, size_t len)
{
	memset(p, (int)(tag * 37 % 251) + 1, len);
}

static bool
is_filled(const void *p, uint64_t tag, size_t len)
{
	return test_all_bytes(p, (int)(tag * 37 % 251) + 1, len);
}

static memkind_t
make_kind(struct daxkind_region *region)
{
	memkind_t kind = NULL;

	if (daxkind_kind_create(region, &kind) != 0)
		say_and_exit(1, "%s", daxkind_last_error());
	return kind;
}

/* --- what is tried --------------------------------------------------------------- */

/* Blocks come, change and go; each holds what was written to it. */
static void
try_shadow(memkind_t kind)
{
	static struct {
		char *p;
		size_t len;
		uint64_t tag;
	} slots[300];
	uint64_t random = 4711;

	for (int i = 0; i < 8000; i++) {
		size_t at = test_random_size(&random, 0, ARRAY_LEN(slots) - 1);
		size_t len = test_random(&random) % 16 == 0
				 ? test_random_size(&random, 10000, 300000)
				 : test_random_size(&random, 1, 5000);
		char *p = slots[at].p;

		if (p != NULL)
			CHECK(is_filled(p, slots[at].tag, slots[at].len));
		if (p != NULL && test_random(&random) % 2 == 0) {
			memkind_free(kind, p);
			slots[at].p = NULL;
			continue;
		}
		char *q = p == NULL && len % 4 == 0
			      ? memkind_calloc(kind, 1, len)
			      : memkind_realloc(kind, p, len);
		if (q == NULL) {
			CHECK(errno == ENOMEM);
			continue;
		}
		if (p != NULL)
			CHECK(is_filled(q, slots[at].tag,
			    len < slots[at].len ? len : slots[at].len));
		else if (len % 4 == 0)
			CHECK(test_all_bytes(q, 0, len));
		slots[at].p = q;
		slots[at].len = len;
		slots[at].tag = (uint64_t)i;
		fill(q, slots[at].tag, len);
	}
	for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
		if (slots[i].p != NULL)
			CHECK(
			    is_filled(slots[i].p, slots[i].tag, slots[i].len));
		memkind_free(kind, slots[i].p);
		slots[i].p = NULL;
	}
}

enum {
	MOST_BLOCKS = 20000
};
static char *Blocks[MOST_BLOCKS];

static size_t
fill_up(memkind_t kind, size_t len)
{
	size_t nr = 0;

	while (nr < MOST_BLOCKS) {
		Blocks[nr] = memkind_malloc(kind, len);
		if (Blocks[nr] == NULL)
			break;
		fill(Blocks[nr], nr, len);
		nr++;
	}
	CHECK(nr < MOST_BLOCKS && errno == ENOMEM);
	return nr;
}

/* A store is SIGBUS where it wants space that is not there. */
static void
try_full(const struct row *row, memkind_t kind, size_t len)
{
	size_t room = room_left();
	size_t first = fill_up(kind, len);

	say("%zu of %zu KiB in blocks of %zu", first * len / TEST_KIB,
	    room / TEST_KIB, len);
	CHECK(first * len >= room / 10 * 8);
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < first; i++)
			CHECK(is_filled(Blocks[i], i + round, len));
		sync_fs();
		for (size_t i = 0; i < first; i++)
			fill(Blocks[i], i + round + 1, len);
		/* btrfs may say late what is free */
		CHECK(memkind_malloc(kind, room + first * len) == NULL);
	}
	/* half of them may come back in any order */
	for (size_t i = 0; i < first; i += 2)
		memkind_free(kind, Blocks[i]);
	for (size_t i = 1; i < first; i += 2) {
		CHECK(is_filled(Blocks[i], i + 2, len));
		memkind_free(kind, Blocks[i]);
	}
	size_t second = fill_up(kind, len);
	say("and %zu KiB", second * len / TEST_KIB);
	CHECK(second >=
	      first / 100 * ((row->flags & WHOLE_EXTENTS) != 0 ? 60 : 97));
	for (size_t i = 0; i < second; i++)
		memkind_free(kind, Blocks[i]);
}

static void
try_kind(const struct row *row)
{
	struct daxkind_region *region = NULL;
	size_t before = room_left();

	if (daxkind_region_open_dir(Dir, SIZE, 0, &region) != 0)
		say_and_exit(1, "%s", daxkind_last_error());
	memkind_t kind = make_kind(region);
	try_shadow(kind);
	try_full(row, kind, 10000);
	try_full(row, kind, 100 * TEST_KIB);
	CHECK(memkind_destroy_kind(kind) == MEMKIND_SUCCESS);
	CHECK(daxkind_region_check(region) == 0);
	CHECK(daxkind_region_close(region) == 0);
	/* The file is gone, and its space; some take a while. */
	for (int i = 0; i < 100 && room_left() + TEST_MIB < before; i++) {
		sync_fs();
		test_sleep_ms(100);
	}
	CHECK(room_left() + TEST_MIB >= before);
}

static size_t
held_of(const struct daxkind_region *region)
{
	struct daxkind_space space;

	CHECK(daxkind_region_space(region, &space, sizeof(space)) == 0);
	return space.held;
}

/* Freed blocks of a few pages, in an order that leaves no whole piece long. */
static void
try_giving_back(const struct row *row)
{
	struct daxkind_region *region = NULL;
	const char *path = Kept;
	const size_t len = 16 * TEST_KIB, nr = 12 * TEST_MIB / len;

	if (daxkind_region_open_file(path, SIZE, DAXKIND_CREATE, &region) != 0)
		say_and_exit(1, "%s", daxkind_last_error());
	/* what the file system itself takes for a file */
	size_t before = held_by(path);
	memkind_t kind = make_kind(region);
	CHECK(daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE) == 0);
	for (size_t i = 0; i < nr; i++) {
		Blocks[i] = memkind_malloc(kind, len);
		CHECK(Blocks[i] != NULL);
		fill(Blocks[i], i, len);
	}
	sync_fs();
	CHECK(held_of(region) >= nr * len);
	CHECK(held_by(path) >= nr * len);
	for (size_t step = 0; step < 5; step++) {
		for (size_t i = step; i < nr; i += 5)
			memkind_free(kind, Blocks[i]);
	}
	CHECK(memkind_destroy_kind(kind) == MEMKIND_SUCCESS);
	for (int i = 0; i < 100 && held_of(region) > 0; i++)
		test_sleep_ms(100);
	sync_fs();
	say("%zu KiB held, %zu KiB on the disk", held_of(region) / TEST_KIB,
	    held_by(path) / TEST_KIB);
	if ((row->flags & NO_HOLES) == 0) {
		CHECK(held_of(region) == 0);
		CHECK(held_by(path) <= before + 64 * TEST_KIB);
	}
	CHECK(daxkind_region_close(region) == 0);
	CHECK(unlink(path) == 0);
}

/* A page cache of large pieces makes a store want space for the whole piece,
 * holes included: those are read here, and none is left. */
static void
try_checkerboard(const struct row *row)
{
	struct daxkind_region *region = NULL;
	const size_t len = 16 * TEST_KIB, nr = 8 * TEST_MIB / len;

	if (daxkind_region_open_dir(Dir, SIZE, 0, &region) != 0)
		say_and_exit(1, "%s", daxkind_last_error());
	memkind_t kind = make_kind(region);
	CHECK(daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE) == 0);
	for (size_t i = 0; i < nr; i++) {
		Blocks[i] = memkind_malloc(kind, len);
		CHECK(Blocks[i] != NULL);
	}
	for (size_t i = 1; i < nr; i += 2)
		memkind_free(kind, Blocks[i]);
	if ((row->flags & NO_HOLES) == 0)
		for (int i = 0; i < 100 && held_of(region) > nr / 2 * len; i++)
			test_sleep_ms(100);
	leave_room(0);
	/* the kernel would read ahead, and over the holes */
	for (size_t i = 0; i < nr; i += 2)
		CHECK(test_all_bytes(Blocks[i], 0, len) ||
		      test_heap_fills_blocks());
	for (size_t round = 1; round < 3; round++) {
		for (size_t i = 0; i < nr; i += 2)
			fill(Blocks[i], i + round, len);
		sync_fs();
	}
	for (size_t i = 0; i < nr; i += 2)
		CHECK(is_filled(Blocks[i], i + 2, len));
	CHECK(memkind_destroy_kind(kind) == MEMKIND_SUCCESS);
	CHECK(daxkind_region_close(region) == 0);
}

/* --- a file that was there ------------------------------------------------------ */

/* Data and holes in turn, and a part that is reserved and was never written. */
static void
make_data(const char *path, size_t size)
{
	static char bytes[256 * 1024];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	memset(bytes, 0xee, sizeof(bytes));
	CHECK(ftruncate(fd, (off_t)size) == 0);
	for (size_t off = 0; off < size; off += 2 * sizeof(bytes))
		CHECK(pwrite(fd, bytes, sizeof(bytes), (off_t)off) ==
		      sizeof(bytes));
	(void)fallocate(fd, 0, (off_t)sizeof(bytes), sizeof(bytes));
	CHECK(fsync(fd) == 0);
	/* the page cache has it in large pieces then */
	for (size_t off = 0; off < size; off += sizeof(bytes))
		CHECK(pread(fd, bytes, sizeof(bytes), (off_t)off) ==
		      sizeof(bytes));
	(void)close(fd);
}

/* Pages that were a block's at some time. */
static bool Used[SIZE / 4096];

static int
note_used(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	(void)arg;
	if (state == DAXKIND_RUN_TAKEN)
		memset(Used + off / TEST_PAGE, true, len / TEST_PAGE);
	return 0;
}

static void
check_data(const char *path, size_t size)
{
	static char page[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	for (size_t off = 0; off < size; off += TEST_PAGE) {
		bool is_data = off / (256 * TEST_KIB) % 2 == 0;

		CHECK(
		    pread(fd, page, sizeof(page), (off_t)off) == sizeof(page));
		if (!Used[off / TEST_PAGE] &&
		    !test_all_bytes(page, is_data ? 0xee : 0, sizeof(page)))
			say_and_exit(
			    1, "offset %zu of the file has changed", off);
	}
	(void)close(fd);
}

static void
use_existing(const char *path, unsigned flags)
{
	struct daxkind_region *region = NULL;
	char *blocks[8];

	if (daxkind_region_open_file(
		path, 0, DAXKIND_OVERWRITE | flags, &region) != 0)
		say_and_exit(1, "%s", daxkind_last_error());
	memkind_t kind = make_kind(region);
	if ((flags & DAXKIND_PREFAULT) == 0)
		CHECK(daxkind_kind_set_policy(
			  kind, DAXKIND_POLICY_CONSERVATIVE) == 0);
	/* a block has what was there, if nobody stored to it */
	struct daxkind_region_info info;
	CHECK(daxkind_region_info(region, &info, sizeof(info)) == 0);
	const size_t len = 400 * TEST_KIB;
	char *block = memkind_malloc(kind, len);
	for (size_t at = 0; block != NULL && at < len; at += TEST_PAGE) {
		size_t off = (size_t)(block - (char *)info.base) + at;
		bool is_data = off / (256 * TEST_KIB) % 2 == 0;

		CHECK(
		    Used[off / TEST_PAGE] ||
		    test_all_bytes(block + at, is_data ? 0xee : 0, TEST_PAGE));
	}
	CHECK(daxkind_region_walk(region, note_used, NULL) == 0);
	memkind_free(kind, block);
	/* perhaps more than there is room for, with holes and data in it */
	void *large = memkind_malloc(kind, 12 * TEST_MIB);
	CHECK(daxkind_region_walk(region, note_used, NULL) == 0);
	memkind_free(kind, large);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		blocks[i] = memkind_malloc(kind, i % 2 == 0 ? 100 : 50000);
		if (blocks[i] != NULL)
			fill(blocks[i], i, i % 2 == 0 ? 100 : 50000);
	}
	CHECK(daxkind_region_walk(region, note_used, NULL) == 0);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		memkind_free(kind, blocks[i]);
	CHECK(memkind_destroy_kind(kind) == MEMKIND_SUCCESS);
	/* until the reclaimer has been there twice, under this policy */
	test_sleep_ms(1200);
	CHECK(daxkind_region_close(region) == 0);
}

static void
try_existing(const struct row *row, size_t room)
{
	const char *path = Data;
	const size_t size = 16 * TEST_MIB;
	struct daxkind_region *region = NULL;

	make_data(path, size);
	leave_room(room);
	memset(Used, 0, sizeof(Used));
	if ((row->flags & REFUSES_DATA) != 0) {
		CHECK(daxkind_region_open_file(
			  path, 0, DAXKIND_OVERWRITE, &region) == -EOPNOTSUPP);
		say("%s", daxkind_last_error());
		check_data(path, size);
		CHECK(unlink(path) == 0);
		return;
	}
	use_existing(path, 0);
	check_data(path, size);
	/* all of it is reserved, or as much as before */
	size_t before = held_by(path);
	if (room_left() < size / 4) {
		CHECK(daxkind_region_open_file(path, 0,
			  DAXKIND_OVERWRITE | DAXKIND_PREFAULT,
			  &region) == -ENOSPC);
		sync_fs();
		if ((row->flags & NO_HOLES) == 0)
			CHECK(held_by(path) <= before + 64 * TEST_KIB);
	} else {
		use_existing(path, DAXKIND_PREFAULT);
		sync_fs();
		CHECK(held_by(path) >= size);
	}
	check_data(path, size);
	CHECK(unlink(path) == 0);
	CHECK(unlink(Ballast) == 0);
}

/* One that we made is written in place, whatever is done to it later. */
static void
try_own_file_again(void)
{
	struct daxkind_region *region = NULL;
	const char *path = Kept;

	for (int round = 0; round < 2; round++) {
		if (daxkind_region_open_file(path,
			round == 0 ? 16 * TEST_MIB : 0,
			DAXKIND_CREATE | DAXKIND_OVERWRITE, &region) != 0)
			say_and_exit(1, "%s", daxkind_last_error());
		memkind_t kind = make_kind(region);
		char *p = memkind_malloc(kind, 4 * TEST_MIB);
		CHECK(p != NULL);
		fill(p, 1, 4 * TEST_MIB);
		sync_fs();
		fill(p, 2, 4 * TEST_MIB);
		CHECK(daxkind_region_close(region) == -EBUSY);
		CHECK(memkind_destroy_kind(kind) == MEMKIND_SUCCESS);
		CHECK(daxkind_region_close(region) == 0);
	}
	CHECK(unlink(path) == 0);
}

/* Data that is shared with a clone, and no room for what a store needs. */
static void
try_clone(void)
{
	const size_t size = 8 * TEST_MIB;
	struct daxkind_region *region = NULL;

	make_data(Data, size);
	int from = open(Data, O_RDONLY | O_CLOEXEC);
	int to = open(Clone, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(from >= 0 && to >= 0);
	CHECK(ioctl(to, FICLONE, from) == 0);
	(void)close(from);
	(void)close(to);
	sync_fs();
	leave_room(2 * TEST_MIB);
	if (daxkind_region_open_file(Data, 0, DAXKIND_OVERWRITE, &region) != 0)
		say_and_exit(1, "%s", daxkind_last_error());
	memkind_t kind = make_kind(region);
	size_t nr = 0;
	/* what is handed out can be written to */
	for (; nr < 200; nr++) {
		Blocks[nr] = memkind_malloc(kind, 64 * TEST_KIB);
		if (Blocks[nr] == NULL)
			break;
		fill(Blocks[nr], nr, 64 * TEST_KIB);
	}
	say("%zu KiB of %zu that are shared", nr * 64, size / TEST_KIB);
	CHECK(nr > 0 && nr < 200 && errno == ENOMEM);
	sync_fs();
	for (size_t i = 0; i < nr; i++) {
		CHECK(is_filled(Blocks[i], i, 64 * TEST_KIB));
		fill(Blocks[i], i + 1, 64 * TEST_KIB);
	}
	CHECK(memkind_destroy_kind(kind) == MEMKIND_SUCCESS);
	CHECK(daxkind_region_close(region) == 0);
	/* the clone has what it had */
	memset(Used, 0, sizeof(Used));
	check_data(Clone, size);
	CHECK(unlink(Clone) == 0);
	CHECK(unlink(Data) == 0);
}

/* --- huge pages ----------------------------------------------------------------- */

static void
try_huge_pages(void)
{
	struct daxkind_region *region = NULL;
	struct daxkind_region_info info;

	CHECK(
	    daxkind_region_open_dir(Dir, 3 * TEST_MIB, 0, &region) == -EINVAL);
	CHECK(strstr(daxkind_last_error(), "multiple") != NULL);
	/* as large as the file system */
	if (daxkind_region_open_dir(Dir, 0, 0, &region) != 0)
		say_and_exit(1, "%s", daxkind_last_error());
	CHECK(daxkind_region_info(region, &info, sizeof(info)) == 0);
	CHECK(info.size == 32 * TEST_MIB);
	memkind_t kind = make_kind(region);
	size_t nr = fill_up(kind, TEST_MIB);
	say("%zu MiB", nr);
	CHECK(nr >= 8);
	CHECK(held_of(region) >= nr * TEST_MIB);
	for (size_t i = 0; i < nr; i++)
		memkind_free(kind, Blocks[i]);
	CHECK(daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE) == 0);
	CHECK(memkind_destroy_kind(kind) == MEMKIND_SUCCESS);
	for (int i = 0; i < 100 && held_of(region) > 0; i++)
		test_sleep_ms(100);
	CHECK(held_of(region) == 0);
	CHECK(room_left() == 32 * TEST_MIB);
	CHECK(daxkind_region_close(region) == 0);
}

static int
run_row(const struct row *row)
{
	mount_row(row);
	prepare_paths();
	if ((row->flags & HAS_HUGE_PAGES) != 0) {
		FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/"
				"free_hugepages",
		    "re");
		int nr = 0;

		if (f == NULL || fscanf(f, "%d", &nr) != 1 || nr < 16)
			say_and_exit(NOT_RUN, "16 huge pages are not free");
		try_huge_pages();
		return 0;
	}
	leave_room(ROOM);
	try_kind(row);
	try_giving_back(row);
	try_checkerboard(row);
	CHECK(unlink(Ballast) == 0);
	try_existing(row, ROOM);
	try_existing(row, 2 * TEST_MIB);
	leave_room(ROOM);
	if ((row->flags & REFUSES_DATA) != 0)
		try_own_file_again();
	if ((row->flags & HAS_CLONES) != 0)
		try_clone();
	return 0;
}

/* --- all of them ------------------------------------------------------------------ */

struct child {
	const struct row *row;
	pid_t pid; /* 0: none */
	FILE *output;
};

enum {
	NR_CHILDREN = 10 /* at once: they wait most of the time */
};

static size_t Nr_run, Nr_failed;

static void
start_row(struct child *child, const struct row *row)
{
	static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};

	child->row = row;
	child->output = tmpfile();
	assert_non_null(child->output);
	(void)fflush(NULL);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid > 0)
		return;
	/* cmocka's handlers would go on with the tests, in the child */
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		(void)signal(caught[i], SIG_DFL);
	(void)alarm(300);
	if (dup2(fileno(child->output), 1) < 0)
		_exit(99);
	_exit(run_row(row));
}

static void
end_row(struct child *child, int status)
{
	char line[512];
	int rc =
	    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

	child->pid = 0;
	printf("%s: %s%s\n", child->row->name,
	    rc == 0         ? "good"
	    : rc == NOT_RUN ? "not run"
			    : "FAILED",
	    rc == 128 + SIGBUS ? ", SIGBUS" : "");
	rewind(child->output);
	while (fgets(line, sizeof(line), child->output) != NULL)
		printf("  %s", line);
	(void)fclose(child->output);
	Nr_run += rc != NOT_RUN;
	Nr_failed += rc != 0 && rc != NOT_RUN;
}

static void
test_every_file_system_keeps_the_promises(void **state)
{
	const char *only = getenv("DAXKIND_TEST_FS");
	struct child children[NR_CHILDREN] = {{0}};
	size_t next = 0, nr_running = 0;

	(void)state;
	while (next < ARRAY_LEN(Rows) || nr_running > 0) {
		size_t i = 0;

		while (i < NR_CHILDREN && children[i].pid != 0)
			i++;
		if (i < NR_CHILDREN && next < ARRAY_LEN(Rows)) {
			const struct row *row = &Rows[next++];

			if (only == NULL || strcmp(only, row->name) == 0) {
				start_row(&children[i], row);
				nr_running++;
			}
			continue;
		}
		int status = 0;
		pid_t pid = waitpid(-1, &status, 0);
		for (i = 0; i < NR_CHILDREN && pid > 0; i++) {
			if (children[i].pid == pid) {
				end_row(&children[i], status);
				nr_running--;
			}
		}
		assert_true(pid > 0 || errno == EINTR);
	}
	printf("%zu of %zu file systems were tried\n", Nr_run, ARRAY_LEN(Rows));
	assert_int_equal(Nr_failed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_every_file_system_keeps_the_promises),
	};

	if (test_is_emulated()) {
		puts("skipped: not about the memory that it runs on");
		return 77;
	}
	if (getuid() != 0) {
		puts("skipped: only root can mount file systems");
		return 77;
	}
	(void)snprintf(Root, sizeof(Root), "%s", test_path("mounted"));
	if (mkdir(Root, 0700) != 0)
		return 99;
	int rc = cmocka_run_group_tests_name("file_systems", tests, NULL, NULL);
	(void)rmdir(Root);
	if (rc == 0 && Nr_run == 0) {
		puts("skipped: no file system can be mounted here");
		return 77;
	}
	return rc;
}
