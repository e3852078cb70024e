// SPDX-License-Identifier: BSD-2-Clause
/*
 * place.c -- see place.h.
 */
#include "place.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int
has_room(const char *dir, size_t size)
{
	struct statvfs fs;

	return access(dir, W_OK | X_OK) == 0 && statvfs(dir, &fs) == 0 &&
	       fs.f_bavail > size / fs.f_frsize;
}

const char *
place_default_dir(size_t size)
{
	const char *dirs[] = {getenv("TMPDIR"), "/dev/shm"};
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (dirs[i] != NULL && has_room(dirs[i], size))
			return dirs[i];
	return "/tmp";
}

int
place_has_size(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	return S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size > 0);
}

const char *
place_describe(const struct daxkind_region_info *info)
{
	if (info->is_dax && info->is_sync)
		return "DAX: what is stored and flushed is durable";
	if (info->is_dax)
		return "DAX without MAP_SYNC: durable by msync(2) only";
	return "not DAX: a stand-in; its speed says nothing about DAX memory";
}

const char *
place_phrase(const char *path, const struct daxkind_region_info *info)
{
	struct stat st;

	if (info->backing == DAXKIND_BACKING_DEVDAX)
		return "devdax device";
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return "unlinked file in";
	return "file";
}

const char *
place_backing(const struct daxkind_region_info *info)
{
	switch (info->backing) {
	case DAXKIND_BACKING_FILE:
		return "file";
	case DAXKIND_BACKING_DEVDAX:
		return "device";
	case DAXKIND_BACKING_MAPPING:
		break;
	}
	return "mapping";
}

const char *
place_remedy(int rc, size_t size)
{
	switch (rc) {
	case -EEXIST:
	case -EPROTO:
		return "give another PATH, or --overwrite if this may be lost";
	case -EUCLEAN:
		return "--salvage takes what is good of it; if that fails, "
		       "--overwrite begins anew";
	case -EADDRINUSE:
		return "try again; --overwrite begins anew at other addresses";
	case -EINVAL:
		return size == 0 ? NULL
				 : "without --size it is opened with the size "
				   "that it has";
	case -EBUSY:
		return "end the process that has it open, or give another PATH";
	default:
		return NULL;
	}
}
