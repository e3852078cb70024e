// SPDX-License-Identifier: BSD-2-Clause
/*
 * node_choice.c -- see node_choice.h.
 */
#include "dram/node_choice.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/os.h"
#include "base/parse.h"
#include "base/reason.h"
#include "base/util.h"
#include "dax/dax_device.h"

/* MiB/s, as in memkind. */
#define DEFAULT_THRESHOLD ((size_t)200 * 1024)

/* Which candidates to pick. */
enum pick {
	PICK_ALL,
	PICK_BEST,     /* all that are equally good */
	PICK_BEST_ONE, /* fails unless one is best */
};

/* Rank node for the processors of home: smaller is better; 0: not a
 * candidate. */
typedef uint64_t rank_fn(
    const struct topology *t, unsigned home, unsigned node);

/* Size 0, or unknown: not a candidate. */
static uint64_t
larger_first(uint64_t value)
{
	return value != 0 ? UINT64_MAX - value : 0;
}

static uint64_t
rank_by_distance(const struct topology *t, unsigned home, unsigned node)
{
	return max_size(topology_access_of(t, home, node)->distance, 1);
}

static uint64_t
rank_by_size(const struct topology *t, unsigned home, unsigned node)
{
	(void)home;
	return larger_first(t->nodes[node].memory);
}

static uint64_t
rank_local_by_size(const struct topology *t, unsigned home, unsigned node)
{
	return topology_access_of(t, home, node)->is_local
		   ? larger_first(t->nodes[node].memory)
		   : 0;
}

static uint64_t
rank_local_by_latency(const struct topology *t, unsigned home, unsigned node)
{
	const struct topology_access *access =
	    topology_access_of(t, home, node);

	return access->is_local ? access->latency : 0;
}

static uint64_t
rank_local_by_bandwidth(const struct topology *t, unsigned home, unsigned node)
{
	const struct topology_access *access =
	    topology_access_of(t, home, node);

	return access->is_local ? larger_first(access->bandwidth) : 0;
}

/* Pick among the candidates (NULL: all nodes) those for the processors of home.
 * Returns the number of nodes picked. */
static unsigned
pick_for(const struct topology *t, unsigned home,
    const struct node_set *candidates, rank_fn *rank, enum pick pick,
    struct node_set *picked)
{
	uint64_t best = UINT64_MAX;

	node_set_clear(picked);
	for (unsigned node = 0; node < t->nr; node++) {
		if (!node_set_has(
			candidates != NULL ? candidates : &t->online, node))
			continue;
		uint64_t it = rank(t, home, node);
		if (it == 0 || (it > best && pick != PICK_ALL))
			continue;
		if (it < best && pick != PICK_ALL)
			node_set_clear(picked);
		best = it;
		node_set_add(picked, node);
	}
	return node_set_count(picked);
}

/* Pick for each node with processors. */
static int
pick_for_each(const struct topology *t, const struct node_set *candidates,
    rank_fn *rank, enum pick pick, int rc_if_several, struct node_sets *sets)
{
	for (unsigned home = 0; home < t->nr; home++) {
		if (!node_set_has(&t->with_cpus, home))
			continue;
		unsigned nr =
		    pick_for(t, home, candidates, rank, pick, &sets->of[home]);
		if (nr == 0)
			return error_set(-ENXIO,
			    "no node near node %u is known to have such "
			    "memory",
			    home);
		if (nr > 1 && pick == PICK_BEST_ONE)
			return error_set(rc_if_several,
			    "%u nodes are equally good for the processors of "
			    "node %u; this kind needs exactly one",
			    nr, home);
		node_set_add_all(&sets->all, &sets->of[home]);
	}
	return 0;
}

/* 1: the variable is not set. */
static int
read_variable(const char *name, const struct topology *t, struct node_set *set)
{
	const char *text = os_getenv(name);

	if (text == NULL)
		return 1;
	if (node_set_parse(text, &t->with_memory, set) < 0)
		return error_set(REASON_ENVIRON,
		    "%s=%s is not a list of nodes with memory, such as 0-2,4",
		    name, text);
	return 0;
}

/* --- high bandwidth ---------------------------------------------------------- */

static int
hbw_threshold(size_t *threshold)
{
	const char *text = os_getenv("MEMKIND_HBW_THRESHOLD");

	*threshold = DEFAULT_THRESHOLD;
	if (text != NULL &&
	    (!parse_number(text, threshold) || *threshold > UINT_MAX))
		return error_set(REASON_ENVIRON,
		    "MEMKIND_HBW_THRESHOLD=%s is not a number of MiB/s", text);
	return 0;
}

static int
choose_hbw(const struct topology *t, enum pick pick, struct node_sets *sets)
{
	struct node_set named;
	size_t threshold;
	int rc = read_variable("MEMKIND_HBW_NODES", t, &named);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pick_for_each(
		    t, &named, rank_by_distance, pick, REASON_AMBIGUOUS, sets);

	rc = hbw_threshold(&threshold);
	if (rc < 0)
		return rc;
	for (unsigned home = 0; home < t->nr; home++) {
		struct node_set fast = {0};

		if (!node_set_has(&t->with_cpus, home))
			continue;
		for (unsigned node = 0; node < t->nr; node++) {
			unsigned bandwidth =
			    topology_access_of(t, home, node)->bandwidth;

			if (bandwidth != 0 && bandwidth >= threshold)
				node_set_add(&fast, node);
		}
		unsigned nr = pick_for(
		    t, home, &fast, rank_by_distance, pick, &sets->of[home]);
		if (nr == 0)
			return error_set(-ENXIO,
			    "the firmware reports no memory of %zu MiB/s or "
			    "more near node %u; name nodes in "
			    "MEMKIND_HBW_NODES",
			    threshold, home);
		if (nr > 1 && pick == PICK_BEST_ONE)
			return error_set(REASON_AMBIGUOUS,
			    "%u nodes of high bandwidth are equally near "
			    "node %u; this kind needs exactly one",
			    nr, home);
		node_set_add_all(&sets->all, &sets->of[home]);
	}
	return 0;
}

/* --- DAX devices as memory ---------------------------------------------------- */

static int
visit_device(const struct dax_device *device, void *arg)
{
	if (device->is_system_ram && device->numa_node >= 0)
		node_set_add(arg, (unsigned)device->numa_node);
	return 0;
}

static int
choose_kmem(const struct topology *t, enum pick pick, struct node_sets *sets)
{
	struct node_set nodes = {0};
	int rc = read_variable("MEMKIND_DAX_KMEM_NODES", t, &nodes);

	if (rc < 0)
		return rc;
	if (rc == 1) {
		rc = dax_device_walk(visit_device, &nodes);
		if (rc < 0 || node_set_is_empty(&nodes))
			return error_set(-ENODEV,
			    "no DAX device is in system-ram mode; name nodes "
			    "in MEMKIND_DAX_KMEM_NODES");
	}
	return pick_for_each(
	    t, &nodes, rank_by_distance, pick, REASON_AMBIGUOUS, sets);
}

/* --- all ------------------------------------------------------------------------ */

static int
choose(
    enum node_choice choice, const struct topology *t, struct node_sets *sets)
{
	switch (choice) {
	case NODES_WITH_CPUS:
		return pick_for_each(
		    t, &t->with_cpus, rank_by_distance, PICK_ALL, 0, sets);
	case NODES_WITH_MEMORY:
		return pick_for_each(
		    t, &t->with_memory, rank_by_distance, PICK_ALL, 0, sets);
	case NODES_HBW_ALL:
		return choose_hbw(t, PICK_ALL, sets);
	case NODES_HBW_NEAREST:
		return choose_hbw(t, PICK_BEST, sets);
	case NODES_HBW_ONE:
		return choose_hbw(t, PICK_BEST_ONE, sets);
	case NODES_KMEM_ALL:
		return choose_kmem(t, PICK_ALL, sets);
	case NODES_KMEM_NEAREST:
		return choose_kmem(t, PICK_BEST, sets);
	case NODES_KMEM_ONE:
		return choose_kmem(t, PICK_BEST_ONE, sets);
	case NODES_LARGEST:
		return pick_for_each(t, NULL, rank_by_size, PICK_BEST, 0, sets);
	case NODES_LARGEST_ONE:
		return pick_for_each(
		    t, NULL, rank_by_size, PICK_BEST_ONE, -ENXIO, sets);
	case NODES_LOCAL_LARGEST:
		return pick_for_each(
		    t, NULL, rank_local_by_size, PICK_BEST, 0, sets);
	case NODES_LOCAL_LARGEST_ONE:
		return pick_for_each(
		    t, NULL, rank_local_by_size, PICK_BEST_ONE, -ENXIO, sets);
	case NODES_LOCAL_LATENCY:
		return pick_for_each(
		    t, NULL, rank_local_by_latency, PICK_BEST, 0, sets);
	case NODES_LOCAL_LATENCY_ONE:
		return pick_for_each(t, NULL, rank_local_by_latency,
		    PICK_BEST_ONE, -ENXIO, sets);
	case NODES_LOCAL_BANDWIDTH:
		return pick_for_each(
		    t, NULL, rank_local_by_bandwidth, PICK_BEST, 0, sets);
	case NODES_LOCAL_BANDWIDTH_ONE:
		return pick_for_each(t, NULL, rank_local_by_bandwidth,
		    PICK_BEST_ONE, -ENXIO, sets);
	case NR_NODE_CHOICES:
	default:
		return -EINVAL;
	}
}

int
node_choice_make(enum node_choice choice, const struct topology *topology,
    struct node_sets *sets)
{
	sets->nr = topology->nr;
	node_set_clear(&sets->all);
	memset(sets->of, 0, topology->nr * sizeof(sets->of[0]));
	sets->rc = choose(choice, topology, sets);
	if (sets->rc < 0) {
		(void)snprintf(
		    sets->why, sizeof(sets->why), "%s", error_text());
		node_set_clear(&sets->all);
		memset(sets->of, 0, topology->nr * sizeof(sets->of[0]));
	}
	return sets->rc;
}

static _Atomic(struct node_sets *) Choices[NR_NODE_CHOICES];
/* libdaxctl calls malloc, and a malloc that is built on the kind then calls
 * back into this file. */
static _Thread_local bool Is_choosing;

static const struct node_sets *
make_once(enum node_choice choice)
{
	const struct topology *t = topology_get();
	struct node_sets *none = NULL;
	void *map;

	if (t == NULL || Is_choosing)
		return NULL;
	size_t len = sizeof(struct node_sets) + t->nr * sizeof(struct node_set);
	if (os_map_anon(len, &map) < 0)
		return NULL;
	struct node_sets *sets = map;
	Is_choosing = true;
	(void)node_choice_make(choice, t, sets);
	Is_choosing = false;
	/* If several threads choose at once, the first one wins. */
	if (!atomic_compare_exchange_strong(&Choices[choice], &none, sets)) {
		(void)os_unmap(map, len);
		sets = none;
	}
	return sets;
}

const struct node_sets *
node_choice_get(enum node_choice choice)
{
	const struct node_sets *sets =
	    atomic_load_explicit(&Choices[choice], memory_order_acquire);

	return DK_LIKELY(sets != NULL) ? sets : make_once(choice);
}

const struct node_set *
node_choice_here(const struct node_sets *sets)
{
	unsigned home = os_current_node();

	if (home < sets->nr && !node_set_is_empty(&sets->of[home]))
		return &sets->of[home];
	return &sets->all;
}

bool
node_choice_is_uniform(const struct node_sets *sets)
{
	/* An empty set stands for all nodes. */
	for (unsigned home = 0; home < sets->nr; home++) {
		if (!node_set_is_empty(&sets->of[home]) &&
		    !node_set_is_same(&sets->of[home], &sets->all))
			return false;
	}
	return true;
}

int
node_choice_copy(
    enum node_choice choice, unsigned long *nodemask, unsigned long maxnode)
{
	const struct node_sets *sets = node_choice_get(choice);

	if (sets == NULL)
		return error_set(-ENOMEM, "out of memory while looking for "
					  "NUMA nodes");
	if (sets->rc < 0)
		return error_set(sets->rc, "%s", sets->why);
	if (nodemask == NULL)
		return 0;
	/* All maxnode bits are written, so a wrong number would overwrite other
	 * memory. */
	if (maxnode > NODE_SET_MASK_MAX)
		return error_set(-EINVAL,
		    "a mask of %lu nodes is too long: mbind(2) takes at most "
		    "%d bits",
		    maxnode, (int)NODE_SET_MASK_MAX);
	const struct node_set *set = node_choice_here(sets);
	for (unsigned long node = 0; node < maxnode; node++) {
		unsigned long bit = 1UL << node % NODE_SET_WORD_BITS;

		if (node < NODE_SET_MAX && node_set_has(set, (unsigned)node))
			nodemask[node / NODE_SET_WORD_BITS] |= bit;
		else
			nodemask[node / NODE_SET_WORD_BITS] &= ~bit;
	}
	return 0;
}

size_t
node_choice_memory(const struct node_set *set)
{
	const struct topology *t = topology_get();
	size_t bytes = 0;

	for (unsigned node = 0; t != NULL && node < t->nr; node++)
		bytes += node_set_has(set, node) ? t->nodes[node].memory : 0;
	return bytes;
}

size_t
node_choice_huge_pages(const struct node_set *set)
{
	const struct topology *t = topology_get_huge_pages();
	size_t nr = 0;

	for (unsigned node = 0; t != NULL && node < t->nr; node++)
		nr += node_set_has(set, node) ? t->nodes[node].huge_pages : 0;
	return nr;
}

bool
node_choice_has_huge_pages(const struct node_set *set)
{
	const struct topology *t = topology_get_huge_pages();

	return t != NULL &&
	       (t->extra_huge_pages != 0 || node_choice_huge_pages(set) != 0);
}
