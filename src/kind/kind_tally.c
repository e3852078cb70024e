// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_tally.c -- see kind_tally.h.
 */
#include "kind/kind_tally.h"

#include <stdatomic.h>

#include "base/os.h"
#include "base/util.h"
#include "kind/kind_record.h"

enum {
	NR_PLACES = 63, /* one page, with the cache lines around them */
	BATCH_SIZE = 8 * 1024
};

struct kind_tally_places {
	struct {
		_Alignas(64) _Atomic(long) bytes;
	} at[NR_PLACES];
};

static _Atomic(unsigned) Nr_threads;

/* Each new thread gets the next place. */
unsigned
kind_tally_place(void)
{
	static _Thread_local unsigned place; /* 0: none yet */

	if (DK_UNLIKELY(place == 0))
		place = 1 + atomic_fetch_add_explicit(
				&Nr_threads, 1, memory_order_relaxed) %
				NR_PLACES;
	return place - 1;
}

/* NULL: there is no memory for it. */
static struct kind_tally_places *
places_of(struct memkind *kind)
{
	struct kind_tally_places *places =
	    atomic_load_explicit(&kind->tally_places, memory_order_acquire);
	void *made;

	if (DK_LIKELY(places != NULL))
		return places;
	if (os_map_anon(sizeof(*places), &made) < 0)
		return NULL;
	if (!atomic_compare_exchange_strong(
		&kind->tally_places, &places, made)) {
		os_unmap(made, sizeof(*places));
		return places; /* another thread was first */
	}
	return made;
}

static void
add(struct memkind *kind, long bytes)
{
	struct kind_tally_places *places = places_of(kind);

	if (DK_UNLIKELY(places == NULL)) {
		atomic_fetch_add_explicit(
		    &kind->tally, bytes, memory_order_relaxed);
		return;
	}
	_Atomic(long) *place = &places->at[kind_tally_place()].bytes;
	long now = bytes + atomic_fetch_add_explicit(
			       place, bytes, memory_order_relaxed);
	if (DK_UNLIKELY(now > BATCH_SIZE || now < -BATCH_SIZE)) {
		now = atomic_exchange_explicit(place, 0, memory_order_relaxed);
		atomic_fetch_add_explicit(
		    &kind->tally, now, memory_order_relaxed);
	}
}

void
kind_tally_add(struct memkind *kind, size_t bytes)
{
	add(kind, (long)bytes);
}

void
kind_tally_sub(struct memkind *kind, size_t bytes)
{
	add(kind, -(long)bytes);
}

/* A tier may free blocks that were allocated by other functions. */
static size_t
not_negative(long bytes)
{
	return bytes > 0 ? (size_t)bytes : 0;
}

size_t
kind_tally_exact(struct memkind *kind)
{
	long sum = atomic_load_explicit(&kind->tally, memory_order_relaxed);
	struct kind_tally_places *places =
	    atomic_load_explicit(&kind->tally_places, memory_order_acquire);

	for (size_t i = 0; places != NULL && i < NR_PLACES; i++)
		sum += atomic_load_explicit(
		    &places->at[i].bytes, memory_order_relaxed);
	return not_negative(sum);
}

size_t
kind_tally_about(struct memkind *kind, unsigned place)
{
	long sum = atomic_load_explicit(&kind->tally, memory_order_relaxed);
	struct kind_tally_places *places =
	    atomic_load_explicit(&kind->tally_places, memory_order_acquire);

	if (DK_LIKELY(places != NULL))
		sum += atomic_load_explicit(
		    &places->at[place].bytes, memory_order_relaxed);
	return not_negative(sum);
}

void
kind_tally_fini(struct memkind *kind)
{
	struct kind_tally_places *places =
	    atomic_exchange(&kind->tally_places, NULL);

	if (places != NULL)
		os_unmap(places, sizeof(*places));
}
