// SPDX-License-Identifier: BSD-2-Clause
/*
 * fake_numa.c -- see fake_numa.h.
 */
#include "fake_numa.h"

#include "cmocka_all.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dram/topology.h"
#include "test_region.h"

static char Root[PATH_MAX / 2];

static const char *
path_of(const char *name)
{
	static char Path[PATH_MAX];

	if (Root[0] == '\0') {
		(void)snprintf(
		    Root, sizeof(Root), "%s/numa.%d", test_dir(), getpid());
		assert_int_equal(mkdir(Root, 0700), 0);
	}
	(void)snprintf(Path, sizeof(Path), "%s/%s", Root, name);
	return Path;
}

/* A file with one line, and the folders above it. */
static void
put(const char *name, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s", path_of(name));
	for (char *slash = path + strlen(Root) + 1;
	     (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fprintf(file, "%s\n", text) > 0);
	assert_int_equal(fclose(file), 0);
}

static void
put_number(const char *name, size_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%zu", number);
	put(name, text);
}

/* The list of those nodes that are in state. */
enum state {
	ONLINE,
	HAS_CPUS,
	HAS_MEMORY
};

static bool
is_in(const struct fake_node *node, enum state state)
{
	if (node->is_offline)
		return false;
	return state == ONLINE ||
	       (state == HAS_CPUS ? node->has_cpus : node->memory_mib != 0);
}

static void
put_list(const char *name, const struct fake_node *nodes, unsigned nr,
    enum state state)
{
	char text[256] = "";

	for (unsigned i = 0; i < nr; i++) {
		size_t len = strlen(text);

		if (is_in(&nodes[i], state))
			(void)snprintf(text + len, sizeof(text) - len, "%s%u",
			    len > 0 ? "," : "", i);
	}
	put(name, text);
}

static void
put_access(unsigned i, const struct fake_node *node, unsigned access)
{
	static const char *const What[] = {"read", "write"};
	char name[128];

	(void)snprintf(name, sizeof(name), "node/node%u/access%u/initiators/%s",
	    i, access, node->initiator);
	put(name, "");
	for (size_t j = 0; j < 2; j++) {
		/* The mean is what was asked for. */
		unsigned more = j == 0 ? 10 : 0, less = j == 0 ? 0 : 10;

		(void)snprintf(name, sizeof(name),
		    "node/node%u/access%u/initiators/%s_bandwidth", i, access,
		    What[j]);
		if (node->bandwidth != 0)
			put_number(name, node->bandwidth + more - less);
		(void)snprintf(name, sizeof(name),
		    "node/node%u/access%u/initiators/%s_latency", i, access,
		    What[j]);
		if (node->latency != 0)
			put_number(name, node->latency + less - more);
	}
}

static void
put_node(unsigned i, const struct fake_node *node)
{
	char name[128], text[128];

	(void)snprintf(name, sizeof(name), "node/node%u/meminfo", i);
	(void)snprintf(text, sizeof(text), "Node %u MemTotal:  %8zu kB", i,
	    node->memory_mib * 1024);
	put(name, text);
	(void)snprintf(name, sizeof(name), "node/node%u/distance", i);
	if (node->distances != NULL)
		put(name, node->distances);
	(void)snprintf(name, sizeof(name),
	    "node/node%u/hugepages/hugepages-2048kB/nr_hugepages", i);
	put_number(name, node->huge_pages);
	for (unsigned access = 0; node->initiator != NULL && access < 2;
	     access++)
		put_access(i, node, access);
}

void
fake_numa_write(const struct fake_node *nodes, unsigned nr, size_t overcommit)
{
	size_t huge_pages = 0;

	put_list("node/online", nodes, nr, ONLINE);
	put_list("node/has_cpu", nodes, nr, HAS_CPUS);
	put_list("node/has_memory", nodes, nr, HAS_MEMORY);
	for (unsigned i = 0; i < nr; i++) {
		if (nodes[i].is_offline)
			continue;
		put_node(i, &nodes[i]);
		huge_pages += nodes[i].huge_pages;
	}
	put_number("mm/hugepages/hugepages-2048kB/nr_hugepages", huge_pages);
	put_number("mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages",
	    overcommit);
}

const char *
fake_numa_node_dir(void)
{
	static char Path[PATH_MAX];

	(void)snprintf(Path, sizeof(Path), "%s", path_of("node"));
	return Path;
}

const char *
fake_numa_mm_dir(void)
{
	static char Path[PATH_MAX];

	(void)snprintf(Path, sizeof(Path), "%s", path_of("mm"));
	return Path;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
fake_numa_remove(void)
{
	if (Root[0] == '\0')
		return;
	assert_int_equal(nftw(Root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	Root[0] = '\0';
}

struct topology *
fake_numa_read(const struct fake_node *nodes, unsigned nr, size_t overcommit)
{
	struct topology *topology;

	fake_numa_write(nodes, nr, overcommit);
	assert_int_equal(
	    topology_read(fake_numa_node_dir(), fake_numa_mm_dir(), &topology),
	    0);
	fake_numa_remove();
	return topology;
}
