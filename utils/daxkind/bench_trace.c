// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_trace.c -- how long a durable heap is traced, which has a file of its own
 * without a name.
 */
#include <daxkind.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bench_allocators.h"
#include "bench_workloads.h"

enum {
	NR_NODES = 10000000,
	NODE_SIZE = 64
};

struct node {
	struct node *next;
	char content[NODE_SIZE - sizeof(void *)];
};

struct store {
	struct daxkind_region *region;
	memkind_t kind;
};

static void
open_store(struct store *s, size_t size)
{
	int fd =
	    open(bench_durable_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[32];

	if (fd < 0)
		bench_give_up("no file without a name can be made");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (daxkind_region_open_durable(path, size, "daxkind bench",
		bench_durable_flags(), &s->region) < 0 ||
	    daxkind_kind_create(s->region, &s->kind) < 0)
		bench_give_up(daxkind_last_error());
	/* The region has its own. */
	(void)close(fd);
}

static void
close_store(struct store *s)
{
	(void)memkind_destroy_kind(s->kind);
	(void)daxkind_region_close(s->region);
}

static struct node **
make_nodes(memkind_t kind, size_t nr)
{
	struct node **nodes = bench_records(nr, sizeof(struct node *));

	for (size_t i = 0; i < nr; i++) {
		nodes[i] = memkind_calloc(kind, 1, NODE_SIZE);
		if (nodes[i] == NULL)
			bench_give_up("out of memory");
	}
	return nodes;
}

static void
shuffle(struct node **nodes, size_t nr)
{
	uint64_t random = 1;

	for (size_t i = nr - 1; i > 0; i--) {
		size_t other =
		    bench_below_hi(bench_random(&random), (uint32_t)i);
		struct node *node = nodes[i];

		nodes[i] = nodes[other];
		nodes[other] = node;
	}
}

static void
link_nodes(const struct store *s, struct node **nodes, size_t nr)
{
	for (size_t i = 0; i + 1 < nr; i++)
		nodes[i]->next = nodes[i + 1];
	nodes[nr - 1]->next = NULL;
	if (daxkind_root_set(s->kind, "list", nodes[0]) < 0)
		bench_give_up(daxkind_last_error());
}

/* The same of a program that only follows the links. */
static double
time_chase(const struct node *node, size_t nr)
{
	double begin = bench_cpu_ns();
	size_t nr_found = 0;

	for (; node != NULL; node = node->next)
		nr_found++;
	if (nr_found != nr)
		bench_give_up("the list is not as it was made");
	return (bench_cpu_ns() - begin) / (double)nr;
}

/* ns for each node of the list that the root begins. */
static double
time_trace(const struct store *s, size_t nr)
{
	struct daxkind_trace_result result;
	double begin = bench_cpu_ns();

	if (daxkind_trace(s->kind, NULL, NULL, &result, sizeof(result)) < 0)
		bench_give_up(daxkind_last_error());
	if (result.kept_blocks != nr || result.freed_blocks != 0)
		bench_give_up("a trace has lost blocks");
	return (bench_cpu_ns() - begin) / (double)nr;
}

/* Seconds are those of NR_NODES, also where how->part has fewer. */
void
bench_run_trace(const struct bench_how *how)
{
	size_t nr = NR_NODES / how->part;
	struct store s;

	open_store(&s, nr * (NODE_SIZE + 8) + ((size_t)16 << 20));
	struct node **nodes = make_nodes(s.kind, nr);

	link_nodes(&s, nodes, nr);
	bench_emit("in_order_s", time_trace(&s, nr) * NR_NODES / 1e9);
	shuffle(nodes, nr);
	link_nodes(&s, nodes, nr);
	double chase = time_chase(nodes[0], nr);
	double trace = time_trace(&s, nr);
	bench_emit("s", trace * NR_NODES / 1e9);
	bench_emit("over_chase", trace / chase);
	close_store(&s);
}
