// SPDX-License-Identifier: BSD-2-Clause
/*
 * je.c -- see je.h.
 *
 * Names of mallctl() are looked up once (struct mib); the rest are thin wrappers.
 */
#include "heap/je.h"

#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "base/log.h"
#include "base/os.h"
#include "base/reason.h"
#include "base/util.h"

/*
 * The argument of experimental.arenas_create_ext. jemalloc 5.3.0 has it in no
 * public header (include/jemalloc/internal/arena_types.h); configure tests this
 * layout.
 */
struct je_arena_config {
	extent_hooks_t *extent_hooks;
	bool metadata_use_hooks;
};

/* The result of experimental.utilization.query for one block (jemalloc 5.3.0,
 * include/jemalloc/internal/inspect.h). */
struct je_utilization {
	void *current_slab;
	size_t nr_free, nr_objects, slab_size;
	size_t bin_nr_free, bin_nr_objects;
};

/* A looked-up name: mallctlbymib() is several times faster with it. */
struct mib {
	size_t name[6];
	size_t len;
};

static struct {
	struct mib purge, decay, reset, destroy, dirty_decay, muzzy_decay;
	struct mib hooks;
	struct mib create, utilization, lookup, bin_size, bin_slab_size;
	struct mib epoch, allocated, active, all_resident;
	struct mib small_allocated, large_allocated, pactive, resident;
	unsigned nr_own_arenas; /* jemalloc's own, from the start */
	bool works;
} Je;

/*
 * jemalloc 5.3.0 supports this many arenas, its own included
 * (MALLOCX_ARENA_LIMIT), and writes past a table when asked for one more.  So
 * the library counts its arenas.
 */
enum {
	ARENA_LIMIT = 4095
};
static _Atomic(unsigned) Nr_arenas; /* the library's, alive or promised */

/* By number of the library's arena. */
static _Atomic(struct je_hooks *) Hooks[ARENA_LIMIT];

static void
note_hooks(unsigned arena, struct je_hooks *hooks)
{
	if (arena < ARENA_LIMIT)
		atomic_store(&Hooks[arena], hooks);
}

static pthread_once_t Once = PTHREAD_ONCE_INIT;

static bool
find_mib(const char *name, struct mib *mib)
{
	mib->len = ARRAY_LEN(mib->name);
	return jemk_mallctlnametomib(name, mib->name, &mib->len) == 0;
}

void
je_note_bad_free(struct je_hooks *hooks, const void *ptr)
{
	atomic_fetch_add_explicit(
	    &hooks->nr_bad_frees, 1, memory_order_relaxed);
	log_write(DK_LOG_ERROR,
	    "free of %p ignored: it is not the start of a block in use; was "
	    "it freed twice?",
	    ptr);
}

static void
hear_of_bad_free(void *ptr, unsigned arena)
{
	struct je_hooks *hooks =
	    arena < ARENA_LIMIT ? atomic_load(&Hooks[arena]) : NULL;

	if (hooks != NULL)
		je_note_bad_free(hooks, ptr);
}

static void
init(void)
{
	size_t len = sizeof(Je.nr_own_arenas);

	jemk_bad_free_hook = hear_of_bad_free;

	Je.works =
	    jemk_mallctl("arenas.narenas", &Je.nr_own_arenas, &len, NULL, 0) ==
		0 &&
	    find_mib("arena.0.purge", &Je.purge) &&
	    find_mib("arena.0.decay", &Je.decay) &&
	    find_mib("arena.0.reset", &Je.reset) &&
	    find_mib("arena.0.destroy", &Je.destroy) &&
	    find_mib("arena.0.extent_hooks", &Je.hooks) &&
	    find_mib("arena.0.dirty_decay_ms", &Je.dirty_decay) &&
	    find_mib("arena.0.muzzy_decay_ms", &Je.muzzy_decay) &&
	    find_mib("experimental.arenas_create_ext", &Je.create) &&
	    find_mib("experimental.utilization.query", &Je.utilization) &&
	    find_mib("arenas.lookup", &Je.lookup) &&
	    find_mib("arenas.bin.0.size", &Je.bin_size) &&
	    find_mib("arenas.bin.0.slab_size", &Je.bin_slab_size) &&
	    find_mib("epoch", &Je.epoch) &&
	    find_mib("stats.allocated", &Je.allocated) &&
	    find_mib("stats.active", &Je.active) &&
	    find_mib("stats.resident", &Je.all_resident) &&
	    find_mib("stats.arenas.0.small.allocated", &Je.small_allocated) &&
	    find_mib("stats.arenas.0.large.allocated", &Je.large_allocated) &&
	    find_mib("stats.arenas.0.pactive", &Je.pactive) &&
	    find_mib("stats.arenas.0.resident", &Je.resident);
}

static bool
is_ready(void)
{
	(void)pthread_once(&Once, init);
	return Je.works;
}

/* For a name without a number. */
static int
ask(const struct mib *mib, void *old, size_t *old_len, void *new_value,
    size_t new_len)
{
	return -jemk_mallctlbymib(
	    mib->name, mib->len, old, old_len, new_value, new_len);
}

static bool
ask_size(const struct mib *mib, size_t *value)
{
	size_t len = sizeof(*value);

	return ask(mib, value, &len, NULL, 0) == 0;
}

/* The same with a number, of an arena or a bin, as a part of the name, counted
 * from 0. */
static int
control(const struct mib *mib, size_t part, unsigned number, void *old,
    size_t *old_len, void *new_value, size_t new_len)
{
	size_t name[ARRAY_LEN(mib->name)];

	memcpy(name, mib->name, sizeof(name));
	name[part] = number;
	return -jemk_mallctlbymib(
	    name, mib->len, old, old_len, new_value, new_len);
}

void
je_start(void)
{
	(void)is_ready();
}

/* --- hooks ------------------------------------------------------------------ */

static struct je_hooks *
hooks_of(extent_hooks_t *table)
{
	return (struct je_hooks *)((char *)table -
				   offsetof(struct je_hooks, jemalloc_table));
}

/* The program's table, or NULL.  Its first member is never NULL. */
static extent_hooks_t *
foreign_of(struct je_hooks *hooks)
{
	extent_hooks_t *foreign =
	    (extent_hooks_t *)(void *)hooks->foreign_table;

	return foreign->alloc != NULL ? foreign : NULL;
}

/* jemalloc's rules: a hook refuses by NULL or true, and has then written
 * nothing through the pointers. */
static bool
hook_dalloc(extent_hooks_t *table, void *addr, size_t size, bool committed,
    unsigned arena)
{
	struct je_hooks *hooks = hooks_of(table);
	extent_hooks_t *foreign = foreign_of(hooks);
	bool is_refused;

	/* Forget it first: once given back, another heap may get it at any
	 * time. */
	if (hooks->forget != NULL)
		hooks->forget(hooks, addr, size);
	if (foreign == NULL)
		is_refused = !hooks->give(hooks, addr, size);
	else
		is_refused =
		    foreign->dalloc == NULL ||
		    foreign->dalloc(foreign, addr, size, committed, arena);
	if (is_refused)
		atomic_store_explicit(
		    &hooks->has_refused, true, memory_order_relaxed);
	/* It was noted before, so there is room for the note. */
	if (is_refused && hooks->note != NULL)
		(void)hooks->note(hooks, addr, size);
	return is_refused;
}

static void *
hook_alloc(extent_hooks_t *table, void *new_addr, size_t size, size_t alignment,
    bool *zero, bool *commit, unsigned arena)
{
	struct je_hooks *hooks = hooks_of(table);
	extent_hooks_t *foreign = foreign_of(hooks);
	bool is_zero = *zero, is_committed = *commit;
	void *addr;

	if (foreign == NULL) {
		addr = hooks->alloc(hooks, new_addr, size, alignment, &is_zero);
		is_committed = true;
	} else {
		addr = foreign->alloc(foreign, new_addr, size, alignment,
		    &is_zero, &is_committed, arena);
	}
	if (addr != NULL && hooks->note != NULL &&
	    !hooks->note(hooks, addr, size)) {
		(void)hook_dalloc(table, addr, size, is_committed, arena);
		addr = NULL;
	}
	if (addr != NULL) {
		*zero = is_zero;
		*commit = is_committed;
	}
	return addr;
}

static void
hook_destroy(extent_hooks_t *table, void *addr, size_t size, bool committed,
    unsigned arena)
{
	struct je_hooks *hooks = hooks_of(table);
	extent_hooks_t *foreign = foreign_of(hooks);

	if (foreign == NULL) {
		(void)hook_dalloc(table, addr, size, committed, arena);
		return;
	}
	if (hooks->forget != NULL)
		hooks->forget(hooks, addr, size);
	if (foreign->destroy != NULL)
		foreign->destroy(foreign, addr, size, committed, arena);
}

/* The page map does not record extents, so splitting and merging them needs no
 * work. */
static bool
hook_split(extent_hooks_t *table, void *addr, size_t size, size_t size_a,
    size_t size_b, bool committed, unsigned arena)
{
	(void)table;
	(void)addr;
	(void)size;
	(void)size_a;
	(void)size_b;
	(void)committed;
	(void)arena;
	return false;
}

static bool
hook_merge(extent_hooks_t *table, void *addr_a, size_t size_a, void *addr_b,
    size_t size_b, bool committed, unsigned arena)
{
	(void)table;
	(void)addr_a;
	(void)size_a;
	(void)addr_b;
	(void)size_b;
	(void)committed;
	(void)arena;
	return false;
}

void
je_hooks_init(struct je_hooks *hooks)
{
	/* No commit, decommit and purge hooks: memory of a region is either
	 * present or given back. */
	extent_hooks_t table = {
	    .alloc = hook_alloc,
	    .dalloc = hook_dalloc,
	    .destroy = hook_destroy,
	    .split = hook_split,
	    .merge = hook_merge,
	};

	_Static_assert(sizeof(table) == sizeof(hooks->jemalloc_table),
	    "extent_hooks_t has another size: adapt struct je_hooks");
	memcpy(hooks->jemalloc_table, &table, sizeof(table));
	memset(hooks->foreign_table, 0, sizeof(hooks->foreign_table));
}

void
je_hooks_init_foreign(struct je_hooks *hooks, const void *foreign)
{
	extent_hooks_t table;

	memcpy(hooks->foreign_table, foreign, sizeof(table));
	memcpy(&table, foreign, sizeof(table));
	table.alloc = hook_alloc;
	table.dalloc = hook_dalloc;
	table.destroy = hook_destroy;
	memcpy(hooks->jemalloc_table, &table, sizeof(table));
}

/* --- arenas ----------------------------------------------------------------- */

/*
 * Making an arena touches about 27 pages and ending one unmaps them, which is
 * most of the cost of a short-lived kind.  So up to NR_SPARE ended arenas are
 * kept, empty, for reuse: their number plus 1, or 0.
 */
enum {
	NR_SPARE = 16
};
static _Atomic(unsigned) Spare[NR_SPARE];

static void *
give_nothing(
    struct je_hooks *je, void *new_addr, size_t len, size_t align, bool *zero)
{
	(void)je;
	(void)new_addr;
	(void)len;
	(void)align;
	(void)zero;
	return NULL;
}

static bool
keep_nothing(struct je_hooks *je, void *addr, size_t len)
{
	(void)je;
	(void)addr;
	(void)len;
	return true;
}

static struct je_hooks Nobodys_hooks = {
    .alloc = give_nothing, .give = keep_nothing};
static pthread_once_t Nobodys_once = PTHREAD_ONCE_INIT;

static void
init_nobodys(void)
{
	je_hooks_init(&Nobodys_hooks);
}

static int
set_hooks(unsigned arena, struct je_hooks *hooks)
{
	void *table = hooks->jemalloc_table;

	note_hooks(arena, hooks);
	return control(
	    &Je.hooks, 1, arena, NULL, NULL, (void *)&table, sizeof(table));
}

static bool
take_spare(unsigned *arena)
{
	for (size_t i = 0; i < NR_SPARE; i++) {
		unsigned value =
		    atomic_load_explicit(&Spare[i], memory_order_relaxed);

		if (value != 0 &&
		    atomic_compare_exchange_strong(&Spare[i], &value, 0)) {
			*arena = value - 1;
			return true;
		}
	}
	return false;
}

/* Keep an empty arena that has no heap. */
static bool
put_spare(unsigned arena)
{
	for (size_t i = 0; i < NR_SPARE; i++) {
		unsigned none = 0;

		if (atomic_compare_exchange_strong(&Spare[i], &none, arena + 1))
			return true;
	}
	return false;
}

static void
destroy(unsigned arena)
{
	int rc = control(&Je.destroy, 1, arena, NULL, NULL, NULL, 0);

	DK_BUG_ON(rc < 0); /* not the library's, or a thread is bound */
	note_hooks(arena, NULL);
	atomic_fetch_sub(&Nr_arenas, 1);
}

static bool
count_arena(void)
{
	if (atomic_fetch_add(&Nr_arenas, 1) <
	    ARENA_LIMIT - 1 - Je.nr_own_arenas)
		return true;
	atomic_fetch_sub(&Nr_arenas, 1);
	return false;
}

int
je_arena_promise(void)
{
	int saved_errno = errno;
	unsigned spare;

	if (!is_ready())
		return -ENOTSUP;
	while (!count_arena()) {
		if (!take_spare(&spare))
			return REASON_NO_ARENA;
		destroy(spare);
		errno = saved_errno;
	}
	return 0;
}

void
je_arena_forgo(void)
{
	atomic_fetch_sub(&Nr_arenas, 1);
}

static int
new_arena(struct je_hooks *hooks, bool purges_at_once, bool is_promised,
    unsigned *arena)
{
	struct je_arena_config config = {
	    .extent_hooks = (extent_hooks_t *)(void *)hooks->jemalloc_table,
	    .metadata_use_hooks = false,
	};
	size_t len = sizeof(*arena);
	ssize_t at_once = 0;
	int saved_errno = errno;

	if (!is_ready())
		return -ENOTSUP;
	unsigned spare;
	if (purges_at_once && take_spare(&spare)) {
		int err = set_hooks(spare, hooks);

		DK_BUG_ON(err < 0);
		if (is_promised)
			je_arena_forgo(); /* the spare one is counted already */
		*arena = spare;
		errno = saved_errno;
		return 0;
	}
	if (!is_promised && !count_arena())
		return REASON_NO_ARENA;
	int rc = ask(&Je.create, arena, &len, &config, sizeof(config));
	if (rc == -EAGAIN)
		rc = REASON_NO_ARENA;
	if (rc < 0 && !is_promised)
		atomic_fetch_sub(&Nr_arenas, 1);
	if (rc == 0 && purges_at_once) {
		rc = control(&Je.dirty_decay, 1, *arena, NULL, NULL, &at_once,
		    sizeof(at_once));
		if (rc == 0)
			rc = control(&Je.muzzy_decay, 1, *arena, NULL, NULL,
			    &at_once, sizeof(at_once));
		if (rc < 0) {
			destroy(*arena);
			/* destroy() has uncounted the promised one */
			if (is_promised)
				atomic_fetch_add(&Nr_arenas, 1);
		}
	}
	if (rc == 0)
		note_hooks(*arena, hooks);
	errno = saved_errno;
	return rc;
}

int
je_arena_new(struct je_hooks *hooks, bool purges_at_once, unsigned *arena)
{
	return new_arena(hooks, purges_at_once, false, arena);
}

int
je_arena_redeem(struct je_hooks *hooks, bool purges_at_once, unsigned *arena)
{
	return new_arena(hooks, purges_at_once, true, arena);
}

/* An arena with delayed purging is not reused, since the next heap would
 * inherit that; nor is one that still holds memory of this heap. */
static bool
keep_as_spare(struct je_hooks *hooks, bool purges_at_once, unsigned arena)
{
	if (!purges_at_once || atomic_load(&hooks->has_refused))
		return false;
	(void)pthread_once(&Nobodys_once, init_nobodys);
	int rc = set_hooks(arena, &Nobodys_hooks);
	DK_BUG_ON(rc < 0);
	return put_spare(arena);
}

void
je_arena_free(struct je_hooks *hooks, bool purges_at_once, unsigned arena)
{
	int saved_errno = errno;
	int rc = control(&Je.reset, 1, arena, NULL, NULL, NULL, 0);

	DK_BUG_ON(rc < 0); /* not the library's, or a thread is bound */
	rc = control(&Je.purge, 1, arena, NULL, NULL, NULL, 0);
	DK_BUG_ON(rc < 0);
	if (!keep_as_spare(hooks, purges_at_once, arena))
		destroy(arena);
	errno = saved_errno;
}

void
je_arena_purge(unsigned arena)
{
	int saved_errno = errno;
	int rc = control(&Je.purge, 1, arena, NULL, NULL, NULL, 0);

	DK_BUG_ON(rc < 0);
	errno = saved_errno;
}

void
je_arena_decay(unsigned arena)
{
	int saved_errno = errno;

	/* Fails for an arena that no thread has used yet: nothing to do
	 * then. */
	(void)control(&Je.decay, 1, arena, NULL, NULL, NULL, 0);
	errno = saved_errno;
}

/* --- blocks ----------------------------------------------------------------- */

static int
flags_of(size_t align, bool zero)
{
	return (align > 1 ? MALLOCX_ALIGN(align) : 0) |
	       (zero ? MALLOCX_ZERO : 0);
}

/* MALLOCX_ARENA() shifts an int, which overflows from arena 2,047 on. */
static int
arena_flag(unsigned arena)
{
	return (int)((arena + 1) << 20);
}

/*
 * An ending thread loses jemalloc's data, and jemalloc then uses an arena of
 * its own choice; a debug build aborts.  The destructor of a key does that.
 * Destructors run in the order in which their keys were made, and this key is
 * made before jemalloc's.
 */
enum thread_state {
	THREAD_IS_NEW,
	THREAD_IS_NOTED,
	THREAD_IS_ENDING
};
static _Thread_local enum thread_state Thread_state;
static pthread_key_t Key;
static bool Has_key;

static void
note_end(void *arg)
{
	*(enum thread_state *)arg = THREAD_IS_ENDING;
}

__attribute__((constructor(101))) static void
make_key(void)
{
	Has_key = pthread_key_create(&Key, note_end) == 0;
}

static DK_NOINLINE void
note_new_thread(void)
{
	/* First: setting may allocate, and malloc be built on this. */
	Thread_state = THREAD_IS_NOTED;
	if (Has_key)
		(void)pthread_setspecific(Key, &Thread_state);
}

/* Before anything of which jemalloc takes notes in this thread. */
static void
note_thread(void)
{
	if (DK_UNLIKELY(Thread_state == THREAD_IS_NEW))
		note_new_thread();
}

bool
je_thread_is_ending(void)
{
	return Thread_state == THREAD_IS_ENDING;
}

/* Sizes up to this, aligned to a page at most, need no check. */
#define ALWAYS_FITS ((size_t)16 * KIB)

/* The result of mallocx() is undefined beyond the largest size class. */
static bool
is_too_large(size_t size, size_t align)
{
	if (DK_LIKELY(size <= ALWAYS_FITS && align <= DK_PAGE))
		return false;
	return size > PTRDIFF_MAX || align > PTRDIFF_MAX / 4 ||
	       size > PTRDIFF_MAX - align ||
	       jemk_nallocx(size, flags_of(align, false)) == 0;
}

void *
je_alloc(unsigned arena, size_t size, size_t align, bool zero)
{
	note_thread();
	if (DK_UNLIKELY(je_thread_is_ending()) || is_too_large(size, align))
		return NULL;
	return jemk_mallocx(size,
	    flags_of(align, zero) | arena_flag(arena) | MALLOCX_TCACHE_NONE);
}

void *
je_resize(unsigned arena, void *ptr, size_t size)
{
	note_thread();
	if (DK_UNLIKELY(je_thread_is_ending()) || is_too_large(size, 0))
		return NULL;
	return jemk_rallocx(ptr, size, arena_flag(arena) | MALLOCX_TCACHE_NONE);
}

void
je_free(void *ptr)
{
	note_thread();
	jemk_dallocx(ptr, MALLOCX_TCACHE_NONE);
}

size_t
je_usable(const void *ptr)
{
	note_thread();
	/* This build of jemalloc looks the pointer up before it uses it. */
	return jemk_malloc_usable_size((void *)(uintptr_t)ptr);
}

unsigned
je_arena_of(const void *ptr)
{
	unsigned arena = 0;
	size_t len = sizeof(arena);
	int saved_errno = errno;
	int rc = ask(&Je.lookup, &arena, &len, (void *)&ptr, sizeof(ptr));

	DK_BUG_ON(rc != 0); /* ptr is not a block */
	errno = saved_errno;
	return arena;
}

bool
je_is_sparse(const void *ptr)
{
	struct je_utilization u;
	size_t len = sizeof(u);
	int saved_errno = errno;
	int rc = ask(&Je.utilization, &u, &len, (void *)&ptr, sizeof(ptr));

	errno = saved_errno;
	if (rc != 0 || u.nr_objects <= 1 || u.bin_nr_objects == 0)
		return false;
	uintptr_t slab = (uintptr_t)u.current_slab;
	if ((uintptr_t)ptr >= slab && (uintptr_t)ptr < slab + u.slab_size)
		return false; /* a new block would come from the same slab */
	/* Sparse: at most an eighth fuller than the average slab of its bin. */
	size_t used = u.nr_objects - u.nr_free;
	size_t bin_used = u.bin_nr_objects - u.bin_nr_free;
	return u.nr_free > 0 &&
	       used * u.bin_nr_objects * 8 <= bin_used * u.nr_objects * 9;
}

unsigned
je_nr_bins(void)
{
	unsigned nr_bins;
	size_t len = sizeof(nr_bins);

	if (!is_ready() ||
	    jemk_mallctl("arenas.nbins", &nr_bins, &len, NULL, 0) != 0)
		return 0;
	return nr_bins;
}

static size_t
read_bin(const struct mib *mib, unsigned bin)
{
	size_t value = 0;
	size_t len = sizeof(value);

	if (!is_ready() || control(mib, 2, bin, &value, &len, NULL, 0) < 0)
		return 0;
	return value;
}

size_t
je_bin_size(unsigned bin)
{
	return read_bin(&Je.bin_size, bin);
}

size_t
je_bin_slab_size(unsigned bin)
{
	return read_bin(&Je.bin_slab_size, bin);
}

/* --- statistics ------------------------------------------------------------- */

int
je_stats_refresh(void)
{
	uint64_t epoch = 1;
	size_t len = sizeof(epoch);

	if (!is_ready())
		return -ENOTSUP;
	return ask(&Je.epoch, &epoch, &len, &epoch, sizeof(epoch));
}

int
je_stats(struct je_stats *stats)
{
	if (!is_ready() || !ask_size(&Je.allocated, &stats->allocated) ||
	    !ask_size(&Je.active, &stats->active) ||
	    !ask_size(&Je.all_resident, &stats->resident))
		return -ENOTSUP;
	return 0;
}

int
je_arena_stats(unsigned arena, struct je_stats *stats)
{
	size_t small = 0, large = 0, pages = 0, resident = 0;
	size_t len = sizeof(size_t);

	if (!is_ready())
		return -ENOTSUP;
	int rc = control(&Je.small_allocated, 2, arena, &small, &len, NULL, 0);
	if (rc == 0)
		rc = control(
		    &Je.large_allocated, 2, arena, &large, &len, NULL, 0);
	if (rc == 0)
		rc = control(&Je.pactive, 2, arena, &pages, &len, NULL, 0);
	if (rc == 0)
		rc = control(&Je.resident, 2, arena, &resident, &len, NULL, 0);
	/* An arena made after the last refresh has no figures yet. */
	if (rc == -ENOENT)
		rc = 0;
	if (rc == 0)
		*stats = (struct je_stats){
		    .allocated = small + large,
		    .active = pages * DK_PAGE,
		    .resident = resident,
		};
	return rc;
}

/* --- messages of jemalloc --------------------------------------- */

/* A message, perhaps with the prefix "<jemalloc>: ". jemalloc calls this with
 * locks held. */
static void
log_message(void *arg, const char *text)
{
	const char *end = strstr(text, ">: ");
	const char *what = *text == '<' && end != NULL ? end + 3 : text;

	(void)arg;
	log_write(
	    DK_LOG_WARNING, "jemalloc: %.*s", (int)strcspn(what, "\n"), what);
}

/* Before other constructors, which may cause messages. */
__attribute__((constructor(101))) static void
take_messages(void)
{
	jemk_malloc_message = log_message;
}

/* Collects a report until it is complete. */
struct printed {
	const char *opts;
	char *text;
	size_t len, room;
	bool is_cut; /* there was no memory for all of it */
};

static bool
make_room(struct printed *p, size_t len)
{
	size_t room = max_size(2 * p->room, p->len + len + 1);

	if (p->len + len < p->room)
		return true;
	char *text = os_new(room);
	if (text == NULL)
		return false;
	memcpy(text, p->text, p->len);
	os_delete(p->text);
	p->text = text;
	p->room = room;
	return true;
}

static void
keep_printed(void *arg, const char *text)
{
	struct printed *p = arg;
	size_t len = strlen(text);

	if (p->is_cut || !make_room(p, len)) {
		p->is_cut = true;
		return;
	}
	memcpy(p->text + p->len, text, len);
	p->len += len;
	p->text[p->len] = '\0';
}

static void
print_apart(void *arg)
{
	struct printed *p = arg;

	jemk_malloc_stats_print(keep_printed, p, p->opts);
}

void
je_stats_print(
    void (*write_cb)(void *, const char *), void *cb_arg, const char *opts)
{
	struct printed p = {.opts = opts, .room = 64 * KIB};

	DK_NO_CANCEL();
	/* The report needs more stack than a thread may have, but the caller's
	 * function must run in the caller's thread.  So collect it first. */
	p.text = os_new(p.room);
	if (p.text != NULL && write_cb != NULL)
		os_run_apart(print_apart, &p);
	if (p.len > 0 && !p.is_cut)
		write_cb(cb_arg, p.text);
	else
		jemk_malloc_stats_print(write_cb, cb_arg, opts);
	os_delete(p.text);
}
