// SPDX-License-Identifier: BSD-2-Clause
/*
 * 08_own_ops.c -- a kind with an operations table of your own.
 *
 * 08_own_ops [DIRECTORY]
 *
 * Copy the table of the fixed kinds, replace some operations, and keep the
 * rest.  Here, malloc and free also count.
 */
#include <daxkind.h>
#include <memkind_fixed.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define REGION_SIZE ((size_t)32 << 20)

static atomic_size_t Nr_malloc; /* any thread may call operations */
static atomic_size_t Nr_free;

static void *
count_malloc(struct memkind *kind, size_t size)
{
	atomic_fetch_add(&Nr_malloc, 1);
	return MEMKIND_FIXED_OPS.malloc(kind, size);
}

static void
count_free(struct memkind *kind, void *ptr)
{
	atomic_fetch_add(&Nr_free, 1);
	MEMKIND_FIXED_OPS.free(kind, ptr);
}

static int
use_heap(memkind_t kind)
{
	void *blocks[1000];
	size_t nr = 0;
	size_t i;

	while (nr < 1000) {
		blocks[nr] = memkind_malloc(kind, 16 + nr);
		if (blocks[nr] == NULL)
			break;
		nr++;
	}
	for (i = 0; i < nr; i++)
		memkind_free(kind, blocks[i]);
	printf("%zu blocks made and freed; counted %zu and %zu\n", nr,
	    atomic_load(&Nr_malloc), atomic_load(&Nr_free));
	return nr == 1000 && atomic_load(&Nr_malloc) == nr &&
		       atomic_load(&Nr_free) == nr
		   ? EXIT_SUCCESS
		   : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : getenv("TMPDIR");
	struct memkind_ops ops = MEMKIND_FIXED_OPS;
	struct daxkind_region *region;
	int status = EXIT_FAILURE;
	memkind_t kind;

	ops.malloc = count_malloc;
	ops.free = count_free;
	if (dir == NULL)
		dir = "/tmp";
	if (daxkind_region_open_dir(dir, REGION_SIZE, 0, &region) < 0) {
		fprintf(stderr, "open: %s\n", daxkind_last_error());
		return EXIT_FAILURE;
	}
	if (daxkind_kind_create_with_ops(
		region, &ops, sizeof(ops), "counting", &kind) < 0) {
		fprintf(stderr, "create: %s\n", daxkind_last_error());
	} else {
		status = use_heap(kind);
		if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS)
			status = EXIT_FAILURE;
	}
	if (daxkind_region_close(region) < 0)
		status = EXIT_FAILURE;
	return status;
}
