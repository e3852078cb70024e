// SPDX-License-Identifier: BSD-2-Clause
/*
 * 02_fsdax_file.c -- a heap over a named file, and the properties of its
 * memory.
 */
#include <daxkind.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE ((size_t)32 << 20)

static const char *const Granularity[] = {
    "a fence", "cache line flushes", "msync(2)"};

static int
use_region(struct daxkind_region *region)
{
	struct daxkind_region_info info;
	struct daxkind_space space;
	int status = EXIT_FAILURE;
	memkind_t kind;
	char *text;

	if (daxkind_region_info(region, &info, sizeof(info)) < 0 ||
	    daxkind_kind_create(region, &kind) < 0)
		return EXIT_FAILURE;
	printf("%zu MiB at %p: %s, %s; stores are made durable by %s\n",
	    info.size >> 20, info.base, info.is_dax ? "DAX" : "not DAX",
	    info.is_sync ? "MAP_SYNC" : "no MAP_SYNC",
	    Granularity[info.granularity]);

	text = memkind_malloc(kind, 1 << 20);
	if (text != NULL) {
		memset(text, 'x', 1 << 20);
		/* Only the first 4096 bytes are worth a wait. */
		if (daxkind_persist(kind, text, 4096) == 0 &&
		    daxkind_region_space(region, &space, sizeof(space)) == 0) {
			printf("wrote 1 MiB: %zu KiB taken, %zu KiB of file\n",
			    space.taken >> 10, space.held >> 10);
			status = EXIT_SUCCESS;
		}
		memkind_free(kind, text);
	}
	if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS)
		status = EXIT_FAILURE;
	return status;
}

int
main(int argc, char **argv)
{
	const char *tmp_dir = getenv("TMPDIR");
	struct daxkind_region *region;
	int status = EXIT_FAILURE;
	char path[4096];
	int fd;

	if (tmp_dir == NULL)
		tmp_dir = "/tmp";
	snprintf(path, sizeof(path), "%s/daxkind-XXXXXX",
	    argc > 1 ? argv[1] : tmp_dir);
	fd = mkstemp(path); /* empty: the library gives it its size */
	if (fd < 0) {
		perror(path);
		return EXIT_FAILURE;
	}
	close(fd);
	if (daxkind_region_open_file(path, FILE_SIZE, 0, &region) == 0) {
		status = use_region(region);
		if (daxkind_region_close(region) < 0)
			status = EXIT_FAILURE;
	}
	if (status != EXIT_SUCCESS)
		fprintf(stderr, "failed: %s\n", daxkind_last_error());
	unlink(path); /* a named file outlives its region */
	return status;
}
