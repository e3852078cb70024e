// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_je.c -- the door to jemalloc: what passes and what does not.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/plain_hooks.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/reason.h"
#include "base/util.h"
#include "heap/je.h"

#define ERRNO_BEFORE 77

static struct je_hooks Hooks;

static int
setup(void **state)
{
	mock_os_reset();
	plain_hooks_init(&Hooks);
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	return test_leaks_teardown(state);
}

static unsigned
new_arena(void)
{
	unsigned arena;

	errno = ERRNO_BEFORE;
	assert_int_equal(je_arena_new(&Hooks, true, &arena), 0);
	assert_int_equal(errno, ERRNO_BEFORE);
	return arena;
}

static void
test_blocks_are_of_their_arena(void **state)
{
	unsigned a = new_arena();
	unsigned b = new_arena();

	(void)state;
	assert_int_not_equal(a, b);
	for (size_t size = 1; size < 4 * MIB; size = size * 3 + 1) {
		for (size_t align = 0; align <= MIB;
		     align = align == 0 ? 1 : align * 4) {
			char *p = je_alloc(a, size, align, true);
			char *q = je_alloc(b, size, align, false);

			assert_non_null(p);
			assert_non_null(q);
			assert_int_equal((uintptr_t)p % max_size(align, 1), 0);
			assert_int_equal((uintptr_t)q % max_size(align, 1), 0);
			assert_true(test_all_bytes(p, 0, size));
			assert_true(je_usable(p) >= size);
			assert_int_equal(je_arena_of(p), a);
			assert_int_equal(je_arena_of(q), b);
			memset(p, 0xaa, size);
			je_free(p);
			je_free(q);
		}
	}
	je_arena_free(&Hooks, true, a);
	je_arena_free(&Hooks, true, b);
}

static void
test_absurd_sizes_are_refused(void **state)
{
	static const struct {
		size_t size, align;
	} rows[] = {
	    {SIZE_MAX, 0},
	    {SIZE_MAX - 4096, 0},
	    {PTRDIFF_MAX, 0},
	    {(size_t)PTRDIFF_MAX + 1, 0},
	    {(size_t)7 << 60, 0}, /* above jemalloc's largest class */
	    {(size_t)1 << 62, 0},
	    {(size_t)1 << 50, 0}, /* a class, but no memory */
	    {1, (size_t)1 << 62},
	    {1, (size_t)1 << 63},
	    {SIZE_MAX / 2, SIZE_MAX / 4 + 1},
	    {(size_t)1 << 60, (size_t)1 << 60},
	};
	unsigned arena = new_arena();

	(void)state;
	char *p = je_alloc(arena, 100, 0, false);
	memset(p, 0xaa, 100);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(je_alloc(arena, rows[i].size, rows[i].align, true));
		if (rows[i].size == 1)
			continue;
		assert_null(je_resize(arena, p, rows[i].size));
		assert_true(test_all_bytes(p, 0xaa, 100));
	}
	je_free(p);
	je_arena_free(&Hooks, true, arena);
}

static void
test_resizing_keeps_the_bytes(void **state)
{
	unsigned arena = new_arena();
	size_t old = 1;

	(void)state;
	char *p = je_alloc(arena, 1, 0, false);
	memset(p, 0xaa, 1);
	for (size_t size = 1; size < MIB; size = size * 3 / 2 + 1) {
		p = je_resize(arena, p, size);
		assert_true(test_all_bytes(p, 0xaa, old));
		memset(p, 0xaa, size);
		assert_int_equal(je_arena_of(p), arena);
		old = size;
	}
	je_free(p);
	je_arena_free(&Hooks, true, arena);
}

static void
test_any_pointer_can_be_asked_about(void **state)
{
	static int here;
	void *foreign = malloc(100);
	const void *const pointers[] = {NULL, (void *)1, &here, &foreign,
	    foreign, (void *)((uintptr_t)1 << 46), (void *)((uintptr_t)1 << 47),
	    (void *)((uintptr_t)1 << 63), (void *)UINTPTR_MAX,
	    (void *)(UINTPTR_MAX - 4095)};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pointers); i++) {
		errno = ERRNO_BEFORE;
		assert_int_equal(je_usable(pointers[i]), 0);
		assert_int_equal(errno, ERRNO_BEFORE);
	}
	free(foreign);
}

static unsigned Nr_given;

static bool
count_and_unmap(struct je_hooks *hooks, void *addr, size_t len)
{
	(void)hooks;
	Nr_given++;
	return os_unmap(addr, len) == 0;
}

static void *
map_for_arena(struct je_hooks *hooks, void *new_addr, size_t len, size_t align,
    bool *zero)
{
	void *addr = NULL;

	(void)hooks;
	*zero = true;
	return new_addr == NULL && os_map_anon_aligned(len, align, &addr) == 0
		   ? addr
		   : NULL;
}

/* An arena that ended may be used again, of what kind it was. */
static void
test_an_arena_that_gives_at_once_always_does(void **state)
{
	static struct je_hooks hooks = {
	    .alloc = map_for_arena, .give = count_and_unmap};
	unsigned keeps, gives;

	(void)state;
	je_hooks_init(&hooks);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(je_arena_new(&hooks, false, &keeps), 0);
		je_arena_free(&hooks, false, keeps);
		assert_int_equal(je_arena_new(&hooks, true, &gives), 0);
		void *p = je_alloc(gives, 100, 0, false);
		Nr_given = 0;
		je_free(p);
		assert_int_equal(Nr_given, 1);
		je_arena_free(&hooks, true, gives);
	}
}

static void
test_arenas_can_be_made_again_and_again(void **state)
{
	(void)state;
	/* more than there are numbers: they are used again */
	for (int i = 0; i < 4200; i++) {
		unsigned arena = new_arena();

		if (i % 16 == 0)
			(void)je_alloc(arena, 100, 0, false);
		je_arena_free(&Hooks, true, arena);
	}
}

/* --- hooks ----------------------------------------------------------------------- */

struct counting_hooks {
	struct je_hooks hooks; /* must be first */
	struct je_hooks plain;
	size_t taken, noted; /* bytes */
	unsigned nr_notes;
	bool refuses_notes, refuses_gives;
};

static struct counting_hooks Counting;

static void *
count_alloc(struct je_hooks *hooks, void *new_addr, size_t len, size_t align,
    bool *zero)
{
	struct counting_hooks *c = (struct counting_hooks *)hooks;
	void *addr = c->plain.alloc(&c->plain, new_addr, len, align, zero);

	c->taken += addr != NULL ? len : 0;
	return addr;
}

static bool
count_give(struct je_hooks *hooks, void *addr, size_t len)
{
	struct counting_hooks *c = (struct counting_hooks *)hooks;

	/* never while it is noted */
	assert_true(c->noted + len <= c->taken);
	if (c->refuses_gives)
		return false;
	c->taken -= len;
	return c->plain.give(&c->plain, addr, len);
}

static bool
count_note(struct je_hooks *hooks, void *addr, size_t len)
{
	struct counting_hooks *c = (struct counting_hooks *)hooks;

	(void)addr;
	c->nr_notes++;
	if (c->refuses_notes)
		return false;
	c->noted += len;
	return true;
}

static void
count_forget(struct je_hooks *hooks, void *addr, size_t len)
{
	struct counting_hooks *c = (struct counting_hooks *)hooks;

	(void)addr;
	/* nothing to forget of what was refused */
	if (!c->refuses_notes)
		c->noted -= len;
}

static void
init_counting(void)
{
	memset(&Counting, 0, sizeof(Counting));
	plain_hooks_init(&Counting.plain);
	Counting.hooks = (struct je_hooks){.alloc = count_alloc,
	    .give = count_give,
	    .note = count_note,
	    .forget = count_forget};
	je_hooks_init(&Counting.hooks);
}

static void
test_what_an_arena_has_is_noted(void **state)
{
	unsigned arena;

	(void)state;
	init_counting();
	assert_int_equal(je_arena_new(&Counting.hooks, true, &arena), 0);
	void *p = je_alloc(arena, 3 * MIB, 0, false);
	assert_non_null(p);
	assert_true(Counting.taken >= 3 * MIB);
	assert_int_equal(Counting.noted, Counting.taken);
	/* what stays is noted again */
	Counting.refuses_gives = true;
	je_free(p);
	je_arena_purge(arena);
	assert_int_equal(Counting.noted, Counting.taken);
	assert_true(Counting.taken >= 3 * MIB);
	Counting.refuses_gives = false;
	/* without a note there is no block */
	Counting.refuses_notes = true;
	size_t before = Counting.taken;
	unsigned nr = Counting.nr_notes;
	assert_null(je_alloc(arena, 5 * MIB, 0, false));
	assert_true(Counting.nr_notes > nr);
	assert_int_equal(Counting.taken, before);
	Counting.refuses_notes = false;
	/* it keeps what was refused, which goes with it */
	je_arena_free(&Counting.hooks, true, arena);
	assert_int_equal(Counting.taken, 0);
	assert_int_equal(Counting.noted, 0);
}

/* Which of the next settings of an arena's decay fails, from 1; 0: none. */
static unsigned Failing_decay;

int __real_jemk_mallctlbymib(const size_t *mib, size_t miblen, void *old,
    size_t *old_len, void *new_value, size_t new_len);
int __wrap_jemk_mallctlbymib(const size_t *mib, size_t miblen, void *old,
    size_t *old_len, void *new_value, size_t new_len);

int
__wrap_jemk_mallctlbymib(const size_t *mib, size_t miblen, void *old,
    size_t *old_len, void *new_value, size_t new_len)
{
	/* it alone has such a value, which is 0 */
	if (Failing_decay > 0 && new_value != NULL &&
	    new_len == sizeof(ssize_t) && *(ssize_t *)new_value == 0 &&
	    --Failing_decay == 0)
		return EFAULT;
	return __real_jemk_mallctlbymib(
	    mib, miblen, old, old_len, new_value, new_len);
}

/* Takes a minute with a sanitizer. */
#if !DK_SANITIZED
/* More often than there are arenas: each ends, and is counted out. */
static void
test_an_arena_that_would_not_give_at_once_is_none(void **state)
{
	unsigned held[16]; /* what is kept of arenas that ended */
	unsigned arena = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		assert_int_equal(je_arena_new(&Hooks, true, &held[i]), 0);
	for (unsigned i = 0; i < 4200; i++) {
		bool is_promised = i % 4 >= 2;

		if (is_promised)
			assert_int_equal(je_arena_promise(), 0);
		Failing_decay = 1 + i % 2;
		errno = ERRNO_BEFORE;
		int rc = is_promised ? je_arena_redeem(&Hooks, true, &arena)
				     : je_arena_new(&Hooks, true, &arena);
		assert_int_equal(rc, -EFAULT);
		assert_int_equal(errno, ERRNO_BEFORE);
		assert_int_equal(Failing_decay, 0);
		if (is_promised)
			je_arena_forgo();
	}
	assert_int_equal(je_arena_new(&Hooks, true, &arena), 0);
	je_arena_free(&Hooks, true, arena);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		je_arena_free(&Hooks, true, held[i]);
}

static void
test_there_is_a_last_arena(void **state)
{
	static unsigned arenas[5000];
	size_t nr = 0;
	unsigned other = 77;
	int rc;

	(void)state;
	while (nr < ARRAY_LEN(arenas) &&
	       (rc = je_arena_new(&Hooks, true, &arenas[nr])) == 0)
		nr++;
	print_message("%zu arenas\n", nr);
	assert_in_range(nr, 3000, 4094);
	errno = ERRNO_BEFORE;
	assert_int_equal(je_arena_new(&Hooks, true, &other), REASON_NO_ARENA);
	assert_int_equal(errno, ERRNO_BEFORE);
	/* the others work, and one that ends makes room */
	void *p = je_alloc(arenas[nr - 1], 100, 0, false);
	assert_non_null(p);
	je_free(p);
	je_arena_free(&Hooks, true, arenas[7]);
	assert_int_equal(je_arena_new(&Hooks, true, &arenas[7]), 0);
	while (nr > 0)
		je_arena_free(&Hooks, true, arenas[--nr]);
}

#endif

static void
test_figures_are_those_of_the_arena(void **state)
{
	unsigned arena = new_arena();
	struct je_stats stats;
	void *p[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = je_alloc(arena, 1024, 0, false);
	void *large = je_alloc(arena, MIB, 0, false);
	assert_int_equal(je_stats_refresh(), 0);
	assert_int_equal(je_arena_stats(arena, &stats), 0);
	assert_true(stats.allocated >= 100 * 1024 + MIB);
	assert_true(stats.active >= stats.allocated);
	assert_true(stats.resident >= stats.active);
	assert_int_equal(je_stats(&stats), 0);
	assert_true(stats.allocated >= 100 * 1024 + MIB);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		je_free(p[i]);
	je_free(large);
	assert_int_equal(je_stats_refresh(), 0);
	assert_int_equal(je_arena_stats(arena, &stats), 0);
	assert_int_equal(stats.allocated, 0);
	assert_int_equal(stats.active, 0);
	je_arena_free(&Hooks, true, arena);
}

static char Report[4096];

static void
keep_report(void *arg, const char *text)
{
	size_t len = strlen(Report);

	*(bool *)arg = true;
	(void)strncpy(Report + len, text, sizeof(Report) - 1 - len);
}

static void
test_the_report_goes_through_the_callback(void **state)
{
	bool called = false;

	(void)state;
	je_stats_print(keep_report, &called, "");
	assert_true(called);
	assert_non_null(strstr(Report, "jemalloc statistics"));
	/* the settings that this library cannot do without */
	assert_non_null(strstr(Report, "opt.retain: false"));
}

/* Runs in a child, as DAXKIND_LOG is read once: what jemalloc says by itself goes
 * the same way as a report without a callback. */
static int
let_it_speak(void *arg)
{
	int *fd = arg;

	if (dup2(*fd, STDERR_FILENO) < 0)
		return 99;
	je_stats_print(NULL, NULL, "mdablxe");
	return 0;
}

static size_t
what_it_says(const char *level, char *text, size_t size)
{
	char path[] = "/tmp/test_je.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	if (level != NULL)
		assert_int_equal(setenv("DAXKIND_LOG", level, 1), 0);
	assert_int_equal(test_in_child(let_it_speak, &fd), 0);
	assert_int_equal(unsetenv("DAXKIND_LOG"), 0);
	ssize_t len = pread(fd, text, size - 1, 0);
	assert_true(len >= 0);
	text[len] = '\0';
	assert_int_equal(close(fd), 0);
	return (size_t)len;
}

static void
test_nothing_is_printed_by_itself(void **state)
{
	static char text[65536];

	(void)state;
	assert_int_equal(unsetenv("DAXKIND_LOG"), 0);
	assert_int_equal(what_it_says(NULL, text, sizeof(text)), 0);
	assert_true(what_it_says("warning", text, sizeof(text)) > 0);
	assert_ptr_equal(strstr(text, "daxkind: warning: jemalloc: "), text);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#if !DK_TSAN /* it would take minutes */
/* Numbers of arenas that do not fit where mallocx(3) wants a signed one. */
static void
test_an_arena_with_a_high_number(void **state)
{
	enum {
		NR = 2100
	};
	static unsigned arenas[NR];

	(void)state;
	for (size_t i = 0; i < NR; i++)
		assert_int_equal(je_arena_new(&Hooks, true, &arenas[i]), 0);
	for (size_t i = 0; i < NR; i += 300) {
		void *p = je_alloc(arenas[i], 100, 0, false);

		assert_non_null(p);
		assert_int_equal(je_arena_of(p), arenas[i]);
		p = je_resize(arenas[i], p, 5000);
		assert_non_null(p);
		je_free(p);
	}
	assert_true(arenas[NR - 1] >= 2047);
	for (size_t i = 0; i < NR; i++)
		je_arena_free(&Hooks, true, arenas[i]);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_blocks_are_of_their_arena),
		UNIT(test_absurd_sizes_are_refused),
		UNIT(test_resizing_keeps_the_bytes),
		UNIT(test_any_pointer_can_be_asked_about),
		UNIT(test_an_arena_that_gives_at_once_always_does),
		UNIT(test_arenas_can_be_made_again_and_again),
#if !DK_TSAN /* it would take minutes */
		UNIT(test_an_arena_with_a_high_number),
#endif
#if !DK_SANITIZED
		UNIT(test_an_arena_that_would_not_give_at_once_is_none),
		UNIT(test_there_is_a_last_arena),
#endif
		UNIT(test_what_an_arena_has_is_noted),
		UNIT(test_figures_are_those_of_the_arena),
		UNIT(test_the_report_goes_through_the_callback),
		UNIT(test_nothing_is_printed_by_itself),
	};

	return cmocka_run_group_tests_name("je", tests, NULL, NULL);
}
