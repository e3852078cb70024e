// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_quarantine.c -- see kind_quarantine.h.
 */
#include "kind/kind_quarantine.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "heap/heap.h"
#include "kind/kind.h"
#include "kind/kind_registry.h"
#include "region/region_index.h"
#include "restart/restart.h"

struct pages {
	char *addr;
	size_t len;
};

/* The pages that overlap a range inside the region. */
static struct pages
pages_of(void *addr, size_t len)
{
	uintptr_t start = align_down((uintptr_t)addr, DK_PAGE);
	uintptr_t end = align_up((uintptr_t)addr + len, DK_PAGE);

	return (struct pages){
	    (char *)addr - ((uintptr_t)addr - start), end - start};
}

int
kind_quarantine(struct memkind *kind, void *addr, size_t len)
{
	if (kind->region == NULL)
		return error_set(-ENOTSUP,
		    "kind %s is on plain DRAM, whose bad pages the kernel "
		    "itself retires",
		    kind->name);
	if (len == 0 || !region_contains(kind->region, addr, len))
		return error_set(-EINVAL,
		    "%p of %zu bytes is empty or not inside the kind's region",
		    addr, len);
	struct pages pages = pages_of(addr, len);
	if (kind->region->restart != NULL && !region_is_off(kind->region))
		ledger_note_lost(&kind->region->restart->ledger,
		    (size_t)(pages.addr - kind->region->base), pages.len);
	int rc = kind->heap != NULL
		     ? heap_quarantine(kind->heap, pages.addr, pages.len)
		     : region_mark_bad(kind->region, pages.addr, pages.len);
	if (rc < 0)
		return error_set(rc,
		    "no memory for the records of a quarantine of %zu bytes",
		    pages.len);
	log_write(DK_LOG_WARNING, "%zu bytes at %p are quarantined", pages.len,
	    (void *)pages.addr);
	return 0;
}

static int
quarantine_part(struct memkind *kind, void *arg)
{
	struct pages *pages = arg;

	return kind_quarantine(kind, pages->addr, pages->len);
}

static void
mark_part(struct daxkind_region *r, void *arg)
{
	struct pages *pages = arg;
	int rc = region_mark_bad(r, pages->addr, pages->len);

	if (rc < 0)
		log_write(DK_LOG_ERROR, "%zu bytes at %p cannot be quarantined",
		    pages->len, (void *)pages->addr);
}

void
kind_quarantine_anywhere(void *addr, size_t len)
{
	struct pages pages = pages_of(addr, len);
	struct memkind *kind = kind_of(addr);

	if (kind != NULL &&
	    kind_registry_visit(kind, quarantine_part, &pages) != -EINVAL)
		return;
	region_index_visit(addr, mark_part, &pages);
}
