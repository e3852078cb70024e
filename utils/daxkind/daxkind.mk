# SPDX-License-Identifier: BSD-2-Clause
# The daxkind command.  A subcommand is a file of its own and a line in the
# table of main.c.  It is linked with the archive and not with the shared
# library, because it looks at what only the inside of the library knows.
if BUILD_COMMAND
bin_PROGRAMS += utils/daxkind/daxkind
completiondir = $(datadir)/bash-completion/completions
dist_completion_DATA = utils/daxkind/completion/daxkind
endif
EXTRA_DIST += utils/daxkind/.clang-tidy utils/daxkind/completion/daxkind

utils_daxkind_daxkind_SOURCES = \
	utils/daxkind/command.h \
	utils/daxkind/emulate.c \
	utils/daxkind/inspect.c \
	utils/daxkind/inspect.h \
	utils/daxkind/list.c \
	utils/daxkind/main.c \
	utils/daxkind/map.c \
	utils/daxkind/output.c \
	utils/daxkind/output.h \
	utils/daxkind/plan.c \
	utils/daxkind/plan.h \
	utils/daxkind/probe.c
utils_daxkind_daxkind_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS)
utils_daxkind_daxkind_LDADD = libdaxkind-core.la $(JEMALLOC_ARCHIVE) \
	$(CORE_LIBS) $(JSON_LIBS)
