// SPDX-License-Identifier: BSD-2-Clause
/*
 * os_apart.c -- isolated calls of libraries: see os.h.
 *
 * posix_spawn(3) runs the code between its fork and its exec in the same way:
 * clone(2) with the caller's memory, while the caller waits.  The thread
 * pointer stays, so to libc and to every lock the clone is the calling thread.
 * That matters if the caller holds the loader's lock, because it is in a
 * constructor of a library that is being loaded, or is inside a malloc that
 * calls us.  A new thread would wait for that lock for ever.  To the kernel the
 * clone is another process, with a working directory and descriptors of its
 * own.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/os.h"
#include "base/util.h"

struct job {
	void (*run)(void *arg);
	void *arg;
	volatile bool is_done;
};

/* Messages that libraries print are not the program's output.  The descriptor
 * stays open, for reading, so that no file that they open becomes standard
 * error. */
static void
mute(void)
{
	int fd;

	(void)close(STDERR_FILENO);
	if (os_open_read("/dev/null", &fd) == 0 && fd != STDERR_FILENO) {
		(void)dup2(fd, STDERR_FILENO);
		(void)close(fd);
	}
}

static int
run_muted(void *arg)
{
	struct job *job = arg;

	mute();
	job->run(job->arg);
	job->is_done = true;
	return 0;
}

/* Whether children of this process would start a new PID namespace, which ends
 * with its first process. */
static bool
has_namespace_for_children(void)
{
	char mine[32], theirs[32];

	return os_read_link_name("/proc/self/ns/pid", mine, sizeof(mine)) ==
		   0 &&
	       os_read_link_name("/proc/self/ns/pid_for_children", theirs,
		   sizeof(theirs)) == 0 &&
	       strcmp(mine, theirs) != 0;
}

/* ThreadSanitizer mistakes each clone(2) for a fork. */
static bool
can_be_doubled(void)
{
	return !DK_THREAD_SANITIZER && !has_namespace_for_children();
}

/* The clone runs the job to its end and exits.  Tools that turn it into a fork
 * (valgrind, qemu-user) leave the job undone in this process. */
static void
run_in_double(struct job *job, char *stack, size_t stack_size)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int pid =
	    clone(run_muted, stack + stack_size, CLONE_VM | CLONE_VFORK, job);
	/* It ends without a signal, so no other wait(2) of the program reaps
	 * it. */
	while (
	    pid > 0 && waitpid(pid, NULL, (int)__WCLONE) < 0 && errno == EINTR)
		;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void
os_run_apart(void (*run)(void *arg), void *arg)
{
	struct job job = {.run = run, .arg = arg};
	int saved_errno = errno;
	void *stack;

	DK_NO_CANCEL();
	if (can_be_doubled() &&
	    os_map_anon(DK_PAGE + OS_APART_STACK, &stack) == 0) {
		os_forbid(stack, DK_PAGE); /* an overflow crashes */
		run_in_double(&job, stack, DK_PAGE + OS_APART_STACK);
		(void)os_unmap(stack, DK_PAGE + OS_APART_STACK);
	}
	if (!job.is_done)
		run(arg);
	errno = saved_errno;
}
