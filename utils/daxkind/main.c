// SPDX-License-Identifier: BSD-2-Clause
/*
 * main.c -- daxkind(1): runs the subcommand.
 */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "command.h"
#include "daxkind.h"
#include "options.h"
#include "output.h"

static const struct command Commands[] = {
    {"list", "[-j]", "namespaces and DAX mounts of this machine",
	Command_list_help, command_list},
    {"probe", "[-j] PATH", "what a region on PATH would be", Command_probe_help,
	command_probe},
    {"map", "[-j] [--size=SIZE] PATH | --demo",
	"the space map of a region, as a picture", Command_map_help,
	command_map},
    {"inspect", "[-j] PATH", "what a durable heap has", Command_inspect_help,
	command_inspect},
    {"check", "[-j] PATH", "whether a durable heap is sound",
	Command_check_help, command_check},
    {"emulate", "[-j] [--apply] [OPTION...] [NAMESPACE]",
	"how to have persistent memory without the hardware",
	Command_emulate_help, command_emulate},
    {"bench", "[OPTION...]", "this library and other allocators, side by side",
	Command_bench_help, command_bench},
};

static const char Common_help[] = "  -j, --json     print JSON\n"
				  "  -h, --help     print this help\n"
				  "  -V, --version  print the version\n";

static void
print_usage(FILE *out)
{
	fprintf(out, "usage: daxkind COMMAND [OPTION...] [ARGUMENT]\n\n");
	for (size_t i = 0; i < ARRAY_LEN(Commands); i++)
		fprintf(
		    out, "  %-8s %s\n", Commands[i].name, Commands[i].about);
	fprintf(out,
	    "\n`daxkind COMMAND --help` tells more, daxkind(1) everything.\n"
	    "\n%s"
	    "\nExit status: 0 done; 1 failed, check and inspect: damaged; 2 wrong "
	    "usage,\ncheck and inspect: not read; 3 probe: a region, but not on "
	    "DAX.\n",
	    Common_help + strlen("  -j, --json     print JSON\n"));
}

static int
print_version(void)
{
	printf("daxkind %d.%d.%d\n", DAXKIND_VERSION_MAJOR,
	    DAXKIND_VERSION_MINOR, DAXKIND_VERSION_PATCH);
	return output_end(COMMAND_OK);
}

int
command_other_option(const struct command *command, int option)
{
	switch (option) {
	case 'h':
		printf("usage: daxkind %s %s\n\n%s\n%s", command->name,
		    command->arguments, command->help, Common_help);
		return output_end(COMMAND_OK);
	case 'V':
		return print_version();
	default:
		return command_usage(command, "%s", options_complaint());
	}
}

bool
command_take_path(const struct command *command, int argc, char **argv,
    const char **path, bool *json, int *status)
{
	static const struct option Options[] = {COMMAND_LONG_OPTIONS};
	int option;

	*json = false;
	while ((option = options_next(argc, argv, "hjV", Options)) != -1) {
		if (option != 'j') {
			*status = command_other_option(command, option);
			return false;
		}
		*json = true;
	}
	if (optind == argc)
		*status = command_usage(command, "give a PATH");
	else if (optind + 1 < argc)
		*status = command_usage(
		    command, "unexpected argument \"%s\"", argv[optind + 1]);
	else if (argv[optind][0] == '\0')
		*status = command_usage(command, "the PATH is empty");
	else {
		*path = argv[optind];
		return true;
	}
	return false;
}

int
command_usage(const struct command *command, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "daxkind %s: ", command->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	fprintf(stderr, "usage: daxkind %s %s\n", command->name,
	    command->arguments);
	return COMMAND_USAGE;
}

int
command_fail(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "daxkind: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return COMMAND_FAILED;
}

int
main(int argc, char **argv)
{
	(void)setlocale(LC_CTYPE, "");
	if (argc < 2) {
		print_usage(stderr);
		return COMMAND_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
		print_usage(stdout);
		return output_end(COMMAND_OK);
	}
	if (strcmp(name, "-V") == 0 || strcmp(name, "--version") == 0)
		return print_version();
	for (size_t i = 0; i < ARRAY_LEN(Commands); i++) {
		if (strcmp(name, Commands[i].name) == 0)
			return Commands[i].run(
			    &Commands[i], argc - 1, argv + 1);
	}
	fprintf(stderr, "daxkind: there is no %s \"%s\"\n",
	    name[0] == '-' ? "option" : "command", name);
	print_usage(stderr);
	return COMMAND_USAGE;
}
