// SPDX-License-Identifier: BSD-2-Clause
/*
 * daxkind_persist.c -- flush-aware stores (layer 7).
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "daxkind.h"
#include "daxkind/daxkind_result.h"
#include "kind/kind.h"
#include "kind/kind_registry.h"
#include "region/flush.h"

/* The flush operations of the kind, if [addr, addr + len) is its memory. */
static int
ops_for(
    memkind_t kind, const void *addr, size_t len, const struct flush_ops **ops)
{
	if (kind == NULL)
		return error_set(-EINVAL, "kind is NULL");
	if (kind->region == NULL && kind_registry_is_dead(kind))
		return error_set(
		    -EINVAL, "kind %p was already destroyed", (void *)kind);
	if (kind->region == NULL)
		return error_set(-ENOTSUP,
		    "kind %s is on plain DRAM, which is not durable",
		    kind->name);
	if (!region_contains(kind->region, addr, len))
		return error_set(-EINVAL,
		    "%p of %zu bytes is not inside the kind's region", addr,
		    len);
	return flush_get_ops(kind->region->backing->granularity, ops);
}

/* The text of an operation of the table, which has only the system's value. */
static int
result_of(int rc, const void *addr, size_t len)
{
	if (rc < 0)
		(void)error_set(rc,
		    "%zu bytes at %p are not durable: %s; the device or the "
		    "file system failed, or the memory is not mapped any more",
		    len, addr, strerror(-rc));
	return rc;
}

static int
flush(const struct flush_ops *ops, const void *addr, size_t len)
{
	return result_of(ops->flush(addr, len), addr, len);
}

/* --- a region --------------------------------------------------------------- */

static int
ops_for_region(const struct daxkind_region *region, const void *addr,
    size_t len, const struct flush_ops **ops)
{
	if (region == NULL || region->backing == NULL)
		return error_set(-EINVAL, "the region is NULL or closed");
	if (!region_contains(region, addr, len))
		return error_set(-EINVAL,
		    "%p of %zu bytes is not inside the region at %p of %zu "
		    "bytes",
		    addr, len, (void *)region->base, region->size);
	return flush_get_ops(region->backing->granularity, ops);
}

DK_EXPORT int
daxkind_region_flush(
    const struct daxkind_region *region, const void *addr, size_t len)
{
	const struct flush_ops *ops;
	int rc = ops_for_region(region, addr, len, &ops);

	if (rc == 0)
		rc = flush(ops, addr, len);
	return api_result(rc);
}

DK_EXPORT int
daxkind_region_drain(const struct daxkind_region *region)
{
	const struct flush_ops *ops;
	int rc = ops_for_region(
	    region, region != NULL ? region->base : NULL, 0, &ops);

	if (rc == 0)
		ops->drain();
	return api_result(rc);
}

DK_EXPORT int
daxkind_region_persist(
    const struct daxkind_region *region, const void *addr, size_t len)
{
	const struct flush_ops *ops;
	int rc = ops_for_region(region, addr, len, &ops);

	if (rc == 0)
		rc = flush(ops, addr, len);
	if (rc == 0)
		ops->drain();
	return api_result(rc);
}

/* --- a kind ----------------------------------------------------------------- */

DK_EXPORT int
daxkind_flush(memkind_t kind, const void *addr, size_t len)
{
	const struct flush_ops *ops;
	int rc = ops_for(kind, addr, len, &ops);

	if (rc == 0)
		rc = flush(ops, addr, len);
	return api_result(rc);
}

DK_EXPORT int
daxkind_drain(memkind_t kind)
{
	const struct flush_ops *ops;
	const void *anywhere =
	    kind != NULL && kind->region != NULL ? kind->region->base : NULL;
	int rc = ops_for(kind, anywhere, 0, &ops);

	if (rc == 0)
		ops->drain();
	return api_result(rc);
}

DK_EXPORT int
daxkind_persist(memkind_t kind, const void *addr, size_t len)
{
	const struct flush_ops *ops;
	int rc = ops_for(kind, addr, len, &ops);

	if (rc == 0)
		rc = flush(ops, addr, len);
	if (rc == 0)
		ops->drain();
	return api_result(rc);
}

DK_EXPORT int
daxkind_memcpy_nodrain(memkind_t kind, void *dst, const void *src, size_t len)
{
	const struct flush_ops *ops;
	int rc = ops_for(kind, dst, len, &ops);

	if (rc == 0)
		rc = result_of(ops->copy(dst, src, len), dst, len);
	return api_result(rc);
}

DK_EXPORT int
daxkind_memcpy_persist(memkind_t kind, void *dst, const void *src, size_t len)
{
	int rc = daxkind_memcpy_nodrain(kind, dst, src, len);

	return rc == 0 ? daxkind_drain(kind) : rc;
}

DK_EXPORT int
daxkind_memset_nodrain(memkind_t kind, void *dst, int c, size_t len)
{
	const struct flush_ops *ops;
	int rc = ops_for(kind, dst, len, &ops);

	if (rc == 0)
		rc = result_of(ops->set(dst, c, len), dst, len);
	return api_result(rc);
}

DK_EXPORT int
daxkind_memset_persist(memkind_t kind, void *dst, int c, size_t len)
{
	int rc = daxkind_memset_nodrain(kind, dst, c, len);

	return rc == 0 ? daxkind_drain(kind) : rc;
}
