// SPDX-License-Identifier: BSD-2-Clause
/*
 * fake_backing.c -- see fake_backing.h.
 */
#include "fake_backing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/log.h"
#include "base/os.h"
#include "base/util.h"
#include "mock_time.h"

static struct fake_backing *
fake_of(struct backing *b)
{
	return (struct fake_backing *)b;
}

static void
lock(struct fake_backing *fake)
{
	DK_BUG_ON(pthread_mutex_lock(&fake->mutex) != 0);
}

static void
unlock(struct fake_backing *fake)
{
	DK_BUG_ON(pthread_mutex_unlock(&fake->mutex) != 0);
}

static void
pass_gate_locked(struct fake_backing *fake, enum fake_call call)
{
	fake->counts.nr_stopped++;
	(void)pthread_cond_broadcast(&fake->changed);
	while ((fake->stops & (unsigned)call) != 0)
		(void)pthread_cond_wait(&fake->changed, &fake->mutex);
	fake->counts.nr_stopped--;
}

static size_t
count_held(const struct fake_backing *fake, size_t off, size_t len)
{
	size_t held = 0;

	for (size_t page = off / DK_PAGE; page < (off + len) / DK_PAGE; page++)
		held += fake->held[page] ? DK_PAGE : 0;
	return held;
}

static void
set_held_locked(struct fake_backing *fake, size_t off, size_t len, bool held)
{
	fake->counts.held -= count_held(fake, off, len);
	for (size_t page = off / DK_PAGE; page < (off + len) / DK_PAGE; page++)
		fake->held[page] = held;
	fake->counts.held += held ? len : 0;
	fake->counts.max_held =
	    max_size(fake->counts.max_held, fake->counts.held);
}

static void
make_zero(struct fake_backing *fake, size_t off, size_t len)
{
	DK_BUG_ON(madvise(fake->base.base + off, len, MADV_DONTNEED) != 0);
}

/* The part of [off, off + len) that is in a bad range; false: none is. */
static bool
meets_bad(const struct fake_backing *fake, size_t i, size_t *off, size_t *len)
{
	size_t from = max_size(*off, fake->bad[i].off);
	size_t to = min_size(*off + *len, fake->bad[i].off + fake->bad[i].len);

	if (from >= to)
		return false;
	*off = from;
	*len = to - from;
	return true;
}

static bool
has_bad(const struct fake_backing *fake, size_t off, size_t len)
{
	bool has = false;

	for (size_t i = 0; i < fake->nr_bad; i++) {
		size_t bad_off = off, bad_len = len;

		has = has || meets_bad(fake, i, &bad_off, &bad_len);
	}
	return has;
}

/* Whole units: all that the range touches, or only those that are in it. */
static void
round_to_units(
    const struct fake_backing *fake, bool out, size_t *off, size_t *len)
{
	size_t unit = max_size(fake->base.unit, DK_PAGE);
	size_t end = *off + *len;

	*off = out ? align_down(*off, unit) : align_up(*off, unit);
	end = out ? min_size(align_up(end, unit), fake->base.size)
		  : align_down(end, unit);
	*len = *off < end ? end - *off : 0;
}

static bool
is_hole(struct backing *b, size_t off, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (b->base[off + i] != 0)
			return false;
	}
	return true;
}

static int
ensure(struct backing *b, size_t off, size_t len, bool *is_zero)
{
	struct fake_backing *fake = fake_of(b);
	size_t units_off = off, units_len = len;

	DK_BUG_ON(!fake->is_open || off > b->size || len > b->size - off);
	lock(fake);
	fake->counts.nr_ensures++;
	fake->counts.ensured += len;
	pass_gate_locked(fake, FAKE_ENSURE);
	round_to_units(fake, true, &units_off, &units_len);
	size_t more = units_len - count_held(fake, units_off, units_len);
	int rc = fake->ensure_rc;
	if (rc == 0 && has_bad(fake, off, len))
		rc = -EIO;
	if (rc == 0 && more > fake->room - fake->counts.held)
		rc = -ENOSPC;
	*is_zero = rc == 0 ? fake->writes_zeroes : fake->discard_rc == 0;
	if (*is_zero && b->has_content)
		*is_zero = is_hole(b, off, len);
	else if (*is_zero)
		make_zero(fake, off, len);
	if (rc == 0) {
		set_held_locked(fake, units_off, units_len, true);
	} else if (fake->discard_rc == 0 && !b->has_content) {
		round_to_units(fake, false, &off, &len);
		set_held_locked(fake, off, len, false);
	}
	unlock(fake);
	return rc;
}

static int
discard(struct backing *b, size_t off, size_t len)
{
	struct fake_backing *fake = fake_of(b);

	DK_BUG_ON(!fake->is_open || off > b->size || len > b->size - off);
	lock(fake);
	fake->counts.nr_discards++;
	fake->counts.discarded += len;
	fake->counts.max_discard = max_size(fake->counts.max_discard, len);
	pass_gate_locked(fake, FAKE_DISCARD);
	int rc = fake->discard_rc;
	if (rc == 0) {
		make_zero(fake, off, len);
		round_to_units(fake, false, &off, &len);
		set_held_locked(fake, off, len, false);
	}
	unlock(fake);
	if (fake->discard_ms > 0)
		mock_time_pass(fake->discard_ms);
	return rc;
}

static int
find_bad(struct backing *b, size_t off, size_t len, badblocks_visit *visit,
    void *arg)
{
	struct fake_backing *fake = fake_of(b);
	int rc = fake->find_bad_rc;

	for (size_t i = 0; rc == 0 && i < fake->nr_bad; i++) {
		size_t bad_off = off, bad_len = len;

		if (meets_bad(fake, i, &bad_off, &bad_len))
			rc = visit(arg, bad_off, bad_len);
	}
	return rc;
}

static void
close_fake(struct backing *b)
{
	struct fake_backing *fake = fake_of(b);

	DK_BUG_ON(!fake->is_open);
	fake->is_open = false;
	DK_BUG_ON(os_unmap(b->base, b->size) < 0);
}

static const struct backing_ops Ops = {
    .ensure = ensure,
    .discard = discard,
    .is_hole = is_hole,
    .find_bad = find_bad,
    .close = close_fake,
};

void
fake_backing_init(struct fake_backing *fake, size_t size)
{
	void *addr;
	int rc = os_map_anon_aligned(size, DK_HUGE_PAGE, &addr);

	DK_BUG_ON(rc < 0);
	*fake = (struct fake_backing){
	    .base =
		{
		    .ops = &Ops,
		    .type = BACKING_FILE,
		    .base = addr,
		    .size = size,
		    .align = DK_PAGE,
		    .granularity = FLUSH_PAGE,
		    .has_file_space = true,
		    .starts_as_holes = true,
		    .starts_zero = true,
		    .numa_node = -1,
		},
	    .mutex = PTHREAD_MUTEX_INITIALIZER,
	    .changed = PTHREAD_COND_INITIALIZER,
	    .held = calloc(size / DK_PAGE, sizeof(bool)),
	    .room = size,
	    .is_open = true,
	};
	DK_BUG_ON(fake->held == NULL);
}

void
fake_backing_init_mapping(struct fake_backing *fake, size_t size)
{
	fake_backing_init(fake, size);
	fake->base.type = BACKING_MAPPING;
	fake->base.has_file_space = false;
	fake->base.starts_as_holes = false;
	fake->base.starts_zero = false;
}

void
fake_backing_fini(struct fake_backing *fake)
{
	if (fake->is_open)
		close_fake(&fake->base);
	free(fake->held);
	(void)pthread_cond_destroy(&fake->changed);
	(void)pthread_mutex_destroy(&fake->mutex);
}

void
fake_backing_set_room(struct fake_backing *fake, size_t room)
{
	lock(fake);
	fake->room = max_size(room, fake->counts.held);
	unlock(fake);
}

void
fake_backing_set_rc(struct fake_backing *fake, int ensure_rc, int discard_rc)
{
	lock(fake);
	fake->ensure_rc = ensure_rc;
	fake->discard_rc = discard_rc;
	unlock(fake);
}

void
fake_backing_add_bad(struct fake_backing *fake, size_t off, size_t len)
{
	lock(fake);
	DK_BUG_ON(fake->nr_bad == ARRAY_LEN(fake->bad));
	fake->bad[fake->nr_bad].off = off;
	fake->bad[fake->nr_bad].len = len;
	fake->nr_bad++;
	unlock(fake);
}

void
fake_backing_set_find_bad_rc(struct fake_backing *fake, int rc)
{
	fake->find_bad_rc = rc;
}

void
fake_backing_stop(struct fake_backing *fake, unsigned calls)
{
	lock(fake);
	fake->stops = calls;
	unlock(fake);
}

void
fake_backing_go(struct fake_backing *fake)
{
	lock(fake);
	fake->stops = 0;
	(void)pthread_cond_broadcast(&fake->changed);
	unlock(fake);
}

bool
fake_backing_wait_stopped(struct fake_backing *fake, unsigned nr)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	lock(fake);
	int rc = 0;
	while (fake->counts.nr_stopped < nr && rc == 0)
		rc = pthread_cond_timedwait(
		    &fake->changed, &fake->mutex, &until);
	bool is_so = fake->counts.nr_stopped >= nr;
	unlock(fake);
	return is_so;
}

struct fake_counts
fake_backing_counts(struct fake_backing *fake)
{
	lock(fake);
	struct fake_counts counts = fake->counts;
	unlock(fake);
	return counts;
}

bool
fake_backing_holds(struct fake_backing *fake, const void *addr, size_t len)
{
	size_t off = (size_t)((const char *)addr - fake->base.base);

	lock(fake);
	bool holds = count_held(fake, off, len) == len;
	unlock(fake);
	return holds;
}
