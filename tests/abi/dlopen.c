// SPDX-License-Identifier: BSD-2-Clause
/*
 * dlopen.c -- the library as a plug-in: loaded by a program that was not
 * linked with it, used by a thread that outlives dlclose(), and without a
 * second malloc for the program.
 *
 * Not a cmocka program: what goes wrong here is a crash or a failing dlopen().
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memkind.h>

#define CHECK(condition)                                                \
	do {                                                            \
		if (!(condition)) {                                     \
			fprintf(stderr, "%s:%d: %s failed\n", __FILE__, \
			    __LINE__, #condition);                      \
			exit(1);                                        \
		}                                                       \
	} while (0)

static pthread_barrier_t Used, Closed;
static void *Handle;

static void *
symbol(const char *name)
{
	void *address = dlsym(Handle, name);

	if (address == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return address;
}

/* A pointer to data becomes one to a function only by copying it. */
#define FUNCTION(variable, name)                                 \
	do {                                                     \
		void *address = symbol(name);                    \
                                                                 \
		memcpy(&(variable), &address, sizeof(variable)); \
	} while (0)

/* Allocate in all sizes, so that the thread has everything that is only torn
 * down when it ends. */
static void *
use_and_outlive(void *arg)
{
	void *(*allocate)(memkind_t, size_t);
	void (*release)(memkind_t, void *);
	memkind_t kind = *(memkind_t *)symbol("MEMKIND_DEFAULT");

	FUNCTION(allocate, "memkind_malloc");
	FUNCTION(release, "memkind_free");
	for (size_t size = 1; size < (size_t)8 << 20; size *= 2) {
		void *block = allocate(kind, size);

		CHECK(block != NULL);
		memset(block, 0x5a, size);
		release(kind, block);
	}
	pthread_barrier_wait(&Used);
	pthread_barrier_wait(&Closed);
	return arg;
}

int
main(void)
{
	const char *top = getenv("top_builddir");
	char path[4096];
	pthread_t thread;

	CHECK((size_t)snprintf(path, sizeof(path), "%s/.libs/libdaxkind.so",
		  top != NULL ? top : ".") < sizeof(path));
	Handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (Handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	CHECK(dlsym(Handle, "memkind_malloc") != NULL);
	CHECK(dlsym(Handle, "mallocx") == NULL);
	CHECK(dlsym(Handle, "jemk_mallocx") == NULL);
	CHECK(dlsym(Handle, "malloc") == dlsym(RTLD_DEFAULT, "malloc"));

	CHECK(pthread_barrier_init(&Used, NULL, 2) == 0);
	CHECK(pthread_barrier_init(&Closed, NULL, 2) == 0);
	CHECK(pthread_create(&thread, NULL, use_and_outlive, NULL) == 0);
	pthread_barrier_wait(&Used);
	CHECK(dlclose(Handle) == 0);
	pthread_barrier_wait(&Closed);
	CHECK(pthread_join(thread, NULL) == 0);

	/* and again */
	Handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CHECK(Handle != NULL);
	CHECK(dlclose(Handle) == 0);
	puts("loaded, used, closed");
	return 0;
}
