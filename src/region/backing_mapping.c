// SPDX-License-Identifier: BSD-2-Clause
/*
 * backing_mapping.c -- a mapping that the caller made and keeps (layer 2).
 *
 *   addr                                            addr + size
 *   |..|<---------- whole pages: base, size --------->|...|
 *
 * Nothing here writes to the mapping, unmaps it, or assumes anything about its
 * content.
 */
#include "region/backing.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "base/util.h"
#include "dax/dax_sysfs.h"

int
backing_ensure_nothing(struct backing *b, size_t off, size_t len, bool *is_zero)
{
	(void)b;
	(void)off;
	(void)len;
	*is_zero = false;
	return 0;
}

int
backing_discard_nothing(struct backing *b, size_t off, size_t len)
{
	(void)b;
	(void)off;
	(void)len;
	return -EOPNOTSUPP;
}

static void
close_mapping(struct backing *b)
{
	os_delete(b);
}

static const struct backing_ops Ops = {
    .ensure = backing_ensure_nothing,
    .discard = backing_discard_nothing,
    .close = close_mapping,
};

/* Checks for daxkind_region_open_mapping() only: memkind_create_fixed() accepts
 * more. */
static int
check_area(void *addr, size_t size)
{
	if (size == 0)
		return error_set(-EINVAL, "mapping %p is empty", addr);
	if ((uintptr_t)addr % DK_PAGE != 0 || size % DK_PAGE != 0)
		return error_set(-EINVAL,
		    "mapping %p of %zu bytes: address and size must be "
		    "multiples of %zu",
		    addr, size, DK_PAGE);
	if (os_is_mapped(addr) < 0 || os_is_mapped((char *)addr + size - 1) < 0)
		return error_set(-EFAULT,
		    "nothing is mapped at %p or at the end of its %zu bytes; "
		    "map the memory first",
		    addr, size);
	return 0;
}

/* Whether the whole range is one devdax device, where msync(2) fails and
 * flushing is enough.  For a file only the caller knows (MAP_SYNC). */
static int
find_devdax(char *base, size_t size, bool *is_devdax)
{
	struct dax_device device;
	unsigned major_nr = 0, minor_nr = 0, last_major_nr = 0,
		 last_minor_nr = 0;
	int rc = os_mapped_device(base, &major_nr, &minor_nr);

	if (rc == 0)
		rc = os_mapped_device(
		    base + size - 1, &last_major_nr, &last_minor_nr);
	/* It is not a device, or there is no procfs. */
	if (rc == -ENODEV || rc == -ENOENT) {
		*is_devdax = false;
		return 0;
	}
	if (rc < 0)
		return error_set(rc,
		    "the mapping at %p of %zu bytes cannot be looked up in "
		    "/proc/self/maps: %s",
		    (void *)base, size, strerror(-rc));
	*is_devdax = major_nr == last_major_nr && minor_nr == last_minor_nr &&
		     dax_sysfs_read(major_nr, minor_nr, &device) == 0;
	return 0;
}

int
backing_mapping_open(
    void *addr, size_t size, unsigned flags, struct backing **out)
{
	uintptr_t start = (uintptr_t)addr;
	int rc;

	if (addr == NULL || size > UINTPTR_MAX - start ||
	    start > UINTPTR_MAX - DK_PAGE)
		return error_set(-EINVAL,
		    "mapping %p of %zu bytes: NULL, or beyond the end of the "
		    "address space",
		    addr, size);
	if ((flags & BACKING_ANY_AREA) == 0) {
		rc = check_area(addr, size);
		if (rc < 0)
			return rc;
	}
	struct backing *b = os_new(sizeof(*b));
	if (b == NULL)
		return error_set(-ENOMEM, "no memory for a region's record");

	uintptr_t first = start + (0 - start) % DK_PAGE;
	uintptr_t end = align_down(start + size, DK_PAGE);
	size_t usable = first < end ? end - first : 0;
	bool is_pmem = (flags & BACKING_PERSISTENT) != 0 ||
		       (usable > 0 && flush_is_pmem((void *)first, usable));
	/* Skipped for memkind_create_fixed(), which should take
	 * microseconds. */
	if (!is_pmem && usable > 0 && (flags & BACKING_ANY_AREA) == 0) {
		rc = find_devdax((char *)first, usable, &is_pmem);
		if (rc < 0)
			goto err_delete;
	}
	*b = (struct backing){
	    .ops = &Ops,
	    .type = BACKING_MAPPING,
	    .base = (char *)first,
	    .size = usable,
	    .align = DK_PAGE,
	    .granularity = is_pmem ? flush_of_sync_mapping() : FLUSH_PAGE,
	    .is_dax = is_pmem,
	    .is_sync = is_pmem,
	    .numa_node = -1, /* looked up when needed */
	};
	if ((flags & BACKING_PREFAULT) != 0 && usable > 0) {
		rc = os_populate(b->base, b->size);
		if (rc < 0) {
			rc = error_set(rc,
			    "the pages of mapping %p of %zu bytes cannot be "
			    "prefaulted",
			    addr, size);
			goto err_delete;
		}
	}
	*out = b;
	return 0;

err_delete:
	os_delete(b);
	return rc;
}

static int
open_request(const struct backing_request *request, struct backing **out)
{
	return backing_mapping_open(
	    request->addr, request->size, request->flags, out);
}

const struct backing_class Backing_mapping = {
    .name = "mapping",
    .place = DAX_PLACE_NONE,
    .flags = BACKING_PREFAULT | BACKING_PERSISTENT | BACKING_NEED_DAX |
	     BACKING_NEED_SYNC,
    .open = open_request,
};
