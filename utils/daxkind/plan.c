// SPDX-License-Identifier: BSD-2-Clause
/*
 * plan.c -- see plan.h.
 */
#include "plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/parse.h"
#include "base/util.h"

#define FOUR_GIB ((uint64_t)4 << 30)
/* A memory section.  A smaller alignment would do no harm, but namespaces and
 * memory hot-plug require this. */
#define UNIT ((uint64_t)128 << 20)
/* Memory that must remain for the machine. */
#define LEAVE ((uint64_t)1 << 30)

/* --- the map ---------------------------------------------------------------- */

static int
compare_ranges(const void *a, const void *b)
{
	const struct plan_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void
add_range(struct plan_map *map, uint64_t start, uint64_t end)
{
	if (map->nr < PLAN_MAX_RANGES && end > start)
		map->ranges[map->nr++] = (struct plan_range){start, end};
}

static void
sort_and_join(struct plan_map *map)
{
	size_t to = 0;

	qsort(map->ranges, map->nr, sizeof(*map->ranges), compare_ranges);
	for (size_t i = 0; i < map->nr; i++) {
		if (to > 0 && map->ranges[i].start <= map->ranges[to - 1].end) {
			if (map->ranges[i].end > map->ranges[to - 1].end)
				map->ranges[to - 1].end = map->ranges[i].end;
		} else {
			map->ranges[to++] = map->ranges[i];
		}
	}
	map->nr = to;
}

void
plan_take(struct plan_map *map, uint64_t start, uint64_t end)
{
	size_t nr = map->nr;

	for (size_t i = 0; i < nr; i++) {
		struct plan_range *range = &map->ranges[i];

		if (start >= range->end || end <= range->start)
			continue;
		if (end < range->end)
			add_range(map, end, range->end);
		range->end = start > range->start ? start : range->start;
	}
	sort_and_join(map);
	for (size_t i = 0; i < map->nr;) {
		if (map->ranges[i].start < map->ranges[i].end)
			i++;
		else
			map->ranges[i] = map->ranges[--map->nr];
	}
	qsort(map->ranges, map->nr, sizeof(*map->ranges), compare_ranges);
}

uint64_t
plan_total(const struct plan_map *map)
{
	uint64_t total = 0;

	for (size_t i = 0; i < map->nr; i++)
		total += map->ranges[i].end - map->ranges[i].start;
	return total;
}

/* The part of a range above 4 GiB, cut to whole units; false: none. */
static bool
high_part(const struct plan_range *range, struct plan_range *high)
{
	high->start = range->start > FOUR_GIB ? range->start : FOUR_GIB;
	high->start = (high->start + UNIT - 1) / UNIT * UNIT;
	high->end = range->end / UNIT * UNIT;
	return high->end > high->start;
}

static bool
longest_high(const struct plan_map *map, struct plan_range *longest)
{
	struct plan_range high;
	bool any = false;

	for (size_t i = 0; i < map->nr; i++) {
		if (high_part(&map->ranges[i], &high) &&
		    (!any || high.end - high.start >=
				 longest->end - longest->start)) {
			*longest = high;
			any = true;
		}
	}
	return any;
}

uint64_t
plan_longest_high(const struct plan_map *map)
{
	struct plan_range high;

	return longest_high(map, &high) ? high.end - high.start : 0;
}

int
plan_choose(const struct plan_map *map, uint64_t size, struct plan_range *place)
{
	struct plan_range high;

	if (!longest_high(map, &high))
		return -ENOSPC;
	bool is_ours = size == 0;
	if (is_ours)
		size = (high.end - high.start) / 4;
	if (is_ours && size > GIB)
		size = size / GIB * GIB;
	size = (size + UNIT - 1) / UNIT * UNIT;
	if (size == 0 || size > high.end - high.start)
		return -ENOSPC;
	if (plan_total(map) - size < LEAVE)
		return -ERANGE;
	/* Start at a multiple of 1 GiB if there is room for it. */
	uint64_t start = high.end - size;
	uint64_t rounded = start / GIB * GIB;
	if (size >= GIB && rounded >= high.start)
		start = rounded;
	*place = (struct plan_range){start, start + size};
	return 0;
}

/* --- reading the map ------------------------------------------------------ */

struct folder {
	const char *path;
	struct plan_map *map;
};

/* Read NUMBER/start, NUMBER/end (the last byte) and NUMBER/type. */
static int
read_entry(const char *name, void *arg)
{
	const struct folder *folder = arg;
	char entry[256], path[288], type[64];
	size_t start, last;

	(void)snprintf(entry, sizeof(entry), "%s/%.32s", folder->path, name);
	(void)snprintf(path, sizeof(path), "%s/type", entry);
	if (os_read_line(path, type, sizeof(type)) == 0 &&
	    strcmp(type, "System RAM") == 0 &&
	    os_read_number(entry, "start", &start) == 0 &&
	    os_read_number(entry, "end", &last) == 0)
		add_range(folder->map, start, last + 1);
	return 0;
}

/* Parse "  100000000-17fffffff : System RAM"; children are indented. */
static void
read_iomem_line(const char *line, struct plan_map *map, bool want_ram)
{
	char *end;
	bool is_child = line[0] == ' ';
	uint64_t start = strtoull(line, &end, 16);

	if (*end != '-')
		return;
	uint64_t last = strtoull(end + 1, &end, 16);
	if (strncmp(end, " : ", 3) != 0)
		return;
	if (want_ram && !is_child && strcmp(end + 3, "System RAM") == 0)
		add_range(map, start, last + 1);
	if (!want_ram && strcmp(end + 3, "Crash kernel") == 0)
		plan_take(map, start, last + 1);
}

static int
read_iomem(const char *path, struct plan_map *map, bool want_ram)
{
	char *text;
	int rc = os_read_text(path, &text);

	if (rc < 0)
		return rc;
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n")) != NULL)
		read_iomem_line(line, map, want_ram);
	os_delete(text);
	return 0;
}

static int
read_path(const char *path, struct plan_map *map)
{
	struct folder folder = {path, map};
	struct os_stat st;
	int rc = os_stat(path, &st);

	if (rc < 0)
		return rc;
	map->nr = 0;
	rc = st.is_dir ? os_walk_dir(path, read_entry, &folder)
		       : read_iomem(path, map, true);
	if (rc < 0)
		return rc;
	if (map->nr == 0)
		return -ENOMSG;
	sort_and_join(map);
	(void)snprintf(map->source, sizeof(map->source), "%s", path);
	/* All addresses are 0 for users who may not see them. */
	return plan_total(map) < UNIT ? -ENODATA : 0;
}

/* Parse "SIZE!START,SIZE$START"; returns the end of the valid part. */
static const char *
apply_memmap(struct plan_map *map, const char *text)
{
	const char *end;
	size_t size, start;

	for (;; text = end + 1) {
		if (!parse_size_at(text, &end, &size))
			return text;
		char how = *end;
		if ((how != '!' && how != '$') ||
		    !parse_size_at(end + 1, &end, &start))
			return end;
		plan_take(map, start,
		    size <= SIZE_MAX - start ? start + size : SIZE_MAX);
		map->nr_memmap += how == '!';
		if (*end != ',')
			return end;
	}
}

void
plan_apply_command_line(struct plan_map *map, const char *line)
{
	static const char option[] = "memmap=";

	for (const char *at = strstr(line, option); at != NULL;
	     at = strstr(at, option))
		at = apply_memmap(map, at + strlen(option));
}

int
plan_read(const char *path, struct plan_map *map)
{
	char *line;

	memset(map, 0, sizeof(*map));
	if (path != NULL)
		return read_path(path, map);
	/* The firmware's own map, which does not include the command line. */
	int rc = read_path("/sys/firmware/memmap", map);
	if (rc < 0)
		rc = read_path("/proc/iomem", map);
	if (rc < 0)
		return rc;
	(void)read_iomem("/proc/iomem", map, false);
	if (os_read_text("/proc/cmdline", &line) == 0) {
		plan_apply_command_line(map, line);
		os_delete(line);
	}
	return 0;
}
