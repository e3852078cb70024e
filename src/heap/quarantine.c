// SPDX-License-Identifier: BSD-2-Clause
/*
 * quarantine.c -- see quarantine.h.
 *
 * One thread may note a block in the page map while another adds a bad page.
 * The latter sets the bit, then marks the word.  The former reads the word,
 * then the bit, and changes the word only if it is unchanged.
 */
#include "heap/quarantine.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"
#include "heap/je.h"
#include "heap/size_class.h"

/* A small block can begin this many pages before a bad one and touch it. */
enum {
	PAGES_BEFORE = (SIZE_CLASS_LARGEST + 4095) / 4096
};

struct withheld_block {
	struct withheld_block *next;
	void *ptr;
	size_t size;
};

static _Atomic(uint64_t) *
bits_of(const struct quarantine *q)
{
	return atomic_load(&q->bits);
}

static size_t
bits_len(const struct quarantine *q)
{
	return align_up(q->pages->nr_pages, 64) / 8;
}

static size_t
page_nr(const struct quarantine *q, const void *addr)
{
	return ((uintptr_t)addr - q->pages->base) >> DK_PAGE_SHIFT;
}

/* Whether one of the pages first to last is bad. */
static bool
any_bad(const struct quarantine *q, size_t first, size_t last)
{
	_Atomic(uint64_t) *bits = bits_of(q);

	for (size_t nr = first; bits != NULL && nr <= last; nr++) {
		if (nr < q->pages->nr_pages &&
		    (atomic_load(&bits[nr / 64]) >> nr % 64 & 1) != 0)
			return true;
	}
	return false;
}

bool
quarantine_touches_slow(const struct quarantine *q, const void *ptr, size_t len)
{
	return any_bad(
	    q, page_nr(q, ptr), page_nr(q, (const char *)ptr + len - 1));
}

bool
quarantine_admit(struct quarantine *q, const void *ptr, unsigned size_class)
{
	_Atomic(uint32_t) *at = page_map_word(q->pages, ptr);
	uint32_t old = atomic_load(at);
	size_t first = page_nr(q, ptr);
	uint32_t word;

	do {
		word = page_word_of_small(size_class);
		if (any_bad(q, first, first + PAGES_BEFORE))
			word |= PAGE_NEAR_BAD;
	} while (!atomic_compare_exchange_weak(at, &old, word));
	return !quarantine_touches_slow(q, ptr, Size_classes.size[size_class]);
}

/* --- adding ------------------------------------------------------------------- */

static int
make_bits(struct quarantine *q)
{
	_Atomic(uint64_t) *none = NULL;
	void *bits;

	if (bits_of(q) != NULL)
		return 0;
	int rc = os_map_anon(bits_len(q), &bits);
	if (rc < 0)
		return rc;
	if (!atomic_compare_exchange_strong(
		&q->bits, &none, (_Atomic(uint64_t) *)bits))
		(void)os_unmap(bits, bits_len(q));
	return 0;
}

static void
mark_near_bad(struct quarantine *q, size_t nr)
{
	_Atomic(uint32_t) *at = &q->pages->words[nr];
	uint32_t old = atomic_load(at);

	while (!page_is_large(old) &&
	       !atomic_compare_exchange_weak(at, &old, old | PAGE_NEAR_BAD))
		;
}

int
quarantine_add(struct quarantine *q, void *addr, size_t len)
{
	size_t first = page_nr(q, addr);
	size_t end = first + len / DK_PAGE;
	int rc = make_bits(q);

	if (rc < 0)
		return rc;
	_Atomic(uint64_t) *bits = bits_of(q);
	for (size_t nr = first; nr < end; nr++)
		atomic_fetch_or(&bits[nr / 64], UINT64_C(1) << nr % 64);
	for (size_t nr = first - min_size(first, PAGES_BEFORE); nr < end; nr++)
		mark_near_bad(q, nr);
	return 0;
}

/* --- withholding ---------------------------------------------------------------- */

void
quarantine_withhold(struct quarantine *q, void *ptr, unsigned size_class)
{
	size_t size = Size_classes.size[size_class];

	atomic_fetch_add(&q->withheld_bytes, size);
	lock_take(&q->lock);
	struct withheld_block *withheld = pool_get(&q->records);
	/* Without a record, the block stays withheld until the heap ends. */
	if (withheld != NULL) {
		*withheld = (struct withheld_block){
		    .next = q->withheld, .ptr = ptr, .size = size};
		q->withheld = withheld;
		q->nr_withheld++;
	}
	lock_drop(&q->lock);
}

static void
free_one_locked(struct quarantine *q)
{
	lock_assert_held(&q->lock);
	struct withheld_block *withheld = q->withheld;

	q->withheld = withheld->next;
	q->nr_withheld--;
	je_free(withheld->ptr);
	atomic_fetch_sub(&q->withheld_bytes, withheld->size);
	pool_put(&q->records, withheld);
}

bool
quarantine_free_withheld(struct quarantine *q)
{
	if (bits_of(q) == NULL)
		return false;
	lock_take(&q->lock);
	/* Under the lock: a thread that finds none here knows that all are
	 * freed.  Blocks that other threads withhold meanwhile wait for the
	 * next call. */
	size_t nr = q->nr_withheld;
	for (size_t i = 0; i < nr; i++)
		free_one_locked(q);
	lock_drop(&q->lock);
	return nr > 0;
}

/* --- life ----------------------------------------------------------------------- */

void
quarantine_init(struct quarantine *q, const struct page_map *pages)
{
	memset(q, 0, sizeof(*q));
	q->pages = pages;
	lock_init(&q->lock, RANK_QUARANTINE);
	pool_init(&q->records, sizeof(struct withheld_block));
}

/* The withheld blocks themselves end with their arenas. */
void
quarantine_fini(struct quarantine *q)
{
	_Atomic(uint64_t) *bits = bits_of(q);

	if (bits != NULL)
		(void)os_unmap((void *)(uintptr_t)bits, bits_len(q));
	pool_fini(&q->records);
	lock_fini(&q->lock);
}
