/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h -- the command line.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
	const char *region; /* a path, or NULL for a file of our own */
	const char *keep;   /* the path of a durable region, or NULL */
	size_t size;        /* of the region, in bytes; 0: choose */
	size_t dram_size;   /* of the DRAM tier, in bytes; 0: choose */
	size_t corpus_size; /* files to load at most, in bytes */
	uint64_t nr_reads;
	double skew;
	uint64_t seed;
	unsigned nr_threads;
	uint64_t kill_at;        /* in reads; 0: never */
	uint64_t warm;           /* in per cent; 0: do not ask */
	const char *svg_path;    /* or NULL */
	const char *curves_path; /* or NULL */
	bool want_json;
	bool want_colour;
	bool want_overwrite;
	bool want_salvage;
	bool want_damage;
	const char *const *dirs;
	size_t nr_dirs;
};

enum options_answer {
	OPTIONS_RUN,
	OPTIONS_DONE,
	OPTIONS_BAD
};

/* OPTIONS_BAD: the reason was printed. */
enum options_answer options_parse(
    int argc, char **argv, struct options *options);

#endif /* OPTIONS_H */
