/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zipf.h -- chooses the next object to read: few are hot, many are cold.
 *
 * The probability of the object of rank r (1, 2, ...) is proportional to 1 /
 * r^skew.  The seed shuffles the objects' ranks.
 */
#ifndef ZIPF_H
#define ZIPF_H

#include <stddef.h>
#include <stdint.h>

struct zipf_random {
	uint64_t state;
};

struct zipf {
	size_t nr;
	double *up_to;   /* [rank]: probability of this or any hotter rank */
	size_t *objects; /* [rank]: the object of that rank */
};

/* skew 0 is uniform.  Returns 0 or -ENOMEM. */
int zipf_init(struct zipf *zipf, size_t nr, double skew, uint64_t seed);
void zipf_fini(struct zipf *zipf);

/* Different streams of one seed are independent. */
struct zipf_random zipf_random_of(uint64_t seed, uint64_t stream);
/* Draw an object's number, below nr.  Any thread may call it, with its own
 * random. */
size_t zipf_draw(const struct zipf *zipf, struct zipf_random *random);

#endif /* ZIPF_H */
