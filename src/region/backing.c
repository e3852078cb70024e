// SPDX-License-Identifier: BSD-2-Clause
/*
 * backing.c -- opening a backing of any class (layer 2).
 *
 * The checks that all classes share: whether a flag applies, whether the
 * program's needs are met, and that a durable heap is not overwritten by
 * accident.
 */
#include "region/backing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "base/util.h"
#include "dax/mounts.h"
#include "region/superblock.h"

/* To add a class of backing, add a row here, a file, and a way to reach it. */
static const struct backing_class *const Classes[] = {
    &Backing_mapping,
    &Backing_file,
    &Backing_dir,
    &Backing_devdax,
};

const struct backing_class *
backing_class_of(enum dax_place_type place)
{
	for (size_t i = 0; i < ARRAY_LEN(Classes); i++) {
		if (Classes[i]->place == place)
			return Classes[i];
	}
	return NULL;
}

static const struct {
	unsigned flag;
	const char *name;
	const char *what; /* the backings that it applies to */
} Flags[] = {
    {BACKING_OVERWRITE, "DAXKIND_OVERWRITE",
	"a file or device that holds data already"},
    {BACKING_PREFAULT, "DAXKIND_PREFAULT", "all"},
    {BACKING_PERSISTENT, "DAXKIND_PERSISTENT", "a mapping of the caller's"},
    {BACKING_CREATE, "DAXKIND_CREATE", "a file with a name"},
    {BACKING_NEED_DAX, "DAXKIND_NEED_DAX", "all"},
    {BACKING_NEED_SYNC, "DAXKIND_NEED_SYNC", "all"},
};

static int
check_flags(const struct backing_class *class, unsigned flags)
{
	static const unsigned internal = BACKING_ANY_AREA | BACKING_NO_OWNER |
					 BACKING_KEEP | BACKING_READ_ONLY;
	unsigned wrong = flags & ~class->flags & ~internal;

	for (size_t i = 0; i < ARRAY_LEN(Flags); i++) {
		if ((wrong & Flags[i].flag) != 0)
			return error_set(-EINVAL,
			    "%s does not apply to a %s, only to %s; leave it "
			    "out",
			    Flags[i].name, class->name, Flags[i].what);
	}
	if (wrong != 0)
		return error_set(
		    -EINVAL, "0x%x has bits that are not open flags", flags);
	return 0;
}

/* --- needs of the program ------------------------------------------- */

/* Describe the file system that a path is on: "ext4 (/dev/vda1, mounted on
 * /)". */
static void
describe_fs(const char *path, char *text, size_t size)
{
	struct mount *mount = os_new(sizeof(*mount));
	unsigned major_nr, minor_nr;
	int fd;

	(void)snprintf(text, size, "an unknown file system");
	if (mount == NULL)
		return;
	if (os_open_read(path, &fd) == 0) {
		if (os_device_of_file(fd, &major_nr, &minor_nr) == 0 &&
		    mounts_find(major_nr, minor_nr, mount) == 0)
			(void)snprintf(text, size,
			    "%.31s (%.100s, mounted on %.200s)", mount->type,
			    mount->source, mount->point);
		os_close(fd);
	}
	os_delete(mount);
}

static int
check_needs(const struct backing_class *class,
    const struct backing_request *request, const struct backing *b)
{
	bool lacks_dax = (request->flags & BACKING_NEED_DAX) != 0 && !b->is_dax;
	bool lacks_sync =
	    (request->flags & BACKING_NEED_SYNC) != 0 && !b->is_sync;
	char fs[384];

	if (!lacks_dax && !lacks_sync)
		return 0;
	const char *flag = lacks_dax ? "DAXKIND_NEED_DAX" : "DAXKIND_NEED_SYNC";
	if (request->path == NULL)
		return error_set(-EOPNOTSUPP,
		    "the %s at %p is not known to be DAX; pass "
		    "DAXKIND_PERSISTENT if it was mapped with MAP_SYNC, or "
		    "leave %s out",
		    class->name, request->addr, flag);
	describe_fs(request->path, fs, sizeof(fs));
	if (b->is_dax)
		return error_set(-EOPNOTSUPP,
		    "%s is DAX without MAP_SYNC, so stores are durable only "
		    "after msync(2); it is on %s; leave %s out if that is "
		    "enough",
		    request->path, fs, flag);
	return error_set(-EOPNOTSUPP,
	    "%s is not DAX: it is on %s; use a path on a file system that is "
	    "mounted with -o dax=always, or leave %s out",
	    request->path, fs, flag);
}

/* --- opening -------------------------------------------------------- */

static int
check_superblock(const struct backing_request *request, struct backing *b)
{
	/* The content of a caller's mapping is the caller's business, and a new
	 * backing is empty. */
	if (request->path == NULL || b->starts_zero ||
	    (request->flags &
		(BACKING_OVERWRITE | BACKING_NO_OWNER | BACKING_KEEP)) != 0 ||
	    !superblock_is_on(b))
		return 0;
	return error_set(-EEXIST,
	    "%s holds a durable heap, which would be overwritten; pass "
	    "DAXKIND_OVERWRITE to allow that",
	    request->path);
}

int
backing_open(const struct backing_class *class,
    const struct backing_request *request, struct backing **out)
{
	struct backing *b = NULL;
	int rc = check_flags(class, request->flags);

	if (rc == 0)
		rc = class->open(request, &b);
	if (rc != 0)
		return rc;
	rc = check_needs(class, request, b);
	if (rc == 0)
		rc = check_superblock(request, b);
	if (rc < 0) {
		backing_close(b); /* also undoes the changes that open made */
		return rc;
	}
	*out = b;
	return 0;
}

int
backing_move(struct backing *b, char *to)
{
	int rc = os_move_mapping(b->base, b->size, to);

	/* Huge pages do not move before Linux 5.16. */
	if (rc == -EINVAL && b->ops->map_at != NULL)
		rc = b->ops->map_at(b, to);
	if (rc == 0)
		b->base = to;
	return rc;
}
