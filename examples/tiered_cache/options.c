// SPDX-License-Identifier: BSD-2-Clause
/*
 * options.c -- see options.h.
 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

#define MAX_THREADS 256
#define MAX_SKEW 8.0

static const char *const Default_dirs[] = {"/usr/include", "/usr/share/doc"};

static const char Usage[] =
    "usage: tiered_cache [OPTION]... [DIRECTORY]...\n"
    "\n"
    "Cache the files under the directories (/usr/include and /usr/share/doc)\n"
    "in a little DRAM over a lot of daxkind memory, serve reads of them, check\n"
    "every byte that is served, and show what went where.\n"
    "\n"
    "  --region PATH   where the big tier is: a directory (an unlinked file is\n"
    "                  made in it), a file, or a devdax device /dev/daxX.Y\n"
    "                  [a directory: $TMPDIR, /dev/shm or /tmp]\n"
    "  --keep PATH     in place of --region: the big tier is a durable heap in\n"
    "                  this file or devdax device, which the next run finds\n"
    "                  again, also after kill -9\n"
    "  --overwrite     what is at PATH may be overwritten\n"
    "  --salvage       open the heap of --keep after a reset that may have lost\n"
    "                  pages: damaged objects are found and not served\n"
    "  --size SIZE     of the region [40 % of the files; what there is]; a heap of\n"
    "                  --keep can grow\n"
    "  --dram SIZE     of the DRAM tier [5 % of the files]\n"
    "  --corpus SIZE   load no more files than this [1G]\n"
    "  --requests N    reads to serve [1000000]\n"
    "  --skew S        of their Zipf distribution; 0 is uniform [0.99]\n"
    "  --seed N        of their order [1]\n"
    "  --threads N     that read [1]\n"
    "  --kill-at N     with --keep: SIGKILL after N reads, in the middle of an\n"
    "                  insert\n"
    "  --warm PERCENT  with --keep: fail unless the first 10,000 reads hit at\n"
    "                  least this part of what the last 10,000 of the run\n"
    "                  before hit\n"
    "  --curves FILE   with --keep: write the hit ratios of the run before and\n"
    "                  of this one as SVG\n"
    "  --svg FILE      write the picture of the region's space as SVG, too\n"
    "  --json          print the figures as JSON and nothing else\n"
    "  --no-colour     print without colours (so does NO_COLOR)\n"
    "  --damage        flip a bit of a cached object first, which must be "
    "found\n"
    "  --help          this text\n"
    "\n"
    "SIZE is a number of bytes, or with k, M, G, T: 64M.  Exit status: 0, 1\n"
    "when an object was damaged (it is read from disk instead) or --warm was not\n"
    "met, 2 when it could not run.\n";

enum {
	OPT_REGION = 256,
	OPT_KEEP,
	OPT_OVERWRITE,
	OPT_SALVAGE,
	OPT_SIZE,
	OPT_DRAM,
	OPT_CORPUS,
	OPT_REQUESTS,
	OPT_SKEW,
	OPT_SEED,
	OPT_THREADS,
	OPT_KILL_AT,
	OPT_WARM,
	OPT_CURVES,
	OPT_SVG,
	OPT_JSON,
	OPT_NO_COLOUR,
	OPT_DAMAGE,
	OPT_HELP
};

static const struct option Long_options[] = {
    {"region", required_argument, NULL, OPT_REGION},
    {"keep", required_argument, NULL, OPT_KEEP},
    {"overwrite", no_argument, NULL, OPT_OVERWRITE},
    {"salvage", no_argument, NULL, OPT_SALVAGE},
    {"size", required_argument, NULL, OPT_SIZE},
    {"dram", required_argument, NULL, OPT_DRAM},
    {"corpus", required_argument, NULL, OPT_CORPUS},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"skew", required_argument, NULL, OPT_SKEW},
    {"seed", required_argument, NULL, OPT_SEED},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"kill-at", required_argument, NULL, OPT_KILL_AT},
    {"warm", required_argument, NULL, OPT_WARM},
    {"curves", required_argument, NULL, OPT_CURVES},
    {"svg", required_argument, NULL, OPT_SVG},
    {"json", no_argument, NULL, OPT_JSON},
    {"no-colour", no_argument, NULL, OPT_NO_COLOUR},
    {"no-color", no_argument, NULL, OPT_NO_COLOUR},
    {"damage", no_argument, NULL, OPT_DAMAGE},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool
parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < min || value > max)
		return false;
	*number = value;
	return true;
}

static bool
parse_skew(const char *text, double *skew)
{
	char *end;

	*skew = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*skew) && *skew >= 0 &&
	       *skew <= MAX_SKEW;
}

/* A size of 0 would mean "choose", for which the option is left out. */
static bool
parse_size(const char *text, size_t *size)
{
	return units_parse_size(text, size) == 0 && *size > 0;
}

/* Returns the expected form of the value, or NULL if it is right. */
static const char *
take_option(struct options *options, int option, const char *value)
{
	uint64_t number = 0;

	switch (option) {
	case OPT_REGION:
		options->region = value;
		return value[0] != '\0' ? NULL : "a path";
	case OPT_KEEP:
		options->keep = value;
		return value[0] != '\0' ? NULL : "a path";
	case OPT_OVERWRITE:
		options->want_overwrite = true;
		return NULL;
	case OPT_SALVAGE:
		options->want_salvage = true;
		return NULL;
	case OPT_SIZE:
		return parse_size(value, &options->size) ? NULL : "a size";
	case OPT_DRAM:
		return parse_size(value, &options->dram_size) ? NULL : "a size";
	case OPT_CORPUS:
		return parse_size(value, &options->corpus_size) ? NULL
								: "a size";
	case OPT_REQUESTS:
		return parse_number(value, 1, UINT64_MAX, &options->nr_reads)
			   ? NULL
			   : "a number from 1";
	case OPT_SKEW:
		return parse_skew(value, &options->skew) ? NULL
							 : "a number, 0 to 8";
	case OPT_SEED:
		return parse_number(value, 0, UINT64_MAX, &options->seed)
			   ? NULL
			   : "a number";
	case OPT_THREADS:
		if (!parse_number(value, 1, MAX_THREADS, &number))
			return "a number, 1 to 256";
		options->nr_threads = (unsigned)number;
		return NULL;
	case OPT_KILL_AT:
		return parse_number(value, 1, UINT64_MAX, &options->kill_at)
			   ? NULL
			   : "a number from 1";
	case OPT_WARM:
		return parse_number(value, 1, 100, &options->warm)
			   ? NULL
			   : "a number, 1 to 100";
	case OPT_CURVES:
		options->curves_path = value;
		return value[0] != '\0' ? NULL : "a file name";
	case OPT_SVG:
		options->svg_path = value;
		return value[0] != '\0' ? NULL : "a file name";
	case OPT_JSON:
		options->want_json = true;
		return NULL;
	case OPT_NO_COLOUR:
		options->want_colour = false;
		return NULL;
	case OPT_DAMAGE:
		options->want_damage = true;
		return NULL;
	default:
		return "a known option";
	}
}

/* Returns the reason why these options do not go together, or NULL. */
static const char *
check_together(const struct options *options)
{
	if (options->keep != NULL)
		return options->region == NULL
			   ? NULL
			   : "--keep and --region are two places; give one";
	return options->want_salvage || options->kill_at != 0 ||
		       options->warm != 0 || options->curves_path != NULL
		   ? "--salvage, --kill-at, --warm and --curves need --keep"
		   : NULL;
}

enum options_answer
options_parse(int argc, char **argv, struct options *options)
{
	const char *wanted;
	int option;
	int index;

	memset(options, 0, sizeof(*options));
	options->corpus_size = (size_t)1 << 30;
	options->nr_reads = 1000000;
	options->skew = 0.99;
	options->seed = 1;
	options->nr_threads = 1;
	options->want_colour = true;

	while ((option = getopt_long(argc, argv, "", Long_options, &index)) !=
	       -1) {
		if (option == OPT_HELP) {
			fputs(Usage, stdout);
			return OPTIONS_DONE;
		}
		if (option == '?') { /* getopt_long has printed the reason */
			fputs(
			    "tiered_cache --help tells the options\n", stderr);
			return OPTIONS_BAD;
		}
		wanted = take_option(options, option, optarg);
		if (wanted != NULL) {
			fprintf(stderr, "tiered_cache: --%s: '%s' is not %s\n",
			    Long_options[index].name, optarg, wanted);
			return OPTIONS_BAD;
		}
	}
	wanted = check_together(options);
	if (wanted != NULL) {
		fprintf(stderr, "tiered_cache: %s\n", wanted);
		return OPTIONS_BAD;
	}
	options->dirs = (const char *const *)argv + optind;
	options->nr_dirs = (size_t)(argc - optind);
	if (options->nr_dirs == 0) {
		options->dirs = Default_dirs;
		options->nr_dirs =
		    sizeof(Default_dirs) / sizeof(Default_dirs[0]);
	}
	return OPTIONS_RUN;
}
