// SPDX-License-Identifier: BSD-2-Clause
/*
 * region.c -- opens, closes and describes a region: see region.h.
 */
#include "region/region.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "base/util.h"
#include "region/region_map.h"

/* --- a region's life ------------------------------------------- */

/* Called by the reclaimer's thread. */
static unsigned
visit(void *arg)
{
	struct daxkind_region *r = arg;
	bool soon = region_trim_unneeded(r);

	return (region_has_idle(r) ? RECLAIMER_AGAIN : 0) |
	       (soon ? RECLAIMER_SOON : 0);
}

int
region_open(struct backing *b, const void *area, size_t area_size,
    struct daxkind_region **out)
{
	unsigned state = (b->starts_as_holes ? 0 : SPACE_HELD) |
			 (b->starts_zero ? SPACE_ZERO : 0);
	struct daxkind_region *r;
	int rc = os_check_page_size();

	if (rc < 0)
		return error_set(rc,
		    "the kernel's pages are not of %zu bytes, for which this "
		    "daxkind was built; use a kernel with such pages",
		    DK_PAGE);
	rc = region_index_new(sizeof(*r), &r);
	if (rc < 0)
		return error_set(rc, "no memory for a region's record");
	r->backing = b;
	r->base = b->base;
	r->size = b->size;
	r->index = (struct region_index_entry){.region = r,
	    .base = b->base,
	    .size = b->size,
	    .area = area,
	    .area_size = area_size};
	rc = space_init(&r->space, (size_t)(uintptr_t)b->base, b->size,
	    b->has_file_space, state);
	if (rc < 0) {
		rc = error_set(rc, "no memory for a region's space map");
		goto err_free;
	}
	space_set_unit(&r->space, b->unit);
	rc = backing_find_bad(b, 0, b->size, region_map_note_bad, r);
	if (rc < 0) {
		rc = error_set(rc, "the known bad blocks cannot be read: %s",
		    strerror(-rc));
		goto err_fini_space;
	}
	lock_init(&r->lock, RANK_REGION);
	lock_cond_init(&r->settled);
	r->can_discard =
	    b->has_file_space && !b->keeps_space && !os_hogs_memory();
	lock_take(&r->lock);
	region_map_unlock(r); /* sets longest_free */
	rc = region_index_add(&r->index);
	if (rc < 0)
		goto err_fini;
	b->is_kept = true;
	if (b->has_file_space)
		reclaimer_add(&r->reclaimer, visit, r, !b->is_private);
	*out = r;
	return 0;

err_fini:
	(void)pthread_cond_destroy(&r->settled);
	lock_fini(&r->lock);
err_fini_space:
	space_fini(&r->space);
err_free:
	region_index_free(r);
	return rc;
}

void
region_close(struct daxkind_region *r)
{
	reclaimer_remove(&r->reclaimer);
	region_index_remove(&r->index);
	backing_close(r->backing);
	r->backing = NULL; /* detected by a second close */
	(void)pthread_cond_destroy(&r->settled);
	lock_fini(&r->lock);
	space_fini(&r->space);
	region_index_free(r);
}

int
region_claim(struct daxkind_region *r)
{
	if (atomic_exchange(&r->is_claimed, true))
		return error_set(-EBUSY,
		    "the region already has a kind; destroy that kind first");
	return 0;
}

void
region_unclaim(struct daxkind_region *r)
{
	atomic_store(&r->is_claimed, false);
}

void
region_set_kind(struct daxkind_region *r, struct memkind *kind)
{
	atomic_store_explicit(&r->index.kind, kind, memory_order_release);
}

int
region_mark_bad(struct daxkind_region *r, void *addr, size_t len)
{
	if (!region_contains(r, addr, len))
		return -EINVAL;
	lock_take(&r->lock);
	int rc = space_mark_bad(&r->space, (size_t)(uintptr_t)addr, len);
	region_map_unlock(r);
	return rc;
}

bool
region_next_bad(struct daxkind_region *r, size_t from, size_t *off, size_t *len)
{
	size_t start;

	lock_take(&r->lock);
	bool is_found =
	    space_next_bad(&r->space, r->space.base + from, &start, len);
	region_map_unlock(r);
	/* It may begin before. */
	if (is_found) {
		size_t end = start + *len - r->space.base;

		*off = max_size(start - r->space.base, from);
		*len = end - *off;
	}
	return is_found;
}

/* --- asking ---------------------------------------------------- */

/* Length of the run that will contain the flight once all flights have ended,
 * if nothing is handed out. */
static size_t
run_around_locked(
    const struct daxkind_region *r, const struct region_flight *flight)
{
	lock_assert_held(&r->lock);
	size_t low = flight->start, high = flight->start + flight->len;
	size_t before, start, len;

	do {
		before = high - low;
		if (low > r->space.base &&
		    rangeset_find(&r->space.free, low - 1, &start, &len))
			low = start;
		if (rangeset_find(&r->space.free, high, &start, &len))
			high = start + len;
		for (const struct region_flight *f = r->flights; f != NULL;
		     f = f->next) {
			if (f->start + f->len == low)
				low = f->start;
			if (f->start == high)
				high += f->len;
		}
	} while (high - low > before);
	return high - low;
}

void
region_get_figures(struct daxkind_region *r, struct space_figures *figures)
{
	lock_take(&r->lock);
	space_get_figures(&r->space, figures);
	for (const struct region_flight *f = r->flights; f != NULL;
	     f = f->next) {
		figures->taken -= f->len;
		figures->free += f->len;
		figures->held -= f->is_discard ? 0 : f->len;
		figures->longest_free =
		    max_size(figures->longest_free, run_around_locked(r, f));
	}
	region_map_unlock(r);
}

bool
region_check(struct daxkind_region *r)
{
	lock_take(&r->lock);
	bool is_good = space_check(&r->space);
	region_map_unlock(r);
	return is_good;
}

enum space_run
region_run_at(struct daxkind_region *r, size_t off, size_t *end_off)
{
	size_t base = (size_t)(uintptr_t)r->base;
	size_t end;

	lock_take(&r->lock);
	enum space_run run = space_run_at(&r->space, base + off, &end);
	/* Ranges in flight are marked taken, but count as free. */
	for (const struct region_flight *f = r->flights;
	     run == SPACE_RUN_TAKEN && f != NULL; f = f->next) {
		if (base + off < f->start)
			end = min_size(end, f->start);
		else if (base + off < f->start + f->len) {
			run = f->is_discard ? SPACE_RUN_IDLE : SPACE_RUN_HOLE;
			end = f->start + f->len;
		}
	}
	region_map_unlock(r);
	*end_off = end - base;
	return run;
}

/* --- fork ------------------------------------------------------ */

void
region_before_fork(struct daxkind_region *r)
{
	if (r->fork.effect == REGION_FORK_UNKNOWN) {
		bool copies =
		    r->backing->is_private ||
		    (r->backing->type == BACKING_MAPPING && r->size > 0 &&
			os_is_private_mapping(r->base));

		r->fork.effect =
		    copies ? REGION_FORK_COPIES : REGION_FORK_SHARES;
	}
	lock_take_at_fork(&r->lock);
}

void
region_after_fork_in_parent(struct daxkind_region *r)
{
	lock_drop(&r->lock);
}

void
region_after_fork_in_child(struct daxkind_region *r)
{
	if (r->fork.effect == REGION_FORK_SHARES) {
		r->fork.is_off = true;
		r->backing->is_inherited = true;
	}
	/* The child lacks the threads of the flights, but has a copy of their
	 * stacks. */
	for (struct region_flight *f = r->flights; f != NULL; f = f->next)
		region_map_settle_locked(r, f->start, f->len, 0);
	r->flights = NULL;
	r->is_trimming = false;
	lock_cond_init(&r->settled);
	lock_drop(&r->lock);
}
