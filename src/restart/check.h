/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h -- whether what a medium has is a sound durable heap (layer 3).
 *
 * The rules themselves are where the records are: superblock_copies.c,
 * ledger_walk.c, roots.c.  Opening applies the same ones, and ends at the first
 * fault that keeps it from handing out blocks.  Nothing here writes.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "region/backing.h"
#include "restart/fault.h"
#include "restart/ledger.h"
#include "restart/medium.h"
#include "restart/superblock_copies.h"

/* How the heap came to be as it was found. */
enum restart_how {
	RESTART_HOW_NEW,
	RESTART_HOW_CLEAN, /* it was closed */
	RESTART_HOW_CRASH, /* its process ended */
	RESTART_HOW_POWER  /* the machine was reset */
};

/* Where the kernel's identifier is: another one after each start. */
#define CHECK_BOOT_ID "/proc/sys/kernel/random/boot_id"
/* Read it, of MEDIUM_BOOT_SIZE bytes; "" on failure, -errno of the file. */
int check_read_boot(char *boot) DK_MUST_CHECK;
/* "" is unknown, and another one. */
enum restart_how check_how(const struct superblock *sb, const char *boot);
/* Whether its pages may be of different times, after a reset.  granularity is
 * that of who opens it. */
bool check_lost_pages(const struct superblock *sb, enum restart_how how,
    enum flush_granularity granularity);
/* Whether the sizes of its classes are those of this library.  path is for the
 * text of -EPROTONOSUPPORT. */
int check_classes(const struct superblock *sb, const uint32_t *class_sizes,
    const char *path) DK_MUST_CHECK;

struct check_class {
	size_t nr_slabs;
	size_t nr_blocks; /* allocated, or in a thread's cache */
};

struct check_root {
	char name[MEDIUM_NAME_SIZE];
	size_t off;        /* 0: outside of the heap */
	size_t record_off; /* of the root itself */
	bool has_block;    /* what it points to is allocated */
};

/* One of the two superblocks. */
struct check_copy {
	size_t off;
	enum copy_is is;
	uint64_t sequence; /* if it is valid */
};

struct check_range {
	size_t off, len;
};

/* Of what is damaged, the figures are those of what could be read. */
struct check_result {
	size_t nr_faults;
	/* What the superblock has is in sb, whether or not it is valid. */
	enum copy_is superblock;
	struct superblock sb;
	struct check_copy copies[2];
	enum restart_how how;
	/* The ledger was read.  The rest is 0 otherwise. */
	bool has_ledger;
	/* Where no block can be: at the beginning, and behind each part. */
	struct check_range fixed[MEDIUM_PARTS + 1];
	size_t nr_fixed;
	size_t nr_lines; /* in use */
	struct check_class classes[MEDIUM_CLASSES];
	size_t nr_extents, extent_bytes;
	size_t nr_stacks, stack_bytes;
	/* Blocks in them, which are counted above, too. */
	size_t nr_cached, cached_bytes;
	struct check_root roots[MEDIUM_ROOTS];
	size_t nr_roots;
};

struct check_request {
	const char *path; /* for texts */
	const uint32_t *class_sizes;
	/* Each fault; it returns 0. */
	struct fault_sink faults;
	/* Each slab and extent, in order; or NULL. */
	int (*visit)(
	    void *arg, const struct ledger *l, const struct ledger_unit *unit);
	void *arg;
	/* Only the superblock: the rest may be changing. */
	bool is_open_elsewhere;
};

/*
 * Check a backing, of which nothing is written and for which no lock is taken.
 * 0: it has a durable heap, whose faults were told.  Failures, with a text:
 *   -ENOENT           it holds no durable heap
 *   -EPROTONOSUPPORT  one of another version, or with other size classes
 * or no memory.
 */
int check_run(struct backing *b, const struct check_request *request,
    struct check_result *result) DK_MUST_CHECK;

#endif /* CHECK_H */
