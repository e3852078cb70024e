// SPDX-License-Identifier: BSD-2-Clause
/*
 * vmem.c -- libvmem.so.1: a pool is a kind over a region of its own.
 *
 * It uses only the public interface of libdaxkind.  Lock guards the list of
 * pools and the functions set by vmem_set_funcs(); none of these is called with
 * it held.  A fork takes it before libdaxkind's locks, so that the child finds
 * it free.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <daxkind.h>
#include <libvmem.h>

#include "base/cancel.h"
#include "base/export.h"
#include "base/util.h"

struct vmem {
	struct vmem *next; /* in the list */
	memkind_t kind;
	struct daxkind_region *region;
	void (*free_func)(void *ptr); /* for the record's memory */
};

static pthread_mutex_t Lock = PTHREAD_MUTEX_INITIALIZER;
static struct vmem *Pools;
static void *(*Malloc_func)(size_t size) = malloc;
static void (*Free_func)(void *ptr) = free;
static void (*Print_func)(const char *s); /* NULL: print_to_log */

static _Thread_local char Error_text[320];

/* Returns NULL; sets errno, and the text for vmem_errormsg(). */
static DK_PRINTF(2, 3) void *fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(Error_text, sizeof(Error_text), fmt, args);
	va_end(args);
	errno = err;
	return NULL;
}

/* The same with the text of libdaxkind. */
static void *
fail_below(int rc)
{
	return fail(-rc, "%s", daxkind_last_error());
}

static void *
or_full(void *ptr)
{
	if (DK_UNLIKELY(ptr == NULL))
		(void)fail(ENOMEM, "the pool has no room for the block");
	return ptr;
}

/* --- printing ------------------------------------------------------------------ */

/*
 * The path in VMEM_LOG_FILE when the library was loaded, made absolute, so that
 * neither chdir(2) nor setenv(3) changes it; NULL: standard error.  The file is
 * open only during vmem_stats_print(): a program that becomes a daemon may
 * close a kept descriptor, which could then be another file's.
 */
static char *Log_name;
static atomic_bool Has_log; /* this process or its parent has begun it */
static _Thread_local FILE *Log;

__attribute__((constructor)) static void
find_log(void)
{
	const char *name = secure_getenv("VMEM_LOG_FILE");
	char *dir = NULL, pid[16] = "";

	if (name == NULL || *name == '\0')
		return;
	/* On the heap: a thread with a small stack may load this library. */
	if (*name != '/' && (dir = getcwd(NULL, 0)) == NULL)
		return;
	if (name[strlen(name) - 1] == '-')
		(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (asprintf(&Log_name, "%s%s%s%s", dir != NULL ? dir : "",
		dir != NULL ? "/" : "", name, pid) < 0)
		Log_name = NULL;
	free(dir);
}

static void
open_log(void)
{
	Log = NULL;
	if (Log_name != NULL)
		Log = fopen(
		    Log_name, atomic_exchange(&Has_log, true) ? "ae" : "we");
}

static void
close_log(void)
{
	if (Log != NULL)
		(void)fclose(Log);
	Log = NULL;
}

static void
print_to_log(const char *s)
{
	(void)fputs(s, Log != NULL ? Log : stderr);
}

static void
print_part(void *arg, const char *s)
{
	void (**print)(const char *) = arg;

	(*print)(s);
}

/* --- pools --------------------------------------------------------------------- */

static struct vmem *
record_new(void)
{
	(void)pthread_mutex_lock(&Lock);
	void *(*malloc_func)(size_t) = Malloc_func;
	void (*free_func)(void *) = Free_func;
	(void)pthread_mutex_unlock(&Lock);

	struct vmem *vmp = malloc_func(sizeof(*vmp));
	if (vmp == NULL)
		return fail(ENOMEM, "no memory for a pool's record");
	*vmp = (struct vmem){.free_func = free_func};
	return vmp;
}

/* The link to the pool in the list; NULL: no such pool.  The caller holds
 * Lock. */
static struct vmem **
find_locked(const VMEM *vmp)
{
	for (struct vmem **at = &Pools; *at != NULL; at = &(*at)->next) {
		if (*at == vmp)
			return at;
	}
	return NULL;
}

static bool
is_pool(const VMEM *vmp)
{
	(void)pthread_mutex_lock(&Lock);
	bool found = find_locked(vmp) != NULL;
	(void)pthread_mutex_unlock(&Lock);
	return found;
}

/* rc is the result of opening vmp->region. */
static VMEM *
finish(struct vmem *vmp, int rc)
{
	if (rc == 0)
		rc = daxkind_kind_create(vmp->region, &vmp->kind);
	if (rc < 0) {
		(void)fail_below(rc);
		(void)daxkind_region_close(vmp->region);
		vmp->free_func(vmp);
		errno = -rc;
		return NULL;
	}
	memkind_set_allow_zero_allocs(vmp->kind, true);
	(void)pthread_mutex_lock(&Lock);
	vmp->next = Pools;
	Pools = vmp;
	(void)pthread_mutex_unlock(&Lock);
	return vmp;
}

static bool
is_too_small(size_t size)
{
	if (size >= VMEM_MIN_POOL)
		return false;
	(void)fail(EINVAL,
	    "%zu bytes are too few for a pool; give at least "
	    "%zu",
	    size, VMEM_MIN_POOL);
	return true;
}

/* File space is taken when blocks need it, but a lack of it should be reported
 * now. */
static bool
has_space(const char *dir, size_t size)
{
	struct statvfs fs;

	return statvfs(dir, &fs) != 0 || fs.f_blocks == 0 ||
	       size / fs.f_frsize < fs.f_bavail;
}

DK_EXPORT VMEM *
vmem_create(const char *dir, size_t size)
{
	struct stat st;
	size_t rounded;

	if (dir == NULL)
		return fail(EINVAL, "no directory was given");
	if (is_too_small(size))
		return NULL;
	if (!align_up_checked(size, DK_PAGE, &rounded))
		return fail(EINVAL, "%zu bytes are too many for a pool", size);
	bool is_device = stat(dir, &st) == 0 && S_ISCHR(st.st_mode);
	if (!is_device && !has_space(dir, rounded))
		return fail(ENOSPC,
		    "the file system of %s has less than %zu bytes left", dir,
		    size);
	struct vmem *vmp = record_new();
	if (vmp == NULL)
		return NULL;
	return finish(vmp,
	    is_device ? daxkind_region_open_devdax(dir, 0, 0, 0, &vmp->region)
		      : daxkind_region_open_dir(dir, rounded, 0, &vmp->region));
}

DK_EXPORT VMEM *
vmem_create_in_region(void *addr, size_t size)
{
	if ((uintptr_t)addr % DK_PAGE != 0)
		return fail(
		    EINVAL, "%p is not a multiple of the page size", addr);
	if (is_too_small(size))
		return NULL;
	struct vmem *vmp = record_new();
	if (vmp == NULL)
		return NULL;
	return finish(vmp, daxkind_region_open_mapping(addr,
			       align_down(size, DK_PAGE), 0, &vmp->region));
}

DK_EXPORT void
vmem_delete(VMEM *vmp)
{
	(void)pthread_mutex_lock(&Lock);
	struct vmem **at = find_locked(vmp);
	if (at != NULL)
		*at = vmp->next;
	(void)pthread_mutex_unlock(&Lock);
	if (at == NULL) {
		(void)fail(EINVAL, "%p is not a pool", (void *)vmp);
		return;
	}
	(void)memkind_destroy_kind(vmp->kind);
	(void)daxkind_region_close(vmp->region);
	vmp->free_func(vmp);
}

DK_EXPORT int
vmem_check(VMEM *vmp)
{
	if (!is_pool(vmp)) {
		(void)fail(EINVAL, "%p is not a pool", (void *)vmp);
		return -1;
	}
	int rc = daxkind_region_check(vmp->region);
	if (rc == 0)
		return 1;
	(void)fail_below(rc);
	return rc == -EUCLEAN ? 0 : -1;
}

/* --- figures ------------------------------------------------------------------- */

static DK_PRINTF(2, 3) void print_line(
    void (*print)(const char *), const char *fmt, ...)
{
	char line[160];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	print(line);
}

static void
print_pool(const VMEM *vmp, void (*print)(const char *), const char *opts)
{
	struct daxkind_region_info info;
	struct daxkind_space space;
	size_t allocated = 0, active = 0, resident = 0;

	if (daxkind_region_info(vmp->region, &info, sizeof(info)) < 0 ||
	    daxkind_region_space(vmp->region, &space, sizeof(space)) < 0)
		return;
	print_line(print, "___ Begin pool statistics ___\n");
	if (strchr(opts, 'g') == NULL)
		print_line(print, "Pool: %p, %zu bytes at %p, %s\n",
		    (const void *)vmp, info.size, info.base,
		    info.is_sync ? "DAX" : "not DAX");
	if (strchr(opts, 'm') == NULL) {
		(void)memkind_update_cached_stats();
		(void)memkind_get_stat(
		    vmp->kind, MEMKIND_STAT_TYPE_ALLOCATED, &allocated);
		(void)memkind_get_stat(
		    vmp->kind, MEMKIND_STAT_TYPE_ACTIVE, &active);
		(void)memkind_get_stat(
		    vmp->kind, MEMKIND_STAT_TYPE_RESIDENT, &resident);
		print_line(print,
		    "Allocated: %zu, active: %zu, resident: %zu\n", allocated,
		    active, resident);
		print_line(print,
		    "Taken: %zu, free: %zu, largest free: %zu, bad: %zu, "
		    "file space: %zu\n",
		    space.taken, space.free, space.largest_free, space.bad,
		    space.held);
	}
	print_line(print, "--- End pool statistics ---\n");
}

/* Omit the parts of jemalloc's report that sum up the arenas of all pools. */
static unsigned
jemalloc_options(const char *opts)
{
	unsigned omit = MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA |
			MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA |
			MEMKIND_STAT_PRINT_OMIT_MUTEX |
			MEMKIND_STAT_PRINT_OMIT_EXTENT;

	if (strchr(opts, 'g') != NULL)
		omit |= MEMKIND_STAT_PRINT_OMIT_GENERAL;
	if (strchr(opts, 'a') != NULL)
		omit |= MEMKIND_STAT_PRINT_OMIT_PER_ARENA;
	if (strchr(opts, 'b') != NULL)
		omit |= MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS;
	if (strchr(opts, 'l') != NULL)
		omit |= MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE;
	return omit;
}

DK_EXPORT void
vmem_stats_print(VMEM *vmp, const char *opts)
{
	if (!is_pool(vmp)) {
		(void)fail(EINVAL, "%p is not a pool", (void *)vmp);
		return;
	}
	if (opts == NULL)
		opts = "";
	(void)pthread_mutex_lock(&Lock);
	void (*print)(const char *) =
	    Print_func != NULL ? Print_func : print_to_log;
	(void)pthread_mutex_unlock(&Lock);
	DK_NO_CANCEL(); /* so that the file opened here is closed */
	if (print == print_to_log)
		open_log();
	print_pool(vmp, print, opts);
	if (strchr(opts, 'a') == NULL)
		(void)memkind_stats_print(print_part, &print,
		    (memkind_stat_print_opt)jemalloc_options(opts));
	close_log();
}

/* --- blocks -------------------------------------------------------------------- */

/* Whether there is a pool.  If not, sets the text and errno. */
static bool
is_given(const VMEM *vmp)
{
	if (DK_LIKELY(vmp != NULL))
		return true;
	(void)fail(EINVAL, "no pool was given");
	return false;
}

DK_EXPORT void *
vmem_malloc(VMEM *vmp, size_t size)
{
	return is_given(vmp) ? or_full(memkind_malloc(vmp->kind, size)) : NULL;
}

DK_EXPORT void
vmem_free(VMEM *vmp, void *ptr)
{
	if (is_given(vmp))
		memkind_free(vmp->kind, ptr);
}

DK_EXPORT void *
vmem_calloc(VMEM *vmp, size_t nmemb, size_t size)
{
	return is_given(vmp) ? or_full(memkind_calloc(vmp->kind, nmemb, size))
			     : NULL;
}

DK_EXPORT void *
vmem_realloc(VMEM *vmp, void *ptr, size_t size)
{
	if (!is_given(vmp))
		return NULL;
	if (ptr != NULL && size == 0) {
		memkind_free(vmp->kind, ptr);
		return NULL;
	}
	void *moved = memkind_realloc(vmp->kind, ptr, size);
	if (DK_UNLIKELY(moved == NULL))
		(void)fail(errno, "%s",
		    errno == EINVAL ? "the block belongs to no pool"
				    : "the pool has no room for the block");
	return moved;
}

DK_EXPORT void *
vmem_aligned_alloc(VMEM *vmp, size_t alignment, size_t size)
{
	void *ptr;

	if (!is_given(vmp))
		return NULL;
	if (!is_power_of_two(alignment))
		return fail(EINVAL, "%zu is not a power of two", alignment);
	int err = memkind_posix_memalign(
	    vmp->kind, &ptr, max_size(alignment, sizeof(void *)), size);
	if (err != 0)
		return fail(err, "the pool has no room for the block");
	return ptr;
}

DK_EXPORT char *
vmem_strdup(VMEM *vmp, const char *s)
{
	if (s == NULL)
		return fail(EINVAL, "no string was given");
	size_t size = strlen(s) + 1;
	char *copy = vmem_malloc(vmp, size);
	return copy != NULL ? memcpy(copy, s, size) : NULL;
}

DK_EXPORT wchar_t *
vmem_wcsdup(VMEM *vmp, const wchar_t *s)
{
	if (s == NULL)
		return fail(EINVAL, "no string was given");
	size_t size = (wcslen(s) + 1) * sizeof(wchar_t);
	wchar_t *copy = vmem_malloc(vmp, size);
	return copy != NULL ? memcpy(copy, s, size) : NULL;
}

DK_EXPORT size_t
vmem_malloc_usable_size(VMEM *vmp, void *ptr)
{
	return is_given(vmp) ? memkind_malloc_usable_size(vmp->kind, ptr) : 0;
}

/* --- the library --------------------------------------------------------------- */

DK_EXPORT const char *
vmem_check_version(unsigned major_required, unsigned minor_required)
{
	/* In the words of PMDK's library, which programs' tests compare. */
	if (major_required != VMEM_MAJOR_VERSION)
		(void)fail(errno,
		    "libvmem major version mismatch (need %u, found %u)",
		    major_required, VMEM_MAJOR_VERSION);
	else if (minor_required > VMEM_MINOR_VERSION)
		(void)fail(errno,
		    "libvmem minor version mismatch (need %u, found %u)",
		    minor_required, VMEM_MINOR_VERSION);
	else
		return NULL;
	return Error_text;
}

/* vmem.c never resizes a record or copies a string. */
DK_EXPORT void
vmem_set_funcs(void *(*malloc_func)(size_t size), void (*free_func)(void *ptr),
    void *(*realloc_func)(void *ptr, size_t size),
    char *(*strdup_func)(const char *s), void (*print_func)(const char *s))
{
	(void)realloc_func;
	(void)strdup_func;
	(void)pthread_mutex_lock(&Lock);
	Malloc_func = malloc_func != NULL ? malloc_func : malloc;
	Free_func = free_func != NULL ? free_func : free;
	Print_func = print_func;
	(void)pthread_mutex_unlock(&Lock);
}

DK_EXPORT const char *
vmem_errormsg(void)
{
	return Error_text;
}

/* --- fork ------------------------------------------------------------------------ */

static void
before_fork(void)
{
	(void)pthread_mutex_lock(&Lock);
}

static void
after_fork(void)
{
	(void)pthread_mutex_unlock(&Lock);
}

/* Registered after libdaxkind's handlers, which therefore run with the lock
 * held. */
__attribute__((constructor)) static void
handle_forks(void)
{
	(void)pthread_atfork(before_fork, after_fork, after_fork);
}
