// SPDX-License-Identifier: BSD-2-Clause
/*
 * writer_durable_heap.c -- four threads that replace objects of a durable heap
 * until the power fails; "ACK n" is said when n epochs are durable.
 */
#include <inttypes.h>
#include <pthread.h>
#include <unistd.h>

#include "power_heap.h"

static memkind_t Kind;
static struct power_table *Table;
static uint64_t Round, Epoch;
static pthread_barrier_t Begin, End;

static int
fail(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, daxkind_last_error());
	return 1;
}

/* In a write(2) of its own, so that it is out when it is said. */
static int
acknowledge(uint64_t n)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "ACK %" PRIu64 "\n", n);

	return write(STDOUT_FILENO, line, (size_t)len) == len ? 0 : -1;
}

/* Link last, unlink first. */
static void
replace(size_t thread, size_t slot)
{
	_Atomic(uintptr_t) *at = &Table->slots[thread][slot];
	void *old =
	    (void *)atomic_load(at); /* NOLINT(performance-no-int-to-ptr) */
	size_t size = power_object_size(Round, thread, Epoch, slot);
	struct power_object *object = NULL;

	if (size > 0) {
		object = memkind_malloc(Kind, size);
		if (object == NULL)
			_exit(fail("malloc"));
		power_object_fill(object, Round, thread, Epoch, slot);
		if (daxkind_persist(Kind, object, size) < 0)
			_exit(fail("persist"));
	}
	atomic_store(at, (uintptr_t)object);
	if (daxkind_persist(Kind, (const void *)(uintptr_t)at, sizeof(*at)) < 0)
		_exit(fail("persist"));
	memkind_free(Kind, old);
}

static int
set_done(uint64_t nr)
{
	atomic_store(&Table->nr_done, nr);
	return daxkind_persist(Kind, Table, sizeof(*Table));
}

static void *
work(void *arg)
{
	size_t thread = *(const size_t *)arg;

	for (;;) {
		(void)pthread_barrier_wait(&Begin);
		for (size_t i = 0; i < power_nr_touched(Epoch); i++)
			replace(thread, power_touched(Round, thread, Epoch, i));
		(void)pthread_barrier_wait(&End);
	}
	return NULL;
}

static int
open_heap(const char *path)
{
	struct daxkind_region *region;
	unsigned flags = Round == 1 ? DAXKIND_CREATE | DAXKIND_OVERWRITE : 0;
	struct stat st;
	bool is_device = stat(path, &st) == 0 && S_ISCHR(st.st_mode);
	size_t size = Round == 1 && !is_device ? POWER_HEAP_SIZE : 0;

	if (is_device)
		flags &= ~(unsigned)DAXKIND_CREATE;
	if (daxkind_region_open_durable(
		path, size, POWER_HEAP_LAYOUT, flags, &region) < 0)
		return fail("region");
	if (daxkind_kind_create(region, &Kind) < 0)
		return fail("kind");
	Table = daxkind_root(Kind, "table");
	if (Table != NULL)
		return 0;
	Table = memkind_calloc(Kind, 1, sizeof(*Table));
	if (Table == NULL || daxkind_persist(Kind, Table, sizeof(*Table)) < 0 ||
	    daxkind_root_set(Kind, "table", Table) < 0)
		return fail("table");
	return 0;
}

int
main(int argc, char **argv)
{
	static size_t numbers[POWER_THREADS];
	pthread_t thread;

	if (getenv("DAXKIND_TEST_DAX") == NULL || argc != 2)
		return 77;
	Round = power_heap_round();
	if (open_heap(power_heap_path(argv[1])) != 0)
		return 1;
	if (pthread_barrier_init(&Begin, NULL, POWER_THREADS + 1) != 0 ||
	    pthread_barrier_init(&End, NULL, POWER_THREADS + 1) != 0)
		return 1;
	for (size_t i = 0; i < POWER_THREADS; i++) {
		numbers[i] = i;
		if (pthread_create(&thread, NULL, work, &numbers[i]) != 0)
			return 1;
	}
	atomic_store(&Table->round, Round);
	if (set_done(0) < 0)
		return fail("persist");
	for (Epoch = 0;; Epoch++) {
		(void)pthread_barrier_wait(&Begin);
		(void)pthread_barrier_wait(&End);
		if (set_done(Epoch + 1) < 0)
			return fail("persist");
		if (acknowledge(Epoch + 1) < 0)
			return 1;
	}
}
