// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench_worker.c -- see bench_worker.h.
 */
#include "bench_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Time after which a worker is considered to hang. */
enum {
	LIMIT_SECONDS = 300,
	MAX_ENV = 1024
};

int
bench_worker_run(const struct bench_job *job)
{
	const char *why;

	(void)alarm(LIMIT_SECONDS);
	why = job->allocator->open(&job->place);
	if (why != NULL) {
		(void)fprintf(stderr, "daxkind bench: %s: %s\n",
		    job->allocator->name, why);
		return 1;
	}
	if (job->workload != NULL)
		job->workload->run(&job->how);
	/* Skip atexit() handlers, which peers may install. */
	(void)fflush(stdout);
	_exit(0);
}

/* --- the driver's side ---------------------------------------------- */

/* The command line of a worker. */
struct command {
	char exe[4096];
	char size[32], seconds[32], nr_ops[32], part[32];
	char out_file[64]; /* callgrind's output */
	char *argv[32];
	char *env[MAX_ENV];
	char preload[128];
};

static char *
plain(const char *text)
{
	union {
		const char *in;
		char *out; /* posix_spawn() does not write to it */
	} u = {.in = text};

	return u.out;
}

static void
fill_env(struct command *c, const char *preload)
{
	size_t nr = 0;

	for (char **e = environ; *e != NULL && nr < MAX_ENV - 2; e++) {
		if (strncmp(*e, "LD_PRELOAD=", 11) != 0)
			c->env[nr++] = *e;
	}
	if (preload != NULL) {
		(void)snprintf(
		    c->preload, sizeof(c->preload), "LD_PRELOAD=%s", preload);
		c->env[nr++] = c->preload;
	}
	c->env[nr] = NULL;
}

static bool
fill_command(struct command *c, const struct bench_job *job, bool with_valgrind)
{
	ssize_t len = readlink("/proc/self/exe", c->exe, sizeof(c->exe) - 1);
	size_t nr = 0;

	if (len <= 0)
		return false;
	c->exe[len] = '\0';
	if (with_valgrind) {
		c->argv[nr++] = plain("valgrind");
		c->argv[nr++] = plain("--tool=callgrind");
		c->argv[nr++] = c->out_file;
	}
	(void)snprintf(c->size, sizeof(c->size), "%zu", job->place.size);
	(void)snprintf(
	    c->seconds, sizeof(c->seconds), "%.6f", job->how.seconds);
	(void)snprintf(c->nr_ops, sizeof(c->nr_ops), "%zu", job->how.nr_ops);
	(void)snprintf(c->part, sizeof(c->part), "%u", job->how.part);
	c->argv[nr++] = c->exe;
	c->argv[nr++] = plain("--worker");
	c->argv[nr++] = plain(job->allocator->name);
	c->argv[nr++] = plain("--size");
	c->argv[nr++] = c->size;
	c->argv[nr++] = plain("--seconds");
	c->argv[nr++] = c->seconds;
	c->argv[nr++] = plain("--ops");
	c->argv[nr++] = c->nr_ops;
	c->argv[nr++] = plain("--part");
	c->argv[nr++] = c->part;
	if (job->place.region != NULL) {
		c->argv[nr++] = plain("--region");
		c->argv[nr++] = plain(job->place.region);
	}
	if (job->workload != NULL) {
		c->argv[nr++] = plain("--workload");
		c->argv[nr++] = plain(job->workload->name);
	}
	c->argv[nr] = NULL;
	fill_env(c, job->allocator->preload);
	return true;
}

/* out: file for standard output; -1: none. */
static pid_t
spawn(struct command *c, int out, bool is_quiet)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	int err = out >= 0 ? posix_spawn_file_actions_adddup2(&actions, out, 1)
			   : posix_spawn_file_actions_addopen(
				 &actions, 1, "/dev/null", O_WRONLY, 0);
	if (err == 0 && is_quiet)
		err = posix_spawn_file_actions_addopen(
		    &actions, 2, "/dev/null", O_WRONLY, 0);
	if (err != 0 || posix_spawnp(&pid, c->argv[0], &actions, NULL, c->argv,
			    c->env) != 0)
		pid = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static bool
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
read_figures(int fd, void (*visit)(void *arg, const char *metric, double value),
    void *arg)
{
	FILE *from = fdopen(fd, "r");
	char line[256];

	if (from == NULL) {
		(void)close(fd);
		return;
	}
	while (fgets(line, sizeof(line), from) != NULL) {
		char *space = strchr(line, ' ');
		char *end;

		if (space == NULL)
			continue;
		*space = '\0';
		double value = strtod(space + 1, &end);
		if (end != space + 1)
			visit(arg, line, value);
	}
	(void)fclose(from);
}

bool
bench_worker_start(const struct bench_job *job,
    void (*visit)(void *arg, const char *metric, double value), void *arg)
{
	struct command c;
	int fds[2];

	if (!fill_command(&c, job, false))
		return false;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	pid_t pid = spawn(&c, fds[1], false);
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		return false;
	}
	read_figures(fds[0], visit, arg);
	return wait_for(pid);
}

bool
bench_worker_probe(const struct bench_job *job, bool is_quiet)
{
	struct command c;

	if (!fill_command(&c, job, false))
		return false;
	pid_t pid = spawn(&c, -1, is_quiet);
	return pid > 0 && wait_for(pid);
}

/* Find "totals: N" in callgrind's output. */
static bool
read_totals(const char *path, double *instructions)
{
	FILE *from = fopen(path, "re");
	char line[4096];
	bool has = false;

	if (from == NULL)
		return false;
	while (fgets(line, sizeof(line), from) != NULL) {
		if (strncmp(line, "totals: ", 8) == 0) {
			*instructions = strtod(line + 8, NULL);
			has = true;
		}
	}
	(void)fclose(from);
	return has;
}

bool
bench_worker_count(const struct bench_job *job, double *instructions)
{
	static const char option[] = "--callgrind-out-file=";
	char path[] = "/tmp/daxkind-bench.XXXXXX";
	struct command c;
	int fd = mkstemp(path);

	if (fd < 0)
		return false;
	(void)close(fd);
	(void)snprintf(c.out_file, sizeof(c.out_file), "%s%s", option, path);
	bool ok = fill_command(&c, job, true);
	if (ok) {
		pid_t pid = spawn(&c, -1, true);

		ok =
		    pid > 0 && wait_for(pid) && read_totals(path, instructions);
	}
	(void)unlink(path);
	return ok;
}
