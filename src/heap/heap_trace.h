/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap_trace.h -- what of a durable heap its roots reach (layer 4).
 *
 *   roots --> marked blocks, still to be read --> what they point to is marked
 *                                             --> ... until none is left
 *   what is allocated and not marked is freed
 *
 * Two bits for each block that a slab has room for say what is still unmarked,
 * and what is to be read later: there is a stack of fixed size for what is to be
 * read next, and where it is full, the second bit waits for another look at all
 * of them.  So the memory is known before the first block is marked, and nothing
 * recurses.
 */
#ifndef HEAP_TRACE_H
#define HEAP_TRACE_H

#include <stddef.h>

#include "base/export.h"
#include "heap/heap.h"

struct heap_trace;

struct heap_trace_request {
	/* Called once for each block that is reached, to mark what it points
	 * to; a value other than 0 ends the trace.  NULL: each aligned word
	 * that is an address marks. */
	int (*visit)(
	    void *arg, void *block, size_t usable, struct heap_trace *trace);
	void *arg;
};

struct heap_trace_result {
	size_t kept_blocks, kept_bytes;
	size_t freed_blocks, freed_bytes;
};

/*
 * Free what the roots do not reach, while no other thread uses the heap.  Nothing
 * is freed where it fails: the value of visit; -ENOMEM; -EUCLEAN, the ledger is
 * damaged; -EIO, a block that is to be read has a page out of use.
 */
int heap_trace_run(struct heap *heap, const struct heap_trace_request *request,
    struct heap_trace_result *result) DK_MUST_CHECK;

/* For visit: the block that ptr is in, if any, is reached. */
void heap_trace_mark(struct heap_trace *trace, const void *ptr);

#endif /* HEAP_TRACE_H */
