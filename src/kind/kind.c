// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind.c -- see kind.h.
 */
#include "kind/kind.h"

#include <errno.h>
#include <string.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/log.h"
#include "heap/cache_life.h"
#include "kind/error_code.h"
#include "kind/kind_heap_ops.h"
#include "kind/kind_registry.h"
#include "kind/kind_tally.h"

bool Kind_calls_are_seen;

static int
check_ops(const struct memkind_ops *ops, const char *name)
{
	if (ops == NULL || ops->create == NULL || ops->destroy == NULL ||
	    ops->malloc == NULL || ops->calloc == NULL ||
	    ops->posix_memalign == NULL || ops->realloc == NULL ||
	    ops->free == NULL || ops->malloc_usable_size == NULL)
		return error_set(-EINVAL,
		    "the operations table lacks one of create, destroy, "
		    "malloc, calloc, posix_memalign, realloc, free, "
		    "malloc_usable_size");
	if (name == NULL || strlen(name) >= KIND_NAME_SIZE)
		return error_set(-EINVAL,
		    "a kind's name must be a string of at most %d bytes",
		    KIND_NAME_SIZE - 1);
	return 0;
}

/* Call the operation create. */
static int
create(struct memkind *kind)
{
	struct memkind_ops *ops = kind->ops;

	error_clear();
	int err = ops->create(kind, ops, kind->name);
	if (err != MEMKIND_SUCCESS) {
		int rc = error_reason();

		/* The precise reason, if the code of create agrees with it. */
		if (rc >= 0 || error_code_from_errno(rc) != err)
			rc = error_code_to_errno(err);
		if (*error_text() == '\0') /* a program's operation has none */
			(void)error_set(rc,
			    "the create operation of kind %s returned %d",
			    kind->name, err);
		return rc;
	}
	if (kind->blocks == NULL && kind_heap_ops_are_in(kind->ops)) {
		(void)kind->ops->destroy(kind);
		return error_set(-EINVAL,
		    "kind %s: the operations of MEMKIND_FIXED_OPS need a heap, "
		    "and the create operation made none; let it call "
		    "memkind_fixed_create()",
		    kind->name);
	}
	return 0;
}

int
kind_new(const struct kind_spec *spec, struct memkind **out)
{
	DK_NO_CANCEL(); /* in the operation create */
	struct daxkind_region *region = spec->region;
	const char *name = spec->name;
	int rc = check_ops(spec->ops, name);

	if (rc < 0)
		return rc;
	struct memkind *kind = kind_registry_new();
	if (kind == NULL)
		return error_set(-ENOMEM, "no memory for a kind's record");
	kind->own_ops = *spec->ops;
	kind->ops = spec->copies_ops ? &kind->own_ops : spec->ops;
	kind->finalize = kind->ops->finalize;
	kind->region = region;
	kind->owns_region = spec->owns_region;
	kind->capacity = spec->capacity;
	memcpy(kind->name, name, strlen(name) + 1);
	rc = region != NULL ? region_claim(region) : 0;
	if (rc < 0)
		goto err_free;
	rc = create(kind);
	if (rc < 0)
		goto err_end_heap;
	/* Hot paths bypass the operations if these are the library's and calls
	 * are not decorated: they find the caches by the kind. */
	const struct memkind_ops *ops = kind->ops;
	if (kind->heap != NULL && ops->malloc == kind_heap_malloc &&
	    ops->free == kind_heap_free &&
	    ops->malloc_usable_size == kind_heap_malloc_usable_size &&
	    !Kind_calls_are_seen) {
		cache_life_set_owner(&kind->heap->caches, kind);
		kind->cache_slot = kind->heap->caches.slot;
	}
	if (region != NULL)
		region_set_kind(region, kind);
	kind_registry_add(kind);
	if (region != NULL)
		log_write(DK_LOG_INFO, "kind %s: %zu bytes at %p, %s", name,
		    region->size, (void *)region->base,
		    region->backing->is_sync ? "DAX" : "not DAX");
	else
		log_write(DK_LOG_INFO, "kind %s: no region", name);
	*out = kind;
	return 0;

err_end_heap:
	/* create may have left a heap.  End it, so that no thread finds its
	 * caches once the region is gone. */
	kind_heap_end(kind);
	if (region != NULL)
		region_unclaim(region);
err_free:
	kind_registry_free(kind);
	return rc;
}

int
kind_free(struct memkind *kind)
{
	DK_NO_CANCEL(); /* in the operation destroy */
	struct daxkind_region *region;
	bool owns_region;
	int rc = kind_registry_remove(kind);

	if (rc < 0)
		return rc;
	region = kind->region;
	owns_region = kind->owns_region;
	if (region != NULL)
		region_set_kind(region, NULL);
	atomic_store(&kind->pieces.kind, NULL);
	int err = kind->ops->destroy(kind);
	kind_heap_end(kind);
	if (region != NULL)
		region_unclaim(region);
	if (owns_region)
		region_close(region);
	kind_tally_fini(kind);
	kind_registry_free(kind);
	return error_code_to_errno(err);
}

/* --- the end of the process ------------------------------------------------------ */

struct last_call {
	struct memkind *kind;
	int (*finalize)(struct memkind *kind);
};

static int
take_last_call(struct memkind *kind, void *arg)
{
	struct last_call *call = arg;

	if (kind->finalize == NULL)
		return 0;
	*call = (struct last_call){kind, kind->finalize};
	kind->finalize = NULL;
	return 1;
}

/* One at a time, since the operation may end the kind. */
__attribute__((destructor)) static void
finalize_all(void)
{
	struct last_call call;

	while (kind_registry_walk(take_last_call, &call) != 0)
		(void)call.finalize(call.kind);
}
