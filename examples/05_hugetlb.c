// SPDX-License-Identifier: BSD-2-Clause
/*
 * 05_hugetlb.c -- a heap on reserved huge pages.
 *
 * mmap(MAP_HUGETLB) reserves its pages in the machine's pool at once.  So a
 * pool that is too small makes mmap() fail, instead of raising SIGBUS at the
 * first touch.
 */
#include <daxkind.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_SIZE ((size_t)2 << 20) /* the default huge page of x86-64 */
#define NR_HUGE 8
#define AREA_SIZE (NR_HUGE * HUGE_SIZE)
#define SKIPPED 77 /* automake: this machine lacks what is needed */

static int
use_heap(memkind_t kind, const char *area)
{
	size_t capacity = (size_t)memkind_get_capacity(kind);
	char *block = memkind_malloc(kind, 3 * HUGE_SIZE);

	if (block == NULL) {
		fprintf(stderr, "malloc: %s\n", daxkind_last_error());
		return EXIT_FAILURE;
	}
	memset(block, 1, 3 * HUGE_SIZE);
	printf("%zu MiB of huge pages; a block of %zu MiB at offset %td\n",
	    capacity >> 20, 3 * HUGE_SIZE >> 20, block - area);
	memkind_free(kind, block);
	return EXIT_SUCCESS;
}

int
main(void)
{
	char *area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	memkind_t kind;
	int status;

	if (area == MAP_FAILED) {
		printf("skipped: %d huge pages of %zu KiB: %s (as root: sysctl "
		       "vm.nr_hugepages=%d)\n",
		    NR_HUGE, HUGE_SIZE >> 10, strerror(errno), NR_HUGE);
		return SKIPPED;
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
	munmap(area, AREA_SIZE);
	return status;
}
