// SPDX-License-Identifier: BSD-2-Clause
/*
 * backing_devdax.c -- a part of a devdax character device (layer 2).
 *
 * The kernel checks little.  If the offset is not a multiple of the alignment,
 * it maps other memory than requested; and it maps past the end, where an
 * access raises SIGBUS.  So all of that is checked here.  The device's content
 * is never assumed to be zero.
 */
#include "region/backing.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/kept_fd.h"
#include "base/os.h"
#include "base/util.h"
#include "dax/dax_device.h"
#include "dax/dax_name.h"

struct backing_devdax {
	struct backing base;
	struct kept_fd fd;           /* of the device; holds an owner lock */
	struct kept_fd sysfs_fd;     /* of its size file; holds the real lock */
	unsigned major_nr, minor_nr; /* of the device */
	size_t offset;               /* in the device, in bytes */
};

struct found {
	size_t offset; /* of the region in the device */
	badblocks_visit *visit;
	void *arg;
};

static int
pass_on(void *arg, size_t off, size_t len)
{
	const struct found *found = arg;

	return found->visit(found->arg, off - found->offset, len);
}

/* The kernel does not refuse access to a bad block here: on real hardware it
 * causes a machine check. */
static int
find_bad(struct backing *b, size_t off, size_t len, badblocks_visit *visit,
    void *arg)
{
	struct backing_devdax *d = (struct backing_devdax *)b;
	struct found found = {d->offset, visit, arg};

	return badblocks_of_devdax(
	    d->major_nr, d->minor_nr, d->offset + off, len, pass_on, &found);
}

static void
close_devdax(struct backing *b)
{
	struct backing_devdax *d = (struct backing_devdax *)b;

	(void)os_unmap(b->base, b->size);
	kept_fd_close(&d->sysfs_fd, !b->is_inherited);
	kept_fd_close(&d->fd, !b->is_inherited);
	os_delete(d);
}

static const struct backing_ops Ops = {
    .ensure = backing_ensure_nothing,
    .discard = backing_discard_nothing,
    .find_bad = find_bad,
    .close = close_devdax,
};

static int
lock_one(int fd, const char *path)
{
	int rc = os_lock_file(fd);

	if (rc == -EWOULDBLOCK)
		return error_set(-EBUSY,
		    "%s is already open as a region, in this or another "
		    "process; close that region first; find the process "
		    "with: lslocks",
		    path);
	if (rc < 0)
		return error_set(
		    rc, "%s cannot be locked: %s", path, strerror(-rc));
	return 0;
}

/*
 * The device may have several nodes in /dev, which are different files to
 * flock(2).  So the lock that counts is on its size file in sysfs, of which
 * there is one.  The lock on the node is there for lslocks(8).
 */
static int
lock_owner(const struct os_stat *st, const char *path, int fd, int *sysfs_fd)
{
	char sysfs_path[128];
	int rc = lock_one(fd, path);

	if (rc < 0)
		return rc;
	(void)snprintf(sysfs_path, sizeof(sysfs_path),
	    "/sys/dev/char/%u:%u/size", st->major_nr, st->minor_nr);
	rc = os_open_read(sysfs_path, sysfs_fd);
	if (rc < 0)
		return error_set(
		    rc, "%s: %s: %s", path, sysfs_path, strerror(-rc));
	rc = lock_one(*sysfs_fd, path);
	if (rc < 0)
		os_close(*sysfs_fd);
	return rc;
}

static int
query(const struct os_stat *st, const char *path, struct dax_device *device)
{
	if (!st->is_char_dev)
		return error_set(-ENODEV,
		    "%s is not a character device; a devdax device is "
		    "/dev/daxX.Y; list them with: daxctl list",
		    path);
	int rc = dax_device_find_number(st->major_nr, st->minor_nr, device);
	if (rc == -ENODEV)
		return error_set(rc,
		    "%s is not a devdax device; list them with: daxctl list; "
		    "or make one with: ndctl create-namespace --mode=devdax",
		    path);
	if (rc < 0)
		return error_set(rc, "%s: the device cannot be queried: %s",
		    path, strerror(-rc));
	return dax_name_check_device(device, path);
}

static int
check_range(const struct dax_device *device, const char *path, size_t offset,
    size_t *size)
{
	if (offset >= device->size)
		return error_set(-EINVAL,
		    "%s: offset %zu is beyond the device's %zu bytes", path,
		    offset, device->size);
	if (*size == 0)
		*size = align_down(device->size - offset, device->align);
	if (*size > device->size - offset || *size == 0)
		return error_set(-EINVAL,
		    "%s: %zu bytes from offset %zu exceed the device's %zu "
		    "bytes",
		    path, *size, offset, device->size);
	if (offset % device->align != 0 || *size % device->align != 0)
		return error_set(-EINVAL,
		    "%s: offset %zu and size %zu must be multiples of its "
		    "alignment, %zu; get a finer one (this erases the "
		    "device) with: ndctl create-namespace -f -e NAMESPACE "
		    "--mode=devdax --align=4K",
		    path, offset, *size, device->align);
	if (device->align > DK_PAGE && os_thp_is_disabled())
		return error_set(-EPERM,
		    "%s: huge pages are switched off for this process (prctl "
		    "PR_SET_THP_DISABLE): every access would raise SIGBUS; "
		    "switch them on first",
		    path);
	return 0;
}

int
backing_devdax_open(const char *path, size_t offset, size_t size,
    unsigned flags, struct backing **out)
{
	struct dax_device device;
	struct os_stat st;
	void *addr;
	int fd, sysfs_fd;

	int rc = os_stat(path, &st);
	if (rc < 0)
		return error_set(
		    rc, "devdax device %s: %s", path, strerror(-rc));
	rc = query(&st, path, &device);
	if (rc < 0)
		return rc;
	rc = check_range(&device, path, offset, &size);
	if (rc < 0)
		return rc;
	struct backing_devdax *d = os_new(sizeof(*d));
	if (d == NULL)
		return error_set(-ENOMEM, "no memory for a region's record");
	bool is_read_only = (flags & BACKING_READ_ONLY) != 0;
	rc = is_read_only ? os_open_read(path, &fd) : os_open(path, false, &fd);
	if (rc < 0) {
		rc = error_set(rc, "devdax device %s: %s", path, strerror(-rc));
		goto err_free;
	}
	sysfs_fd = -1;
	if ((flags & BACKING_NO_OWNER) == 0) {
		rc = lock_owner(&st, path, fd, &sysfs_fd);
		if (rc < 0)
			goto err_close;
	}
	rc = os_map_file(fd, offset, size, max_size(device.align, DK_HUGE_PAGE),
	    ((flags & BACKING_PREFAULT) != 0 ? OS_MAP_POPULATE : 0) |
		(is_read_only ? OS_MAP_READ_ONLY : 0),
	    &addr);
	if (rc < 0) {
		rc = error_set(rc, "%s: %zu bytes cannot be mapped: %s%s", path,
		    size, strerror(-rc),
		    rc == -EAGAIN ? BACKING_LOCK_HINT : "");
		goto err_close_sysfs;
	}
	kept_fd_init(&d->fd, fd);
	kept_fd_init(&d->sysfs_fd, sysfs_fd);
	d->major_nr = st.major_nr;
	d->minor_nr = st.minor_nr;
	d->offset = offset;
	d->base = (struct backing){
	    .ops = &Ops,
	    .type = BACKING_DEVDAX,
	    .base = addr,
	    .size = size,
	    .align = device.align,
	    .granularity = flush_of_sync_mapping(),
	    .is_dax = true,
	    .is_sync = true,
	    .numa_node = device.numa_node,
	};
	*out = &d->base;
	return 0;

err_close_sysfs:
	if (sysfs_fd >= 0)
		os_close(sysfs_fd);
err_close:
	os_close(fd);
err_free:
	os_delete(d);
	return rc;
}

static int
open_request(const struct backing_request *request, struct backing **out)
{
	return backing_devdax_open(
	    request->path, request->offset, request->size, request->flags, out);
}

const struct backing_class Backing_devdax = {
    .name = "devdax device",
    .place = DAX_PLACE_DEVDAX,
    .flags = BACKING_OVERWRITE | BACKING_PREFAULT | BACKING_NEED_DAX |
	     BACKING_NEED_SYNC,
    .open = open_request,
};
