// SPDX-License-Identifier: BSD-2-Clause
/*
 * ops_heap.c -- see ops_heap.h.
 */
#include "kind/ops_heap.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/reason.h"
#include "base/util.h"
#include "dram/mem_policy.h"
#include "heap/je.h"
#include "heap/je_heap.h"
#include "kind/block_ops.h"
#include "kind/kind_record.h"
#include "kind/kind_registry.h"

/* mmap(2)'s error value; only os_memory.c includes its header. */
#define FAILED_MAPPING ((void *)-1)

struct ops_heap {
	struct je_heap heap; /* must be first: kind->je_heap points to it */
	struct memkind *kind;
};

/* Number of such heaps; 0 in most programs. */
static _Atomic(unsigned) Nr_heaps;

/* --- texts ------------------------------------------------------------------------- */

struct failure {
	char name[KIND_NAME_SIZE];
	const char *what;
	void *addr;
	size_t len;
	int err; /* errno value, or 0: the operation did not say */
};

static void
render(const void *data, char *text, size_t text_size)
{
	const struct failure *f = data;

	(void)snprintf(text, text_size, "kind %s: %s %zu bytes at %p%s%s",
	    f->name, f->what, f->len, f->addr, f->err != 0 ? ": " : "",
	    f->err != 0 ? strerror(f->err) : "");
}

/* A heap runs into these when memory is short, so the text is made when it is
 * read.  what stays where it is. */
static void
note(const struct memkind *kind, const char *what, void *addr, size_t len,
    int err)
{
	struct failure f = {.what = what, .addr = addr, .len = len, .err = err};

	memcpy(f.name, kind->name, sizeof(f.name));
	error_note(err != 0 ? -err : REASON_FAILED, render, &f, sizeof(f));
}

/* The same of an operation, which may be the program's and have left no text. */
static void
note_unless_told(
    const struct memkind *kind, const char *what, void *addr, size_t len)
{
	if (*error_text() == '\0')
		note(kind, what, addr, len, 0);
}

/* --- memory, by the kind's operations --------------------------------------------- */

static int
do_mbind(struct memkind *kind, void *addr, size_t len, bool is_must)
{
	struct node_set set = {0};
	int mode, err;

	error_clear();
	if (kind->ops->get_mbind_nodemask == NULL ||
	    kind->ops->get_mbind_mode == NULL) {
		note(kind,
		    "without the operations get_mbind_nodemask and "
		    "get_mbind_mode no node is known for",
		    addr, len, 0);
		return MEMKIND_ERROR_BADOPS;
	}
	err = kind->ops->get_mbind_nodemask(kind, set.words, NODE_SET_MAX);
	if (err == MEMKIND_SUCCESS)
		err = kind->ops->get_mbind_mode(kind, &mode);
	if (err != MEMKIND_SUCCESS) {
		note_unless_told(kind,
		    "get_mbind_nodemask or get_mbind_mode failed for", addr,
		    len);
		return err;
	}
	/* The kernel uses one bit less than maxnode says. */
	int rc =
	    mem_policy_set_raw(addr, len, mode, set.words, NODE_SET_MAX + 1);
	if (!is_must && (rc == -EPERM || rc == -ENOSYS)) {
		log_write(DK_LOG_WARNING,
		    "mbind(2) is not permitted; memory is not bound "
		    "to its nodes");
		return MEMKIND_SUCCESS;
	}
	if (rc < 0) {
		note(kind,
		    "mbind(2), which wants whole pages and nodes that this "
		    "process may use, refuses",
		    addr, len, -rc);
		errno = -rc;
		return MEMKIND_ERROR_MBIND;
	}
	return MEMKIND_SUCCESS;
}

int
ops_heap_mbind(struct memkind *kind, void *addr, size_t len)
{
	return do_mbind(kind, addr, len, true);
}

int
ops_heap_mbind_if_permitted(struct memkind *kind, void *addr, size_t len)
{
	return do_mbind(kind, addr, len, false);
}

void *
ops_heap_mmap(struct memkind *kind, void *hint, size_t len)
{
	int flags = os_mmap_flags(OS_MMAP_PRIVATE);
	void *mapped;

	error_clear();
	if (kind->ops->get_mmap_flags != NULL &&
	    kind->ops->get_mmap_flags(kind, &flags) != 0) {
		note_unless_told(kind, "get_mmap_flags failed for", hint, len);
		errno = EINVAL;
		return FAILED_MAPPING;
	}
	int rc = os_map_with_flags(hint, len, flags, &mapped);
	if (rc < 0) {
		note(kind, "mmap(2) refuses", hint, len, -rc);
		errno = -rc;
		return FAILED_MAPPING;
	}
	if ((kind->ops->mbind != NULL &&
		kind->ops->mbind(kind, mapped, len) != 0) ||
	    (kind->ops->madvise != NULL &&
		kind->ops->madvise(kind, mapped, len) != 0)) {
		note_unless_told(kind,
		    "the operation mbind or madvise failed for", mapped, len);
		(void)os_unmap(mapped, len);
		return FAILED_MAPPING;
	}
	return mapped;
}

static char *
map_by_ops(struct memkind *kind, size_t len)
{
	int saved_errno = errno;
	void *addr = kind->ops->mmap != NULL ? kind->ops->mmap(kind, NULL, len)
					     : ops_heap_mmap(kind, NULL, len);

	errno = saved_errno;
	return addr == FAILED_MAPPING ? NULL : addr;
}

/* Whether its pages are bound to chosen nodes. */
static bool
is_bound(struct memkind *kind)
{
	int mode;

	return kind->ops->mbind != NULL && kind->ops->get_mbind_mode != NULL &&
	       kind->ops->get_mbind_mode(kind, &mode) == MEMKIND_SUCCESS &&
	       mode == mem_policy_mode(MEM_POLICY_BIND);
}

/* The map function of struct dram_source.  The kind's operations cannot align,
 * so map more and unmap the excess. */
static int
map_aligned(struct dram_source *source, size_t len, size_t align, void **out)
{
	DK_NO_CANCEL();
	struct memkind *kind =
	    ((struct ops_heap *)((char *)source -
				 offsetof(struct ops_heap, heap.source)))
		->kind;
	char *addr = map_by_ops(kind, len);

	if (addr == NULL)
		return -ENOMEM;
	if ((uintptr_t)addr % align != 0) {
		(void)os_unmap(addr, len);
		if (len > SIZE_MAX - align)
			return -ENOMEM;
		addr = map_by_ops(kind, len + align);
		if (addr == NULL)
			return -ENOMEM;
		size_t head =
		    align_up((uintptr_t)addr, align) - (uintptr_t)addr;
		if (head > 0)
			(void)os_unmap(addr, head);
		addr += head;
		if (align > head)
			(void)os_unmap(addr + len, align - head);
	}
	/* mbind(2) does not check that these nodes have a free huge page, and a
	 * store without one raises SIGBUS. */
	if (dram_memory_is_huge(&source->memory) && is_bound(kind) &&
	    os_populate(addr, len) < 0) {
		(void)os_unmap(addr, len);
		return -ENOMEM;
	}
	*out = addr;
	return 0;
}

static unsigned
memory_flags(struct memkind *kind)
{
	int flags;

	if (kind->ops->get_mmap_flags == NULL ||
	    kind->ops->get_mmap_flags(kind, &flags) != 0)
		return 0;
	if (flags == os_mmap_flags(OS_MMAP_PRIVATE_HUGE))
		return DRAM_HUGE_PAGES;
	return flags == os_mmap_flags(OS_MMAP_PRIVATE_GIGANTIC)
		   ? DRAM_GIGANTIC_PAGES
		   : 0;
}

/* --- blocks ------------------------------------------------------------------------ */

static int
get_arena(struct memkind *kind, unsigned *arena)
{
	return arena_set_get(&kind->je_heap->arenas, arena);
}

/* Ask the program's operation for the arena. */
static bool
choose_arena(struct memkind *kind, size_t size, unsigned *arena)
{
	return kind->ops->get_arena != NULL
		   ? kind->ops->get_arena(kind, arena, size) == MEMKIND_SUCCESS
		   : get_arena(kind, arena) == 0;
}

static void *
alloc(struct memkind *kind, size_t size, size_t align, bool zero)
{
	unsigned arena;

	return choose_arena(kind, size, &arena)
		   ? je_alloc(arena, size, align, zero)
		   : NULL;
}

static void *
resize(struct memkind *kind, void *ptr, size_t size)
{
	unsigned arena;

	return choose_arena(kind, size, &arena) ? je_resize(arena, ptr, size)
						: NULL;
}

static void
free_block(struct memkind *kind, void *ptr)
{
	je_heap_free(kind->je_heap, ptr);
}

static size_t
usable(struct memkind *kind, const void *ptr)
{
	return je_heap_usable(kind->je_heap, ptr);
}

static void *
defrag(struct memkind *kind, void *ptr)
{
	return je_heap_defrag(kind->je_heap, ptr);
}

static void
purge(struct memkind *kind)
{
	je_heap_purge(kind->je_heap);
}

static int
get_stats(struct memkind *kind, struct heap_stats *stats)
{
	return je_heap_get_stats(kind->je_heap, stats);
}

static void
end(struct memkind *kind)
{
	struct ops_heap *heap = (struct ops_heap *)kind->je_heap;

	je_heap_fini(&heap->heap);
	kind->je_heap = NULL;
	atomic_fetch_sub(&Nr_heaps, 1);
	os_delete(heap);
}

static const struct block_ops Blocks = {
    .alloc = alloc,
    .resize = resize,
    .free = free_block,
    .usable = usable,
    .defrag = defrag,
    .purge = purge,
    .get_stats = get_stats,
    .get_arena = get_arena,
    .end = end,
};

bool
ops_heap_is_of(const struct memkind *kind)
{
	return kind->blocks == &Blocks;
}

int
ops_heap_new(struct memkind *kind, const void *jemalloc_hooks, bool one_arena)
{
	unsigned nr_arenas = 1;
	int rc = one_arena ? 0 : arena_set_slots_for(SIZE_MAX, &nr_arenas);

	if (rc < 0)
		return rc;
	struct ops_heap *heap = os_new(sizeof(*heap));
	if (heap == NULL)
		return error_set(-ENOMEM, "no memory for a heap's record");
	const struct dram_memory memory = {
	    .policy = MEM_POLICY_ANY, .flags = memory_flags(kind)};
	atomic_store(&kind->pieces.kind, kind);
	je_heap_init(&heap->heap, &memory, &kind->pieces, nr_arenas);
	heap->heap.source.map = map_aligned;
	heap->heap.source.is_dirty = kind->ops->mmap != NULL;
	if (jemalloc_hooks != NULL)
		je_heap_use_hooks(&heap->heap, jemalloc_hooks);
	heap->kind = kind;
	kind->je_heap = &heap->heap;
	kind->blocks = &Blocks;
	atomic_fetch_add(&Nr_heaps, 1);
	return 0;
}

/* Called with the registry's lock, so that the kind does not end meanwhile. */
static int
decay_one(struct memkind *kind, void *arg)
{
	(void)arg;
	if (ops_heap_is_of(kind))
		je_heap_decay(kind->je_heap);
	return 0;
}

void
ops_heap_decay_all(void)
{
	if (atomic_load(&Nr_heaps) != 0)
		(void)kind_registry_walk(decay_one, NULL);
}
