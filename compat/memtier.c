// SPDX-License-Identifier: BSD-2-Clause
/*
 * memtier.c -- memtier: runs a program with libmemtier.so.0 preloaded, over
 * DRAM and the memory of DAX devices.
 */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <daxkind.h>

#include "base/export.h"
#include "base/parse.h"
#include "base/util.h"
#include "tier_config.h"

#define PRELOADED "libmemtier.so.0"

enum {
	FAILED = 1 /* memkind's command has no other status */
};

/* Parts of all bytes; 0: the tier is left out. */
struct shares {
	size_t dram, kmem;
};

static const char Tiers_name[] = "MEMKIND_MEM_TIERS";
static const char Thresholds_name[] = "MEMKIND_MEM_THRESHOLDS";

static bool Is_verbose;

static DK_PRINTF(1, 2) int fail(const char *fmt, ...)
{
	va_list args;

	(void)fputs("memtier: ", stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	return FAILED;
}

static void
print_usage(FILE *out)
{
	(void)fputs("usage: memtier [-v] [-r DRAM:KMEM] [-t THRESHOLDS] "
		    "PROGRAM [ARGUMENT...]\n"
		    "\n"
		    "Run a program whose blocks are in DRAM and in the memory "
		    "of DAX devices.\n"
		    "\n"
		    "  -r, --ratio DRAM:KMEM       how many bytes of each; by "
		    "default as there are\n"
		    "  -t, --threshold THRESHOLDS  place blocks by their size, "
		    "see libmemtier(7)\n"
		    "  -v, --verbose               say what is set\n"
		    "  -h, --help                  say this\n",
	    out);
}

/* --- command line --------------------------------------------------- */

/* Parse the first len bytes. */
static bool
parse_share(const char *text, size_t len, size_t *share)
{
	char digits[16];

	if (len == 0 || len >= sizeof(digits) ||
	    strspn(text, "0123456789") < len)
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return parse_number(digits, share) && *share <= UINT32_MAX;
}

static int
fail_share(const char *text, const char *part, size_t len)
{
	return fail("-r \"%s\": \"%.*s\" is not a number from 0 to %u", text,
	    (int)len, part, UINT32_MAX);
}

static int
parse_ratio(const char *text, struct shares *shares)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL)
		return fail("-r \"%s\" is not DRAM:KMEM, two numbers with a "
			    "colon between them",
		    text);
	size_t len = (size_t)(colon - text), rest = strlen(colon + 1);
	if (!parse_share(text, len, &shares->dram))
		return fail_share(text, text, len);
	if (!parse_share(colon + 1, rest, &shares->kmem))
		return fail_share(text, colon + 1, rest);
	if (shares->dram == 0 && shares->kmem == 0)
		return fail("the ratio %s selects no memory; at least one "
			    "number must be above 0",
		    text);
	return 0;
}

/* Share by the MiB of each memory. */
static int
share_capacities(struct shares *shares)
{
	ssize_t dram = memkind_get_capacity(MEMKIND_REGULAR);
	ssize_t kmem = memkind_get_capacity(MEMKIND_DAX_KMEM);

	if (kmem <= 0)
		return fail("%s; -r 1:0 runs the program in DRAM alone",
		    memkind_check_available(MEMKIND_DAX_KMEM) != 0
			? daxkind_last_error()
			: "the DAX devices have no memory");
	if (dram <= 0)
		return fail("the amount of DRAM is unknown; give the ratio "
			    "with -r");
	shares->dram = max_size((size_t)dram / MIB, 1);
	shares->kmem = max_size((size_t)kmem / MIB, 1);
	return 0;
}

/* --- environment of the program ------------------------------------- */

static DK_PRINTF(2, 3) int set(const char *name, const char *fmt, ...)
{
	char *value;
	va_list args;

	va_start(args, fmt);
	int len = vasprintf(&value, fmt, args);
	va_end(args);
	if (len < 0 || setenv(name, value, 1) != 0)
		return fail("no memory for %s", name);
	if (Is_verbose)
		(void)fprintf(stderr, "setting %s=%s\n", name, value);
	free(value);
	return 0;
}

/* The path of the library beside libdaxkind, or its name alone. */
static const char *
find_preloaded(char *path)
{
	Dl_info info;
	char *slash;

	if (dladdr((void *)(uintptr_t)memkind_get_capacity, &info) == 0 ||
	    realpath(info.dli_fname, path) == NULL)
		return PRELOADED;
	slash = strrchr(path, '/');
	size_t room = PATH_MAX - (size_t)(slash + 1 - path);
	if (sizeof(PRELOADED) > room)
		return PRELOADED;
	memcpy(slash + 1, PRELOADED, sizeof(PRELOADED));
	/* LD_PRELOAD separates paths by these, and cannot quote them. */
	return access(path, R_OK) == 0 && strpbrk(path, ": ") == NULL
		   ? path
		   : PRELOADED;
}

static int
set_preload(void)
{
	char path[PATH_MAX];
	const char *library = find_preloaded(path);
	const char *others = getenv("LD_PRELOAD");
	bool has_others = others != NULL && *others != '\0';

	return set("LD_PRELOAD", "%s%s%s", library, has_others ? ":" : "",
	    has_others ? others : "");
}

static int
set_tiers(const struct shares *shares, const char *policy)
{
	if (shares->kmem == 0)
		return set(Tiers_name, "KIND:DRAM,RATIO:1;POLICY:%s", policy);
	if (shares->dram == 0)
		return set(
		    Tiers_name, "KIND:KMEM_DAX,RATIO:1;POLICY:%s", policy);
	return set(Tiers_name,
	    "KIND:DRAM,RATIO:%zu;KIND:KMEM_DAX,RATIO:%zu;POLICY:%s",
	    shares->dram, shares->kmem, policy);
}

/* The library wants colons, but memkind's manual page has equals signs. */
static int
set_thresholds(char *text)
{
	if (text == NULL)
		return unsetenv(Thresholds_name) == 0 ? 0 : FAILED;
	for (char *at = strchr(text, '='); at != NULL; at = strchr(at, '='))
		*at = ':';
	return set(Thresholds_name, "%s", text);
}

/* --- start ---------------------------------------------------------- */

static void
print_note(const char *text)
{
	if (Is_verbose)
		(void)fprintf(stderr, "memtier: %s\n", text);
}

/* Check here, since the library would end the program for an error. */
static int
check_tiers(void)
{
	char why[TIER_CONFIG_WHY_SIZE];

	if (tier_config_parse(getenv(Tiers_name), getenv(Thresholds_name),
		print_note, why) != NULL)
		return 0;
	return fail("%s", why);
}

static int
run(const struct shares *shares, char *thresholds, char **program)
{
	if (thresholds != NULL && (shares->dram == 0 || shares->kmem == 0))
		return fail("thresholds need two tiers, and the ratio "
			    "selects only one");
	if (set_preload() != 0 ||
	    set_tiers(shares, thresholds != NULL ? "DYNAMIC_THRESHOLD"
						 : "STATIC_RATIO") != 0 ||
	    set_thresholds(thresholds) != 0 || check_tiers() != 0)
		return FAILED;
	(void)execvp(program[0], program);
	return fail("%s cannot be run: %s", program[0], strerror(errno));
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"ratio", required_argument, NULL, 'r'},
	    {"threshold", required_argument, NULL, 't'},
	    {"verbose", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct shares shares = {0, 0};
	const char *ratio = NULL;
	char *thresholds = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "+r:t:vh", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'r':
			ratio = optarg;
			break;
		case 't':
			thresholds = optarg;
			break;
		case 'v':
			Is_verbose = true;
			break;
		case 'h':
			print_usage(stdout);
			return fflush(stdout) == 0 ? 0 : FAILED;
		default:
			print_usage(stderr);
			return FAILED;
		}
	}
	if (optind == argc) {
		print_usage(stderr);
		return FAILED;
	}
	if ((ratio != NULL ? parse_ratio(ratio, &shares)
			   : share_capacities(&shares)) != 0)
		return FAILED;
	return run(&shares, thresholds, argv + optind);
}
