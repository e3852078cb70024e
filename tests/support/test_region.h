/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_region.h -- memory to test heaps on, and a look at what they left.
 *
 * Without anything set: memfd mappings, and files in a folder of its own in
 * $TMPDIR.  With DAX_PATH and DAX_KIND (as utils/dax-vm sets them; kinds are
 * devdax, ext4, xfs, nvdimm): files in the directory DAX_PATH, or ranges of the
 * device DAX_PATH, which may be as small as 200 MiB.  DAXKIND_TEST_LONG makes
 * tests that scale run longer.
 *
 * Everything here fails the test (cmocka) when it cannot do its job, so it
 * belongs in the thread that runs the test.
 */
#ifndef TEST_REGION_H
#define TEST_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "tested.h"

#define TEST_PAGE ((size_t)4096)
#define TEST_KIB ((size_t)1 << 10)
#define TEST_MIB ((size_t)1 << 20)
#define TEST_GIB ((size_t)1 << 30)

/* --- where ------------------------------------------------------------------ */

bool test_is_long(void);
/* In the guest of utils/dax-vm, which emulates its processor. */
bool test_is_emulated(void);
/* n, or a part of it where the machine is slow (emulated, or TSan). */
size_t test_scaled(size_t n);
/* How long to wait for what ours does by then; memkind is asked for a part. */
double test_patience(double seconds);
/* The device when the tests run on one, else NULL. */
const char *test_devdax(void);
/* End the durable heap on the device, which other tests may not overwrite. */
void test_clear_devdax(void);
/* Whether files made here are on an fsdax file system. */
bool test_is_fsdax(void);
/* The directory for files: no slash at its end, symbolic links resolved. */
const char *test_dir(void);
/* PATH_MAX bytes of test_dir()/name in a buffer that the next call reuses. */
const char *test_path(const char *name);
/* want, or what there is room for on the device or file system under test; a
 * multiple of 2 MiB. */
size_t test_size(size_t want);

/* --- a caller's mapping ------------------------------------------------------ */

struct test_area {
	char *addr; /* 2 MiB-aligned */
	size_t len; /* bytes */
	void *map;  /* what to unmap, with map_len bytes */
	size_t map_len;
};

/* A shared mapping on the memory under test; content is not zero on devdax. */
void test_area_map(struct test_area *area, size_t len);
void test_area_unmap(struct test_area *area);
bool test_area_holds(const struct test_area *area, const void *p, size_t len);

/* --- a heap ------------------------------------------------------------------ */

enum test_backing {
	TEST_ON_MAPPING, /* memkind_create_fixed() */
	TEST_ON_FILE,    /* memkind_create_pmem(), or a devdax region's kind */
	TEST_NR_BACKINGS
};

struct test_heap {
	enum test_backing backing;
	memkind_t kind;
	size_t size;
	struct test_area area;
#if TEST_OURS
	struct daxkind_region *region; /* to close, or NULL */
#endif
};

const char *test_backing_name(enum test_backing backing);
/* size goes through test_size() first. */
void test_heap_make(
    struct test_heap *heap, enum test_backing backing, size_t size);
void test_heap_end(struct test_heap *heap);

/* Whether the library is built to fill each block that it hands out with junk
 * (with jemalloc's debug variant): then the caller's area is not as it was. */
bool test_heap_fills_blocks(void);

/*
 * fstat() of the one unlinked file in test_dir() that this process has open.
 * False when there is none; fails when there are several.
 */
bool test_unlinked_file(struct stat *st);
/* Bytes of file space behind all such files. */
size_t test_unlinked_files_held(void);

/* --- what is left ------------------------------------------------------------ */

size_t test_nr_fds(void);
size_t test_nr_maps(void);
/* That have not ended: takes a tenth of a second where there are several. */
size_t test_nr_threads(void);
size_t test_rss(void);
/* Bytes of the process's own malloc that are in use; 0 under a sanitizer. */
size_t test_malloc_used(void);
/* Bytes in live blocks of a kind, and in its caches; SIZE_MAX: it does not say. */
size_t test_allocated(memkind_t kind);

/*
 * cmocka's setup and teardown: the test fails when it leaves a descriptor, a
 * mapping of a file, a device or a memfd, or many more mappings of memory
 * than it found (a heap's records may keep some).
 */
int test_leaks_setup(void **state);
int test_leaks_teardown(void **state);
#define test_unit(f)                     \
	cmocka_unit_test_setup_teardown( \
	    f, test_leaks_setup, test_leaks_teardown)

/* --- small things ------------------------------------------------------------ */

/* Seconds of a clock that only goes forward. */
double test_now(void);
/* Processor time of the calling thread: what a busy machine does not make
 * longer. */
double test_cpu_now(void);
void test_sleep_ms(long ms);
/* xorshift64*: state is not 0. */
uint64_t test_random(uint64_t *state);
/* From lo to hi, both included. */
size_t test_random_size(uint64_t *state, size_t lo, size_t hi);
bool test_all_bytes(const void *p, int c, size_t len);
/* Store to all of it; where a page fault takes ms (emulated), to a part. */
void test_touch(void *p, size_t len);
/* The rest of f runs in a child; its exit status (128 + signal when killed). */
int test_in_child(int (*f)(void *arg), void *arg);

#endif /* TEST_REGION_H */
