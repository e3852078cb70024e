// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_durable_trace.c -- daxkind_trace(): what roots reach stays, the rest goes.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char Layout[] = "test_durable_trace";

static char Path[PATH_MAX];
static struct daxkind_region *Region;
static memkind_t Kind;

static void
open_again(unsigned flags)
{
	if (daxkind_region_open_durable(Path, 0, Layout, flags, &Region) != 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
}

static void
make(size_t size)
{
	if (daxkind_region_open_durable(
		Path, size, Layout, DAXKIND_CREATE, &Region) != 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
}

static void
end(void)
{
	assert_int_equal(daxkind_region_check(Region), 0);
	assert_int_equal(memkind_destroy_kind(Kind), 0);
	assert_int_equal(daxkind_region_close(Region), 0);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(Path, sizeof(Path), "%s", test_path("trace"));
	(void)unlink(Path);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(Path);
	return 0;
}

static void *
must_have(size_t size)
{
	void *p = memkind_calloc(Kind, 1, size);

	assert_non_null(p);
	return p;
}

static void
set_root(const char *name, const void *ptr)
{
	assert_int_equal(daxkind_root_set(Kind, name, ptr), 0);
}

static struct daxkind_trace_result
trace_with(daxkind_trace_fn *visit, void *arg)
{
	struct daxkind_trace_result result;

	if (daxkind_trace(Kind, visit, arg, &result, sizeof(result)) != 0)
		fail_msg("%s", daxkind_last_error());
	return result;
}

static void
assert_trace(size_t nr_kept, size_t nr_freed)
{
	struct daxkind_trace_result result = trace_with(NULL, NULL);

	assert_int_equal(result.kept_blocks, nr_kept);
	assert_int_equal(result.freed_blocks, nr_freed);
}

static int
count(void *arg, void *block, size_t usable)
{
	(void)block;
	(void)usable;
	++*(size_t *)arg;
	return DAXKIND_KEEP;
}

static size_t
nr_blocks(void)
{
	size_t nr = 0;

	assert_int_equal(daxkind_walk(Kind, count, &nr), 0);
	return nr;
}

/* --- simple shapes --------------------------------------------------------------- */

struct node {
	struct node *next;
	struct node *other;
};

static void
test_lists_and_cycles(void **state)
{
	struct node *nodes[20];

	(void)state;
	make(16 * TEST_MIB);
	/* Nothing at all, then no root. */
	assert_trace(0, 0);
	for (size_t i = 0; i < 20; i++)
		nodes[i] = must_have(sizeof(struct node) + i * 100);
	/* 0 to 9: a circle; 10 to 14: one that nothing leads to; 15: points to
	 * itself; 16 and 17: to the first circle, which does not know them. */
	for (size_t i = 0; i < 10; i++)
		nodes[i]->next = nodes[(i + 1) % 10];
	for (size_t i = 10; i < 15; i++)
		nodes[i]->next = nodes[10 + (i + 1) % 5];
	nodes[15]->next = nodes[15];
	nodes[16]->next = nodes[0];
	nodes[17]->other = nodes[9];
	set_root("circle", nodes[4]);
	assert_trace(10, 10);
	assert_int_equal(nr_blocks(), 10);
	/* Two roots, one of them of a block that has no pointer. */
	char *text = must_have(50);
	memset(text, 'x', 50);
	set_root("text", text);
	assert_trace(11, 0);
	set_root("circle", NULL);
	assert_trace(1, 10);
	set_root("text", NULL);
	assert_trace(0, 1);
	assert_int_equal(nr_blocks(), 0);
	end();
}

/* Wherever in a block a pointer leads, and wherever it lies. */
static void
test_interior_pointers(void **state)
{
	static const size_t sizes[] = {
	    8, 16, 24, 32, 48, 4096, 14336, 14337, 100000, 3 * TEST_MIB};
	enum {
		NR = sizeof(sizes) / sizeof(sizes[0])
	};

	(void)state;
	make(32 * TEST_MIB);
	for (size_t i = 0; i < NR; i++) {
		char *block = must_have(sizes[i]);
		size_t usable = memkind_malloc_usable_size(Kind, block);
		char *neighbour = must_have(sizes[i]);
		char **from = must_have(5000);
		char *places[] = {
		    block, block + 1, block + usable / 2, block + usable - 1};

		(void)neighbour;
		for (size_t j = 0; j < 4; j++) {
			from[j * 200] = places[j];
			set_root("from", from + 77); /* itself interior */
			/* The neighbour goes the first time. */
			assert_trace(2, j == 0 ? 1 : 0);
			from[j * 200] = NULL;
		}
		/* At no aligned place, one past its end, or one before. */
		memcpy((char *)from + 12, &block, sizeof(block));
		from[7] = block + usable;
		from[8] = block - 1;
		assert_trace(1, 1);
		set_root("from", NULL);
		assert_trace(0, 1);
	}
	end();
}

/* --- what is no block ----------------------------------------------------------------- */

static void
test_free_blocks_are_not_kept(void **state)
{
	enum {
		NR = 500
	};
	void **table;

	(void)state;
	make(16 * TEST_MIB);
	table = must_have(NR * sizeof(*table));
	set_root("table", table);
	for (size_t i = 0; i < NR; i++)
		table[i] = must_have(64 + i % 7 * 3000);
	assert_trace(NR + 1, 0);
	/* Pointers to them stay: they are in this thread's cache, or in slabs,
	 * or nothing is there any more. */
	for (size_t i = 0; i < NR; i += 2)
		memkind_free(Kind, table[i]);
	assert_trace(NR / 2 + 1, 0);
	assert_int_equal(nr_blocks(), NR / 2 + 1);
	/* Addresses of what is not the program's. */
	struct daxkind_region_info info;
	assert_int_equal(daxkind_region_info(Region, &info, sizeof(info)), 0);
	for (size_t i = 0; i < NR; i++)
		table[i] = (char *)info.base + i * (info.size / NR);
	struct daxkind_trace_result result = trace_with(NULL, NULL);
	assert_int_equal(result.kept_blocks + result.freed_blocks, NR / 2 + 1);
	table[0] = (char *)info.base + info.size;
	table[1] = (char *)UINTPTR_MAX;
	table[2] = NULL;
	(void)trace_with(NULL, NULL);
	end();
}

static pthread_barrier_t Barrier;

static void *
cache_and_stay(void *arg)
{
	void *blocks[30];

	(void)arg;
	for (size_t i = 0; i < 30; i++)
		blocks[i] = memkind_malloc(Kind, 100);
	for (size_t i = 0; i < 30; i++)
		memkind_free(Kind, blocks[i]);
	(void)pthread_barrier_wait(&Barrier);
	(void)pthread_barrier_wait(&Barrier);
	/* Its cache is empty, and works. */
	for (size_t i = 0; i < 30; i++)
		blocks[i] = memkind_malloc(Kind, 100);
	for (size_t i = 0; i < 30; i++)
		memkind_free(Kind, blocks[i]);
	return NULL;
}

static void
test_other_caches_are_no_blocks(void **state)
{
	pthread_t thread;

	(void)state;
	make(16 * TEST_MIB);
	set_root("one", must_have(100));
	assert_int_equal(pthread_barrier_init(&Barrier, NULL, 2), 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, cache_and_stay, NULL), 0);
	(void)pthread_barrier_wait(&Barrier);
	assert_trace(1, 0);
	(void)pthread_barrier_wait(&Barrier);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_barrier_destroy(&Barrier), 0);
	assert_trace(1, 0);
	end();
}

/* --- random graphs ----------------------------------------------------------------------- */

enum {
	MAX_NODES = 3000,
	MAX_EDGES = 8
};

/* What the test knows of a block. */
struct model {
	char *ptr;
	size_t usable;
	size_t nr_edges;
	size_t to[MAX_EDGES];
	bool is_reached;
	size_t nr_visits;
	unsigned char fill;
};

static struct model Models[MAX_NODES];
static size_t Nr_models;
static uint64_t Random = 88172645463325252u;

static size_t
below(size_t n)
{
	return (size_t)(test_random(&Random) >> 8) % n;
}

static size_t
choose_size(void)
{
	switch (below(12)) {
	case 0:
		return 1 + below(8);
	case 1:
		return 14337 + below(60000);
	case 2:
		return 1 + below(14336);
	case 3:
		return below(20) == 0 ? 2 * TEST_MIB : 4096;
	default:
		return 8 + below(300);
	}
}

/* Words that are no pointers into the heap. */
static void
fill_block(struct model *m)
{
	m->fill = (unsigned char)(1 + below(15));
	memset(m->ptr, m->fill, m->usable);
}

static void
add_edges(struct model *m, bool as_offsets)
{
	size_t nr_words = m->usable / sizeof(uint64_t);

	m->nr_edges = below(MAX_EDGES + 1);
	if (m->nr_edges > nr_words)
		m->nr_edges = nr_words;
	for (size_t i = 0; i < m->nr_edges; i++) {
		struct model *to = &Models[m->to[i] = below(Nr_models)];
		uint64_t value =
		    (uint64_t)(uintptr_t)(to->ptr + below(to->usable));

		/* The last words of the block, or the first. */
		size_t at = m->fill % 2 == 0 ? nr_words - 1 - i : i;
		if (as_offsets) {
			value = daxkind_offset(Kind, (void *)value);
			at = i;
		}
		memcpy(m->ptr + at * sizeof(value), &value, sizeof(value));
	}
}

static void
make_graph(size_t nr, bool as_offsets)
{
	Nr_models = nr;
	memset(Models, 0, sizeof(Models));
	for (size_t i = 0; i < nr; i++) {
		struct model *m = &Models[i];

		m->ptr = must_have(choose_size());
		m->usable = memkind_malloc_usable_size(Kind, m->ptr);
		fill_block(m);
	}
	for (size_t i = 0; i < nr; i++)
		add_edges(&Models[i], as_offsets);
}

static void
reach(size_t first)
{
	static size_t todo[MAX_NODES];
	size_t nr = 0;

	if (!Models[first].is_reached)
		todo[nr++] = first;
	Models[first].is_reached = true;
	while (nr > 0) {
		const struct model *m = &Models[todo[--nr]];

		for (size_t i = 0; i < m->nr_edges; i++) {
			if (!Models[m->to[i]].is_reached)
				todo[nr++] = m->to[i];
			Models[m->to[i]].is_reached = true;
		}
	}
}

static void
choose_roots(void)
{
	for (size_t i = 0; i < 1 + below(4); i++) {
		size_t to = below(Nr_models);
		char name[8];

		(void)snprintf(name, sizeof(name), "r%zu", i);
		set_root(name, Models[to].ptr + below(Models[to].usable));
		reach(to);
	}
}

static void
drop_roots(void)
{
	static const char *const names[] = {"r0", "r1", "r2", "r3"};

	for (size_t i = 0; i < 4; i++)
		set_root(names[i], NULL);
}

static int
check_block(void *arg, void *block, size_t usable)
{
	(void)arg;
	for (size_t i = 0; i < Nr_models; i++) {
		if (Models[i].ptr != block)
			continue;
		assert_true(Models[i].is_reached);
		assert_int_equal(Models[i].usable, usable);
		Models[i].is_reached = false; /* once */
		return DAXKIND_KEEP;
	}
	fail_msg("a block that nobody made");
	return DAXKIND_KEEP;
}

static void
check_result(const struct daxkind_trace_result *result)
{
	size_t kept = 0, kept_bytes = 0, bytes = 0;

	for (size_t i = 0; i < Nr_models; i++) {
		kept += Models[i].is_reached;
		kept_bytes += Models[i].is_reached ? Models[i].usable : 0;
		bytes += Models[i].usable;
	}
	assert_int_equal(result->kept_blocks, kept);
	assert_int_equal(result->kept_bytes, kept_bytes);
	assert_int_equal(result->freed_blocks, Nr_models - kept);
	assert_int_equal(result->freed_bytes, bytes - kept_bytes);
}

static void
test_random_graphs(void **state)
{
	size_t nr_kept = 0, nr_rounds = test_scaled(60);

	(void)state;
	make(test_size(256 * TEST_MIB));
	for (size_t round = 0; round < nr_rounds; round++) {
		make_graph(1 + below(round % 8 == 0 ? MAX_NODES : 300), false);
		choose_roots();
		struct daxkind_trace_result result = trace_with(NULL, NULL);
		check_result(&result);
		nr_kept += result.kept_blocks;
		assert_int_equal(daxkind_walk(Kind, check_block, NULL), 0);
		for (size_t i = 0; i < Nr_models; i++)
			assert_false(Models[i].is_reached);
		drop_roots();
		assert_trace(0, result.kept_blocks);
	}
	print_message("%zu blocks were kept\n", nr_kept);
	/* All of it is one block again. */
	void *all = memkind_malloc(Kind, test_size(256 * TEST_MIB) / 100 * 98);
	assert_non_null(all);
	memkind_free(Kind, all);
	end();
}

/* --- by a visitor ----------------------------------------------------------------------- */

static struct model *
model_of(const void *block)
{
	size_t i = 0;

	while (i < Nr_models && Models[i].ptr != block)
		i++;
	assert_true(i < Nr_models);
	return &Models[i];
}

static int
mark_offsets(
    void *arg, void *block, size_t usable, struct daxkind_marker *marker)
{
	struct model *m = model_of(block);

	(void)arg;
	assert_int_equal(m->usable, usable);
	m->nr_visits++;
	daxkind_mark(marker, NULL);
	daxkind_mark(marker, &Models); /* not in it */
	for (size_t i = 0; i < m->nr_edges; i++) {
		uint64_t offset;

		memcpy(&offset, m->ptr + i * sizeof(offset), sizeof(offset));
		daxkind_mark(marker, daxkind_at(Kind, offset));
	}
	return 0;
}

static void
test_a_visitor_marks(void **state)
{
	(void)state;
	make(test_size(256 * TEST_MIB));
	for (size_t round = 0; round < test_scaled(40); round++) {
		make_graph(1 + below(200), true);
		choose_roots();
		struct daxkind_trace_result result =
		    trace_with(mark_offsets, NULL);
		check_result(&result);
		for (size_t i = 0; i < Nr_models; i++)
			assert_int_equal(
			    Models[i].nr_visits, Models[i].is_reached);
		drop_roots();
		assert_trace(0, result.kept_blocks);
	}
	end();
}

struct stop {
	size_t nr, at;
	int with;
};

static int
stop_at(void *arg, void *block, size_t usable, struct daxkind_marker *marker)
{
	struct stop *stop = arg;
	const struct node *node = block;

	(void)usable;
	daxkind_mark(marker, node->next);
	return stop->nr++ == stop->at ? stop->with : 0;
}

static void
test_a_visitor_ends_it(void **state)
{
	struct daxkind_trace_result result = {.kept_blocks = 77};
	struct node *last = NULL;
	struct stop stop = {.at = 30, .with = -ECANCELED};

	(void)state;
	make(16 * TEST_MIB);
	for (size_t i = 0; i < 50; i++) {
		struct node *node = must_have(sizeof(*node));

		(void)must_have(sizeof(*node));
		node->next = last;
		last = node;
	}
	set_root("list", last);
	assert_int_equal(
	    daxkind_trace(Kind, stop_at, &stop, &result, sizeof(result)),
	    -ECANCELED);
	assert_int_equal(stop.nr, 31);
	assert_int_equal(result.kept_blocks, 77);
	assert_int_equal(nr_blocks(), 100);
	/* A positive value means nothing. */
	stop = (struct stop){.at = 30, .with = 5};
	result = trace_with(stop_at, &stop);
	assert_int_equal(stop.nr, 50);
	assert_int_equal(result.kept_blocks, 50);
	assert_int_equal(result.freed_blocks, 50);
	end();
}

/* --- deep and wide ------------------------------------------------------------------------ */

static void
test_a_long_list(void **state)
{
	size_t nr = test_scaled(1000000);
	struct node *last = NULL;

	(void)state;
	make(test_size(128 * TEST_MIB));
	for (size_t i = 0; i < nr; i++) {
		struct node *node = must_have(sizeof(*node));

		if (i % 3 != 0)
			continue;
		node->next = last;
		last = node;
	}
	set_root("list", last);
	assert_trace((nr + 2) / 3, nr - (nr + 2) / 3);
	end();
}

/* Of which far more is to be read later than there is a list for. */
static void
test_wide_tables(void **state)
{
	size_t nr = test_scaled(300000), nr_tables = 6, nr_lost = 0;
	void **previous = NULL;
	size_t nr_made = 0;

	(void)state;
	make(test_size(128 * TEST_MIB));
	/* Tables full of blocks with a pointer to a block each, and in the
	 * middle of one the next table. */
	for (size_t t = 0; t < nr_tables; t++) {
		size_t nr_items = nr / nr_tables;
		void **table = must_have(nr_items * sizeof(*table));

		nr_made++;
		for (size_t i = 0; i < nr_items; i++) {
			void **item = must_have(i % 100 == 0 ? 3000 : 16);

			nr_made++;
			if (i % 2 == 0) {
				item[1] = must_have(8 + i % 5 * 8);
				nr_made++;
			}
			if (i % 16 == 5) {
				(void)must_have(40);
				nr_lost++;
			}
			table[i] = item;
		}
		*(void **)table[nr_items / 2] = previous;
		previous = table;
	}
	set_root("tables", previous);
	assert_trace(nr_made, nr_lost);
	assert_trace(nr_made, 0);
	assert_int_equal(nr_blocks(), nr_made);
	set_root("tables", NULL);
	assert_trace(0, nr_made);
	end();
}

/* --- what is refused ------------------------------------------------------------------------ */

static int
mark_nothing(
    void *arg, void *block, size_t usable, struct daxkind_marker *marker)
{
	(void)block;
	(void)usable;
	daxkind_mark(marker, NULL);
	++*(size_t *)arg;
	return 0;
}

static void
test_arguments(void **state)
{
	struct daxkind_trace_result result;
	struct daxkind_region *region;
	memkind_t kind;

	(void)state;
	make(16 * TEST_MIB);
	set_root("r", must_have(10));
	(void)must_have(10);
	assert_int_equal(daxkind_trace(Kind, NULL, NULL, &result, 0), -EINVAL);
	test_says_why();
	assert_int_equal(
	    daxkind_trace(Kind, NULL, NULL, &result, 100000), -EINVAL);
	assert_int_equal(daxkind_trace(NULL, NULL, NULL, NULL, 0), -EINVAL);
	test_says_why();
	assert_int_equal(
	    daxkind_trace(MEMKIND_DEFAULT, NULL, NULL, NULL, 0), -ENOTSUP);
	test_says_why();
	daxkind_mark(NULL, Kind); /* nothing */
	assert_int_equal(nr_blocks(), 2);
	/* A shorter structure gets its front; none is fine. */
	memset(&result, 0xff, sizeof(result));
	assert_int_equal(
	    daxkind_trace(Kind, NULL, NULL, &result, 2 * sizeof(size_t)), 0);
	assert_int_equal(result.kept_blocks, 1);
	assert_int_equal(result.freed_blocks, SIZE_MAX);
	assert_int_equal(nr_blocks(), 1);
	assert_int_equal(daxkind_trace(Kind, NULL, NULL, NULL, 0), 0);
	end();
	(void)unlink(Path);
	assert_int_equal(daxkind_region_open_file(
			     Path, 16 * TEST_MIB, DAXKIND_CREATE, &region),
	    0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	assert_int_equal(daxkind_trace(kind, NULL, NULL, NULL, 0), -ENOTSUP);
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_at_another_address(void **state)
{
	struct daxkind_region_info info;
	size_t nr = 0;

	(void)state;
	make(16 * TEST_MIB);
	struct node *first = must_have(sizeof(*first));
	first->next = must_have(sizeof(*first));
	set_root("r", first);
	assert_int_equal(daxkind_region_info(Region, &info, sizeof(info)), 0);
	end();
	void *taken = mmap(info.base, TEST_PAGE, PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(taken, info.base);
	open_again(DAXKIND_RELOCATE);
	assert_int_equal(
	    daxkind_trace(Kind, NULL, NULL, NULL, 0), -EADDRNOTAVAIL);
	assert_non_null(strstr(daxkind_last_error(), "visitor"));
	assert_int_equal(nr_blocks(), 2);
	struct daxkind_trace_result result = trace_with(mark_nothing, &nr);
	assert_int_equal(result.kept_blocks, 1);
	assert_int_equal(nr, 1);
	end();
	assert_int_equal(munmap(taken, TEST_PAGE), 0);
}

static int
trace_in_child(void *arg)
{
	(void)arg;
	return daxkind_trace(Kind, NULL, NULL, NULL, 0) == -ENOMEM ? 0 : 1;
}

static void
test_a_child_frees_nothing(void **state)
{
	(void)state;
	make(16 * TEST_MIB);
	(void)must_have(10);
	assert_int_equal(test_in_child(trace_in_child, NULL), 0);
	assert_int_equal(nr_blocks(), 1);
	end();
}

/* A file may be larger than its heap: of what is behind it the trace knows
 * nothing. */
static void
test_pointers_behind_the_heap(void **state)
{
	size_t size = 16 * TEST_MIB, nr = 0;

	(void)state;
	make(size);
	struct node *first = must_have(sizeof(*first));
	set_root("r", first);
	end();
	assert_int_equal(truncate(Path, (off_t)(1024 * size)), 0);
	if (daxkind_region_open_durable(Path, size, Layout, 0, &Region) != 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	first = daxkind_root(Kind, "r");
	(void)must_have(sizeof(*first));
	for (size_t i = 1; i < 1024; i *= 2) {
		first->next = daxkind_at(Kind, i * size + 16);
		first->other = daxkind_at(Kind, 1024 * size - TEST_PAGE);
		assert_non_null(first->other);
		assert_trace(1, i == 1);
		assert_int_equal(trace_with(mark_nothing, &nr).kept_blocks, 1);
	}
	end();
}

/* What a bad page had pointers to is not known. */
static void
test_bad_pages_are_not_read(void **state)
{
	size_t nr = 0;

	(void)state;
	make(16 * TEST_MIB);
	void **large = must_have(100000);
	void **small = must_have(64);
	large[0] = small;
	set_root("r", large);
	(void)must_have(64);
	assert_int_equal(
	    daxkind_quarantine(Kind, (char *)large + 3 * TEST_PAGE, TEST_PAGE),
	    0);
	assert_int_equal(daxkind_trace(Kind, NULL, NULL, NULL, 0), -EIO);
	test_says_why();
	assert_int_equal(nr_blocks(), 3);
	/* The program may know. */
	struct daxkind_trace_result result = trace_with(mark_nothing, &nr);
	assert_int_equal(result.kept_blocks, 1);
	assert_int_equal(result.freed_blocks, 2);
	end();
}

/* --- killed meanwhile ------------------------------------------------------------------------- */

enum {
	NR_LISTED = 300
};

/* A list, and blocks of all sizes that nothing links. */
static void
make_list_and_garbage(void)
{
	struct node *last = NULL;

	for (size_t i = 0; i < NR_LISTED; i++) {
		struct node *node = must_have(16 + i % 50 * 400);

		for (size_t j = 0; j < 10; j++)
			(void)must_have(1 + (i * 10 + j) * 7 % 15000);
		node->next = last;
		last = node;
	}
	set_root("list", last);
}

static struct go {
	_Atomic(int) on;
} * Go;

static void
trace_until_killed(void)
{
	if (daxkind_region_open_durable(Path, 0, Layout, 0, &Region) != 0 ||
	    daxkind_kind_create(Region, &Kind) != 0)
		_exit(1);
	make_list_and_garbage();
	Go->on = 1;
	(void)daxkind_trace(Kind, NULL, NULL, NULL, 0);
	for (;;)
		(void)pause();
}

static void
check_list(void)
{
	const struct node *node = daxkind_root(Kind, "list");
	size_t nr = 0;

	for (; node != NULL; node = node->next) {
		assert_true(memkind_malloc_usable_size(Kind,
				(void *)(uintptr_t)node) >= sizeof(*node));
		nr++;
	}
	assert_int_equal(nr, NR_LISTED);
}

static void
test_killed_meanwhile(void **state)
{
	size_t nr_left = 0;

	(void)state;
	Go = mmap(NULL, TEST_PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(Go != MAP_FAILED);
	make(64 * TEST_MIB);
	end();
	for (size_t i = 0; i < test_scaled(12); i++) {
		struct timespec span = {.tv_nsec = (long)below(3000000)};
		int status;

		Go->on = 0;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			trace_until_killed();
		while (Go->on == 0 && waitpid(pid, &status, WNOHANG) == 0)
			(void)sched_yield();
		(void)nanosleep(&span, NULL);
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		open_again(0);
		check_list();
		struct daxkind_trace_result result = trace_with(NULL, NULL);
		assert_int_equal(result.kept_blocks, NR_LISTED);
		nr_left += result.freed_blocks;
		check_list();
		set_root("list", NULL);
		assert_trace(0, NR_LISTED);
		end();
	}
	print_message("%zu blocks were left\n", nr_left);
	assert_int_equal(munmap(Go, TEST_PAGE), 0);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_lists_and_cycles),
	    UNIT(test_interior_pointers),
	    UNIT(test_free_blocks_are_not_kept),
	    UNIT(test_other_caches_are_no_blocks),
	    UNIT(test_random_graphs),
	    UNIT(test_a_visitor_marks),
	    UNIT(test_a_visitor_ends_it),
	    UNIT(test_a_long_list),
	    UNIT(test_wide_tables),
	    UNIT(test_arguments),
	    UNIT(test_at_another_address),
	    UNIT(test_a_child_frees_nothing),
	    UNIT(test_pointers_behind_the_heap),
	    UNIT(test_bad_pages_are_not_read),
	    UNIT(test_killed_meanwhile),
	};

	return cmocka_run_group_tests_name("durable_trace", tests, NULL, NULL);
}
