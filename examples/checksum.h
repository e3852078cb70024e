/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum.h -- the 64-bit checksum that the examples guard their data with.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * XXH64 of len bytes at data.  A checksum of several pieces is made by giving
 * the sum of the first as the seed of the second, and so on.
 */
uint64_t checksum_xxh64(const void *data, size_t len, uint64_t seed);

#endif /* CHECKSUM_H */
