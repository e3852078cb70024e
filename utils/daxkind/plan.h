/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.h -- selects memory for emulated persistent memory.
 *
 * The kernel accepts memmap=SIZE!START for any range.  Over a hole it makes a
 * device that loses writes; below 4 GiB the range may contain memory of the
 * boot loader or the firmware.  So only RAM in the firmware's map above 4 GiB
 * is used, without reserved ranges.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_range {
	uint64_t start, end; /* end is one past */
};

enum {
	PLAN_MAX_RANGES = 128
};

/* Ranges of RAM, sorted and merged. */
struct plan_map {
	struct plan_range ranges[PLAN_MAX_RANGES];
	size_t nr;
	unsigned nr_memmap; /* memmap=SIZE!START of the command line */
	char source[128];   /* where it is from */
};

/*
 * Read a directory like /sys/firmware/memmap, or a file like /proc/iomem.
 * NULL: the first of these on this machine that can be read, without the ranges
 * that its command line reserves.  -ENODATA: no RAM in it (/proc/iomem shows
 * addresses to root only).
 */
int plan_read(const char *path, struct plan_map *map);
/* Remove the ranges that memmap= (with ! or $) on a kernel command line
 * reserves. */
void plan_apply_command_line(struct plan_map *map, const char *line);
void plan_take(struct plan_map *map, uint64_t start, uint64_t end);

/* The total of RAM, and the longest range of it above 4 GiB (0: none). */
uint64_t plan_total(const struct plan_map *map);
uint64_t plan_longest_high(const struct plan_map *map);
/*
 * Choose a place for size bytes at the top of the longest range above 4 GiB, so
 * that the rest is in one piece. size 0: a quarter of that range.  -ENOSPC: no
 * range above 4 GiB is long enough.  -ERANGE: too little would be left for the
 * machine.
 */
int plan_choose(
    const struct plan_map *map, uint64_t size, struct plan_range *place);

#endif /* PLAN_H */
