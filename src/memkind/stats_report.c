// SPDX-License-Identifier: BSD-2-Clause
/*
 * stats_report.c -- see stats_report.h.
 *
 * Large blocks of a region do not come from jemalloc, so its report lacks them.
 * Their part is inserted before the last line, by which programs recognize the
 * end.  So the end of the text received so far is held back until more comes.
 */
#include "memkind/stats_report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/export.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"
#include "heap/je.h"
#include "kind/kind.h"
#include "kind/kind_registry.h"
#include "kind/kind_static.h"
#include "memkind.h"

enum {
	END_SIZE = 64, /* more than jemalloc's last line */
	PIECE_SIZE = 512
};

struct report {
	void (*write_cb)(void *arg, const char *text);
	void *arg;
	size_t end_len;
	char end[END_SIZE + 1]; /* end of the text so far, not written yet */
};

/* --- writing ----------------------------------------------------------------- */

static void
write_to_stderr(void *arg, const char *text)
{
	(void)arg;
	log_print(text);
}

static void
write_bytes(const struct report *report, const char *text, size_t len)
{
	char piece[PIECE_SIZE];

	while (len > 0) {
		size_t n = min_size(len, sizeof(piece) - 1);

		memcpy(piece, text, n);
		piece[n] = '\0';
		report->write_cb(report->arg, piece);
		text += n;
		len -= n;
	}
}

static DK_PRINTF(2, 3) void write_format(
    const struct report *report, const char *fmt, ...)
{
	char text[PIECE_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	report->write_cb(report->arg, text);
}

static void
pass_on(void *arg, const char *text)
{
	struct report *report = arg;
	size_t len = strlen(text);

	if (len >= END_SIZE) {
		write_bytes(report, report->end, report->end_len);
		write_bytes(report, text, len - END_SIZE);
		text += len - END_SIZE;
		len = END_SIZE;
		report->end_len = 0;
	} else if (report->end_len + len > END_SIZE) {
		size_t over = report->end_len + len - END_SIZE;

		write_bytes(report, report->end, over);
		report->end_len -= over;
		memmove(report->end, report->end + over, report->end_len);
	}
	memcpy(report->end + report->end_len, text, len);
	report->end_len += len;
	report->end[report->end_len] = '\0';
}

/* --- large blocks ------------------------------------------------------------- */

struct large {
	char name[KIND_NAME_SIZE];
	size_t bytes;
	size_t small_bytes, slab_bytes; /* 0: jemalloc's */
	size_t nr_bad_frees;
};

struct larges {
	size_t nr_kinds; /* that may have large blocks */
	size_t sum;      /* bytes of all of them */
	size_t nr, max;  /* of these records */
	struct large *at;
};

static int
add_kind(struct memkind *kind, void *arg)
{
	struct larges *larges = arg;

	struct block_figures figures;

	if (kind->blocks == NULL || kind->blocks->get_figures == NULL)
		return 0;
	kind->blocks->get_figures(kind, &figures);
	figures.nr_bad_frees +=
	    atomic_load_explicit(&kind->nr_bad_frees, memory_order_relaxed);
	/* Most static kinds are never used. */
	if (figures.large_bytes == 0 && figures.nr_bad_frees == 0 &&
	    kind_is_static(kind))
		return 0;
	larges->nr_kinds++;
	larges->sum += figures.large_bytes;
	if (larges->nr < larges->max) {
		struct large *large = &larges->at[larges->nr++];

		memcpy(large->name, kind->name, sizeof(large->name));
		large->bytes = figures.large_bytes;
		large->small_bytes = figures.small_bytes;
		large->slab_bytes = figures.slab_bytes;
		large->nr_bad_frees = figures.nr_bad_frees;
	}
	return 0;
}

/* Omits kinds that are made meanwhile, and all kinds if there is no memory for
 * records. */
static void
gather(struct larges *larges)
{
	*larges = (struct larges){0};
	kind_static_walk(add_kind, larges);
	(void)kind_registry_walk(add_kind, larges);
	struct large *at = larges->nr_kinds > 0
			       ? os_new(larges->nr_kinds * sizeof(*at))
			       : NULL;
	if (at == NULL)
		return;
	*larges = (struct larges){.at = at, .max = larges->nr_kinds};
	kind_static_walk(add_kind, larges);
	(void)kind_registry_walk(add_kind, larges);
}

static void
write_text(const struct report *report, const struct larges *larges,
    bool has_sum, bool has_kinds)
{
	if (has_sum)
		write_format(report,
		    "Large blocks of kinds, not jemalloc's: %zu bytes\n",
		    larges->sum);
	for (size_t i = 0; has_kinds && i < larges->nr; i++) {
		if (larges->at[i].slab_bytes > 0)
			write_format(report,
			    "Small blocks of durable kind %s: %zu bytes in "
			    "slabs of %zu\n",
			    larges->at[i].name, larges->at[i].small_bytes,
			    larges->at[i].slab_bytes);
		write_format(report,
		    "Large blocks of kind %s: %zu bytes\n"
		    "Frees of what is no block in use, kind %s: %zu\n",
		    larges->at[i].name, larges->at[i].bytes, larges->at[i].name,
		    larges->at[i].nr_bad_frees);
	}
}

/* A kind's name may contain any characters. */
static void
quote(char *quoted, size_t size, const char *name)
{
	size_t len = 0;

	for (; *name != '\0' && len + 7 < size; name++) {
		unsigned char c = (unsigned char)*name;

		if (c < ' ')
			len += (size_t)snprintf(
			    quoted + len, size - len, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			len += (size_t)snprintf(
			    quoted + len, size - len, "\\%c", c);
		else
			quoted[len++] = (char)c;
	}
	quoted[len] = '\0';
}

/* A second member of the JSON object of jemalloc's report. */
static void
write_json(const struct report *report, const struct larges *larges,
    bool has_sum, bool has_kinds)
{
	char name[6 * KIND_NAME_SIZE + 8];

	write_format(report, ",\n\t\"daxkind\": {");
	if (has_sum)
		write_format(report, "\n\t\t\"large\": %zu%s", larges->sum,
		    has_kinds ? "," : "");
	if (has_kinds)
		write_format(report, "\n\t\t\"kinds\": [");
	for (size_t i = 0; has_kinds && i < larges->nr; i++) {
		quote(name, sizeof(name), larges->at[i].name);
		write_format(report,
		    "%s\n\t\t\t{\"name\": \"%s\", \"large\": %zu, ",
		    i > 0 ? "," : "", name, larges->at[i].bytes);
		if (larges->at[i].slab_bytes > 0)
			write_format(report, "\"small\": %zu, \"slabs\": %zu, ",
			    larges->at[i].small_bytes,
			    larges->at[i].slab_bytes);
		write_format(
		    report, "\"bad_frees\": %zu}", larges->at[i].nr_bad_frees);
	}
	write_format(report, "%s\n\t}\n", has_kinds ? "\n\t\t]" : "");
}

void
stats_report_print(void (*write_cb)(void *arg, const char *text), void *arg,
    unsigned opts, const char *letters)
{
	DK_NO_CANCEL(); /* in the program's function, or records leak */
	struct report report = {
	    .write_cb = write_cb != NULL ? write_cb : write_to_stderr,
	    .arg = arg,
	};
	bool is_json = (opts & MEMKIND_STAT_PRINT_JSON_FORMAT) != 0;
	bool has_sum = (opts & MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA) == 0;
	bool has_kinds = (opts & MEMKIND_STAT_PRINT_OMIT_PER_ARENA) == 0;
	struct larges larges;

	je_stats_print(pass_on, &report, letters);
	char *last =
	    is_json ? strrchr(report.end, '}') : strstr(report.end, "--- End");
	size_t before = last != NULL ? (size_t)(last - report.end) : 0;
	if ((has_sum || has_kinds) && last != NULL) {
		if (is_json && before > 0 && report.end[before - 1] == '\n')
			before--; /* put a comma behind the previous member */
		write_bytes(&report, report.end, before);
		gather(&larges);
		(is_json ? write_json : write_text)(
		    &report, &larges, has_sum, has_kinds);
		os_delete(larges.at);
		report.write_cb(report.arg, last);
	} else {
		write_bytes(&report, report.end, report.end_len);
	}
}
