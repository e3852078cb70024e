// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dax_tiered_cache.c -- examples/tiered_cache with its DAX tier on a
 * device, or on a file of an fsdax file system, serves every byte right, and is
 * warm after a kill.
 *
 * utils/dax-vm check puts the program into the guest's /lab/bin.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static char Json[65536];

/* Returns the exit status as the shell has it. */
static int
run(const char *place, const char *path, const char *options)
{
	char command[9000];
	size_t len;
	FILE *f;
	int status;

	/* The shell stays, so that a kill is an exit status. */
	(void)snprintf(command, sizeof(command),
	    "%s %s %s --size 2M --dram 128k %s --json %s; exit $?", PROGRAM,
	    place, path, options, Corpus);
	f = popen(command, "re"); /* NOLINT(cert-env33-c): our own words */
	assert_non_null(f);
	len = fread(Json, 1, sizeof(Json) - 1, f);
	Json[len] = '\0';
	print_message("%s", Json);
	status = pclose(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
run_on(const char *path, const char *options)
{
	const char *json = Json;

	assert_int_equal(run("--region", path, options), 0);
	assert_true(figure(json, "\"dax\": {\"reads\": ") > 0);
	assert_true(figure(json, "\"dram\": {\"reads\": ") > 0);
	assert_int_equal(figure(json, "\"damaged\": "), 0);
}

static void
test_three_threads(void **state)
{
	(void)state;
	run_on(dax_env_path(), "--threads 3 --requests 3000");
}

/* On a file system: a named file as well as an unlinked one. */
static void
test_named_file(void **state)
{
	(void)state;
	if (test_devdax() != NULL)
		return;
	run_on(test_path("pool"), "--threads 2 --requests 3000");
	assert_int_equal(unlink(test_path("pool")), 0);
}

/* A killed cache is found again; a device is left without a heap. */
static void
test_a_killed_cache_is_warm(void **state)
{
	char path[4096];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s",
	    test_devdax() != NULL ? test_devdax() : test_path("kept"));
	assert_int_equal(run("--keep", path,
			     "--overwrite --threads 3 --requests 12000 "
			     "--kill-at 6000"),
	    128 + SIGKILL);
	assert_int_equal(
	    run("--keep", path, "--threads 3 --requests 3000 --warm 95"), 0);
	assert_non_null(strstr(Json, "\"how\": \"crash\""));
	assert_true(figure(Json, "\"objects\": ") > 50);
	assert_true(figure(Json, "\"unlinked\": ") >= 1);
	assert_int_equal(figure(Json, "\"damaged\": "), 0);
	if (test_devdax() != NULL)
		run_on(path, "--overwrite --requests 3000");
	else
		assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_three_threads),
	    test_unit(test_named_file),
	    test_unit(test_a_killed_cache_is_warm),
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
