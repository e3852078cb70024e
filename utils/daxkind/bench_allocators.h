/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_allocators.h -- the allocators that daxkind bench compares.
 *
 * A process opens one of them.  All are called in the same way: by a pointer
 * that is loaded for each call, from loops that are compiled once for each of
 * the three interface shapes (BENCH_BY_SHAPE).
 */
#ifndef BENCH_ALLOCATORS_H
#define BENCH_ALLOCATORS_H

#include <memkind.h>
#include <stdbool.h>
#include <stddef.h>

enum bench_shape {
	BENCH_KIND,  /* malloc(kind, size), free(kind, ptr) */
	BENCH_PLAIN, /* malloc(size), free(ptr) */
	BENCH_HEAP   /* malloc(heap, size), free(ptr): mimalloc */
};

enum bench_traits {
	BENCH_BOUNDED = 1u << 0, /* in an area, so they can fail with ENOMEM */
	BENCH_HAS_API = 1u << 1, /* memkind's interface: bench_kind_api() */
	BENCH_FIXED = 1u << 2,   /* a kind over a mapping */
	BENCH_FILE = 1u << 3,    /* a kind over a file of its own */
	BENCH_FOREIGN = 1u << 4, /* detect_kind survives foreign pointers */
	BENCH_EXTRA = 1u << 5,   /* only on request */
	BENCH_DURABLE = 1u << 6  /* a durable kind */
};

/* Where allocators with an area put their heap. */
struct bench_place {
	const char *region; /* file, directory or device; NULL: /dev/shm */
	size_t size;        /* bytes; for a region, if it must be made */
};

/* Returns NULL, or why no region can be opened there. */
const char *bench_place_check(const struct bench_place *place);

struct bench_allocator {
	const char *name;
	const char *about;
	const char *package; /* Debian package; NULL: built in */
	const char *preload; /* library that replaces malloc, or NULL */
	unsigned traits;
	/* Returns NULL, or what is missing. */
	const char *(*open)(const struct bench_place *place);
};

/* The last one has the name NULL. */
extern const struct bench_allocator Bench_allocators[];

const struct bench_allocator *bench_allocator_find(const char *name);

struct mi_heap_s;

/* The functions of the open allocator. */
struct bench_calls {
	enum bench_shape shape;
	void *(*kind_malloc)(memkind_t kind, size_t size);
	void *(*kind_realloc)(memkind_t kind, void *ptr, size_t size);
	void (*kind_free)(memkind_t kind, void *ptr);
	void *(*plain_malloc)(size_t size);
	void *(*plain_realloc)(void *ptr, size_t size);
	void (*plain_free)(void *ptr);
	void *(*heap_malloc)(struct mi_heap_s *heap, size_t size);
	void *(*heap_realloc)(struct mi_heap_s *heap, void *ptr, size_t size);
};
extern struct bench_calls Bench_calls;

/* The functions of memkind's interface that are measured themselves. */
struct bench_kind_api {
	int (*create_fixed)(void *addr, size_t size, memkind_t *kind);
	int (*create_pmem)(const char *dir, size_t size, memkind_t *kind);
	int (*create_with_config)(
	    struct memkind_config *config, memkind_t *kind);
	struct memkind_config *(*config_new)(void);
	void (*config_delete)(struct memkind_config *config);
	void (*config_set_path)(struct memkind_config *config, const char *dir);
	void (*config_set_size)(struct memkind_config *config, size_t size);
	void (*config_set_policy)(
	    struct memkind_config *config, memkind_mem_usage_policy policy);
	int (*destroy)(memkind_t kind);
	memkind_t (*detect)(void *ptr);
	void *(*malloc)(memkind_t kind, size_t size);
	void *(*realloc)(memkind_t kind, void *ptr, size_t size);
	void (*free)(memkind_t kind, void *ptr);
};
/* Those of the open allocator, which must have BENCH_HAS_API. */
extern struct bench_kind_api Bench_kind_api;

/* The area of an allocator with BENCH_BOUNDED; base is NULL if the allocator
 * maps it itself. */
struct bench_area {
	char *base;
	size_t size;
};
extern struct bench_area Bench_area;

/* The heap of the calling thread.  The same thread must end it after freeing
 * all its blocks. */
void *bench_heap_begin(void);
void bench_heap_end(void *heap);

/* For durable heaps of the same sort as the open allocator's: where their files
 * go, and the flags to open them with. */
#define BENCH_LAYOUT "daxkind bench"
const char *bench_durable_dir(void);
unsigned bench_durable_flags(void);

/* Bytes of file space behind the area. */
size_t bench_held(void);

/* A shared mapping of a new unlinked file in /dev/shm; NULL on failure. */
char *bench_map_shm(size_t size);

#define BENCH_INLINE static inline __attribute__((always_inline))

BENCH_INLINE void *
bench_malloc(enum bench_shape shape, void *heap, size_t size)
{
	switch (shape) {
	case BENCH_KIND:
		return Bench_calls.kind_malloc(heap, size);
	case BENCH_PLAIN:
		return Bench_calls.plain_malloc(size);
	case BENCH_HEAP:
		return Bench_calls.heap_malloc(heap, size);
	}
	return NULL;
}

BENCH_INLINE void
bench_free(enum bench_shape shape, void *heap, void *ptr)
{
	if (shape == BENCH_KIND)
		Bench_calls.kind_free(heap, ptr);
	else
		Bench_calls.plain_free(ptr);
}

BENCH_INLINE void *
bench_realloc(enum bench_shape shape, void *heap, void *ptr, size_t size)
{
	switch (shape) {
	case BENCH_KIND:
		return Bench_calls.kind_realloc(heap, ptr, size);
	case BENCH_PLAIN:
		return Bench_calls.plain_realloc(ptr, size);
	case BENCH_HEAP:
		return Bench_calls.heap_realloc(heap, ptr, size);
	}
	return NULL;
}

/* Call fn, a BENCH_INLINE function, with the shape as its first, constant
 * argument. */
#define BENCH_BY_SHAPE(fn, ...)                       \
	do {                                          \
		switch (Bench_calls.shape) {          \
		case BENCH_KIND:                      \
			fn(BENCH_KIND, __VA_ARGS__);  \
			break;                        \
		case BENCH_PLAIN:                     \
			fn(BENCH_PLAIN, __VA_ARGS__); \
			break;                        \
		case BENCH_HEAP:                      \
			fn(BENCH_HEAP, __VA_ARGS__);  \
			break;                        \
		}                                     \
	} while (0)

#endif /* BENCH_ALLOCATORS_H */
