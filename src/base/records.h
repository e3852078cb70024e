/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records.h -- records of one size whose pages go back to the kernel (layer 0).
 *
 * Records are grouped in units of whole pages.  When no record of a unit is in
 * use, the unit's pages are returned to the kernel; a few such units are kept
 * for the next user.  Addresses stay valid: a stale pointer to a record reads
 * the old content or zeroes.  A free record's first pointer belongs to this
 * module.
 *
 * Each unit that was ever in use costs 40 bytes for good.
 *
 * No lock: the owner of the records serializes access.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct records_chunk;
struct records_item;
struct records_unit;

struct records {
	size_t size;     /* bytes of a record, a multiple of 8 */
	size_t max_kept; /* see RECORDS_INIT() */
	size_t next_nr;  /* units in the next chunk; doubles up to a limit */
	struct records_chunk *chunks; /* all memory, newest first */
	/* Units with a free record: with some in use; with none in use, and
	 * its pages kept; with none in use, and its pages returned. */
	struct records_unit *used, *kept, *gone;
	size_t nr_kept;
	/* Retired records, the longest retired first. */
	struct records_item *resting, *resting_last;
	size_t nr_resting;
};

enum {
	RECORDS_FIRST_NR = 4,
	/* Enough that short-lived records need no system call. */
	RECORDS_KEEP_FEW = 16
};
/* For records whose old content a stale pointer must read. */
#define RECORDS_KEEP_ALL SIZE_MAX

/* Takes no memory yet.  Up to nr_units_to_keep units without a record in use
 * keep their pages. */
#define RECORDS_INIT(record_size, nr_units_to_keep)                    \
	{                                                              \
		.size = (record_size), .max_kept = (nr_units_to_keep), \
		.next_nr = RECORDS_FIRST_NR,                           \
	}

/* A record with unspecified content, or NULL.  Records of 16 KiB or more are
 * page-aligned. */
void *records_get(struct records *records) DK_MUST_CHECK;
void records_put(struct records *records, void *record);

/*
 * The same for records whose addresses users keep: it is reused only after
 * RECORDS_REST others were retired.  So a stale pointer meets a record that is
 * not in use, and is detected by its address.  If memory runs out, the longest
 * retired record is reused earlier.
 */
enum {
	RECORDS_REST = 256
};
void records_retire(struct records *records, void *record);

/* Whether ptr, which may be any pointer, is the address of a record, in use or
 * not. */
bool records_has(const struct records *records, const void *ptr);

#endif /* RECORDS_H */
