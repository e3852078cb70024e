// SPDX-License-Identifier: BSD-2-Clause
/*
 * topology.c -- see topology.h.
 */
#include "dram/topology.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"
#include "base/util.h"

enum {
	PATH_SIZE = 256,
	LINE_SIZE = 8192 /* a distance for each of many nodes */
};

#define HUGE_PAGES_DIR "hugepages/hugepages-2048kB"

/* A topology that is being filled in. */
struct draft {
	const char *dir;
	char *line; /* LINE_SIZE bytes, too many for a small stack */
	struct topology *t;
	struct topology_node *nodes;
	struct topology_access *access;
};

static struct topology_access *
access_of(struct draft *d, unsigned from, unsigned to)
{
	return &d->access[(size_t)from * d->t->nr + to];
}

static int
read_set(const struct draft *d, const char *name, struct node_set *set)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", d->dir, name);
	int rc = os_read_line(path, d->line, LINE_SIZE);
	return rc < 0 ? rc : node_set_read(d->line, set);
}

/* 0 if there is no such file or it contains no number. */
static size_t
read_number(const char *dir, const char *name)
{
	size_t number;

	return os_read_number(dir, name, &number) < 0 ? 0 : number;
}

/* Parse "Node 0 MemTotal:  16384 kB". */
static size_t
read_memory(const struct draft *d, unsigned node)
{
	static const char Key[] = "MemTotal:";
	char path[PATH_SIZE], line[128];

	(void)snprintf(path, sizeof(path), "%s/node%u/meminfo", d->dir, node);
	if (os_read_line(path, line, sizeof(line)) < 0)
		return 0;
	const char *text = strstr(line, Key);
	if (text == NULL)
		return 0;
	return (size_t)strtoull(text + sizeof(Key) - 1, NULL, 10) * KIB;
}

/* The file has one number for each online node, in order. */
static void
read_distances(struct draft *d, unsigned from)
{
	char path[PATH_SIZE];
	char *text = d->line;

	(void)snprintf(path, sizeof(path), "%s/node%u/distance", d->dir, from);
	if (os_read_line(path, d->line, LINE_SIZE) < 0)
		d->line[0] = '\0';
	for (unsigned to = 0; to < d->t->nr; to++) {
		char *end;

		if (!node_set_has(&d->t->online, to))
			continue;
		unsigned long distance = strtoul(text, &end, 10);
		/* The kernel's value if the firmware has none. */
		if (end == text)
			distance = from == to ? 10 : 20;
		access_of(d, from, to)->distance = (unsigned)distance;
		text = end;
	}
}

static unsigned
read_mean(const char *dir, const char *what)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "read_%s", what);
	size_t reading = read_number(dir, name);
	(void)snprintf(name, sizeof(name), "write_%s", what);
	size_t writing = read_number(dir, name);
	if (reading == 0 || writing == 0)
		return 0;
	return (unsigned)((reading + writing) / 2);
}

/*
 * The processors next to a memory, and its performance for them, from the
 * firmware's heterogeneous memory attributes (HMAT); the kernel reports the
 * best initiators only. access1 counts processors, access0 also devices;
 * kernels before 5.12 have only access0.
 */
static void
read_attributes(struct draft *d, unsigned to)
{
	char dir[PATH_SIZE], path[PATH_SIZE + 32];
	struct node_set initiators = {0};
	unsigned bandwidth, latency;

	for (int access = 1; access >= 0; access--) {
		(void)snprintf(dir, sizeof(dir),
		    "%s/node%u/access%d/initiators", d->dir, to, access);
		for (unsigned from = 0; from < d->t->nr; from++) {
			struct os_stat st;

			(void)snprintf(
			    path, sizeof(path), "%s/node%u", dir, from);
			if (node_set_has(&d->t->with_cpus, from) &&
			    os_stat(path, &st) == 0)
				node_set_add(&initiators, from);
		}
		if (!node_set_is_empty(&initiators))
			break;
	}
	bandwidth = read_mean(dir, "bandwidth");
	latency = read_mean(dir, "latency");
	for (unsigned from = 0; from < d->t->nr; from++) {
		struct topology_access *access = access_of(d, from, to);

		if (!node_set_has(&initiators, from))
			continue;
		access->bandwidth = bandwidth;
		access->latency = latency;
	}

	/* Memory on a node with processors is local to these.  Other memory is
	 * local to the initiators that the firmware names, or else to the
	 * nearest processors. */
	if (node_set_has(&d->t->with_cpus, to)) {
		node_set_clear(&initiators);
		node_set_add(&initiators, to);
	}
	if (node_set_is_empty(&initiators)) {
		unsigned nearest = 0;

		for (unsigned from = 0; from < d->t->nr; from++) {
			unsigned distance = access_of(d, from, to)->distance;

			if (!node_set_has(&d->t->with_cpus, from))
				continue;
			if (nearest == 0 || distance < nearest) {
				nearest = distance;
				node_set_clear(&initiators);
			}
			if (distance == nearest)
				node_set_add(&initiators, from);
		}
	}
	if (node_set_count(&initiators) != 1)
		return;
	for (unsigned from = 0; from < d->t->nr; from++)
		access_of(d, from, to)->is_local =
		    node_set_has(&initiators, from);
}

static void
read_nodes(struct draft *d)
{
	char path[PATH_SIZE];

	for (unsigned node = 0; node < d->t->nr; node++) {
		if (!node_set_has(&d->t->online, node))
			continue;
		read_distances(d, node);
		d->nodes[node].memory = read_memory(d, node);
		(void)snprintf(path, sizeof(path), "%s/node%u/" HUGE_PAGES_DIR,
		    d->dir, node);
		d->nodes[node].huge_pages = read_number(path, "nr_hugepages");
	}
	for (unsigned node = 0; node < d->t->nr; node++) {
		if (node_set_has(&d->t->online, node))
			read_attributes(d, node);
	}
}

/* For a kernel without NUMA. */
static void
make_single_node(struct draft *d, const char *kernel_mm_dir)
{
	char path[PATH_SIZE];

	d->nodes[0].memory = os_memory_size();
	(void)snprintf(path, sizeof(path), "%s/" HUGE_PAGES_DIR, kernel_mm_dir);
	d->nodes[0].huge_pages = read_number(path, "nr_hugepages");
	*access_of(d, 0, 0) =
	    (struct topology_access){.is_local = true, .distance = 10};
}

/* Returns whether the kernel has NUMA; if not, there is one node. */
static bool
read_sets(const struct draft *d, struct topology *t)
{
	bool is_numa = read_set(d, "online", &t->online) == 0 &&
		       !node_set_is_empty(&t->online);

	if (!is_numa)
		node_set_add(&t->online, 0);
	if (!is_numa || read_set(d, "has_cpu", &t->with_cpus) < 0)
		t->with_cpus = t->online;
	if (!is_numa || read_set(d, "has_memory", &t->with_memory) < 0)
		t->with_memory = t->online;
	for (unsigned node = 0; node < NODE_SET_MAX; node++) {
		if (node_set_has(&t->online, node))
			t->nr = node + 1;
	}
	return is_numa;
}

/* Read everything into one mapping. */
static int
read_all(struct draft *d, const char *kernel_mm_dir)
{
	struct topology t = {0};
	char path[PATH_SIZE];
	bool is_numa = read_sets(d, &t);
	size_t nodes_len = t.nr * sizeof(struct topology_node);
	size_t access_len =
	    (size_t)t.nr * t.nr * sizeof(struct topology_access);
	void *map;

	t.len = align_up(sizeof(t) + nodes_len + access_len, DK_PAGE);
	int rc = os_map_anon(t.len, &map);
	if (rc < 0)
		return rc;
	d->t = map;
	d->nodes = (void *)((char *)map + sizeof(t));
	d->access = (void *)((char *)map + sizeof(t) + nodes_len);
	t.nodes = d->nodes;
	t.access = d->access;
	*d->t = t;
	if (is_numa)
		read_nodes(d);
	else
		make_single_node(d, kernel_mm_dir);
	(void)snprintf(path, sizeof(path), "%s/" HUGE_PAGES_DIR, kernel_mm_dir);
	d->t->extra_huge_pages = read_number(path, "nr_overcommit_hugepages");
	return 0;
}

int
topology_read(
    const char *node_dir, const char *kernel_mm_dir, struct topology **topology)
{
	struct draft d = {.dir = node_dir};
	void *line;
	int rc = os_map_anon(LINE_SIZE, &line);

	if (rc < 0)
		return rc;
	d.line = line;
	rc = read_all(&d, kernel_mm_dir);
	(void)os_unmap(line, LINE_SIZE);
	if (rc < 0)
		return rc;
	*topology = d.t;
	return 0;
}

void
topology_free(struct topology *topology)
{
	if (topology != NULL)
		(void)os_unmap(topology, topology->len);
}

static const struct topology *
read_once(_Atomic(struct topology *) *where)
{
	struct topology *none = NULL;
	struct topology *t = atomic_load_explicit(where, memory_order_acquire);

	if (DK_LIKELY(t != NULL))
		return t;
	/* If several threads read it at once, the first one wins. */
	if (topology_read("/sys/devices/system/node", "/sys/kernel/mm", &t) < 0)
		return NULL;
	if (!atomic_compare_exchange_strong(where, &none, t)) {
		topology_free(t);
		t = none;
	}
	return t;
}

const struct topology *
topology_get(void)
{
	static _Atomic(struct topology *) Machine;

	return read_once(&Machine);
}

const struct topology *
topology_get_huge_pages(void)
{
	static _Atomic(struct topology *) Machine;

	return read_once(&Machine);
}
