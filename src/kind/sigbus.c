// SPDX-License-Identifier: BSD-2-Clause
/*
 * sigbus.c -- see sigbus.h.
 *
 *   thread that met the error             our own thread
 *   ------------------------------        ---------------------------
 *   handler: put the range in a slot
 *            post, and wait        ---->  quarantine it (takes locks)
 *            call back             <----  count it as done
 *            put a page there
 *
 * The handler takes no lock and does not allocate.  It waits only if the thread
 * itself touched the memory: the library's code never does that with a lock
 * held, but for the records of a durable heap, for which nothing is posted.  So
 * the other thread can do its work.  A signal for memory that was not
 * touched yet (BUS_MCEERR_AO) may come at any moment, so then the handler does
 * not wait.
 */
#include "kind/sigbus.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/sched_point.h"
#include "base/util.h"
#include "kind/kind_quarantine.h"
#include "region/region.h"
#include "region/region_index.h"
#include "restart/restart.h"

enum {
	NR_SLOTS = 256,
	WAIT_MAX_US = 2000000,
	LSB_MAX = 30 /* pieces of memory are at most 1 GiB */
};

enum slot_state {
	SLOT_FREE,
	SLOT_FILLING,
	SLOT_READY
};

struct slot {
	_Atomic(enum slot_state) state;
	_Atomic(unsigned) nr_done;
	char *addr;
	size_t len;
};

static struct {
	struct lock lock; /* for install and remove, not the handler */
	_Atomic(bool) is_on;
	_Atomic(bool) has_thread;
	_Atomic(bool) wants_stop;
	bool is_ours; /* the process's handler is handle() */
	void (*callback)(void *arg, void *addr, size_t len);
	void *arg;
	struct sigaction previous;
	pthread_t thread;
	sem_t posted;
	bool has_semaphore; /* never destroyed: a late handler may still post */
	struct slot slots[NR_SLOTS];
	atomic_flag is_replacing;
	_Atomic(unsigned) nr_lost; /* errors that found no free slot */
} Sigbus = {
    .lock = DK_LOCK_INIT(RANK_SIGBUS), .is_replacing = ATOMIC_FLAG_INIT};

/* --- the quarantine thread ------------------------------------------ */

static void
work_off(void)
{
	for (size_t i = 0; i < NR_SLOTS; i++) {
		struct slot *slot = &Sigbus.slots[i];

		if (atomic_load(&slot->state) != SLOT_READY)
			continue;
		kind_quarantine_anywhere(slot->addr, slot->len);
		atomic_fetch_add(&slot->nr_done, 1);
		atomic_store(&slot->state, SLOT_FREE);
	}
	unsigned nr_lost = atomic_exchange(&Sigbus.nr_lost, 0);
	if (nr_lost > 0)
		log_write(DK_LOG_ERROR,
		    "%u media errors were not quarantined: too many at a time",
		    nr_lost);
}

static void *
run(void *arg)
{
	(void)arg;
	while (!atomic_load(&Sigbus.wants_stop)) {
		while (sem_wait(&Sigbus.posted) != 0)
			;
		work_off();
	}
	return NULL;
}

/* --- the handler ---------------------------------------------------------------- */

/* The range of a region that the kernel reports as bad.  False: not the
 * library's memory. */
static bool
find_range(const siginfo_t *info, struct daxkind_region **region, char **addr,
    size_t *len)
{
	unsigned lsb = DK_PAGE_SHIFT;

	if (info->si_code == BUS_MCEERR_AR || info->si_code == BUS_MCEERR_AO) {
		if (info->si_addr_lsb > (short)lsb)
			lsb = (unsigned)info->si_addr_lsb;
	} else if (info->si_code != BUS_ADRERR) {
		return false; /* kill(2), alignment, or an unknown address */
	}
	struct daxkind_region *r = region_index_find(info->si_addr);
	if (info->si_addr == NULL || r == NULL || lsb > LSB_MAX)
		return false;

	size_t piece = (size_t)1 << lsb;
	size_t off = (size_t)((char *)info->si_addr - r->base);
	size_t misplaced = (uintptr_t)r->base % piece;
	size_t start = align_down(off + misplaced, piece);
	size_t end = start + piece - misplaced;
	start = start > misplaced ? start - misplaced : 0;
	*region = r;
	*addr = r->base + start;
	*len = min_size(end, r->size) - start;
	return true;
}

static struct slot *
post(char *addr, size_t len, unsigned *nr_done)
{
	for (size_t i = 0; i < NR_SLOTS; i++) {
		struct slot *slot = &Sigbus.slots[i];
		enum slot_state is_free = SLOT_FREE;

		if (!atomic_compare_exchange_strong(
			&slot->state, &is_free, SLOT_FILLING))
			continue;
		slot->addr = addr;
		slot->len = len;
		*nr_done = atomic_load(&slot->nr_done);
		atomic_store(&slot->state, SLOT_READY);
		(void)sem_post(&Sigbus.posted);
		return slot;
	}
	atomic_fetch_add(&Sigbus.nr_lost, 1);
	(void)sem_post(&Sigbus.posted);
	return NULL;
}

static void
wait_until_done(struct slot *slot, unsigned nr_done)
{
	uint64_t until = os_now_us() + WAIT_MAX_US;
	unsigned round = 0;

	while (atomic_load(&slot->nr_done) == nr_done && os_now_us() < until)
		os_pause(&round);
}

/*
 * If several threads met the same error, the first replaces the page and stores
 * to it, and the others must find that done.  The thread that replaces pages
 * has SIGBUS blocked, so this takes a short time.
 */
static int
replace(const struct backing *b, const char *addr, size_t len)
{
	size_t off = (size_t)(addr - b->base);
	size_t start = align_down(off, b->align);
	size_t end = align_up(off + len, b->align);
	unsigned round = 0;

	while (atomic_flag_test_and_set(&Sigbus.is_replacing))
		os_pause(&round);
	int rc = os_replace_pages(b->base + start, end - start);
	atomic_flag_clear(&Sigbus.is_replacing);
	return rc;
}

/*
 * The kernel reports a media error below a file system in the same way as a
 * store without file space.  Also, the page may be good by now, because another
 * thread met the same error.
 */
enum cause {
	CAUSE_GONE,    /* an access works now */
	CAUSE_LOST,    /* the page cannot be read */
	CAUSE_NO_SPACE /* or another cause: no data is lost */
};

static enum cause
find_cause(const siginfo_t *info, struct backing *b, char *addr)
{
	if (info->si_code != BUS_ADRERR)
		return CAUSE_LOST;
	if (os_probe_write(addr) == 0)
		return CAUSE_GONE;
	return backing_can_read(b, (size_t)(addr - b->base)) ? CAUSE_NO_SPACE
							     : CAUSE_LOST;
}

/* Do what would have happened without this handler. */
static void
chain(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *previous = &Sigbus.previous;
	bool from_kernel = info->si_code > 0;

	if ((previous->sa_flags & SA_SIGINFO) != 0) {
		previous->sa_sigaction(sig, info, context);
	} else if (previous->sa_handler == SIG_IGN && !from_kernel) {
		return;
	} else if (previous->sa_handler != SIG_DFL &&
		   previous->sa_handler != SIG_IGN) {
		previous->sa_handler(sig);
	} else {
		/* The default action, also for an ignored signal of the kernel:
		 * the access is repeated, and ends the process. */
		struct sigaction end = {.sa_handler = SIG_DFL};

		(void)sigaction(sig, &end, NULL);
		if (!from_kernel)
			(void)raise(sig); /* once this handler has returned */
	}
}

static bool
note_records(struct daxkind_region *region, const char *addr, size_t len)
{
	if (region->restart == NULL)
		return false;
	struct ledger *ledger = &region->restart->ledger;
	ledger_note_lost(ledger, (size_t)(addr - region->base), len);
	return ledger_is_hit(ledger);
}

static void
handle(int sig, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	struct daxkind_region *region;
	enum cause cause = CAUSE_NO_SPACE;
	char *addr;
	size_t len;

	if (atomic_load(&Sigbus.is_on) &&
	    find_range(info, &region, &addr, &len))
		cause = find_cause(info, region->backing, addr);
	if (cause != CAUSE_LOST) {
		if (cause == CAUSE_NO_SPACE)
			chain(sig, info, context);
		errno = saved_errno;
		return;
	}
	bool is_touched = info->si_code != BUS_MCEERR_AO;
	/* Records of a durable heap must not read as zeroes and be believed.
	 * They are nobody's to quarantine, and the thread may have locks that
	 * the other one would wait for. */
	bool is_record = note_records(region, addr, len);
	if (atomic_load(&Sigbus.has_thread) && !is_record) {
		unsigned nr_done = 0;
		struct slot *slot = post(addr, len, &nr_done);

		if (slot != NULL && is_touched)
			wait_until_done(slot, nr_done);
	}
	if (Sigbus.callback != NULL)
		Sigbus.callback(Sigbus.arg, addr, len);
	/* The callback returned: make the access work when it is repeated. */
	if (is_touched && replace(region->backing, addr, len) < 0)
		chain(sig, info, context);
	errno = saved_errno;
}

/* --- install and remove --------------------------------------------- */

static int
start_locked(void)
{
	lock_assert_held(&Sigbus.lock);
	atomic_store(&Sigbus.wants_stop, false);
	if (!Sigbus.has_semaphore && sem_init(&Sigbus.posted, 0, 0) != 0)
		return error_set(-errno, "the semaphore for quarantines "
					 "cannot be created");
	Sigbus.has_semaphore = true;
	int rc = os_thread_start(run, NULL, "daxkind-sigbus", &Sigbus.thread);
	if (rc < 0)
		return error_set(rc,
		    "the thread for quarantines cannot be started: %s",
		    strerror(-rc));
	atomic_store(&Sigbus.has_thread, true);
	return 0;
}

static void
stop_locked(void)
{
	lock_assert_held(&Sigbus.lock);
	if (!atomic_exchange(&Sigbus.has_thread, false))
		return;
	atomic_store(&Sigbus.wants_stop, true);
	(void)sem_post(&Sigbus.posted);
	os_thread_join(Sigbus.thread);
	work_off();
}

int
sigbus_install(void (*callback)(void *arg, void *addr, size_t len), void *arg)
{
	int rc = 0;

	lock_take(&Sigbus.lock);
	DK_POINT("a SIGBUS handler is installed");
	if (atomic_load(&Sigbus.is_on)) {
		rc = error_set(-EBUSY,
		    "the SIGBUS handler is already installed; remove it first");
		goto out;
	}
	rc = start_locked();
	if (rc < 0)
		goto out;
	Sigbus.callback = callback;
	Sigbus.arg = arg;
	if (!Sigbus.is_ours) {
		struct sigaction action = {
		    .sa_sigaction = handle, .sa_flags = SA_SIGINFO};

		(void)sigemptyset(&action.sa_mask);
		if (sigaction(SIGBUS, &action, &Sigbus.previous) != 0) {
			rc = error_set(
			    -errno, "the SIGBUS handler cannot be installed");
			stop_locked();
			goto out;
		}
		Sigbus.is_ours = true;
	}
	atomic_store(&Sigbus.is_on, true);
out:
	lock_drop(&Sigbus.lock);
	return rc;
}

/* If another handler was installed later, it may call this one, which must then
 * stay, and passes on all signals. */
static void
restore_locked(void)
{
	lock_assert_held(&Sigbus.lock);
	struct sigaction now;

	if (!Sigbus.is_ours || sigaction(SIGBUS, NULL, &now) != 0)
		return;
	if ((now.sa_flags & SA_SIGINFO) != 0) {
		if (now.sa_sigaction == handle)
			Sigbus.is_ours =
			    sigaction(SIGBUS, &Sigbus.previous, NULL) != 0;
	} else if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) {
		Sigbus.is_ours = false; /* no other handler can call it */
	}
}

int
sigbus_remove(void)
{
	int rc = 0;

	lock_take(&Sigbus.lock);
	if (!atomic_exchange(&Sigbus.is_on, false)) {
		rc = error_set(-EINVAL, "no SIGBUS handler is installed");
	} else {
		restore_locked();
		stop_locked();
	}
	lock_drop(&Sigbus.lock);
	return rc;
}

void
sigbus_lock_at_fork(void)
{
	lock_take_at_fork(&Sigbus.lock);
}

void
sigbus_unlock_at_fork(void)
{
	lock_drop(&Sigbus.lock);
}

void
sigbus_after_fork_in_child(void)
{
	/* The child lacks the quarantine thread.  Shared memory is the parent's
	 * to quarantine, and switched off in the child. */
	atomic_store(&Sigbus.has_thread, false);
	atomic_flag_clear(&Sigbus.is_replacing);
	/* The child also lacks the threads that filled these. */
	for (size_t i = 0; i < NR_SLOTS; i++) {
		if (atomic_load(&Sigbus.slots[i].state) != SLOT_FREE)
			atomic_store(&Sigbus.slots[i].state, SLOT_FREE);
	}
}

/* The library may be unloaded, with the code of the handler and the thread. */
__attribute__((destructor)) static void
end_sigbus(void)
{
	if (!atomic_load(&Sigbus.is_on))
		return;
	int rc = sigbus_remove();
	DK_BUG_ON(rc < 0);
}
