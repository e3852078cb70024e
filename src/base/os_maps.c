// SPDX-License-Identifier: BSD-2-Clause
/*
 * os_maps.c -- reads /proc/self/maps: see os.h.
 */
#include "base/os.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cancel.h"

static const char Maps[] = "/proc/self/maps";

/* A reader of /proc/self/maps, whose lines are START-END rwxp ...  It runs
 * during a fork with locks held, so it does not allocate. */
struct maps_reader {
	int fd;
	size_t len, pos;
	char buf[1024];
};

/* The next byte, or -1 at the end. */
static int
next_byte(struct maps_reader *r)
{
	if (r->pos == r->len) {
		ssize_t len = read(r->fd, r->buf, sizeof(r->buf));

		if (len <= 0)
			return -1;
		r->len = (size_t)len;
		r->pos = 0;
	}
	return (unsigned char)r->buf[r->pos++];
}

/* Reads a hexadecimal number and the byte after it. */
static uintptr_t
next_number(struct maps_reader *r)
{
	uintptr_t value = 0;

	for (;;) {
		int c = next_byte(r);

		if (c >= '0' && c <= '9')
			value = value << 4 | (uintptr_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uintptr_t)(c - 'a' + 10);
		else
			return value;
	}
}

/* Reads to the fourth letter of the permissions, s or p, in the line of the
 * mapping that contains addr; 0: there is none. */
static int
find_line(struct maps_reader *r, const void *addr)
{
	int c = 0;

	while (c >= 0) {
		uintptr_t start = next_number(r);
		uintptr_t end = next_number(r);

		for (int i = 0; i < 4; i++)
			c = next_byte(r);
		if ((uintptr_t)addr >= start && (uintptr_t)addr < end)
			return c;
		while (c >= 0 && c != '\n')
			c = next_byte(r);
	}
	return 0;
}

bool
os_is_private_mapping(const void *addr)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct maps_reader r = {0};
	bool is_private = false;

	if (os_open_read(Maps, &r.fd) == 0) {
		is_private = find_line(&r, addr) == 'p';
		os_close(r.fd);
	}
	errno = saved_errno;
	return is_private;
}

int
os_mapped_device(const void *addr, unsigned *major_nr, unsigned *minor_nr)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct maps_reader r = {0};
	char path[512]; /* long enough for devices */
	struct os_stat st;
	size_t len = 0;
	int rc = os_open_read(Maps, &r.fd);

	if (rc < 0)
		return rc;
	/* ... offset device inode      /path */
	int c = find_line(&r, addr);
	while (c > 0 && c != '\n' && c != '/')
		c = next_byte(&r);
	for (; c > 0 && c != '\n' && len + 1 < sizeof(path); c = next_byte(&r))
		path[len++] = (char)c;
	path[len] = '\0';
	os_close(r.fd);
	errno = saved_errno;
	if (len == 0 || (c > 0 && c != '\n'))
		return -ENODEV;
	rc = os_stat(path, &st);
	/* The path of a deleted file ends in " (deleted)"; other paths may be
	 * unreachable for this process. */
	if (rc < 0 && rc != -ENOENT && rc != -ENOTDIR && rc != -EACCES)
		return rc;
	if (rc < 0 || !st.is_char_dev)
		return -ENODEV;
	*major_nr = st.major_nr;
	*minor_nr = st.minor_nr;
	return 0;
}

/* The rest of the line: after the permissions and three numbers. */
static void
read_name(struct maps_reader *r, char *text, size_t text_size)
{
	size_t len = 0, nr_words = 0;
	int c, before = ' ';

	while ((c = next_byte(r)) >= 0 && c != '\n') {
		nr_words += before == ' ' && c != ' ';
		before = c;
		if (nr_words > 3 && len + 1 < text_size)
			text[len++] = (char)c;
	}
	if (len > 0)
		text[len] = '\0';
}

void
os_describe_mapping(const void *addr, size_t len, char *text, size_t text_size)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	struct maps_reader r = {0};
	bool is_open = os_open_read(Maps, &r.fd) == 0;

	(void)snprintf(text, text_size, "something");
	for (int c = 0; is_open && c >= 0;) {
		uintptr_t start = next_number(&r);
		uintptr_t end = next_number(&r);

		for (int i = 0; i < 4; i++)
			c = next_byte(&r);
		if (start < (uintptr_t)addr + len && end > (uintptr_t)addr) {
			read_name(&r, text, text_size);
			break;
		}
		while (c >= 0 && c != '\n')
			c = next_byte(&r);
	}
	if (is_open)
		os_close(r.fd);
	errno = saved_errno;
}
