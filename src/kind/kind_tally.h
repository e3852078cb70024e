/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_tally.h -- how many bytes the tiers' functions hold of a kind (layer 4).
 *
 * Each thread counts in one of a few places, so that threads do not meet in
 * one cache line; what gathers there goes to the sum in batches.  The sum with
 * all places is exact; the sum with the caller's own place, which policies look
 * at, is exact in a program of one thread and else less than a batch for each
 * other place away from that.
 */
#ifndef KIND_TALLY_H
#define KIND_TALLY_H

#include <stddef.h>

struct memkind;

/* May be called by any thread at any time; neither fails. */
void kind_tally_add(struct memkind *kind, size_t bytes);
void kind_tally_sub(struct memkind *kind, size_t bytes);

/* All that was added less all that was taken away. */
size_t kind_tally_exact(struct memkind *kind);
/* Nearly that, as the calling thread sees it: place is kind_tally_place(). */
size_t kind_tally_about(struct memkind *kind, unsigned place);
/* Where the calling thread counts. */
unsigned kind_tally_place(void);

/* The kind ends: no thread uses it. */
void kind_tally_fini(struct memkind *kind);

#endif /* KIND_TALLY_H */
