// SPDX-License-Identifier: BSD-2-Clause
/*
 * probe.c -- daxkind probe: the properties of a region on a path.
 *
 * It opens the path by the same code as a region, but without the owner lock,
 * and does not touch the memory of a device.  In a directory it makes a file
 * without a name, allocates up to 8 MiB of file space, and removes it: only a
 * trial shows the real properties of a file system.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/os.h"
#include "base/util.h"
#include "command.h"
#include "dax/dax_name.h"
#include "dax/mounts.h"
#include "inspect.h"
#include "output.h"
#include "region/backing.h"

const char Command_probe_help[] =
    "Says what a region on PATH would be: a namespace, a device, a directory or\n"
    "a file.  In a directory, or beside the file, a nameless file of up to 8 MiB\n"
    "is written for it, and is gone at the end.\n"
    "Exit status: 0 DAX; 3 a region, but not on DAX; 1 no region.\n";

#define SAMPLE_LEN (4 * DK_HUGE_PAGE)

enum answer {
	ANSWER_NO,
	ANSWER_YES,
	ANSWER_UNKNOWN
};

struct probe {
	const char *name;
	struct dax_place place;
	const struct backing_class *class;
	struct mount mount; /* of a file or directory; major 0 if unknown */
	bool is_dax, is_sync;
	enum flush_granularity granularity;
	enum answer huge;  /* maps huge pages */
	enum answer holes; /* can give back file space */
	size_t nr_huge, nr_tried;
	size_t align;     /* 0: one page */
	size_t size;      /* of the device or the file system */
	size_t available; /* bytes available now */
	size_t bad_len;
	int numa_node;
	bool is_busy; /* another process has a region on it */
};

static const char *
granularity_name(enum flush_granularity granularity)
{
	static const char *const Names[] = {
	    [FLUSH_BYTE] = "byte",
	    [FLUSH_CACHE_LINE] = "cache line",
	    [FLUSH_PAGE] = "page",
	};

	return Names[granularity];
}

static const char *
answer_name(enum answer answer)
{
	static const char *const Names[] = {
	    [ANSWER_NO] = "no",
	    [ANSWER_YES] = "yes",
	    [ANSWER_UNKNOWN] = "unknown",
	};

	return Names[answer];
}

/* --- any backing ---------------------------------------------------------- */

static long
nr_faults(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* If a huge page was mapped, touching its second page causes no fault. */
static void
probe_huge(struct probe *probe, volatile char *base, size_t len)
{
	for (size_t at = 0; at + DK_HUGE_PAGE <= len; at += DK_HUGE_PAGE) {
		base[at] = 0;
		long before = nr_faults();
		base[at + DK_HUGE_PAGE / 2] = 0;
		probe->nr_tried++;
		probe->nr_huge += nr_faults() == before;
	}
	if (probe->nr_tried > 0)
		probe->huge = probe->nr_huge > 0 ? ANSWER_YES : ANSWER_NO;
}

/* Try it on our own file; len is at most the space available. */
static void
probe_file_space(struct probe *probe, struct backing *b, size_t len)
{
	bool is_zero;

	/* A store to a page without file space may raise SIGBUS. */
	if (len == 0 || backing_ensure(b, 0, len, &is_zero) < 0)
		return;
	probe_huge(probe, b->base, len);
	probe->holes = backing_discard(b, 0, len) == 0 ? ANSWER_YES : ANSWER_NO;
}

static int
add_bad(void *arg, size_t off, size_t len)
{
	(void)off;
	*(size_t *)arg += len;
	return 0;
}

/* Open it like a region, so that the results hold for a region. */
static int
probe_backing(struct probe *probe, const struct backing_class *class,
    const char *path, size_t size)
{
	struct backing_request request = {
	    .path = path, .size = size, .flags = BACKING_NO_OWNER};
	struct backing *b;
	int rc = backing_open(class, &request, &b);

	if (rc < 0)
		return rc;
	probe->is_dax = b->is_dax;
	probe->is_sync = b->is_sync;
	probe->granularity = b->granularity;
	probe->numa_node = b->numa_node;
	if (b->has_file_space) {
		size_t len = min_size(size, probe->available / 2);
		size_t unit = len >= DK_HUGE_PAGE ? DK_HUGE_PAGE : DK_PAGE;

		probe_file_space(probe, b, align_down(len, unit));
	} else {
		/* Touch nothing: another process may be using it. */
		probe->huge = b->align >= DK_HUGE_PAGE ? ANSWER_YES : ANSWER_NO;
		probe->holes = ANSWER_NO;
		probe->align = b->align;
		probe->size = probe->available = b->size;
		/* Go on if bad blocks cannot be listed. */
		if (backing_find_bad(b, 0, b->size, add_bad, &probe->bad_len) <
		    0)
			probe->bad_len = 0;
	}
	backing_close(b);
	return 0;
}

/* --- in a file system --------------------------------------------------------- */

static int
probe_dir(struct probe *probe, const char *dir)
{
	struct statvfs fs;
	char block[64];

	if (statvfs(dir, &fs) != 0)
		return error_set(-errno, "%s: %s", dir, strerror(errno));
	probe->size = (size_t)fs.f_blocks * fs.f_frsize;
	probe->available = (size_t)fs.f_bavail * fs.f_frsize;
	if (inspect_block_of(dir, block, sizeof(block)))
		probe->bad_len = inspect_block_bad(block);
	/* tmpfs without a limit */
	if (fs.f_blocks == 0)
		probe->size = probe->available = (size_t)1 << 40;
	return probe_backing(probe, &Backing_dir, dir, SAMPLE_LEN);
}

/* Do not touch the file: try another file in its directory. */
static int
probe_file(struct probe *probe)
{
	char *path = strdup(probe->place.path);
	struct os_stat st;

	if (path == NULL)
		return error_set(-ENOMEM, "no memory");
	char *slash = strrchr(path, '/');
	const char *dir = slash == NULL ? "." : slash == path ? "/" : path;
	int rc = os_stat(path, &st);
	if (slash != NULL && slash != path)
		*slash = '\0';
	if (rc < 0)
		rc = error_set(rc,
		    "%s: %s; to see what a new file there would be: daxkind "
		    "probe %s",
		    probe->place.path, strerror(-rc), dir);
	else if (!st.is_file)
		rc = error_set(-EINVAL,
		    "%s is neither a file nor a directory nor a device",
		    probe->place.path);
	else
		rc = probe_dir(probe, dir);
	free(path);
	return rc;
}

static int
is_same_mount(const struct mount *mount, void *arg)
{
	struct probe *probe = arg;
	char *real = realpath(probe->place.path, NULL);
	size_t len = strlen(mount->point);
	bool inside = real != NULL && strncmp(real, mount->point, len) == 0 &&
		      (real[len] == '/' || real[len] == '\0' || len == 1);

	free(real);
	/* The longest mount point wins; among equal ones, the last. */
	if (inside && len >= strlen(probe->mount.point))
		probe->mount = *mount;
	return 0;
}

/* --- output --------------------------------------------------------------- */

static void
print_line(const char *key, const char *value)
{
	printf("%-14s %s\n", key, value);
}

static void
print_text(const struct probe *probe)
{
	char line[128];

	printf(
	    "%s: %s %s\n", probe->name, probe->class->name, probe->place.path);
	if (probe->mount.point[0] != '\0')
		printf("%-14s %s on %s (%s), mounted on %s\n", "file system",
		    probe->mount.type, probe->mount.source,
		    probe->mount.options, probe->mount.point);
	print_line("DAX", probe->is_dax ? "yes" : "no");
	if (probe->class != &Backing_devdax)
		print_line("MAP_SYNC", probe->is_sync ? "yes" : "no");
	(void)snprintf(line, sizeof(line), "%s%s",
	    granularity_name(probe->granularity),
	    probe->granularity == FLUSH_PAGE ? " (msync)" : "");
	print_line("granularity", line);
	if (probe->nr_tried > 0)
		(void)snprintf(line, sizeof(line), "%s (%zu of %zu pieces)",
		    answer_name(probe->huge), probe->nr_huge, probe->nr_tried);
	else
		(void)snprintf(
		    line, sizeof(line), "%s", answer_name(probe->huge));
	print_line("huge pages", line);
	print_line("hole punching", answer_name(probe->holes));
	if (probe->align != 0)
		print_line("alignment", output_size(probe->align).text);
	if (probe->numa_node >= 0) {
		(void)snprintf(line, sizeof(line), "%d", probe->numa_node);
		print_line("NUMA node", line);
	}
	(void)snprintf(line, sizeof(line), "%s of %s",
	    output_size(probe->available).text, output_size(probe->size).text);
	print_line("free space", line);
	print_line("bad blocks", probe->bad_len == 0
				     ? "none known"
				     : output_size(probe->bad_len).text);
	if (probe->is_busy)
		print_line("in use", "a region is open on it");
	if (probe->is_dax && !probe->is_sync)
		puts("DAX without MAP_SYNC: stores are durable after "
		     "msync(2) only");
}

static void
print_json(const struct probe *probe)
{
	json_object *object = json_object_new_object();

	output_text(object, "name", probe->name);
	output_text(object, "what", probe->class->name);
	output_text(object, "path", probe->place.path);
	output_text(object, "mount", probe->mount.point);
	output_text(object, "fs", probe->mount.type);
	output_text(object, "options", probe->mount.options);
	output_bool(object, "dax", probe->is_dax);
	output_bool(object, "map_sync", probe->is_sync);
	output_text(
	    object, "granularity", granularity_name(probe->granularity));
	output_text(object, "huge_pages", answer_name(probe->huge));
	output_text(object, "hole_punching", answer_name(probe->holes));
	output_number(object, "align",
	    probe->align != 0 ? (long long)probe->align : (long long)DK_PAGE);
	output_number(object, "size", (long long)probe->size);
	output_number(object, "available", (long long)probe->available);
	output_number(object, "bad", (long long)probe->bad_len);
	output_number(object, "numa_node", probe->numa_node);
	output_bool(object, "busy", probe->is_busy);
	output_json(object);
}

static int
run_probe(struct probe *probe)
{
	int rc = dax_name_find(probe->name, &probe->place);

	if (rc < 0)
		return rc;
	probe->class = backing_class_of(probe->place.what);
	probe->is_busy = inspect_is_locked(probe->place.path);
	if (probe->class != &Backing_dir && probe->class != &Backing_file)
		return probe_backing(probe, probe->class, probe->place.path, 0);
	rc = mounts_walk(is_same_mount, probe);
	if (rc < 0) /* informative only */
		probe->mount.point[0] = '\0';
	return probe->class == &Backing_dir
		   ? probe_dir(probe, probe->place.path)
		   : probe_file(probe);
}

/* {"name": ..., "error": ...} */
static void
print_json_error(const char *name)
{
	json_object *object = json_object_new_object();

	output_text(object, "name", name);
	output_text(object, "error", error_text());
	output_json(object);
}

int
command_probe(const struct command *command, int argc, char **argv)
{
	const char *path;
	bool json;
	int status;

	if (!command_take_path(command, argc, argv, &path, &json, &status))
		return status;
	struct probe *probe = os_new(sizeof(*probe));
	if (probe == NULL)
		return command_fail("no memory");
	probe->name = path;
	probe->numa_node = -1;
	probe->huge = probe->holes = ANSWER_UNKNOWN;
	int rc = run_probe(probe);
	status = rc < 0          ? COMMAND_FAILED
		 : probe->is_dax ? COMMAND_OK
				 : COMMAND_NOT_DAX;
	if (rc < 0 && json)
		print_json_error(probe->name);
	else if (rc < 0)
		(void)command_fail("%s", error_text());
	else if (json)
		print_json(probe);
	else
		print_text(probe);
	os_delete(probe);
	return output_end(status);
}
