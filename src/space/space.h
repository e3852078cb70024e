/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * space.h -- the space map: what of a region is taken, free or bad, and which
 * free ranges hold file space or are known to be zero (layer 1).
 *
 * Pure bookkeeping: no system call, no lock, no log.  Its owner keeps threads
 * apart and does to the memory what the map says.
 *
 * Positions are addresses, so that an alignment of a position is one of the
 * memory; lengths are bytes; both are multiples of DK_PAGE.
 *
 *   |TTTTTTTT|ffff....ffff|TTTT|........|BB|TTTT|........|
 *
 *   T taken   f free and idle: holds file space   . free, a hole   B bad
 */
#ifndef SPACE_H
#define SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/pool.h"
#include "space/rangeset.h"

/* What is known of a range, at the start or when it is given back. */
enum space_state {
	SPACE_HELD = 1 << 0, /* file space is behind all of it */
	SPACE_ZERO = 1 << 1, /* every byte reads as zero */
};

struct space {
	size_t base; /* address of the first byte */
	size_t size; /* bytes */
	/* Whether file space comes and goes; else all is always held, and
	 * idle stays empty. */
	bool tracks_file_space;
	/* File space goes in multiples of this, at multiples of it. */
	size_t unit;
	size_t givable;            /* bytes of the whole units in idle */
	struct rangeset free;      /* all that can be taken */
	struct rangeset idle;      /* of free: what holds file space */
	struct rangeset zero;      /* of free: what is known to be zero */
	struct rangeset bad;       /* never to be taken again */
	struct rangeset bad_taken; /* taken, and bad once it is given back */
	struct pool nodes;         /* of all five */
	/* The first of them: a map that stays simple asks the kernel for
	 * nothing. */
	struct rangeset_node first_nodes[32];
};

/* A range that was taken. */
struct space_grant {
	size_t start, len;
	bool is_held; /* file space is behind all of it */
	bool is_zero; /* every byte is known to be zero */
	/* Bytes at its beginning and end with file space behind them. */
	size_t front_held, back_held;
};

/* base and size are multiples of DK_PAGE; state is that of all of it.
 * -ENOMEM: nothing to undo. */
int space_init(struct space *sp, size_t base, size_t size,
    bool tracks_file_space, unsigned state) DK_MUST_CHECK;
void space_fini(struct space *sp);
/* Have file space go in multiples of unit instead of DK_PAGE: a power of two,
 * of which base is a multiple.  Before anything is taken. */
void space_set_unit(struct space *sp, size_t unit);

/*
 * Take len bytes at a multiple of align (a power of two, at least DK_PAGE)
 * nearest to the given end.  Free space that holds file space goes first.
 * -EINVAL: bad len or align.  -ENOMEM: no free run is long enough, or there
 * is no memory for the records.  On failure nothing changed.
 */
int space_take(struct space *sp, size_t len, size_t align,
    enum rangeset_end end, struct space_grant *grant) DK_MUST_CHECK;

/* Take exactly [start, start + len); -ENOMEM unless all of it is free. */
int space_take_at(struct space *sp, size_t start, size_t len,
    struct space_grant *grant) DK_MUST_CHECK;

/*
 * Give a taken range back, merged with what is free beside it.  It need not be
 * one that was taken in one piece.  -ENOMEM: no memory for the records;
 * nothing changed.  The first gives after a take never fail so: see
 * SPARE_NODES in space.c.
 */
int space_give(struct space *sp, size_t start, size_t len, unsigned state)
    DK_MUST_CHECK;

/*
 * Take [start, start + len) out of use for good: what is free of it at once,
 * what is taken of it when it is given back.
 */
int space_mark_bad(struct space *sp, size_t start, size_t len) DK_MUST_CHECK;

/*
 * Take idle whole units in one range, at least min_len bytes (in whole units)
 * and at most max_len, or min_len if that is more, to give their file space
 * back; then space_give() it as a hole.  The longest idle range, if it has
 * them.  -ENOENT: none has.
 */
int space_take_idle(struct space *sp, size_t min_len, size_t max_len,
    struct space_grant *grant) DK_MUST_CHECK;
/* Bytes that can be had by that. */
static inline size_t
space_givable(const struct space *sp)
{
	return sp->givable;
}

/* Bytes. */
struct space_figures {
	size_t total, taken, free, bad, longest_free, held;
};

void space_get_figures(const struct space *sp, struct space_figures *figures);

enum space_run {
	SPACE_RUN_TAKEN,
	SPACE_RUN_IDLE,
	SPACE_RUN_HOLE,
	SPACE_RUN_BAD
};

/* The run that starts at pos, which is inside: its state and where it ends. */
enum space_run space_run_at(const struct space *sp, size_t pos, size_t *end);

/* Whether the map agrees with itself; walks all of it. */
bool space_check(const struct space *sp);

#endif /* SPACE_H */
