// SPDX-License-Identifier: BSD-2-Clause
/*
 * trace.c -- see trace.h.
 *
 * Each thread has its own counters, which are added up when it has ended.
 * Threads share only the cache, the number of reads done and the curve.
 */
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../checksum.h"
#include "units.h"

#define MAX_COMPLAINTS 5 /* damaged objects that are reported one by one */

struct reader {
	const struct trace_config *config;
	pthread_t thread;
	unsigned number;
	uint64_t nr_reads;
	struct corpus_buffer buffer; /* for files read from disk */
	struct trace_result result;
	uint64_t end_ns;
};

static atomic_bool Is_interrupted;
static _Atomic uint64_t Nr_begun; /* reads */
static atomic_uint Nr_running;
static atomic_uint Nr_complaints;

void
trace_interrupt(void)
{
	atomic_store(&Is_interrupted, true);
}

static void
complain(const struct corpus_file *file, const struct cache_object *object,
    uint64_t sum)
{
	if (atomic_fetch_add(&Nr_complaints, 1) >= MAX_COMPLAINTS)
		return;
	fprintf(stderr,
	    "DAMAGED: %s in the %s tier: checksum %016" PRIx64
	    " instead of %016" PRIx64 "; it was not served\n",
	    file->path, object->tier == CACHE_DRAM ? "DRAM" : "DAX", sum,
	    file->checksum);
}

/* Returns false when the object is in no tier, or damaged. */
static bool
serve_from_cache(struct reader *reader, size_t id, enum cache_tier *tier)
{
	const struct corpus_file *file = &reader->config->corpus->files[id];
	struct cache *cache = reader->config->cache;
	struct cache_object object;
	uint64_t sum;

	if (!cache_hold(cache, id, &object))
		return false;
	sum = checksum_xxh64(object.data, object.len, 0);
	if (sum != file->checksum || object.len != file->size) {
		complain(file, &object, sum);
		reader->result.nr_wrong++;
		cache_drop(cache, id);
		return false;
	}
	reader->result.size[object.tier] += object.len;
	*tier = object.tier;
	cache_release(cache, id);
	return true;
}

static void
serve_from_disk(struct reader *reader, size_t id)
{
	const struct corpus_file *file = &reader->config->corpus->files[id];
	struct corpus_buffer *buffer = &reader->buffer;

	if (corpus_read(file, buffer) < 0) {
		reader->result.nr_unreadable++;
		return;
	}
	reader->result.size[CACHE_DISK] += buffer->len;
	/* The file was changed meanwhile: this is not damage. */
	if (checksum_xxh64(buffer->data, buffer->len, 0) != file->checksum) {
		reader->result.nr_changed++;
		return;
	}
	cache_insert(reader->config->cache, id, buffer->data, buffer->len);
}

static void *
read_objects(void *arg)
{
	struct reader *reader = arg;
	const struct trace_config *config = reader->config;
	struct zipf_random random =
	    zipf_random_of(config->seed, config->stream + reader->number);
	enum cache_tier tier;
	uint64_t start_ns;
	uint64_t nr; /* among the reads of all threads */
	uint64_t i;
	size_t id;

	for (i = 0; i < reader->nr_reads && !atomic_load(&Is_interrupted);
	     i++) {
		nr = atomic_fetch_add(&Nr_begun, 1);
		if (config->kill_at != 0 && nr == config->kill_at)
			kept_kill_next(config->kept);
		id = zipf_draw(config->zipf, &random);
		start_ns = units_now_ns();
		if (!serve_from_cache(reader, id, &tier)) {
			tier = CACHE_DISK;
			serve_from_disk(reader, id);
		}
		histogram_count(
		    &reader->result.latency[tier], units_now_ns() - start_ns);
		if (config->curve != NULL)
			curve_count(config->curve, nr, tier != CACHE_DISK);
	}
	reader->end_ns = units_now_ns();
	atomic_fetch_sub(&Nr_running, 1);
	return NULL;
}

static void
add_result(struct trace_result *sum, const struct trace_result *other)
{
	int tier;

	for (tier = 0; tier < CACHE_NR_TIERS; tier++) {
		histogram_add(&sum->latency[tier], &other->latency[tier]);
		sum->size[tier] += other->size[tier];
	}
	sum->nr_wrong += other->nr_wrong;
	sum->nr_changed += other->nr_changed;
	sum->nr_unreadable += other->nr_unreadable;
}

static void
watch(struct progress *progress)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	while (atomic_load(&Nr_running) > 0) {
		progress_show(progress, atomic_load(&Nr_begun));
		(void)nanosleep(&pause, NULL);
	}
}

int
trace_run(const struct trace_config *config, struct progress *progress,
    struct trace_result *result)
{
	struct reader *readers = calloc(config->nr_threads, sizeof(*readers));
	unsigned nr_started;
	uint64_t start_ns;
	uint64_t end_ns;
	unsigned i;
	int rc = 0;

	if (readers == NULL)
		return -ENOMEM;
	atomic_store(&Nr_begun, 0);
	start_ns = units_now_ns();
	for (nr_started = 0; nr_started < config->nr_threads; nr_started++) {
		struct reader *reader = &readers[nr_started];

		reader->config = config;
		reader->number = nr_started;
		reader->nr_reads =
		    config->nr_reads / config->nr_threads +
		    (nr_started < config->nr_reads % config->nr_threads);
		atomic_fetch_add(&Nr_running, 1);
		rc = -pthread_create(
		    &reader->thread, NULL, read_objects, reader);
		if (rc < 0) {
			atomic_fetch_sub(&Nr_running, 1);
			trace_interrupt();
			break;
		}
	}
	watch(progress);

	end_ns = start_ns;
	for (i = 0; i < nr_started; i++) {
		pthread_join(readers[i].thread, NULL);
		add_result(result, &readers[i].result);
		if (readers[i].end_ns > end_ns)
			end_ns = readers[i].end_ns;
		corpus_buffer_fini(&readers[i].buffer);
	}
	result->elapsed_ns = end_ns - start_ns;
	result->is_interrupted = atomic_load(&Is_interrupted);
	free(readers);
	return rc;
}
