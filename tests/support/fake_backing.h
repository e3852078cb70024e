/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_backing.h -- a backing over plain memory whose file space is a count,
 * for unit tests of what is above it.
 *
 * It knows which pages hold file space, runs out of it where the test says,
 * and can be stopped in the middle of a call.  Pages without file space read
 * as zero.  With base.unit, file space comes and goes in such; with
 * base.has_content, what is not zero at first is somebody's data.  All functions
 * may be called by any thread.
 */
#ifndef FAKE_BACKING_H
#define FAKE_BACKING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "region/backing.h"

struct fake_counts {
	unsigned nr_ensures, nr_discards;
	size_t ensured;      /* bytes asked for */
	size_t discarded;    /* bytes asked for */
	size_t max_discard;  /* bytes, of one call */
	size_t held;         /* bytes that hold file space now */
	size_t max_held;     /* the most that ever did */
	unsigned nr_stopped; /* calls that wait in the gate now */
};

enum fake_call {
	FAKE_ENSURE = 1 << 0,
	FAKE_DISCARD = 1 << 1
};

struct fake_backing {
	struct backing base; /* must be first */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool *held; /* for each page */
	size_t room;
	int ensure_rc, discard_rc, find_bad_rc;
	struct {
		size_t off, len;
	} bad[4];
	size_t nr_bad;
	bool writes_zeroes;
	unsigned
	    discard_ms; /* how much time a discard takes: mock_time_pass() */
	unsigned stops; /* which calls wait, enum fake_call */
	bool is_open;
	struct fake_counts counts;
};

/* size bytes, all of them holes and zero, with room for all. */
void fake_backing_init(struct fake_backing *fake, size_t size);
/* The same as a mapping is: nothing to ensure or discard, not known zero. */
void fake_backing_init_mapping(struct fake_backing *fake, size_t size);
/* Whether its region was closed or not. */
void fake_backing_fini(struct fake_backing *fake);

/* How much file space there is in all, bytes: -ENOSPC beyond. */
void fake_backing_set_room(struct fake_backing *fake, size_t room);
/* What calls return from now on, without doing anything, if not 0. */
void fake_backing_set_rc(
    struct fake_backing *fake, int ensure_rc, int discard_rc);
/* Bytes that are bad from now on: no file space can be had there (-EIO). */
void fake_backing_add_bad(struct fake_backing *fake, size_t off, size_t len);
/* What looking for bad blocks returns, without doing so, if not 0. */
void fake_backing_set_find_bad_rc(struct fake_backing *fake, int rc);
/* Let calls of these kinds wait in a gate before they do anything ... */
void fake_backing_stop(struct fake_backing *fake, unsigned calls);
/* ... until this opens it. */
void fake_backing_go(struct fake_backing *fake);
/* Wait until nr calls wait in the gate; false: not within a minute. */
bool fake_backing_wait_stopped(struct fake_backing *fake, unsigned nr);

struct fake_counts fake_backing_counts(struct fake_backing *fake);
/* Whether all pages of [addr, addr + len) hold file space. */
bool fake_backing_holds(
    struct fake_backing *fake, const void *addr, size_t len);

#endif /* FAKE_BACKING_H */
