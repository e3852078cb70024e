// SPDX-License-Identifier: BSD-2-Clause
/*
 * 12_kv_block_pool.c -- the block pool of an LLM's key/value cache: after a kill
 * it is warm.
 *
 * 12_kv_block_pool         a demonstration: a server is killed
 * 12_kv_block_pool PATH    serves some prompts; run it twice.  PATH: a file, or a
 *                          devdax device
 *
 * A server computes keys and values of 2 MiB for each block of tokens, and looks
 * first whether it has them from an earlier prompt with the same beginning.  The
 * blocks are those of a durable heap.  The directory is a block of it, too: a hash
 * table with open addressing, whose entries have the key, a checksum of the
 * content, and the pointer, which is stored last and removed first.
 *
 * What is found after a restart is not believed: an entry is checked when the pool
 * is opened, and its content when it is served.  Blocks that no entry has are
 * freed by a trace.
 */
#include <daxkind.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checksum.h"

#define SIZE ((size_t)64 << 20)
#define BLOCK_LEN ((size_t)2 << 20)
/* Changes when the structures below do. */
#define LAYOUT "12_kv_block_pool 1"

enum {
	NR_SLOTS = 64,    /* twice what there is room for */
	NR_RECENT = 20,   /* blocks that are never evicted by the next one */
	NR_PUTS = 100,    /* that the demonstration waits for */
	NR_PROMPTS = 4,   /* that a server is asked for */
	NR_BLOCKS_OF = 5, /* blocks of a prompt */
};

struct entry {
	uint64_t key;          /* of all tokens up to the end of the block */
	uint64_t content_sum;  /* of the block */
	uint64_t sum;          /* of these two and the block's address */
	_Atomic(char *) block; /* NULL: there is no entry; or Removed */
	uint64_t used;         /* when; not durable */
	uint64_t reserved[3];  /* a line of the cache for each */
};

struct directory {
	struct entry slots[NR_SLOTS];
};

/* Was an entry: others that were put past it may follow. */
static char *const Removed = (char *)1;

struct pool {
	struct daxkind_region *region;
	memkind_t kind;
	struct directory *directory;
	bool must_flush; /* stores are durable by a flush */
	uint64_t now;    /* counts uses */
	size_t nr_hits, nr_misses, nr_evicted, nr_refused, nr_freed;
};

static int
fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, daxkind_last_error());
	return EXIT_FAILURE;
}

/* --- the directory -------------------------------------------------------------- */

/* A kill loses no store.  Where the granularity is a page, nothing but closing the
 * region helps against a reset, so nothing is flushed then. */
static int
make_durable(struct pool *p, const void *addr, size_t len)
{
	return p->must_flush ? daxkind_persist(p->kind, addr, len) : 0;
}

static uint64_t
entry_sum(const struct entry *e, const char *block)
{
	uint64_t words[] = {e->key, e->content_sum, (uintptr_t)block};

	return checksum_xxh64(words, sizeof(words), 0);
}

static bool
is_used(const struct entry *e)
{
	return e->block != NULL && e->block != Removed;
}

static struct entry *
slot_of(struct pool *p, uint64_t key, size_t distance)
{
	return &p->directory->slots[(key + distance) % NR_SLOTS];
}

static struct entry *
find(struct pool *p, uint64_t key)
{
	for (size_t i = 0; i < NR_SLOTS; i++) {
		struct entry *e = slot_of(p, key, i);

		if (e->block == NULL)
			break;
		if (is_used(e) && e->key == key)
			return e;
	}
	return NULL;
}

/* Unlink first, then free. */
static int
evict(struct pool *p, struct entry *e)
{
	size_t at = (size_t)(e - p->directory->slots);
	const struct entry *next = &p->directory->slots[(at + 1) % NR_SLOTS];
	char *block = e->block;

	e->block = next->block == NULL ? NULL : Removed;
	if (make_durable(p, e, sizeof(*e)) < 0)
		return -1;
	memkind_free(p->kind, block);
	return 0;
}

static int
evict_oldest(struct pool *p)
{
	struct entry *oldest = NULL;

	for (size_t i = 0; i < NR_SLOTS; i++) {
		struct entry *e = &p->directory->slots[i];

		if (is_used(e) && (oldest == NULL || e->used < oldest->used))
			oldest = e;
	}
	if (oldest == NULL)
		return -1;
	p->nr_evicted++;
	return evict(p, oldest);
}

/* Link last: the entry counts as soon as it has its pointer. */
static int
link_block(struct pool *p, uint64_t key, char *block, uint64_t content_sum)
{
	struct entry *e = slot_of(p, key, 0);

	for (size_t i = 1; is_used(e); i++) {
		if (i == NR_SLOTS)
			return -1;
		e = slot_of(p, key, i);
	}
	e->key = key;
	e->content_sum = content_sum;
	e->sum = entry_sum(e, block);
	e->used = ++p->now;
	if (make_durable(p, block, BLOCK_LEN) < 0 ||
	    make_durable(p, e, sizeof(*e)) < 0)
		return -1;
	e->block = block;
	return make_durable(p, e, sizeof(*e));
}

/* --- what a server calls ------------------------------------------------------------ */

/* The content for a key, or NULL. */
static const char *
pool_get(struct pool *p, uint64_t key)
{
	struct entry *e = find(p, key);

	if (e != NULL &&
	    checksum_xxh64(e->block, BLOCK_LEN, 0) != e->content_sum) {
		p->nr_refused++;
		(void)evict(p, e);
		e = NULL;
	}
	if (e == NULL) {
		p->nr_misses++;
		return NULL;
	}
	p->nr_hits++;
	e->used = ++p->now;
	return e->block;
}

/* Memory for a block that is not in the pool yet; others go for it. */
static char *
pool_alloc(struct pool *p)
{
	char *block;

	while ((block = memkind_malloc(p->kind, BLOCK_LEN)) == NULL) {
		if (evict_oldest(p) < 0)
			return NULL;
	}
	return block;
}

/* The block is filled, and is the pool's from now on. */
static int
pool_put(struct pool *p, uint64_t key, char *block)
{
	uint64_t sum = checksum_xxh64(block, BLOCK_LEN, 0);

	if (link_block(p, key, block, sum) == 0)
		return 0;
	memkind_free(p->kind, block);
	return -1;
}

/* --- opening ---------------------------------------------------------------------- */

static int
mark_linked(
    void *arg, void *block, size_t usable, struct daxkind_marker *marker)
{
	const struct pool *p = arg;

	(void)usable;
	for (size_t i = 0; block == p->directory && i < NR_SLOTS; i++)
		daxkind_mark(marker, p->directory->slots[i].block);
	return 0;
}

/* Entries that are right stay, and blocks that they have. */
static int
check_directory(struct pool *p)
{
	struct daxkind_trace_result result;

	for (size_t i = 0; i < NR_SLOTS; i++) {
		struct entry *e = &p->directory->slots[i];

		if (is_used(e) && (e->sum != entry_sum(e, e->block) ||
				      memkind_malloc_usable_size(
					  p->kind, e->block) < BLOCK_LEN)) {
			p->nr_refused++;
			e->block = Removed;
		}
		if (e->used > p->now)
			p->now = e->used;
	}
	if (make_durable(p, p->directory, sizeof(*p->directory)) < 0 ||
	    daxkind_trace(p->kind, mark_linked, p, &result, sizeof(result)) < 0)
		return -1;
	p->nr_freed = result.freed_blocks;
	return 0;
}

static int
find_directory(struct pool *p)
{
	p->directory = daxkind_root(p->kind, "directory");
	if (p->directory != NULL)
		return check_directory(p);
	p->directory = memkind_calloc(p->kind, 1, sizeof(*p->directory));
	if (p->directory == NULL ||
	    make_durable(p, p->directory, sizeof(*p->directory)) < 0)
		return -1;
	return daxkind_root_set(p->kind, "directory", p->directory);
}

static int
pool_close(struct pool *p)
{
	int status = EXIT_SUCCESS;

	if (p->kind != NULL && memkind_destroy_kind(p->kind) != MEMKIND_SUCCESS)
		status = fail("destroy");
	if (daxkind_region_close(p->region) < 0)
		status = fail("close");
	return status;
}

static int
pool_open(struct pool *p, const char *path)
{
	struct daxkind_region_info info;

	*p = (struct pool){0};
	if (daxkind_region_open_durable(
		path, SIZE, LAYOUT, DAXKIND_CREATE, &p->region) < 0)
		return fail(path);
	if (daxkind_region_info(p->region, &info, sizeof(info)) == 0)
		p->must_flush = info.granularity != DAXKIND_GRANULARITY_PAGE;
	if (daxkind_kind_create(p->region, &p->kind) < 0 ||
	    find_directory(p) < 0) {
		(void)fail(path);
		(void)pool_close(p);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* --- a model that is none ------------------------------------------------------------ */

/* The key of a block of tokens, which is that of all tokens before it, too. */
static uint64_t
key_of(uint64_t key_before, uint64_t prompt, size_t nr)
{
	uint64_t tokens[] = {prompt, nr};

	return checksum_xxh64(tokens, sizeof(tokens), key_before);
}

/* Stands for what takes a GPU some ten milliseconds. */
static uint64_t
value_at(uint64_t key, size_t i)
{
	return (key + i) * UINT64_C(0x9e3779b97f4a7c15);
}

static void
compute(uint64_t key, char *block)
{
	uint64_t *words = (uint64_t *)(void *)block;

	for (size_t i = 0; i < BLOCK_LEN / sizeof(*words); i++)
		words[i] = value_at(key, i);
}

static bool
is_right(uint64_t key, const char *block)
{
	const uint64_t *words = (const uint64_t *)(const void *)block;

	for (size_t i = 0; i < BLOCK_LEN / sizeof(*words); i++) {
		if (words[i] != value_at(key, i))
			return false;
	}
	return true;
}

/* One block: from the pool, or computed and put there. */
static int
serve(struct pool *p, uint64_t key)
{
	const char *found = pool_get(p, key);

	if (found != NULL)
		return is_right(key, found) ? 0 : -1;
	char *block = pool_alloc(p);
	if (block == NULL)
		return -1;
	compute(key, block);
	return pool_put(p, key, block);
}

static int
serve_prompt(struct pool *p, uint64_t prompt)
{
	uint64_t key = 0;

	for (size_t i = 0; i < NR_BLOCKS_OF; i++) {
		key = key_of(key, prompt, i);
		if (serve(p, key) < 0)
			return -1;
	}
	return 0;
}

static int
serve_prompts(const char *path)
{
	struct pool p;
	int rc = 0;

	if (pool_open(&p, path) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	for (uint64_t i = 0; i < NR_PROMPTS && rc == 0; i++)
		rc = serve_prompt(&p, i);
	if (rc < 0)
		(void)fail("serve");
	printf("%zu blocks were there, %zu were computed, %zu evicted\n",
	    p.nr_hits, p.nr_misses, p.nr_evicted);
	int status = pool_close(&p);
	return rc == 0 ? status : EXIT_FAILURE;
}

/* --- the demonstration --------------------------------------------------------------- */

static void
serve_until_killed(const char *path, int acknowledge)
{
	struct pool p;

	if (pool_open(&p, path) != EXIT_SUCCESS)
		_exit(EXIT_FAILURE);
	for (uint64_t i = 0;; i++) {
		if (serve(&p, key_of(0, i, 0)) < 0 ||
		    write(acknowledge, &i, sizeof(i)) != sizeof(i))
			_exit(EXIT_FAILURE);
	}
}

/* What was acknowledged last is there, and all that is served is right. */
static int
check_pool(const char *path, uint64_t newest)
{
	size_t nr_wrong = 0, nr_recent = 0;
	struct pool p;

	if (pool_open(&p, path) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	for (uint64_t i = 0; i <= newest; i++) {
		const char *found = pool_get(&p, key_of(0, i, 0));

		nr_wrong += found != NULL && !is_right(key_of(0, i, 0), found);
		nr_recent += found != NULL && i + NR_RECENT > newest;
	}
	printf("killed after %llu puts; of the last %d blocks %zu are there, "
	       "%zu of all; %zu are wrong, %zu were refused; %zu blocks were "
	       "linked by nothing\n",
	    (unsigned long long)newest + 1, NR_RECENT, nr_recent, p.nr_hits,
	    nr_wrong, p.nr_refused, p.nr_freed);
	int status = pool_close(&p);
	return nr_recent == NR_RECENT && nr_wrong == 0 && p.nr_refused == 0
		   ? status
		   : EXIT_FAILURE;
}

static int
kill_server(const char *path)
{
	int pipe_fds[2];
	uint64_t next, newest = 0;

	if (pipe(pipe_fds) != 0)
		return EXIT_FAILURE;
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(pipe_fds[0]);
		serve_until_killed(path, pipe_fds[1]);
	}
	(void)close(pipe_fds[1]);
	if (pid < 0)
		return EXIT_FAILURE;
	/* After the kill, what is still in the pipe. */
	while (read(pipe_fds[0], &next, sizeof(next)) == sizeof(next)) {
		newest = next;
		if (newest == NR_PUTS)
			(void)kill(pid, SIGKILL);
	}
	(void)close(pipe_fds[0]);
	if (waitpid(pid, NULL, 0) != pid || newest < NR_PUTS)
		return EXIT_FAILURE;
	return check_pool(path, newest);
}

static int
demonstrate(void)
{
	const char *tmp_dir = getenv("TMPDIR");
	char dir[4000], path[4096];

	snprintf(dir, sizeof(dir), "%s/daxkind-XXXXXX",
	    tmp_dir != NULL ? tmp_dir : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		return EXIT_FAILURE;
	}
	snprintf(path, sizeof(path), "%s/pool", dir);
	int status = kill_server(path);
	(void)unlink(path);
	(void)rmdir(dir);
	return status;
}

int
main(int argc, char **argv)
{
	if (argc > 2) {
		fprintf(stderr, "usage: %s [PATH]\n", argv[0]);
		return EXIT_FAILURE;
	}
	return argc == 2 ? serve_prompts(argv[1]) : demonstrate();
}
