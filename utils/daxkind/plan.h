/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.h -- which memory may be given to emulated persistent memory.
 *
 * The kernel takes memmap=SIZE!START for whatever is there: over a hole it
 * makes a device that loses what is written, and below 4 GiB it may take what
 * the boot loader or the firmware put there.  So only RAM of the firmware's own
 * map counts, above 4 GiB, without what is reserved already.
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

/* Ranges of RAM, sorted, neighbours joined. */
struct plan_map {
	struct plan_range ranges[PLAN_MAX_RANGES];
	size_t nr;
	unsigned nr_memmap; /* memmap=SIZE!START of the command line */
	char source[128];   /* where it is from */
};

/*
 * Read a folder like /sys/firmware/memmap, or a file like /proc/iomem; NULL:
 * those of this machine, the first that can be read, less what its command
 * line reserves.  -ENODATA: no RAM in it (/proc/iomem shows nothing to users
 * other than root).
 */
int plan_read(const char *path, struct plan_map *map);
/* Take away what memmap= (with ! or $) in a kernel command line takes. */
void plan_apply_command_line(struct plan_map *map, const char *line);
void plan_take(struct plan_map *map, uint64_t start, uint64_t end);

/* All RAM, and the longest range of it above 4 GiB (0: none). */
uint64_t plan_total(const struct plan_map *map);
uint64_t plan_longest_high(const struct plan_map *map);
/*
 * A place for size bytes: at the top of the longest range above 4 GiB, so that
 * what is left is in one piece.  size 0: a quarter of that range.  -ENOSPC:
 * no range above 4 GiB is long enough; -ERANGE: too little would be left for
 * the machine itself.
 */
int plan_choose(
    const struct plan_map *map, uint64_t size, struct plan_range *place);

#endif /* PLAN_H */
