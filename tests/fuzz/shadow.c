// SPDX-License-Identifier: BSD-2-Clause
/*
 * shadow.c -- see shadow.h.
 */
#include "shadow.h"

#include <string.h>

#include "fuzz.h"

/* What is done here says nothing of the library: no fuzzer is to follow it, and
 * every byte that a sanitizer looks at again makes it slower. */
#ifdef __clang__
#pragma clang attribute push(                                         \
    __attribute__((no_sanitize("coverage", "address", "undefined"))), \
    apply_to = function)
#endif

/* Blocks up to this are filled with words side by side, others with a word in
 * each STEP, which is enough to find out another block of any size. */
#define DENSE_MAX ((size_t)1024)
#define STEP ((size_t)256)
#define WORD sizeof(uint64_t)

struct range {
	char *addr, *end;
};

struct shadow_block Shadow[SHADOW_MAX];
unsigned Shadow_nr;
static struct range Sorted[SHADOW_MAX]; /* the same blocks by address */
static uint64_t Next_tag;

void
shadow_clear(void)
{
	Shadow_nr = 0;
	Next_tag = 1;
}

/* The place of the first range that begins at addr or behind it. */
static unsigned
find_place(const char *addr)
{
	unsigned low = 0, high = Shadow_nr;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (Sorted[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t
step_of(const struct shadow_block *b)
{
	return b->usable <= DENSE_MAX ? WORD : STEP;
}

static uint64_t
word_at(const struct shadow_block *b, size_t off)
{
	return b->tag + off * UINT64_C(0x9E3779B97F4A7C15);
}

/* Where the last word begins: it need not be at a multiple of the step. */
static size_t
last_word(const struct shadow_block *b)
{
	return b->usable - WORD;
}

static void
fill(const struct shadow_block *b)
{
	uint64_t word;

	for (size_t off = 0; off <= last_word(b); off += step_of(b)) {
		word = word_at(b, off);
		memcpy(b->addr + off, &word, WORD);
	}
	word = word_at(b, last_word(b));
	memcpy(b->addr + last_word(b), &word, WORD);
}

static void
expect_word(const struct shadow_block *b, const char *addr, size_t off)
{
	uint64_t want = word_at(b, off), got;

	memcpy(&got, addr + off, WORD);
	expect(got == want,
	    "block %p of %zu bytes, heap %u, now at %p: at %zu is 0x%llx "
	    "and not 0x%llx",
	    (void *)b->addr, b->usable, b->heap, (const void *)addr, off,
	    (unsigned long long)got, (unsigned long long)want);
}

void
shadow_expect(unsigned i, const char *addr, size_t len)
{
	const struct shadow_block *b = &Shadow[i];

	/* The last word was written over a part of those before it. */
	for (size_t off = 0; off + WORD <= len; off += step_of(b)) {
		if (off + WORD <= last_word(b))
			expect_word(b, addr, off);
	}
	if (len == b->usable)
		expect_word(b, addr, last_word(b));
}

void
shadow_add(unsigned heap, char *addr, size_t usable)
{
	unsigned place = find_place(addr);
	struct shadow_block *b = &Shadow[Shadow_nr];

	expect(usable >= WORD, "only %zu bytes", usable);
	if (place > 0)
		expect(Sorted[place - 1].end <= addr,
		    "block %p of %zu bytes overlaps %p to %p", (void *)addr,
		    usable, (void *)Sorted[place - 1].addr,
		    (void *)Sorted[place - 1].end);
	if (place < Shadow_nr)
		expect(addr + usable <= Sorted[place].addr,
		    "block %p of %zu bytes overlaps %p to %p", (void *)addr,
		    usable, (void *)Sorted[place].addr,
		    (void *)Sorted[place].end);
	memmove(&Sorted[place + 1], &Sorted[place],
	    (Shadow_nr - place) * sizeof(Sorted[0]));
	Sorted[place] = (struct range){addr, addr + usable};
	*b = (struct shadow_block){
	    .addr = addr,
	    .usable = usable,
	    .tag = Next_tag++ * UINT64_C(0xD1B54A32D192ED03),
	    .heap = heap,
	};
	Shadow_nr++;
	fill(b);
}

void
shadow_remove(unsigned i)
{
	unsigned place = find_place(Shadow[i].addr);

	Shadow_nr--;
	memmove(&Sorted[place], &Sorted[place + 1],
	    (Shadow_nr - place) * sizeof(Sorted[0]));
	Shadow[i] = Shadow[Shadow_nr];
}

size_t
shadow_bytes(unsigned heap)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < Shadow_nr; i++) {
		if (Shadow[i].heap == heap)
			bytes += Shadow[i].usable;
	}
	return bytes;
}

unsigned
shadow_count(unsigned heap)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < Shadow_nr; i++)
		nr += Shadow[i].heap == heap;
	return nr;
}

unsigned
shadow_find(const char *addr)
{
	unsigned i = 0;

	while (i < Shadow_nr && Shadow[i].addr != addr)
		i++;
	return i;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
