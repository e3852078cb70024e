/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_tally.h -- how many bytes the tiers' functions hold of a kind (layer 5).
 *
 * Each thread counts in one of a few places, so that threads do not share a
 * cache line; a place is added to the sum in batches.  The sum plus all places
 * is exact.  Policies use the sum plus the caller's place.  That is exact in a
 * program with one thread; otherwise each other place can add an error of up to
 * a batch.
 */
#ifndef KIND_TALLY_H
#define KIND_TALLY_H

#include <stddef.h>

struct memkind;

/* Any thread may call these at any time; they cannot fail. */
void kind_tally_add(struct memkind *kind, size_t bytes);
void kind_tally_sub(struct memkind *kind, size_t bytes);

/* The exact number of bytes: all added minus all subtracted. */
size_t kind_tally_exact(struct memkind *kind);
/* The approximate number for the calling thread; place is
 * kind_tally_place(). */
size_t kind_tally_about(struct memkind *kind, unsigned place);
/* The place of the calling thread. */
unsigned kind_tally_place(void);

/* Call it when the kind ends and no thread uses it. */
void kind_tally_fini(struct memkind *kind);

#endif /* KIND_TALLY_H */
