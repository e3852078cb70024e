/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.h -- the subcommands of daxkind(1).
 *
 * To add one: a function here, a file with it, a line in the table of main.c,
 * one in daxkind.mk and one in completion/daxkind.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

/* Exit statuses, as in daxkind(1). */
enum command_status {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1, /* it failed, and the reason was printed */
	COMMAND_USAGE = 2,  /* invalid arguments */
	/* check, inspect: it is not known whether the heap is sound */
	COMMAND_UNREADABLE = 2,
	COMMAND_NOT_DAX = 3, /* probe: a region opens, but without DAX */
};

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *about;     /* one line */
	const char *help;      /* its options, one a line, and a description */
	/* argv[0] is the name; returns an exit status. */
	int (*run)(const struct command *command, int argc, char **argv);
};

/* For options_next(): the options of every subcommand.  A subcommand's own
 * begin at COMMAND_OPTION. */
enum {
	COMMAND_OPTION = 256
};
#define COMMAND_LONG_OPTIONS                                                \
	{"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'j'}, \
	    {"version", no_argument, NULL, 'V'},                            \
	{                                                                   \
		NULL, 0, NULL, 0                                            \
	}

/* Handle an option that is not the subcommand's own: help, version, or an
 * error.  Returns the exit status. */
int command_other_option(const struct command *command, int option);
/* The arguments of a subcommand that takes one PATH and no option of its own.
 * False: return *status. */
bool command_take_path(const struct command *command, int argc, char **argv,
    const char **path, bool *json, int *status);
/* Print an error and the usage; returns COMMAND_USAGE. */
int command_usage(const struct command *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Print "daxkind: ..." on standard error; returns COMMAND_FAILED. */
int command_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

int command_bench(const struct command *command, int argc, char **argv);
int command_check(const struct command *command, int argc, char **argv);
int command_emulate(const struct command *command, int argc, char **argv);
int command_inspect(const struct command *command, int argc, char **argv);
int command_list(const struct command *command, int argc, char **argv);
int command_map(const struct command *command, int argc, char **argv);
int command_probe(const struct command *command, int argc, char **argv);

extern const char Command_bench_help[];
extern const char Command_check_help[];
extern const char Command_emulate_help[];
extern const char Command_inspect_help[];
extern const char Command_list_help[];
extern const char Command_map_help[];
extern const char Command_probe_help[];

#endif /* COMMAND_H */
