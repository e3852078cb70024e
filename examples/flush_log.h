/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flush_log.h -- an append-only log in a block of a kind.  After a crash it
 * tells which of its records are complete.
 *
 * | head: magic id size sum | seq len sum data.. | seq len sum data.. | ?
 *
 * Every sum depends on the log's id, so that older data in the same memory is
 * never mistaken for a record (devdax memory is not zero).  A record counts as
 * written once flush_log_append() has returned.  A record that was cut short
 * has a wrong sum, which ends the scan.
 *
 * One thread at a time.
 */
#ifndef FLUSH_LOG_H
#define FLUSH_LOG_H

#include <memkind.h>
#include <stddef.h>
#include <stdint.h>

#define FLUSH_LOG_ALIGN 4096 /* of the block; flush_log_find() relies on it */

struct flush_log {
	memkind_t kind;       /* whose memory block is in */
	unsigned char *block; /* the head, then the records */
	size_t size;          /* of block, in bytes */
	size_t end_off;       /* from block: where the next record goes */
	uint64_t id;          /* of this log */
	uint64_t nr_records;  /* appended so far */
};

/*
 * Start an empty log in size bytes at block, which is memory of kind at a
 * multiple of FLUSH_LOG_ALIGN.  Returns 0, -EINVAL (too small, not aligned),
 * or what daxkind_persist() says.
 */
int flush_log_init(
    struct flush_log *log, memkind_t kind, void *block, size_t size);

/*
 * Append len bytes.  Durable on return.  Returns 0, -ENOSPC when the block is
 * full, or what daxkind_persist() says.  On failure the log is as it was.
 */
int flush_log_append(struct flush_log *log, const void *data, size_t len);

/*
 * Call visit (may be NULL) for each whole record at block, oldest first, until
 * it returns other than 0.  Sets *nr_records to the number of whole records
 * visited.  Returns 0, -ENOENT when there is no log, or what visit returned.
 */
int flush_log_scan(const void *block, size_t size,
    int (*visit)(void *arg, uint64_t seq, const void *data, size_t len),
    void *arg, uint64_t *nr_records);

/* Find the newest log in size bytes at base; NULL: none.  After a restart the
 * heap's records are gone, so the log is found by its content. */
const void *flush_log_find(const void *base, size_t size);

#endif /* FLUSH_LOG_H */
