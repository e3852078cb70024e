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

/* A pool, created by vmem_create*() and deleted by vmem_delete(). */
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
 * Its content is lost.  EEXIST: it overlaps another pool.
 */
VMEM *vmem_create_in_region(void *addr, size_t size);

/* Delete a pool and all its blocks.  errno is EINVAL if it is not a pool. */
void vmem_delete(VMEM *vmp);

/* 1: its records are consistent; 0: they are not; -1: it is not a pool. */
int vmem_check(VMEM *vmp);

/*
 * Print statistics.  opts is NULL, or letters of parts to omit: g constants,
 * m totals, a arenas, b small size classes, l large size classes.
 */
void vmem_stats_print(VMEM *vmp, const char *opts);

/* --- blocks, as by their namesakes of libc ---------------------------------- */

void *vmem_malloc(VMEM *vmp, size_t size);
void vmem_free(VMEM *vmp, void *ptr);
void *vmem_calloc(VMEM *vmp, size_t nmemb, size_t size);
void *vmem_realloc(VMEM *vmp, void *ptr, size_t size);
/* The alignment can be any power of two. */
void *vmem_aligned_alloc(VMEM *vmp, size_t alignment, size_t size);
char *vmem_strdup(VMEM *vmp, const char *s);
wchar_t *vmem_wcsdup(VMEM *vmp, const wchar_t *s);
size_t vmem_malloc_usable_size(VMEM *vmp, void *ptr);

/* --- the library ------------------------------------------------------------ */

/* NULL if the library works for a program that was compiled with that version;
 * otherwise the reason. */
const char *vmem_check_version(
    unsigned major_required, unsigned minor_required);

/*
 * The functions that the library uses for its own records, and to print;
 * NULL: the default.
 * The functions must not call the library.
 */
void vmem_set_funcs(void *(*malloc_func)(size_t size),
    void (*free_func)(void *ptr), void *(*realloc_func)(void *ptr, size_t size),
    char *(*strdup_func)(const char *s), void (*print_func)(const char *s));

/* Why this thread's last failed call failed; "" if none has failed. */
const char *vmem_errormsg(void);

#ifdef __cplusplus
}
#endif

#endif /* LIBVMEM_H */
