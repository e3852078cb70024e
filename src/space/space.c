// SPDX-License-Identifier: BSD-2-Clause
/*
 * space.c -- see space.h.
 */
#include "space/space.h"

#include <errno.h>

#include "base/util.h"

/*
 * Number of nodes that each take leaves in the pool, so that the next gives
 * need no memory from the kernel.  A give needs at most three (free, idle,
 * zero), and one more for each bad_taken range in it.
 */
enum {
	SPARE_NODES = 24
};

static bool
is_inside(const struct space *sp, size_t start, size_t len)
{
	return start >= sp->base && start - sp->base <= sp->size &&
	       len <= sp->size - (start - sp->base);
}

int
space_init(struct space *sp, size_t base, size_t size, bool tracks_file_space,
    unsigned state)
{
	sp->base = base;
	sp->size = size;
	sp->tracks_file_space = tracks_file_space;
	sp->unit = DK_PAGE;
	sp->givable = 0;
	pool_init(&sp->nodes, sizeof(struct rangeset_node));
	pool_add_memory(&sp->nodes, sp->first_nodes, sizeof(sp->first_nodes));
	rangeset_init(&sp->free, &sp->nodes);
	rangeset_init(&sp->idle, &sp->nodes);
	rangeset_init(&sp->zero, &sp->nodes);
	rangeset_init(&sp->bad, &sp->nodes);
	rangeset_init(&sp->bad_taken, &sp->nodes);
	if (size == 0)
		return 0;

	int rc = pool_reserve(&sp->nodes, SPARE_NODES);
	if (rc == 0)
		rc = space_give(sp, base, size, state);
	if (rc < 0)
		pool_fini(&sp->nodes);
	return rc;
}

void
space_fini(struct space *sp)
{
	pool_fini(&sp->nodes);
}

/* Bytes of whole units in the idle ranges that touch [start, start + len]. */
static size_t
whole_units(const struct space *sp, size_t start, size_t len)
{
	size_t end = start + len;
	size_t pos = start > sp->base ? start - 1 : start;
	size_t sum = 0, run_start, run_len;

	while (rangeset_next(&sp->idle, pos, &run_start, &run_len) &&
	       run_start <= end) {
		size_t from = align_up(run_start, sp->unit);
		size_t to = align_down(run_start + run_len, sp->unit);

		sum += from < to ? to - from : 0;
		pos = run_start + run_len;
	}
	return sum;
}

/* Change the idle set, and the number of bytes that can be given back. */
static int
change_idle(struct space *sp, size_t start, size_t len,
    int (*change)(struct rangeset *rs, size_t start, size_t len))
{
	bool by_page = sp->unit == DK_PAGE;
	size_t before = by_page ? 0 : whole_units(sp, start, len);
	int rc = change(&sp->idle, start, len);

	if (by_page)
		sp->givable = sp->idle.total;
	else
		sp->givable += whole_units(sp, start, len) - before;
	return rc;
}

void
space_set_unit(struct space *sp, size_t unit)
{
	sp->unit = max_size(unit, DK_PAGE);
	sp->givable = whole_units(sp, sp->base, sp->size);
}

/* Set how much of the range is idle, in all and at its beginning and end. */
static void
look_at_idle(const struct space *sp, struct space_grant *grant)
{
	size_t start = grant->start, end = start + grant->len;
	size_t held = rangeset_covered(&sp->idle, start, grant->len);
	size_t run_start, run_len;

	grant->is_held = held == grant->len;
	grant->front_held = grant->back_held = grant->is_held ? held : 0;
	if (held == 0 || grant->is_held)
		return;
	if (rangeset_find(&sp->idle, start, &run_start, &run_len))
		grant->front_held = run_start + run_len - start;
	if (rangeset_find(&sp->idle, end - 1, &run_start, &run_len))
		grant->back_held = end - run_start;
}

/* Take a range that is free. */
static int
take_range(
    struct space *sp, size_t start, size_t len, struct space_grant *grant)
{
	/* Nothing fails after this: three splits at most. */
	int rc = pool_reserve(&sp->nodes, SPARE_NODES + 3);

	if (rc < 0)
		return rc;
	*grant = (struct space_grant){
	    .start = start,
	    .len = len,
	    .is_held = true,
	    .is_zero = rangeset_covered(&sp->zero, start, len) == len,
	};
	if (sp->tracks_file_space)
		look_at_idle(sp, grant);
	rc = rangeset_remove(&sp->free, start, len);
	if (rc == 0)
		rc = change_idle(sp, start, len, rangeset_remove);
	if (rc == 0)
		rc = rangeset_remove(&sp->zero, start, len);
	return rc;
}

int
space_take(struct space *sp, size_t len, size_t align, enum rangeset_end end,
    struct space_grant *grant)
{
	size_t start;

	if (len == 0 || len % DK_PAGE != 0 || !is_power_of_two(align) ||
	    align < DK_PAGE)
		return -EINVAL;
	if (!rangeset_fit(&sp->idle, len, align, DK_PAGE, end, &start) &&
	    !rangeset_fit(&sp->free, len, align, DK_PAGE, end, &start))
		return -ENOMEM;
	return take_range(sp, start, len, grant);
}

int
space_take_at(
    struct space *sp, size_t start, size_t len, struct space_grant *grant)
{
	size_t run_start, run_len;

	if (len == 0 || len % DK_PAGE != 0 || start % DK_PAGE != 0)
		return -EINVAL;
	if (!is_inside(sp, start, len) ||
	    !rangeset_find(&sp->free, start, &run_start, &run_len) ||
	    run_len - (start - run_start) < len)
		return -ENOMEM;
	return take_range(sp, start, len, grant);
}

int
space_adopt(struct space *sp, size_t start, size_t len)
{
	size_t end = start + len, to, bad_start, bad_len;
	struct space_grant grant;
	int rc = 0;

	if (!is_inside(sp, start, len))
		return -EINVAL;
	for (size_t pos = start; rc == 0 && pos < end; pos = to) {
		to = end;
		if (!rangeset_next(&sp->bad, pos, &bad_start, &bad_len)) {
			rc = space_take_at(sp, pos, to - pos, &grant);
		} else if (bad_start > pos) {
			to = min_size(bad_start, end);
			rc = space_take_at(sp, pos, to - pos, &grant);
		} else {
			to = min_size(bad_start + bad_len, end);
			rc = pool_reserve(&sp->nodes, SPARE_NODES + 4);
			if (rc == 0)
				rc = rangeset_remove(&sp->bad, pos, to - pos);
			if (rc == 0)
				rc =
				    rangeset_add(&sp->bad_taken, pos, to - pos);
		}
	}
	return rc;
}

/* Add a range that is in no set, and has no bad part, as free. */
static int
add_free(struct space *sp, size_t start, size_t len, unsigned state)
{
	int rc = rangeset_add(&sp->free, start, len);

	if (rc == 0 && sp->tracks_file_space && (state & SPACE_HELD) != 0)
		rc = change_idle(sp, start, len, rangeset_add);
	if (rc == 0 && (state & SPACE_ZERO) != 0)
		rc = rangeset_add(&sp->zero, start, len);
	return rc;
}

int
space_give(struct space *sp, size_t start, size_t len, unsigned state)
{
	size_t end = start + len;
	size_t bad_start, bad_len;
	/* One for each set, and three for each bad_taken range in it. */
	size_t nr_nodes = 3 + 3 * sp->bad_taken.nr;
	int rc;

	if (sp->nodes.nr_spare < nr_nodes) {
		rc = pool_reserve(&sp->nodes, nr_nodes);
		if (rc < 0)
			return rc;
	}
	while (rangeset_next(&sp->bad_taken, start, &bad_start, &bad_len) &&
	       bad_start < end) {
		size_t from = max_size(bad_start, start);
		size_t to = min_size(bad_start + bad_len, end);

		rc = rangeset_remove(&sp->bad_taken, from, to - from);
		if (rc == 0)
			rc = rangeset_add(&sp->bad, from, to - from);
		if (rc == 0 && from > start)
			rc = add_free(sp, start, from - start, state);
		if (rc < 0)
			return rc;
		start = to;
	}
	return start < end ? add_free(sp, start, end - start, state) : 0;
}

int
space_mark_bad(struct space *sp, size_t start, size_t len)
{
	size_t end = start + len;

	if (len == 0 || start % DK_PAGE != 0 || len % DK_PAGE != 0 ||
	    !is_inside(sp, start, len))
		return -EINVAL;
	/* Each run in the range needs a node, and so does a cut at either
	 * end. */
	size_t nr_runs = 2;
	size_t pos = start;
	size_t run_end;
	for (; pos < end; pos = run_end, nr_runs++)
		(void)space_run_at(sp, pos, &run_end);
	int rc = pool_reserve(&sp->nodes, SPARE_NODES + 5 * nr_runs);

	for (pos = start; rc == 0 && pos < end; pos = run_end) {
		enum space_run run = space_run_at(sp, pos, &run_end);

		run_end = min_size(run_end, end);
		size_t run_len = run_end - pos;
		if (run == SPACE_RUN_BAD)
			continue;
		if (run == SPACE_RUN_TAKEN) {
			/* Part of it may be in bad_taken already. */
			rc = rangeset_remove(&sp->bad_taken, pos, run_len);
			if (rc == 0)
				rc = rangeset_add(&sp->bad_taken, pos, run_len);
			continue;
		}
		struct space_grant grant;
		rc = take_range(sp, pos, run_len, &grant);
		if (rc == 0)
			rc = rangeset_add(&sp->bad, pos, run_len);
	}
	return rc;
}

bool
space_next_bad(const struct space *sp, size_t pos, size_t *start, size_t *len)
{
	size_t taken_start, taken_len;
	bool has_bad = rangeset_next(&sp->bad, pos, start, len);

	if (!rangeset_next(&sp->bad_taken, pos, &taken_start, &taken_len))
		return has_bad;
	if (!has_bad || taken_start < *start) {
		*start = taken_start;
		*len = taken_len;
	}
	return true;
}

int
space_take_idle(
    struct space *sp, size_t min_len, size_t max_len, struct space_grant *grant)
{
	size_t start, len;

	if (!rangeset_longest(&sp->idle, &start, &len))
		return -ENOENT;
	size_t from = align_up(start, sp->unit);
	size_t to = align_down(start + len, sp->unit);
	size_t units = from < to ? to - from : 0;
	min_len = align_up(min_len, sp->unit);
	max_len = max_size(align_down(max_len, sp->unit), min_len);
	if (units >= min_len && units > 0)
		return take_range(sp, from, min_size(units, max_len), grant);
	/* A shorter range can contain more whole units, or the only one. */
	if (sp->unit == DK_PAGE || !rangeset_fit(&sp->idle, min_len, sp->unit,
				       DK_PAGE, RANGESET_LOW, &from))
		return -ENOENT;
	return take_range(sp, from, min_len, grant);
}

void
space_get_figures(const struct space *sp, struct space_figures *figures)
{
	size_t taken = sp->size - sp->free.total - sp->bad.total;
	*figures = (struct space_figures){
	    .total = sp->size,
	    .taken = taken,
	    .free = sp->free.total,
	    .bad = sp->bad.total,
	    .longest_free = rangeset_longest_len(&sp->free),
	    .held = sp->tracks_file_space ? taken + sp->idle.total : sp->size,
	};
}

enum space_run
space_run_at(const struct space *sp, size_t pos, size_t *end)
{
	size_t start, len;

	if (rangeset_find(&sp->bad, pos, &start, &len)) {
		*end = start + len;
		return SPACE_RUN_BAD;
	}
	if (rangeset_find(&sp->free, pos, &start, &len)) {
		size_t free_end = start + len;

		if (!sp->tracks_file_space) {
			*end = free_end;
			return SPACE_RUN_IDLE;
		}
		if (!rangeset_next(&sp->idle, pos, &start, &len) ||
		    start >= free_end) {
			*end = free_end;
			return SPACE_RUN_HOLE;
		}
		*end = start > pos ? start : start + len;
		return start > pos ? SPACE_RUN_HOLE : SPACE_RUN_IDLE;
	}
	*end = sp->base + sp->size;
	if (rangeset_next(&sp->bad, pos, &start, &len))
		*end = min_size(*end, start);
	if (rangeset_next(&sp->free, pos, &start, &len))
		*end = min_size(*end, start);
	return SPACE_RUN_TAKEN;
}

/* Whether all of part lies in whole. */
static bool
is_subset(const struct rangeset *part, const struct rangeset *whole)
{
	size_t pos = 0, start, len;

	while (rangeset_next(part, pos, &start, &len)) {
		if (rangeset_covered(whole, start, len) != len)
			return false;
		pos = start + len;
	}
	return true;
}

static bool
is_disjoint(const struct rangeset *a, const struct rangeset *b)
{
	size_t pos = 0, start, len;

	while (rangeset_next(a, pos, &start, &len)) {
		if (rangeset_covered(b, start, len) != 0)
			return false;
		pos = start + len;
	}
	return true;
}

bool
space_check(const struct space *sp)
{
	return rangeset_check(&sp->free) && rangeset_check(&sp->idle) &&
	       rangeset_check(&sp->zero) && rangeset_check(&sp->bad) &&
	       rangeset_check(&sp->bad_taken) &&
	       is_subset(&sp->idle, &sp->free) &&
	       is_subset(&sp->zero, &sp->free) &&
	       is_disjoint(&sp->bad, &sp->free) &&
	       is_disjoint(&sp->bad_taken, &sp->free) &&
	       is_disjoint(&sp->bad_taken, &sp->bad) &&
	       sp->givable == whole_units(sp, sp->base, sp->size) &&
	       (sp->tracks_file_space || sp->idle.nr == 0);
}
