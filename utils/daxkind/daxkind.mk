# SPDX-License-Identifier: BSD-2-Clause
# The daxkind command.  A subcommand is a file of its own and a line in the
# table of main.c.  It is linked with the archive and not with the shared
# library, because it looks at what only the inside of the library knows.
if BUILD_COMMAND
bin_PROGRAMS += utils/daxkind/daxkind
pkglibexec_PROGRAMS += utils/daxkind/daxkind-bench
dist_completion_DATA += utils/daxkind/completion/daxkind
endif
EXTRA_DIST += doc/ns-by-size.svg \
	utils/daxkind/.clang-tidy utils/daxkind/completion/daxkind

utils_daxkind_daxkind_SOURCES = \
	utils/daxkind/bench.c \
	utils/daxkind/check.c \
	utils/daxkind/command.h \
	utils/daxkind/durable.c \
	utils/daxkind/durable.h \
	utils/daxkind/emulate.c \
	utils/daxkind/inspect.c \
	utils/daxkind/inspect.h \
	utils/daxkind/inspect_heap.c \
	utils/daxkind/list.c \
	utils/daxkind/main.c \
	utils/daxkind/map.c \
	utils/daxkind/options.c \
	utils/daxkind/options.h \
	utils/daxkind/output.c \
	utils/daxkind/output.h \
	utils/daxkind/plan.c \
	utils/daxkind/plan.h \
	utils/daxkind/probe.c
utils_daxkind_daxkind_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS) \
	-DDK_LIBEXECDIR='"$(pkglibexecdir)"'
utils_daxkind_daxkind_LDADD = libdaxkind-core.la libtls.la $(JEMALLOC_ARCHIVE) \
	$(CORE_LIBS) $(JSON_LIBS)

# What daxkind bench runs: linked with the shared library, which is what is to
# be measured.
utils_daxkind_daxkind_bench_SOURCES = \
	utils/daxkind/bench_allocators.c \
	utils/daxkind/bench_allocators.h \
	utils/daxkind/bench_bars.c \
	utils/daxkind/bench_bars.h \
	utils/daxkind/bench_driver.c \
	utils/daxkind/bench_kinds.c \
	utils/daxkind/bench_reopen.c \
	utils/daxkind/bench_report.c \
	utils/daxkind/bench_report.h \
	utils/daxkind/bench_results.c \
	utils/daxkind/bench_results.h \
	utils/daxkind/bench_space.c \
	utils/daxkind/bench_trace.c \
	utils/daxkind/bench_worker.c \
	utils/daxkind/bench_worker.h \
	utils/daxkind/bench_workloads.c \
	utils/daxkind/bench_workloads.h \
	utils/daxkind/options.c \
	utils/daxkind/options.h \
	src/base/parse.c \
	src/base/parse.h
utils_daxkind_daxkind_bench_DEPENDENCIES = libdaxkind.interface
utils_daxkind_daxkind_bench_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS)
utils_daxkind_daxkind_bench_LDADD = libdaxkind.la $(JSON_LIBS) \
	$(PTHREAD_LIBS) -ldl -lm
