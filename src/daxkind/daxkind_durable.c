// SPDX-License-Identifier: BSD-2-Clause
/*
 * daxkind_durable.c -- durable regions, their roots and their blocks (layer 7).
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "base/os.h"
#include "base/util.h"
#include "dax/dax_name.h"
#include "daxkind.h"
#include "daxkind/daxkind_answer.h"
#include "daxkind/daxkind_result.h"
#include "heap/heap_trace.h"
#include "kind/kind.h"
#include "kind/kind_registry.h"
#include "region/region.h"
#include "restart/restart.h"
#include "restart/snapshot.h"

enum {
	/* Of the backing. */
	BACKING_FLAGS = DAXKIND_CREATE | DAXKIND_PREFAULT | DAXKIND_NEED_DAX |
			DAXKIND_NEED_SYNC,
	DURABLE_FLAGS = BACKING_FLAGS | DAXKIND_OVERWRITE | DAXKIND_PERSISTENT |
			DAXKIND_RELOCATE | DAXKIND_SALVAGE
};

_Static_assert((int)DAXKIND_RESTART_POWER == (int)RESTART_HOW_POWER &&
		   (int)DAXKIND_RESTART_CLEAN == (int)RESTART_HOW_CLEAN &&
		   (int)DAXKIND_RESTART_CRASH == (int)RESTART_HOW_CRASH,
    "enumerations of daxkind.h and of restart.h agree");
_Static_assert(
    sizeof(((struct daxkind_restart *)NULL)->uuid) == MEDIUM_UUID_SIZE,
    "a uuid has one size");

/* --- opening ------------------------------------------------------------------- */

static int
check(const char *path, const char *layout, unsigned flags)
{
	if (path == NULL || *path == '\0')
		return error_set(-EINVAL, "no path was given");
	if (layout == NULL || *layout == '\0' ||
	    strlen(layout) >= MEDIUM_LAYOUT_SIZE)
		return error_set(-EINVAL,
		    "the name of a layout has 1 to %d bytes; pass one that "
		    "changes when the program's data do",
		    MEDIUM_LAYOUT_SIZE - 1);
	if ((flags & ~(unsigned)DURABLE_FLAGS) != 0)
		return error_set(-EINVAL,
		    "0x%x has bits that are no flags of durable regions",
		    flags);
	return 0;
}

static int
check_place(const struct dax_place *place)
{
	if (place->what == DAX_PLACE_DIR)
		return error_set(-EISDIR,
		    "%s is a directory; a durable heap is in a file or on a "
		    "devdax device: give the file's name",
		    place->path);
	return 0;
}

static int
open_backing(const struct dax_place *place, size_t size, unsigned flags,
    struct backing **b)
{
	const struct backing_class *class = backing_class_of(place->what);
	struct backing_request request = {
	    .path = place->path,
	    .size = size,
	    .flags = (flags & BACKING_FLAGS &
			 (class->flags | ~(unsigned)DAXKIND_CREATE)) |
		     BACKING_KEEP,
	};
	int rc = backing_open(class, &request, b);

	/* The caller vouches for it, as of a mapping. */
	if (rc == 0 && (flags & DAXKIND_PERSISTENT) != 0 &&
	    (*b)->granularity == FLUSH_PAGE)
		(*b)->granularity = flush_of_sync_mapping();
	return rc;
}

static unsigned
restart_flags_of(unsigned flags)
{
	return ((flags & DAXKIND_OVERWRITE) != 0 ? RESTART_OVERWRITE : 0) |
	       ((flags & DAXKIND_RELOCATE) != 0 ? RESTART_RELOCATE : 0) |
	       ((flags & DAXKIND_SALVAGE) != 0 ? RESTART_SALVAGE : 0);
}

/* Closes the backing when it fails. */
static int
open_region(struct backing *b, const struct restart_request *request,
    struct daxkind_region **out)
{
	struct daxkind_region *region;
	struct restart *restart;
	int rc = restart_open(b, request, &restart);

	if (rc < 0)
		goto err_close_backing;
	rc = region_open(b, b->base, b->size, &region);
	if (rc < 0)
		goto err_abandon;
	rc = restart_adopt(restart, region);
	if (rc == 0)
		rc = restart_begin(restart);
	if (rc < 0) {
		restart_abandon(restart);
		region_close(region); /* and the backing */
		return rc;
	}
	region->restart = restart;
	*out = region;
	return 0;

err_abandon:
	restart_abandon(restart);
err_close_backing:
	backing_close(b);
	return rc;
}

DK_EXPORT int
daxkind_region_open_durable(const char *path, size_t size, const char *layout,
    unsigned flags, struct daxkind_region **region)
{
	struct restart_request request = {
	    .path = path,
	    .size = size,
	    .layout = layout,
	    .flags = restart_flags_of(flags),
	    .class_sizes = Size_classes.size,
	};
	struct dax_place *place;
	struct backing *b = NULL;

	error_clear();
	if (region == NULL)
		return api_result(
		    error_set(-EINVAL, "the region argument is NULL; pass the "
				       "address of a pointer"));
	*region = NULL;
	int rc = check(path, layout, flags);
	if (rc < 0)
		return api_result(rc);
	place = os_new(sizeof(*place));
	if (place == NULL)
		return api_result(
		    error_set(-ENOMEM, "no memory to look for a name"));
	rc = dax_name_find(path, place);
	if (rc == 0)
		rc = check_place(place);
	if (rc == 0)
		rc = open_backing(place, size, flags, &b);
	if (rc == 0)
		rc = open_region(b, &request, region);
	os_delete(place);
	return api_result(rc);
}

static int
check_durable(const struct daxkind_region *region)
{
	if (region == NULL || region->backing == NULL)
		return error_set(-EINVAL, "the region is NULL or closed");
	if (region->restart == NULL)
		return error_set(-ENOTSUP,
		    "the region at %p is volatile; open it by "
		    "daxkind_region_open_durable()",
		    (void *)region->base);
	return 0;
}

DK_EXPORT int
daxkind_region_restart(const struct daxkind_region *region,
    struct daxkind_restart *restart, size_t restart_size)
{
	error_clear();
	int rc = check_durable(region);
	if (rc == 0)
		rc = answer_check(restart, restart_size);
	if (rc < 0)
		return api_result(rc);
	const struct restart *r = region->restart;
	struct daxkind_restart value = {
	    .how = (enum daxkind_restart_how)r->how,
	    .moved_by = r->moved_by,
	    .generation = r->sb.generation,
	    .blocks = r->nr_blocks,
	    .bytes = r->bytes,
	    .leaked = 0, /* what is known to be nobody's was freed */
	    .cached_max = r->cached_max,
	};
	memcpy(value.uuid, r->sb.uuid, sizeof(value.uuid));
	answer(restart, restart_size, &value, sizeof(value));
	return 0;
}

/* --- roots -------------------------------------------------------------------------- */

/* The region of a kind that is durable. */
static int
durable_region_of(memkind_t kind, struct daxkind_region **region)
{
	if (kind == NULL)
		return error_set(-EINVAL, "kind is NULL");
	if (kind->region == NULL && kind_registry_is_dead(kind))
		return error_set(
		    -EINVAL, "kind %p was already destroyed", (void *)kind);
	if (kind->region == NULL || kind->region->restart == NULL)
		return error_set(-ENOTSUP,
		    "kind %s is volatile; make it on a region that "
		    "daxkind_region_open_durable() opened",
		    kind->name);
	*region = kind->region;
	return 0;
}

static int
check_name(const char *name)
{
	if (name == NULL || *name == '\0' || strlen(name) >= MEDIUM_NAME_SIZE)
		return error_set(-EINVAL,
		    "the name of a root has 1 to %d bytes",
		    MEDIUM_NAME_SIZE - 1);
	return 0;
}

DK_EXPORT int
daxkind_root_set(memkind_t kind, const char *name, const void *ptr)
{
	struct daxkind_region *region;
	size_t off = 0;

	error_clear();
	int rc = durable_region_of(kind, &region);
	if (rc == 0)
		rc = check_name(name);
	if (rc == 0 && region_is_off(region))
		rc = region_refuse_in_child();
	if (rc == 0 && ptr != NULL) {
		off = (size_t)((const char *)ptr - region->base);
		if (!region_contains(region, ptr, 1) ||
		    off < region->restart->sb.heap_off ||
		    off >= region->restart->sb.heap_end)
			rc = error_set(
			    -EINVAL, "%p is not in the kind's region", ptr);
	}
	if (rc == 0)
		rc = roots_set(&region->restart->roots, name, off);
	if (rc == -ENOSPC)
		rc = error_set(rc,
		    "there are %d roots already; unset one, or have one point "
		    "to a table",
		    MEDIUM_ROOTS);
	return api_result(rc);
}

DK_EXPORT void *
daxkind_root(memkind_t kind, const char *name)
{
	struct daxkind_region *region;

	error_clear();
	int rc = durable_region_of(kind, &region);
	if (rc == 0)
		rc = check_name(name);
	if (rc < 0) {
		(void)api_result(rc);
		return NULL;
	}
	size_t off = roots_find(&region->restart->roots, name);
	if (off == 0) {
		(void)api_result(
		    error_set(-ENOENT, "there is no root %s", name));
		return NULL;
	}
	return region->base + off;
}

DK_EXPORT int
daxkind_root_walk(memkind_t kind,
    int (*visit)(void *arg, const char *name, void *ptr), void *arg)
{
	struct daxkind_region *region;

	error_clear();
	int rc = durable_region_of(kind, &region);
	if (rc == 0 && visit == NULL)
		rc = error_set(-EINVAL, "visit is NULL; pass a function");
	if (rc < 0)
		return api_result(rc);
	for (size_t i = 0; i < MEDIUM_ROOTS; i++) {
		char name[MEDIUM_NAME_SIZE];
		size_t off = roots_at(&region->restart->roots, i, name);

		if (off != 0 && visit(arg, name, region->base + off) != 0)
			return 1;
	}
	return 0;
}

/* --- blocks --------------------------------------------------------------------------- */

struct walk {
	struct memkind *kind;
	int (*visit)(void *arg, void *block, size_t usable);
	void *arg;
};

static int
visit_block(void *arg, void *block, size_t usable)
{
	const struct walk *w = arg;
	int rc = w->visit(w->arg, block, usable);

	if (rc == DAXKIND_DROP)
		w->kind->ops->free(w->kind, block);
	return rc < 0 ? rc : 0;
}

/* The region of a kind whose blocks the caller may visit. */
static int
region_to_visit(memkind_t kind, struct daxkind_region **region)
{
	int rc = durable_region_of(kind, region);

	if (rc == 0 && kind->heap == NULL)
		rc = error_set(-EINVAL, "kind %s has no heap", kind->name);
	if (rc == 0 && region_is_off(*region))
		rc = region_refuse_in_child();
	return rc;
}

DK_EXPORT int
daxkind_walk(memkind_t kind,
    int (*visit)(void *arg, void *block, size_t usable), void *arg)
{
	struct walk w = {kind, visit, arg};
	struct daxkind_region *region;

	error_clear();
	int rc = region_to_visit(kind, &region);
	if (rc == 0 && visit == NULL)
		rc = error_set(-EINVAL, "visit is NULL; pass a function");
	if (rc < 0)
		return api_result(rc);
	rc = heap_walk(kind->heap, visit_block, &w);
	/* The visitor's own value, or an error with its text. */
	return *error_text() != '\0' ? api_result(rc) : rc;
}

/* --- a copy ------------------------------------------------------------------------------ */

DK_EXPORT int
daxkind_snapshot(memkind_t kind, const char *path)
{
	struct daxkind_region *region;

	error_clear();
	int rc = region_to_visit(kind, &region);
	if (rc == 0 && (path == NULL || *path == '\0'))
		rc = error_set(-EINVAL, "no path was given");
	if (rc < 0)
		return api_result(rc);
	heap_flush_caches(kind->heap);
	return api_result(snapshot_make(region->restart, path));
}

/* --- what is reached ---------------------------------------------------------------- */

struct daxkind_marker {
	struct heap_trace *trace;
};

struct tracer {
	daxkind_trace_fn *visit;
	void *arg;
};

static int
visit_reached(void *arg, void *block, size_t usable, struct heap_trace *trace)
{
	const struct tracer *tracer = arg;
	struct daxkind_marker marker = {trace};
	int rc = tracer->visit(tracer->arg, block, usable, &marker);

	return rc < 0 ? rc : 0;
}

DK_EXPORT void
daxkind_mark(struct daxkind_marker *marker, const void *ptr)
{
	if (marker != NULL)
		heap_trace_mark(marker->trace, ptr);
}

static int
check_trace(const struct daxkind_region *region, daxkind_trace_fn *visit)
{
	ptrdiff_t moved_by = region->restart->moved_by;

	if (visit == NULL && moved_by != 0)
		return error_set(-EADDRNOTAVAIL,
		    "the heap was opened %td bytes from its old address, so "
		    "that pointers in it lead elsewhere; pass a visitor that "
		    "marks what the program's offsets lead to",
		    moved_by);
	return 0;
}

DK_EXPORT int
daxkind_trace(memkind_t kind, daxkind_trace_fn *visit, void *arg,
    struct daxkind_trace_result *result, size_t result_size)
{
	struct tracer tracer = {visit, arg};
	struct heap_trace_request request = {
	    .visit = visit != NULL ? visit_reached : NULL,
	    .arg = &tracer,
	};
	struct heap_trace_result found;
	struct daxkind_region *region;

	error_clear();
	int rc = region_to_visit(kind, &region);
	if (rc == 0 && result != NULL)
		rc = answer_check(result, result_size);
	if (rc == 0)
		rc = check_trace(region, visit);
	if (rc < 0)
		return api_result(rc);
	rc = heap_trace_run(kind->heap, &request, &found);
	/* The visitor's own value, or an error with its text. */
	if (rc < 0)
		return *error_text() != '\0' ? api_result(rc) : rc;
	restart_note_traced(region->restart);
	struct daxkind_trace_result value = {
	    .kept_blocks = found.kept_blocks,
	    .kept_bytes = found.kept_bytes,
	    .freed_blocks = found.freed_blocks,
	    .freed_bytes = found.freed_bytes,
	};
	if (result != NULL)
		answer(result, result_size, &value, sizeof(value));
	return 0;
}

/* --- addresses ------------------------------------------------------------------------ */

DK_EXPORT size_t
daxkind_offset(memkind_t kind, const void *ptr)
{
	struct daxkind_region *region;

	if (ptr == NULL)
		return 0;
	int rc = durable_region_of(kind, &region);
	if (rc == 0 && !region_contains(region, ptr, 1))
		rc = error_set(-EINVAL,
		    "%p is not in the region of kind %s, which has %zu bytes "
		    "at %p",
		    ptr, kind->name, region->size, (void *)region->base);
	return rc == 0 ? (size_t)((const char *)ptr - region->base) : 0;
}

DK_EXPORT void *
daxkind_at(memkind_t kind, size_t offset)
{
	struct daxkind_region *region;

	if (offset == 0)
		return NULL;
	int rc = durable_region_of(kind, &region);
	if (rc == 0 && offset >= region->size)
		rc = error_set(-EINVAL,
		    "offset %zu is beyond the region of kind %s, which has "
		    "%zu bytes",
		    offset, kind->name, region->size);
	return rc == 0 ? region->base + offset : NULL;
}
