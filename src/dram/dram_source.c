// SPDX-License-Identifier: BSD-2-Clause
/*
 * dram_source.c -- see dram_source.h.
 */
#include "dram/dram_source.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/reason.h"
#include "base/util.h"

/* Whether pages are from the kernel's pools. */
static bool
is_huge(const struct dram_source *source)
{
	return (source->flags & (DRAM_HUGE_PAGES | DRAM_GIGANTIC_PAGES)) != 0;
}

/* What is mapped and unmapped at once. */
static size_t
page_size(const struct dram_source *source)
{
	if ((source->flags & DRAM_GIGANTIC_PAGES) != 0)
		return GIB;
	return is_huge(source) ? DK_HUGE_PAGE : DK_PAGE;
}

void
dram_source_init(struct dram_source *source, enum mem_policy policy,
    enum node_choice choice, unsigned flags)
{
	memset(source, 0, sizeof(*source));
	source->policy = policy;
	source->choice = choice;
	source->flags = flags;
	source->keeps = is_huge(source) || os_hogs_memory();
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

/* What to ask for nodes when there is no policy. */
static enum node_choice
choice_of(const struct dram_source *source)
{
	return source->policy == MEM_POLICY_ANY ? NODES_WITH_MEMORY
						: source->choice;
}

int
dram_source_check(struct dram_source *source)
{
	const struct node_sets *sets = node_choice_get(choice_of(source));

	if (sets == NULL)
		return error_set(-ENOMEM, "out of memory while looking for "
					  "NUMA nodes");
	if (sets->rc < 0)
		return error_set(sets->rc, "%s", sets->why);
	if ((source->flags & DRAM_HUGE_PAGES) != 0 &&
	    !node_choice_has_huge_pages(node_choice_here(sets)))
		return error_set(REASON_NO_HUGE_PAGES,
		    "the kernel has no huge page of 2 MiB; reserve some in "
		    "/proc/sys/vm/nr_hugepages");
	if ((source->flags & DRAM_GIGANTIC_PAGES) != 0 &&
	    os_nr_gigantic_pages() == 0)
		return error_set(REASON_NO_HUGE_PAGES,
		    "the kernel has no huge page of 1 GiB; reserve some in "
		    "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages");
	return 0;
}

int
dram_source_capacity(struct dram_source *source, size_t *bytes)
{
	int rc = dram_source_check(source);

	/* No huge page at all is still a number. */
	if (rc < 0 && rc != REASON_NO_HUGE_PAGES)
		return rc;
	if (source->policy == MEM_POLICY_PREFERRED ||
	    (is_huge(source) && source->policy != MEM_POLICY_ANY))
		return -ENODEV;
	const struct node_set *set =
	    node_choice_here(node_choice_get(choice_of(source)));
	if ((source->flags & DRAM_GIGANTIC_PAGES) != 0)
		*bytes = os_nr_gigantic_pages() * GIB;
	else
		*bytes = is_huge(source)
			     ? node_choice_huge_pages(set) * DK_HUGE_PAGE
			     : node_choice_memory(set);
	return 0;
}

/* Bind what was just mapped. */
static int
place(const struct dram_source *source, void *addr, size_t len)
{
	if (source->policy == MEM_POLICY_ANY)
		return 0;
	const struct node_sets *sets = node_choice_get(source->choice);
	int rc = sets == NULL ? -ENOMEM
			      : mem_policy_set(addr, len, source->policy,
				    node_choice_here(sets));

	if ((rc == -EPERM || rc == -ENOSYS) &&
	    (source->flags & DRAM_ANYWHERE) != 0) {
		log_write(DK_LOG_WARNING,
		    "mbind(2) is not permitted; memory is not bound to its "
		    "nodes");
		rc = 0;
	}
	/* Binding does not see whether these nodes have a huge page, and a
	 * store to one that is not there is a signal. */
	if (rc == 0 && source->policy == MEM_POLICY_BIND && is_huge(source) &&
	    os_populate(addr, len) < 0)
		rc = -ENOMEM;
	return rc;
}

static int
map(const struct dram_source *source, size_t len, size_t align, void **addr)
{
	void *mapped;
	int rc;

	if ((source->flags & DRAM_GIGANTIC_PAGES) != 0)
		rc = os_map_gigantic(len, align, &mapped);
	else if (is_huge(source))
		rc = os_map_huge(len, align, &mapped);
	else
		rc = os_map_anon_aligned(len, align, &mapped);
	if (rc < 0)
		return rc;
	if ((source->flags & DRAM_SMALL_PAGES) != 0)
		(void)os_refuse_huge_pages(mapped, len);
	rc = place(source, mapped, len);
	if (rc < 0) {
		(void)os_unmap(mapped, len);
		return rc;
	}
	*addr = mapped;
	return 0;
}

/* Of what is kept. */
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

/* Put it into the set, and unmap the huge pages that are free as a whole. */
static int
keep(struct dram_source *source, char *addr, size_t len)
{
	size_t start, range_len;

	lock_take(&source->lock);
	int rc = rangeset_add(&source->free, (uintptr_t)addr, len);
	if (rc == 0 && is_huge(source) &&
	    rangeset_find(&source->free, (uintptr_t)addr, &start, &range_len)) {
		size_t first = align_up(start, page_size(source));
		size_t end = align_down(start + range_len, page_size(source));

		/* One that stays for want of records is kept for later. */
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
	if (is_huge(source))
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
	*is_zero = (source->flags & DRAM_DIRTY) == 0;
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
