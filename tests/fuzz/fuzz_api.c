// SPDX-License-Identifier: BSD-2-Clause
/*
 * fuzz_api.c -- bytes to sequences of API calls, each of which is checked
 * against a shadow of all live blocks.
 *
 * An input is text: a letter for what to do, then its operands, a character
 * each.  Any bytes will do; those that mean nothing are skipped, what is
 * missing at the end is 0.  The same bytes make the same calls: nothing is
 * drawn by lot, and areas lie at the same offsets of one mapping.
 *
 *	0-5	the kind that follows is about; 4 is MEMKIND_DEFAULT, 5
 *		MEMKIND_REGULAR, the others are made when they are needed
 *	K R	make it anew: fixed, over a region
 *	F	make it anew, over a file: as the first letter only, as it takes
 *		100 times as long
 *	P	make it anew: durable, over a file
 *	D N C	end it; end it and make it again; close its region too
 *	k J V	close a durable region, or kill its process, and open it again;
 *		close it and open it twice as large
 *	W G	walk through a durable kind and drop some; set a root
 *	T	trace it: blocks lead to others by a rule
 *	m c a x	malloc, calloc, posix_memalign, memkind_fixed_mmap
 *	b B L	many mallocs; free every few blocks; free all, fill it whole
 *	r g s z	realloc: any size, a bit more, less, to 0
 *	M d	realloc into this kind, defrag_reallocate
 *	f X I	free: a block, what is none of ours, into the middle of one
 *	H A v	sizes that are absurd, bad alignments, sizes of 0
 *	q Q	quarantine: a page of a block, pages of the area
 *	e w Z S	look at a block, persist it, look at the figures, statistics
 *	O p y	areas that are in use, policy, whether 0 bytes give a block
 *	E	kinds over nothing come and go, each with numbers of its own
 *	t	another thread does what follows, then ends
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <daxkind.h>
#include <memkind.h>
#include <memkind_fixed.h>

#include "fuzz.h"
#include "image.h"
#include "shadow.h"

#define PAGE ((size_t)4096)
#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
/* Each kind over a mapping has this much to lie in, all of it side by side. */
#define SLICE (8 * MIB)
/* Blocks above this are whole pages, and the middle of one is known as none. */
#define SMALL_MAX (14 * KIB)
/* No slab is longer. */
#define SLAB_MAX (64 * KIB)
#define FILE_BLOCK_MAX (256 * KIB)
#define DRAM_BLOCK_MAX (64 * KIB)
#define DURABLE_MAX (16 * MIB)
#define ERRNO_BEFORE 77 /* what no call may change without a reason */

enum {
	NR_AREAS = 4,
	DEFAULT = NR_AREAS,
	REGULAR,
	NR_HEAPS,
	MAX_PAGES = 20 * 256, /* of the largest kind, over a file of 18 MiB */
	MAX_DEPTH = 3,        /* threads that wait for one another */
	MAX_THREADS = 6,      /* of one input */
	MAX_OPENED = 12,      /* durable regions, the same again counts */
	NR_ROOTS = 4,
	MAX_OPS = 4096
};

enum heap_type {
	HEAP_NONE,
	HEAP_FIXED,
	HEAP_REGION,
	HEAP_FILE,
	HEAP_DURABLE,
	HEAP_DRAM
};

struct heap {
	enum heap_type type;
	memkind_t kind; /* NULL: a region without one */
	struct daxkind_region *region;
	bool owns_region; /* opened here, outlives the kind */
	char *area;       /* as it was named */
	size_t area_len;
	char *base; /* the whole pages of it */
	size_t size;
	bool allows_zero;
	size_t nr_bad; /* pages */
	bool bad[MAX_PAGES];
	/* Of a durable one: */
	char *root[NR_ROOTS];
	uint64_t generation;
};

struct input {
	const uint8_t *at, *end;
	unsigned depth;
	unsigned nr_ops; /* still to do */
	bool is_first;
};

bool Fuzz_is_verbose;

static struct heap Heaps[NR_HEAPS];
static unsigned Current;
static unsigned Nr_threads; /* made for this input */
static unsigned Nr_opened;  /* durable regions, by this input */
static char *Mapping;
static char A_static[64];

/* --- reporting --------------------------------------------------------------- */

void
fuzz_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

void
fuzz_fail(
    const char *file, int line, const char *condition, const char *fmt, ...)
{
	va_list args;

	(void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fprintf(
	    stderr, "\nthe library's last error: %s\n", daxkind_last_error());
	abort();
}

/* --- the input ---------------------------------------------------------------- */

static unsigned
next(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* Two characters: a power of two from '0' (1 byte) to 'G' (8 MiB), and up to 31
 * parts of 32 of it, a byte less or two bytes more. */
static size_t
next_size(struct input *in)
{
	size_t base = (size_t)1 << next(in) % 24;
	unsigned fine = next(in);

	return base + base * (fine % 32) / 32 + (fine / 32 + 2) % 4 - 1;
}

static size_t
round_up(size_t n, size_t align)
{
	return (n + align - 1) / align * align;
}

/* --- kinds --------------------------------------------------------------------- */

static bool
is_over_region(const struct heap *h)
{
	return h->type != HEAP_NONE && h->type != HEAP_DRAM;
}

static struct daxkind_space
space_of(const struct heap *h)
{
	struct daxkind_space space;

	expect(daxkind_region_space(h->region, &space, sizeof(space)) == 0,
	    "region_space");
	return space;
}

/* The kind is made: ask what it is over. */
static void
look_at_region(struct heap *h)
{
	struct daxkind_region_info info;

	h->region = daxkind_kind_region(h->kind);
	expect(daxkind_region_info(h->region, &info, sizeof(info)) == 0,
	    "region_info");
	h->base = info.base;
	h->size = info.size;
	expect(info.size / PAGE <= MAX_PAGES, "%zu bytes", info.size);
	if (h->area == NULL)
		return;
	/* The whole pages of the area. */
	char *first = Mapping + round_up((size_t)(h->area - Mapping), PAGE);
	char *end = h->area + h->area_len;
	size_t size = end > first ? (size_t)(end - first) / PAGE * PAGE : 0;
	expect(info.size == size && (size == 0 || h->base == first),
	    "%zu bytes at %p of an area of %zu at %p", info.size, info.base,
	    h->area_len, (void *)h->area);
}

static void
forget_blocks(unsigned heap)
{
	for (unsigned i = Shadow_nr; i-- > 0;) {
		if (Shadow[i].heap == heap)
			shadow_remove(i);
	}
}

static void
expect_blocks(unsigned heap)
{
	for (unsigned i = 0; i < Shadow_nr; i++) {
		if (Shadow[i].heap == heap)
			shadow_expect(i, Shadow[i].addr, Shadow[i].usable);
	}
}

/* The kind ends, and its blocks stay: the next kind on the region has them. */
static void
detach_kind(unsigned nr)
{
	struct heap *h = &Heaps[nr];

	if (h->kind == NULL)
		return;
	say("destroy_kind(%u), blocks stay", nr);
	expect_blocks(nr);
	expect(memkind_destroy_kind(h->kind) == MEMKIND_SUCCESS, "kind %u", nr);
	h->kind = NULL;
	expect_blocks(nr);
}

/* End the kind with what is live in it; nothing of the area is touched. */
static void
end_kind(unsigned nr)
{
	struct heap *h = &Heaps[nr];

	if (h->kind == NULL)
		return;
	say("destroy_kind(%u)", nr);
	expect_blocks(nr);
	if (h->owns_region)
		expect(daxkind_region_close(h->region) == -EBUSY, "busy");
	expect(memkind_destroy_kind(h->kind) == MEMKIND_SUCCESS, "kind %u", nr);
	h->kind = NULL;
	if (h->type != HEAP_FILE && h->type != HEAP_DURABLE)
		expect_blocks(nr);
	if (h->size > 0)
		expect(memkind_detect_kind(h->base) == NULL, "kind %u", nr);
	forget_blocks(nr);
	if (!h->owns_region) {
		*h = (struct heap){0};
		return;
	}
	struct daxkind_space space = space_of(h);
	if (h->type != HEAP_FILE && h->type != HEAP_DURABLE)
		expect(space.taken == 0 && space.bad == h->nr_bad * PAGE,
		    "%zu taken, %zu bad of %zu", space.taken, space.bad,
		    h->nr_bad * PAGE);
}

static void
end_heap(unsigned nr)
{
	struct heap *h = &Heaps[nr];

	if (!is_over_region(h))
		return;
	end_kind(nr);
	if (h->type == HEAP_NONE)
		return;
	say("region_close(%u)", nr);
	expect(daxkind_region_close(h->region) == 0, "region %u", nr);
	if (h->type == HEAP_DURABLE)
		(void)unlink(image_path(nr));
	*h = (struct heap){0};
}

static void
make_fixed(unsigned nr, size_t off, size_t len)
{
	struct heap *h = &Heaps[nr];

	if (len > SLICE - off)
		len = SLICE - off;
	*h = (struct heap){
	    .type = HEAP_FIXED,
	    .area = Mapping + nr * SLICE + off,
	    .area_len = len,
	};
	say("create_fixed(%u, %zu, %zu)", nr, off, len);
	expect(memkind_create_fixed(h->area, h->area_len, &h->kind) ==
		   MEMKIND_SUCCESS,
	    "fixed kind of %zu bytes at %zu", len, off);
	expect(memkind_get_capacity(h->kind) == (ssize_t)len, "capacity");
	look_at_region(h);
}

static void
make_kind_on_region(unsigned nr)
{
	struct heap *h = &Heaps[nr];
	memkind_t other;

	say("kind_create(%u)", nr);
	expect(daxkind_kind_create(h->region, &h->kind) == 0, "kind %u", nr);
	expect(daxkind_kind_create(h->region, &other) == -EBUSY, "a second");
	expect(other == NULL, "a handle");
	h->allows_zero = false;
	look_at_region(h);
}

static void
make_region(unsigned nr, size_t off, size_t len)
{
	struct heap *h = &Heaps[nr];

	off = off / PAGE * PAGE;
	len = round_up(len > 0 ? len : 1, PAGE);
	if (len > SLICE - off)
		len = SLICE - off;
	*h = (struct heap){
	    .type = HEAP_REGION,
	    .owns_region = true,
	    .area = Mapping + nr * SLICE + off,
	    .area_len = len,
	};
	say("region_open_mapping(%u, %zu, %zu)", nr, off, len);
	expect(daxkind_region_open_mapping(h->area, len, 0, &h->region) == 0,
	    "region of %zu bytes at %zu", len, off);
	make_kind_on_region(nr);
}

static bool
make_pmem(const char *dir, bool is_conservative, memkind_t *kind)
{
	if (!is_conservative) {
		say("create_pmem(16 MiB)");
		return memkind_create_pmem(dir, MEMKIND_PMEM_MIN_SIZE, kind) ==
		       MEMKIND_SUCCESS;
	}
	struct memkind_config *cfg = memkind_config_new();
	expect(cfg != NULL, "no config");
	memkind_config_set_path(cfg, dir);
	memkind_config_set_size(cfg, MEMKIND_PMEM_MIN_SIZE);
	memkind_config_set_memory_usage_policy(
	    cfg, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);
	say("create_pmem_with_config(16 MiB)");
	int err = memkind_create_pmem_with_config(cfg, kind);
	memkind_config_delete(cfg);
	return err == MEMKIND_SUCCESS;
}

/* A directory that takes no file is the machine's affair. */
static void
make_file(unsigned nr, unsigned how)
{
	struct heap *h = &Heaps[nr];
	const char *dir = getenv("TMPDIR");
	size_t size = DAXKIND_REGION_MIN << how / 8 % 4;

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	*h = (struct heap){.type = HEAP_FILE};
	if (how % 8 < 2) {
		if (!make_pmem(dir, how % 8 == 1, &h->kind)) {
			*h = (struct heap){0};
			return;
		}
		look_at_region(h);
		return;
	}
	h->owns_region = true;
	say("region_open_dir(%u, %zu)", nr, size);
	if (daxkind_region_open_dir(dir, size, 0, &h->region) != 0) {
		*h = (struct heap){0};
		return;
	}
	make_kind_on_region(nr);
}

static struct daxkind_restart
restart_of(const struct heap *h)
{
	struct daxkind_restart restart;

	expect(
	    daxkind_region_restart(h->region, &restart, sizeof(restart)) == 0,
	    "region_restart");
	return restart;
}

/* What an empty durable heap is like. */
static void
make_durable(unsigned nr, unsigned how)
{
	struct heap *h = &Heaps[nr];
	const char *path = image_path(nr);

	if (Nr_opened == MAX_OPENED)
		return;
	Nr_opened++;
	*h = (struct heap){.type = HEAP_DURABLE, .owns_region = true};
	(void)unlink(path);
	say("region_open_durable(%u, %u MiB)", nr, 2U << how % 3);
	if (daxkind_region_open_durable(path, 2 * MIB << how % 3, "fuzz",
		DAXKIND_CREATE, &h->region) != 0) {
		*h = (struct heap){0};
		return;
	}
	struct daxkind_restart restart = restart_of(h);
	expect(restart.how == DAXKIND_RESTART_NEW && restart.blocks == 0 &&
		   restart.leaked == 0,
	    "%d, %zu blocks", (int)restart.how, (size_t)restart.blocks);
	h->generation = restart.generation;
	make_kind_on_region(nr);
}

/* The kind that the next call is about. */
static struct heap *
current(void)
{
	struct heap *h = &Heaps[Current];

	if (h->type == HEAP_NONE)
		make_fixed(Current, 0, MIB);
	else if (h->kind == NULL)
		make_kind_on_region(Current);
	return h;
}

/* Areas of which a part is in use are refused. */
static void
try_areas_in_use(const struct heap *h, unsigned how)
{
	struct daxkind_region *region;
	memkind_t kind;
	size_t skip = h->area_len * (how % 8) / 8;

	expect(memkind_create_fixed(NULL, how, &kind) == MEMKIND_ERROR_INVALID,
	    "an area at NULL");
	expect(kind == NULL, "a handle");
	expect(memkind_create_fixed(Mapping, SIZE_MAX - how, &kind) ==
		   MEMKIND_ERROR_INVALID,
	    "an area that wraps");
	if (h->type == HEAP_DURABLE) {
		expect(daxkind_region_open_durable(image_path(Current), 0,
			   "fuzz", DAXKIND_RELOCATE, &region) == -EBUSY,
		    "a file in use");
		expect(region == NULL, "a handle");
	}
	if (h->area == NULL || h->area_len == 0)
		return;
	expect(memkind_create_fixed(h->area + skip, h->area_len - skip,
		   &kind) == MEMKIND_ERROR_INVALID,
	    "%zu bytes at %zu in use", h->area_len - skip, skip);
	expect(kind == NULL, "a handle");
	if (h->size == 0)
		return;
	expect(
	    daxkind_region_open_mapping(h->base, PAGE, 0, &region) == -EEXIST,
	    "a page in use");
	expect(region == NULL, "a handle");
}

/* Kinds are told apart by numbers that are used again. */
static void
make_empty_kinds(unsigned nr)
{
	memkind_t kind;

	say("%u empty kinds", nr);
	for (; nr > 0; nr--) {
		expect(memkind_create_fixed(Mapping - 1, nr % 2, &kind) ==
			   MEMKIND_SUCCESS,
		    "a kind over nothing");
		expect(memkind_malloc(kind, 1) == NULL, "a block of it");
		expect(memkind_destroy_kind(kind) == MEMKIND_SUCCESS,
		    "the end of it");
	}
}

/* --- blocks --------------------------------------------------------------------- */

static bool
touches_bad(const struct heap *h, const char *addr, size_t len)
{
	if (h->nr_bad == 0)
		return false;
	size_t first = (size_t)(addr - h->base) / PAGE;
	size_t last = (size_t)(addr - h->base + (ptrdiff_t)len - 1) / PAGE;
	for (size_t page = first; page <= last; page++) {
		if (h->bad[page])
			return true;
	}
	return false;
}

static void
expect_errno(int want)
{
	expect(errno == want, "errno is %d and not %d", errno, want);
}

/* A block that the library handed out: what must hold, then it is the
 * shadow's. */
static void
adopt(unsigned nr, char *addr, size_t size, size_t align)
{
	const struct heap *h = &Heaps[nr];
	size_t usable = memkind_malloc_usable_size(h->kind, addr);

	say("  %p, %zu usable", (void *)addr, usable);
	expect(usable >= size, "%p: %zu of %zu bytes usable", (void *)addr,
	    usable, size);
	expect((uintptr_t)addr % align == 0, "%p is not aligned to %zu",
	    (void *)addr, align);
	expect(memkind_detect_kind(addr) == h->kind, "%p is of %p",
	    (void *)addr, (void *)memkind_detect_kind(addr));
	if (h->type != HEAP_DRAM) {
		expect(addr >= h->base && usable <= h->size &&
			   (size_t)(addr - h->base) <= h->size - usable,
		    "%p of %zu bytes is not in %p of %zu", (void *)addr, usable,
		    (void *)h->base, h->size);
		expect(!touches_bad(h, addr, usable),
		    "%p of %zu bytes is in quarantine", (void *)addr, usable);
	}
	shadow_add(nr, addr, usable);
}

/* A request failed: there must be no room for it. */
static void
expect_full(const struct heap *h, size_t size, size_t align)
{
	if (size > SLICE * NR_AREAS)
		return;
	expect(h->type != HEAP_DRAM, "%zu bytes of DRAM", size);
	/* A file system may be full. */
	if (h->type == HEAP_FILE || h->type == HEAP_DURABLE)
		return;
	size_t need = SLAB_MAX;
	if (size > SMALL_MAX || align > PAGE)
		need = round_up(size, PAGE) + (align > PAGE ? align : 0);
	struct daxkind_space space = space_of(h);
	expect(space.largest_free < need,
	    "no room for %zu bytes (aligned to %zu), but %zu are free in one "
	    "piece",
	    size, align, space.largest_free);
}

static size_t
natural_align(size_t size)
{
	return size < 16 ? 8 : 16;
}

/* How much is asked for, for the sake of speed. */
static size_t
limit_size(const struct heap *h, size_t size)
{
	size_t max = SIZE_MAX;

	if (h->type == HEAP_FILE || h->type == HEAP_DURABLE)
		max = FILE_BLOCK_MAX;
	if (h->type == HEAP_DRAM)
		max = DRAM_BLOCK_MAX;
	return size < max ? size : max;
}

/* What a call that allocates gave. */
static bool
finish_alloc(struct heap *h, char *addr, size_t size, size_t align)
{
	if (addr != NULL) {
		expect_errno(ERRNO_BEFORE);
		adopt(Current, addr, size, align);
		return true;
	}
	if (size == 0 && !h->allows_zero) {
		expect_errno(ERRNO_BEFORE);
		return false;
	}
	say("  no room");
	expect_errno(ENOMEM);
	expect_full(h, size, align);
	return false;
}

static bool
do_malloc(struct heap *h, size_t size)
{
	if (Shadow_nr == SHADOW_MAX)
		return false;
	say("malloc(%u, %zu)", Current, size);
	errno = ERRNO_BEFORE;
	char *addr = memkind_malloc(h->kind, size);
	expect(addr == NULL || size > 0 || h->allows_zero, "of 0 bytes");
	return finish_alloc(h, addr, size, natural_align(size));
}

static void
do_calloc(struct heap *h, size_t num, size_t size)
{
	if (Shadow_nr == SHADOW_MAX)
		return;
	say("calloc(%u, %zu, %zu)", Current, num, size);
	errno = ERRNO_BEFORE;
	char *addr = memkind_calloc(h->kind, num, size);
	expect(addr == NULL || num * size > 0 || h->allows_zero, "of 0 bytes");
	if (addr != NULL && num * size > 0)
		expect(
		    addr[0] == 0 && memcmp(addr, addr + 1, num * size - 1) == 0,
		    "%p of %zu bytes is not zero", (void *)addr, num * size);
	(void)finish_alloc(h, addr, num * size, natural_align(num * size));
}

static void
do_memalign(struct heap *h, size_t align, size_t size)
{
	void *addr = A_static;

	if (Shadow_nr == SHADOW_MAX)
		return;
	say("posix_memalign(%u, %zu, %zu)", Current, align, size);
	errno = ERRNO_BEFORE;
	int err = memkind_posix_memalign(h->kind, &addr, align, size);
	expect_errno(ERRNO_BEFORE);
	expect((addr == NULL) == (err != 0 || (size == 0 && !h->allows_zero)),
	    "%d with %p", err, addr);
	if (align < sizeof(void *) || (align & (align - 1)) != 0) {
		expect(err == EINVAL, "%d for a bad alignment", err);
		return;
	}
	expect(err == 0 || err == ENOMEM, "%d", err);
	if (addr != NULL)
		adopt(Current, addr, size, align);
	else if (err != 0 && align <= SLICE)
		expect_full(h, size, align);
}

static void
do_mmap(struct heap *h, size_t size)
{
	if (Shadow_nr == SHADOW_MAX || h->type == HEAP_DRAM)
		return;
	say("fixed_mmap(%u, %zu)", Current, size);
	errno = ERRNO_BEFORE;
	char *addr = memkind_fixed_mmap(h->kind, NULL, size);
	if (addr != MAP_FAILED) {
		adopt(Current, addr, round_up(size, PAGE), PAGE);
		return;
	}
	expect_errno(size == 0 ? EINVAL : ENOMEM);
	if (size > 0)
		expect_full(h, SMALL_MAX + size, PAGE);
}

/* The kind that free and its like are told: the right one, another, none. */
static memkind_t
told_kind(const struct heap *of, unsigned how)
{
	const struct heap *other = &Heaps[(Current + 1) % NR_HEAPS];

	if (how % 3 == 0)
		return of->kind;
	return how % 3 == 1 ? NULL : other->kind;
}

static void
do_free(unsigned i, unsigned how)
{
	struct shadow_block b = Shadow[i];

	say("free(%u, %p)", b.heap, (void *)b.addr);
	shadow_expect(i, b.addr, b.usable);
	shadow_remove(i);
	errno = ERRNO_BEFORE;
	memkind_free(told_kind(&Heaps[b.heap], how), b.addr);
	expect_errno(ERRNO_BEFORE);
}

/* What realloc gave for block i, asked for in that heap. */
static void
finish_realloc(unsigned i, unsigned to, char *addr, size_t size)
{
	struct shadow_block b = Shadow[i];
	size_t kept = size < b.usable ? size : b.usable;

	if (addr == NULL) {
		say("  no room");
		expect_errno(ENOMEM);
		expect(to != b.heap || size > b.usable,
		    "%zu bytes did not fit where %zu were", size, b.usable);
		shadow_expect(i, b.addr, b.usable);
		expect(memkind_malloc_usable_size(NULL, b.addr) == b.usable,
		    "%p changed its size", (void *)b.addr);
		expect_full(&Heaps[to], size, 0);
		return;
	}
	expect_errno(ERRNO_BEFORE);
	shadow_expect(i, addr, kept);
	shadow_remove(i);
	if (addr != b.addr || !is_over_region(&Heaps[to])) {
		adopt(to, addr, size, natural_align(size));
		return;
	}
	/* It stayed, maybe on pages that have gone bad: only what is new of it
	 * must not be. */
	size_t usable = memkind_malloc_usable_size(NULL, addr);
	expect(usable >= size, "%p: %zu of %zu bytes usable", (void *)addr,
	    usable, size);
	if (usable > b.usable)
		expect(!touches_bad(
			   &Heaps[to], addr + b.usable, usable - b.usable),
		    "%p grew into quarantine", (void *)addr);
	say("  stays, %zu usable", usable);
	shadow_add(to, addr, usable);
}

static void
do_realloc(unsigned i, unsigned to, size_t size, bool tell)
{
	const struct shadow_block *b = &Shadow[i];

	size = limit_size(&Heaps[to], size);
	if (size == 0)
		size = 1;
	say("realloc(%u, %p of %u, %zu)", to, (void *)b->addr, b->heap, size);
	shadow_expect(i, b->addr, b->usable);
	errno = ERRNO_BEFORE;
	char *addr =
	    memkind_realloc(tell ? Heaps[to].kind : NULL, b->addr, size);
	finish_realloc(i, to, addr, size);
}

static void
do_realloc_to_0(unsigned i, unsigned how)
{
	struct shadow_block b = Shadow[i];

	say("realloc(%u, %p, 0)", b.heap, (void *)b.addr);
	shadow_remove(i);
	errno = ERRNO_BEFORE;
	expect(
	    memkind_realloc(told_kind(&Heaps[b.heap], how), b.addr, 0) == NULL,
	    "a block");
	expect_errno(ERRNO_BEFORE);
}

static void
do_defrag(unsigned i, unsigned how)
{
	struct shadow_block b = Shadow[i];

	say("defrag(%u, %p)", b.heap, (void *)b.addr);
	errno = ERRNO_BEFORE;
	char *addr =
	    memkind_defrag_reallocate(told_kind(&Heaps[b.heap], how), b.addr);
	expect_errno(ERRNO_BEFORE);
	if (addr == NULL) {
		shadow_expect(i, b.addr, b.usable);
		return;
	}
	shadow_expect(i, addr, b.usable);
	shadow_remove(i);
	adopt(b.heap, addr, b.usable, natural_align(b.usable));
}

static void
look_at_block(unsigned i, unsigned how)
{
	const struct shadow_block *b = &Shadow[i];
	const struct heap *h = &Heaps[b->heap];

	shadow_expect(i, b->addr, b->usable);
	expect(
	    memkind_malloc_usable_size(told_kind(h, how), b->addr) == b->usable,
	    "%p changed its size", (void *)b->addr);
	expect(memkind_detect_kind(b->addr) == h->kind, "%p changed its kind",
	    (void *)b->addr);
	if (is_over_region(h))
		expect(memkind_detect_kind(b->addr + b->usable - 1) == h->kind,
		    "the end of %p is not of its kind", (void *)b->addr);
}

static void
do_persist(unsigned i)
{
	const struct shadow_block *b = &Shadow[i];
	const struct heap *h = &Heaps[b->heap];

	if (h->type == HEAP_FILE || h->type == HEAP_DURABLE)
		return; /* as slow as the disk */
	int want = h->type == HEAP_DRAM ? -ENOTSUP : 0;
	expect(daxkind_persist(h->kind, b->addr, b->usable) == want,
	    "persist of %p", (void *)b->addr);
	if (h->type != HEAP_DRAM)
		expect(
		    daxkind_persist(h->kind, b->addr,
			(size_t)(h->base + h->size - b->addr) + 1) == -EINVAL,
		    "persist beyond the region");
}

/* --- what is no block ------------------------------------------------------------- */

/* Each call knows that addr is none, and leaves all as it is. */
static void
expect_no_block(const struct heap *h, char *addr)
{
	for (unsigned i = 0; i < 2; i++) {
		memkind_t kind = i == 0 ? h->kind : NULL;

		errno = ERRNO_BEFORE;
		expect(memkind_malloc_usable_size(kind, addr) == 0,
		    "%p is no block", (void *)addr);
		memkind_free(kind, addr);
		expect(memkind_defrag_reallocate(kind, addr) == NULL,
		    "%p is no block", (void *)addr);
		expect_errno(ERRNO_BEFORE);
		expect(memkind_realloc(kind, addr, 10) == NULL,
		    "%p is no block", (void *)addr);
		expect_errno(EINVAL);
	}
}

struct free_page {
	unsigned nr_runs; /* to pass by */
	unsigned where;   /* its first page, one in the middle, its last */
	size_t off;
};

static int
find_free_page(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	struct free_page *page = arg;

	if (state == DAXKIND_RUN_TAKEN)
		return 0;
	page->off = off + (len - PAGE) / 2 / PAGE * PAGE * page->where;
	if (page->where == 2)
		page->off = off + len - PAGE;
	return page->nr_runs-- == 0;
}

static void
free_foreign(struct heap *h, unsigned how)
{
	char on_stack[64];
	char *addr = NULL;
	char *of_libc = NULL;
	struct free_page page = {how / 8 % 3, how / 24 % 3, SIZE_MAX};

	switch (how % 8) {
	case 0:
		addr = on_stack + how / 8 % 8;
		break;
	case 1:
		addr = A_static + how / 8 % 8;
		break;
	case 2:
		of_libc = malloc(100);
		addr = of_libc;
		break;
	case 3: /* nothing is mapped there */
		addr = Mapping - 1 - how / 8 * 100;
		break;
	case 4:
		addr = (char *)(uintptr_t)(1 + how / 8 * 4096);
		break;
	case 5:
		addr = (char *)(UINTPTR_MAX - how / 8);
		break;
	case 6: /* a free or bad page, or a hole */
		if (is_over_region(h))
			(void)daxkind_region_walk(
			    h->region, find_free_page, &page);
		if (page.off != SIZE_MAX)
			addr = h->base + page.off + how / 8;
		break;
	default: /* the edges of the area */
		if (h->area != NULL && h->area < h->base)
			addr = h->area;
		else if (h->area != NULL &&
			 h->area + h->area_len > h->base + h->size)
			addr = h->base + h->size;
	}
	if (addr == NULL)
		return;
	say("free(%u, foreign %p)", Current, (void *)addr);
	if (how % 8 != 6)
		expect(memkind_detect_kind(addr) == NULL, "%p is of a kind",
		    (void *)addr);
	expect_no_block(h, addr);
	free(of_libc);
}

static void
free_inside(unsigned i, unsigned how)
{
	const struct shadow_block *b = &Shadow[i];
	const struct heap *h = &Heaps[b->heap];

	if (h->type == HEAP_DRAM || b->usable <= SMALL_MAX)
		return;
	size_t off = how % 2 ? b->usable * how / 256 : how / 2 * PAGE;
	if (off == 0 || off >= b->usable)
		off = 1;
	say("free(%u, %p + %zu)", b->heap, (void *)b->addr, off);
	expect_no_block(h, b->addr + off);
	shadow_expect(i, b->addr, b->usable);
	expect(memkind_malloc_usable_size(h->kind, b->addr) == b->usable,
	    "%p changed its size", (void *)b->addr);
}

static void
ask_absurd_sizes(struct heap *h, unsigned how)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - PAGE, PTRDIFF_MAX,
	    (size_t)PTRDIFF_MAX + 1, SIZE_MAX / 2 + 9, (size_t)1 << 43,
	    ((size_t)1 << 43) - 1, (size_t)1 << 60};
	size_t size = sizes[how % 8];
	void *addr = A_static;

	/* The system may well promise that much. */
	if (size < SIZE_MAX / 4 && h->type == HEAP_DRAM)
		return;
	say("absurd sizes(%u, %zu)", Current, size);
	errno = ERRNO_BEFORE;
	expect(memkind_malloc(h->kind, size) == NULL, "malloc");
	expect_errno(ENOMEM);
	errno = ERRNO_BEFORE;
	expect(memkind_calloc(h->kind, size, 1 + how / 8) == NULL, "calloc");
	expect_errno(ENOMEM);
	errno = ERRNO_BEFORE;
	expect(memkind_calloc(h->kind, size / 2 + 9, 2) == NULL, "calloc");
	expect_errno(ENOMEM);
	expect(memkind_posix_memalign(h->kind, &addr, 64, size) == ENOMEM &&
		   addr == NULL,
	    "posix_memalign");
	unsigned i = how * Shadow_nr / 256;
	if (Shadow_nr > 0 && Shadow[i].heap < NR_AREAS) {
		errno = ERRNO_BEFORE;
		expect(memkind_realloc(Heaps[Shadow[i].heap].kind,
			   Shadow[i].addr, size) == NULL,
		    "realloc");
		expect_errno(ENOMEM);
		look_at_block(i, 0);
	}
}

static void
ask_bad_alignment(struct heap *h, unsigned how, size_t size)
{
	static const size_t aligns[] = {0, 1, 2, 4, 3, 24, 4097,
	    (size_t)1 << 63, SIZE_MAX, SIZE_MAX - 7, (size_t)1 << 40, 12};

	do_memalign(h, aligns[how % 12], size);
}

static void
ask_nothing(struct heap *h, unsigned how)
{
	switch (how % 6) {
	case 0:
		(void)do_malloc(h, 0);
		break;
	case 1:
		do_calloc(h, 0, how);
		break;
	case 2:
		do_calloc(h, how, 0);
		break;
	case 3:
		do_memalign(h, 64, 0);
		break;
	case 4:
		do_mmap(h, 0);
		break;
	default:
		errno = ERRNO_BEFORE;
		memkind_free(how / 6 % 2 ? h->kind : NULL, NULL);
		expect_errno(ERRNO_BEFORE);
		expect(memkind_malloc_usable_size(h->kind, NULL) == 0 &&
			   memkind_detect_kind(NULL) == NULL &&
			   memkind_defrag_reallocate(h->kind, NULL) == NULL,
		    "NULL is a block");
		expect(memkind_realloc(NULL, NULL, how) == NULL, "realloc");
		expect_errno(EINVAL);
		errno = ERRNO_BEFORE;
		expect(memkind_malloc(NULL, how) == NULL, "malloc");
		expect_errno(EINVAL);
		errno = ERRNO_BEFORE;
		expect(memkind_calloc(NULL, 1, how) == NULL, "calloc");
		expect_errno(EINVAL);
		expect(memkind_posix_memalign(h->kind, NULL, 64, how) == EINVAL,
		    "posix_memalign");
	}
}

/* --- figures ----------------------------------------------------------------------- */

struct sums {
	const struct heap *heap;
	size_t next; /* offset */
	size_t bytes[DAXKIND_RUN_BAD + 1];
	size_t longest;
};

static int
sum_runs(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	struct sums *sums = arg;
	const struct heap *h = sums->heap;

	expect(off == sums->next && len > 0, "a run at %zu of %zu", off, len);
	sums->next = off + len;
	sums->bytes[state] += len;
	if (state == DAXKIND_RUN_BAD || state == DAXKIND_RUN_TAKEN)
		return 0;
	expect(!touches_bad(h, h->base + off, len),
	    "%zu free bytes at %zu are in quarantine", len, off);
	return 0;
}

static void
look_at_figures(const struct heap *h, unsigned nr)
{
	struct sums sums = {.heap = h};
	struct daxkind_space space;

	if (h->type == HEAP_DRAM)
		return;
	space = space_of(h);
	say("space(%u): %zu taken, %zu free, %zu bad", nr, space.taken,
	    space.free, space.bad);
	expect(space.total == h->size &&
		   space.total == space.taken + space.free + space.bad &&
		   space.largest_free <= space.free,
	    "%zu total, %zu taken, %zu free, %zu bad, %zu in one piece",
	    space.total, space.taken, space.free, space.bad,
	    space.largest_free);
	expect(space.bad <= h->nr_bad * PAGE, "%zu bad", space.bad);
	expect(shadow_bytes(nr) <= space.taken, "%zu live, %zu taken",
	    shadow_bytes(nr), space.taken);
	expect(daxkind_region_walk(h->region, sum_runs, &sums) == 0, "walk");
	expect(sums.next == h->size, "runs end at %zu", sums.next);
	/* File space may come and go meanwhile. */
	if (h->type != HEAP_FILE)
		expect(sums.bytes[DAXKIND_RUN_TAKEN] == space.taken &&
			   sums.bytes[DAXKIND_RUN_BAD] == space.bad,
		    "runs do not add up");
}

static size_t
stat_of(const struct heap *h, memkind_stat_type stat)
{
	size_t value = SIZE_MAX;

	expect(memkind_get_stat(h->kind, stat, &value) == MEMKIND_SUCCESS,
	    "get_stat");
	return value;
}

static void
look_at_statistics(const struct heap *h, unsigned nr)
{
	expect(memkind_update_cached_stats() == MEMKIND_SUCCESS, "update");
	size_t allocated = stat_of(h, MEMKIND_STAT_TYPE_ALLOCATED);
	size_t active = stat_of(h, MEMKIND_STAT_TYPE_ACTIVE);
	size_t resident = stat_of(h, MEMKIND_STAT_TYPE_RESIDENT);
	size_t of_library = 0;
	say("stat(%u): %zu allocated, %zu active, %zu resident", nr, allocated,
	    active, resident);
	expect(memkind_get_stat(NULL, MEMKIND_STAT_TYPE_ALLOCATED,
		   &of_library) == MEMKIND_SUCCESS &&
		   of_library >= allocated,
	    "%zu allocated in all, %zu in kind %u", of_library, allocated, nr);
	expect(allocated <= active && active <= resident,
	    "%zu allocated, %zu active, %zu resident", allocated, active,
	    resident);
	/* Over a file, another thread lets go of idle blocks meanwhile. */
	bool is_exact = h->type == HEAP_FIXED || h->type == HEAP_REGION;
	expect(allocated == shadow_bytes(nr) ||
		   (!is_exact && allocated > shadow_bytes(nr)),
	    "%zu allocated, %zu live", allocated, shadow_bytes(nr));
}

/* --- all of a kind ------------------------------------------------------------------ */

static void
free_every(unsigned nr, unsigned step, unsigned how)
{
	unsigned n = 0;

	for (unsigned i = Shadow_nr; i-- > 0;) {
		if (Shadow[i].heap == nr && n++ % step == 0)
			do_free(i, how);
	}
}

static size_t
longest_good_run(const struct heap *h)
{
	size_t longest = 0, run = 0;

	for (size_t page = 0; page < h->size / PAGE; page++) {
		run = h->bad[page] ? 0 : run + 1;
		if (run > longest)
			longest = run;
	}
	return longest * PAGE;
}

static int
expect_no_visit(void *arg, void *block, size_t usable)
{
	(void)arg;
	fuzz_fail(__FILE__, __LINE__, "no block is left", "%p of %zu bytes",
	    block, usable);
	return 0;
}

/* No block is live: each run of good pages can be had, and nothing is left. */
static void
expect_empty(const struct heap *h)
{
	size_t longest = longest_good_run(h);

	/* All of a file costs too much, and there may be no room for it. */
	if (!is_over_region(h) || h->type == HEAP_FILE || h->size == 0)
		return;
	if (h->type == HEAP_DURABLE) {
		expect(daxkind_walk(h->kind, expect_no_visit, NULL) == 0,
		    "a block is left");
		return;
	}
	say("all of it");
	void *whole = memkind_fixed_mmap(h->kind, NULL, h->size);
	expect((whole == MAP_FAILED) == (h->nr_bad > 0),
	    "all of %zu bytes, %zu pages of them bad: %p", h->size, h->nr_bad,
	    whole);
	if (whole != MAP_FAILED)
		memkind_free(h->kind, whole);
	struct daxkind_space space = space_of(h);
	expect(space.taken == 0 && space.bad == h->nr_bad * PAGE &&
		   space.largest_free == longest,
	    "%zu taken, %zu bad of %zu, %zu in one piece of %zu", space.taken,
	    space.bad, h->nr_bad * PAGE, space.largest_free, longest);
	if (longest == 0)
		return;
	void *part = memkind_fixed_mmap(h->kind, NULL, longest);
	expect(part != MAP_FAILED, "%zu bytes between bad pages", longest);
	memkind_free(NULL, part);
}

static void
free_all(unsigned nr)
{
	struct heap *h = &Heaps[nr];

	if (h->kind == NULL)
		return;
	free_every(nr, 1, nr);
	expect_empty(h);
}

/* --- durable kinds ---------------------------------------------------------------------- */

struct visits {
	unsigned heap;
	unsigned nr;
	unsigned step; /* drop each so many; 0: none */
	char *last;
};

static int
visit_block(void *arg, void *addr, size_t usable)
{
	struct visits *v = arg;
	unsigned i = shadow_find(addr);

	expect(i < Shadow_nr && Shadow[i].heap == v->heap,
	    "%p of %zu bytes is nobody's", addr, usable);
	expect(Shadow[i].usable == usable, "%p: %zu bytes, not %zu", addr,
	    usable, Shadow[i].usable);
	expect((char *)addr > v->last, "%p after %p", addr, (void *)v->last);
	v->last = addr;
	v->nr++;
	if (v->step == 0 || v->nr % v->step != 0)
		return DAXKIND_KEEP;
	shadow_expect(i, addr, usable);
	shadow_remove(i);
	return DAXKIND_DROP;
}

/* Each block once, in order. */
static void
walk(unsigned nr, unsigned step)
{
	struct visits v = {.heap = nr, .step = step};
	unsigned nr_blocks = shadow_count(nr);

	say("walk(%u), %u blocks, drop each %u", nr, nr_blocks, step);
	expect(daxkind_walk(Heaps[nr].kind, visit_block, &v) == 0, "walk");
	expect(v.nr == nr_blocks, "%u of %u blocks", v.nr, nr_blocks);
}

/* --- traces --- */

static void
expect_roots(const struct heap *h)
{
	for (unsigned i = 0; i < NR_ROOTS; i++) {
		char name[2] = {(char)('a' + i), 0};

		expect(daxkind_root(h->kind, name) == h->root[i],
		    "root %s is not %p", name, (void *)h->root[i]);
	}
}

static void
set_root(struct heap *h, unsigned how, char *addr)
{
	char name[2] = {(char)('a' + how % NR_ROOTS), 0};

	if (how / NR_ROOTS % 4 == 0)
		addr = NULL;
	say("root_set(%s, %p)", name, (void *)addr);
	expect(daxkind_root_set(h->kind, name, addr) == 0, "root %s", name);
	h->root[how % NR_ROOTS] = addr;
	expect_roots(h);
}

static struct {
	unsigned heap, how;
	bool is_reached[SHADOW_MAX], is_visited[SHADOW_MAX];
} Trace;

/* The rule: each block leads to two, which may be another kind's. */
static unsigned
target_of(unsigned i, unsigned k)
{
	return (i * (3 + 2 * k) + Trace.how + k) % Shadow_nr;
}

static void
reach(unsigned first)
{
	static unsigned todo[2 * SHADOW_MAX + 1];
	unsigned nr = 0;

	todo[nr++] = first;
	while (nr > 0) {
		unsigned i = todo[--nr];

		if (Trace.is_reached[i] || Shadow[i].heap != Trace.heap)
			continue;
		Trace.is_reached[i] = true;
		todo[nr++] = target_of(i, 0);
		todo[nr++] = target_of(i, 1);
	}
}

static int
visit_reached(
    void *arg, void *addr, size_t usable, struct daxkind_marker *marker)
{
	unsigned i = shadow_find(addr);

	(void)arg;
	expect(i < Shadow_nr && Trace.is_reached[i] && !Trace.is_visited[i],
	    "%p is not reached, or a second time", addr);
	expect(Shadow[i].usable == usable, "%p: %zu bytes, not %zu", addr,
	    usable, Shadow[i].usable);
	Trace.is_visited[i] = true;
	for (unsigned k = 0; k < 2; k++) {
		const struct shadow_block *b = &Shadow[target_of(i, k)];

		/* Anywhere in it. */
		daxkind_mark(marker, b->addr + Trace.how % b->usable);
	}
	return 0;
}

/* Into a block, if that is of the heap. */
static void
set_root_to_block(unsigned nr, unsigned how)
{
	struct heap *h = &Heaps[nr];
	const struct shadow_block *b;

	if (how % 4 == 0 || Shadow_nr == 0)
		return;
	b = &Shadow[how * 7 % Shadow_nr];
	if (b->heap == nr)
		set_root(h, NR_ROOTS + how % NR_ROOTS, b->addr + b->usable / 2);
}

static void
trace(unsigned nr, unsigned how)
{
	struct heap *h = &Heaps[nr];
	struct daxkind_trace_result result;
	size_t bytes = shadow_bytes(nr);
	unsigned nr_blocks = shadow_count(nr);

	set_root_to_block(nr, how);
	memset(&Trace, 0, sizeof(Trace));
	Trace.heap = nr;
	Trace.how = how;
	for (unsigned i = 0; i < Shadow_nr; i++) {
		const struct shadow_block *b = &Shadow[i];

		for (unsigned k = 0; k < NR_ROOTS && b->heap == nr; k++) {
			if (h->root[k] >= b->addr &&
			    h->root[k] < b->addr + b->usable)
				reach(i);
		}
	}
	say("trace(%u), %u blocks", nr, nr_blocks);
	expect(daxkind_trace(
		   h->kind, visit_reached, NULL, &result, sizeof(result)) == 0,
	    "trace");
	for (unsigned i = Shadow_nr; i-- > 0;) {
		if (Shadow[i].heap != nr || Trace.is_reached[i])
			continue;
		shadow_remove(i);
	}
	expect(result.kept_blocks == shadow_count(nr) &&
		   result.kept_bytes == shadow_bytes(nr) &&
		   result.freed_blocks == nr_blocks - shadow_count(nr) &&
		   result.freed_bytes == bytes - shadow_bytes(nr),
	    "%zu blocks kept, not %u; %zu freed of %u",
	    (size_t)result.kept_blocks, shadow_count(nr),
	    (size_t)result.freed_blocks, nr_blocks);
	walk(nr, 0);
}

/* All is as before: no thread was in a call, so nothing has leaked either. */
static void
open_again(unsigned nr, bool is_killed, size_t size)
{
	struct heap *h = &Heaps[nr];
	const char *path = image_path(nr);
	char *base = h->base;

	if (h->type != HEAP_DURABLE || Nr_opened == MAX_OPENED)
		return;
	Nr_opened++;
	say("%s and open again(%u)", is_killed ? "kill" : "close", nr);
	if (is_killed)
		image_take(path);
	detach_kind(nr);
	expect(daxkind_region_close(h->region) == 0, "region %u", nr);
	if (is_killed)
		image_put(path);
	h->region = NULL;
	expect(
	    daxkind_region_open_durable(path, size, "fuzz", 0, &h->region) == 0,
	    "open again");
	struct daxkind_restart restart = restart_of(h);
	expect(restart.how ==
		   (is_killed ? DAXKIND_RESTART_CRASH : DAXKIND_RESTART_CLEAN),
	    "%d", (int)restart.how);
	expect(restart.generation == h->generation + 1 &&
		   restart.moved_by == 0 && restart.leaked == 0,
	    "generation %llu, moved by %lld, %zu leaked",
	    (unsigned long long)restart.generation, (long long)restart.moved_by,
	    (size_t)restart.leaked);
	expect(restart.blocks == shadow_count(nr) &&
		   restart.bytes == shadow_bytes(nr),
	    "%zu blocks of %zu bytes, not %u of %zu", (size_t)restart.blocks,
	    (size_t)restart.bytes, shadow_count(nr), shadow_bytes(nr));
	h->generation = restart.generation;
	make_kind_on_region(nr);
	expect(h->base == base && (size == 0 || h->size == size),
	    "%zu bytes at %p", h->size, (void *)h->base);
	expect_blocks(nr);
	expect_roots(h);
	walk(nr, 0);
}

static void
run_on_durable(struct heap *h, unsigned op, unsigned how)
{
	if (h->type != HEAP_DURABLE)
		return;
	if (op == 'W')
		walk(Current, how % 8);
	else if (op == 'T')
		trace(Current, how);
	else if (op == 'G')
		set_root(h, how, h->base + h->size / 2 + how);
	else if (op == 'V')
		open_again(Current, false,
		    h->size < DURABLE_MAX ? 2 * h->size : h->size);
	else
		open_again(Current, op == 'J', 0);
}

/* --- quarantine ------------------------------------------------------------------------ */

static void
quarantine(struct heap *h, char *addr, size_t len)
{
	if (h->type == HEAP_DRAM) {
		expect(
		    daxkind_quarantine(h->kind, addr, 1) == -ENOTSUP, "DRAM");
		return;
	}
	/* The next opening would know nothing of it. */
	if (h->type == HEAP_DURABLE)
		return;
	expect(daxkind_quarantine(h->kind, h->base + h->size, 1) == -EINVAL,
	    "behind the region");
	expect(daxkind_quarantine(h->kind, h->base, 0) == -EINVAL, "no bytes");
	if (h->size == 0)
		return;
	size_t off = (size_t)(addr - h->base);
	if (len > h->size - off)
		len = h->size - off;
	say("quarantine(%p, %zu)", (void *)addr, len);
	expect(daxkind_quarantine(h->kind, addr, len) == 0, "%p of %zu bytes",
	    (void *)addr, len);
	for (size_t page = off / PAGE; page <= (off + len - 1) / PAGE; page++) {
		h->nr_bad += !h->bad[page];
		h->bad[page] = true;
	}
}

/* --- one input ---------------------------------------------------------------------- */

static void run(struct input *in);

static void *
run_thread(void *arg)
{
	run(arg);
	return NULL;
}

/* Another thread goes on for a while; this one waits, with what it caches. */
static void
run_in_thread(struct input *in, unsigned nr_ops)
{
	struct input part = *in;
	pthread_t thread;

	if (in->depth == MAX_DEPTH || Nr_threads == MAX_THREADS)
		return;
	say("thread of %u", nr_ops);
	Nr_threads++;
	part.depth++;
	part.nr_ops = nr_ops;
	expect(
	    pthread_create(&thread, NULL, run_thread, &part) == 0, "no thread");
	expect(pthread_join(thread, NULL) == 0, "no end");
	in->at = part.at;
	say("thread ends");
}

/* A block of any kind: the later ones are met more often. */
static bool
pick(struct input *in, unsigned *i)
{
	unsigned operand = next(in);

	if (Shadow_nr == 0)
		return false;
	*i = operand < '`' ? operand % Shadow_nr
			   : Shadow_nr - 1 - operand % '`' % Shadow_nr;
	return true;
}

static void
make_anew(struct input *in, unsigned op)
{
	size_t size, off;
	unsigned how;

	if (Current >= NR_AREAS)
		return;
	if (op == 'P') {
		how = next(in);
		end_heap(Current);
		make_durable(Current, how);
		return;
	}
	if (op == 'F') {
		how = next(in);
		if (in->is_first)
			make_file(Current, how);
		return;
	}
	size = next_size(in);
	off = next(in);
	/* Any address will do for a fixed kind. */
	off = off % 4 == 0 ? off / 4 * PAGE : off * 61;
	end_heap(Current);
	if (op == 'K')
		make_fixed(Current, off, size);
	else
		make_region(Current, off, size);
}

static void
end_or_renew(unsigned op)
{
	struct heap *h = &Heaps[Current];
	size_t off, len;

	if (!is_over_region(h))
		return;
	if (op == 'C') {
		end_heap(Current);
		return;
	}
	if (h->type == HEAP_DURABLE) {
		detach_kind(Current);
		make_kind_on_region(Current);
		walk(Current, 0);
		return;
	}
	off = (size_t)(h->area - Mapping) % SLICE;
	len = h->area_len;
	bool is_fixed = h->type == HEAP_FIXED;
	end_kind(Current);
	if (op == 'N' && is_fixed)
		make_fixed(Current, off, len);
}

static void
change_settings(struct heap *h, unsigned op, unsigned how)
{
	if (op == 'y') {
		h->allows_zero = how % 2;
		memkind_set_allow_zero_allocs(h->kind, how % 2);
		return;
	}
	static const enum daxkind_policy policies[] = {DAXKIND_POLICY_DEFAULT,
	    DAXKIND_POLICY_CONSERVATIVE, (enum daxkind_policy)3};
	int want = how % 3 < 2 && h->type != HEAP_DRAM ? 0 : -EINVAL;

	expect(daxkind_kind_set_policy(h->kind, policies[how % 3]) == want,
	    "policy %u", how % 3);
}

/* Operations on a block that is there. */
static void
run_on_block(struct input *in, unsigned op, unsigned i)
{
	struct shadow_block b = Shadow[i];
	unsigned how;

	switch (op) {
	case 'f':
		do_free(i, next(in));
		break;
	case 'r':
		do_realloc(i, b.heap, next_size(in), i % 2);
		break;
	case 'g':
		how = next(in);
		do_realloc(i, b.heap,
		    b.usable + (how % 2 ? how : how * KIB / 4), true);
		break;
	case 's':
		do_realloc(i, b.heap, b.usable * (next(in) % 96) / 96, false);
		break;
	case 'z':
		do_realloc_to_0(i, next(in));
		break;
	case 'M':
		(void)current();
		do_realloc(i, Current, next_size(in), true);
		break;
	case 'd':
		do_defrag(i, next(in));
		break;
	case 'e':
		look_at_block(i, next(in));
		break;
	case 'w':
		do_persist(i);
		break;
	case 'I':
		free_inside(i, next(in));
		break;
	default: /* q */
		how = next(in);
		quarantine(
		    &Heaps[b.heap], b.addr + b.usable * (how % 8) / 8, 1);
	}
}

/* Operations on the current kind. */
static void
run_on_kind(struct input *in, unsigned op)
{
	struct heap *h = current();
	size_t size;
	unsigned how;

	switch (op) {
	case 'm':
		(void)do_malloc(h, limit_size(h, next_size(in)));
		break;
	case 'c':
		how = next(in);
		size = limit_size(h, next_size(in));
		do_calloc(h, 1 + how % 4, size / (1 + how % 4));
		break;
	case 'a':
		how = next(in);
		size = limit_size(h, next_size(in));
		do_memalign(h, (size_t)8 << how % 20, size);
		break;
	case 'x':
		do_mmap(h, limit_size(h, next_size(in)));
		break;
	case 'b':
		size = limit_size(h, next_size(in));
		for (how = 1 + next(in); how > 0 && do_malloc(h, size); how--)
			;
		break;
	case 'B':
		how = next(in);
		free_every(Current, 1 + how % 8, how / 8);
		break;
	case 'L':
		free_all(Current);
		break;
	case 'X':
		free_foreign(h, next(in));
		break;
	case 'H':
		ask_absurd_sizes(h, next(in));
		break;
	case 'A':
		how = next(in);
		ask_bad_alignment(h, how, limit_size(h, next_size(in)));
		break;
	case 'v':
		ask_nothing(h, next(in));
		break;
	case 'Q':
		how = next(in);
		size = h->size / PAGE * how / 256 * PAGE;
		quarantine(h, size > 0 ? h->base + size : h->base,
		    1 + next(in) % 4 * PAGE);
		break;
	case 'Z':
		look_at_figures(h, Current);
		break;
	case 'S':
		look_at_statistics(h, Current);
		break;
	case 'O':
		try_areas_in_use(h, next(in));
		break;
	case 'E':
		make_empty_kinds(1 + next(in) % 32);
		break;
	case 'W':
	case 'G':
	case 'T':
		run_on_durable(h, op, next(in));
		break;
	case 'k':
	case 'J':
	case 'V':
		run_on_durable(h, op, 0);
		break;
	default: /* p, y */
		change_settings(h, op, next(in));
	}
}

static void
run(struct input *in)
{
	unsigned i;

	for (; in->at < in->end && in->nr_ops > 0;
	     in->nr_ops--, in->is_first = false) {
		unsigned op = next(in);

		if (op >= '0' && op < '0' + NR_HEAPS) {
			Current = op - '0';
		} else if (op == 't') {
			run_in_thread(in, 1 + next(in) % 32);
		} else if (op == 'K' || op == 'R' || op == 'F' || op == 'P') {
			make_anew(in, op);
		} else if (op == 'D' || op == 'N' || op == 'C') {
			end_or_renew(op);
		} else if (op != 0 && strchr("frgszMdewIq", (int)op) != NULL) {
			if (pick(in, &i))
				run_on_block(in, op, i);
		} else if (op != 0 &&
			   strchr("mcaxbBLXHAvQZSOpyEkJVWGT", (int)op)) {
			run_on_kind(in, op);
		}
	}
}

static void
take_static_kind(unsigned nr, memkind_t kind)
{
	Heaps[nr] = (struct heap){.type = HEAP_DRAM, .kind = kind};
	memkind_set_allow_zero_allocs(kind, false);
}

static void
set_up(void)
{
	static bool Has_regular;

	/* What is before and behind the areas is not mapped. */
	if (Mapping == NULL) {
		size_t len = NR_AREAS * SLICE + 2 * SLICE;

		Mapping = mmap(NULL, len, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		expect(Mapping != MAP_FAILED, "no address space");
		Mapping += SLICE;
		expect(mprotect(Mapping, NR_AREAS * SLICE,
			   PROT_READ | PROT_WRITE) == 0,
		    "no memory");
		/* Where memory cannot be bound to nodes there is none. */
		void *block = memkind_malloc(MEMKIND_REGULAR, 1);
		Has_regular = block != NULL;
		memkind_free(NULL, block);
		Fuzz_is_verbose =
		    Fuzz_is_verbose || getenv("FUZZ_VERBOSE") != NULL;
	}
	shadow_clear();
	Nr_threads = 0;
	Nr_opened = 0;
	Current = 0;
	take_static_kind(DEFAULT, MEMKIND_DEFAULT);
	take_static_kind(
	    REGULAR, Has_regular ? MEMKIND_REGULAR : MEMKIND_DEFAULT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {
	    .at = data,
	    .end = data + size,
	    .nr_ops = MAX_OPS,
	    .is_first = true,
	};

	set_up();
	run(&in);
	for (unsigned nr = 0; nr < NR_HEAPS; nr++) {
		if (Heaps[nr].kind != NULL)
			look_at_figures(&Heaps[nr], nr);
		free_all(nr);
	}
	for (unsigned nr = 0; nr < NR_AREAS; nr++)
		end_heap(nr);
	return 0;
}
