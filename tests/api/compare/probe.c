// SPDX-License-Identifier: BSD-2-Clause
/*
 * probe.c -- what a memkind library answers, one line for each question.
 *
 * Built once with memkind and once with daxkind by compare.sh, which holds the
 * two outputs against the table in ../differences.md.  So it uses what both
 * have, and each question gets a process of its own: some end it.
 */
#include <errno.h>
#include <memkind.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define AREA_SIZE (64 * MIB)
#define NOT_SET ((memkind_t)(uintptr_t)0xDA)

static char *Area;

/* --- how an answer is written -------------------------------------------------- */

static void
say_code(long code)
{
	printf("%ld, errno %d", code, errno);
}

static void
say_pointer(const void *p)
{
	printf("%s, errno %d", p ? "block" : "NULL", errno);
}

static void
say_created(int rc, memkind_t kind)
{
	const char *handle = "set";

	if (kind == NULL)
		handle = "NULL";
	else if (kind == NOT_SET)
		handle = "untouched";
	printf("%d, kind %s, errno %d", rc, handle, errno);
}

/* --- what is asked --------------------------------------------------------------- */

static memkind_t
fixed_kind(void)
{
	memkind_t kind = NULL;

	if (memkind_create_fixed(Area, AREA_SIZE, &kind) != 0)
		exit(99);
	errno = 0;
	return kind;
}

static void
ask_create_fixed(void *addr, size_t size)
{
	memkind_t kind = NOT_SET;
	int rc = memkind_create_fixed(addr, size, &kind);

	say_created(rc, kind);
	if (rc == 0) {
		printf(", capacity %zd", memkind_get_capacity(kind));
		errno = 0;
		printf(", malloc(1) ");
		say_pointer(memkind_malloc(kind, 1));
	}
}

static void
ask_overlap(size_t off, size_t size)
{
	memkind_t live = NULL;
	memkind_t kind = NOT_SET;
	int rc;

	(void)memkind_create_fixed(Area, 32 * MIB, &live);
	rc = memkind_create_fixed(Area + off, size, &kind);
	say_created(rc, kind);
}

static void
ask_create_pmem(const char *dir, size_t size)
{
	memkind_t kind = NOT_SET;
	int rc = memkind_create_pmem(dir, size, &kind);

	say_created(rc, kind);
	if (rc == 0 && size != 0)
		printf(", capacity %zd", memkind_get_capacity(kind));
	if (rc == 0 && size != 0 && size < 100 * MIB)
		printf(", 16 MiB in one %s",
		    memkind_malloc(kind, 16 * MIB) ? "yes" : "no");
}

static void
ask_config(const char *dir, size_t size, int policy)
{
	struct memkind_config *cfg = memkind_config_new();
	memkind_t kind = NOT_SET;
	int rc;

	if (dir != NULL)
		memkind_config_set_path(cfg, dir);
	memkind_config_set_size(cfg, size);
	memkind_config_set_memory_usage_policy(
	    cfg, (memkind_mem_usage_policy)policy);
	rc = memkind_create_pmem_with_config(cfg, &kind);
	say_created(rc, kind);
}

static void
ask_memalign(memkind_t kind, size_t align, size_t size)
{
	static char untouched;
	void *p = &untouched;
	int rc;

	errno = 77;
	rc = memkind_posix_memalign(kind, &p, align, size);
	printf("%d, %s, errno %d", rc,
	    p == &untouched ? "pointer untouched"
	    : p             ? "block"
			    : "NULL",
	    errno);
}

static void
ask_realloc(bool with_kind, size_t from, size_t to)
{
	memkind_t kind = fixed_kind();
	void *p = from ? memkind_malloc(kind, from) : NULL;

	errno = 0;
	say_pointer(memkind_realloc(with_kind ? kind : NULL, p, to));
}

static void
ask_dirty_calloc(void)
{
	memkind_t kind;
	char *p;

	memset(Area, 0xAA, AREA_SIZE);
	kind = fixed_kind();
	p = memkind_calloc(kind, 1, 100000);
	printf("%s",
	    p && p[0] == 0 && memcmp(p, p + 1, 99999) == 0 ? "zero" : "dirty");
}

static void
ask_message(int code)
{
	char text[MEMKIND_ERROR_MESSAGE_SIZE];

	memkind_error_message(code, text, sizeof(text));
	printf("%s", text);
}

static void
ask_foreign(int what)
{
	static char bytes[4096];
	char *block = malloc(100);
	memkind_t kind = fixed_kind();
	char *p = what == 0 ? bytes : block;

	if (what < 2) {
		printf("%s", memkind_detect_kind(p) ? "a kind" : "NULL");
	} else {
		memkind_free(what == 2 ? NULL : kind, block);
		printf("ignored");
	}
}

static void
ask_stat(memkind_t kind, int stat, bool update)
{
	size_t value = 77;
	int rc;

	if (update)
		(void)memkind_update_cached_stats();
	rc = memkind_get_stat(kind, (memkind_stat_type)stat, &value);
	printf("%d, value %s", rc,
	    value == 77  ? "untouched"
	    : value == 0 ? "0"
			 : "set");
}

static char Last[100];
static size_t Nr_bytes;

static void
keep_last(void *arg, const char *s)
{
	size_t n = strlen(s);

	(void)arg;
	Nr_bytes += n;
	if (n >= sizeof(Last))
		s += n - sizeof(Last) + 1;
	n = strlen(s);
	if (strlen(Last) + n >= sizeof(Last))
		Last[0] = '\0';
	memcpy(Last + strlen(Last), s, n + 1);
}

static void
ask_print(unsigned opts)
{
	const char *end = "--- End jemalloc statistics ---\n";
	int rc =
	    memkind_stats_print(keep_last, NULL, (memkind_stat_print_opt)opts);
	size_t n = strlen(Last);

	printf("%d, %s%s", rc, Nr_bytes ? "a report" : "nothing",
	    n >= strlen(end) && strcmp(Last + n - strlen(end), end) == 0
		? " with jemalloc's last line"
		: "");
}

static void
ask_moved(bool other_kind)
{
	memkind_t kind = NULL;
	memkind_t other = NULL;
	void *p;

	(void)memkind_create_fixed(Area, 32 * MIB, &kind);
	(void)memkind_create_fixed(Area + 32 * MIB, 32 * MIB, &other);
	p = memkind_malloc(kind, MIB);
	if (other_kind) {
		void *q = memkind_realloc(other, p, 2 * MIB);

		printf("%s", memkind_detect_kind(q) == other
				 ? "in the named kind"
				 : "where it was");
	} else {
		printf("%s", memkind_realloc(kind, p, 2 * MIB) == p ? "in place"
								    : "moved");
	}
}

static void
ask_last_bytes(void)
{
	memkind_t kind = fixed_kind();
	void *p;
	size_t size = AREA_SIZE;

	while (size > 0 && (p = memkind_malloc(kind, size)) == NULL)
		size -= MIB;
	printf("%zu %%", size * 100 / AREA_SIZE);
}

/* What mbind(2) was told of the page at p. */
static void
say_policy(void *p)
{
	enum {
		OF_ADDRESS = 2 /* MPOL_F_ADDR */
	};
	unsigned long nodes[16] = {0};
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(nodes), p,
		OF_ADDRESS) == 0)
		printf("policy %d of nodes %#lx, ", mode, nodes[0]);
}

/* Of a static kind, which this machine may have no memory for. */
static void
ask_static_kind(memkind_t kind)
{
	void *p;

	printf("available %d, ", memkind_check_available(kind));
	printf("capacity %zd, ", memkind_get_capacity(kind));
	p = memkind_malloc(kind, 100);
	printf("malloc %s, ", p != NULL ? "works" : "NULL");
	if (p != NULL && memkind_detect_kind(p) != kind)
		printf("another kind's, ");
	if (p != NULL)
		say_policy(p);
	memkind_free(kind, p);
	p = kind;
	printf("memalign %d %s, ", memkind_posix_memalign(kind, &p, 64, 100),
	    p != NULL ? "works" : "NULL");
	memkind_free(kind, p);
	printf("destroy %d", memkind_destroy_kind(kind));
}

/* The same where the environment says what the memory is. */
static void
ask_named(const char *variable, const char *value, memkind_t kind)
{
	(void)setenv(variable, value, 1);
	ask_static_kind(kind);
}

static void
ask_create_kind(int memtype, int policy, int flags)
{
	memkind_t none = (memkind_t)(void *)Area, kind = none;

	printf("%d, ",
	    memkind_create_kind((memkind_memtype_t)memtype,
		(memkind_policy_t)policy, (memkind_bits_t)flags, &kind));
	printf("%s", kind == none                 ? "untouched"
		     : kind == MEMKIND_DEFAULT    ? "DEFAULT"
		     : kind == MEMKIND_HUGETLB    ? "HUGETLB"
		     : kind == MEMKIND_INTERLEAVE ? "INTERLEAVE"
		     : kind == MEMKIND_HBW        ? "HBW"
						  : "another");
}
/* --- the list -------------------------------------------------------------------- */

#define ASK(name, statement)     \
	case __COUNTER__:        \
		question = name; \
		if (!ask)        \
			break;   \
		statement;       \
		break

/* The name of question n, or NULL; with ask, its answer goes to stdout. */
static const char *
handle(int n, bool ask)
{
	const char *question = NULL;

	errno = 0;
	/* clang-format off */
	switch (n) {
	ASK("version", printf("%d", memkind_get_version()));
	ASK("create_fixed 0 bytes", ask_create_fixed(Area, 0));
	ASK("create_fixed 25 bytes", ask_create_fixed(Area, 25));
	ASK("create_fixed 1024 bytes", ask_create_fixed(Area, 1024));
	ASK("create_fixed a page", ask_create_fixed(Area, 4096));
	ASK("create_fixed odd address", ask_create_fixed(Area + 13, MIB));
	ASK("create_fixed NULL", ask_create_fixed(NULL, MIB));
	ASK("create_fixed MAP_FAILED 0", ask_create_fixed((void *)-1, 0));
	ASK("create_fixed wraps", ask_create_fixed(Area, SIZE_MAX - 4096));
	ASK("create_fixed no kind", say_code(memkind_create_fixed(Area, MIB, NULL)));
	ASK("create_fixed same area", ask_overlap(0, 32 * MIB));
	ASK("create_fixed overlap", ask_overlap(MIB, 8 * MIB));
	ASK("create_pmem 1 byte", ask_create_pmem("/tmp", 1));
	ASK("create_pmem 16 MiB - 1", ask_create_pmem("/tmp", 16 * MIB - 1));
	ASK("create_pmem 16 MiB", ask_create_pmem("/tmp", 16 * MIB));
	ASK("create_pmem 16 MiB + 4 KiB", ask_create_pmem("/tmp", 16 * MIB + 4096));
	ASK("create_pmem 0", ask_create_pmem("/tmp", 0));
	ASK("create_pmem missing dir", ask_create_pmem("/nonexistent/x", 32 * MIB));
	ASK("create_pmem file", ask_create_pmem("/etc/passwd", 32 * MIB));
	ASK("create_pmem empty dir name", ask_create_pmem("", 32 * MIB));
	ASK("create_pmem NULL dir", ask_create_pmem(NULL, 32 * MIB));
	ASK("create_pmem no kind", say_code(memkind_create_pmem("/tmp", 32 * MIB, NULL)));
	ASK("check_dax_path no DAX", say_code(memkind_check_dax_path("/tmp")));
	ASK("check_dax_path missing", say_code(memkind_check_dax_path("/nonexistent")));
	ASK("check_dax_path NULL", say_code(memkind_check_dax_path(NULL)));
	ASK("config no path", ask_config(NULL, 32 * MIB, 0));
	ASK("config small", ask_config("/tmp", 100, 0));
	ASK("config bad policy", ask_config("/tmp", 32 * MIB, 77));
	ASK("config NULL", say_code(memkind_create_pmem_with_config(NULL, &(memkind_t){NULL})));
	ASK("config delete NULL", (memkind_config_delete(NULL), printf("ignored")));
	ASK("destroy NULL", say_code(memkind_destroy_kind(NULL)));
	ASK("destroy DEFAULT", say_code(memkind_destroy_kind(MEMKIND_DEFAULT)));
	ASK("available fixed", say_code(memkind_check_available(fixed_kind())));
	ASK("available DEFAULT", say_code(memkind_check_available(MEMKIND_DEFAULT)));
	ASK("available REGULAR", say_code(memkind_check_available(MEMKIND_REGULAR)));
	ASK("available NULL", say_code(memkind_check_available(NULL)));
	ASK("capacity NULL", say_code(memkind_get_capacity(NULL)));
	ASK("kind DEFAULT", ask_static_kind(MEMKIND_DEFAULT));
	ASK("kind REGULAR", ask_static_kind(MEMKIND_REGULAR));
	ASK("kind HUGETLB", ask_static_kind(MEMKIND_HUGETLB));
	ASK("kind INTERLEAVE", ask_static_kind(MEMKIND_INTERLEAVE));
	ASK("kind HBW", ask_static_kind(MEMKIND_HBW));
	ASK("kind HBW_ALL", ask_static_kind(MEMKIND_HBW_ALL));
	ASK("kind HBW_HUGETLB", ask_static_kind(MEMKIND_HBW_HUGETLB));
	ASK("kind HBW_ALL_HUGETLB", ask_static_kind(MEMKIND_HBW_ALL_HUGETLB));
	ASK("kind HBW_PREFERRED", ask_static_kind(MEMKIND_HBW_PREFERRED));
	ASK("kind HBW_PREFERRED_HUGETLB", ask_static_kind(MEMKIND_HBW_PREFERRED_HUGETLB));
	ASK("kind HBW_INTERLEAVE", ask_static_kind(MEMKIND_HBW_INTERLEAVE));
	ASK("kind DAX_KMEM", ask_static_kind(MEMKIND_DAX_KMEM));
	ASK("kind DAX_KMEM_ALL", ask_static_kind(MEMKIND_DAX_KMEM_ALL));
	ASK("kind DAX_KMEM_PREFERRED", ask_static_kind(MEMKIND_DAX_KMEM_PREFERRED));
	ASK("kind DAX_KMEM_INTERLEAVE", ask_static_kind(MEMKIND_DAX_KMEM_INTERLEAVE));
	ASK("kind HIGHEST_CAPACITY", ask_static_kind(MEMKIND_HIGHEST_CAPACITY));
	ASK("kind HIGHEST_CAPACITY_PREFERRED", ask_static_kind(MEMKIND_HIGHEST_CAPACITY_PREFERRED));
	ASK("kind HIGHEST_CAPACITY_LOCAL", ask_static_kind(MEMKIND_HIGHEST_CAPACITY_LOCAL));
	ASK("kind HIGHEST_CAPACITY_LOCAL_PREFERRED", ask_static_kind(MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED));
	ASK("kind LOWEST_LATENCY_LOCAL", ask_static_kind(MEMKIND_LOWEST_LATENCY_LOCAL));
	ASK("kind LOWEST_LATENCY_LOCAL_PREFERRED", ask_static_kind(MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED));
	ASK("kind HIGHEST_BANDWIDTH_LOCAL", ask_static_kind(MEMKIND_HIGHEST_BANDWIDTH_LOCAL));
	ASK("kind HIGHEST_BANDWIDTH_LOCAL_PREFERRED", ask_static_kind(MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED));
	ASK("MEMKIND_HBW_NODES=0", ask_named("MEMKIND_HBW_NODES", "0", MEMKIND_HBW));
	ASK("MEMKIND_HBW_NODES=all", ask_named("MEMKIND_HBW_NODES", "all", MEMKIND_HBW));
	ASK("MEMKIND_HBW_NODES=0,0", ask_named("MEMKIND_HBW_NODES", "0,0", MEMKIND_HBW));
	ASK("MEMKIND_HBW_NODES=x", ask_named("MEMKIND_HBW_NODES", "x", MEMKIND_HBW));
	ASK("MEMKIND_HBW_NODES=0-", ask_named("MEMKIND_HBW_NODES", "0-", MEMKIND_HBW));
	ASK("MEMKIND_HBW_NODES=4000", ask_named("MEMKIND_HBW_NODES", "4000", MEMKIND_HBW));
	ASK("MEMKIND_HBW_NODES=", ask_named("MEMKIND_HBW_NODES", "", MEMKIND_HBW));
	ASK("HBW_ALL named", ask_named("MEMKIND_HBW_NODES", "0", MEMKIND_HBW_ALL));
	ASK("HBW_PREFERRED named", ask_named("MEMKIND_HBW_NODES", "0", MEMKIND_HBW_PREFERRED));
	ASK("HBW_INTERLEAVE named", ask_named("MEMKIND_HBW_NODES", "0", MEMKIND_HBW_INTERLEAVE));
	ASK("HBW_HUGETLB named", ask_named("MEMKIND_HBW_NODES", "0", MEMKIND_HBW_HUGETLB));
	ASK("HBW_PREFERRED_HUGETLB named", ask_named("MEMKIND_HBW_NODES", "0", MEMKIND_HBW_PREFERRED_HUGETLB));
	ASK("DAX_KMEM named", ask_named("MEMKIND_DAX_KMEM_NODES", "0", MEMKIND_DAX_KMEM));
	ASK("DAX_KMEM_ALL named", ask_named("MEMKIND_DAX_KMEM_NODES", "0", MEMKIND_DAX_KMEM_ALL));
	ASK("DAX_KMEM_PREFERRED named", ask_named("MEMKIND_DAX_KMEM_NODES", "0", MEMKIND_DAX_KMEM_PREFERRED));
	ASK("DAX_KMEM_INTERLEAVE named", ask_named("MEMKIND_DAX_KMEM_NODES", "0", MEMKIND_DAX_KMEM_INTERLEAVE));
	ASK("MEMKIND_HBW_THRESHOLD=x", ask_named("MEMKIND_HBW_THRESHOLD", "x", MEMKIND_HBW));
	ASK("MEMKIND_HBW_THRESHOLD=-1", ask_named("MEMKIND_HBW_THRESHOLD", "-1", MEMKIND_HBW));
	ASK("MEMKIND_HBW_THRESHOLD=5", ask_named("MEMKIND_HBW_THRESHOLD", "5", MEMKIND_HBW));
	ASK("create_kind 0 0 0", ask_create_kind(0, 0, 0));
	ASK("create_kind 0 0 21", ask_create_kind(0, 0, 21));
	ASK("create_kind 0 1 0", ask_create_kind(0, 1, 0));
	ASK("create_kind 0 1 21", ask_create_kind(0, 1, 21));
	ASK("create_kind 0 2 0", ask_create_kind(0, 2, 0));
	ASK("create_kind 0 2 21", ask_create_kind(0, 2, 21));
	ASK("create_kind 0 3 0", ask_create_kind(0, 3, 0));
	ASK("create_kind 0 3 21", ask_create_kind(0, 3, 21));
	ASK("create_kind 0 4 0", ask_create_kind(0, 4, 0));
	ASK("create_kind 0 4 21", ask_create_kind(0, 4, 21));
	ASK("create_kind 0 5 0", ask_create_kind(0, 5, 0));
	ASK("create_kind 0 5 21", ask_create_kind(0, 5, 21));
	ASK("create_kind 1 0 0", ask_create_kind(1, 0, 0));
	ASK("create_kind 1 0 21", ask_create_kind(1, 0, 21));
	ASK("create_kind 1 1 0", ask_create_kind(1, 1, 0));
	ASK("create_kind 1 1 21", ask_create_kind(1, 1, 21));
	ASK("create_kind 1 2 0", ask_create_kind(1, 2, 0));
	ASK("create_kind 1 2 21", ask_create_kind(1, 2, 21));
	ASK("create_kind 1 3 0", ask_create_kind(1, 3, 0));
	ASK("create_kind 1 3 21", ask_create_kind(1, 3, 21));
	ASK("create_kind 1 4 0", ask_create_kind(1, 4, 0));
	ASK("create_kind 1 4 21", ask_create_kind(1, 4, 21));
	ASK("create_kind 1 5 0", ask_create_kind(1, 5, 0));
	ASK("create_kind 1 5 21", ask_create_kind(1, 5, 21));
	ASK("create_kind 2 0 0", ask_create_kind(2, 0, 0));
	ASK("create_kind 2 0 21", ask_create_kind(2, 0, 21));
	ASK("create_kind 2 1 0", ask_create_kind(2, 1, 0));
	ASK("create_kind 2 1 21", ask_create_kind(2, 1, 21));
	ASK("create_kind 2 2 0", ask_create_kind(2, 2, 0));
	ASK("create_kind 2 2 21", ask_create_kind(2, 2, 21));
	ASK("create_kind 2 3 0", ask_create_kind(2, 3, 0));
	ASK("create_kind 2 3 21", ask_create_kind(2, 3, 21));
	ASK("create_kind 2 4 0", ask_create_kind(2, 4, 0));
	ASK("create_kind 2 4 21", ask_create_kind(2, 4, 21));
	ASK("create_kind 2 5 0", ask_create_kind(2, 5, 0));
	ASK("create_kind 2 5 21", ask_create_kind(2, 5, 21));
	ASK("create_kind 3 0 0", ask_create_kind(3, 0, 0));
	ASK("create_kind 3 0 21", ask_create_kind(3, 0, 21));
	ASK("create_kind 3 1 0", ask_create_kind(3, 1, 0));
	ASK("create_kind 3 1 21", ask_create_kind(3, 1, 21));
	ASK("create_kind 3 2 0", ask_create_kind(3, 2, 0));
	ASK("create_kind 3 2 21", ask_create_kind(3, 2, 21));
	ASK("create_kind 3 3 0", ask_create_kind(3, 3, 0));
	ASK("create_kind 3 3 21", ask_create_kind(3, 3, 21));
	ASK("create_kind 3 4 0", ask_create_kind(3, 4, 0));
	ASK("create_kind 3 4 21", ask_create_kind(3, 4, 21));
	ASK("create_kind 3 5 0", ask_create_kind(3, 5, 0));
	ASK("create_kind 3 5 21", ask_create_kind(3, 5, 21));
	ASK("create_kind 4 0 0", ask_create_kind(4, 0, 0));
	ASK("create_kind 4 0 21", ask_create_kind(4, 0, 21));
	ASK("create_kind 4 1 0", ask_create_kind(4, 1, 0));
	ASK("create_kind 4 1 21", ask_create_kind(4, 1, 21));
	ASK("create_kind 4 2 0", ask_create_kind(4, 2, 0));
	ASK("create_kind 4 2 21", ask_create_kind(4, 2, 21));
	ASK("create_kind 4 3 0", ask_create_kind(4, 3, 0));
	ASK("create_kind 4 3 21", ask_create_kind(4, 3, 21));
	ASK("create_kind 4 4 0", ask_create_kind(4, 4, 0));
	ASK("create_kind 4 4 21", ask_create_kind(4, 4, 21));
	ASK("create_kind 4 5 0", ask_create_kind(4, 5, 0));
	ASK("create_kind 4 5 21", ask_create_kind(4, 5, 21));
	ASK("create_kind flags", ask_create_kind(1, 2, 22));
	ASK("create_kind no kind", say_code(memkind_create_kind(1, 2, 0, NULL)));
	ASK("malloc 0", say_pointer(memkind_malloc(fixed_kind(), 0)));
	ASK("calloc 0", say_pointer(memkind_calloc(fixed_kind(), 0, 5)));
	ASK("malloc too much", say_pointer(memkind_malloc(fixed_kind(), (size_t)1 << 40)));
	ASK("malloc SIZE_MAX", say_pointer(memkind_malloc(fixed_kind(), SIZE_MAX)));
	ASK("malloc no kind", say_pointer(memkind_malloc(NULL, 10)));
	ASK("calloc overflow to 16", say_pointer(memkind_calloc(fixed_kind(), SIZE_MAX / 2 + 9, 2)));
	ASK("calloc overflow to 0", say_pointer(memkind_calloc(fixed_kind(), (size_t)1 << 32, (size_t)1 << 32)));
	ASK("calloc over dirt", ask_dirty_calloc());
	ASK("memalign good", ask_memalign(fixed_kind(), 64, 10));
	ASK("memalign 0 bytes", ask_memalign(fixed_kind(), 64, 0));
	ASK("memalign bad", ask_memalign(fixed_kind(), 63, 10));
	ASK("memalign 4", ask_memalign(fixed_kind(), 4, 10));
	ASK("memalign bad, 0 bytes", ask_memalign(fixed_kind(), 3, 0));
	ASK("memalign too much", ask_memalign(fixed_kind(), 64, (size_t)1 << 40));
	ASK("memalign no kind", ask_memalign(NULL, 64, 10));
	ASK("realloc NULL", ask_realloc(true, 0, 10));
	ASK("realloc NULL to 0", ask_realloc(true, 0, 0));
	ASK("realloc no kind, NULL", ask_realloc(false, 0, 10));
	ASK("realloc to 0", ask_realloc(true, 100, 0));
	ASK("realloc no kind", ask_realloc(false, 100, 5000));
	ASK("realloc too much", ask_realloc(true, 100, (size_t)1 << 40));
	ASK("realloc next to free space", ask_moved(false));
	ASK("realloc into another kind", ask_moved(true));
	ASK("free NULL", (memkind_free(NULL, NULL), printf("ignored")));
	ASK("detect static", ask_foreign(0));
	ASK("detect malloc()", ask_foreign(1));
	ASK("free foreign, no kind", ask_foreign(2));
	ASK("free foreign", ask_foreign(3));
	ASK("usable NULL", printf("%zu", memkind_malloc_usable_size(NULL, NULL)));
	ASK("defrag NULL", say_pointer(memkind_defrag_reallocate(NULL, NULL)));
	ASK("largest of a fresh area", ask_last_bytes());
	ASK("stat fresh kind", ask_stat(fixed_kind(), 0, false));
	ASK("stat updated", ask_stat(fixed_kind(), 2, true));
	ASK("stat of all", ask_stat(NULL, 0, true));
	ASK("stat unknown", ask_stat(fixed_kind(), 3, true));
	ASK("stat -1", ask_stat(fixed_kind(), -1, true));
	ASK("stat nowhere", say_code(memkind_get_stat(NULL, MEMKIND_STAT_TYPE_ACTIVE, NULL)));
	ASK("print all", ask_print(0));
	ASK("print nothing", ask_print(0x1fe));
	ASK("print unknown", ask_print(0x200));
	ASK("bg_threads on", say_code(memkind_set_bg_threads(true)));
	ASK("bg_threads off", say_code(memkind_set_bg_threads(false)));
	ASK("message 0", ask_message(0));
	ASK("message -1", ask_message(-1));
	ASK("message -2", ask_message(-2));
	ASK("message -3", ask_message(-3));
	ASK("message -6", ask_message(-6));
	ASK("message -12", ask_message(-12));
	ASK("message -13", ask_message(-13));
	ASK("message -15", ask_message(-15));
	ASK("message -17", ask_message(-17));
	ASK("message -18", ask_message(-18));
	ASK("message -20", ask_message(-20));
	ASK("message -21", ask_message(-21));
	ASK("message -22", ask_message(-22));
	ASK("message -255", ask_message(-255));
	ASK("message -4", ask_message(-4));
	ASK("message 12", ask_message(12));
	ASK("message 22", ask_message(22));
	default:
		break;
	}
	/* clang-format on */
	return question;
}

static void
in_a_process_of_its_own(int n)
{
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		exit(99);
	if (pid == 0) {
		const struct rlimit no_core = {0, 0};

		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)alarm(120);
		(void)handle(n, true);
		(void)fflush(stdout);
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		printf("could not be asked");
}

int
main(void)
{
	Area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (Area == MAP_FAILED)
		return 99;
	for (int n = 0; handle(n, false) != NULL; n++) {
		printf("%s: ", handle(n, false));
		in_a_process_of_its_own(n);
		putchar('\n');
	}
	return 0;
}
