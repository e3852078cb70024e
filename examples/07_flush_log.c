// SPDX-License-Identifier: BSD-2-Clause
/*
 * 07_flush_log.c -- a log whose acknowledged records outlive the writer.
 *
 *	07_flush_log			show it: a writer is killed half way
 *	07_flush_log write PATH		append; "ACK n" when n are durable
 *	07_flush_log scan PATH [MIN]	how many are there?  fails below MIN
 *
 * PATH is a devdax device or a file, which "write" overwrites, or a directory,
 * in which it makes the file flush_log.  Killing a process tests the log's
 * logic only, as the page cache outlives a process: for more, cut the power
 * between "write" and "scan".
 */
#include <daxkind.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flush_log.h"

#define REGION_SIZE ((size_t)16 << 20)
#define LOG_SIZE ((size_t)8 << 20)
#define RECORD_SIZE 200

static int
fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, daxkind_last_error());
	return EXIT_FAILURE;
}

/* For a directory, use a file in it.  Unlike a region over a directory, the
 * file is still there afterwards. */
static int
open_region(const char *path, size_t size, struct daxkind_region **region)
{
	char file[4096];
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(file, sizeof(file), "%s/flush_log", path);
		path = file;
	}
	return daxkind_region_open(
	    path, size, DAXKIND_CREATE | DAXKIND_OVERWRITE, region);
}

/* Record n is the number n as text, padded with a letter that depends on n. */
static void
make_record(char *text, uint64_t n)
{
	memset(text, 'a' + (int)(n % 26), RECORD_SIZE);
	snprintf(text, RECORD_SIZE, "record %" PRIu64, n);
}

static int
write_log(const char *path)
{
	struct daxkind_region *region;
	char text[RECORD_SIZE];
	struct flush_log log;
	memkind_t kind;
	void *block;
	int rc;

	if (open_region(path, REGION_SIZE, &region) < 0)
		return fail("region");
	if (daxkind_kind_create(region, &kind) < 0)
		return fail("kind");
	if (memkind_posix_memalign(kind, &block, FLUSH_LOG_ALIGN, LOG_SIZE) !=
	    0)
		return fail("block");
	rc = flush_log_init(&log, kind, block, LOG_SIZE);
	while (rc == 0) {
		make_record(text, log.nr_records);
		rc = flush_log_append(&log, text, sizeof(text));
		if (rc < 0)
			break;
		printf("ACK %" PRIu64 "\n", log.nr_records);
		if (fflush(stdout) != 0) {
			perror("standard output");
			return EXIT_FAILURE;
		}
	}
	if (rc != -ENOSPC) /* a full log is the expected end */
		return fail("append");
	/* No clean-up: destroying the kind would give the log's space back. */
	return EXIT_SUCCESS;
}

static int
check_record(void *arg, uint64_t seq, const void *data, size_t len)
{
	char expected[RECORD_SIZE];

	(void)arg;
	make_record(expected, seq);
	return len != RECORD_SIZE || memcmp(data, expected, len) != 0;
}

static int
scan_log(const char *path, uint64_t min_records)
{
	struct daxkind_region *region;
	struct daxkind_region_info info;
	uint64_t nr_records = 0;
	const char *log;
	size_t left_len;
	int rc = -ENOENT;

	/* Nothing is written without a kind, so the old content can be read. */
	if (open_region(path, 0, &region) < 0) /* as large as it is */
		return fail("region");
	if (daxkind_region_info(region, &info, sizeof(info)) < 0)
		return fail("region");
	log = flush_log_find(info.base, info.size);
	if (log != NULL) {
		left_len = info.size - (size_t)(log - (char *)info.base);
		rc = flush_log_scan(
		    log, left_len, check_record, NULL, &nr_records);
	}
	printf("%" PRIu64 " records recovered, %" PRIu64
	       " were acknowledged: %s\n",
	    nr_records, min_records,
	    rc == 0 && nr_records >= min_records ? "good" : "LOST");
	if (daxkind_region_close(region) < 0)
		return fail("close");
	return rc == 0 && nr_records >= min_records ? EXIT_SUCCESS
						    : EXIT_FAILURE;
}

/* Start "write" in a child and kill it after some acknowledgements. */
static uint64_t
kill_a_writer(const char *path)
{
	uint64_t nr_acknowledged = 0;
	int ends[2];
	char line[32];
	FILE *acks;
	pid_t pid;

	if (pipe(ends) < 0) {
		perror("pipe");
		return 0;
	}
	pid = fork();
	if (pid < 0)
		perror("fork");
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		_exit(write_log(path));
	}
	close(ends[1]);
	acks = fdopen(ends[0], "r");
	/* A line that was cut short acknowledges nothing. */
	while (pid > 0 && acks != NULL &&
	       fgets(line, sizeof(line), acks) != NULL &&
	       strncmp(line, "ACK ", 4) == 0 && strchr(line, '\n') != NULL) {
		nr_acknowledged = strtoull(line + 4, NULL, 10);
		if (nr_acknowledged == 100)
			kill(pid, SIGKILL); /* acknowledgements so far count */
	}
	if (acks != NULL)
		fclose(acks);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return nr_acknowledged;
}

static int
show(void)
{
	const char *tmp_dir = getenv("TMPDIR");
	uint64_t nr_acknowledged;
	char path[4096];
	int status;
	int fd;

	snprintf(path, sizeof(path), "%s/daxkind-log-XXXXXX",
	    tmp_dir != NULL ? tmp_dir : "/tmp");
	fd = mkstemp(path);
	if (fd < 0) {
		perror(path);
		return EXIT_FAILURE;
	}
	close(fd);
	nr_acknowledged = kill_a_writer(path);
	status = nr_acknowledged == 0 ? EXIT_FAILURE
				      : scan_log(path, nr_acknowledged);
	unlink(path);
	return status;
}

int
main(int argc, char **argv)
{
	if (argc == 1)
		return show();
	if (argc == 3 && strcmp(argv[1], "write") == 0)
		return write_log(argv[2]);
	if (argc >= 3 && strcmp(argv[1], "scan") == 0)
		return scan_log(
		    argv[2], argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
	fprintf(stderr, "usage: %s [write PATH | scan PATH [MIN]]\n", argv[0]);
	return EXIT_FAILURE;
}
