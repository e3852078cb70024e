// SPDX-License-Identifier: BSD-2-Clause
/*
 * superblock_copies.c -- see superblock_copies.h.
 *
 * A copy is written in many stores, and a reset may come between any two: then
 * its check fails, and the other copy, which is whole, counts.
 */
#include "restart/superblock_copies.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/sched_point.h"
#include "region/flush.h"
#include "restart/ledger.h"

/* --- reading ------------------------------------------------------------------ */

static uint32_t
checksum(const union superblock_copy *page)
{
	union superblock_copy copy = *page;

	copy.sb.crc = 0;
	return (uint32_t)crc32(crc32(0, NULL, 0), copy.bytes, sizeof(copy));
}

/* Of part 0: less has no room for the records. */
#define SIZE_MIN (16 * (uint64_t)DK_PAGE)

static bool
is_page_in(uint64_t off, uint64_t end)
{
	return off % DK_PAGE == 0 && off <= end;
}

/* A checksum is right by accident, or where somebody computed it.  NULL, or what
 * is wrong. */
static const char *
find_implausible(const struct superblock *sb)
{
	uint64_t roots_end =
	    sb->roots_off + MEDIUM_ROOTS * sizeof(struct medium_root);
	bool has_grown = (sb->incompatible & MEDIUM_GROWN) != 0;
	uint64_t first_size = has_grown ? sb->first_size : sb->size;

	if (has_grown && (sb->nr_grown == 0 || sb->nr_grown >= MEDIUM_PARTS ||
			     first_size % DK_PAGE != 0 ||
			     first_size < SIZE_MIN || first_size >= sb->size))
		return "how it has grown cannot be";
	if (!has_grown && (sb->nr_grown != 0 || sb->first_size != 0))
		return "it has parts, and has not grown";
	if (sb->size % DK_PAGE != 0 || sb->size > UINT64_C(1) << 50 ||
	    sb->size < SIZE_MIN)
		return "its size of the region cannot be";
	if (sb->roots_off != 2 * DK_PAGE || sb->ledger_off != roots_end ||
	    !is_page_in(sb->heap_off, sb->heap_end) ||
	    sb->heap_end != sb->size - DK_PAGE ||
	    sb->heap_off != ledger_end_off(sb->ledger_off, first_size))
		return "its offsets of roots, ledger and heap cannot be";
	if (sb->state != MEDIUM_OPEN && sb->state != MEDIUM_CLOSED)
		return "its state is neither open nor closed";
	/* Slabs begin with a chunk, in the region and in memory. */
	if (sb->base % MEDIUM_CHUNK != 0)
		return "its address cannot be";
	if (memchr(sb->layout, '\0', sizeof(sb->layout)) == NULL ||
	    memchr(sb->boot, '\0', sizeof(sb->boot)) == NULL)
		return "a text in it has no end";
	return NULL;
}

static enum copy_is
look_at(const union superblock_copy *page, const char **why)
{
	const struct superblock *sb = &page->sb;

	*why = "it does not begin as one";
	if (!superblock_is_at(page))
		return COPY_NONE;
	*why = "its checksum is wrong";
	if (checksum(page) != sb->crc)
		return COPY_DAMAGED;
	*why = "its format is not known";
	if (sb->version != MEDIUM_VERSION ||
	    (sb->incompatible & ~(uint64_t)MEDIUM_GROWN) != 0 ||
	    sb->read_only_compatible != 0 || sb->nr_classes != MEDIUM_CLASSES)
		return COPY_FOREIGN;
	*why = find_implausible(sb);
	return *why == NULL ? COPY_VALID : COPY_DAMAGED;
}

enum copy_is
superblock_look(struct backing *b, size_t off, union superblock_copy *page,
    const char **why)
{
	memset(page, 0, sizeof(*page));
	*why = "it is beyond the end";
	if (b->size < DK_PAGE || off > b->size - DK_PAGE)
		return COPY_NONE;
	*why = "it lies in a bad block";
	if (superblock_is_bad(b, off))
		return COPY_NONE;
	/* To read a hole of tmpfs would fill it. */
	*why = "nothing was ever written there";
	if (b->has_content && backing_is_hole(b, off, DK_PAGE))
		return COPY_NONE;
	memcpy(page, b->base + off, sizeof(*page));
	return look_at(page, why);
}

struct copies {
	union superblock_copy page; /* of the best one */
	enum copy_is is;
};

/* What a later version wrote counts too: its copy may be the later one. */
static bool
is_later(const struct copies *best, const union superblock_copy *page,
    enum copy_is is)
{
	if (is < COPY_FOREIGN || best->is < COPY_FOREIGN)
		return is > best->is;
	/* At the end of a device may be one of a heap that was here before. */
	return memcmp(page->sb.uuid, best->page.sb.uuid,
		   sizeof(page->sb.uuid)) == 0 &&
	       page->sb.sequence > best->page.sb.sequence;
}

static void
consider(struct copies *best, struct backing *b, size_t off)
{
	union superblock_copy page;
	const char *why;

	enum copy_is is = superblock_look(b, off, &page, &why);
	if (is_later(best, &page, is)) {
		best->page = page;
		best->is = is;
	}
}

enum copy_is
superblock_find(struct backing *b, struct superblock *sb)
{
	struct copies best = {.is = COPY_NONE};

	if (b->size < DK_PAGE)
		return COPY_NONE;
	consider(&best, b, 0);
	/* Where the backing is larger than the heap, as after a kill while it
	 * grew, this is not the last page; and that one may be of a heap that
	 * was here before.  Of a copy that is damaged since its writing was cut
	 * short, the size is right: it has seldom changed. */
	size_t size = best.page.sb.size;
	if (best.is != COPY_NONE && size % DK_PAGE == 0 && size > DK_PAGE &&
	    size < b->size)
		consider(&best, b, size - DK_PAGE);
	consider(&best, b, b->size - DK_PAGE);
	*sb = best.page.sb;
	return best.is;
}

int
superblock_read(struct backing *b, const char *path, struct superblock *sb)
{
	struct superblock found;

	switch (superblock_find(b, &found)) {
	case COPY_NONE:
		return -ENOENT;
	case COPY_DAMAGED:
		return error_set(-EUCLEAN,
		    "%s holds a durable heap, and both of its superblocks are "
		    "damaged; restore it from a copy, or pass "
		    "DAXKIND_OVERWRITE to give it up",
		    path);
	case COPY_FOREIGN:
		return error_set(-EPROTONOSUPPORT,
		    "%s holds a durable heap of format version %u with "
		    "features %llx, which this daxkind does not know; use a "
		    "later one",
		    path, found.version,
		    (unsigned long long)(found.incompatible |
					 found.read_only_compatible));
	case COPY_VALID:
	default:
		break;
	}
	if (found.size > b->size)
		return error_set(-EFBIG,
		    "%s holds a durable heap of %llu bytes, and has only %zu "
		    "now; give it its size back, or restore it from a copy",
		    path, (unsigned long long)found.size, b->size);
	*sb = found;
	return 0;
}

/* --- writing -------------------------------------------------------------------- */

static int
write_copy(struct backing *b, size_t off, const union superblock_copy *page)
{
	const struct flush_ops *flush;
	int rc = flush_get_ops(b->granularity, &flush);

	if (rc < 0)
		return rc;
	memcpy(b->base + off, page, sizeof(*page));
	rc = flush->flush(b->base + off, sizeof(*page));
	if (rc == 0)
		flush->drain();
	DK_POINT("a superblock is written");
	return rc;
}

void
superblock_encode(const struct superblock *sb, union superblock_copy *page)
{
	memset(page, 0, sizeof(*page));
	page->sb = *sb;
	page->sb.crc = checksum(page);
}

/* Whether page 0 is to be written before the last one: it is older, or gone. */
static bool
is_first_older(const struct ledger *l, const struct superblock *sb)
{
	union superblock_copy first;
	const char *why;

	if (ledger_is_bad(l, 0, DK_PAGE))
		return true;
	memcpy(&first, l->base, sizeof(first));
	return look_at(&first, &why) != COPY_VALID ||
	       first.sb.sequence < sb->sequence;
}

int
superblock_write(const struct ledger *l, struct superblock *sb)
{
	size_t last = sb->size - DK_PAGE;
	bool first_is_older = is_first_older(l, sb);
	size_t offs[] = {first_is_older ? 0 : last, first_is_older ? last : 0};
	union superblock_copy page;
	int rc = 0, nr = 0;

	sb->sequence++;
	superblock_encode(sb, &page);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(offs); i++) {
		if (ledger_is_bad(l, offs[i], DK_PAGE)) {
			log_write(DK_LOG_WARNING,
			    "the superblock at offset %zu is in a bad block",
			    offs[i]);
			continue;
		}
		rc = write_copy(l->backing, offs[i], &page);
		nr++;
	}
	return rc == 0 && nr == 0
		   ? error_set(-EIO, "both superblocks are in bad blocks")
		   : rc;
}
