// SPDX-License-Identifier: BSD-2-Clause
/*
 * dram_source.c -- see dram_source.h.
 */
#include "dram/dram_source.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"

/* The unit of mapping and unmapping. */
static size_t
page_size(const struct dram_source *source)
{
	if ((source->memory.flags & DRAM_GIGANTIC_PAGES) != 0)
		return GIB;
	return dram_memory_is_huge(&source->memory) ? DK_HUGE_PAGE : DK_PAGE;
}

void
dram_source_init(struct dram_source *source, const struct dram_memory *memory)
{
	memset(source, 0, sizeof(*source));
	source->memory = *memory;
	source->keeps = dram_memory_is_huge(memory) || os_hogs_memory();
	lock_init(&source->lock, RANK_DRAM);
	pool_init(&source->records, sizeof(struct rangeset_node));
	rangeset_init(&source->free, &source->records);
}

void
dram_source_fini(struct dram_source *source)
{
	size_t start, len;

	while (rangeset_next(&source->free, 0, &start, &len) &&
	       rangeset_remove(&source->free, start, len) == 0)
		(void)os_unmap((void *)start, len);
	pool_fini(&source->records);
	lock_fini(&source->lock);
}

/* Map memory as source->memory says. */
static int
map(const struct dram_source *source, size_t len, size_t align, void **addr)
{
	const struct dram_memory *memory = &source->memory;
	void *mapped;
	int rc;

	if ((memory->flags & DRAM_GIGANTIC_PAGES) != 0)
		rc = os_map_gigantic(len, align, &mapped);
	else if (dram_memory_is_huge(memory))
		rc = os_map_huge(len, align, &mapped);
	else
		rc = os_map_anon_aligned(len, align, &mapped);
	if (rc < 0)
		return rc;
	rc = dram_memory_place(memory, dram_memory_nodes(memory), mapped, len);
	/* mbind(2) does not check that these nodes have a free huge page, and a
	 * store without one raises SIGBUS. */
	if (rc == 0 && memory->policy == MEM_POLICY_BIND &&
	    dram_memory_is_huge(memory) && os_populate(mapped, len) < 0)
		rc = -ENOMEM;
	if (rc < 0) {
		(void)os_unmap(mapped, len);
		return rc;
	}
	*addr = mapped;
	return 0;
}

/* Take a range from the free set. */
static int
take_free(struct dram_source *source, size_t len, size_t align, void **addr)
{
	size_t start;
	int rc = -ENOMEM;

	lock_take(&source->lock);
	if (rangeset_fit(
		&source->free, len, align, DK_PAGE, RANGESET_LOW, &start)) {
		rc = rangeset_remove(&source->free, start, len);
		if (rc == 0)
			*addr = (void *)start;
	}
	lock_drop(&source->lock);
	return rc;
}

/* Put a range into the free set, and unmap the huge pages that are wholly
 * free. */
static int
keep(struct dram_source *source, char *addr, size_t len)
{
	size_t start, range_len;

	lock_take(&source->lock);
	int rc = rangeset_add(&source->free, (uintptr_t)addr, len);
	if (rc == 0 && dram_memory_is_huge(&source->memory) &&
	    rangeset_find(&source->free, (uintptr_t)addr, &start, &range_len)) {
		size_t first = align_up(start, page_size(source));
		size_t end = align_down(start + range_len, page_size(source));

		/* If memory for records is missing, they stay in the set. */
		if (first < end &&
		    rangeset_remove(&source->free, first, end - first) == 0)
			(void)os_unmap((void *)first, end - first);
	}
	lock_drop(&source->lock);
	return rc;
}

int
dram_source_take(struct dram_source *source, size_t len, size_t align,
    void **addr, bool *is_zero)
{
	size_t map_len;

	if (source->keeps && take_free(source, len, align, addr) == 0) {
		*is_zero = false;
		return 0;
	}
	if (!align_up_checked(len, page_size(source), &map_len))
		return -ENOMEM;
	void *mapped;
	if (dram_memory_is_huge(&source->memory))
		align = max_size(align, page_size(source));
	int rc = source->map != NULL
		     ? source->map(source, map_len, align, &mapped)
		     : map(source, map_len, align, &mapped);
	if (rc < 0)
		return rc;
	if (map_len > len) {
		rc = keep(source, (char *)mapped + len, map_len - len);
		if (rc < 0) {
			(void)os_unmap(mapped, map_len);
			return rc;
		}
	}
	*addr = mapped;
	*is_zero = !source->is_dirty;
	return 0;
}

int
dram_source_give(struct dram_source *source, void *addr, size_t len)
{
	return source->keeps ? keep(source, addr, len) : os_unmap(addr, len);
}

void
dram_source_lock_at_fork(struct dram_source *source)
{
	lock_take_at_fork(&source->lock);
}

void
dram_source_unlock_at_fork(struct dram_source *source)
{
	lock_drop(&source->lock);
}
