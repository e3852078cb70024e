// SPDX-License-Identifier: BSD-2-Clause
/*
 * roots.c -- see roots.h.
 */
#include "restart/roots.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "restart/fault.h"

void
roots_init(struct roots *r, const struct ledger *l, const struct superblock *sb)
{
	*r = (struct roots){
	    .table = (struct medium_root *)(void *)(l->base + sb->roots_off),
	    .ledger = l,
	    .first = sb->heap_off,
	    .end = sb->heap_end,
	};
	lock_init(&r->lock, RANK_ROOTS);
}

void
roots_fini(struct roots *r)
{
	lock_fini(&r->lock);
}

static size_t
valid_offset(const struct roots *r, const struct medium_root *root)
{
	uint64_t off = atomic_load_explicit(&root->off, memory_order_acquire);

	return off >= r->first && off < r->end ? (size_t)off : 0;
}

static struct medium_root *
find_root(const struct roots *r, const char *name)
{
	for (size_t i = 0; i < MEDIUM_ROOTS; i++) {
		struct medium_root *root = &r->table[i];

		if (atomic_load_explicit(&root->off, memory_order_acquire) !=
			0 &&
		    strncmp(root->name, name, sizeof(root->name)) == 0)
			return root;
	}
	return NULL;
}

static struct medium_root *
find_unset_root(const struct roots *r)
{
	for (size_t i = 0; i < MEDIUM_ROOTS; i++) {
		if (atomic_load(&r->table[i].off) == 0)
			return &r->table[i];
	}
	return NULL;
}

static void
persist(const struct roots *r, const void *addr, size_t len)
{
	ledger_persist(r->ledger, addr, len);
}

/* The name is durable before the offset, which says that it counts. */
int
roots_set(struct roots *r, const char *name, size_t off)
{
	int rc = 0;

	if (ledger_is_hit(r->ledger))
		return ledger_refuse_hit();
	lock_take(&r->lock);
	struct medium_root *root = find_root(r, name);
	if (root == NULL && off != 0) {
		root = find_unset_root(r);
		if (root == NULL) {
			rc = -ENOSPC;
		} else {
			memset(root->name, 0, sizeof(root->name));
			memcpy(root->name, name, strlen(name));
			persist(r, root->name, sizeof(root->name));
		}
	}
	if (root != NULL) {
		atomic_store_explicit(&root->off, off, memory_order_release);
		persist(r, &root->off, sizeof(root->off));
	}
	lock_drop(&r->lock);
	return rc;
}

/* A child of fork(2) only reads, and a thread of the parent may have the lock. */
static bool
lock_for_reading(struct roots *r)
{
	bool is_child = r->region != NULL && region_is_off(r->region);

	if (!is_child)
		lock_take(&r->lock);
	return !is_child;
}

size_t
roots_find(struct roots *r, const char *name)
{
	bool is_locked = lock_for_reading(r);
	const struct medium_root *root = find_root(r, name);
	size_t off = root != NULL ? valid_offset(r, root) : 0;

	if (is_locked)
		lock_drop(&r->lock);
	return off;
}

size_t
roots_at(struct roots *r, size_t i, char *name)
{
	bool is_locked = lock_for_reading(r);
	const struct medium_root *root = &r->table[i];
	size_t off = valid_offset(r, root);

	memcpy(name, root->name, MEDIUM_NAME_SIZE);
	name[MEDIUM_NAME_SIZE - 1] = '\0';
	if (is_locked)
		lock_drop(&r->lock);
	return off;
}

/* --- a check ------------------------------------------------------------------- */

enum {
	ROOTS_PER_PAGE = DK_PAGE / sizeof(struct medium_root),
	ROOT_PAGES = MEDIUM_ROOTS / ROOTS_PER_PAGE
};
_Static_assert((int)ROOT_PAGES *(int)ROOTS_PER_PAGE == (int)MEDIUM_ROOTS,
    "roots fill their pages");

struct root_check {
	const struct medium_root *table;
	/* In a copy of a file: without any root. */
	bool is_hole[ROOT_PAGES];
};

static size_t
offset_of(const struct root_check *check, size_t i)
{
	return check->is_hole[i / ROOTS_PER_PAGE]
		   ? 0
		   : (size_t)atomic_load(&check->table[i].off);
}

static bool
has_name_before(const struct root_check *check, size_t i)
{
	const struct medium_root *table = check->table;

	for (size_t j = 0; j < i; j++) {
		if (offset_of(check, j) != 0 &&
		    strncmp(table[j].name, table[i].name, MEDIUM_NAME_SIZE) ==
			0)
			return true;
	}
	return false;
}

/* NULL, or what is wrong with its name. */
static const char *
find_bad_name(const struct root_check *check, size_t i)
{
	const char *name = check->table[i].name;

	if (name[0] == '\0')
		return "has no name";
	if (memchr(name, '\0', MEDIUM_NAME_SIZE) == NULL)
		return "has a name without an end";
	return has_name_before(check, i) ? "has the name of one before it"
					 : NULL;
}

int
roots_check(const struct ledger *l, const struct superblock *sb,
    int (*visit)(void *arg, const char *name, size_t off, size_t record_off),
    void *arg, const struct fault_sink *faults)
{
	struct root_check check = {
	    .table = (const void *)(l->base + sb->roots_off)};
	int rc = 0;

	for (size_t i = 0; i < ROOT_PAGES; i++)
		check.is_hole[i] = l->backing->has_content &&
				   backing_is_hole(l->backing,
				       sb->roots_off + i * DK_PAGE, DK_PAGE);
	for (size_t i = 0; rc == 0 && i < MEDIUM_ROOTS; i++) {
		size_t record_off = sb->roots_off + i * sizeof(*check.table);
		size_t off = offset_of(&check, i);
		char name[MEDIUM_NAME_SIZE];

		if (off == 0)
			continue;
		const char *why = find_bad_name(&check, i);
		if (why != NULL)
			rc = fault_note(
			    faults, record_off, "root %zu %s", i, why);
		if (rc == 0 && (off < sb->heap_off || off >= sb->heap_end)) {
			rc = fault_note(faults, record_off,
			    "root %zu is at %zu, which is outside of the heap",
			    i, off);
			off = 0;
		}
		memcpy(name, check.table[i].name, sizeof(name));
		name[sizeof(name) - 1] = '\0';
		if (rc == 0)
			rc = visit(arg, name, off, record_off);
	}
	return rc;
}
