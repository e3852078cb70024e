/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h -- the readers: threads that ask the cache for objects, read every
 * byte of what they get and hold it against the original's checksum.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdint.h>

#include "cache.h"
#include "corpus.h"
#include "histogram.h"
#include "progress.h"
#include "zipf.h"

struct trace_config {
	const struct corpus *corpus; /* loaded */
	struct cache *cache;
	const struct zipf *zipf;
	uint64_t nr_reads; /* of all threads */
	unsigned nr_threads;
	uint64_t seed;
};

struct trace_result {
	/* By where the object was.  From the request to the last byte checked,
	 * with the promotion or the insertion that it led to. */
	struct histogram latency[CACHE_NR_TIERS];
	uint64_t size[CACHE_NR_TIERS]; /* bytes served, by where they were */
	uint64_t nr_wrong;      /* objects from a tier that were damaged */
	uint64_t nr_changed;    /* files that are not what they were */
	uint64_t nr_unreadable; /* files that could not be read again */
	uint64_t elapsed_ns;
	int is_interrupted; /* by trace_interrupt() */
};

/* Serve the trace.  Returns 0 or a negative errno value. */
int trace_run(const struct trace_config *config, struct progress *progress,
    struct trace_result *result);

/* Let a running trace end early.  May be called by a signal handler. */
void trace_interrupt(void);

#endif /* TRACE_H */
