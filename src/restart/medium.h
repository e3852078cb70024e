/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * medium.h -- what a durable heap has in its region (layer 3).
 *
 *   |superblock|marks|roots ...|ledger ...|  heap ...                |copy|
 *    page 0     page 1                     chunk by chunk             last page
 *
 * Where it has grown, there are two or more parts, of which each but the first
 * begins with a ledger of its own chunks:
 *
 *   |superblock|marks|roots|ledger|  heap ...|unused|ledger|  heap ...      |copy|
 *                                             page
 *                           part 0                 part 1
 *
 * The unused page was the copy of the superblock.  No slab and no extent is in two
 * parts.
 *
 * All numbers are of the machine's byte order: such a heap is not carried to
 * another sort of processor.  Offsets count bytes from the region's base.
 * Nothing on the medium is a lock, a process number, a time of day or a pthread
 * object.
 *
 * What is read from the medium may be damaged: whoever follows an offset has
 * checked it.
 */
#ifndef MEDIUM_H
#define MEDIUM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"
#include "region/superblock.h"

/* --- the superblock -------------------------------------------------------- */

enum {
	MEDIUM_VERSION = 1,
	MEDIUM_NAME_SIZE = 64, /* of a root, with its end */
	MEDIUM_LAYOUT_SIZE =
	    48, /* the program's name of its layout, likewise */
	MEDIUM_UUID_SIZE = 16,
	MEDIUM_BOOT_SIZE = 40, /* the kernel's boot_id, a text of 36 bytes */
	MEDIUM_CLASSES = 36,
	MEDIUM_ROOTS = 128,
	/* Bits of incompatible. */
	MEDIUM_GROWN = 1 << 0 /* it has more than one part */
};

enum medium_state {
	MEDIUM_CLOSED = 1,
	MEDIUM_OPEN = 2
};

struct superblock {
	char magic[SUPERBLOCK_MAGIC_LEN];
	uint32_t crc; /* CRC-32 of 512 bytes with 0 here */
	uint32_t version;
	uint64_t sequence; /* of two copies, the larger is the later */
	/* Bits for later versions; MEDIUM_GROWN is the only one.  One of the
	 * last two sorts that is not known here keeps the heap from being
	 * opened.  A field that is added needs such a bit, as each writer
	 * stores only the fields that it knows. */
	uint64_t compatible, read_only_compatible, incompatible;
	uint8_t uuid[MEDIUM_UUID_SIZE];
	char layout[MEDIUM_LAYOUT_SIZE];
	uint64_t size;       /* bytes of the region */
	uint64_t base;       /* the address that pointers in it are made for */
	uint64_t generation; /* how often it was opened */
	uint32_t state;      /* enum medium_state */
	uint32_t nr_classes;
	char boot[MEDIUM_BOOT_SIZE]; /* of the kernel under which it is open */
	uint64_t roots_off, ledger_off, heap_off, heap_end;
	uint32_t class_size[MEDIUM_CLASSES]; /* bytes */
	uint32_t granularity; /* enum flush_granularity, of who has it open */
	/* With MEDIUM_GROWN, how often; else 0. */
	uint32_t nr_grown;
	/* Bytes, at most, that stood in caches at resets, and are allocated
	 * until a trace frees them. */
	uint64_t cached_max;
	uint64_t
	    first_size; /* with MEDIUM_GROWN, the bytes of part 0; else 0 */
};

/* What the check is of; the rest of the page is unused. */
union superblock_copy {
	struct superblock sb;
	unsigned char bytes[512];
};
_Static_assert(
    sizeof(union superblock_copy) == 512, "a superblock has 512 bytes at most");

_Static_assert(sizeof(struct superblock) == 384 && MEDIUM_VERSION == 1,
    "a superblock that changes has another version");

/* --- roots ------------------------------------------------------------------- */

/* A name with an offset: unset where that is 0. */
struct medium_root {
	_Atomic(uint64_t) off;
	uint64_t reserved[7];
	char name[MEDIUM_NAME_SIZE];
};
_Static_assert(sizeof(struct medium_root) == 128, "two lines of the cache");

/* --- the ledger ---------------------------------------------------------------- */

/* A line for each chunk of the region. */
#define MEDIUM_CHUNK ((size_t)16 << 10)
enum {
	MEDIUM_LINE = 64,
	MEDIUM_LINE_WORDS = MEDIUM_LINE / 8,
	/* Lines that are prepared at once: a page of them. */
	MEDIUM_PIECE = DK_PAGE / MEDIUM_LINE
};

/*
 * The first word says what the others are:
 *   LINE_NONE   nothing begins in the chunk; all of the line is 0
 *   LINE_PAGES  words 1 to 4, one for each page: the number of pages of the
 *               extent that begins there, or 0
 *   LINE_SLAB   a slab of a size class begins with the chunk; from the second
 *               word on, and through the lines of its other chunks, there is a
 *               bit for each block: set, it is not free.  Small classes have
 *               their bits in the slab.
 */
struct ledger_line {
	_Atomic(uint64_t) words[MEDIUM_LINE_WORDS];
};

#define LINE_NONE UINT64_C(0)
#define LINE_PAGES UINT64_C(0x44584b5061676501)
#define LINE_SLAB UINT64_C(0x44584b536c620200) /* and the class */

/* In the word of an extent: it is the stacks of a thread's cache. */
#define EXTENT_STACKS (UINT64_C(1) << 63)
/* What the page map of a heap has room for: nearly 8 TiB. */
#define MEDIUM_EXTENT_PAGES_MAX ((UINT64_C(1) << 31) - 1)

/*
 * The extent of a thread's cache: how many blocks of each class it has room for,
 * which is durable before the ledger has the extent, and then the stacks, in the
 * order of the classes.
 */
struct medium_stacks {
	uint16_t max[MEDIUM_CLASSES];
	uint64_t none;    /* below the first item is NULL */
	uint64_t items[]; /* addresses of free blocks, or NULL */
};
_Static_assert(sizeof(struct medium_stacks) == 80, "there is no padding");

/* Of a part.  Numbers of its chunks: below low, and from high on, lines are
 * prepared.  Each word has a check of its own, since it is stored alone: see
 * ledger.c. */
struct ledger_marks {
	_Atomic(uint64_t) low, high;
	/* Pages of the region with which the part ends; unused in part 0. */
	_Atomic(uint64_t) end;
	uint64_t reserved[5];
};
_Static_assert(sizeof(struct ledger_marks) == 64, "a line of the cache");

enum {
	MEDIUM_PARTS = DK_PAGE / sizeof(struct ledger_marks),
	MEDIUM_PART_MIN = 16 * DK_PAGE /* bytes of a part after the first */
};

#endif /* MEDIUM_H */
