// SPDX-License-Identifier: BSD-2-Clause
/*
 * corpus.c -- see corpus.h.
 */
#include "corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../checksum.h"

static int
add_file(struct corpus *corpus, size_t *nr_room, const char *path, size_t size)
{
	struct corpus_file *files;
	size_t nr_wanted;

	if (corpus->nr_files == *nr_room) {
		nr_wanted = *nr_room == 0 ? 1024 : 2 * *nr_room;
		files = reallocarray(
		    corpus->files, nr_wanted, sizeof(*corpus->files));
		if (files == NULL)
			return -ENOMEM;
		corpus->files = files;
		*nr_room = nr_wanted;
	}
	corpus->files[corpus->nr_files].path = strdup(path);
	if (corpus->files[corpus->nr_files].path == NULL)
		return -ENOMEM;
	corpus->files[corpus->nr_files].size = size;
	corpus->files[corpus->nr_files].checksum = 0;
	corpus->nr_files++;
	return 0;
}

static int
list_dir(struct corpus *corpus, size_t *nr_room, const char *dir)
{
	char *path = strdup(dir);
	char *roots[] = {path, NULL};
	FTSENT *entry;
	FTS *tree;
	int rc = 0;

	if (path == NULL)
		return -ENOMEM;
	tree =
	    fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	if (tree == NULL) {
		rc = -errno;
		free(path);
		return rc;
	}
	while (rc == 0 && (entry = fts_read(tree)) != NULL) {
		if (entry->fts_info != FTS_F ||
		    !S_ISREG(entry->fts_statp->st_mode) ||
		    entry->fts_statp->st_size <= 0)
			continue;
		if (access(entry->fts_accpath, R_OK) == 0)
			rc = add_file(corpus, nr_room, entry->fts_path,
			    (size_t)entry->fts_statp->st_size);
	}
	fts_close(tree);
	free(path);
	return rc;
}

static int
compare_paths(const void *a, const void *b)
{
	const struct corpus_file *left = a;
	const struct corpus_file *right = b;

	return strcmp(left->path, right->path);
}

/* Drop files that were listed twice, and those beyond max_size. */
static void
trim(struct corpus *corpus, size_t max_size)
{
	struct corpus_file *files = corpus->files;
	size_t nr = corpus->nr_files;
	size_t i;
	bool is_twice;

	corpus->nr_files = 0;
	for (i = 0; i < nr; i++) {
		is_twice = corpus->nr_files > 0 &&
			   strcmp(files[corpus->nr_files - 1].path,
			       files[i].path) == 0;
		if (is_twice || files[i].size > max_size - corpus->size) {
			if (!is_twice)
				corpus->nr_omitted++;
			free(files[i].path);
			continue;
		}
		corpus->size += files[i].size;
		if (files[i].size > corpus->largest)
			corpus->largest = files[i].size;
		files[corpus->nr_files++] = files[i];
	}
}

static int
compare_keys(const void *a, const void *b)
{
	const struct corpus_file *const *left = a;
	const struct corpus_file *const *right = b;

	return (*left)->key < (*right)->key ? -1 : (*left)->key > (*right)->key;
}

static int
index_keys(struct corpus *corpus)
{
	size_t i;

	corpus->by_key = calloc(corpus->nr_files, sizeof(struct corpus_file *));
	if (corpus->by_key == NULL)
		return -ENOMEM;
	for (i = 0; i < corpus->nr_files; i++) {
		corpus->files[i].key = checksum_xxh64(
		    corpus->files[i].path, strlen(corpus->files[i].path), 0);
		corpus->by_key[i] = &corpus->files[i];
	}
	qsort(corpus->by_key, corpus->nr_files, sizeof(struct corpus_file *),
	    compare_keys);
	return 0;
}

const struct corpus_file *
corpus_find(const struct corpus *corpus, uint64_t key)
{
	const struct corpus_file wanted = {.key = key};
	const struct corpus_file *address = &wanted;
	const struct corpus_file **found = bsearch(&address, corpus->by_key,
	    corpus->nr_files, sizeof(struct corpus_file *), compare_keys);

	return found != NULL ? *found : NULL;
}

int
corpus_list(struct corpus *corpus, const char *const *dirs, size_t nr_dirs,
    size_t max_size)
{
	size_t nr_room = 0;
	size_t i;
	int rc = 0;

	memset(corpus, 0, sizeof(*corpus));
	for (i = 0; rc == 0 && i < nr_dirs; i++)
		rc = list_dir(corpus, &nr_room, dirs[i]);
	if (rc == 0 && corpus->nr_files > 0) {
		qsort(corpus->files, corpus->nr_files, sizeof(*corpus->files),
		    compare_paths);
		trim(corpus, max_size);
	}
	if (rc == 0 && corpus->nr_files == 0)
		rc = -ENOENT;
	if (rc == 0)
		rc = index_keys(corpus);
	if (rc < 0)
		corpus_fini(corpus);
	return rc;
}

void
corpus_fini(struct corpus *corpus)
{
	size_t i;

	for (i = 0; i < corpus->nr_files; i++)
		free(corpus->files[i].path);
	free(corpus->by_key);
	free(corpus->files);
	memset(corpus, 0, sizeof(*corpus));
}

static int
grow(struct corpus_buffer *buffer, size_t wanted_size)
{
	unsigned char *data;

	if (wanted_size <= buffer->size)
		return 0;
	data = realloc(buffer->data, wanted_size);
	if (data == NULL)
		return -ENOMEM;
	buffer->data = data;
	buffer->size = wanted_size;
	return 0;
}

int
corpus_read(const struct corpus_file *file, struct corpus_buffer *buffer)
{
	ssize_t got;
	int rc;
	int fd;

	fd = open(file->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	buffer->len = 0;
	/* Read one byte more than expected, to notice a longer file. */
	rc = grow(buffer, file->size + 1);
	while (rc == 0) {
		got = read(
		    fd, buffer->data + buffer->len, buffer->size - buffer->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			rc = -errno;
		if (got <= 0)
			break;
		buffer->len += (size_t)got;
		if (buffer->len == buffer->size)
			rc = grow(buffer, 2 * buffer->size);
	}
	close(fd);
	return rc;
}

int
corpus_load(struct corpus_file *file, struct corpus_buffer *buffer)
{
	int rc = corpus_read(file, buffer);

	if (rc < 0)
		return rc;
	file->size = buffer->len;
	file->checksum = checksum_xxh64(buffer->data, buffer->len, 0);
	return 0;
}

void
corpus_buffer_fini(struct corpus_buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
