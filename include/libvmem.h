/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libvmem.h -- pools of volatile memory, as PMDK's libvmem had them.
 *
 * The names, values and types are those of libvmem 1.1 (PMDK 1.8), so that
 * programs written for it compile unchanged, with -lvmem from libvmem.pc.
 * libvmem(3) describes each function.
 *
 * Threads: every function may be called by any thread at any time, except
 * that a pool must not be in use while it is deleted.
 *
 * Errors: functions that fail set errno and leave a text for vmem_errormsg().
 */
#ifndef LIBVMEM_H
#define LIBVMEM_H 1

#include <stddef.h>
#include <sys/types.h>
#include <wchar.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A pool.  Made by vmem_create*(), ended by vmem_delete(). */
typedef struct vmem VMEM;

/* Bytes of the smallest pool. */
#define VMEM_MIN_POOL ((size_t)(14 * 1024 * 1024))

/* The version of the interface described here. */
#define VMEM_MAJOR_VERSION 1
#define VMEM_MINOR_VERSION 1

/* --- pools ------------------------------------------------------------------ */

/*
 * Make a pool of size bytes over an unlinked file in dir; or, when dir is a
 * devdax device, over all of the device.  NULL: errno is EINVAL (too small),
 * ENOSPC, or what open(2) says.
 */
VMEM *vmem_create(const char *dir, size_t size);

/*
 * Make a pool over the caller's mapping; addr is a multiple of the page size.
 * What lies there is lost.  EEXIST: a byte of it is another pool's.
 */
VMEM *vmem_create_in_region(void *addr, size_t size);

/* End a pool and all its blocks.  errno is EINVAL when it is none. */
void vmem_delete(VMEM *vmp);

/* 1: its records agree; 0: they do not; -1: it is no pool. */
int vmem_check(VMEM *vmp);

/*
 * Print figures.  opts may leave parts out: g what never changes, m the sums,
 * a arenas, b small size classes, l large size classes; or be NULL.
 */
void vmem_stats_print(VMEM *vmp, const char *opts);

/* --- blocks, as by their namesakes of libc ---------------------------------- */

void *vmem_malloc(VMEM *vmp, size_t size);
void vmem_free(VMEM *vmp, void *ptr);
void *vmem_calloc(VMEM *vmp, size_t nmemb, size_t size);
void *vmem_realloc(VMEM *vmp, void *ptr, size_t size);
/* Any power of two will do for the alignment. */
void *vmem_aligned_alloc(VMEM *vmp, size_t alignment, size_t size);
char *vmem_strdup(VMEM *vmp, const char *s);
wchar_t *vmem_wcsdup(VMEM *vmp, const wchar_t *s);
size_t vmem_malloc_usable_size(VMEM *vmp, void *ptr);

/* --- the library ------------------------------------------------------------ */

/* NULL when the library will do for a program that was compiled with that
 * version; else the reason. */
const char *vmem_check_version(
    unsigned major_required, unsigned minor_required);

/*
 * What the library uses for its own records, and to print; NULL: the default.
 * The functions must not call the library.
 */
void vmem_set_funcs(void *(*malloc_func)(size_t size),
    void (*free_func)(void *ptr), void *(*realloc_func)(void *ptr, size_t size),
    char *(*strdup_func)(const char *s), void (*print_func)(const char *s));

/* What the last failed call of this thread found wrong; "" when none failed. */
const char *vmem_errormsg(void);

#ifdef __cplusplus
}
#endif

#endif /* LIBVMEM_H */
