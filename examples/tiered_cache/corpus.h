/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * corpus.h -- the files that are cached.
 *
 * They are listed in the order of their names, so that a seed selects the same
 * objects in each run.  Symbolic links, empty and unreadable files are left
 * out.
 */
#ifndef CORPUS_H
#define CORPUS_H

#include <stddef.h>
#include <stdint.h>

struct corpus_file {
	char *path;
	uint64_t key;      /* the file's, whatever else is in the corpus */
	size_t size;       /* in bytes; as read, once loaded */
	uint64_t checksum; /* of its content; set by corpus_load() */
};

struct corpus {
	struct corpus_file *files;
	size_t nr_files;
	const struct corpus_file **by_key; /* all files, in the order of keys */
	size_t size;                       /* of all files, in bytes */
	size_t largest;    /* size of the largest file, in bytes */
	size_t nr_omitted; /* files beyond the limit on size */
};

/* A growing buffer for files. */
struct corpus_buffer {
	unsigned char *data;
	size_t len;  /* bytes read */
	size_t size; /* bytes there are */
};

/*
 * List the regular files under the directories dirs[0 .. nr_dirs), up to
 * max_size bytes in all.  A directory that is not there holds no files.
 * Returns 0, -ENOMEM, or -ENOENT when there are no files at all.
 */
int corpus_list(struct corpus *corpus, const char *const *dirs, size_t nr_dirs,
    size_t max_size);
void corpus_fini(struct corpus *corpus);

/* The file with that key; NULL: none. */
const struct corpus_file *corpus_find(
    const struct corpus *corpus, uint64_t key);

/* Read a whole file.  Returns 0 or a negative errno value. */
int corpus_read(const struct corpus_file *file, struct corpus_buffer *buffer);
/* The same, and set the file's size and checksum. */
int corpus_load(struct corpus_file *file, struct corpus_buffer *buffer);
void corpus_buffer_fini(struct corpus_buffer *buffer);

#endif /* CORPUS_H */
