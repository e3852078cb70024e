// SPDX-License-Identifier: BSD-2-Clause
/*
 * daxkind_region.c -- opens and describes regions (layer 7).
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
#include "dram/mem_policy.h"
#include "heap/page_map.h"
#include "region/region.h"
#include "region/region_index.h"
#include "restart/restart.h"

enum {
	KNOWN_FLAGS = DAXKIND_OVERWRITE | DAXKIND_PREFAULT |
		      DAXKIND_PERSISTENT | DAXKIND_CREATE | DAXKIND_NEED_DAX |
		      DAXKIND_NEED_SYNC
};

_Static_assert((int)DAXKIND_OVERWRITE == (int)BACKING_OVERWRITE &&
		   (int)DAXKIND_PREFAULT == (int)BACKING_PREFAULT &&
		   (int)DAXKIND_PERSISTENT == (int)BACKING_PERSISTENT &&
		   (int)DAXKIND_CREATE == (int)BACKING_CREATE &&
		   (int)DAXKIND_NEED_DAX == (int)BACKING_NEED_DAX &&
		   (int)DAXKIND_NEED_SYNC == (int)BACKING_NEED_SYNC,
    "flags of daxkind.h and backing.h are the same bits");
_Static_assert((int)DAXKIND_GRANULARITY_PAGE == (int)FLUSH_PAGE &&
		   (int)DAXKIND_BACKING_DEVDAX == (int)BACKING_DEVDAX &&
		   (int)BACKING_ANON == (int)DAXKIND_BACKING_DEVDAX + 1 &&
		   (int)DAXKIND_RUN_BAD == (int)SPACE_RUN_BAD,
    "enumerations of daxkind.h and of the layers below agree");

/* The common start of all openers. */
static int
begin(unsigned flags, struct daxkind_region **region)
{
	error_clear();
	if (region == NULL)
		return error_set(-EINVAL, "the region argument is NULL; pass "
					  "the address of a pointer");
	*region = NULL;
	if ((flags & ~(unsigned)KNOWN_FLAGS) != 0)
		return error_set(
		    -EINVAL, "0x%x has bits that are not open flags", flags);
	return 0;
}

static int
check_path(const char *path)
{
	if (path == NULL || *path == '\0')
		return error_set(-EINVAL, "no path was given");
	return 0;
}

/* On the heap, since a path is too large for a small stack. */
static int
new_place(struct dax_place **place)
{
	*place = os_new(sizeof(**place));
	if (*place == NULL)
		return error_set(-ENOMEM, "no memory to look for a name");
	return 0;
}

/* The common end of all openers. */
static int
open_region(const struct backing_class *class,
    const struct backing_request *request, struct daxkind_region **region)
{
	struct backing *backing;
	int rc = backing_open(class, request, &backing);

	if (rc < 0)
		return rc;
	rc = region_open(backing, backing->base, backing->size, region);
	if (rc < 0)
		backing_close(backing);
	return rc;
}

DK_EXPORT int
daxkind_region_open_mapping(
    void *addr, size_t size, unsigned flags, struct daxkind_region **region)
{
	struct backing_request request = {
	    .addr = addr, .size = size, .flags = flags};
	int rc = begin(flags, region);

	if (rc == 0)
		rc = open_region(&Backing_mapping, &request, region);
	return api_result(rc);
}

DK_EXPORT int
daxkind_region_open_file(const char *path, size_t size, unsigned flags,
    struct daxkind_region **region)
{
	struct backing_request request = {
	    .path = path, .size = size, .flags = flags};
	int rc = begin(flags, region);

	if (rc == 0)
		rc = check_path(path);
	if (rc == 0)
		rc = open_region(&Backing_file, &request, region);
	return api_result(rc);
}

DK_EXPORT int
daxkind_region_open_dir(const char *dir, size_t max_size, unsigned flags,
    struct daxkind_region **region)
{
	struct backing_request request = {
	    .path = dir, .size = max_size, .flags = flags};
	int rc = begin(flags, region);

	if (rc == 0)
		rc = check_path(dir);
	if (rc == 0)
		rc = open_region(&Backing_dir, &request, region);
	return api_result(rc);
}

DK_EXPORT int
daxkind_region_open_devdax(const char *path, size_t offset, size_t size,
    unsigned flags, struct daxkind_region **region)
{
	struct backing_request request = {
	    .offset = offset, .size = size, .flags = flags};
	struct dax_place *place;
	int rc = begin(flags, region);

	if (rc == 0)
		rc = check_path(path);
	if (rc == 0)
		rc = new_place(&place);
	if (rc < 0)
		return api_result(rc);
	rc = dax_name_find_devdax(path, place);
	request.path = place->path;
	if (rc == 0)
		rc = open_region(&Backing_devdax, &request, region);
	os_delete(place);
	return api_result(rc);
}

DK_EXPORT int
daxkind_region_open(const char *path, size_t size, unsigned flags,
    struct daxkind_region **region)
{
	/* These flags permit an action, so they are not an error where the
	 * action is not needed. */
	static const unsigned permissions = DAXKIND_CREATE | DAXKIND_OVERWRITE;
	struct backing_request request = {.size = size};
	struct dax_place *place;
	int rc = begin(flags, region);

	if (rc == 0)
		rc = check_path(path);
	if (rc == 0)
		rc = new_place(&place);
	if (rc < 0)
		return api_result(rc);
	rc = dax_name_find(path, place);
	if (rc == 0) {
		const struct backing_class *class =
		    backing_class_of(place->what);

		request.path = place->path;
		request.flags = flags & (class->flags | ~permissions);
		rc = open_region(class, &request, region);
	}
	os_delete(place);
	return api_result(rc);
}

DK_EXPORT int
daxkind_region_close(struct daxkind_region *region)
{
	error_clear();
	if (region == NULL)
		return 0;
	if (!region_index_is_record(region))
		return api_result(
		    error_set(-EINVAL, "%p is not a region", (void *)region));
	if (region->backing == NULL)
		return api_result(
		    error_set(-EINVAL, "the region is already closed"));
	if (atomic_load(&region->is_claimed))
		return api_result(error_set(
		    -EBUSY, "the region has a kind; destroy the kind first"));
	int rc = 0;
	if (region->restart != NULL)
		rc = restart_close(region->restart,
		    !region_is_off(region) && !region->backing->is_inherited);
	region->restart = NULL;
	region_close(region);
	return api_result(rc);
}

static int
check_open(const struct daxkind_region *region, const void *out, size_t size)
{
	error_clear();
	if (region == NULL || region->backing == NULL)
		return error_set(-EINVAL, "the region is NULL or closed");
	return answer_check(out, size);
}

DK_EXPORT int
daxkind_region_info(const struct daxkind_region *region,
    struct daxkind_region_info *info, size_t info_size)
{
	int rc = check_open(region, info, info_size);

	if (rc < 0)
		return api_result(rc);
	const struct backing *b = region->backing;
	struct daxkind_region_info value = {
	    .base = b->base,
	    .size = b->size,
	    .align = b->align,
	    .backing = (enum daxkind_backing)b->type,
	    .granularity = (enum daxkind_granularity)b->granularity,
	    .is_dax = b->is_dax,
	    .is_sync = b->is_sync,
	    .numa_node =
		b->numa_node >= 0 ? b->numa_node : mem_policy_node_of(b->base),
	};
	answer(info, info_size, &value, sizeof(value));
	return 0;
}

/* Cast const away: the region's lock guards the map. */
static struct daxkind_region *
lockable(const struct daxkind_region *region)
{
	return (struct daxkind_region *)(uintptr_t)region;
}

DK_EXPORT int
daxkind_region_space(const struct daxkind_region *region,
    struct daxkind_space *space, size_t space_size)
{
	struct space_figures figures;
	int rc = check_open(region, space, space_size);

	if (rc < 0)
		return api_result(rc);
	region_get_figures(lockable(region), &figures);
	struct daxkind_space value = {
	    .total = figures.total,
	    .taken = figures.taken,
	    .free = figures.free,
	    .bad = figures.bad,
	    /* limited to one block */
	    .largest_free = min_size(figures.longest_free, PAGE_LARGE_MAX),
	    .held = figures.held,
	};
	answer(space, space_size, &value, sizeof(value));
	return 0;
}

DK_EXPORT int
daxkind_region_check(const struct daxkind_region *region)
{
	int rc = check_open(region, region, 1);

	if (rc == 0 && !region_check(lockable(region)))
		rc = error_set(-EUCLEAN,
		    "the space map of the region at %p is inconsistent: the "
		    "program has overwritten the library's memory",
		    (void *)region->base);
	return api_result(rc);
}

DK_EXPORT int
daxkind_region_walk(const struct daxkind_region *region,
    int (*visit)(
	void *arg, size_t off, size_t len, enum daxkind_run_state state),
    void *arg)
{
	size_t off = 0, end;
	int rc = check_open(region, region, 1);

	if (rc == 0 && visit == NULL)
		rc = error_set(-EINVAL, "visit is NULL; pass a function");
	if (rc < 0)
		return api_result(rc);
	for (; off < region->size; off = end) {
		enum space_run run = region_run_at(lockable(region), off, &end);

		if (visit(arg, off, end - off, (enum daxkind_run_state)run) !=
		    0)
			return 1;
	}
	return 0;
}
