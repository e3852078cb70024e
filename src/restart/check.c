// SPDX-License-Identifier: BSD-2-Clause
/*
 * check.c -- see check.h.
 */
#include "restart/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "restart/recovery.h"
#include "restart/roots.h"

/* --- how it was left ------------------------------------------------------------- */

int
check_read_boot(char *boot)
{
	memset(boot, 0, MEDIUM_BOOT_SIZE);
	int rc = os_read_line(CHECK_BOOT_ID, boot, MEDIUM_BOOT_SIZE);

	if (rc == 0 && boot[0] == '\0')
		rc = -ENODATA;
	if (rc < 0)
		memset(boot, 0, MEDIUM_BOOT_SIZE);
	return rc;
}

enum restart_how
check_how(const struct superblock *sb, const char *boot)
{
	if (sb->state == MEDIUM_CLOSED)
		return RESTART_HOW_CLEAN;
	return boot[0] != '\0' && strcmp(boot, sb->boot) == 0
		   ? RESTART_HOW_CRASH
		   : RESTART_HOW_POWER;
}

/* Unknown, the kernel is another one. */
static enum restart_how
how_it_was_left(const struct superblock *sb)
{
	char boot[MEDIUM_BOOT_SIZE];
	int rc = check_read_boot(boot);

	(void)rc;
	return check_how(sb, boot);
}

bool
check_lost_pages(const struct superblock *sb, enum restart_how how,
    enum flush_granularity granularity)
{
	return how == RESTART_HOW_POWER &&
	       (sb->granularity == FLUSH_PAGE || granularity == FLUSH_PAGE);
}

int
check_classes(
    const struct superblock *sb, const uint32_t *class_sizes, const char *path)
{
	if (memcmp(sb->class_size, class_sizes, sizeof(sb->class_size)) == 0)
		return 0;
	return error_set(-EPROTONOSUPPORT,
	    "%s holds a durable heap with other size classes; use the daxkind "
	    "that it was made with",
	    path);
}

/* --- a check ----------------------------------------------------------------------- */

struct root {
	struct check_root *to;
};

struct cached {
	size_t off, size;
};

struct check {
	struct backing *backing;
	const struct check_request *request;
	struct check_result *result;
	struct fault_sink faults;
	const struct ledger *ledger;
	/* By offset, and the first that no unit has reached. */
	struct root roots[MEDIUM_ROOTS];
	size_t nr_roots, next_root;
	struct cached *cached; /* blocks in stacks */
	size_t max_cached;
};

static int
note(void *arg, size_t off, const char *text)
{
	struct check *check = arg;

	check->result->nr_faults++;
	return check->request->faults.note(
	    check->request->faults.arg, off, text);
}

/* What was told before. */
static int
ignore(void *arg, size_t off, const char *text)
{
	(void)arg;
	(void)off;
	(void)text;
	return 0;
}

static const struct fault_sink Ignored = {ignore, NULL};

/* --- superblocks --- */

static int
check_copy(struct check *check, size_t i, size_t off, const char *name)
{
	struct check_result *result = check->result;
	union superblock_copy page;
	const char *why;

	enum copy_is is = superblock_look(check->backing, off, &page, &why);
	result->copies[i] = (struct check_copy){
	    .off = off, .is = is, .sequence = page.sb.sequence};
	if (is == COPY_VALID && result->superblock == COPY_VALID &&
	    memcmp(page.sb.uuid, result->sb.uuid, sizeof(page.sb.uuid)) != 0)
		return fault_note(
		    &check->faults, off, "%s is of another heap", name);
	if (is == COPY_VALID)
		return 0;
	return fault_note(&check->faults, off, "%s is damaged: %s", name, why);
}

/* 1: only they can be read. */
static int
check_superblocks(struct check *check)
{
	struct check_result *result = check->result;
	struct backing *b = check->backing;
	struct superblock ignored;

	result->superblock = superblock_find(b, &result->sb);
	if (result->superblock == COPY_NONE)
		return error_set(
		    -ENOENT, "%s holds no durable heap", check->request->path);
	if (result->superblock == COPY_FOREIGN)
		return superblock_read(b, check->request->path, &ignored);
	size_t size =
	    result->superblock == COPY_VALID ? result->sb.size : b->size;
	int rc = check_copy(check, 0, 0, "the superblock");
	if (rc == 0 && size > b->size)
		rc = fault_note(&check->faults, size - DK_PAGE,
		    "the heap of %zu bytes is cut: the file or device has "
		    "only %zu",
		    size, b->size);
	else if (rc == 0)
		rc = check_copy(
		    check, 1, size - DK_PAGE, "the copy of the superblock");
	if (rc == 0)
		rc = result->superblock != COPY_VALID || size > b->size;
	return rc;
}

static int
check_state(struct check *check)
{
	struct check_result *result = check->result;

	result->how = how_it_was_left(&result->sb);
	/* Who opens it may vouch for what this process does not know. */
	if (!check_lost_pages(&result->sb, result->how, result->sb.granularity))
		return 0;
	return fault_note(&check->faults, result->copies[0].off,
	    "the state is open, from before the machine was reset: pages of it "
	    "may be of different times");
}

/* --- bad blocks --- */

static int
note_bad(void *arg, size_t off, size_t len)
{
	return fault_note(arg, off, "%zu bytes are in bad blocks", len);
}

/* 1: what is fixed, or the ledger, cannot be read. */
static int
check_bad_blocks(struct check *check)
{
	const struct superblock *sb = &check->result->sb;
	size_t nr_before = check->result->nr_faults;
	struct backing *b = check->backing;

	int rc = backing_find_bad(b, 0, sb->heap_off, note_bad, &check->faults);
	bool has_any = check->result->nr_faults != nr_before;
	if (rc == 0)
		rc = backing_find_bad(b, sb->heap_off, sb->size - sb->heap_off,
		    note_bad, &check->faults);
	if (rc < 0)
		return error_set(rc, "%s: its bad blocks cannot be listed: %s",
		    check->request->path, strerror(-rc));
	return has_any;
}

/* --- roots --- */

static int
add_root(void *arg, const char *name, size_t off, size_t record_off)
{
	struct check *check = arg;
	struct check_root *root =
	    &check->result->roots[check->result->nr_roots++];

	root->off = off;
	root->record_off = record_off;
	memcpy(root->name, name, sizeof(root->name));
	if (off != 0)
		check->roots[check->nr_roots++].to = root;
	return 0;
}

static int
compare_roots(const void *a, const void *b)
{
	const struct root *x = a, *y = b;

	return (x->to->off > y->to->off) - (x->to->off < y->to->off);
}

/* Units come in the order of their offsets. */
static void
find_roots(struct check *check, const struct ledger_unit *unit)
{
	while (check->next_root < check->nr_roots &&
	       check->roots[check->next_root].to->off < unit->off)
		check->next_root++;
	for (size_t i = check->next_root; i < check->nr_roots; i++) {
		struct check_root *root = check->roots[i].to;

		if (root->off - unit->off >= unit->len)
			break;
		root->has_block |=
		    ledger_has_block(check->ledger, unit, root->off);
	}
}

static int
check_roots(const struct check *check)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < check->nr_roots; i++) {
		const struct check_root *root = check->roots[i].to;

		if (!root->has_block)
			rc = fault_note(&check->faults, root->record_off,
			    "root \"%s\" is at %zu, where no block is",
			    root->name, root->off);
	}
	return rc;
}

/* --- the ledger --- */

static int
add_unit(void *arg, const struct ledger_unit *unit)
{
	struct check *check = arg;
	struct check_result *result = check->result;

	find_roots(check, unit);
	if (unit->type == LEDGER_SLAB) {
		struct check_class *class = &result->classes[unit->size_class];

		class->nr_slabs++;
		class->nr_blocks += ledger_count(check->ledger, unit);
	} else if (unit->type == LEDGER_EXTENT) {
		result->nr_extents++;
		result->extent_bytes += unit->len;
	} else if (unit->type == LEDGER_STACKS) {
		result->nr_stacks++;
		result->stack_bytes += unit->len;
	}
	if (check->request->visit == NULL)
		return 0;
	return check->request->visit(check->request->arg, check->ledger, unit);
}

static int
compare_offsets(const void *a, const void *b)
{
	const struct cached *x = a, *y = b;

	return (x->off > y->off) - (x->off < y->off);
}

static void
add_cached(void *arg, const struct cached_block *block)
{
	struct check *check = arg;
	struct check_result *result = check->result;

	if (result->nr_cached < check->max_cached)
		check->cached[result->nr_cached++] =
		    (struct cached){block->off, block->size};
}

/* A kill in the middle of a move leaves a block there twice. */
static void
count_once(struct check *check)
{
	struct check_result *result = check->result;
	const struct cached *cached = check->cached;
	size_t nr = 0;

	qsort(check->cached, result->nr_cached, sizeof(*check->cached),
	    compare_offsets);
	for (size_t i = 0; i < result->nr_cached; i++) {
		if (i > 0 && cached[i].off == cached[i - 1].off)
			continue;
		nr++;
		result->cached_bytes += cached[i].size;
	}
	result->nr_cached = nr;
}

static int
count_cached(struct check *check)
{
	struct check_result *result = check->result;
	/* Damaged ones may lie over each other. */
	size_t max =
	    min_size(result->stack_bytes, result->sb.size) / sizeof(void *);
	size_t len = align_up(max * sizeof(*check->cached), DK_PAGE);
	void *cached;

	if (max == 0)
		return 0;
	int rc = os_map_anon(len, &cached);
	if (rc < 0)
		return error_set(rc, "no memory to look for cached blocks");
	check->cached = cached;
	check->max_cached = max;
	rc = recovery_walk_cached(
	    check->ledger, &result->sb, add_cached, check, &Ignored);
	if (rc == 0)
		count_once(check);
	(void)os_unmap(cached, len);
	return rc;
}

static void
add_parts(struct check_result *result, const struct ledger *l)
{
	size_t start = 0;

	for (size_t i = 0; i < l->nr_parts; i++) {
		const struct ledger_part *part = &l->parts[i];

		result->nr_lines += part->low - ledger_first_line(part) +
				    (part->end - part->first - part->high);
		result->fixed[i] =
		    (struct check_range){start, part->heap_off - start};
		start = part->heap_end;
	}
	result->fixed[l->nr_parts] =
	    (struct check_range){start, result->sb.size - start};
	result->nr_fixed = l->nr_parts + 1;
}

static int
check_ledger(struct check *check)
{
	struct check_result *result = check->result;
	struct ledger *l = os_new(sizeof(*l));

	if (l == NULL)
		return error_set(-ENOMEM, "no memory for a check");
	check->ledger = l;
	int rc =
	    ledger_open_to_read(l, check->backing, &result->sb, &check->faults);
	add_parts(result, l);
	if (rc == 0)
		rc = roots_check(
		    l, &result->sb, add_root, check, &check->faults);
	if (rc == 0) {
		qsort(check->roots, check->nr_roots, sizeof(check->roots[0]),
		    compare_roots);
		rc =
		    ledger_walk_with_faults(l, add_unit, check, &check->faults);
	}
	if (rc == 0)
		rc = check_roots(check);
	if (rc == 0)
		rc = count_cached(check);
	if (rc == 0)
		result->has_ledger = true;
	os_delete(l);
	return rc;
}

static int
check_all(struct check *check)
{
	int rc = check_superblocks(check);

	if (rc == 0)
		rc = check_classes(&check->result->sb,
		    check->request->class_sizes, check->request->path);
	if (rc != 0)
		return rc;
	if (check->request->is_open_elsewhere) {
		check->result->how = how_it_was_left(&check->result->sb);
		return 0;
	}
	rc = check_state(check);
	if (rc == 0)
		rc = check_bad_blocks(check);
	return rc == 0 ? check_ledger(check) : rc;
}

int
check_run(struct backing *b, const struct check_request *request,
    struct check_result *result)
{
	struct check *check = os_new(sizeof(*check));

	if (check == NULL)
		return error_set(-ENOMEM, "no memory for a check");
	memset(result, 0, sizeof(*result));
	check->backing = b;
	check->request = request;
	check->result = result;
	check->faults = (struct fault_sink){note, check};
	int rc = check_all(check);
	os_delete(check);
	return rc > 0 ? 0 : rc;
}
