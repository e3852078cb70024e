// SPDX-License-Identifier: BSD-2-Clause
/*
 * 11_durable_table.c -- a hash table that survives kill -9.
 *
 * 11_durable_table                       a demonstration: a writer is killed
 * 11_durable_table PATH put KEY VALUE    PATH: a file, or a devdax device
 * 11_durable_table PATH get KEY
 * 11_durable_table PATH count
 *
 * The table and its entries are blocks of a durable heap, and pointers in them
 * stay valid: the heap is mapped at the same address each time.  The program's
 * part is the order of its stores.  An entry is complete and durable before the
 * one store that links it, and it is freed after the one that unlinks it.  A
 * kill between two steps leaves a block that nothing links, which the next start
 * finds and frees.
 */
#include <daxkind.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE ((size_t)64 << 20)
/* Changes when the structures below do. */
#define LAYOUT "11_durable_table 1"

enum {
	NR_BUCKETS = 1024,
	NR_PUTS = 2000 /* that the demonstration waits for */
};

struct entry {
	struct entry *next;
	size_t key_len; /* with its end, as in text */
	char text[];    /* the key, and behind it the value */
};

struct table {
	struct entry *buckets[NR_BUCKETS];
};

struct store {
	struct daxkind_region *region;
	memkind_t kind;
	struct table *table;
	size_t nr_dropped; /* blocks that nothing linked */
};

static int
fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, daxkind_last_error());
	return EXIT_FAILURE;
}

/* --- the table ----------------------------------------------------------------- */

static size_t
hash(const char *key)
{
	size_t sum = 14695981039346656037u;

	for (; *key != '\0'; key++)
		sum = (sum ^ (unsigned char)*key) * 1099511628211u;
	return sum % NR_BUCKETS;
}

/* The link to the entry with that key, or the last one, which is NULL. */
static struct entry **
find(struct table *table, const char *key)
{
	struct entry **link = &table->buckets[hash(key)];

	while (*link != NULL && strcmp((*link)->text, key) != 0)
		link = &(*link)->next;
	return link;
}

/* One store of 8 bytes: after a failure it is there, or is not. */
static int
set_link(memkind_t kind, struct entry **link, struct entry *to)
{
	__atomic_store_n(link, to, __ATOMIC_RELEASE);
	return daxkind_persist(kind, link, sizeof(void *));
}

/* Survives whatever happens after it has returned 0. */
static int
put(struct store *s, const char *key, const char *value)
{
	struct entry **link = find(s->table, key);
	size_t key_len = strlen(key) + 1, value_len = strlen(value) + 1;
	struct entry *old = *link;
	size_t size = sizeof(struct entry) + key_len + value_len;
	struct entry *entry = memkind_malloc(s->kind, size);

	if (entry == NULL)
		return -1;
	entry->next = old != NULL ? old->next : NULL;
	entry->key_len = key_len;
	memcpy(entry->text, key, key_len);
	memcpy(entry->text + key_len, value, value_len);
	if (daxkind_persist(s->kind, entry, size) < 0 ||
	    set_link(s->kind, link, entry) < 0)
		return -1;
	memkind_free(s->kind, old);
	return 0;
}

static const char *
get(struct store *s, const char *key)
{
	const struct entry *entry = *find(s->table, key);

	return entry != NULL ? entry->text + entry->key_len : NULL;
}

static size_t
count(const struct table *table)
{
	size_t nr = 0;

	for (size_t i = 0; i < NR_BUCKETS; i++) {
		for (const struct entry *e = table->buckets[i]; e != NULL;
		     e = e->next)
			nr++;
	}
	return nr;
}

/* What a kill left: the links of all entries lead from the root to what stays. */
static int
drop_unlinked(struct store *s)
{
	struct daxkind_trace_result result;
	int rc = daxkind_trace(s->kind, NULL, NULL, &result, sizeof(result));

	s->nr_dropped = rc == 0 ? result.freed_blocks : 0;
	return rc;
}

/* --- opening --------------------------------------------------------------------- */

/* The table of the heap, which is made the first time. */
static int
find_table(struct store *s)
{
	s->table = daxkind_root(s->kind, "table");
	if (s->table != NULL)
		return 0;
	s->table = memkind_calloc(s->kind, 1, sizeof(*s->table));
	if (s->table == NULL ||
	    daxkind_persist(s->kind, s->table, sizeof(*s->table)) < 0)
		return -1;
	return daxkind_root_set(s->kind, "table", s->table);
}

/* Ends the heap without freeing a block. */
static int
close_store(struct store *s)
{
	int status = EXIT_SUCCESS;

	if (s->kind != NULL && memkind_destroy_kind(s->kind) != MEMKIND_SUCCESS)
		status = fail("destroy");
	if (daxkind_region_close(s->region) < 0)
		status = fail("close");
	return status;
}

static int
open_store(struct store *s, const char *path)
{
	struct daxkind_restart restart;

	*s = (struct store){0};
	if (daxkind_region_open_durable(
		path, SIZE, LAYOUT, DAXKIND_CREATE, &s->region) < 0)
		return fail(path);
	if (daxkind_region_restart(s->region, &restart, sizeof(restart)) < 0 ||
	    daxkind_kind_create(s->region, &s->kind) < 0 || find_table(s) < 0 ||
	    (restart.how != DAXKIND_RESTART_CLEAN && drop_unlinked(s) < 0)) {
		(void)fail(path);
		(void)close_store(s);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* --- the demonstration ----------------------------------------------------------- */

/* Puts, and says so after each, until it is killed. */
static void
write_until_killed(const char *path, int acknowledge)
{
	struct store s;

	if (open_store(&s, path) != EXIT_SUCCESS)
		_exit(EXIT_FAILURE);
	for (int i = 0;; i++) {
		char key[32], value[32];

		/* Some keys get another value, so that blocks are freed. */
		snprintf(key, sizeof(key), "key %d", i);
		snprintf(value, sizeof(value), "value %d", i);
		if (put(&s, "newest", value) < 0 || put(&s, key, value) < 0 ||
		    write(acknowledge, &i, sizeof(i)) != sizeof(i))
			_exit(EXIT_FAILURE);
	}
}

static int
check_store(const char *path, int newest)
{
	struct store s;

	if (open_store(&s, path) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	int nr_missing = 0;
	for (int i = 0; i <= newest; i++) {
		char key[32], value[32];

		snprintf(key, sizeof(key), "key %d", i);
		snprintf(value, sizeof(value), "value %d", i);
		const char *found = get(&s, key);
		nr_missing += found == NULL || strcmp(found, value) != 0;
	}
	printf("killed after %d puts; %d are missing, %zu entries found, "
	       "%zu blocks were linked by nothing\n",
	    newest + 1, nr_missing, count(s.table), s.nr_dropped);
	int status = close_store(&s);
	return nr_missing == 0 ? status : EXIT_FAILURE;
}

static int
kill_writer(const char *path)
{
	int pipe_fds[2], acknowledged = -1, next;

	if (pipe(pipe_fds) != 0)
		return EXIT_FAILURE;
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(pipe_fds[0]);
		write_until_killed(path, pipe_fds[1]);
	}
	(void)close(pipe_fds[1]);
	if (pid < 0)
		return EXIT_FAILURE;
	/* After the kill, what is still in the pipe. */
	while (read(pipe_fds[0], &next, sizeof(next)) == sizeof(next)) {
		acknowledged = next;
		if (acknowledged == NR_PUTS)
			(void)kill(pid, SIGKILL);
	}
	(void)close(pipe_fds[0]);
	if (waitpid(pid, NULL, 0) != pid || acknowledged < NR_PUTS)
		return EXIT_FAILURE;
	return check_store(path, acknowledged);
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
	snprintf(path, sizeof(path), "%s/table", dir);
	int status = kill_writer(path);
	(void)unlink(path);
	(void)rmdir(dir);
	return status;
}

/* --- the command line ------------------------------------------------------------ */

static int
usage(const char *program)
{
	fprintf(stderr,
	    "usage: %s [PATH put KEY VALUE | PATH get KEY | PATH count]\n",
	    program);
	return EXIT_FAILURE;
}

static int
run_get(struct store *s, const char *key)
{
	const char *value = get(s, key);

	if (value == NULL)
		return EXIT_FAILURE;
	puts(value);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct store s;
	int status = EXIT_SUCCESS;

	if (argc == 1)
		return demonstrate();
	const char *command = argc > 2 ? argv[2] : "";
	bool is_put = argc == 5 && strcmp(command, "put") == 0;
	bool is_get = argc == 4 && strcmp(command, "get") == 0;
	bool is_count = argc == 3 && strcmp(command, "count") == 0;
	if (!is_put && !is_get && !is_count)
		return usage(argv[0]);
	if (open_store(&s, argv[1]) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	if (is_put && put(&s, argv[3], argv[4]) < 0)
		status = fail("put");
	if (is_get)
		status = run_get(&s, argv[3]);
	if (is_count)
		printf("%zu\n", count(s.table));
	int closed = close_store(&s);
	return status == EXIT_SUCCESS ? closed : status;
}
