// SPDX-License-Identifier: BSD-2-Clause
/*
 * 09_out_of_space.c -- a full region returns NULL, and loses nothing.
 *
 * 09_out_of_space [DIRECTORY]
 *
 * It allocates blocks of many sizes until NULL, frees all, and allocates blocks
 * of one other size.  The second time it gets as much as the first.
 */
#include <daxkind.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REGION_SIZE ((size_t)64 << 20)

struct node {
	struct node *next;
};

static void
print_space(const struct daxkind_region *region, const char *when)
{
	struct daxkind_space space;

	if (daxkind_region_space(region, &space, sizeof(space)) < 0)
		return;
	printf("%-13s taken %6zu KiB  free %6zu KiB in runs of up to %6zu KiB  "
	       "file space %6zu KiB\n",
	    when, space.taken >> 10, space.free >> 10, space.largest_free >> 10,
	    space.held >> 10);
}

/* Fill kind up.  Returns the usable bytes allocated, in a list at *list. */
static size_t
fill(memkind_t kind, const size_t *sizes, size_t nr_sizes, struct node **list)
{
	struct node *node;
	size_t got = 0;
	size_t i;

	for (i = 0;; i++) {
		errno = 0;
		node = memkind_malloc(kind, sizes[i % nr_sizes]);
		if (node == NULL)
			break; /* errno is ENOMEM */
		node->next = *list;
		*list = node;
		got += memkind_malloc_usable_size(kind, node);
	}
	return errno == ENOMEM ? got : 0;
}

static void
free_all(memkind_t kind, struct node **list)
{
	struct node *node;

	while ((node = *list) != NULL) {
		*list = node->next;
		memkind_free(kind, node);
	}
}

static int
fill_twice(struct daxkind_region *region, memkind_t kind)
{
	static const size_t mixed[] = {48, 100000, 700, 5000, 20000, 3 << 20};
	static const size_t single[] = {4096};
	struct node *list = NULL;
	size_t first, second;

	first = fill(kind, mixed, sizeof(mixed) / sizeof(mixed[0]), &list);
	print_space(region, "filled:");
	free_all(kind, &list);
	print_space(region, "freed:");
	second = fill(kind, single, 1, &list);
	print_space(region, "filled again:");
	free_all(kind, &list);
	printf("first %zu KiB, then %zu KiB of %zu KiB\n", first >> 10,
	    second >> 10, REGION_SIZE >> 10);
	/* The first filling ends when 3 MiB do not fit, so it may hold less. */
	return first > 0 && second >= first - first / 50 ? EXIT_SUCCESS
							 : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : getenv("TMPDIR");
	struct daxkind_region *region;
	int status = EXIT_FAILURE;
	memkind_t kind;

	if (dir == NULL)
		dir = "/tmp";
	if (daxkind_region_open_dir(dir, REGION_SIZE, 0, &region) < 0) {
		fprintf(stderr, "open: %s\n", daxkind_last_error());
		return EXIT_FAILURE;
	}
	if (daxkind_kind_create(region, &kind) < 0) {
		fprintf(stderr, "create: %s\n", daxkind_last_error());
	} else {
		status = fill_twice(region, kind);
		if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS)
			status = EXIT_FAILURE;
	}
	if (daxkind_region_close(region) < 0)
		status = EXIT_FAILURE;
	return status;
}
