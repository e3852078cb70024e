// SPDX-License-Identifier: BSD-2-Clause
/*
 * 03_devdax.c -- a heap over a devdax device.
 *
 *	03_devdax /dev/daxX.Y		(or DAXKIND_DEVDAX=/dev/daxX.Y)
 *
 * OVERWRITES what is on the device.  There is no default: a devdax device
 * has no file system that could say whether it is in use.
 */
#include <daxkind.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77 /* automake: this machine lacks what is needed */

static int
use_region(struct daxkind_region *region)
{
	struct daxkind_region_info info;
	int status = EXIT_FAILURE;
	memkind_t kind;
	char *block;

	if (daxkind_region_info(region, &info, sizeof(info)) < 0 ||
	    daxkind_kind_create(region, &kind) < 0)
		return EXIT_FAILURE;
	printf("%zu MiB in units of %zu KiB, NUMA node %d\n", info.size >> 20,
	    info.align >> 10, info.numa_node);

	/* The memory is never known to be zero, but calloc's always is. */
	block = memkind_calloc(kind, 1, 1 << 20);
	if (block != NULL) {
		if (daxkind_memset_persist(kind, block, 0x5a, 1 << 20) == 0) {
			printf("1 MiB stored and durable at offset %td\n",
			    block - (char *)info.base);
			status = EXIT_SUCCESS;
		}
		memkind_free(kind, block);
	}
	if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS)
		status = EXIT_FAILURE;
	return status;
}

int
main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : getenv("DAXKIND_DEVDAX");
	struct daxkind_region *region;
	int status = EXIT_FAILURE;

	if (path == NULL || path[0] == '\0') {
		puts(
		    "skipped: needs a devdax device (\"ndctl create-namespace "
		    "-m devdax\" makes one, /dev/daxX.Y), as an argument or in "
		    "DAXKIND_DEVDAX; its content is overwritten");
		return SKIPPED;
	}
	if (daxkind_region_open_devdax(path, 0, 0, 0, &region) == 0) {
		status = use_region(region);
		if (daxkind_region_close(region) < 0)
			status = EXIT_FAILURE;
	}
	if (status != EXIT_SUCCESS)
		fprintf(stderr, "failed: %s\n", daxkind_last_error());
	return status;
}
