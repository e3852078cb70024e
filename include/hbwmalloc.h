/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hbwmalloc.h -- blocks of high-bandwidth memory.
 *
 * The names, values and types are those of memkind 1.14.  hbwmalloc(3)
 * describes each function.  All may be called by any thread at any time.
 */
#ifndef HBWMALLOC_H
#define HBWMALLOC_H

#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What to do when the nearest high-bandwidth node is full. */
typedef enum {
	HBW_POLICY_BIND = 1,       /* fail */
	HBW_POLICY_PREFERRED = 2,  /* take other memory; the default */
	HBW_POLICY_INTERLEAVE = 3, /* interleave pages over all such nodes */
	HBW_POLICY_BIND_ALL = 4    /* use another such node, or fail */
} hbw_policy_t;

typedef enum {
	HBW_PAGESIZE_4KB = 1,
	HBW_PAGESIZE_2MB = 2,        /* huge pages */
	HBW_PAGESIZE_1GB_STRICT = 3, /* the size must be a multiple of it */
	HBW_PAGESIZE_1GB = 4,
	HBW_PAGESIZE_MAX_VALUE
} hbw_pagesize_t;

enum {
	/* Read and write a byte of each page before looking at it. */
	HBW_TOUCH_PAGES = 1 << 0
};

/* 0, or ENODEV: this machine has no high-bandwidth memory. */
int hbw_check_available(void);

hbw_policy_t hbw_get_policy(void);
/* Call once, before the first allocation.  EPERM: another policy is already
 * set.  EINVAL: not a policy. */
int hbw_set_policy(hbw_policy_t mode);

void *hbw_malloc(size_t size);
void *hbw_calloc(size_t num, size_t size);
void *hbw_realloc(void *ptr, size_t size);
void hbw_free(void *ptr);
int hbw_posix_memalign(void **memptr, size_t alignment, size_t size);
/* EINVAL also if the page size does not exist, or not with this policy. */
int hbw_posix_memalign_psize(
    void **memptr, size_t alignment, size_t size, hbw_pagesize_t pagesize);
size_t hbw_malloc_usable_size(void *ptr);

/*
 * 0: all pages that [addr, addr + size) touches are in high-bandwidth memory;
 * -1: not all of them, or not yet in memory.  EINVAL: addr is NULL, size is 0,
 * unknown flags.  EFAULT: pages to be touched are not mapped.
 */
int hbw_verify_memory_region(void *addr, size_t size, int flags);

#ifdef __cplusplus
}
#endif

#endif /* HBWMALLOC_H */
