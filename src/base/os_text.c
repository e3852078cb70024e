// SPDX-License-Identifier: BSD-2-Clause
/*
 * os_text.c -- text files and directories of the system: see os.h.
 */
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/os_result.h"
#include "base/parse.h"
#include "base/util.h"

int
os_read_line(const char *path, char *buf, size_t buf_size)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return os_result(fd, saved_errno);
	ssize_t len = read(fd, buf, buf_size - 1);
	int err = len < 0 ? -errno : 0;
	(void)close(fd);
	errno = saved_errno;
	if (err != 0)
		return err;
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int
os_read_number(const char *dir, const char *name, size_t *number)
{
	char path[384], line[64];
	int len = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	int rc = os_read_line(path, line, sizeof(line));
	if (rc < 0)
		return rc;
	return parse_file_number(line, number) ? 0 : -EINVAL;
}

size_t
os_nr_huge_pages(size_t page_size)
{
	char dir[64];
	size_t there = 0, more = 0;

	(void)snprintf(dir, sizeof(dir),
	    "/sys/kernel/mm/hugepages/hugepages-%zukB", page_size / KIB);
	if (os_read_number(dir, "nr_hugepages", &there) < 0)
		there = 0;
	if (os_read_number(dir, "nr_overcommit_hugepages", &more) < 0)
		more = 0;
	return there + more;
}

size_t
os_nr_gigantic_pages(void)
{
	return os_nr_huge_pages(GIB);
}

int
os_read_link_name(const char *path, char *buf, size_t buf_size)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	char target[1024]; /* links of sysfs and procfs are short */
	ssize_t len = readlink(path, target, sizeof(target));

	if (len < 0)
		return os_result(len, saved_errno);
	if ((size_t)len == sizeof(target)) {
		errno = saved_errno;
		return -ENAMETOOLONG;
	}
	target[len] = '\0';
	const char *slash = strrchr(target, '/');
	const char *name = slash != NULL ? slash + 1 : target;
	int need = snprintf(buf, buf_size, "%s", name);

	errno = saved_errno;
	return need >= 0 && (size_t)need < buf_size ? 0 : -ENAMETOOLONG;
}

/* Read until the end or until the buffer is full; -1 and errno on failure. */
static ssize_t
read_on(int fd, char *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int
os_read_text(const char *path, char **text)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf = NULL;
	size_t room = 0, len = 0;
	int rc = fd < 0 ? -errno : 0;

	while (rc == 0 && len + 1 >= room) {
		char *more = realloc(buf, room = 2 * room + 4096);

		if (more == NULL) {
			rc = -ENOMEM;
			break;
		}
		buf = more;
		ssize_t n = read_on(fd, buf + len, room - len - 1);
		if (n < 0)
			rc = -errno;
		else
			len += (size_t)n;
	}
	if (fd >= 0)
		(void)close(fd);
	if (rc == 0) {
		buf[len] = '\0';
		*text = buf;
	} else {
		free(buf);
	}
	errno = saved_errno;
	return rc;
}

int
os_read_at(const char *path, size_t off, void *buf, size_t len)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : 0;

	if (rc == 0 && lseek(fd, (off_t)off, SEEK_SET) < 0)
		rc = -errno;
	if (rc == 0) {
		ssize_t n = read_on(fd, buf, len);

		rc = n < 0 ? -errno : (size_t)n == len ? 0 : -ENODATA;
	}
	if (fd >= 0)
		(void)close(fd);
	errno = saved_errno;
	return rc;
}

int
os_walk_dir(
    const char *path, int (*visit)(const char *name, void *arg), void *arg)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int rc = 0;

	if (dir == NULL)
		return os_result(-1, saved_errno);
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			rc = visit(entry->d_name, arg);
	}
	(void)closedir(dir);
	errno = saved_errno;
	return rc;
}
