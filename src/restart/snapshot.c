// SPDX-License-Identifier: BSD-2-Clause
/*
 * snapshot.c -- see snapshot.h.
 *
 * The order of steps, so that the name stands for a whole copy whatever happens:
 *
 *   the bytes are in a file without a name, where the file system has such;
 *   then they are durable; then the file has its name; then the name is durable
 *
 * A name that is there already is not taken away first: the file gets a temporary
 * one, which then replaces it.
 */
#include "restart/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "base/log.h"
#include "base/os.h"
#include "base/sched_point.h"
#include "region/superblock.h"
#include "restart/superblock_copies.h"

/* In the same directory, since a name moves only within a file system. */
#define TEMP_NAME ".daxkind-%016llx"
enum {
	TEMP_NAME_SIZE = sizeof(".daxkind-0123456789abcdef"),
	NAME_TRIES = 8
};

struct snapshot {
	struct restart *restart;
	const char *path;
	int fd;
	bool is_clone;
	size_t off, len; /* a run of the region that is not copied yet */
	/* Temporary name; empty: none.  It begins with the directory of path. */
	char *temp;
	size_t dir_len;
};

static int
fail(const struct snapshot *s, int rc, const char *what)
{
	return error_set(
	    rc, "the snapshot %s %s: %s", s->path, what, strerror(-rc));
}

/* --- the name ------------------------------------------------------------------- */

static int
check_no_owner(const struct snapshot *s)
{
	int fd;
	int rc = os_open_read(s->path, &fd);

	if (rc < 0)
		return fail(s, rc, "cannot replace the file");
	rc = os_lock_file(fd);
	os_close(fd); /* and with it the lock */
	if (rc == -EWOULDBLOCK)
		return error_set(-EBUSY,
		    "%s is open as a region, in this or another process, and "
		    "is not replaced; give the snapshot another name",
		    s->path);
	return 0;
}

static int
check_path(const struct snapshot *s)
{
	struct os_stat st;
	int rc = os_stat(s->path, &st);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return fail(s, rc, "cannot be made");
	if (st.is_dir)
		return error_set(-EISDIR,
		    "%s is a directory; give the name of a file in it",
		    s->path);
	if (!st.is_file ||
	    (st.size > 0 && !superblock_is_in_file(s->path, st.size)))
		return error_set(-EEXIST,
		    "%s is no durable heap, and is not replaced by a "
		    "snapshot; remove it, or give another name",
		    s->path);
	return check_no_owner(s);
}

static int
set_up_names(struct snapshot *s)
{
	const char *slash = strrchr(s->path, '/');

	s->dir_len = slash != NULL ? (size_t)(slash - s->path) + 1 : 0;
	s->temp = os_new(s->dir_len + TEMP_NAME_SIZE);
	return s->temp != NULL
		   ? 0
		   : error_set(-ENOMEM, "no memory for a snapshot's name");
}

static void
choose_temp(struct snapshot *s)
{
	unsigned long long random = 0;

	/* Whatever it is, a name that is taken is not used. */
	if (os_random(&random, sizeof(random)) < 0)
		random = os_now_us();
	memcpy(s->temp, s->path, s->dir_len);
	(void)snprintf(s->temp + s->dir_len, TEMP_NAME_SIZE, TEMP_NAME, random);
}

/* A file without a name; on file systems that have none such, with a temporary
 * one. */
static int
create(struct snapshot *s)
{
	memcpy(s->temp, s->path, s->dir_len);
	s->temp[s->dir_len] = '\0';
	int rc = os_open_linkable(s->dir_len > 0 ? s->temp : ".", &s->fd);

	if (rc == -EOPNOTSUPP || rc == -EISDIR) {
		choose_temp(s);
		rc = os_open(s->temp, true, &s->fd);
		if (rc == 0)
			return 0;
	}
	s->temp[0] = '\0';
	if (rc == -ENOENT)
		return error_set(rc,
		    "the directory of %s does not exist; create it first",
		    s->path);
	return rc < 0 ? fail(s, rc, "cannot be made") : 0;
}

static int
link_temp(struct snapshot *s)
{
	int rc = -EEXIST;

	for (int i = 0; rc == -EEXIST && i < NAME_TRIES; i++) {
		choose_temp(s);
		rc = os_link(s->fd, s->temp);
	}
	if (rc < 0)
		s->temp[0] = '\0';
	return rc;
}

static int
publish(struct snapshot *s)
{
	bool has_name = s->temp[0] != '\0';

	DK_POINT("a snapshot is filled");
	int rc = os_sync_new_file(s->fd, s->path);
	if (rc < 0)
		return fail(s, rc, "cannot be synced");
	DK_POINT("a snapshot is synced");
	if (!has_name) {
		rc = os_link(s->fd, s->path);
		if (rc == -EEXIST)
			rc = link_temp(s);
	}
	if (rc == 0 && s->temp[0] != '\0') {
		rc = os_rename(s->temp, s->path);
		if (rc == 0)
			s->temp[0] = '\0';
	}
	if (rc < 0)
		return fail(s, rc, "cannot get its name");
	DK_POINT("a snapshot has its name");
	rc = os_sync_new_file(s->fd, s->path);
	return rc < 0 ? fail(s, rc, "is made, but its name may not be durable")
		      : 0;
}

static void
finish(struct snapshot *s)
{
	if (s->temp[0] != '\0')
		(void)os_unlink(s->temp);
	if (s->fd >= 0)
		os_close(s->fd);
	os_delete(s->temp);
}

/* --- the bytes ------------------------------------------------------------------ */

static int
copy_data(struct snapshot *s, size_t off, size_t len)
{
	const char *base = s->restart->backing->base;
	int rc = os_write_bulk(s->fd, off, base + off, len);

	if (rc == -EFAULT)
		return error_set(-EIO,
		    "%zu bytes at offset %zu of the region cannot be read: "
		    "there is a bad block; free what is there, and try again",
		    len, off);
	return rc < 0 ? fail(s, rc, "cannot be written") : 0;
}

/* A part that no store of the program has filled yet: space, and no data. */
static int
reserve(struct snapshot *s, size_t off, size_t len)
{
	int rc = os_allocate(s->fd, off, len);

	if (rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EPERM)
		rc = os_write_zeroes(s->fd, off, len);
	return rc < 0 ? fail(s, rc, "cannot be written") : 0;
}

static int
copy_run(struct snapshot *s)
{
	size_t off = s->off, end = s->off + s->len;
	int rc = 0;

	s->len = 0;
	while (rc == 0 && off < end) {
		size_t hole = end, hole_len = 0;

		/* To read a hole through the mapping would fill it. */
		if (!backing_find_hole(
			s->restart->backing, off, end - off, &hole, &hole_len))
			hole = end;
		if (hole > off)
			rc = copy_data(s, off, hole - off);
		if (rc == 0 && hole_len > 0)
			rc = reserve(s, hole, hole_len);
		off = hole + hole_len;
	}
	return rc;
}

static int
copy_range(void *arg, size_t off, size_t len)
{
	struct snapshot *s = arg;

	if (off == s->off + s->len) {
		s->len += len;
		return 0;
	}
	int rc = copy_run(s);
	s->off = off;
	s->len = len;
	return rc;
}

static int
copy_unit(void *arg, const struct ledger_unit *unit)
{
	if (unit->type == LEDGER_LOST)
		return error_set(-EIO,
		    "what is allocated at offset %zu of the region is in a bad "
		    "block; copy the blocks that daxkind_walk() visits to a new "
		    "region",
		    unit->off);
	/* Stacks are not in the copy. */
	return unit->type == LEDGER_STACKS
		   ? 0
		   : copy_range(arg, unit->off, unit->len);
}

/* What is in use; the rest stays a hole. */
static int
copy_all(struct snapshot *s)
{
	const struct restart *r = s->restart;

	/* Before the first byte, where a file system has this (btrfs). */
	if (os_set_in_place(s->fd, true) == 1)
		log_write(DK_LOG_DEBUG, "%s is written in place", s->path);
	int rc = os_set_size(s->fd, r->sb.size);
	if (rc < 0)
		return fail(s, rc, "cannot have the size of the region");
	s->off = 0;
	s->len = r->sb.ledger_off;
	rc = ledger_visit_lines(&r->ledger, copy_range, s);
	if (rc == 0)
		rc = ledger_walk(&r->ledger, copy_unit, s);
	return rc == 0 ? copy_run(s) : rc;
}

static int
unshare_lines(void *arg, size_t off, size_t len)
{
	return backing_unshare(arg, off, len);
}

struct unsharing {
	struct backing *backing;
	const struct ledger *ledger;
};

/* The bits of small classes, and stacks. */
static int
unshare_unit(void *arg, const struct ledger_unit *unit)
{
	const struct unsharing *u = arg;

	if (unit->type == LEDGER_EXTENT ||
	    (unit->type == LEDGER_SLAB &&
		u->ledger->classes[unit->size_class].nr_reserved == 0))
		return 0;
	return backing_unshare(u->backing, unit->off,
	    unit->type == LEDGER_SLAB ? DK_PAGE : unit->len);
}

/*
 * The library's own stores must find file space in the region as before.  For
 * blocks this waits until they are stored to: that is what makes a clone cheap.
 */
static int
unshare_records(const struct restart *r)
{
	struct unsharing u = {r->backing, &r->ledger};
	int rc = backing_unshare(r->backing, 0, r->sb.ledger_off);

	if (rc == 0)
		rc = backing_unshare(r->backing, r->sb.size - DK_PAGE, DK_PAGE);
	if (rc == 0)
		rc = ledger_visit_lines(&r->ledger, unshare_lines, r->backing);
	return rc == 0 ? ledger_walk(&r->ledger, unshare_unit, &u) : rc;
}

/* Without is_clone there is none, and the file is empty. */
static int
clone_all(struct snapshot *s)
{
	const struct restart *r = s->restart;

	s->is_clone = backing_clone(r->backing, s->fd) == 0;
	if (!s->is_clone)
		return 0;
	/* The backing may be larger than the heap. */
	int rc = os_set_size(s->fd, r->sb.size);
	if (rc == 0)
		rc = unshare_records(r);
	return rc < 0 ? fail(s, rc, "cannot be a clone of the region") : 0;
}

/* --- the copy is closed, and without stacks ------------------------------------- */

static int
remove_stacks(void *arg, const struct ledger_unit *unit)
{
	struct snapshot *s = arg;
	static const uint64_t zero;

	if (unit->type != LEDGER_STACKS)
		return 0;
	int rc =
	    os_write(s->fd, ledger_word_off(&s->restart->ledger, unit->off),
		&zero, sizeof(zero));
	return rc < 0 ? fail(s, rc, "cannot be written") : 0;
}

static int
write_superblocks(struct snapshot *s)
{
	struct superblock sb = s->restart->sb;
	union superblock_copy page;

	sb.state = MEDIUM_CLOSED;
	/* From now on they are two heaps. */
	int rc = os_random(sb.uuid, sizeof(sb.uuid));
	if (rc == 0) {
		superblock_encode(&sb, &page);
		rc = os_write(s->fd, 0, &page, sizeof(page));
	}
	if (rc == 0)
		rc = reserve(s, sb.size - DK_PAGE, DK_PAGE);
	if (rc == 0)
		rc = os_write(s->fd, sb.size - DK_PAGE, &page, sizeof(page));
	return rc < 0 && *error_text() == '\0'
		   ? fail(s, rc, "cannot be written")
		   : rc;
}

static int
fill(struct snapshot *s)
{
	int rc = clone_all(s);

	if (rc == 0 && !s->is_clone)
		rc = copy_all(s);
	if (rc == 0)
		rc = ledger_walk(&s->restart->ledger, remove_stacks, s);
	return rc == 0 ? write_superblocks(s) : rc;
}

int
snapshot_make(struct restart *r, const char *path)
{
	struct snapshot s = {.restart = r, .path = path, .fd = -1};
	int rc =
	    ledger_is_hit(&r->ledger) ? ledger_refuse_hit() : check_path(&s);

	if (rc == 0)
		rc = set_up_names(&s);
	if (rc < 0)
		return rc;
	DK_ASSUME(s.temp != NULL); /* it has names */
	rc = create(&s);
	if (rc == 0)
		rc = fill(&s);
	if (rc == 0)
		rc = publish(&s);
	finish(&s);
	if (rc == 0)
		log_write(DK_LOG_INFO, "snapshot %s: %s of %zu bytes", path,
		    s.is_clone ? "a clone" : "a copy", (size_t)r->sb.size);
	return rc;
}
