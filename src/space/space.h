/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * space.h -- the space map: which ranges of a region are taken, free or bad,
 * and which free ranges hold file space or are known to be zero (layer 1).
 *
 * It makes no system call, takes no lock and writes no log.  Its owner
 * serializes access, and changes the memory to match the map.
 *
 * Positions are addresses, so that aligned positions are aligned memory;
 * lengths are bytes.  Both are multiples of DK_PAGE.
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

/* Properties of a range, at the start or when it is given back. */
enum space_state {
	SPACE_HELD = 1 << 0, /* file space is behind all of it */
	SPACE_ZERO = 1 << 1, /* every byte reads as zero */
};

struct space {
	size_t base; /* address of the first byte */
	size_t size; /* bytes */
	/* Whether file space can change.  If not, all of it is always held, and
	 * idle stays empty. */
	bool tracks_file_space;
	/* File space is allocated in aligned units of this size. */
	size_t unit;
	size_t givable;            /* bytes of the whole units in idle */
	struct rangeset free;      /* all that can be taken */
	struct rangeset idle;      /* of free: with file space */
	struct rangeset zero;      /* of free: known to be zero */
	struct rangeset bad;       /* never to be taken again */
	struct rangeset bad_taken; /* taken, and bad once it is given back */
	struct pool nodes;         /* of all five */
	/* The first nodes: a simple map needs no memory from the kernel. */
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

/* base and size are multiples of DK_PAGE; state is that of the whole range.
 * -ENOMEM: nothing to undo. */
int space_init(struct space *sp, size_t base, size_t size,
    bool tracks_file_space, unsigned state) DK_MUST_CHECK;
void space_fini(struct space *sp);
/* Set the unit of file space, DK_PAGE by default: a power of two of which base
 * is a multiple.  Call it before anything is taken. */
void space_set_unit(struct space *sp, size_t unit);

/*
 * Take len bytes at a multiple of align (a power of two, at least DK_PAGE)
 * nearest to the given end.  Prefers runs that already hold file space.
 * -EINVAL: bad len or align.  -ENOMEM: no free run is long enough, or there
 * is no memory for the records.  On failure nothing changes.
 */
int space_take(struct space *sp, size_t len, size_t align,
    enum rangeset_end end, struct space_grant *grant) DK_MUST_CHECK;

/* Take exactly [start, start + len); -ENOMEM unless all of it is free. */
int space_take_at(struct space *sp, size_t start, size_t len,
    struct space_grant *grant) DK_MUST_CHECK;

/* The same where bad parts do no harm: they stay bad, once they are given back.
 * -ENOMEM: a part was taken already, or there is no memory; some of it may be
 * taken. */
int space_adopt(struct space *sp, size_t start, size_t len) DK_MUST_CHECK;

/*
 * Give back a taken range and merge it with free neighbours.  It may be a part
 * of one take, or of several.  -ENOMEM: no memory for the records; nothing
 * changes.  The first gives after a take cannot fail: see SPARE_NODES in
 * space.c.
 */
int space_give(struct space *sp, size_t start, size_t len, unsigned state)
    DK_MUST_CHECK;

/*
 * Take [start, start + len) out of use: free parts at once, taken parts when
 * they are given back.
 */
int space_mark_bad(struct space *sp, size_t start, size_t len) DK_MUST_CHECK;

/* The first range from pos on that is bad, or will be once it is given back.
 * False: there is none. */
bool space_next_bad(
    const struct space *sp, size_t pos, size_t *start, size_t *len);

/*
 * Take whole idle units from the longest idle range, to give their file space
 * back and then space_give() them as a hole.  At least min_len bytes, and at
 * most max_len, or min_len if that is more.  -ENOENT: no idle range is that
 * long.
 */
int space_take_idle(struct space *sp, size_t min_len, size_t max_len,
    struct space_grant *grant) DK_MUST_CHECK;
/* Bytes that space_take_idle() can take. */
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

/* The run that starts at pos, which is inside: its state and its end. */
enum space_run space_run_at(const struct space *sp, size_t pos, size_t *end);

/* Whether the map is consistent; walks all of it. */
bool space_check(const struct space *sp);

#endif /* SPACE_H */
