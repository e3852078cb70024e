// SPDX-License-Identifier: BSD-2-Clause
/*
 * image.c -- see image.h.
 */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

enum {
	NR_PATHS = 8,
	PATH_SIZE = 512,
	PAGE = 4096
};

static uint8_t Image[(size_t)32 << 20];
static size_t Image_len;

const char *
image_path(unsigned nr)
{
	static char Paths[NR_PATHS][PATH_SIZE];
	const char *dir = getenv("TMPDIR");

	expect(nr < NR_PATHS, "%u", nr);
	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	int len = snprintf(Paths[nr], PATH_SIZE, "%s/daxkind-fuzz-%ld-%u", dir,
	    (long)getpid(), nr);
	expect(len > 0 && len < PATH_SIZE, "the name of %s is too long", dir);
	return Paths[nr];
}

void
image_take(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	expect(fd >= 0 && fstat(fd, &st) == 0, "%s: %s", path, strerror(errno));
	expect((size_t)st.st_size <= sizeof(Image), "%s is too large", path);
	Image_len = (size_t)st.st_size;
	expect(pread(fd, Image, Image_len, 0) == st.st_size, "%s: %s", path,
	    strerror(errno));
	(void)close(fd);
}

void
image_put(const char *path)
{
	static const uint8_t Zeroes[PAGE];
	int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);

	expect(fd >= 0 && ftruncate(fd, (off_t)Image_len) == 0, "%s: %s", path,
	    strerror(errno));
	for (size_t off = 0; off < Image_len; off += PAGE) {
		/* Holes stay holes: it is quicker. */
		if (memcmp(Image + off, Zeroes, PAGE) == 0)
			continue;
		expect(pwrite(fd, Image + off, PAGE, (off_t)off) == PAGE,
		    "%s: %s", path, strerror(errno));
	}
	(void)close(fd);
}
