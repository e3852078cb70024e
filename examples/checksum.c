// SPDX-License-Identifier: BSD-2-Clause
/*
 * checksum.c -- XXH64, written after the public specification (xxHash, "XXH64
 * algorithm description").  It handles several bytes a cycle, so that checking
 * an object costs little more than reading it.
 */
#include "checksum.h"

#include <endian.h>
#include <string.h>

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

#define STRIPE_LEN 32 /* bytes: four lanes of eight */

static uint64_t
rotate_left(uint64_t x, unsigned nr_bits)
{
	return x << nr_bits | x >> (64 - nr_bits);
}

static uint64_t
load_64(const unsigned char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return le64toh(x);
}

static uint64_t
load_32(const unsigned char *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return le32toh(x);
}

static uint64_t
mix_lane(uint64_t lane, uint64_t input)
{
	return rotate_left(lane + input * PRIME_2, 31) * PRIME_1;
}

static uint64_t
merge_lane(uint64_t sum, uint64_t lane)
{
	return (sum ^ mix_lane(0, lane)) * PRIME_1 + PRIME_4;
}

/* Process the whole stripes at *data, and move *data past them. */
static uint64_t
sum_stripes(const unsigned char **data, size_t len, uint64_t seed)
{
	const unsigned char *p = *data;
	uint64_t a = seed + PRIME_1 + PRIME_2;
	uint64_t b = seed + PRIME_2;
	uint64_t c = seed;
	uint64_t d = seed - PRIME_1;
	uint64_t sum;

	for (; len >= STRIPE_LEN; len -= STRIPE_LEN, p += STRIPE_LEN) {
		a = mix_lane(a, load_64(p));
		b = mix_lane(b, load_64(p + 8));
		c = mix_lane(c, load_64(p + 16));
		d = mix_lane(d, load_64(p + 24));
	}
	*data = p;

	sum = rotate_left(a, 1) + rotate_left(b, 7) + rotate_left(c, 12) +
	      rotate_left(d, 18);
	sum = merge_lane(sum, a);
	sum = merge_lane(sum, b);
	sum = merge_lane(sum, c);
	return merge_lane(sum, d);
}

uint64_t
checksum_xxh64(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *p = data;
	size_t rest_len = len % STRIPE_LEN;
	uint64_t sum;

	sum = len >= STRIPE_LEN ? sum_stripes(&p, len, seed) : seed + PRIME_5;
	sum += len;

	for (; rest_len >= 8; rest_len -= 8, p += 8) {
		sum ^= mix_lane(0, load_64(p));
		sum = rotate_left(sum, 27) * PRIME_1 + PRIME_4;
	}
	if (rest_len >= 4) {
		sum ^= load_32(p) * PRIME_1;
		sum = rotate_left(sum, 23) * PRIME_2 + PRIME_3;
		p += 4;
		rest_len -= 4;
	}
	for (; rest_len > 0; rest_len--, p++)
		sum = rotate_left(sum ^ *p * PRIME_5, 11) * PRIME_1;

	sum = (sum ^ sum >> 33) * PRIME_2;
	sum = (sum ^ sum >> 29) * PRIME_3;
	return sum ^ sum >> 32;
}
