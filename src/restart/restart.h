/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * restart.h -- a durable heap in its region: formatted, opened again, closed
 * (layer 3).
 */
#ifndef RESTART_H
#define RESTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "region/region.h"
#include "restart/check.h"
#include "restart/ledger.h"
#include "restart/medium.h"
#include "restart/roots.h"

enum restart_flags {
	RESTART_OVERWRITE = 1 << 0, /* give up what is there */
	RESTART_RELOCATE = 1 << 1,  /* another address will do */
	RESTART_SALVAGE = 1 << 2,   /* in spite of pages that may be older */
};

struct restart {
	struct backing *backing;
	struct superblock sb; /* as on the medium */
	struct ledger ledger;
	struct roots roots;
	/* As found, with what was in caches of a dead process freed. */
	enum restart_how how;
	ptrdiff_t moved_by;
	char boot[MEDIUM_BOOT_SIZE]; /* of the kernel, now */
	size_t nr_blocks, bytes;
	size_t
	    lost; /* bytes of which only a bad block has said what they are */
	/* Of them, at most so many stood in caches at a reset. */
	size_t cached_max;
	/* Bytes of the backing before this opening made it larger, until
	 * restart_begin(); 0: it did not. */
	size_t size_before;
	bool has_grown; /* and the ledger has, too */
};

struct restart_request {
	const char *path;
	/* Bytes that it is to have; 0: as the backing, which is grown for a heap
	 * that is smaller than this only. */
	size_t size;
	const char *layout;
	unsigned flags;              /* enum restart_flags */
	const uint32_t *class_sizes; /* MEDIUM_CLASSES of them */
};

/*
 * Open the heap of a backing, or format it.  The backing is mapped where the
 * heap's pointers want it.  On failure nothing was written, and there is a text:
 *   -EEXIST           it holds something else
 *   -EPROTO           another layout
 *   -EUCLEAN          damaged, or not closed before a reset that lost pages
 *   -EADDRINUSE       its addresses are taken
 *   -EINVAL           it does not have that size, and does not grow to it
 *   -EPROTONOSUPPORT, -EFBIG  as superblock_read()
 * or no memory, no file space, or no /proc.
 */
int restart_open(struct backing *b, const struct restart_request *request,
    struct restart **restart) DK_MUST_CHECK;

/* From now on it is open on the medium, too: before the first block is handed
 * out.  -errno of msync(2): it is what it was before. */
int restart_begin(struct restart *restart) DK_MUST_CHECK;

/* Mark what is allocated in the map of a region that is on the backing. */
int restart_adopt(struct restart *restart, struct daxkind_region *region)
    DK_MUST_CHECK;

/* A trace has freed what stood in caches at resets. */
void restart_note_traced(struct restart *restart);

/*
 * No kind is on it: from now on it is closed.  On failure it stays open, as after
 * a crash.  Without is_owner, as in a child of fork(2), nothing is written.
 * Frees restart in either case.
 */
int restart_close(struct restart *restart, bool is_owner) DK_MUST_CHECK;

/* The same without a word on the medium: it stays open, as after a crash. */
void restart_abandon(struct restart *restart);

#endif /* RESTART_H */
