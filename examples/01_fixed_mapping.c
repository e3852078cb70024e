// SPDX-License-Identifier: BSD-2-Clause
/*
 * 01_fixed_mapping.c -- a heap over a mapping of your own.
 *
 * The mapping may be any readable and writable memory: here it is plain memory;
 * 04 and 05 bind it to a NUMA node and to huge pages.  The library never unmaps
 * it, and keeps all its records elsewhere.
 */
#include <daxkind.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define AREA_SIZE ((size_t)64 << 20)

static int
use_heap(memkind_t kind, const char *area)
{
	char *text = memkind_malloc(kind, 100);
	long *table = memkind_calloc(kind, 1000, sizeof(*table));
	void *aligned = NULL;
	char *longer;
	int rc = memkind_posix_memalign(kind, &aligned, 4096, 10000);

	if (text == NULL || table == NULL || rc != 0) {
		fprintf(stderr, "allocate: %s\n", daxkind_last_error());
		return EXIT_FAILURE;
	}
	snprintf(
	    text, 100, "a block at offset %td of the mapping", text - area);
	longer = memkind_realloc(kind, text, 100000);
	if (longer == NULL) {
		fprintf(stderr, "realloc: %s\n", daxkind_last_error());
		return EXIT_FAILURE;
	}
	printf("%s, then grown to %zu usable bytes\n", longer,
	    memkind_malloc_usable_size(kind, longer));
	printf("aligned block at offset %td\n", (char *)aligned - area);
	printf("detected as ours: %s\n",
	    memkind_detect_kind(table) == kind ? "yes" : "no");

	memkind_free(kind, longer);
	memkind_free(kind, aligned);
	memkind_free(NULL, table); /* the kind is found from the pointer */
	return EXIT_SUCCESS;
}

int
main(void)
{
	char *area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memkind_t kind;
	int status;

	if (area == MAP_FAILED) {
		perror("mmap");
		return EXIT_FAILURE;
	}
	if (memkind_create_fixed(area, AREA_SIZE, &kind) != MEMKIND_SUCCESS) {
		fprintf(stderr, "create: %s\n", daxkind_last_error());
		munmap(area, AREA_SIZE);
		return EXIT_FAILURE;
	}
	status = use_heap(kind, area);
	if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS) {
		fprintf(stderr, "destroy: %s\n", daxkind_last_error());
		status = EXIT_FAILURE;
	}
	memset(area, 0, AREA_SIZE); /* the mapping is still there, and ours */
	munmap(area, AREA_SIZE);
	return status;
}
