// SPDX-License-Identifier: BSD-2-Clause
/*
 * 06_pmem_kind.c -- memkind's own way: a heap over an unlinked file.
 *
 *	06_pmem_kind [DIRECTORY]
 *
 * Nothing here is new to a program written for memkind.  The file has no name
 * and is gone with the kind; it grows as the heap does, up to the given size.
 */
#include <memkind.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE ((size_t)64 << 20)
#define NR_WORDS 10000

static int
fail(const char *what, int err)
{
	char text[MEMKIND_ERROR_MESSAGE_SIZE];

	memkind_error_message(err, text, sizeof(text));
	fprintf(stderr, "%s: %s\n", what, text);
	return EXIT_FAILURE;
}

static int
keep_words(memkind_t kind)
{
	char **words = memkind_calloc(kind, NR_WORDS, sizeof(*words));
	int status = EXIT_FAILURE;
	size_t allocated = 0;
	int i;

	if (words == NULL)
		return fail("calloc", MEMKIND_ERROR_MALLOC);
	for (i = 0; i < NR_WORDS; i++) {
		words[i] = memkind_malloc(kind, 32);
		if (words[i] == NULL)
			goto free_words;
		snprintf(words[i], 32, "word number %d", i);
	}
	memkind_update_cached_stats(); /* the figures are of this moment */
	if (memkind_get_stat(kind, MEMKIND_STAT_TYPE_ALLOCATED, &allocated) !=
	    MEMKIND_SUCCESS)
		goto free_words;
	printf("%d words, the last is \"%s\"; %zu KiB allocated\n", NR_WORDS,
	    words[NR_WORDS - 1], allocated >> 10);
	status = EXIT_SUCCESS;

free_words:
	for (i = 0; i < NR_WORDS && words[i] != NULL; i++)
		memkind_free(kind, words[i]);
	memkind_free(kind, words);
	return status;
}

int
main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : getenv("TMPDIR");
	memkind_t kind;
	int status;
	int err;

	if (dir == NULL)
		dir = "/tmp";
	printf("%s %s DAX\n", dir,
	    memkind_check_dax_path(dir) == MEMKIND_SUCCESS ? "is" : "is not");
	err = memkind_create_pmem(dir, MAX_SIZE, &kind);
	if (err != MEMKIND_SUCCESS)
		return fail(dir, err);
	status = keep_words(kind);
	err = memkind_destroy_kind(kind);
	return err == MEMKIND_SUCCESS ? status : fail("destroy", err);
}
