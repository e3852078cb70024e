// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_corpus.c -- replays inputs of the API fuzzer with an ordinary compiler.
 *
 *	test_corpus [-v] [FILE | DIR]...
 *
 * Without a file or folder: the corpus in $top_srcdir.  No input at all is a
 * failure, since nothing was tested.  -v prints each call.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

enum {
	CANNOT_RUN = 99,
	LINE_SIZE = 4096
};

/* An input larger than this is not one of ours. */
#define INPUT_MAX ((size_t)1 << 20)

static uint8_t Input[INPUT_MAX];
static unsigned Nr_inputs;

static void
give_up(const char *path)
{
	(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(CANNOT_RUN);
}

static void
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		give_up(path);
	size_t len = fread(Input, 1, INPUT_MAX, f);
	if (ferror(f))
		give_up(path);
	(void)fclose(f);
	/* Before it runs: the last name is that of the one that failed. */
	(void)printf("%s: %zu bytes\n", path, len);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(Input, len);
	Nr_inputs++;
}

static int
is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
replay(const char *path)
{
	struct dirent **entries;
	char name[LINE_SIZE];
	struct stat st;

	if (stat(path, &st) != 0)
		give_up(path);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	int nr = scandir(path, &entries, is_shown, alphasort);
	if (nr < 0)
		give_up(path);
	for (int i = 0; i < nr; i++) {
		int len = snprintf(
		    name, sizeof(name), "%s/%s", path, entries[i]->d_name);

		if (len < 0 || (size_t)len >= sizeof(name)) {
			errno = ENAMETOOLONG;
			give_up(path);
		}
		replay(name);
		free(entries[i]);
	}
	free(entries);
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	char corpus[LINE_SIZE];
	int first = 1;

	if (argc > 1 && strcmp(argv[1], "-v") == 0) {
		Fuzz_is_verbose = true;
		first = 2;
	}
	for (int i = first; i < argc; i++)
		replay(argv[i]);
	if (first == argc) {
		(void)snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus",
		    top != NULL ? top : ".");
		replay(corpus);
	}
	(void)printf("%u inputs\n", Nr_inputs);
	if (Nr_inputs == 0)
		(void)fprintf(stderr, "no input was there to replay\n");
	return Nr_inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
