// SPDX-License-Identifier: BSD-2-Clause
/*
 * flush_log.c -- see flush_log.h.
 *
 * A record is stored, then flushed, with one wait for the medium.  Its sum
 * tells whether all of it arrived, so its parts need no order.
 */
#include "flush_log.h"

#include <daxkind.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "checksum.h"

#define MAGIC UINT64_C(0x676f6c2d68736c66)

struct head {
	uint64_t magic;
	uint64_t id;   /* later logs have greater ones */
	uint64_t size; /* of the block, in bytes */
	uint64_t sum;  /* of the three above */
};

struct record {
	uint64_t seq; /* 0, 1, 2 ... */
	uint64_t len; /* of the data behind it, in bytes, before padding */
	uint64_t sum; /* of the log's id, seq, len and the data */
};

static uint64_t
sum_head(const struct head *head)
{
	return checksum_xxh64(head, offsetof(struct head, sum), MAGIC);
}

static uint64_t
sum_record(uint64_t id, const struct record *record, const void *data)
{
	uint64_t sum;

	sum = checksum_xxh64(record, offsetof(struct record, sum), id);
	return checksum_xxh64(data, (size_t)record->len, sum);
}

/* Records start at multiples of 8, so that their fields do not straddle. */
static size_t
pad(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

static int
load_head(const void *block, size_t size, struct head *head)
{
	if (size < sizeof(*head))
		return -ENOENT;
	memcpy(head, block, sizeof(*head));
	if (head->magic != MAGIC || head->sum != sum_head(head))
		return -ENOENT;
	return head->size > size ? -ENOENT : 0;
}

int
flush_log_init(struct flush_log *log, memkind_t kind, void *block, size_t size)
{
	struct head head = {.magic = MAGIC, .size = size};
	struct timespec now;
	int rc;

	if (size < sizeof(head) || (uintptr_t)block % FLUSH_LOG_ALIGN != 0)
		return -EINVAL;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -errno;
	head.id = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	head.sum = sum_head(&head);
	rc = daxkind_memcpy_persist(kind, block, &head, sizeof(head));
	if (rc < 0)
		return rc;

	log->kind = kind;
	log->block = block;
	log->size = size;
	log->end_off = pad(sizeof(head));
	log->id = head.id;
	log->nr_records = 0;
	return 0;
}

int
flush_log_append(struct flush_log *log, const void *data, size_t len)
{
	struct record record = {.seq = log->nr_records, .len = len};
	unsigned char *at = log->block + log->end_off;
	size_t left_len = log->size - log->end_off;
	size_t next_off;
	int rc;

	if (left_len < sizeof(record) || len > left_len - sizeof(record))
		return -ENOSPC;
	record.sum = sum_record(log->id, &record, data);
	memcpy(at, &record, sizeof(record));
	memcpy(at + sizeof(record), data, len);
	rc = daxkind_persist(log->kind, at, sizeof(record) + len);
	if (rc < 0)
		return rc;

	/* The space left may be less than the padding: then the block is
	 * full. */
	next_off = pad(log->end_off + sizeof(record) + len);
	log->end_off = next_off < log->size ? next_off : log->size;
	log->nr_records++;
	return 0;
}

int
flush_log_scan(const void *block, size_t size,
    int (*visit)(void *arg, uint64_t seq, const void *data, size_t len),
    void *arg, uint64_t *nr_records)
{
	const unsigned char *at = block;
	const unsigned char *end;
	struct record record;
	struct head head;
	uint64_t seq;
	int rc;

	rc = load_head(block, size, &head);
	if (rc < 0)
		return rc;
	end = at + head.size;
	at += pad(sizeof(head));

	for (seq = 0; (size_t)(end - at) >= sizeof(record); seq++) {
		memcpy(&record, at, sizeof(record));
		at += sizeof(record);
		if (record.seq != seq || record.len > (size_t)(end - at) ||
		    record.sum != sum_record(head.id, &record, at))
			break;
		if (visit != NULL) {
			rc = visit(arg, seq, at, (size_t)record.len);
			if (rc != 0)
				break;
		}
		if (pad((size_t)record.len) >= (size_t)(end - at)) {
			seq++;
			break;
		}
		at += pad((size_t)record.len);
	}
	*nr_records = seq;
	return rc;
}

const void *
flush_log_find(const void *base, size_t size)
{
	const unsigned char *at = base;
	const void *newest = NULL;
	uint64_t newest_id = 0;
	struct head head;
	size_t off;

	for (off = 0; off < size; off += FLUSH_LOG_ALIGN) {
		if (load_head(at + off, size - off, &head) < 0)
			continue;
		if (newest == NULL || head.id > newest_id) {
			newest = at + off;
			newest_id = head.id;
		}
	}
	return newest;
}
