// SPDX-License-Identifier: BSD-2-Clause
/*
 * mounts.c -- see mounts.h.
 *
 * A line, see proc_pid_mountinfo(5); blanks inside of a field are \040:
 *
 *   36 35 259:1 / /mnt/pmem0 rw,noatime shared:1 - ext4 /dev/pmem0 rw,dax
 *         |     | |          |          optional  |    |          of the fs
 *         dev   | point      of the mount         type source
 *               root
 */
#include "dax/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

/* Undo the escapes \ooo of a field, in place. */
static void
unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0';) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
		    from[3] <= '7') {
			*to++ = (char)((from[1] - '0') * 64 +
				       (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* The next field of a line, or NULL. */
static char *
next_field(char **line)
{
	return strsep(line, " ");
}

static bool
copy_field(char *to, size_t to_size, char *field)
{
	if (field == NULL)
		return false;
	unescape(field);
	int need = snprintf(to, to_size, "%s", field);
	return need >= 0 && (size_t)need < to_size;
}

static bool
parse_device(const char *field, struct mount *mount)
{
	char *end;

	if (field == NULL)
		return false;
	mount->major_nr = (unsigned)strtoul(field, &end, 10);
	if (*end != ':')
		return false;
	mount->minor_nr = (unsigned)strtoul(end + 1, &end, 10);
	return *end == '\0';
}

static bool
has_option(const char *options, const char *option)
{
	size_t len = strlen(option);

	for (; options != NULL; options = strchr(options, ',')) {
		options += *options == ',';
		if (strncmp(options, option, len) == 0 &&
		    (options[len] == ',' || options[len] == '\0'))
			return true;
	}
	return false;
}

/* False if the line is malformed. */
static bool
parse(char *line, struct mount *mount)
{
	char *field;

	(void)next_field(&line); /* mount number */
	(void)next_field(&line); /* parent's number */
	if (!parse_device(next_field(&line), mount))
		return false;
	field = next_field(&line);
	mount->is_whole = field != NULL && strcmp(field, "/") == 0;
	if (!copy_field(mount->point, sizeof(mount->point), next_field(&line)))
		return false;
	field = next_field(&line);
	mount->is_read_only = field != NULL && has_option(field, "ro");
	do {
		field = next_field(&line);
	} while (field != NULL && strcmp(field, "-") != 0);
	return copy_field(
		   mount->type, sizeof(mount->type), next_field(&line)) &&
	       copy_field(
		   mount->source, sizeof(mount->source), next_field(&line)) &&
	       copy_field(
		   mount->options, sizeof(mount->options), next_field(&line));
}

int
mounts_walk_file(const char *path,
    int (*visit)(const struct mount *mount, void *arg), void *arg)
{
	char *text, *rest, *line;
	int rc = os_read_text(path, &text);

	if (rc < 0)
		return rc;
	struct mount *mount = os_new(sizeof(*mount));
	if (mount == NULL) {
		os_delete(text);
		return -ENOMEM;
	}
	rest = text;
	while (rc == 0 && (line = strsep(&rest, "\n")) != NULL) {
		if (parse(line, mount))
			rc = visit(mount, arg);
	}
	os_delete(mount);
	os_delete(text);
	return rc;
}

int
mounts_walk(int (*visit)(const struct mount *mount, void *arg), void *arg)
{
	return mounts_walk_file("/proc/self/mountinfo", visit, arg);
}

struct search {
	unsigned major_nr, minor_nr;
	struct mount *found;
	bool any;
};

static int
compare(const struct mount *mount, void *arg)
{
	struct search *search = arg;

	if (mount->major_nr != search->major_nr ||
	    mount->minor_nr != search->minor_nr)
		return 0;
	bool is_best = mount->is_whole && !mount->is_read_only;
	if (!search->any || is_best)
		*search->found = *mount;
	search->any = true;
	return is_best;
}

int
mounts_find(unsigned major_nr, unsigned minor_nr, struct mount *mount)
{
	struct search search = {major_nr, minor_nr, mount, false};
	int rc = mounts_walk(compare, &search);

	if (rc < 0)
		return rc;
	return search.any ? 0 : -ENOENT;
}
