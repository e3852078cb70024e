// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_ops.c -- the functions that operations tables are made of.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <limits.h>
#include <memkind_arena.h>
#include <memkind_dax_kmem.h>
#include <memkind_default.h>
#include <memkind_hbw.h>
#include <memkind_hugetlb.h>
#include <memkind_pmem.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 32
#define MAXNODE (WORDS * 64)

static size_t Mapped; /* bytes that mbind() was called for */
static int Mbind_rc, Madvise_rc, Flags_rc;

static int
count_mbind(struct memkind *kind, void *ptr, size_t size)
{
	(void)kind;
	(void)ptr;
	Mapped += size;
	return Mbind_rc;
}

static int
fail_madvise(struct memkind *kind, void *addr, size_t size)
{
	(void)kind;
	(void)addr;
	(void)size;
	return Madvise_rc;
}

static int
fail_flags(struct memkind *kind, int *flags)
{
	return Flags_rc != 0 ? Flags_rc
			     : memkind_default_get_mmap_flags(kind, flags);
}

/* Each test changes a copy. */
static const struct memkind_ops Arena_ops = {
    .create = memkind_arena_create,
    .destroy = memkind_arena_destroy,
    .malloc = memkind_arena_malloc,
    .calloc = memkind_arena_calloc,
    .posix_memalign = memkind_arena_posix_memalign,
    .realloc = memkind_arena_realloc,
    .free = memkind_arena_free,
    .malloc_usable_size = memkind_default_malloc_usable_size,
    .update_memory_usage_policy = memkind_arena_update_memory_usage_policy,
    .mbind = count_mbind,
    .madvise = fail_madvise,
    .get_mmap_flags = fail_flags,
    .get_mbind_mode = memkind_default_get_mbind_mode,
    .get_mbind_nodemask = memkind_default_get_mbind_nodemask,
    .get_arena = memkind_thread_get_arena,
};

static struct memkind_ops Ops;
static memkind_t Kind;

#if TEST_OURS
static void
make(void)
{
	assert_int_equal(
	    memkind_create(&Ops, "of a test", &Kind), MEMKIND_SUCCESS);
	assert_non_null(Kind);
}
#endif

static int
setup(void **state)
{
	/* What the library makes once is no leak. */
	memkind_free(NULL, memkind_malloc(MEMKIND_REGULAR, 100));
	(void)memkind_default_get_mbind_nodemask(NULL, NULL, 0);
	Ops = Arena_ops;
	Kind = NULL;
	Mapped = 0;
	Mbind_rc = 0;
	Madvise_rc = 0;
	Flags_rc = 0;
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	if (Kind != NULL)
		assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	return test_leaks_teardown(state);
}

#define unit(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- kinds that allocate from arenas ------------------------------------------- */

static int
run_self(const char *what)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		static char self[] = "/proc/self/exe";
		char *argv[] = {self, (char *)(uintptr_t)what, NULL};

		if (setenv("MEMKIND_HBW_NODES", "all", 1) == 0 &&
		    setenv("MEMKIND_DAX_KMEM_NODES", "all", 1) == 0)
			(void)execv(self, argv);
		_exit(99);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 98;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}

#if TEST_OURS
static void
test_a_kind_of_a_programs_own_memory(void **state)
{
	(void)state;
	make();
	assert_int_equal(Mapped, 0); /* nothing before the first block */
	assert_int_equal(memkind_check_available(Kind), MEMKIND_SUCCESS);
	for (size_t size = 1; size < 20 * TEST_MIB; size = size * 7 + 3) {
		char *p = memkind_malloc(Kind, size);

		assert_non_null(p);
		assert_true(Mapped > 0);
		memset(p, 0x5a, size);
		assert_true(memkind_malloc_usable_size(Kind, p) >= size);
		assert_ptr_equal(memkind_detect_kind(p), Kind);
		assert_ptr_equal(memkind_arena_detect_kind(p), Kind);
		p = memkind_realloc(Kind, p, size * 2);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0x5a, size));
		memkind_free(size % 2 ? Kind : NULL, p);
		p = memkind_calloc(Kind, 2, size);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0, 2 * size));
		memkind_free(Kind, p);
		void *q = NULL;
		assert_int_equal(
		    memkind_posix_memalign(Kind, &q, 65536, size), 0);
		assert_int_equal((uintptr_t)q % 65536, 0);
		memkind_free(Kind, q);
	}
	/* Others are others. */
	void *other = memkind_malloc(MEMKIND_REGULAR, 100);
	assert_ptr_equal(memkind_detect_kind(other), MEMKIND_REGULAR);
	memkind_free(NULL, other);
	assert_int_equal(memkind_arena_update_memory_usage_policy(
			     Kind, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE),
	    MEMKIND_SUCCESS);
	assert_int_equal(memkind_arena_update_memory_usage_policy(
			     Kind, MEMKIND_MEM_USAGE_POLICY_MAX_VALUE),
	    MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_arena_update_memory_usage_policy(
			     NULL, MEMKIND_MEM_USAGE_POLICY_DEFAULT),
	    MEMKIND_ERROR_INVALID);
}

static void
test_destroying_gives_all_of_it_back(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		make();
		for (size_t j = 0; j < 1000; j++)
			assert_non_null(memkind_malloc(Kind, 1 + j * 97));
		assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
		assert_int_equal(
		    memkind_destroy_kind(Kind), MEMKIND_ERROR_INVALID);
	}
	Kind = NULL;
}

static void
test_tables_that_are_refused(void **state)
{
	static const size_t needed[] = {
	    offsetof(struct memkind_ops, create),
	    offsetof(struct memkind_ops, destroy),
	    offsetof(struct memkind_ops, malloc),
	    offsetof(struct memkind_ops, calloc),
	    offsetof(struct memkind_ops, posix_memalign),
	    offsetof(struct memkind_ops, realloc),
	    offsetof(struct memkind_ops, free),
	    offsetof(struct memkind_ops, malloc_usable_size),
	};
	static char name[64 + 1];
	memkind_t kind;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		Ops = Arena_ops;
		memset((char *)&Ops + needed[i], 0, sizeof(void *));
		kind = (memkind_t)(uintptr_t)0xDA;
		assert_int_equal(
		    memkind_create(&Ops, "x", &kind), MEMKIND_ERROR_BADOPS);
		assert_null(kind);
	}
	Ops = Arena_ops;
	Ops.init_once = memkind_default_init_once;
	assert_int_equal(
	    memkind_create(&Ops, "x", &kind), MEMKIND_ERROR_BADOPS);
	assert_int_equal(
	    memkind_create(NULL, "x", &kind), MEMKIND_ERROR_BADOPS);
	Ops = Arena_ops;
	assert_int_equal(
	    memkind_create(&Ops, "x", NULL), MEMKIND_ERROR_INVALID);
	assert_int_equal(
	    memkind_create(&Ops, NULL, &kind), MEMKIND_ERROR_INVALID);
	memset(name, 'n', sizeof(name) - 1);
	assert_int_equal(
	    memkind_create(&Ops, name, &kind), MEMKIND_ERROR_INVALID);
	assert_null(kind);
	/* Operations of kinds over a region. */
	Ops.create = memkind_pmem_create;
	assert_int_equal(
	    memkind_create(&Ops, "x", &kind), MEMKIND_ERROR_INVALID);
	assert_null(kind);
}

static void
test_an_operation_that_fails(void **state)
{
	int *const fails[] = {&Mbind_rc, &Madvise_rc, &Flags_rc};

	(void)state;
	make();
	for (size_t i = 0; i < ARRAY_LEN(fails); i++) {
		*fails[i] = MEMKIND_ERROR_MBIND;
		errno = 0;
		/* More than the arena has left of the last one. */
		size_t size = (5 + 20 * i) * TEST_MIB;
		assert_null(memkind_malloc(Kind, size));
		assert_int_equal(errno, ENOMEM);
		*fails[i] = 0;
		void *p = memkind_malloc(Kind, size);
		assert_non_null(p);
		memkind_free(Kind, p);
	}
}

/* Memory of the program's, with something in it. */
static void *
map_dirty(struct memkind *kind, void *addr, size_t size)
{
	void *p = memkind_default_mmap(kind, addr, size);

	if (p != MAP_FAILED)
		memset(p, 0xaa, size);
	return p;
}

static void
test_an_mmap_of_the_programs(void **state)
{
	(void)state;
	Ops.mmap = map_dirty;
	make();
	for (size_t size = 100; size < 10 * TEST_MIB; size *= 9) {
		char *p = memkind_calloc(Kind, 1, size);

		assert_non_null(p);
		assert_true(test_all_bytes(p, 0, size));
		memkind_free(Kind, p);
	}
}

static void *
get_arenas(void *arg)
{
	unsigned *arena = arg;

	return memkind_thread_get_arena(Kind, arena, 0) == MEMKIND_SUCCESS
		   ? arg
		   : NULL;
}

static void
test_arenas(void **state)
{
	unsigned mine, again, others;
	pthread_t thread;
	void *rc;

	(void)state;
	Ops.get_arena = memkind_bijective_get_arena;
	make();
	assert_int_equal(
	    memkind_bijective_get_arena(Kind, &mine, 0), MEMKIND_SUCCESS);
	assert_int_equal(
	    memkind_thread_get_arena(Kind, &again, 100), MEMKIND_SUCCESS);
	assert_int_equal(mine, again);
	assert_int_equal(pthread_create(&thread, NULL, get_arenas, &others), 0);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_non_null(rc);
	assert_int_equal(others, mine);
	void *p = memkind_malloc(Kind, 100);
	assert_non_null(p);
	memkind_free(Kind, p);
	assert_int_equal(
	    memkind_thread_get_arena(NULL, &again, 0), MEMKIND_ERROR_INVALID);
	assert_int_equal(
	    memkind_thread_get_arena(Kind, NULL, 0), MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_thread_get_arena(MEMKIND_DEFAULT, &again, 0),
	    MEMKIND_ERROR_INVALID);
}

/* --- the end of the process ------------------------------------------------------ */

enum {
	BOTH_FINALIZED = 42
};
static struct memkind *Gone;
static int Nr_finalized;

static int
count_finalized(struct memkind *kind)
{
	if (kind == Gone)
		_exit(1);
	int err = memkind_arena_finalize(kind);
	if (err != MEMKIND_SUCCESS)
		_exit(2);
	if (++Nr_finalized == 2)
		_exit(BOTH_FINALIZED);
	return err;
}

/* Three kinds, of which one is destroyed, with a table that is gone then. */
static int
exit_with_kinds(void)
{
	struct memkind_ops *ops = malloc(sizeof(*ops));
	struct memkind *kinds[3];

	if (ops == NULL)
		return 3;
	*ops = Arena_ops;
	ops->finalize = count_finalized;
	for (int i = 0; i < 3; i++) {
		if (memkind_create(ops, "lives", &kinds[i]) != 0 ||
		    memkind_malloc(kinds[i], 100) == NULL)
			return 4;
	}
	Gone = kinds[1];
	if (memkind_destroy_kind(Gone) != 0)
		return 5;
	memset(ops, 0xff, sizeof(*ops));
	free(ops);
	return 6;
}

static void
test_finalize_is_called_at_exit(void **state)
{
	(void)state;
	assert_int_equal(run_self("--exit"), BOTH_FINALIZED);
	assert_int_equal(memkind_arena_finalize(NULL), MEMKIND_ERROR_INVALID);
	assert_int_equal(
	    memkind_arena_finalize(MEMKIND_REGULAR), MEMKIND_ERROR_INVALID);
}

/* --- arenas that come and go ------------------------------------------------------ */

static int
create_by_init(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	int err = memkind_default_create(kind, ops, name);

	if (err == MEMKIND_SUCCESS)
		memkind_arena_init(kind);
	return err;
}

static void
test_arenas_by_init(void **state)
{
	(void)state;
	Ops.create = create_by_init;
	make();
	void *p = memkind_malloc(Kind, 100);
	assert_non_null(p);
	assert_ptr_equal(memkind_detect_kind(p), Kind);
	memkind_arena_init(Kind); /* it has them */
	assert_ptr_equal(memkind_detect_kind(p), Kind);
	memkind_free(Kind, p);
	memkind_arena_init(MEMKIND_REGULAR);
	memkind_arena_init(NULL);
}

/* The functions for arenas do not call themselves. */
static void
test_a_kind_without_its_arenas(void **state)
{
	void *q = NULL;

	(void)state;
	Ops.create = memkind_default_create;
	Ops.destroy = memkind_default_destroy;
	make();
	errno = 0;
	assert_null(memkind_malloc(Kind, 100));
	assert_int_equal(errno, EINVAL);
	assert_null(memkind_calloc(Kind, 1, 100));
	assert_int_equal(memkind_posix_memalign(Kind, &q, 64, 100), EINVAL);
	assert_null(memkind_realloc(Kind, NULL, 100));
	void *p = memkind_malloc(MEMKIND_DEFAULT, 100);
	memkind_arena_free(Kind, p); /* not its own */
	assert_null(memkind_arena_realloc(Kind, p, 200));
	assert_ptr_equal(memkind_detect_kind(p), MEMKIND_DEFAULT);
	memkind_free(MEMKIND_DEFAULT, p);
}

/* --- of all kinds --------------------------------------------------------------- */

static void
note_text(void *arg, const char *text)
{
	*(size_t *)arg += strlen(text);
}

static void
test_what_arenas_share(void **state)
{
	size_t before = test_nr_threads(), len = 0;

	(void)state;
	assert_int_equal(memkind_arena_set_max_bg_threads(0), MEMKIND_SUCCESS);
	assert_int_equal(memkind_arena_set_max_bg_threads(1), MEMKIND_SUCCESS);
	assert_int_equal(
	    memkind_arena_set_max_bg_threads(SIZE_MAX), MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_arena_set_bg_threads(true), MEMKIND_SUCCESS);
	assert_int_equal(test_nr_threads(), before + 1);
	assert_int_equal(memkind_arena_set_bg_threads(false), MEMKIND_SUCCESS);

	assert_int_equal(
	    memkind_arena_stats_print(note_text, &len, MEMKIND_STAT_PRINT_ALL),
	    MEMKIND_SUCCESS);
	assert_true(len > 1000);
	assert_int_equal(memkind_arena_stats_print(note_text, &len,
			     (memkind_stat_print_opt)(1 << 20)),
	    MEMKIND_ERROR_INVALID);
}

static void
test_create_and_destroy_of_what_is_there(void **state)
{
	struct memkind *const kinds[] = {MEMKIND_DEFAULT, MEMKIND_REGULAR};

	(void)state;
	make();
	assert_int_equal(
	    memkind_arena_create_map(Kind, NULL), MEMKIND_ERROR_INVALID);
	assert_int_equal(
	    memkind_arena_create(NULL, &Ops, "x"), MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_arena_destroy(NULL), MEMKIND_ERROR_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		assert_int_equal(memkind_arena_create_map(kinds[i], NULL),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(
		    memkind_arena_destroy(kinds[i]), MEMKIND_ERROR_INVALID);
	}
}
#endif

static void
check_arena_functions(memkind_t kind)
{
	char *p = memkind_arena_malloc(kind, 1000);
	void *q = NULL;

	assert_non_null(p);
	memset(p, 7, 1000);
	assert_ptr_equal(memkind_arena_detect_kind(p), kind);
	p = memkind_arena_realloc(kind, p, 5000);
	assert_non_null(p);
	assert_true(test_all_bytes(p, 7, 1000));
	p = memkind_arena_realloc_with_kind_detect(p, 10000);
	assert_non_null(p);
	assert_ptr_equal(memkind_arena_detect_kind(p), kind);
	assert_true(test_all_bytes(p, 7, 1000));
	memkind_arena_free(kind, p);
	p = memkind_arena_calloc(kind, 10, 100);
	assert_non_null(p);
	assert_true(test_all_bytes(p, 0, 1000));
	memkind_arena_free_with_kind_detect(p);
	assert_int_equal(memkind_arena_posix_memalign(kind, &q, 4096, 100), 0);
	assert_int_equal((uintptr_t)q % 4096, 0);
	assert_null(memkind_arena_realloc(kind, q, 0));

	assert_null(memkind_arena_malloc(kind, 0));
	assert_null(memkind_arena_calloc(kind, 0, 1));
	assert_null(memkind_arena_malloc(kind, SIZE_MAX));
	assert_int_equal(memkind_arena_posix_memalign(kind, &q, 4096, 0), 0);
	assert_null(q);
	assert_int_equal(memkind_arena_posix_memalign(kind, &q, 3, 8), EINVAL);
	memkind_arena_free(kind, NULL);
}

#if TEST_OURS
/* Free blocks of a kind by that; their bytes are there for others then. */
static void
check_freeing(struct memkind *kind, void (*release)(struct memkind *, void *))
{
	/* of Kind the bytes that were mapped are known, of others what is used */
	size_t before = kind == Kind ? Mapped : test_allocated(kind);

	for (int i = 0; i < 100; i++) {
		void *p = memkind_malloc(kind, TEST_MIB);

		assert_non_null(p);
		release(kind, p);
	}
	size_t after = kind == Kind ? Mapped : test_allocated(kind);
	assert_int_not_equal(after, SIZE_MAX);
	assert_true(after < before + 50 * TEST_MIB);
}

static void
release_with_detect(struct memkind *kind, void *ptr)
{
	(void)kind;
	memkind_arena_free_with_kind_detect(ptr);
}
#endif

/* The same functions on kinds that are not of arenas of their own. */
static void
test_arena_functions_on_other_kinds(void **state)
{
	struct test_area area;
	memkind_t fixed;

	(void)state;
	test_area_map(&area, 8 * TEST_MIB);
	assert_int_equal(
	    memkind_create_fixed(area.addr, area.len, &fixed), MEMKIND_SUCCESS);
	check_arena_functions(fixed);
	check_arena_functions(MEMKIND_REGULAR);
#if TEST_OURS
	make();
	check_arena_functions(Kind);
	memkind_t kinds[] = {MEMKIND_DEFAULT, MEMKIND_REGULAR, fixed, Kind};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		check_freeing(kinds[i], memkind_arena_free);
		check_freeing(kinds[i], release_with_detect);
	}
#endif
	assert_int_equal(memkind_destroy_kind(fixed), MEMKIND_SUCCESS);
	test_area_unmap(&area);
}

static void
test_arena_functions_on_the_default_kind(void **state)
{
	(void)state;
	check_arena_functions(MEMKIND_DEFAULT);
}

static void
test_arena_functions_without_a_block(void **state)
{
	(void)state;
	assert_null(memkind_arena_detect_kind(NULL));
	memkind_arena_free_with_kind_detect(NULL);
	errno = 0;
	assert_null(memkind_arena_calloc(MEMKIND_REGULAR, SIZE_MAX, 1));
	assert_int_equal(errno, ENOMEM);
}

static void
test_arena_calloc_overflow_is_enomem(void **state)
{
	(void)state;
	errno = 0;
	assert_null(memkind_arena_calloc(MEMKIND_REGULAR, SIZE_MAX / 2 + 9, 2));
	assert_int_equal(errno, ENOMEM);
}

static void
test_arena_functions_without_a_kind(void **state)
{
	void *p = NULL;

	(void)state;
	errno = 0;
	assert_null(memkind_arena_malloc(NULL, 1));
	assert_int_equal(errno, EINVAL);
	assert_null(memkind_arena_calloc(NULL, 1, 1));
	assert_null(memkind_arena_realloc(NULL, &p, 1));
	assert_null(memkind_arena_realloc_with_kind_detect(&p, 1));
	assert_int_equal(memkind_arena_posix_memalign(NULL, &p, 8, 8), EINVAL);
	memkind_arena_free(NULL, &p);
}

#if TEST_OURS
/* A table of jemalloc's, as its manual has it. */
struct extent_hooks_s {
	void *(*alloc)(
	    extent_hooks_t *, void *, size_t, size_t, bool *, bool *, unsigned);
	bool (*dalloc)(extent_hooks_t *, void *, size_t, bool, unsigned);
	void (*destroy)(extent_hooks_t *, void *, size_t, bool, unsigned);
	bool (*commit)(
	    extent_hooks_t *, void *, size_t, size_t, size_t, unsigned);
	bool (*decommit)(
	    extent_hooks_t *, void *, size_t, size_t, size_t, unsigned);
	bool (*purge_lazy)(
	    extent_hooks_t *, void *, size_t, size_t, size_t, unsigned);
	bool (*purge_forced)(
	    extent_hooks_t *, void *, size_t, size_t, size_t, unsigned);
	bool (*split)(
	    extent_hooks_t *, void *, size_t, size_t, size_t, bool, unsigned);
	bool (*merge)(
	    extent_hooks_t *, void *, size_t, void *, size_t, bool, unsigned);
};

static char *Hook_area;
static size_t Hook_used;

static void *
hook_alloc(extent_hooks_t *hooks, void *new_addr, size_t size, size_t align,
    bool *zero, bool *commit, unsigned arena)
{
	size_t start = (Hook_used + align - 1) / align * align;

	(void)hooks;
	(void)arena;
	if (new_addr != NULL || start + size > 16 * TEST_MIB)
		return NULL;
	Hook_used = start + size;
	*zero = false;
	*commit = true;
	return Hook_area + start;
}

static bool
hook_dalloc(extent_hooks_t *hooks, void *addr, size_t size, bool committed,
    unsigned arena)
{
	(void)hooks;
	(void)addr;
	(void)size;
	(void)committed;
	(void)arena;
	return false;
}

static int
create_with_hooks(
    struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	extent_hooks_t hooks = {.alloc = hook_alloc, .dalloc = hook_dalloc};
	int err = memkind_default_create(kind, ops, name);

	/* It is copied: this one ends here. */
	return err != 0 ? err : memkind_arena_create_map(kind, &hooks);
}

static void
test_hooks_of_jemallocs(void **state)
{
	struct test_area area;

	(void)state;
	test_area_map(&area, 16 * TEST_MIB);
	Hook_area = area.addr;
	Hook_used = 0;
	Ops.create = create_with_hooks;
	make();
	char *p = memkind_malloc(Kind, 100000);
	assert_non_null(p);
	assert_true(test_area_holds(&area, p, 100000));
	memset(p, 1, 100000);
	assert_int_equal(Mapped, 0);
	memkind_free(Kind, p);
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	Kind = NULL;
	test_area_unmap(&area);
}

/* A child goes on with a copy. */
static int
use_in_child(void *arg)
{
	char *p = arg;

	if (!test_all_bytes(p, 3, 1000))
		return 1;
	memkind_free(Kind, p);
	p = memkind_malloc(Kind, 3 * TEST_MIB);
	if (p == NULL)
		return 2;
	memset(p, 4, 3 * TEST_MIB);
	memkind_free(Kind, p);
	return memkind_destroy_kind(Kind) == MEMKIND_SUCCESS ? 0 : 3;
}

static void
test_a_fork(void **state)
{
	(void)state;
	make();
	char *p = memkind_malloc(Kind, 1000);
	assert_non_null(p);
	memset(p, 3, 1000);
	assert_int_equal(test_in_child(use_in_child, p), 0);
	assert_true(test_all_bytes(p, 3, 1000));
	memkind_free(Kind, p);
}
#endif

/* --- values and nodes ------------------------------------------------------------ */

static unsigned
nr_bits(const unsigned long *mask)
{
	unsigned nr = 0;

	for (size_t i = 0; i < WORDS; i++)
		nr += (unsigned)__builtin_popcountl(mask[i]);
	return nr;
}

static void
test_nodes_that_every_machine_has(void **state)
{
	unsigned long mask[WORDS], cpus[WORDS];

	(void)state;
	memset(mask, 0xff, sizeof(mask));
	assert_int_equal(
	    memkind_default_get_mbind_nodemask(NULL, mask, MAXNODE), 0);
	assert_true(nr_bits(mask) >= 1 && nr_bits(mask) <= 1024);
	memset(cpus, 0xff, sizeof(cpus));
	assert_int_equal(
	    memkind_regular_all_get_mbind_nodemask(Kind, cpus, MAXNODE), 0);
	assert_true(nr_bits(cpus) >= 1);
}

static void
test_bits_behind_the_last_node_stay(void **state)
{
	unsigned long mask[WORDS];

	(void)state;
	memset(mask, 0xff, sizeof(mask));
	assert_int_equal(memkind_default_get_mbind_nodemask(NULL, mask, 1), 0);
	assert_int_equal(mask[0] | 1, ~0UL);
	assert_int_equal(mask[1], ~0UL);
	assert_int_equal(memkind_default_get_mbind_nodemask(NULL, NULL, 0), 0);
}

#if TEST_OURS
/* All bits up to maxnode are written: nobody has a mask as long as that. */
static void
test_a_mask_longer_than_any_is_refused(void **state)
{
	static const unsigned long rows[] = {
	    8 * 4096 + 2, 1UL << 32, ULONG_MAX / 2, ULONG_MAX};
	static unsigned long mask[8 * 4096 / 64 + 1];

	(void)state;
	assert_int_equal(
	    memkind_default_get_mbind_nodemask(NULL, mask, 8 * 4096 + 1), 0);
	memset(mask, 0xff, sizeof(mask));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
		    memkind_default_get_mbind_nodemask(NULL, mask, rows[i]),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(
		    memkind_regular_all_get_mbind_nodemask(NULL, mask, rows[i]),
		    MEMKIND_ERROR_INVALID);
		assert_true(test_all_bytes(mask, 0xff, sizeof(mask)));
		/* without a mask it is only asked */
		assert_int_equal(
		    memkind_default_get_mbind_nodemask(NULL, NULL, rows[i]), 0);
	}
}
#endif

static void
test_nodes_that_a_machine_may_have(void **state)
{
	static const struct {
		int (*get)(struct memkind *, unsigned long *, unsigned long);
		memkind_t *kind;
	} rows[] = {
	    {memkind_hbw_get_mbind_nodemask, &MEMKIND_HBW},
	    {memkind_hbw_all_get_mbind_nodemask, &MEMKIND_HBW_ALL},
	    {memkind_dax_kmem_all_get_mbind_nodemask, &MEMKIND_DAX_KMEM_ALL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned long mask[WORDS];
		int err = memkind_check_available(*rows[i].kind);

		memset(mask, 0xff, sizeof(mask));
		assert_int_equal(rows[i].get(NULL, mask, MAXNODE), err);
		if (err == MEMKIND_SUCCESS)
			assert_true(nr_bits(mask) >= 1 && nr_bits(mask) < 1025);
		else
			assert_int_equal(mask[0], ~0UL);
	}
	assert_int_equal(memkind_hbw_check_available(MEMKIND_HBW),
	    memkind_check_available(MEMKIND_HBW));
	assert_int_equal(memkind_hbw_check_available(MEMKIND_HBW_ALL),
	    memkind_check_available(MEMKIND_HBW_ALL));
	assert_int_equal(memkind_hbw_hugetlb_check_available(MEMKIND_HBW),
	    memkind_check_available(MEMKIND_HBW_HUGETLB));
	assert_int_equal(memkind_hugetlb_check_available_2mb(MEMKIND_HUGETLB),
	    memkind_check_available(MEMKIND_HUGETLB));
#if TEST_OURS
	make();
	assert_int_equal(memkind_hbw_check_available(Kind), MEMKIND_SUCCESS);
	assert_int_equal(memkind_hugetlb_check_available_2mb(Kind),
	    memkind_check_available(MEMKIND_HUGETLB));
#endif
}

static void
test_nodes_without_a_kind(void **state)
{
	(void)state;
	assert_int_equal(memkind_hbw_get_mbind_nodemask(NULL, NULL, 0),
	    memkind_check_available(MEMKIND_HBW));
	assert_int_equal(memkind_hbw_check_available(NULL),
	    memkind_check_available(MEMKIND_HBW));
	assert_int_equal(memkind_hugetlb_check_available_2mb(NULL),
	    memkind_check_available(MEMKIND_HUGETLB));
}

/* With the environment under test: all nodes are of high bandwidth, and DAX
 * devices. */
static int
look_at_named(void *arg)
{
	unsigned long all[WORDS] = {0}, mask[WORDS] = {0};

	(void)arg;
	if (memkind_default_get_mbind_nodemask(NULL, all, MAXNODE) != 0 ||
	    memkind_hbw_all_get_mbind_nodemask(NULL, mask, MAXNODE) != 0 ||
	    memcmp(all, mask, sizeof(all)) != 0)
		return 1;
	memset(mask, 0, sizeof(mask));
	if (memkind_dax_kmem_all_get_mbind_nodemask(NULL, mask, MAXNODE) != 0 ||
	    memcmp(all, mask, sizeof(all)) != 0)
		return 2;
	if (memkind_hbw_get_mbind_nodemask(MEMKIND_HBW, mask, MAXNODE) != 0 ||
	    nr_bits(mask) == 0)
		return 3;
	if (memkind_hbw_check_available(MEMKIND_HBW) != 0)
		return 4;
#if TEST_OURS
	/* the nearest one, unless there are several */
	unsigned nr_nearest = nr_bits(mask);
	memset(mask, 0, sizeof(mask));
	int err = memkind_hbw_get_preferred_mbind_nodemask(NULL, mask, MAXNODE);
	if (err != memkind_check_available(MEMKIND_HBW_PREFERRED) ||
	    (err == 0 ? nr_bits(mask) != 1 : nr_nearest < 2))
		return 5;
#endif
	return 0;
}

static void
test_nodes_that_the_environment_names(void **state)
{
	(void)state;
	assert_int_equal(run_self("--named"), 0);
}

static void
test_values(void **state)
{
	int value = -1;

	(void)state;
	assert_int_equal(memkind_default_get_mmap_flags(NULL, &value), 0);
	assert_int_equal(value, MAP_PRIVATE | MAP_ANONYMOUS);
	assert_int_equal(memkind_hugetlb_get_mmap_flags(NULL, &value), 0);
	assert_int_equal(
	    value, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26);
	assert_int_equal(memkind_pmem_get_mmap_flags(NULL, &value), 0);
	assert_int_equal(value, MAP_SHARED);
	/* MPOL_* of the kernel */
	assert_int_equal(memkind_preferred_get_mbind_mode(NULL, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(memkind_default_get_mbind_mode(NULL, &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(memkind_interleave_get_mbind_mode(NULL, &value), 0);
	assert_int_equal(value, 3);
	for (size_t align = 0; align < 100; align++) {
		bool is_good =
		    align == 8 || align == 16 || align == 32 || align == 64;

		assert_int_equal(memkind_posix_check_alignment(NULL, align),
		    is_good ? 0 : EINVAL);
	}
}

static void
test_nowhere_to_put_a_value_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    memkind_default_get_mmap_flags(NULL, NULL), MEMKIND_ERROR_INVALID);
	assert_int_equal(
	    memkind_default_get_mbind_mode(NULL, NULL), MEMKIND_ERROR_INVALID);
}

/* --- mapping and MEMKIND_DEFAULT's ---------------------------------------------- */

#if TEST_OURS
static void
test_mapping(void **state)
{
	(void)state;
	make();
	char *p = memkind_default_mmap(Kind, NULL, 3 * TEST_PAGE);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(Mapped, 3 * TEST_PAGE);
	assert_true(test_all_bytes(p, 0, 3 * TEST_PAGE));
	assert_int_equal(memkind_default_mbind(Kind, p, 3 * TEST_PAGE), 0);
	assert_int_equal(
	    memkind_default_mbind(MEMKIND_INTERLEAVE, p, 3 * TEST_PAGE), 0);
	assert_int_equal(memkind_nohugepage_madvise(Kind, p, 3 * TEST_PAGE), 0);
	memset(p, 1, 3 * TEST_PAGE);
	assert_int_equal(munmap(p, 3 * TEST_PAGE), 0);
	errno = 0;
	assert_int_equal(memkind_nohugepage_madvise(Kind, p + 1, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(memkind_default_mbind(MEMKIND_DEFAULT, p, 4096),
	    MEMKIND_ERROR_BADOPS);
	assert_int_equal(
	    memkind_default_mbind(NULL, p, 4096), MEMKIND_ERROR_INVALID);
	errno = 0;
	assert_ptr_equal(memkind_default_mmap(NULL, NULL, 4096), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	assert_ptr_equal(memkind_default_mmap(Kind, NULL, 0), MAP_FAILED);
	Flags_rc = -1;
	assert_ptr_equal(memkind_default_mmap(Kind, NULL, 4096), MAP_FAILED);
	Flags_rc = 0;
	Mbind_rc = -1;
	assert_ptr_equal(memkind_default_mmap(Kind, NULL, 4096), MAP_FAILED);
	Mbind_rc = 0;
	/* Of a static kind without memory here nothing is mapped. */
	if (memkind_check_available(MEMKIND_HBW) != 0)
		assert_ptr_equal(
		    memkind_default_mmap(MEMKIND_HBW, NULL, 4096), MAP_FAILED);
}
#endif

static void
test_defaults_blocks(void **state)
{
	void *q = &q;

	(void)state;
	char *p = memkind_default_malloc(NULL, 100);
	assert_non_null(p);
	assert_ptr_equal(memkind_detect_kind(p), MEMKIND_DEFAULT);
	assert_in_range(memkind_default_malloc_usable_size(NULL, p), 100, 1000);
	memset(p, 6, 100);
	p = memkind_default_realloc(NULL, p, 100000);
	assert_non_null(p);
	assert_true(test_all_bytes(p, 6, 100));
	assert_null(memkind_default_realloc(NULL, p, 0));
	p = memkind_default_realloc(NULL, NULL, 10);
	assert_non_null(p);
	memkind_default_free(NULL, p);
	p = memkind_default_calloc(NULL, 7, 9);
	assert_true(test_all_bytes(p, 0, 63));
	memkind_default_free(NULL, p);
	memkind_default_free(NULL, NULL);
	assert_null(memkind_default_malloc(NULL, 0));
	assert_null(memkind_default_calloc(NULL, 0, 1));
	errno = 0;
	assert_null(memkind_default_malloc(NULL, SIZE_MAX));
	assert_int_equal(errno, ENOMEM);
	assert_null(memkind_default_calloc(NULL, SIZE_MAX / 2 + 9, 2));
	assert_int_equal(
	    memkind_default_posix_memalign(NULL, &q, 3, 8), EINVAL);
	assert_int_equal(memkind_default_posix_memalign(NULL, &q, 8, 0), 0);
	assert_null(q);
	assert_int_equal(
	    memkind_default_posix_memalign(NULL, &q, 8, SIZE_MAX), ENOMEM);
	assert_int_equal(memkind_default_posix_memalign(NULL, &q, 512, 8), 0);
	assert_int_equal((uintptr_t)q % 512, 0);
	memkind_default_free(NULL, q);
#if TEST_OURS
	check_freeing(MEMKIND_DEFAULT, memkind_default_free);
	check_freeing(MEMKIND_REGULAR, memkind_default_free);
#endif
	assert_int_equal(memkind_default_destroy(MEMKIND_DEFAULT), 0);
}

static void
test_defaults_functions_refuse_null(void **state)
{
	(void)state;
	assert_int_equal(
	    memkind_default_posix_memalign(NULL, NULL, 8, 8), EINVAL);
	assert_int_equal(
	    memkind_default_create(NULL, &Ops, "x"), MEMKIND_ERROR_INVALID);
}

#if TEST_OURS
/* memkind_default_free() takes blocks of arenas, which then are not handed out
 * as blocks of MEMKIND_DEFAULT. */
static void
test_default_free_of_another_kinds_block(void **state)
{
	(void)state;
	make();
	for (int i = 0; i < 1000; i++) {
		memkind_default_free(NULL, memkind_malloc(Kind, 64));
		void *p = memkind_malloc(MEMKIND_DEFAULT, 64);
		assert_ptr_equal(memkind_detect_kind(p), MEMKIND_DEFAULT);
		memkind_free(MEMKIND_DEFAULT, p);
	}
}
#endif

/* --- kinds over a file ------------------------------------------------------------- */

#if TEST_OURS
static void
test_operations_of_a_kind_over_a_file(void **state)
{
	struct daxkind_region *region;
	memkind_t kind;

	(void)state;
	Ops = Arena_ops;
	Ops.create = memkind_pmem_create;
	Ops.destroy = memkind_pmem_destroy;
	assert_int_equal(
	    daxkind_region_open_dir(test_dir(), 16 * TEST_MIB, 0, &region), 0);
	assert_int_equal(daxkind_kind_create_with_ops(
			     region, &Ops, sizeof(Ops), "file", &kind),
	    0);
	char *p = memkind_malloc(kind, 100000);
	assert_non_null(p);
	assert_ptr_equal(memkind_detect_kind(p), kind);
	char *q = memkind_pmem_mmap(kind, NULL, 5000);
	assert_ptr_not_equal(q, MAP_FAILED);
	memset(q, 1, 8192);
	memkind_free(kind, q);
	memkind_free(kind, p);
	assert_int_equal(
	    memkind_pmem_create(kind, &Ops, "x"), MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_arena_update_memory_usage_policy(
			     kind, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE),
	    MEMKIND_SUCCESS);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(memkind_pmem_destroy(NULL), MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_pmem_validate_dir(test_dir()),
	    memkind_check_dax_path(test_dir()));
	assert_int_equal(
	    memkind_pmem_validate_dir(NULL), MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_pmem_validate_dir("/nonexistent/dir"),
	    MEMKIND_ERROR_RUNTIME);
	assert_ptr_equal(memkind_pmem_mmap(NULL, NULL, 1), MAP_FAILED);
}
#endif

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    test_ours_only(unit, test_a_kind_of_a_programs_own_memory),
	    test_ours_only(unit, test_destroying_gives_all_of_it_back),
	    test_ours_only(unit, test_tables_that_are_refused),
	    test_ours_only(unit, test_an_operation_that_fails),
	    test_ours_only(unit, test_an_mmap_of_the_programs),
	    test_ours_only(unit, test_arenas),
	    test_ours_only(unit, test_finalize_is_called_at_exit),
	    test_ours_only(unit, test_arenas_by_init),
	    test_ours_only(unit, test_a_kind_without_its_arenas),
	    test_ours_only(unit, test_what_arenas_share),
	    test_ours_only(unit, test_create_and_destroy_of_what_is_there),
	    unit(test_arena_functions_on_other_kinds),
	    unit(test_arena_functions_on_the_default_kind),
	    unit(test_arena_functions_without_a_block),
	    unit(test_arena_calloc_overflow_is_enomem),
	    unit(test_arena_functions_without_a_kind),
	    test_ours_only(unit, test_hooks_of_jemallocs),
	    test_ours_only(unit, test_a_fork),
	    unit(test_nodes_that_every_machine_has),
	    unit(test_bits_behind_the_last_node_stay),
	    test_ours_only(unit, test_a_mask_longer_than_any_is_refused),
	    unit(test_nodes_that_a_machine_may_have),
	    unit(test_nodes_without_a_kind),
	    unit(test_nodes_that_the_environment_names),
	    unit(test_values),
	    unit(test_nowhere_to_put_a_value_is_refused),
	    test_ours_only(unit, test_mapping),
	    unit(test_defaults_blocks),
	    unit(test_defaults_functions_refuse_null),
	    test_ours_only(unit, test_default_free_of_another_kinds_block),
	    test_ours_only(unit, test_operations_of_a_kind_over_a_file),
	};

	if (argc > 1 && strcmp(argv[1], "--named") == 0)
		return look_at_named(NULL);
#if TEST_OURS
	if (argc > 1 && strcmp(argv[1], "--exit") == 0)
		return exit_with_kinds();
#endif
	return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}
