// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_allocators.c -- see bench_allocators.h.
 *
 * Peers are loaded from Debian's packages at run time, so the build needs none
 * of their headers.
 */
#include "bench_allocators.h"

#include <daxkind.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench_calls Bench_calls;
struct bench_kind_api Bench_kind_api;
struct bench_area Bench_area;

/* Size of mimalloc's segments. */
#define AREA_ALIGN ((size_t)64 << 20)

static memkind_t Kind;
static char Why_not[256]; /* the result of open() */

/* --- the area ----------------------------------------------------------------- */

/* Reserve address space for size bytes, at the alignment that mimalloc
 * needs. */
static char *
reserve(size_t size)
{
	char *at = mmap(NULL, size + AREA_ALIGN, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	return at + (AREA_ALIGN - (uintptr_t)at % AREA_ALIGN) % AREA_ALIGN;
}

char *
bench_map_shm(size_t size)
{
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *at = reserve(size);

	if (fd < 0 || at == NULL || ftruncate(fd, (off_t)size) < 0)
		return NULL;
	/* Keep the descriptor open, for bench_held(). */
	at = mmap(
	    at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

/* Refuse files: they may hold the user's data. */
static const char *
open_region(const struct bench_place *place, unsigned flags,
    struct daxkind_region **region)
{
	struct daxkind_region_info info;
	struct stat st;
	bool is_there = stat(place->region, &st) == 0;

	if (is_there ? S_ISREG(st.st_mode) : strchr(place->region, '/') != NULL)
		return "neither a directory nor a device";
	/* Devices and namespaces have a fixed size. */
	bool is_dir = is_there && S_ISDIR(st.st_mode);
	if (daxkind_region_open(place->region, is_dir ? place->size : 0,
		is_dir ? flags : 0, region) < 0 ||
	    daxkind_region_info(*region, &info, sizeof(info)) < 0)
		return daxkind_last_error();
	Bench_area.base = info.base;
	Bench_area.size = info.size;
	return NULL;
}

const char *
bench_place_check(const struct bench_place *place)
{
	struct daxkind_region *region;
	const char *why = open_region(place, 0, &region);

	if (why == NULL)
		(void)daxkind_region_close(region);
	return why;
}

static const char *
map_area(const struct bench_place *place)
{
	struct daxkind_region *region;

	if (place->region != NULL) {
		/* Peers do not allocate file space. */
		const char *why = open_region(place, DAXKIND_PREFAULT, &region);

		if (why == NULL && Bench_area.size > place->size)
			Bench_area.size = place->size;
		return why;
	}
	Bench_area.size = place->size;
	Bench_area.base = bench_map_shm(place->size);
	return Bench_area.base != NULL ? NULL : "no mapping of /dev/shm";
}

/* Sum over the unlinked files that this process has open: the area's, or that
 * of a kind over a file. */
size_t
bench_held(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t held = 0;

	if (dir == NULL)
		return 0;
	for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		struct stat st;
		int fd = (int)strtol(e->d_name, NULL, 10);

		if (fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_nlink == 0)
			held += (size_t)st.st_blocks * 512;
	}
	(void)closedir(dir);
	return held;
}

/* --- memkind's interface: this library's and Debian's ----------------------------- */

static const char *
fail(const char *what)
{
	(void)snprintf(Why_not, sizeof(Why_not), "%s", what);
	return Why_not;
}

static void
use_own_api(void)
{
	Bench_kind_api = (struct bench_kind_api){
	    .create_fixed = memkind_create_fixed,
	    .create_pmem = memkind_create_pmem,
	    .create_with_config = memkind_create_pmem_with_config,
	    .config_new = memkind_config_new,
	    .config_delete = memkind_config_delete,
	    .config_set_path = memkind_config_set_path,
	    .config_set_size = memkind_config_set_size,
	    .config_set_policy = memkind_config_set_memory_usage_policy,
	    .destroy = memkind_destroy_kind,
	    .detect = memkind_detect_kind,
	    .malloc = memkind_malloc,
	    .realloc = memkind_realloc,
	    .free = memkind_free,
	};
}

struct symbol {
	const char *name;
	void *pointer; /* to the function pointer */
};

/* Returns NULL, or what is missing. */
static const char *
load(const char *library, int flags, const struct symbol *symbols, size_t nr)
{
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL | flags);

	if (lib == NULL)
		return fail(dlerror());
	for (size_t i = 0; i < nr; i++) {
		void *address = dlsym(lib, symbols[i].name);

		if (address == NULL)
			return fail(dlerror());
		memcpy(symbols[i].pointer, &address, sizeof(address));
	}
	return NULL;
}

/* Find memkind's own library.  A libmemkind.so.0 with a symbol that only
 * daxkind has is daxkind's. */
static const char *
find_memkind(void)
{
	static const char *const files[] = {"libmemkind.so.0",
	    "/usr/lib/x86_64-linux-gnu/libmemkind.so.0",
	    "/usr/lib64/libmemkind.so.0", "/usr/lib/libmemkind.so.0"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		void *lib = dlopen(files[i], RTLD_LAZY | RTLD_LOCAL);

		if (lib == NULL)
			continue;
		bool is_ours = dlsym(lib, "daxkind_tls_slots") != NULL;
		(void)dlclose(lib);
		if (!is_ours)
			return files[i];
	}
	return NULL;
}

static const char *
load_memkind(void)
{
	struct bench_kind_api *api = &Bench_kind_api;
	const struct symbol symbols[] = {
	    {"memkind_create_fixed", &api->create_fixed},
	    {"memkind_create_pmem", &api->create_pmem},
	    {"memkind_create_pmem_with_config", &api->create_with_config},
	    {"memkind_config_new", &api->config_new},
	    {"memkind_config_delete", &api->config_delete},
	    {"memkind_config_set_path", &api->config_set_path},
	    {"memkind_config_set_size", &api->config_set_size},
	    {"memkind_config_set_memory_usage_policy", &api->config_set_policy},
	    {"memkind_destroy_kind", &api->destroy},
	    {"memkind_detect_kind", &api->detect},
	    {"memkind_malloc", &api->malloc},
	    {"memkind_realloc", &api->realloc},
	    {"memkind_free", &api->free},
	};

	/* RTLD_DEEPBIND, so that its calls of its own functions stay inside
	 * it. */
	const char *file = find_memkind();
	if (file == NULL)
		return fail("memkind's own libmemkind.so.0 is not installed");
	return load(
	    file, RTLD_DEEPBIND, symbols, sizeof(symbols) / sizeof(symbols[0]));
}

static const char *
open_fixed(const struct bench_place *place)
{
	const char *why = map_area(place);

	if (why != NULL)
		return why;
	Bench_calls = (struct bench_calls){
	    .shape = BENCH_KIND,
	    .kind_malloc = Bench_kind_api.malloc,
	    .kind_realloc = Bench_kind_api.realloc,
	    .kind_free = Bench_kind_api.free,
	};
	return Bench_kind_api.create_fixed(
		   Bench_area.base, Bench_area.size, &Kind) == MEMKIND_SUCCESS
		   ? NULL
		   : "no kind over the mapping";
}

static const char *
open_pmem(const struct bench_place *place)
{
	const char *dir = place->region != NULL ? place->region : "/dev/shm";

	Bench_area.size = place->size;
	Bench_calls = (struct bench_calls){
	    .shape = BENCH_KIND,
	    .kind_malloc = Bench_kind_api.malloc,
	    .kind_realloc = Bench_kind_api.realloc,
	    .kind_free = Bench_kind_api.free,
	};
	return Bench_kind_api.create_pmem(dir, place->size, &Kind) ==
		       MEMKIND_SUCCESS
		   ? NULL
		   : "no kind over a file of that directory";
}

/* A kind over the caller's mapping, or over the requested region. */
static const char *
open_own_fixed(const struct bench_place *place)
{
	struct daxkind_region *region;

	use_own_api();
	if (place->region == NULL)
		return open_fixed(place);
	Bench_calls = (struct bench_calls){
	    .shape = BENCH_KIND,
	    .kind_malloc = memkind_malloc,
	    .kind_realloc = memkind_realloc,
	    .kind_free = memkind_free,
	};
	const char *why = open_region(place, 0, &region);
	if (why == NULL && daxkind_kind_create(region, &Kind) < 0)
		why = daxkind_last_error();
	return why;
}

static const char *
open_own_pmem(const struct bench_place *place)
{
	use_own_api();
	return open_pmem(place);
}

/* --- durable kinds ---------------------------------------------------------- */

static const char *Durable_dir;
static unsigned Durable_flags;

const char *
bench_durable_dir(void)
{
	return Durable_dir;
}

unsigned
bench_durable_flags(void)
{
	return Durable_flags;
}

/* Over a file without a name: nothing stays behind. */
static const char *
open_durable(const struct bench_place *place, unsigned flags)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;
	char path[32];

	Durable_dir = place->region != NULL ? place->region : "/dev/shm";
	Durable_flags = flags;
	int fd = open(Durable_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return "no directory for a file without a name";
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (daxkind_region_open_durable(
		path, place->size, BENCH_LAYOUT, flags, &region) < 0 ||
	    daxkind_region_info(region, &info, sizeof(info)) < 0 ||
	    daxkind_kind_create(region, &Kind) < 0)
		return daxkind_last_error();
	/* The region has its own. */
	(void)close(fd);
	Bench_area.base = info.base;
	Bench_area.size = info.size;
	use_own_api();
	Bench_calls = (struct bench_calls){
	    .shape = BENCH_KIND,
	    .kind_malloc = memkind_malloc,
	    .kind_realloc = memkind_realloc,
	    .kind_free = memkind_free,
	};
	return NULL;
}

static const char *
open_own_durable(const struct bench_place *place)
{
	return open_durable(place, 0);
}

/* As on memory with MAP_SYNC: cache lines are flushed. */
static const char *
open_own_lines(const struct bench_place *place)
{
	return open_durable(place, DAXKIND_PERSISTENT);
}

static const char *
open_memkind_fixed(const struct bench_place *place)
{
	const char *why = load_memkind();

	return why != NULL ? why : open_fixed(place);
}

static const char *
open_memkind_pmem(const struct bench_place *place)
{
	const char *why = load_memkind();

	return why != NULL ? why : open_pmem(place);
}

/* --- the process's malloc ------------------------------------------- */

static const char *
open_plain(const struct bench_place *place)
{
	(void)place;
	Bench_calls = (struct bench_calls){
	    .shape = BENCH_PLAIN,
	    .plain_malloc = malloc,
	    .plain_realloc = realloc,
	    .plain_free = free,
	};
	return NULL;
}

static const char *
open_jemalloc(const struct bench_place *place)
{
	if (dlsym(RTLD_DEFAULT, "mallctl") == NULL)
		return "libjemalloc.so.2 could not be preloaded";
	return open_plain(place);
}

static const char *
open_glibc(const struct bench_place *place)
{
	if (dlsym(RTLD_DEFAULT, "mallctl") != NULL)
		return "malloc is jemalloc's in this process";
	return open_plain(place);
}

/* --- mimalloc, in an exclusive arena over the area ------------------- */

static int Mi_arena;
static bool (*Mi_manage)(void *start, size_t size, bool is_committed,
    bool is_large, bool is_zero, int numa_node, bool is_exclusive, int *arena);
static struct mi_heap_s *(*Mi_heap_new)(int arena);
static void (*Mi_heap_delete)(struct mi_heap_s *heap);

static const char *
open_mimalloc(const struct bench_place *place)
{
	struct bench_calls *calls = &Bench_calls;
	const struct symbol symbols[] = {
	    {"mi_manage_os_memory_ex", &Mi_manage},
	    {"mi_heap_new_in_arena", &Mi_heap_new},
	    {"mi_heap_delete", &Mi_heap_delete},
	    {"mi_heap_malloc", &calls->heap_malloc},
	    {"mi_heap_realloc", &calls->heap_realloc},
	    {"mi_free", &calls->plain_free},
	};
	const char *why = load("libmimalloc.so.2.0", 0, symbols,
	    sizeof(symbols) / sizeof(symbols[0]));

	if (why == NULL)
		why = map_area(place);
	if (why != NULL)
		return why;
	calls->shape = BENCH_HEAP;
	/* A region's area may begin anywhere. */
	size_t skip =
	    (AREA_ALIGN - (uintptr_t)Bench_area.base % AREA_ALIGN) % AREA_ALIGN;
	if (skip >= Bench_area.size)
		return "no room for an aligned arena";
	Bench_area.base += skip;
	Bench_area.size -= skip;
	return Mi_manage(Bench_area.base, Bench_area.size, true, false, true,
		   -1, true, &Mi_arena)
		   ? NULL
		   : "mimalloc does not take the area";
}

/* --- the floor: the cost of the driver itself ------------------------ */

/* Cursors over two parts of the area, for small and for large blocks. */
struct bump {
	char *base;
	size_t small_off, large_off;
};
#define BUMP_SMALL ((size_t)8 << 20)
#define BUMP_LARGE ((size_t)256 << 20)

static void *
bump_malloc(memkind_t kind, size_t size)
{
	struct bump *bump = (struct bump *)(void *)kind;
	size_t off;

	size = (size + 15) & ~(size_t)15;
	if (size <= (16 << 10)) {
		off = bump->small_off;
		if (size > BUMP_SMALL - off)
			off = 0;
		bump->small_off = off + size;
		return bump->base + off;
	}
	off = bump->large_off;
	if (size > BUMP_LARGE - off)
		off = 0;
	bump->large_off = off + size;
	return bump->base + BUMP_SMALL + off;
}

static void *
bump_realloc(memkind_t kind, void *ptr, size_t size)
{
	(void)kind;
	(void)size;
	return ptr;
}

static void
bump_free(memkind_t kind, void *ptr)
{
	(void)kind;
	(void)ptr;
}

static const char *
open_floor(const struct bench_place *place)
{
	(void)place;
	Bench_calls = (struct bench_calls){
	    .shape = BENCH_KIND,
	    .kind_malloc = bump_malloc,
	    .kind_realloc = bump_realloc,
	    .kind_free = bump_free,
	};
	return NULL;
}

static void *
bump_new(void)
{
	struct bump *bump = calloc(1, sizeof(*bump));

	if (bump == NULL)
		return NULL;
	bump->base = bench_map_shm(BUMP_SMALL + BUMP_LARGE);
	if (bump->base == NULL) {
		free(bump);
		return NULL;
	}
	return bump;
}

/* --- the list ------------------------------------------------------- */

const struct bench_allocator Bench_allocators[] = {
    {"daxkind", "this library, a kind over a mapping or --region", NULL, NULL,
	BENCH_BOUNDED | BENCH_HAS_API | BENCH_FIXED | BENCH_FOREIGN,
	open_own_fixed},
    {"daxkind-pmem", "this library, memkind_create_pmem()", NULL, NULL,
	BENCH_BOUNDED | BENCH_HAS_API | BENCH_FILE | BENCH_FOREIGN,
	open_own_pmem},
    {"daxkind-durable", "this library, a durable kind over a file", NULL, NULL,
	BENCH_BOUNDED | BENCH_DURABLE, open_own_durable},
    {"daxkind-lines", "the same, whose records are flushed by cache lines",
	NULL, NULL, BENCH_BOUNDED | BENCH_DURABLE, open_own_lines},
    {"memkind-fixed", "memkind, memkind_create_fixed()", "libmemkind0", NULL,
	BENCH_BOUNDED | BENCH_HAS_API | BENCH_FIXED, open_memkind_fixed},
    {"memkind-pmem", "memkind, memkind_create_pmem()", "libmemkind0", NULL,
	BENCH_BOUNDED | BENCH_HAS_API | BENCH_FILE, open_memkind_pmem},
    {"mimalloc", "mimalloc 2, an exclusive arena over the mapping",
	"libmimalloc2.0", NULL, BENCH_BOUNDED, open_mimalloc},
    {"jemalloc", "jemalloc as the process's own malloc (DRAM)", "libjemalloc2",
	"libjemalloc.so.2", 0, open_jemalloc},
    {"glibc", "the C library's malloc (DRAM)", NULL, NULL, 0, open_glibc},
    {"floor", "a bump pointer, free does nothing: what the driver costs", NULL,
	NULL, BENCH_EXTRA, open_floor},
    {.name = NULL},
};

const struct bench_allocator *
bench_allocator_find(const char *name)
{
	for (const struct bench_allocator *a = Bench_allocators;
	     a->name != NULL; a++) {
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

void *
bench_heap_begin(void)
{
	if (Bench_calls.shape == BENCH_HEAP)
		return Mi_heap_new(Mi_arena);
	if (Bench_calls.kind_malloc == bump_malloc)
		return bump_new();
	return Kind;
}

void
bench_heap_end(void *heap)
{
	if (Bench_calls.shape == BENCH_HEAP) {
		Mi_heap_delete(heap);
	} else if (Bench_calls.kind_malloc == bump_malloc) {
		struct bump *bump = heap;

		(void)munmap(bump->base, BUMP_SMALL + BUMP_LARGE);
		free(bump);
	}
}
