/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum.h -- the 64-bit checksum of the examples.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 of len bytes at data.  For data in several pieces, pass the sum of each
 * piece as the seed of the next. */
uint64_t checksum_xxh64(const void *data, size_t len, uint64_t seed);

#endif /* CHECKSUM_H */
