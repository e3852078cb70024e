// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dax_tiered_cache.c -- examples/tiered_cache with its DAX tier on a
 * device, or on a file of an fsdax file system, serves every byte right.
 *
 * utils/dax-vm check puts the program into the guest's /lab/bin.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "/lab/bin/tiered_cache"
#define NR_FILES 300

static char Corpus[4096];

/* 4 MB in files of 30 bytes to 20 KB. */
static void
write_files(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[4200];
	uint64_t random = 1;

	(void)snprintf(
	    Corpus, sizeof(Corpus), "%s/corpus", tmp != NULL ? tmp : "/tmp");
	assert_int_equal(mkdir(Corpus, 0700), 0);
	for (int i = 0; i < NR_FILES; i++) {
		FILE *f;

		(void)snprintf(path, sizeof(path), "%s/%d", Corpus, i);
		f = fopen(path, "we");
		assert_non_null(f);
		for (size_t n = test_random_size(&random, 1, 650); n > 0; n--)
			(void)fprintf(f, "line %6zu of file %4d: %9u\n", n, i,
			    (unsigned)test_random(&random) % 1000000000u);
		assert_int_equal(fclose(f), 0);
	}
}

/* The number behind words of the JSON. */
static long
figure(const char *json, const char *words)
{
	const char *at = strstr(json, words);

	assert_non_null(at);
	return strtol(at + strlen(words), NULL, 10);
}

static void
run_on(const char *path, const char *threads)
{
	static char json[65536];
	char command[9000];
	size_t len;
	FILE *f;

	(void)snprintf(command, sizeof(command),
	    "%s --region %s --size 2M --dram 128k --requests 3000 "
	    "--threads %s --json %s",
	    PROGRAM, path, threads, Corpus);
	f = popen(command, "re"); /* NOLINT(cert-env33-c): our own words */
	assert_non_null(f);
	len = fread(json, 1, sizeof(json) - 1, f);
	json[len] = '\0';
	print_message("%s", json);
	assert_int_equal(pclose(f), 0);
	assert_true(figure(json, "\"dax\": {\"reads\": ") > 0);
	assert_true(figure(json, "\"dram\": {\"reads\": ") > 0);
	assert_int_equal(figure(json, "\"damaged\": "), 0);
}

static void
test_three_threads(void **state)
{
	(void)state;
	run_on(dax_env_path(), "3");
}

/* On a file system: a named file as well as an unlinked one. */
static void
test_named_file(void **state)
{
	(void)state;
	if (test_devdax() != NULL)
		return;
	run_on(test_path("pool"), "2");
	assert_int_equal(unlink(test_path("pool")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_three_threads),
	    test_unit(test_named_file),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	if (access(PROGRAM, X_OK) != 0) {
		(void)fprintf(
		    stderr, "no %s: dax-vm check puts it there\n", PROGRAM);
		return 99;
	}
	write_files();
	return cmocka_run_group_tests_name("tiered_cache", tests, NULL, NULL);
}
