// SPDX-License-Identifier: BSD-2-Clause
/*
 * superblock.c -- see superblock.h.
 */
#include "region/superblock.h"

#include "base/os.h"
#include "base/util.h"
#include "region/backing.h"

_Static_assert(sizeof(SUPERBLOCK_MAGIC) - 1 == SUPERBLOCK_MAGIC_LEN,
    "the magic has its length");

static int
note_bad(void *arg, size_t off, size_t len)
{
	(void)off;
	(void)len;
	*(bool *)arg = true;
	return 1;
}

int
superblock_find_bad(struct backing *b, size_t off)
{
	bool found = false;
	int rc = backing_find_bad(b, off, DK_PAGE, note_bad, &found);

	return rc < 0 ? rc : found;
}

bool
superblock_is_bad(struct backing *b, size_t off)
{
	return superblock_find_bad(b, off) != 0;
}

static bool
is_on_page(struct backing *b, size_t off)
{
	/* On an fsdax file system a hole that was read counts as data, and would
	 * not be written when it gets file space. */
	if (b->has_content && backing_is_hole(b, off, DK_PAGE))
		return false;
	return !superblock_is_bad(b, off) && superblock_is_at(b->base + off);
}

bool
superblock_is_on(struct backing *b)
{
	return b->size >= DK_PAGE &&
	       (is_on_page(b, 0) || is_on_page(b, b->size - DK_PAGE));
}

int
superblock_erase_at(struct backing *b, size_t off)
{
	const struct flush_ops *flush;

	/* One that nobody knows of would be found over other blocks. */
	int rc = superblock_find_bad(b, off);
	if (rc < 0)
		return rc;
	if (!is_on_page(b, off))
		return 0;
	rc = flush_get_ops(b->granularity, &flush);
	if (rc < 0)
		return rc;
	rc = flush->set(b->base + off, 0, SUPERBLOCK_MAGIC_LEN);
	if (rc == 0)
		flush->drain();
	return rc;
}

int
superblock_erase(struct backing *b)
{
	int rc = b->size >= DK_PAGE ? superblock_erase_at(b, 0) : 0;

	return rc == 0 && b->size >= DK_PAGE
		   ? superblock_erase_at(b, b->size - DK_PAGE)
		   : rc;
}

static bool
is_in_file_at(const char *path, size_t off)
{
	char found[SUPERBLOCK_MAGIC_LEN];

	return os_read_at(path, off, found, sizeof(found)) == 0 &&
	       superblock_is_at(found);
}

bool
superblock_is_in_file(const char *path, size_t size)
{
	size_t end = align_down(size, DK_PAGE);

	return end >= DK_PAGE &&
	       (is_in_file_at(path, 0) || is_in_file_at(path, end - DK_PAGE));
}
