// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_kind.c -- makes, ends and describes kinds (layer 8).
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "base/os.h"
#include "base/reason.h"
#include "base/util.h"
#include "daxkind.h"
#include "daxkind/daxkind_result.h"
#include "heap/je_heap.h"
#include "kind/environment.h"
#include "kind/error_code.h"
#include "kind/kind.h"
#include "kind/kind_static.h"
#include "kind/ops_heap.h"
#include "memkind.h"
#include "memkind/kind_lookup.h"
#include "memkind/memkind_result.h"
#include "memkind_fixed.h"
#include "region/reclaimer.h"
#include "region/region.h"

enum {
	OPS_SIZE_MAX = 4096, /* of an operations table of any version */
	/* the version of memkind's API that this library implements */
	MEMKIND_API_VERSION = 1014000
};

static int
refuse_null_result(void)
{
	return error_code_from_errno(error_set(-EINVAL,
	    "the kind argument is NULL; pass the address of a memkind_t"));
}

static int
refuse_null_kind(void)
{
	return error_code_from_errno(error_set(-EINVAL, "kind is NULL"));
}

static int
do_create_fixed(void *addr, size_t size, memkind_t *kind)
{
	struct daxkind_region *region;
	struct backing *backing;
	int rc;

	if (kind == NULL)
		return refuse_null_result();
	*kind = NULL;
	rc = backing_mapping_open(addr, size, BACKING_ANY_AREA, &backing);
	if (rc < 0)
		goto err;
	rc = region_open(backing, addr, size, &region);
	if (rc < 0)
		goto err_close_backing;
	struct kind_spec spec = {
	    .region = region,
	    .owns_region = true,
	    .capacity = size,
	    .ops = &MEMKIND_FIXED_OPS,
	    .name = "fixed",
	};
	rc = kind_new(&spec, kind);
	if (rc < 0)
		goto err_close_region;
	return MEMKIND_SUCCESS;

err_close_region:
	region_close(region);
	return error_code_from_errno(rc);
err_close_backing:
	backing_close(backing);
err:
	return error_code_from_errno(rc);
}

DK_EXPORT int
memkind_create_fixed(void *addr, size_t size, memkind_t *kind)
{
	error_clear();
	return memkind_result(do_create_fixed(addr, size, kind));
}

/* The codes for kinds over a file: as in memkind, INVALID if open(2) or mmap(2)
 * refused, with the reason in errno. */
static int
pmem_result(int rc)
{
	if (rc == 0)
		return MEMKIND_SUCCESS;
	errno = -error_errno_of(rc);
	return rc == -ENOMEM || rc == -EAGAIN || rc <= REASON_FIRST
		   ? error_code_from_errno(rc)
		   : MEMKIND_ERROR_INVALID;
}

/* Make a kind over an unlinked file in dir.  Returns a code, and sets errno. */
static int
create_pmem(const char *dir, size_t max_size, memkind_mem_usage_policy policy,
    memkind_t *kind)
{
	struct daxkind_region *region;
	struct backing *backing;
	size_t size;

	if (dir == NULL)
		return pmem_result(
		    error_set(-EINVAL, "no directory was given"));
	if (max_size != 0 && max_size < MEMKIND_PMEM_MIN_SIZE)
		return pmem_result(error_set(-EINVAL,
		    "%zu bytes are too few for a kind over a file; give at "
		    "least %d, or 0 for no limit",
		    max_size, MEMKIND_PMEM_MIN_SIZE));
	if ((unsigned)policy >= MEMKIND_MEM_USAGE_POLICY_MAX_VALUE)
		return pmem_result(error_set(
		    -EINVAL, "%d is not a memory usage policy", (int)policy));
	/* Round up to whole pages, so that all of max_size is usable. */
	if (!align_up_checked(max_size, DK_PAGE, &size))
		size = max_size; /* too large for any file */
	int rc = backing_file_open_dir(dir, size, 0, &backing);
	if (rc < 0)
		return pmem_result(rc);
	rc = region_open(backing, backing->base, backing->size, &region);
	if (rc < 0) {
		backing_close(backing);
		return pmem_result(rc);
	}
	struct kind_spec spec = {
	    .region = region,
	    .owns_region = true,
	    .capacity = backing->size,
	    .ops = &MEMKIND_FIXED_OPS,
	    .name = "pmem",
	};
	rc = kind_new(&spec, kind);
	if (rc < 0)
		region_close(region);
	else
		(void)(*kind)->ops->update_memory_usage_policy(*kind, policy);
	return pmem_result(rc);
}

static int
do_create_pmem(const char *dir, size_t max_size, memkind_t *kind)
{
	if (kind == NULL)
		return refuse_null_result();
	*kind = NULL;
	return create_pmem(
	    dir, max_size, MEMKIND_MEM_USAGE_POLICY_DEFAULT, kind);
}

DK_EXPORT int
memkind_create_pmem(const char *dir, size_t max_size, memkind_t *kind)
{
	error_clear();
	return memkind_result(do_create_pmem(dir, max_size, kind));
}

struct memkind_config {
	const char *dir; /* the caller's string */
	size_t max_size;
	memkind_mem_usage_policy policy;
};

DK_EXPORT struct memkind_config *
memkind_config_new(void)
{
	struct memkind_config *cfg = os_new(sizeof(*cfg));

	error_clear();
	if (cfg == NULL)
		errno = -error_set(-ENOMEM, "no memory for a configuration");
	return cfg;
}

DK_EXPORT void
memkind_config_delete(struct memkind_config *cfg)
{
	os_delete(cfg);
}

DK_EXPORT void
memkind_config_set_path(struct memkind_config *cfg, const char *pmem_dir)
{
	if (cfg != NULL)
		cfg->dir = pmem_dir;
}

DK_EXPORT void
memkind_config_set_size(struct memkind_config *cfg, size_t pmem_size)
{
	if (cfg != NULL)
		cfg->max_size = pmem_size;
}

DK_EXPORT void
memkind_config_set_memory_usage_policy(
    struct memkind_config *cfg, memkind_mem_usage_policy policy)
{
	if (cfg != NULL)
		cfg->policy = policy;
}

static int
do_create_pmem_with_config(struct memkind_config *cfg, memkind_t *kind)
{
	if (kind == NULL)
		return refuse_null_result();
	*kind = NULL;
	if (cfg == NULL)
		return error_code_from_errno(error_set(-EINVAL,
		    "the configuration is NULL; make one with "
		    "memkind_config_new()"));
	return create_pmem(cfg->dir, cfg->max_size, cfg->policy, kind);
}

DK_EXPORT int
memkind_create_pmem_with_config(struct memkind_config *cfg, memkind_t *kind)
{
	error_clear();
	return memkind_result(do_create_pmem_with_config(cfg, kind));
}

static int
do_create_kind(memkind_memtype_t memtype_flags, memkind_policy_t policy,
    memkind_bits_t flags, memkind_t *kind)
{
	if (kind == NULL)
		return refuse_null_result();
	return error_code_from_errno(kind_lookup_find(
	    (unsigned)memtype_flags, policy, (unsigned)flags, kind));
}

DK_EXPORT int
memkind_create_kind(memkind_memtype_t memtype_flags, memkind_policy_t policy,
    memkind_bits_t flags, memkind_t *kind)
{
	error_clear();
	return memkind_result(
	    do_create_kind(memtype_flags, policy, flags, kind));
}

static int
do_destroy_kind(memkind_t kind)
{
	if (kind == NULL)
		return refuse_null_kind();
	if (kind_is_static(kind))
		return MEMKIND_SUCCESS;
	return error_code_from_errno(kind_free(kind));
}

DK_EXPORT int
memkind_destroy_kind(memkind_t kind)
{
	error_clear();
	return memkind_result(do_destroy_kind(kind));
}

DK_EXPORT memkind_t
memkind_detect_kind(void *ptr)
{
	return ptr != NULL ? kind_of(ptr) : NULL;
}

static int
do_check_available(memkind_t kind)
{
	if (kind == NULL)
		return refuse_null_kind();
	if (kind->ops->check_available == NULL)
		return MEMKIND_SUCCESS;
	return kind->ops->check_available(kind);
}

DK_EXPORT int
memkind_check_available(memkind_t kind)
{
	error_clear();
	return memkind_result(do_check_available(kind));
}

DK_EXPORT ssize_t
memkind_get_capacity(memkind_t kind)
{
	error_clear();
	if (kind == NULL) {
		errno = EINVAL;
		(void)error_set(-EINVAL, "kind is NULL");
		return -1;
	}
	if (kind_is_static(kind)) {
		size_t capacity;

		return kind_static_capacity(kind, &capacity) < 0
			   ? -1
			   : (ssize_t)capacity;
	}
	return (ssize_t)kind->capacity;
}

static int
do_check_dax_path(const char *pmem_dir)
{
	struct backing *backing;

	if (pmem_dir == NULL)
		return error_code_from_errno(
		    error_set(-EINVAL, "no directory was given"));
	int rc =
	    backing_file_open_dir(pmem_dir, MEMKIND_PMEM_MIN_SIZE, 0, &backing);
	if (rc < 0) {
		errno = -rc;
		return MEMKIND_ERROR_RUNTIME;
	}
	bool is_sync = backing->is_sync;
	backing_close(backing);
	if (!is_sync) {
		errno = EOPNOTSUPP;
		return error_code_from_errno(error_set(REASON_MMAP,
		    "the file system of %s does not support MAP_SYNC; use a "
		    "directory on one that is mounted with -o dax",
		    pmem_dir));
	}
	return MEMKIND_SUCCESS;
}

DK_EXPORT int
memkind_check_dax_path(const char *pmem_dir)
{
	error_clear();
	return memkind_result(do_check_dax_path(pmem_dir));
}

DK_EXPORT int
memkind_get_version(void)
{
	return MEMKIND_API_VERSION;
}

/* Memory of heaps without a region decays by jemalloc's clock, which needs the
 * thread; memory of regions does not. */
static void
decay(void)
{
	ops_heap_decay_all();
	kind_static_walk_je_heaps(je_heap_decay);
}

static int
do_set_bg_threads(bool state)
{
	int rc = environment_check_thread_limit();

	if (rc == 0)
		rc = reclaimer_set(state, decay);
	return error_code_from_errno(rc);
}

DK_EXPORT int
memkind_set_bg_threads(bool state)
{
	error_clear();
	return memkind_result(do_set_bg_threads(state));
}

DK_EXPORT void
memkind_set_allow_zero_allocs(memkind_t kind, bool state)
{
	if (kind != NULL)
		atomic_store_explicit(
		    &kind->allows_zero, state, memory_order_relaxed);
}

/* --- daxkind's ------------------------------------------------------------------- */

/* The common start of both ways to make a kind. */
static int
check_new_kind(const struct daxkind_region *region, memkind_t *kind)
{
	error_clear();
	if (kind == NULL)
		return error_set(-EINVAL, "the kind argument is NULL; pass "
					  "the address of a memkind_t");
	*kind = NULL;
	if (region == NULL || region->backing == NULL)
		return error_set(-EINVAL, "the region is NULL or closed");
	return 0;
}

/* The table may be of another version.  Operations that it lacks are not
 * supported; operations unknown here must be NULL. */
static int
copy_ops(const struct memkind_ops *ops, size_t size, struct memkind_ops *copy)
{
	const unsigned char *bytes = (const unsigned char *)ops;

	if (ops == NULL || size < sizeof(void *) || size > OPS_SIZE_MAX ||
	    size % sizeof(void *) != 0)
		return error_set(-EINVAL,
		    "%zu is not a valid size of an operations table; pass "
		    "the table and sizeof(struct memkind_ops)",
		    size);
	for (size_t i = sizeof(*copy); i < size; i++) {
		if (bytes[i] != 0)
			return error_set(-E2BIG,
			    "the operations table has an operation that this "
			    "version of the library does not know; leave it "
			    "NULL, or update the library");
	}
	memset(copy, 0, sizeof(*copy));
	memcpy(copy, ops, min_size(size, sizeof(*copy)));
	return 0;
}

DK_EXPORT int
daxkind_kind_create_with_ops(struct daxkind_region *region,
    const struct memkind_ops *ops, size_t ops_size, const char *name,
    memkind_t *kind)
{
	struct memkind_ops copy;
	struct kind_spec spec = {
	    .region = region, .copies_ops = true, .ops = &copy, .name = name};
	int rc = check_new_kind(region, kind);

	if (rc == 0)
		rc = copy_ops(ops, ops_size, &copy);
	if (rc < 0)
		return api_result(rc);
	spec.capacity = region->size;
	return api_result(kind_new(&spec, kind));
}

DK_EXPORT int
daxkind_kind_create(struct daxkind_region *region, memkind_t *kind)
{
	struct kind_spec spec = {
	    .region = region, .ops = &MEMKIND_FIXED_OPS, .name = "daxkind"};
	int rc = check_new_kind(region, kind);

	if (rc < 0)
		return api_result(rc);
	spec.capacity = region->size;
	return api_result(kind_new(&spec, kind));
}

DK_EXPORT struct daxkind_region *
daxkind_kind_region(memkind_t kind)
{
	return kind != NULL ? kind->region : NULL;
}

_Static_assert((int)DAXKIND_POLICY_DEFAULT == (int)REGION_GIVE_LATER &&
		   (int)DAXKIND_POLICY_BALANCED == (int)REGION_GIVE_SOON &&
		   (int)DAXKIND_POLICY_CONSERVATIVE == (int)REGION_GIVE_AT_ONCE,
    "policies of daxkind.h and region.h agree");

DK_EXPORT int
daxkind_kind_set_policy(memkind_t kind, enum daxkind_policy policy)
{
	error_clear();
	if (kind == NULL || kind->region == NULL)
		return api_result(error_set(
		    -EINVAL, "only a kind over a region has a policy"));
	if ((unsigned)policy > DAXKIND_POLICY_CONSERVATIVE)
		return api_result(error_set(-EINVAL,
		    "%d is not a policy; use DAXKIND_POLICY_DEFAULT, "
		    "_BALANCED or _CONSERVATIVE",
		    (int)policy));
	region_set_policy(kind->region, (enum region_policy)policy);
	return 0;
}
