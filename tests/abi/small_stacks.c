// SPDX-License-Identifier: BSD-2-Clause
/*
 * small_stacks.c -- every function of the interface on a thread that has as
 * little stack as a thread may have, as the first use in a fresh process.
 *
 * Not a cmocka program: what goes wrong here is a crash.  Each case runs in a
 * process of its own (--inner N), with all messages switched on, as their texts
 * take stack, too.
 */
#include <daxkind.h>
#include <fcntl.h>
#include <hbwmalloc.h>
#include <limits.h>
#include <memkind_arena.h>
#include <memkind_dax_kmem.h>
#include <memkind_default.h>
#include <memkind_deprecated.h>
#include <memkind_fixed.h>
#include <memkind_hbw.h>
#include <memkind_hugetlb.h>
#include <memkind_memtier.h>
#include <memkind_ops.h>
#include <memkind_pmem.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN ((size_t)16 << 20)
#define NR(a) (sizeof(a) / sizeof((a)[0]))

static void *Area; /* LEN bytes, mapped before the thread */
static const char *Dir;
static char File[PATH_MAX];
static char Copy[PATH_MAX + 8]; /* of it */

static void
expect(int ok)
{
	if (!ok)
		_exit(3);
}

/* --- kinds: what each of them does first -------------------------------------- */

static memkind_t *const Kinds[] = {&MEMKIND_DEFAULT, &MEMKIND_REGULAR,
    &MEMKIND_INTERLEAVE, &MEMKIND_HUGETLB, &MEMKIND_GBTLB, &MEMKIND_HBW,
    &MEMKIND_HBW_ALL, &MEMKIND_HBW_PREFERRED, &MEMKIND_HBW_INTERLEAVE,
    &MEMKIND_HBW_HUGETLB, &MEMKIND_DAX_KMEM, &MEMKIND_DAX_KMEM_ALL,
    &MEMKIND_DAX_KMEM_PREFERRED, &MEMKIND_DAX_KMEM_INTERLEAVE,
    &MEMKIND_HIGHEST_CAPACITY, &MEMKIND_HIGHEST_CAPACITY_PREFERRED,
    &MEMKIND_HIGHEST_CAPACITY_LOCAL, &MEMKIND_LOWEST_LATENCY_LOCAL,
    &MEMKIND_HIGHEST_BANDWIDTH_LOCAL};

static void
first_malloc(memkind_t kind)
{
	void *p = memkind_malloc(kind, 100);

	memkind_free(kind, p);
	memkind_free(kind, memkind_malloc(kind, LEN));
}

static void
first_calloc(memkind_t kind)
{
	memkind_free(kind, memkind_calloc(kind, 3, 10000));
}

static void
first_memalign(memkind_t kind)
{
	void *p = NULL;

	if (memkind_posix_memalign(kind, &p, 65536, 100) == 0)
		memkind_free(NULL, p);
}

static void
first_realloc(memkind_t kind)
{
	void *p = memkind_realloc(kind, NULL, 100);

	p = memkind_realloc(kind, p, LEN / 8);
	p = memkind_defrag_reallocate(kind, p);
	(void)memkind_malloc_usable_size(kind, p);
	(void)memkind_detect_kind(p);
	memkind_free(kind, p);
}

static void
first_free(memkind_t kind)
{
	memkind_free(kind, &Area);
}

static void
first_check(memkind_t kind)
{
	(void)memkind_check_available(kind);
}

static void
first_capacity(memkind_t kind)
{
	(void)memkind_get_capacity(kind);
}

static void
first_stat(memkind_t kind)
{
	size_t value;

	(void)memkind_get_stat(kind, MEMKIND_STAT_TYPE_ALLOCATED, &value);
	(void)memkind_get_stat(kind, MEMKIND_STAT_TYPE_RESIDENT, &value);
	memkind_set_allow_zero_allocs(kind, true);
}

static void
first_tiers(memkind_t kind)
{
	struct memtier_builder *b =
	    memtier_builder_new(MEMTIER_POLICY_DYNAMIC_THRESHOLD);
	size_t start = 1000;

	(void)memtier_builder_add_tier(b, kind, 1);
	(void)memtier_builder_add_tier(b, MEMKIND_REGULAR, 2);
	(void)memtier_ctl_set(
	    b, "policy.dynamic_threshold.thresholds[0].val", &start);
	(void)memtier_ctl_set(b, "policy.nonsense", &start);
	struct memtier_memory *m = memtier_builder_construct_memtier_memory(b);
	memtier_builder_delete(b);
	if (m == NULL)
		return;
	void *p = memtier_malloc(m, 100), *q = NULL;
	p = memtier_realloc(m, p, 100000);
	(void)memtier_usable_size(p);
	memtier_free(p);
	memtier_free(memtier_calloc(m, 2, 3));
	if (memtier_posix_memalign(m, &q, 64, 64) == 0)
		memtier_free(q);
	memtier_delete_memtier_memory(m);
}

static void
first_tier_kind(memkind_t kind)
{
	void *p = memtier_kind_malloc(kind, 100), *q = NULL;

	p = memtier_kind_realloc(kind, p, 1000);
	memtier_kind_free(kind, p);
	memtier_kind_free(kind, memtier_kind_calloc(kind, 2, 3));
	if (memtier_kind_posix_memalign(kind, &q, 64, 64) == 0)
		memtier_kind_free(NULL, q);
	(void)memtier_kind_allocated_size(kind);
}

static void
first_old(memkind_t kind)
{
	void *p = memkind_default_malloc(kind, 100), *q = NULL;

	p = memkind_default_realloc(kind, p, 200);
	(void)memkind_default_malloc_usable_size(kind, p);
	memkind_default_free(kind, p);
	memkind_default_free(kind, memkind_default_calloc(kind, 2, 2));
	if (memkind_default_posix_memalign(kind, &q, 64, 64) == 0)
		memkind_default_free(kind, q);
	p = memkind_arena_malloc(kind, 100);
	p = memkind_arena_realloc(kind, p, 200);
	(void)memkind_arena_detect_kind(p);
	p = memkind_arena_realloc_with_kind_detect(p, 300);
	memkind_arena_free_with_kind_detect(p);
	memkind_arena_free(kind, memkind_arena_calloc(kind, 2, 2));
	if (memkind_arena_posix_memalign(kind, &q, 64, 64) == 0)
		memkind_arena_free(kind, q);
}

static void
first_mmap(memkind_t kind)
{
	unsigned arena;
	unsigned long mask[16];
	int n;

	(void)memkind_default_get_mmap_flags(kind, &n);
	(void)memkind_default_get_mbind_mode(kind, &n);
	(void)memkind_preferred_get_mbind_mode(kind, &n);
	(void)memkind_interleave_get_mbind_mode(kind, &n);
	(void)memkind_default_get_mbind_nodemask(kind, mask, 1024);
	(void)memkind_thread_get_arena(kind, &arena, 10);
	(void)memkind_bijective_get_arena(kind, &arena, 10);
	(void)memkind_default_mbind(kind, Area, 4096);
	(void)memkind_nohugepage_madvise(kind, Area, 4096);
	void *p = memkind_default_mmap(kind, NULL, 8192);
	if (p != MAP_FAILED)
		(void)munmap(p, 8192);
	(void)memkind_posix_check_alignment(kind, 64);
	(void)memkind_arena_update_memory_usage_policy(
	    kind, MEMKIND_MEM_USAGE_POLICY_DEFAULT);
}

static const struct {
	const char *name;
	void (*run)(memkind_t kind);
} Of_kinds[] = {
    {"first_malloc", first_malloc},
    {"first_calloc", first_calloc},
    {"first_memalign", first_memalign},
    {"first_realloc", first_realloc},
    {"first_free", first_free},
    {"first_check", first_check},
    {"first_capacity", first_capacity},
    {"first_stat", first_stat},
    {"first_tiers", first_tiers},
    {"first_tier_kind", first_tier_kind},
    {"first_old", first_old},
    {"first_mmap", first_mmap},
};

/* --- regions and kinds on them ---------------------------------------------------- */

static int
visit(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	(void)arg;
	(void)off;
	(void)len;
	(void)state;
	return 0;
}

static void
use_region(struct daxkind_region *region)
{
	struct daxkind_region_info info;
	struct daxkind_space space;
	memkind_t kind = NULL;

	(void)daxkind_region_info(region, &info, sizeof(info));
	(void)daxkind_region_space(region, &space, sizeof(space));
	expect(daxkind_kind_create(region, &kind) == 0);
	expect(daxkind_kind_region(kind) == region);
	for (size_t i = 0; i < NR(Of_kinds); i++)
		Of_kinds[i].run(kind);
	char *p = memkind_malloc(kind, 10000);
	expect(p != NULL);
	(void)daxkind_memcpy_persist(kind, p, "x", 1);
	(void)daxkind_memcpy_nodrain(kind, p, "x", 1);
	(void)daxkind_memset_persist(kind, p, 1, 10000);
	(void)daxkind_memset_nodrain(kind, p, 1, 10000);
	(void)daxkind_persist(kind, p, 10000);
	(void)daxkind_flush(kind, p, 10000);
	(void)daxkind_drain(kind);
	(void)daxkind_region_persist(region, p, 10000);
	(void)daxkind_region_flush(region, p, 10000);
	(void)daxkind_region_drain(region);
	(void)daxkind_region_walk(region, visit, NULL);
	(void)daxkind_region_check(region);
	(void)daxkind_quarantine(kind, p, 4096);
	(void)daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE);
	memkind_free(kind, p);
	(void)memkind_fixed_mmap(kind, NULL, 4096);
	(void)memkind_pmem_mmap(kind, NULL, 4096);
	expect(memkind_destroy_kind(kind) == 0);
	expect(daxkind_region_close(region) == 0);
	(void)daxkind_last_error();
}

static void
on_mapping(void)
{
	struct daxkind_region *region;

	expect(daxkind_region_open_mapping(Area, LEN, 0, &region) == 0);
	use_region(region);
}

/* By lines of the cache, which libpmem flushes. */
static void
on_persistent_mapping(void)
{
	struct daxkind_region *region;

	expect(daxkind_region_open_mapping(
		   Area, LEN, DAXKIND_PERSISTENT, &region) == 0);
	use_region(region);
}

static int
visit_root(void *arg, const char *name, void *ptr)
{
	(void)arg;
	(void)name;
	(void)ptr;
	return 0;
}

static int
visit_block(void *arg, void *block, size_t usable)
{
	(void)arg;
	(void)block;
	(void)usable;
	return DAXKIND_KEEP;
}

static int
visit_reached(
    void *arg, void *block, size_t usable, struct daxkind_marker *marker)
{
	(void)arg;
	(void)usable;
	daxkind_mark(marker, block);
	return 0;
}

static void
use_durable(memkind_t kind)
{
	char *p = memkind_malloc(kind, 100);

	expect(p != NULL);
	expect(daxkind_root_set(kind, "p", p) == 0);
	expect(daxkind_root(kind, "p") == p);
	expect(daxkind_root_walk(kind, visit_root, NULL) == 0);
	expect(daxkind_walk(kind, visit_block, NULL) == 0);
	expect(daxkind_trace(kind, NULL, NULL, NULL, 0) == 0);
	expect(daxkind_trace(kind, visit_reached, NULL, NULL, 0) == 0);
	expect(daxkind_at(kind, daxkind_offset(kind, p)) == p);
	expect(daxkind_snapshot(kind, Copy) == 0);
	expect(daxkind_snapshot(kind, Copy) == 0); /* and again */
}

/* New, and as it was left. */
static void
on_durable(void)
{
	struct daxkind_region *region;
	struct daxkind_restart restart;
	memkind_t kind = NULL;

	for (int i = 0; i < 2; i++) {
		expect(daxkind_region_open_durable(File, i == 0 ? LEN : 0,
			   "small_stacks", DAXKIND_CREATE, &region) == 0);
		expect(daxkind_region_restart(
			   region, &restart, sizeof(restart)) == 0);
		expect(daxkind_kind_create(region, &kind) == 0);
		use_durable(kind);
		expect(memkind_destroy_kind(kind) == 0);
		use_region(region);
	}
	(void)unlink(File);
	(void)unlink(Copy);
}

static void
on_file(void)
{
	struct daxkind_region *region;

	expect(
	    daxkind_region_open_file(File, LEN, DAXKIND_CREATE, &region) == 0);
	use_region(region);
	(void)unlink(File);
}

static void
on_dir(void)
{
	struct daxkind_region *region;

	expect(daxkind_region_open_dir(Dir, LEN, 0, &region) == 0);
	use_region(region);
}

static void
by_name(void)
{
	struct daxkind_region *region;

	expect(daxkind_region_open(Dir, LEN, 0, &region) == 0);
	use_region(region);
}

static void
by_a_name_that_is_none(void)
{
	static const char *const names[] = {"namespace0.0", "dax0.0", "pmem0",
	    "pmem1.2", "/dev/dax0.0", "/dev/null", "/nonexistent/x", "/proc",
	    "/dev/pmem0", "0", ""};
	struct daxkind_region *region;

	for (size_t i = 0; i < NR(names); i++) {
		(void)daxkind_region_open(names[i], LEN, 0, &region);
		(void)daxkind_region_open_devdax(names[i], 0, LEN, 0, &region);
		(void)daxkind_region_open_dir(names[i], LEN, 0, &region);
		(void)daxkind_region_open_file(names[i], LEN, 0, &region);
	}
}

static void
first_devdax(void)
{
	struct daxkind_region *region;

	(void)daxkind_region_open_devdax("dax0.0", 0, LEN, 0, &region);
}

/* --- memkind's kinds ---------------------------------------------------------------- */

static void
use_kind(memkind_t kind)
{
	for (size_t i = 0; i < NR(Of_kinds); i++)
		Of_kinds[i].run(kind);
	expect(memkind_destroy_kind(kind) == 0);
}

static void
on_fixed(void)
{
	memkind_t kind = NULL;

	expect(memkind_create_fixed(Area, LEN, &kind) == 0);
	use_kind(kind);
}

static void
on_pmem(void)
{
	memkind_t kind = NULL;

	expect(memkind_create_pmem(Dir, LEN, &kind) == 0);
	use_kind(kind);
	(void)memkind_create_pmem("/nonexistent", LEN, &kind);
	(void)memkind_create_pmem("/proc", 0, &kind);
}

static void
on_pmem_with_config(void)
{
	struct memkind_config *config = memkind_config_new();
	memkind_t kind = NULL;

	expect(config != NULL);
	memkind_config_set_path(config, Dir);
	memkind_config_set_size(config, LEN);
	memkind_config_set_memory_usage_policy(
	    config, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);
	expect(memkind_create_pmem_with_config(config, &kind) == 0);
	memkind_config_delete(config);
	use_kind(kind);
}

static void
on_created_kind(void)
{
	memkind_t kind = NULL;
	memkind_bits_t none;

	memset(&none, 0, sizeof(none));
	if (memkind_create_kind(MEMKIND_MEMTYPE_DEFAULT,
		MEMKIND_POLICY_PREFERRED_LOCAL, none, &kind) == 0)
		(void)memkind_destroy_kind(kind);
}

static void
on_own_operations(void)
{
	struct memkind_ops ops = MEMKIND_REGULAR_OPS;
	memkind_t kind = NULL;

	if (memkind_create(&ops, "own", &kind) == 0)
		use_kind(kind);
	(void)memkind_create(NULL, NULL, &kind);
}

/* --- the rest ------------------------------------------------------------------------- */

static void
first_hbw(void)
{
	void *p = NULL;

	(void)hbw_check_available();
	(void)hbw_get_policy();
	(void)hbw_set_policy(HBW_POLICY_PREFERRED);
	p = hbw_malloc(100);
	p = hbw_realloc(p, 1000);
	(void)hbw_malloc_usable_size(p);
	hbw_free(p);
	hbw_free(hbw_calloc(2, 3));
	if (hbw_posix_memalign(&p, 64, 100) == 0)
		hbw_free(p);
	if (hbw_posix_memalign_psize(&p, 64, 100, HBW_PAGESIZE_4KB) == 0)
		hbw_free(p);
	(void)hbw_verify_memory_region(Area, LEN, HBW_TOUCH_PAGES);
}

static void
first_hbw_malloc(void)
{
	hbw_free(hbw_malloc(100));
}

static void
first_verify(void)
{
	(void)hbw_verify_memory_region(Area, LEN, HBW_TOUCH_PAGES);
}

static void
first_masks(void)
{
	unsigned long mask[16];
	int n;

	(void)memkind_hbw_check_available(MEMKIND_HBW);
	(void)memkind_hbw_hugetlb_check_available(MEMKIND_HBW);
	(void)memkind_hbw_get_mbind_nodemask(MEMKIND_HBW, mask, 1024);
	(void)memkind_hbw_all_get_mbind_nodemask(MEMKIND_HBW, mask, 1024);
	(void)memkind_hbw_get_preferred_mbind_nodemask(MEMKIND_HBW, mask, 1024);
	(void)memkind_regular_all_get_mbind_nodemask(
	    MEMKIND_REGULAR, mask, 1024);
	(void)memkind_hugetlb_check_available_2mb(MEMKIND_HUGETLB);
	(void)memkind_hugetlb_get_mmap_flags(MEMKIND_HUGETLB, &n);
	(void)memkind_pmem_get_mmap_flags(MEMKIND_REGULAR, &n);
}

static void
first_kmem_mask(void)
{
	unsigned long mask[16];

	(void)memkind_dax_kmem_all_get_mbind_nodemask(
	    MEMKIND_DAX_KMEM_ALL, mask, 1024);
}

static void
first_init_once(void)
{
	memkind_default_init_once();
	memkind_interleave_init_once();
	memkind_hbw_init_once();
	memkind_hbw_all_init_once();
	memkind_hbw_hugetlb_init_once();
	memkind_hbw_all_hugetlb_init_once();
	memkind_hbw_preferred_init_once();
	memkind_hbw_preferred_hugetlb_init_once();
	memkind_hbw_interleave_init_once();
	memkind_hugetlb_init_once();
}

/* What memkind has for makers of kinds; it may refuse. */
static void
first_making(void)
{
	struct memkind_ops ops = MEMKIND_REGULAR_OPS;
	memkind_t kind = NULL;

	(void)memkind_pmem_validate_dir(Dir);
	(void)memkind_check_dax_path(Dir);
	if (memkind_create(&ops, "own", &kind) != 0)
		return;
	memkind_arena_init(kind);
	(void)memkind_arena_create_map(kind, NULL);
	(void)memkind_arena_finalize(kind);
	(void)memkind_destroy_kind(kind);
}

static void
ignore(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void
first_report(void)
{
	(void)memkind_stats_print(ignore, NULL, MEMKIND_STAT_PRINT_ALL);
	(void)memkind_arena_stats_print(
	    ignore, NULL, MEMKIND_STAT_PRINT_JSON_FORMAT);
}

static void
first_figures(void)
{
	size_t value;

	(void)memkind_update_cached_stats();
	(void)memkind_get_stat(NULL, MEMKIND_STAT_TYPE_RESIDENT, &value);
	(void)memkind_get_stat(NULL, MEMKIND_STAT_TYPE_ACTIVE, &value);
}

static void
first_threads(void)
{
	(void)memkind_set_bg_threads(true);
	(void)memkind_arena_set_max_bg_threads(2);
	(void)memkind_arena_set_bg_threads(false);
}

static void
first_words(void)
{
	char text[MEMKIND_ERROR_MESSAGE_SIZE];

	(void)memkind_get_version();
	(void)daxkind_version();
	(void)daxkind_last_error();
	for (int i = -300; i < 10; i++)
		memkind_error_message(i, text, sizeof(text));
}

static void
first_detect(void)
{
	memkind_t kind;

	(void)memkind_detect_kind(&Area);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	(void)memkind_get_kind_by_partition(2, &kind);
#pragma GCC diagnostic pop
	memkind_free(NULL, &Area);
}

static void
note(void *arg, void *addr, size_t len)
{
	(void)arg;
	(void)addr;
	(void)len;
}

static void
first_sigbus(void)
{
	(void)daxkind_sigbus_install(0, note, NULL);
	(void)daxkind_sigbus_remove();
}

static void
first_fork(void)
{
	int status;
	memkind_t kind = NULL;

	expect(memkind_create_pmem(Dir, LEN, &kind) == 0);
	first_malloc(kind);
	first_malloc(MEMKIND_REGULAR);
	pid_t pid = fork();
	if (pid == 0) {
		first_malloc(MEMKIND_REGULAR);
		_exit(0);
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	expect(memkind_destroy_kind(kind) == 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} Others[] = {
    {"on_mapping", on_mapping},
    {"on_persistent_mapping", on_persistent_mapping},
    {"on_durable", on_durable},
    {"on_file", on_file},
    {"on_dir", on_dir},
    {"by_name", by_name},
    {"by_a_name_that_is_none", by_a_name_that_is_none},
    {"first_devdax", first_devdax},
    {"on_fixed", on_fixed},
    {"on_pmem", on_pmem},
    {"on_pmem_with_config", on_pmem_with_config},
    {"on_created_kind", on_created_kind},
    {"on_own_operations", on_own_operations},
    {"first_hbw", first_hbw},
    {"first_hbw_malloc", first_hbw_malloc},
    {"first_verify", first_verify},
    {"first_masks", first_masks},
    {"first_kmem_mask", first_kmem_mask},
    {"first_init_once", first_init_once},
    {"first_making", first_making},
    {"first_report", first_report},
    {"first_figures", first_figures},
    {"first_threads", first_threads},
    {"first_words", first_words},
    {"first_detect", first_detect},
    {"first_sigbus", first_sigbus},
    {"first_fork", first_fork},
};

/* --- one case, and all of them ------------------------------------------------------- */

static void *
run_case(void *arg)
{
	size_t n = *(const size_t *)arg;

	if (n < NR(Others))
		Others[n].run();
	else
		Of_kinds[(n - NR(Others)) % NR(Of_kinds)].run(
		    *Kinds[(n - NR(Others)) / NR(Of_kinds)]);
	return NULL;
}

static int
inner(size_t n)
{
	pthread_attr_t attr;
	pthread_t thread;

	Dir = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
	(void)snprintf(File, sizeof(File), "%s/daxkind-small-stack.%d", Dir,
	    (int)getpid());
	(void)snprintf(Copy, sizeof(Copy), "%s.copy", File);
	Area = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(Area != MAP_FAILED);
	expect(pthread_attr_init(&attr) == 0);
	expect(
	    pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN) == 0);
	expect(pthread_create(&thread, &attr, run_case, &n) == 0);
	expect(pthread_join(thread, NULL) == 0);
	return 0;
}

static int
run_inner(size_t n)
{
	char number[20], name[] = "small_stacks", option[] = "--inner";
	char *argv[] = {name, option, number, NULL};
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	(void)snprintf(number, sizeof(number), "%zu", n);
	expect(posix_spawn_file_actions_init(&actions) == 0);
	expect(posix_spawn_file_actions_addopen(
		   &actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0);
	expect(posix_spawn(
		   &pid, "/proc/self/exe", &actions, NULL, argv, environ) == 0);
	expect(waitpid(pid, &status, 0) == pid);
	expect(posix_spawn_file_actions_destroy(&actions) == 0);
	return status;
}

static char *
read_source(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[PATH_MAX];
	char *text = calloc(1, 1 << 20);

	(void)snprintf(
	    path, sizeof(path), "%s/%s", top != NULL ? top : ".", name);
	FILE *f = fopen(path, "re");
	expect(text != NULL);
	if (f == NULL) {
		printf("%s cannot be read\n", path);
		exit(99);
	}
	(void)fread(text, 1, (1 << 20) - 1, f);
	(void)fclose(f);
	return text;
}

/* What only a program with a declaration of its own can call, or what is called
 * by those that are here. */
static const char *const Left_out[] = {"daxkind_kind_create_with_ops",
    "memkind_arena_create", "memkind_arena_destroy", "memkind_default_create",
    "memkind_default_destroy", "memkind_fixed_create", "memkind_fixed_destroy",
    "memkind_pmem_create", "memkind_pmem_destroy"};

static int
is_left_out(const char *name)
{
	for (size_t i = 0; i < NR(Left_out); i++)
		if (strcmp(name, Left_out[i]) == 0)
			return 1;
	return 0;
}

/* Every function of the map is called somewhere in this file. */
static int
nr_missing(void)
{
	char *map = read_source("src/daxkind.map");
	char *source = read_source("tests/abi/small_stacks.c");
	char *save = NULL, call[80];
	int nr = 0, nr_found = 0;

	for (char *word = strtok_r(map, " \t\n;", &save); word != NULL;
	     word = strtok_r(NULL, " \t\n;", &save)) {
		if (strncmp(word, "daxkind_", 8) != 0 &&
		    strncmp(word, "memkind_", 8) != 0 &&
		    strncmp(word, "memtier_", 8) != 0 &&
		    strncmp(word, "hbw_", 4) != 0)
			continue;
		(void)snprintf(call, sizeof(call), "%s(", word);
		nr_found++;
		if (strstr(source, call) == NULL && !is_left_out(word)) {
			printf("%s is not called here\n", word);
			nr++;
		}
	}
	free(map);
	free(source);
	expect(nr_found > 100);
	return nr;
}

int
main(int argc, char **argv)
{
	size_t nr = NR(Others) + NR(Kinds) * NR(Of_kinds);
	int nr_bad = 0;

	if (argc == 3 && strcmp(argv[1], "--inner") == 0)
		return inner(strtoul(argv[2], NULL, 10));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    !defined(__OPTIMIZE__)
	puts("skipped: this build takes more stack");
	return 77;
#endif
	(void)setenv("DAXKIND_LOG", "debug", 1);
	nr_bad = nr_missing();
	for (size_t n = 0; n < nr; n++) {
		int status = run_inner(n);

		if (status == 0)
			continue;
		nr_bad++;
		if (n < NR(Others))
			printf("--inner %zu, %s: status %#x\n", n,
			    Others[n].name, (unsigned)status);
		else
			printf("--inner %zu, %s of kind %zu: status %#x\n", n,
			    Of_kinds[(n - NR(Others)) % NR(Of_kinds)].name,
			    (n - NR(Others)) / NR(Of_kinds), (unsigned)status);
	}
	printf("%zu cases on %ld bytes of stack, %d bad\n", nr,
	    (long)PTHREAD_STACK_MIN, nr_bad);
	return nr_bad != 0;
}
