/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h -- reader threads, which request objects from the cache, read every
 * byte and compare the checksum with the original's.  A damaged object is not
 * served; its file is read instead.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdint.h>

#include "cache.h"
#include "corpus.h"
#include "curve.h"
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
	uint64_t stream;     /* of the seed, for the first thread */
	struct curve *curve; /* or NULL */
	struct kept *kept;   /* or NULL */
	uint64_t kill_at; /* kill this process in the first insert after as many
			   * reads; 0: do not */
};

struct trace_result {
	/* By the object's place.  From the request until the last byte is
	 * checked, including the promotion or insertion. */
	struct histogram latency[CACHE_NR_TIERS];
	uint64_t size[CACHE_NR_TIERS]; /* bytes served, by place */
	uint64_t nr_wrong;             /* objects in a tier that were damaged */
	uint64_t nr_changed;           /* files that were changed */
	uint64_t nr_unreadable;        /* files that could not be read again */
	uint64_t elapsed_ns;
	int is_interrupted; /* by trace_interrupt() */
};

/* Serve the trace.  Returns 0 or a negative errno value. */
int trace_run(const struct trace_config *config, struct progress *progress,
    struct trace_result *result);

/* Let a running trace end early.  May be called by a signal handler. */
void trace_interrupt(void);

#endif /* TRACE_H */
