// SPDX-License-Identifier: BSD-2-Clause
/*
 * probe.c -- daxkind probe: what a region on a path would be.
 *
 * On a device nothing is opened but the device itself, unless somebody has a
 * region on it.  In a directory a file without a name is made, filled with up
 * to 8 MiB of zeroes, and gone at the end: what a file system really does is
 * found by doing it.
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
#include "dax/dax_namespace.h"
#include "dax/mounts.h"
#include "inspect.h"
#include "options.h"
#include "output.h"
#include "region/flush.h"

const char Command_probe_help[] =
    "Says what a region on PATH would be: a namespace, a device, a directory or\n"
    "a file, which need not exist.  In a directory a nameless file of up to\n"
    "8 MiB is written for it, and is gone at the end.\n"
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
	struct mount mount; /* of a file or directory; major 0 if unknown */
	bool is_dax, is_sync;
	enum flush_granularity granularity;
	enum answer huge;  /* mapped by huge pages */
	enum answer holes; /* file space can be given back */
	size_t nr_huge, nr_tried;
	size_t align;     /* 0: any page */
	size_t size;      /* of a device, or of the file system */
	size_t available; /* bytes that can be had now */
	size_t bad_len;
	int numa_node;
	bool is_busy; /* somebody has a region on it */
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

/* --- a device --------------------------------------------------------------- */

static int
probe_device(struct probe *probe)
{
	struct dax_namespace ns;
	struct dax_device device;
	struct os_stat st;
	int fd;
	int rc = os_stat(probe->place.path, &st);

	if (rc < 0)
		return error_set(
		    rc, "%s: %s", probe->place.path, strerror(-rc));
	rc = dax_device_find_number(st.major_nr, st.minor_nr, &device);
	if (rc < 0)
		return error_set(rc,
		    "%s is no devdax device; see: daxkind list",
		    probe->place.path);
	rc = dax_name_check_device(&device, probe->place.path);
	if (rc < 0)
		return rc;
	rc = os_open(probe->place.path, false, &fd);
	if (rc < 0)
		return error_set(rc, "%s can not be opened: %s",
		    probe->place.path, strerror(-rc));
	os_close(fd);
	if (os_thp_is_disabled() && device.align > DK_PAGE)
		return error_set(-EPERM,
		    "huge pages are switched off for this process (prctl "
		    "PR_SET_THP_DISABLE), and %s needs them",
		    probe->place.path);
	probe->is_dax = probe->is_sync = true;
	probe->granularity = flush_of_sync_mapping();
	probe->huge = device.align >= DK_HUGE_PAGE ? ANSWER_YES : ANSWER_NO;
	probe->holes = ANSWER_NO;
	probe->align = device.align;
	probe->size = device.size;
	probe->available = align_down(device.size, device.align);
	probe->numa_node = device.numa_node;
	probe->is_busy = inspect_is_locked(probe->place.path);
	if (dax_namespace_find_device(device.name, &ns) == 0)
		probe->bad_len = ns.bad_len;
	return 0;
}

/* --- a file or directory ---------------------------------------------------- */

static long
nr_faults(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* The second page of a huge page is there with the first. */
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

static void
probe_holes(struct probe *probe, int fd)
{
	struct os_stat before, after;

	if (os_fstat(fd, &before) < 0 || before.space == 0)
		return;
	probe->holes = os_punch(fd, 0, before.size) == 0 &&
			       os_fstat(fd, &after) == 0 &&
			       after.space < before.space
			   ? ANSWER_YES
			   : ANSWER_NO;
}

static int
probe_sample(struct probe *probe, int fd, const char *dir)
{
	size_t len = min_size(SAMPLE_LEN, probe->available / 2);
	void *base;
	int rc;

	len = align_down(len, len >= DK_HUGE_PAGE ? DK_HUGE_PAGE : DK_PAGE);
	rc = os_set_size(fd, max_size(len, DK_PAGE));
	if (rc < 0)
		return error_set(rc, "a file in %s can not have %zu bytes: %s",
		    dir, max_size(len, DK_PAGE), strerror(-rc));
	/* First the space, in one piece, as a region does it: a file system that
	 * allocates at each write may not align any. */
	bool is_filled = len > 0 && os_allocate(fd, 0, len) != -ENOSPC &&
			 os_write_zeroes(fd, 0, len) == 0;
	rc = os_map_file(
	    fd, 0, max_size(len, DK_PAGE), DK_HUGE_PAGE, OS_MAP_SYNC, &base);
	probe->is_sync = rc == 0;
	if (rc < 0)
		rc = os_map_file(
		    fd, 0, max_size(len, DK_PAGE), DK_HUGE_PAGE, 0, &base);
	if (rc < 0)
		return error_set(rc, "a file in %s can not be mapped: %s", dir,
		    strerror(-rc));
	probe->is_dax = probe->is_sync || os_is_dax(fd);
	probe->granularity =
	    probe->is_sync ? flush_of_sync_mapping() : FLUSH_PAGE;
	/* A store to a page without file space may be SIGBUS. */
	if (is_filled)
		probe_huge(probe, base, len);
	(void)os_unmap(base, max_size(len, DK_PAGE));
	if (is_filled)
		probe_holes(probe, fd);
	return 0;
}

static int
probe_dir(struct probe *probe, const char *dir)
{
	struct statvfs fs;
	char block[64];
	int fd;

	if (statvfs(dir, &fs) != 0)
		return error_set(-errno, "%s: %s", dir, strerror(errno));
	probe->size = (size_t)fs.f_blocks * fs.f_frsize;
	probe->available = (size_t)fs.f_bavail * fs.f_frsize;
	if (inspect_block_of(dir, block, sizeof(block)))
		probe->bad_len = inspect_block_bad(block);
	/* tmpfs without a limit */
	if (fs.f_blocks == 0)
		probe->size = probe->available = (size_t)1 << 40;
	int rc = os_open_unlinked(dir, &fd);
	if (rc < 0)
		return error_set(
		    rc, "no file can be made in %s: %s", dir, strerror(-rc));
	rc = probe_sample(probe, fd, dir);
	os_close(fd);
	return rc;
}

/* The folder of a file. */
static int
probe_file(struct probe *probe)
{
	char *dir = strdup(probe->place.path);
	struct os_stat st;
	int rc;

	if (dir == NULL)
		return error_set(-ENOMEM, "no memory");
	if (os_stat(dir, &st) == 0) {
		probe->is_busy = inspect_is_locked(dir);
		if (!st.is_file) {
			rc = error_set(-EINVAL,
			    "%s is neither a file nor a directory nor a device",
			    dir);
			free(dir);
			return rc;
		}
	}
	char *slash = strrchr(dir, '/');
	if (slash == NULL)
		rc = probe_dir(probe, ".");
	else if (slash == dir)
		rc = probe_dir(probe, "/");
	else {
		*slash = '\0';
		rc = probe_dir(probe, dir);
	}
	free(dir);
	return rc;
}

/* A file that does not exist yet is in its folder. */
static char *
real_path(const char *path)
{
	char *real = realpath(path, NULL);

	if (real != NULL)
		return real;
	char *folder = strdup(path);
	char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
	if (slash != NULL)
		slash[slash == folder] = '\0';
	real = realpath(slash != NULL ? folder : ".", NULL);
	free(folder);
	return real;
}

static int
is_same_mount(const struct mount *mount, void *arg)
{
	struct probe *probe = arg;
	char *real = real_path(probe->place.path);
	size_t len = strlen(mount->point);
	bool inside = real != NULL && strncmp(real, mount->point, len) == 0 &&
		      (real[len] == '/' || real[len] == '\0' || len == 1);

	free(real);
	/* The longest one, and of equal ones the last. */
	if (inside && len >= strlen(probe->mount.point))
		probe->mount = *mount;
	return 0;
}

/* --- what is said ----------------------------------------------------------- */

static const char *
what_name(const struct probe *probe)
{
	static const char *const Names[] = {
	    [DAX_PLACE_FILE] = "file",
	    [DAX_PLACE_DIR] = "directory",
	    [DAX_PLACE_DEVDAX] = "devdax device",
	};

	return Names[probe->place.what];
}

static void
print_line(const char *key, const char *value)
{
	printf("%-14s %s\n", key, value);
}

static void
print_text(const struct probe *probe)
{
	char line[128];

	printf("%s: %s %s\n", probe->name, what_name(probe), probe->place.path);
	if (probe->mount.point[0] != '\0')
		printf("%-14s %s on %s (%s), mounted on %s\n", "file system",
		    probe->mount.type, probe->mount.source,
		    probe->mount.options, probe->mount.point);
	print_line("DAX", probe->is_dax ? "yes" : "no");
	if (probe->place.what != DAX_PLACE_DEVDAX)
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
	output_text(object, "what", what_name(probe));
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
	if (probe->place.what == DAX_PLACE_DEVDAX)
		return probe_device(probe);
	rc = mounts_walk(is_same_mount, probe);
	if (rc < 0) /* it is only told, never relied on */
		probe->mount.point[0] = '\0';
	return probe->place.what == DAX_PLACE_DIR
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
	static const struct option Options[] = {COMMAND_LONG_OPTIONS};
	bool json = false;
	int option;

	while ((option = options_next(argc, argv, "hjV", Options)) != -1) {
		if (option != 'j')
			return command_other_option(command, option);
		json = true;
	}
	if (optind == argc)
		return command_usage(command, "a PATH is wanted");
	if (optind + 1 < argc)
		return command_usage(
		    command, "unexpected argument \"%s\"", argv[optind + 1]);
	if (argv[optind][0] == '\0')
		return command_usage(command, "the PATH is empty");
	struct probe *probe = os_new(sizeof(*probe));
	if (probe == NULL)
		return command_fail("no memory");
	probe->name = argv[optind];
	probe->numa_node = -1;
	probe->huge = probe->holes = ANSWER_UNKNOWN;
	int rc = run_probe(probe);
	int status = rc < 0          ? COMMAND_FAILED
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
