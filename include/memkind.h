/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind.h -- heaps on memory that the caller chooses.
 *
 * The names, values and types are those of memkind 1.14, so that programs
 * written for it compile unchanged.  memkind(3) describes each function;
 * daxkind(7) describes the model.
 *
 * Threads: every function may be called by any thread at any time, except
 * that a kind must not be in use while memkind_destroy_kind() is called on
 * it, and that a memkind_config belongs to one thread at a time.
 *
 * Errors: functions that return int return MEMKIND_SUCCESS or one of the
 * negative MEMKIND_ERROR_* codes; daxkind_last_error() (daxkind.h) has the
 * details of the last failure of the calling thread.
 */
#ifndef MEMKIND_H
#define MEMKIND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A program whose malloc_usable_size() takes a const pointer may define this
 * as const before it includes the header. */
#ifndef MEMKIND_MALLOC_USABLE_SIZE_CONST
#define MEMKIND_MALLOC_USABLE_SIZE_CONST
#endif

/* A heap, made by memkind_create_*() and destroyed by
 * memkind_destroy_kind(). */
typedef struct memkind *memkind_t;

enum memkind_const {
	/* Kinds that memkind can hold.  daxkind has no such limit; the name
	 * and the value are kept for programs that size arrays by it. */
	MEMKIND_MAX_KIND = 512,
	/* Bytes that memkind_error_message() needs at most. */
	MEMKIND_ERROR_MESSAGE_SIZE = 128,
	/* Smallest limit, in bytes, of a kind over a file. */
	MEMKIND_PMEM_MIN_SIZE = 16 * 1024 * 1024
};

enum {
	MEMKIND_SUCCESS = 0,
	MEMKIND_ERROR_UNAVAILABLE = -1, /* this kind of memory is missing */
	MEMKIND_ERROR_MBIND = -2,       /* mbind(2) failed */
	MEMKIND_ERROR_MMAP = -3,        /* mmap(2) failed */
	MEMKIND_ERROR_MALLOC = -6,      /* no memory for the heap's records */
	MEMKIND_ERROR_ENVIRON = -12,    /* an environment variable is bad */
	MEMKIND_ERROR_INVALID = -13,    /* an argument is bad */
	MEMKIND_ERROR_TOOMANY = -15,    /* too many kinds at once */
	MEMKIND_ERROR_BADOPS = -17,     /* the operations table is bad */
	MEMKIND_ERROR_HUGETLB = -18,    /* huge pages are not set up */
	MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE = -20, /* no such memory here */
	MEMKIND_ERROR_OPERATION_FAILED = -21, /* see daxkind_last_error() */
	MEMKIND_ERROR_ARENAS_CREATE = -22, /* jemalloc cannot make an arena */
	MEMKIND_ERROR_RUNTIME = -255       /* anything else */
};

/* When free file space goes back to the file system; see memkind(3). */
typedef enum memkind_mem_usage_policy {
	MEMKIND_MEM_USAGE_POLICY_DEFAULT = 0, /* after a while, in batches */
	MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE = 1, /* as soon as possible */
	MEMKIND_MEM_USAGE_POLICY_MAX_VALUE
} memkind_mem_usage_policy;

typedef enum memkind_stat_type {
	MEMKIND_STAT_TYPE_RESIDENT = 0,  /* bytes of memory that it holds */
	MEMKIND_STAT_TYPE_ACTIVE = 1,    /* bytes in pages with live objects */
	MEMKIND_STAT_TYPE_ALLOCATED = 2, /* bytes in live objects */
	MEMKIND_STAT_TYPE_MAX_VALUE
} memkind_stat_type;

/* What memkind_stats_print() prints; values can be combined by |. */
typedef enum memkind_stat_print_opt {
	MEMKIND_STAT_PRINT_ALL = 0,
	MEMKIND_STAT_PRINT_JSON_FORMAT = 1U << 0,
	MEMKIND_STAT_PRINT_OMIT_GENERAL = 1U << 1,
	MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA = 1U << 2,
	MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA = 1U << 3,
	MEMKIND_STAT_PRINT_OMIT_PER_ARENA = 1U << 4,
	MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS = 1U << 5,
	MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE = 1U << 6,
	MEMKIND_STAT_PRINT_OMIT_MUTEX = 1U << 7,
	MEMKIND_STAT_PRINT_OMIT_EXTENT = 1U << 8
} memkind_stat_print_opt;

/* The memory that memkind_create_kind() uses; values can be combined by |. */
typedef enum memkind_memtype_t {
	MEMKIND_MEMTYPE_DEFAULT = 1 << 0,       /* ordinary memory */
	MEMKIND_MEMTYPE_HIGH_BANDWIDTH = 1 << 1 /* of high-bandwidth nodes */
} memkind_memtype_t;

/* How memkind_create_kind() places pages. */
typedef enum memkind_policy_t {
	MEMKIND_POLICY_BIND_LOCAL = 0,  /* the nearest nodes and no other */
	MEMKIND_POLICY_BIND_ALL,        /* all nodes of that memory, no other */
	MEMKIND_POLICY_PREFERRED_LOCAL, /* the nearest node, then any other */
	MEMKIND_POLICY_INTERLEAVE_LOCAL, /* in turn over the nearest nodes */
	MEMKIND_POLICY_INTERLEAVE_ALL, /* in turn over all nodes of the memory */
	MEMKIND_POLICY_MAX_VALUE
} memkind_policy_t;

/* Flags of memkind_create_kind(): 0 is the default page size. */
typedef enum memkind_bits_t {
	MEMKIND_MASK_PAGE_SIZE_2MB = 21 /* log2 of the page size */
} memkind_bits_t;

/*
 * --- kinds that are always there ------------------------------------------
 *
 * If the machine lacks that memory, memkind_check_available() returns
 * MEMKIND_ERROR_* and memkind_malloc() returns NULL.  *_PREFERRED falls back to
 * other memory when the node is full.  *_LOCAL chooses among the nodes near the
 * processor on which the calling thread runs.
 */
extern memkind_t MEMKIND_DEFAULT;    /* DRAM, the system's own page placement */
extern memkind_t MEMKIND_REGULAR;    /* DRAM, bound to nodes with processors */
extern memkind_t MEMKIND_HUGETLB;    /* huge pages of 2 MiB */
extern memkind_t MEMKIND_INTERLEAVE; /* interleaved over all nodes */

/* High bandwidth: the nearest node, all nodes, with huge pages, ... */
extern memkind_t MEMKIND_HBW;
extern memkind_t MEMKIND_HBW_ALL;
extern memkind_t MEMKIND_HBW_HUGETLB;
extern memkind_t MEMKIND_HBW_ALL_HUGETLB;
extern memkind_t MEMKIND_HBW_PREFERRED;
extern memkind_t MEMKIND_HBW_PREFERRED_HUGETLB;
extern memkind_t MEMKIND_HBW_INTERLEAVE;

/* DAX devices that the kernel uses as memory (mode system-ram). */
extern memkind_t MEMKIND_DAX_KMEM;
extern memkind_t MEMKIND_DAX_KMEM_ALL;
extern memkind_t MEMKIND_DAX_KMEM_PREFERRED;
extern memkind_t MEMKIND_DAX_KMEM_INTERLEAVE;

/* The node that is best in one respect. */
extern memkind_t MEMKIND_HIGHEST_CAPACITY;
extern memkind_t MEMKIND_HIGHEST_CAPACITY_PREFERRED;
extern memkind_t MEMKIND_HIGHEST_CAPACITY_LOCAL;
extern memkind_t MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED;
extern memkind_t MEMKIND_LOWEST_LATENCY_LOCAL;
extern memkind_t MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED;
extern memkind_t MEMKIND_HIGHEST_BANDWIDTH_LOCAL;
extern memkind_t MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED;

/* --- making and destroying kinds ------------------------------------------ */

/*
 * Find the static kind that has these properties; nothing is made.  If its
 * memory is missing and the policy is PREFERRED_LOCAL, *kind is
 * MEMKIND_DEFAULT.  MEMKIND_ERROR_INVALID: unknown or unsupported arguments;
 * MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE: the machine has no such memory.
 */
int memkind_create_kind(memkind_memtype_t memtype_flags,
    memkind_policy_t policy, memkind_bits_t flags, memkind_t *kind);

/*
 * Make a heap over [addr, addr + size).  The area stays the caller's: it must
 * outlive the kind.  The library writes to it only through allocated blocks,
 * and neither unmaps nor frees it.  Any address and size are allowed; the heap
 * uses the whole pages inside, which may be none.  MEMKIND_ERROR_INVALID: addr
 * is NULL, the area wraps or overlaps that of a live kind or region.  On
 * failure *kind is NULL.
 */
int memkind_create_fixed(void *addr, size_t size, memkind_t *kind);

/*
 * Make a heap over an unlinked file in dir that takes up to max_size bytes (0:
 * as many as the file system and the limits of the process allow; otherwise at
 * least MEMKIND_PMEM_MIN_SIZE).  File space is reserved before it is handed
 * out.  On failure errno is as open(2) set it.
 */
int memkind_create_pmem(const char *dir, size_t max_size, memkind_t *kind);

struct memkind_config;
struct memkind_config *memkind_config_new(void);
void memkind_config_delete(struct memkind_config *cfg);
/* The string is not copied: it must live until the kind is created. */
void memkind_config_set_path(struct memkind_config *cfg, const char *pmem_dir);
void memkind_config_set_size(struct memkind_config *cfg, size_t pmem_size);
void memkind_config_set_memory_usage_policy(
    struct memkind_config *cfg, memkind_mem_usage_policy policy);
int memkind_create_pmem_with_config(
    struct memkind_config *cfg, memkind_t *kind);

/* Destroy a kind: its blocks are gone, and its file space is given back. */
int memkind_destroy_kind(memkind_t kind);

/* --- querying kinds --------------------------------------------------------- */

/* The kind of a live block; NULL for NULL and for a foreign pointer. */
memkind_t memkind_detect_kind(void *ptr);
int memkind_check_available(memkind_t kind);
/* Bytes of the kind's memory, or -1 with errno EINVAL. */
ssize_t memkind_get_capacity(memkind_t kind);
/* MEMKIND_SUCCESS when a file in pmem_dir can be mapped as DAX (MAP_SYNC). */
int memkind_check_dax_path(const char *pmem_dir);

/* The version of the memkind API: MAJOR * 1000000 + MINOR * 1000 + PATCH. */
int memkind_get_version(void);
void memkind_error_message(int err, char *msg, size_t size);

/* --- statistics ------------------------------------------------------------ */

int memkind_update_cached_stats(void);
/* kind NULL: everything that the library holds. */
int memkind_get_stat(memkind_t kind, memkind_stat_type stat, size_t *value);
/* write_cb NULL: standard error. */
int memkind_stats_print(void (*write_cb)(void *, const char *), void *cbopaque,
    memkind_stat_print_opt opts);

/* --- allocating ------------------------------------------------------------ */

void *memkind_malloc(memkind_t kind, size_t size);
void *memkind_calloc(memkind_t kind, size_t num, size_t size);
int memkind_posix_memalign(
    memkind_t kind, void **memptr, size_t alignment, size_t size);
/* kind NULL: found from ptr, which must not be NULL then. */
void *memkind_realloc(memkind_t kind, void *ptr, size_t size);
/* kind NULL: found from ptr.  A foreign pointer is ignored. */
void memkind_free(memkind_t kind, void *ptr);
size_t memkind_malloc_usable_size(
    memkind_t kind, MEMKIND_MALLOC_USABLE_SIZE_CONST void *ptr);
/* Move the block if that frees memory; NULL: it stays where it is. */
void *memkind_defrag_reallocate(memkind_t kind, void *ptr);

/* --- behaviour of the whole library ---------------------------------------- */

/* Start (true) or stop (false) the thread that gives memory back over time. */
int memkind_set_bg_threads(bool state);
/* Whether a size of 0 gives a unique block (true) or NULL (false, default). */
void memkind_set_allow_zero_allocs(memkind_t kind, bool state);

#ifdef __cplusplus
}
#endif

#include <memkind_deprecated.h>

#endif /* MEMKIND_H */
