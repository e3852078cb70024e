// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_reopen.c -- workloads about durable heaps that are formatted and opened
 * again.
 *
 * Each has a heap of its own, on a file without a name that this process keeps
 * open, so that nothing stays behind.
 */
#include <daxkind.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_allocators.h"
#include "bench_workloads.h"

enum {
	NR_OPENINGS = 7,
	NR_FORMATS = 5,
	NR_SPARSE = 1000, /* live blocks of a large heap */
	BLOCK = 64,
	PAGE = 4096
};
#define NR_BLOCKS ((size_t)1000000)
#define NR_MANY ((size_t)100000000)
/* After so many blocks of NR_MANY their file space is given back: the records
 * are what is to be read again. */
#define NR_AT_ONCE ((size_t)2000000)
#define SPARSE_SIZE ((size_t)4 << 40)

struct medium {
	int fd;
	char path[32];
	size_t size;
};

struct open_heap {
	struct daxkind_region *region;
	memkind_t kind;
};

static void
new_medium(struct medium *m, size_t size)
{
	m->fd = open(bench_durable_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (m->fd < 0)
		bench_give_up("no file without a name can be made");
	m->size = size;
	(void)snprintf(m->path, sizeof(m->path), "/proc/self/fd/%d", m->fd);
}

static void
delete_medium(const struct medium *m)
{
	(void)close(m->fd);
}

static void
open_heap(const struct medium *m, struct open_heap *heap)
{
	struct stat st;

	if (fstat(m->fd, &st) != 0 ||
	    daxkind_region_open_durable(m->path, st.st_size == 0 ? m->size : 0,
		BENCH_LAYOUT, bench_durable_flags(), &heap->region) != 0 ||
	    daxkind_kind_create(heap->region, &heap->kind) != 0)
		bench_give_up(daxkind_last_error());
}

static void
close_heap(const struct open_heap *heap)
{
	if (memkind_destroy_kind(heap->kind) != MEMKIND_SUCCESS ||
	    daxkind_region_close(heap->region) != 0)
		bench_give_up(daxkind_last_error());
}

/* Give the file space of nearly all blocks back, but for the records and for the
 * first MiB, where the stacks of this thread's cache are. */
static void
drop_content(const struct medium *m, const struct open_heap *heap)
{
	struct daxkind_region_info info;
	size_t first = m->size / 128 + ((size_t)1 << 20);

	if (daxkind_region_info(heap->region, &info, sizeof(info)) != 0 ||
	    fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t)first, (off_t)(m->size - PAGE - first)) != 0)
		bench_give_up("no hole can be punched");
}

static void
add_blocks(
    const struct medium *m, const struct open_heap *heap, size_t nr, bool drops)
{
	for (size_t i = 0; i < nr; i++) {
		if (memkind_malloc(heap->kind, BLOCK) == NULL)
			bench_give_up(daxkind_last_error());
		if (drops && i % NR_AT_ONCE == NR_AT_ONCE - 1)
			drop_content(m, heap);
	}
}

/* Milliseconds until a block can be allocated. */
static double
time_opening(const struct medium *m, struct open_heap *heap)
{
	double begin = bench_clock_ns();

	open_heap(m, heap);
	return (bench_clock_ns() - begin) / 1e6;
}

static double
time_openings(const struct medium *m)
{
	double ms[NR_OPENINGS];
	struct open_heap heap;

	for (size_t i = 0; i < NR_OPENINGS; i++) {
		ms[i] = time_opening(m, &heap);
		close_heap(&heap);
	}
	return bench_median(ms, NR_OPENINGS);
}

/* Another process opens the heap, uses it, and ends without closing it. */
static void
crash(const struct medium *m)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct open_heap heap;

		open_heap(m, &heap);
		add_blocks(m, &heap, 1, false);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		bench_give_up("no process to end");
}

static double
time_crashes(const struct medium *m)
{
	double ms[NR_OPENINGS];
	struct open_heap heap;

	for (size_t i = 0; i < NR_OPENINGS; i++) {
		crash(m);
		ms[i] = time_opening(m, &heap);
		close_heap(&heap);
	}
	return bench_median(ms, NR_OPENINGS);
}

static int
count_block(void *arg, void *block, size_t usable)
{
	(void)block;
	(void)usable;
	++*(size_t *)arg;
	return DAXKIND_KEEP;
}

/* Nanoseconds for each of nr blocks. */
static double
time_walk(const struct medium *m, size_t nr)
{
	double ns[NR_OPENINGS];
	struct open_heap heap;

	open_heap(m, &heap);
	for (size_t i = 0; i < NR_OPENINGS; i++) {
		double begin = bench_clock_ns();
		size_t nr_found = 0;

		if (daxkind_walk(heap.kind, count_block, &nr_found) != 0)
			bench_give_up(daxkind_last_error());
		ns[i] = (bench_clock_ns() - begin) / (double)nr_found;
		if (nr_found < nr)
			bench_give_up("blocks are missing");
	}
	close_heap(&heap);
	return bench_median(ns, NR_OPENINGS);
}

static void
run_reopen(size_t nr, bool drops)
{
	struct medium m;
	struct open_heap heap;

	new_medium(&m, nr * BLOCK + nr * BLOCK / 16 + ((size_t)16 << 20));
	open_heap(&m, &heap);
	add_blocks(&m, &heap, nr, drops);
	close_heap(&heap);
	bench_emit("ms", time_openings(&m));
	bench_emit("crash_ms", time_crashes(&m));
	bench_emit("walk_ns", time_walk(&m, nr));
	delete_medium(&m);
}

void
bench_run_reopen(const struct bench_how *how)
{
	run_reopen(NR_BLOCKS / how->part, false);
}

void
bench_run_reopen_many(const struct bench_how *how)
{
	run_reopen(NR_MANY / how->part, true);
}

void
bench_run_reopen_sparse(const struct bench_how *how)
{
	double ms[NR_FORMATS];
	struct open_heap heap;
	struct medium m;

	(void)how;
	for (size_t i = 0; i < NR_FORMATS; i++) {
		new_medium(&m, SPARSE_SIZE);
		ms[i] = time_opening(&m, &heap);
		if (i < NR_FORMATS - 1) {
			close_heap(&heap);
			delete_medium(&m);
		}
	}
	bench_emit("format_ms", bench_median(ms, NR_FORMATS));
	for (size_t i = 0; i < NR_SPARSE; i++) {
		if (memkind_malloc(heap.kind, 1 + i * 977 % 100000) == NULL)
			bench_give_up(daxkind_last_error());
	}
	close_heap(&heap);
	bench_emit("ms", time_openings(&m));
	bench_emit("crash_ms", time_crashes(&m));
	delete_medium(&m);
}

void
bench_run_records(const struct bench_how *how)
{
	struct daxkind_space space = {0};
	struct open_heap heap;
	struct medium m;
	struct stat st;

	(void)how;
	new_medium(&m, BENCH_SPACE_SIZE);
	open_heap(&m, &heap);
	if (fstat(m.fd, &st) != 0 ||
	    daxkind_region_space(heap.region, &space, sizeof(space)) != 0)
		bench_give_up("the heap's space is not known");
	bench_emit("share", (double)space.taken / (double)m.size);
	bench_emit("fresh_kib", (double)st.st_blocks / 2);
	close_heap(&heap);
	delete_medium(&m);
}
