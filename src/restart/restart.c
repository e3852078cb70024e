// SPDX-License-Identifier: BSD-2-Clause
/*
 * restart.c -- see restart.h.
 *
 * The order of stores, each durable before the next:
 *
 *   format  roots and marks are 0; then the superblocks say "open"
 *   open    what stood in caches of a dead process is free in the ledger, or
 *           after a reset the superblocks have a bound of it; then the stacks of
 *           those caches are gone; then the superblocks say "open", under this
 *           kernel; then blocks are handed out
 *   grow    both superblocks are as the older ones were; then the file is
 *           longer; then the ledger has marks of the new part; then, with "open",
 *           the last page is a superblock that has the part; then page 0 is; then
 *           the old copy is none
 *   close   the ledger, and where pages are the granularity all pages; then
 *           the superblocks say "closed"
 */
#include "restart/restart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/sched_point.h"
#include "restart/recovery.h"
#include "restart/superblock_copies.h"

/* Where durable heaps are mapped: no loader and no sanitizer puts anything there
 * (ThreadSanitizer allows nothing there, and has room elsewhere). */
#if DK_THREAD_SANITIZER
#define BASE_FIRST UINT64_C(0x7e8000000000)
#define BASE_SPAN (UINT64_C(1) << 39)
#else
#define BASE_FIRST UINT64_C(0x200000000000)
#define BASE_SPAN UINT64_C(0x200000000000)
#endif
#define BASE_ALIGN GIB
enum {
	BASE_TRIES = 16
};

/* --- the address ---------------------------------------------------------------- */

/* False: it stays where it is mapped. */
static bool
choose_base(struct restart *r)
{
	uint64_t nr = BASE_SPAN / BASE_ALIGN;
	uint64_t random;

	memcpy(&random, r->sb.uuid, sizeof(random));
	/* Where moving a mapping fails, it stays. */
	for (unsigned i = 0; i < BASE_TRIES; i++) {
		char *to = (char *)(uintptr_t)(BASE_FIRST +
					       (random + i * UINT64_C(7919)) %
						   nr * BASE_ALIGN);

		if (backing_move(r->backing, to) == 0)
			return true;
	}
	return false;
}

static int
go_to_base(struct restart *r, const struct restart_request *request)
{
	struct backing *b = r->backing;
	char *to = (char *)(uintptr_t)r->sb.base;
	char taken_by[128];

	int rc = backing_move(b, to);
	if (rc == 0)
		return 0;
	if ((request->flags & RESTART_RELOCATE) != 0) {
		(void)choose_base(r);
		r->moved_by = b->base - to;
		return 0;
	}
	if (rc != -EADDRINUSE)
		return error_set(rc, "%s cannot be mapped at %p: %s",
		    request->path, (void *)to, strerror(-rc));
	os_describe_mapping(to, b->size, taken_by, sizeof(taken_by));
	return error_set(rc,
	    "%s has its addresses at %p, where %s is mapped now; open it "
	    "earlier, or pass DAXKIND_RELOCATE and use offsets",
	    request->path, (void *)to, taken_by);
}

/* --- new ---------------------------------------------------------------------------- */

static bool
is_zero_page(struct backing *b, size_t off)
{
	static const char zeroes[DK_PAGE];

	return !superblock_is_bad(b, off) &&
	       memcmp(b->base + off, zeroes, DK_PAGE) == 0;
}

/* Nobody has begun to use it: a file without data, as one is whose first opening
 * was cut short, or a device that begins and ends with zeroes. */
static bool
is_empty(struct backing *b)
{
	return b->starts_zero || backing_is_hole(b, 0, b->size) ||
	       (b->type == BACKING_DEVDAX && is_zero_page(b, 0) &&
		   is_zero_page(b, b->size - DK_PAGE));
}

static int
set_up_superblock(struct restart *r, const struct restart_request *request)
{
	struct superblock *sb = &r->sb;
	size_t size = r->backing->size;

	/* Of copies of an older heap none may look later than the new one's. */
	uint64_t sequence = sb->sequence;

	memset(sb, 0, sizeof(*sb));
	sb->sequence = sequence;
	memcpy(sb->magic, SUPERBLOCK_MAGIC, sizeof(sb->magic));
	int rc = os_random(sb->uuid, sizeof(sb->uuid));
	if (rc < 0)
		return error_set(rc, "%s: no random number for its uuid: %s",
		    request->path, strerror(-rc));
	sb->version = MEDIUM_VERSION;
	memcpy(sb->layout, request->layout, strlen(request->layout));
	sb->size = size;
	sb->state = MEDIUM_CLOSED;
	sb->nr_classes = MEDIUM_CLASSES;
	sb->roots_off = 2 * DK_PAGE;
	sb->ledger_off =
	    sb->roots_off + MEDIUM_ROOTS * sizeof(struct medium_root);
	sb->heap_off = ledger_end_off(sb->ledger_off, size);
	sb->heap_end = size - DK_PAGE;
	memcpy(sb->class_size, request->class_sizes, sizeof(sb->class_size));
	if (sb->heap_off + MEDIUM_CHUNK > sb->heap_end)
		return error_set(-EINVAL,
		    "%s: %zu bytes are too few for a durable heap; give at "
		    "least %zu",
		    request->path, size, 16 * DK_PAGE + 2 * MEDIUM_CHUNK);
	return 0;
}

/* Before the superblocks, the rest of what is fixed. */
static int
clear_fixed(struct restart *r)
{
	char *start = r->backing->base + DK_PAGE;
	size_t len = r->sb.ledger_off - DK_PAGE;
	const struct flush_ops *flush;
	int rc = flush_get_ops(r->backing->granularity, &flush);

	if (rc < 0)
		return rc;
	memset(start, 0, len);
	rc = flush->flush(start, len);
	if (rc == 0)
		flush->drain();
	return rc;
}

static int
refuse_unknown(int rc, const char *path)
{
	return error_set(
	    rc, "%s: its bad blocks cannot be read: %s", path, strerror(-rc));
}

/* File space for what is stored to without asking. */
static int
ensure_fixed(struct restart *r, const char *path)
{
	struct backing *b = r->backing;
	size_t last = r->sb.size - DK_PAGE;
	/* Of the superblocks one may be in a bad block. */
	int is_first_bad = superblock_find_bad(b, 0);
	int is_last_bad = superblock_find_bad(b, last);

	if (is_first_bad < 0 || is_last_bad < 0)
		return refuse_unknown(
		    is_first_bad < 0 ? is_first_bad : is_last_bad, path);
	size_t first = is_first_bad > 0 ? DK_PAGE : 0;
	bool is_zero;
	int rc = backing_ensure(b, first, r->sb.ledger_off - first, &is_zero);

	if (rc == 0 && is_last_bad == 0)
		rc = backing_ensure(b, last, DK_PAGE, &is_zero);
	if (rc < 0)
		return error_set(rc, "%s: no file space for a superblock: %s",
		    path, strerror(-rc));
	return 0;
}

static int
note_any(void *arg, size_t off, size_t len)
{
	(void)off;
	(void)len;
	*(bool *)arg = true;
	return 1;
}

/* What has its place is on good pages. */
static int
check_place(const struct restart *r, const char *path)
{
	bool is_bad = false;
	int rc = backing_find_bad(
	    r->backing, 0, r->sb.ledger_off, note_any, &is_bad);

	if (rc == 0)
		rc = backing_find_bad(r->backing, r->sb.size - DK_PAGE, DK_PAGE,
		    note_any, &is_bad);
	if (rc < 0)
		return refuse_unknown(rc, path);
	return is_bad ? error_set(-EIO,
			    "%s has a bad block at its beginning or its end, "
			    "where a durable heap has its superblocks; use "
			    "another device, or clear the bad block",
			    path)
		      : 0;
}

static int
format(struct restart *r, const struct restart_request *request)
{
	int rc = set_up_superblock(r, request);

	if (rc == 0)
		rc = check_place(r, request->path);

	if (rc == 0)
		rc = ensure_fixed(r, request->path);
	if (rc == 0 && !choose_base(r))
		rc = error_set(-ENOMEM,
		    "%s: %zu bytes cannot be mapped at an address that will "
		    "be free the next time; raise the limit of the address "
		    "space (ulimit -v), or use another file system",
		    request->path, r->backing->size);
	/* What was there is gone before anything of it is overwritten. */
	if (rc == 0)
		rc = superblock_erase(r->backing);
	if (rc == 0)
		rc = clear_fixed(r);
	if (rc < 0 && *error_text() == '\0')
		(void)error_set(rc, "%s cannot be written: %s", request->path,
		    strerror(-rc));
	if (rc == 0)
		rc = ledger_open(&r->ledger, r->backing, &r->sb, true);
	r->how = RESTART_HOW_NEW;
	return rc;
}

/* --- as it was left ------------------------------------------------------------------ */

/* Without it nobody could tell a kill from a reset later. */
static int
read_boot(struct restart *r, const char *path)
{
	int rc = check_read_boot(r->boot);

	if (rc < 0)
		return error_set(rc,
		    "%s: which start of the kernel this is cannot be read "
		    "from %s: %s; mount /proc",
		    path, CHECK_BOOT_ID, strerror(-rc));
	return 0;
}

static int
check_request(const struct restart *r, const struct restart_request *request)
{
	const struct superblock *sb = &r->sb;

	if (strcmp(sb->layout, request->layout) != 0)
		return error_set(-EPROTO,
		    "%s holds a durable heap with the layout \"%s\", not "
		    "\"%s\"; open it by the program that made it, or pass "
		    "DAXKIND_OVERWRITE to give it up",
		    request->path, sb->layout, request->layout);
	int rc = check_classes(sb, request->class_sizes, request->path);
	if (rc < 0)
		return rc;
	if (check_lost_pages(sb, r->how, r->backing->granularity) &&
	    (request->flags & RESTART_SALVAGE) == 0)
		return error_set(-EUCLEAN,
		    "%s was not closed before the machine was reset, and its "
		    "pages may be of different times; restore it from a "
		    "copy, or pass DAXKIND_SALVAGE if the program checks "
		    "each block itself",
		    request->path);
	return 0;
}

struct sums {
	struct restart *r;
	size_t nr_stacks;
};

static int
add_unit(void *arg, const struct ledger_unit *unit)
{
	struct sums *sums = arg;
	struct restart *r = sums->r;

	if (unit->type == LEDGER_SLAB) {
		size_t nr = ledger_count(&r->ledger, unit);

		r->nr_blocks += nr;
		r->bytes += nr * r->ledger.classes[unit->size_class].size;
	} else if (unit->type == LEDGER_EXTENT) {
		r->nr_blocks++;
		r->bytes += unit->len;
	} else if (unit->type == LEDGER_STACKS) {
		sums->nr_stacks++;
	} else {
		r->lost += unit->len;
		log_write(DK_LOG_ERROR,
		    "%zu bytes at offset %zu of a durable heap are not used any "
		    "more: what is allocated there is in a bad block",
		    unit->len, unit->off);
	}
	return 0;
}

/* Check all of the ledger, and count what it has. */
static int
count(struct restart *r, size_t *nr_stacks)
{
	struct sums sums = {.r = r};

	r->nr_blocks = 0;
	r->bytes = 0;
	r->lost = 0;
	int rc = ledger_walk(&r->ledger, add_unit, &sums);
	*nr_stacks = sums.nr_stacks;
	return rc;
}

static int
write_superblock(struct restart *r, struct superblock *sb, const char *path)
{
	int rc = superblock_write(&r->ledger, sb);

	if (rc == 0)
		r->sb = *sb;
	else if (*error_text() == '\0')
		(void)error_set(rc, "%s: the superblock cannot be written: %s",
		    path, strerror(-rc));
	return rc;
}

/* Of pages of different times nobody knows anything. */
static int
add_leak(struct restart *r, const char *path)
{
	struct superblock sb = r->sb;
	size_t bytes = r->bytes;
	int rc = 0;

	if (!check_lost_pages(&r->sb, r->how, r->backing->granularity))
		rc = recovery_bound_cached(&r->ledger, &bytes);
	if (rc < 0 || bytes == 0)
		return rc;
	/* If this is done twice, it is still a bound. */
	sb.cached_max = min_size(sb.cached_max, r->bytes);
	sb.cached_max =
	    min_size(sb.cached_max + min_size(bytes, r->bytes), r->bytes);
	return write_superblock(r, &sb, path);
}

/* After a kill, what stood in caches is free.  After a reset it has leaked, as
 * nobody flushed the stacks. */
static int
recover(struct restart *r, const char *path)
{
	struct recovered freed = {0};
	int rc = 0;

	if (r->how == RESTART_HOW_CRASH)
		rc = recovery_free_cached(&r->ledger, &r->sb, &freed);
	else if (r->how == RESTART_HOW_POWER)
		rc = add_leak(r, path);
	r->nr_blocks -= freed.nr_blocks;
	r->bytes -= freed.bytes;
	return rc == 0 ? recovery_remove_stacks(&r->ledger) : rc;
}

/* --- larger than it was ---------------------------------------------------------------- */

/* What it will have: what it has, or more, after a look whether that can be. */
static int
plan_size(const struct restart *r, const struct restart_request *request,
    size_t *size)
{
	size_t has = r->sb.size, of_backing = r->backing->size;
	size_t want = request->size != 0 ? align_down(request->size, DK_PAGE)
					 : of_backing;

	*size = has;
	if (want == has)
		return 0;
	if (want < has)
		return error_set(-EINVAL,
		    "%s holds a durable heap of %zu bytes, which does not "
		    "become smaller, not %zu; pass 0 or its size",
		    request->path, has, request->size);
	if (want < of_backing)
		return error_set(-EINVAL,
		    "%s has %zu bytes, not %zu, and a durable heap of %zu; pass "
		    "0 to have it grow over all of it",
		    request->path, of_backing, request->size, has);
	int rc = ledger_can_grow(&r->ledger, want);
	/* As it is: a file may be longer by less than a part needs. */
	if (rc < 0 &&
	    (request->size == 0 || (rc == -EINVAL && want == of_backing)))
		return 0;
	if (rc == -ENOSPC)
		return error_set(rc,
		    "%s has grown %d times already, and cannot grow again; copy "
		    "its content to a new region",
		    request->path, MEDIUM_PARTS - 1);
	if (rc < 0)
		return error_set(rc,
		    "%s cannot grow from %zu to %zu bytes, which is too little "
		    "for a part of its own; give it at least %d bytes more",
		    request->path, has, request->size, MEDIUM_PART_MIN);
	*size = want;
	return 0;
}

static int
grow_backing(
    struct restart *r, const struct restart_request *request, size_t size)
{
	struct backing *b = r->backing;
	size_t before = b->size;
	bool is_zero;
	int rc = 0;

	if (size > before) {
		rc = backing_resize(b, size);
		if (rc < 0)
			return rc;
		r->size_before = before;
		DK_POINT("the file of a heap is longer");
	}
	rc = backing_ensure(b, size - DK_PAGE, DK_PAGE, &is_zero);
	return rc == 0 ? 0
		       : error_set(rc,
			     "%s cannot grow to %zu bytes: no file space for a "
			     "superblock: %s",
			     request->path, size, strerror(-rc));
}

static int
grow(struct restart *r, const struct restart_request *request, size_t size)
{
	/* Page 0 is what says where the copy is, while that is not the last
	 * page. */
	int rc = superblock_write(&r->ledger, &r->sb);

	if (rc == 0)
		rc = grow_backing(r, request, size);
	if (rc == 0)
		rc = ledger_grow(&r->ledger, size);
	if (rc < 0)
		return *error_text() != '\0'
			   ? rc
			   : error_set(rc, "%s cannot grow: %s", request->path,
				 strerror(-rc));
	DK_POINT("a heap has a new part");
	r->has_grown = true;
	if (r->sb.nr_grown == 0)
		r->sb.first_size = r->sb.size;
	r->sb.nr_grown++;
	r->sb.incompatible |= MEDIUM_GROWN;
	r->sb.size = size;
	r->sb.heap_end = size - DK_PAGE;
	return 0;
}

/* The opening failed. */
static void
undo_growth(const struct restart *r)
{
	if (r->size_before != 0 &&
	    backing_resize(r->backing, r->size_before) < 0)
		log_write(DK_LOG_WARNING,
		    "a region has a larger file from now on, and no larger heap: "
		    "%s",
		    error_text());
}

/* Where parts end, copies of the superblock were.  They are looked at only where
 * both others are gone, so this may fail. */
static void
erase_old_copies(const struct restart *r)
{
	for (size_t i = 0; i + 1 < r->ledger.nr_parts; i++) {
		size_t off = r->ledger.parts[i].heap_end;
		int rc = superblock_erase_at(r->backing, off);

		if (rc < 0)
			log_write(DK_LOG_WARNING,
			    "the old superblock at offset %zu cannot be erased: "
			    "%s",
			    off, strerror(-rc));
	}
}

/* --- open and close ---------------------------------------------------------------------- */

static int
load(struct restart *r, const struct restart_request *request)
{
	size_t nr_stacks = 0, size = 0;

	r->how = check_how(&r->sb, r->boot);
	int rc = check_request(r, request);
	if (rc == 0)
		rc = go_to_base(r, request);
	if (rc == 0)
		rc = ledger_open(&r->ledger, r->backing, &r->sb, false);
	if (rc < 0)
		return rc;
	rc = count(r, &nr_stacks);
	if (rc == 0)
		rc = plan_size(r, request, &size);
	if (rc == 0)
		rc = ensure_fixed(r, request->path);
	if (rc == 0 && (nr_stacks > 0 || r->how == RESTART_HOW_POWER))
		rc = recover(r, request->path);
	r->cached_max = min_size(r->sb.cached_max, r->bytes);
	if (rc == 0 && size > r->sb.size)
		rc = grow(r, request, size);
	if (rc < 0) {
		undo_growth(r);
		ledger_close(&r->ledger);
	}
	return rc;
}

static int
set_state(struct restart *r, enum medium_state state, const char *path)
{
	struct superblock sb = r->sb;

	sb.state = state;
	if (state == MEDIUM_OPEN) {
		sb.generation++;
		sb.base = (uintptr_t)r->backing->base;
		sb.granularity = r->backing->granularity;
		memcpy(sb.boot, r->boot, sizeof(sb.boot));
	}
	return write_superblock(r, &sb, path);
}

static int
find_and_open(struct restart *r, const struct restart_request *request)
{
	int rc = superblock_read(r->backing, request->path, &r->sb);
	bool may_go = (request->flags & RESTART_OVERWRITE) != 0;

	if (rc == 0 && !may_go)
		return load(r, request);
	if (rc < 0 && rc != -ENOENT && !may_go)
		return rc;
	/* Nothing was found where nothing could be read, too. */
	int bad = rc == -ENOENT ? superblock_find_bad(r->backing, 0) : 0;
	if (bad < 0)
		return refuse_unknown(bad, request->path);
	if (rc == -ENOENT && !may_go && !is_empty(r->backing))
		return error_set(-EEXIST,
		    "%s holds data that is no durable heap, which would be "
		    "overwritten; pass DAXKIND_OVERWRITE to allow that",
		    request->path);
	error_clear();
	if (request->size != 0 && request->size != r->backing->size &&
	    !r->backing->starts_zero)
		return error_set(-EINVAL,
		    "%s has %zu bytes, not %zu; an existing file keeps its "
		    "size: pass 0",
		    request->path, r->backing->size, request->size);
	return format(r, request);
}

int
restart_open(struct backing *b, const struct restart_request *request,
    struct restart **out)
{
	struct restart *r = os_new(sizeof(*r));

	if (r == NULL)
		return error_set(-ENOMEM, "no memory for a heap's record");
	r->backing = b;
	int rc = read_boot(r, request->path);
	if (rc == 0)
		rc = find_and_open(r, request);
	if (rc < 0)
		goto err_free;
	roots_init(&r->roots, &r->ledger, &r->sb);
	*out = r;
	return 0;

err_free:
	os_delete(r);
	return rc;
}

/* A superblock that was not written whole says again that the heap is closed, as
 * nothing else of it was changed. */
static void
take_back(struct restart *r)
{
	struct superblock sb = r->sb;

	sb.sequence++; /* later than what may be there */
	int rc = superblock_write(&r->ledger, &sb);
	(void)rc; /* what is in memory counts until a reset */
}

int
restart_begin(struct restart *r)
{
	/* From now on a superblock may have the new size. */
	r->size_before = 0;
	int rc = set_state(r, MEDIUM_OPEN, "the region");
	if (rc == 0)
		erase_old_copies(r);
	else if (r->how == RESTART_HOW_CLEAN && !r->has_grown)
		take_back(r);
	return rc;
}

void
restart_note_traced(struct restart *r)
{
	struct superblock sb = r->sb;

	sb.cached_max = 0;
	/* If that fails, the bound stays, which is true as well. */
	if (r->sb.cached_max != 0 && superblock_write(&r->ledger, &sb) == 0)
		r->sb = sb;
}

struct adoption {
	struct daxkind_region *region;
	size_t off, len; /* a run that was not marked yet */
};

static int
mark_run(struct adoption *a)
{
	int rc = a->len > 0 ? region_adopt(a->region, a->off, a->len) : 0;

	if (rc < 0)
		return error_set(rc,
		    "no memory to note that %zu bytes at offset %zu of a "
		    "durable heap are in use",
		    a->len, a->off);
	return 0;
}

static int
adopt_unit(void *arg, const struct ledger_unit *unit)
{
	struct adoption *a = arg;

	if (unit->off == a->off + a->len) {
		a->len += unit->len;
		return 0;
	}
	int rc = mark_run(a);
	a->off = unit->off;
	a->len = unit->len;
	return rc;
}

static int
mark_bad(void *arg, size_t off, size_t len)
{
	struct daxkind_region *region = arg;
	int rc = region_mark_bad(region, region->base + off, len);

	return rc == 0
		   ? 0
		   : error_set(rc, "no memory for the records of bad pages");
}

int
restart_adopt(struct restart *r, struct daxkind_region *region)
{
	struct adoption a = {region, 0, r->sb.heap_off};
	int rc = ledger_walk(&r->ledger, adopt_unit, &a);

	if (rc == 0)
		rc = mark_run(&a);
	/* Behind each part: the next one's lines, or the end. */
	for (size_t i = 0; rc == 0 && i < r->ledger.nr_parts; i++) {
		const struct ledger_part *part = &r->ledger.parts[i];
		size_t end = i + 1 < r->ledger.nr_parts ? part[1].heap_off
							: r->backing->size;

		a.off = part->heap_end;
		a.len = end - part->heap_end;
		rc = mark_run(&a);
	}
	/* No line can say that something begins there. */
	if (rc == 0)
		rc = ledger_visit_bad_chunks(&r->ledger, mark_bad, region);
	if (rc == 0)
		r->roots.region = region;
	return rc;
}

static int
close_cleanly(struct restart *r)
{
	int rc = 0;

	/* Blocks, too: what of them was not flushed the program does not need,
	 * except where only this makes anything durable. */
	if (r->backing->granularity == FLUSH_PAGE)
		rc = os_msync(r->backing->base, r->sb.size);
	if (rc == 0)
		rc = ledger_sync(&r->ledger);
	if (rc < 0)
		return error_set(
		    rc, "the region cannot be synced: %s", strerror(-rc));
	return set_state(r, MEDIUM_CLOSED, "the region");
}

static int
refuse_to_close(void)
{
	return error_set(-EIO,
	    "a media error has hit the records of the durable heap, which is not "
	    "marked as closed; open it again, which asks the device for its bad "
	    "blocks");
}

void
restart_abandon(struct restart *r)
{
	undo_growth(r);
	roots_fini(&r->roots);
	ledger_close(&r->ledger);
	os_delete(r);
}

int
restart_close(struct restart *r, bool is_owner)
{
	if (!is_owner) {
		/* A thread of the parent may have its locks. */
		os_delete(r);
		return 0;
	}
	int rc =
	    ledger_is_hit(&r->ledger) ? refuse_to_close() : close_cleanly(r);
	restart_abandon(r);
	return rc;
}
