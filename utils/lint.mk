# SPDX-License-Identifier: BSD-2-Clause
# make lint: every checker, each as its own target; a missing tool is an error,
# because a check that silently did not run reads as a pass.
LINT_TARGETS = lint-dist lint-format lint-layers lint-man lint-mutants \
	lint-shell lint-spdx lint-spell lint-unused lint-cppcheck lint-tidy
.PHONY: lint $(LINT_TARGETS)
lint: $(LINT_TARGETS)

EXTRA_DIST += \
	utils/check \
	utils/check_layers.sh \
	utils/check_unused.sh \
	utils/common.sh \
	utils/dax-vm \
	utils/dax-vm.d \
	utils/demo \
	utils/deps \
	utils/fuzz \
	utils/layers.txt \
	utils/memkind-examples \
	utils/mutants \
	tests/mutants \
	utils/sources.sh \
	utils/unused.txt

# Words that codespell takes for mistakes, in lower case; nd and fo are macros
# of mdoc.
LINT_WORDS = fo,inout,nd

# The tarball has what the repository has.
lint-dist:
	@{ printf '%s\n' $(DISTFILES) | sed 's,^$(srcdir)/,,'; \
		echo ==; cd $(top_srcdir) && utils/sources.sh all; } | \
	awk '$$0 == "==" { listed = 1; next } \
		!listed { dist[$$0] = 1; next } \
		{ name = $$0; \
		  while (!(name in dist) && sub(/\/[^\/]*$$/, "", name)); \
		  if (!(name in dist)) { \
			print $$0 ": not in the tarball (EXTRA_DIST)"; \
			bad = 1 } } \
		END { exit bad }'

lint-format:
	cd $(top_srcdir) && utils/sources.sh c | \
		xargs clang-format --dry-run --Werror

# The objects are looked at, too; what they are made of may be linked or not.
lint-layers: libdaxkind-core.la libtls.la
	$(top_srcdir)/utils/check_layers.sh $(abs_top_builddir)

# What the linker would drop.
if HAVE_DAXCTL
LEFT_OUT = _none[.]c
else
LEFT_OUT = dax_(device|namespace|list)[.]c
endif
UNUSED_CPPFLAGS = $(AM_CPPFLAGS) $(JEMALLOC_CPPFLAGS) $(PMEM_CFLAGS) \
	$(NUMA_CFLAGS) $(ZLIB_CFLAGS) $(DAXCTL_CFLAGS)
lint-unused:
	CC='$(CC)' CPPFLAGS='$(UNUSED_CPPFLAGS)' \
		COMMAND_CPPFLAGS='$(AM_CPPFLAGS) $(JSON_CFLAGS) -DDK_LIBEXECDIR=__FILE__' \
		LIBS='$(JEMALLOC_ARCHIVE) $(CORE_LIBS) -lm' \
		COMMAND_LIBS='$(JSON_LIBS)' \
		$(top_srcdir)/utils/check_unused.sh '$(LEFT_OUT)'

# Aliases are left out: mandoc's lint knows no .so.
lint-man:
	cd $(top_srcdir) && mandoc -T lint -W warning $(MAN_PAGES)

# The code that they edit is there; utils/mutants runs them.
lint-mutants:
	$(top_srcdir)/utils/mutants --texts

lint-shell:
	cd $(top_srcdir) && utils/sources.sh shell | xargs shellcheck -x

lint-spdx:
	cd $(top_srcdir) && utils/sources.sh all | { bad=0; \
		while read -r file; do \
			head -n 3 "$$file" | grep -q \
			    'SPDX-License-Identifier: BSD-2-Clause' || \
			    { echo "$$file: no SPDX line"; bad=1; }; \
		done; exit $$bad; }

lint-spell:
	cd $(top_srcdir) && utils/sources.sh all | \
		xargs codespell --ignore-words-list '$(LINT_WORDS)'

lint-cppcheck:
	cppcheck --quiet --std=c11 -j2 --inline-suppr --error-exitcode=1 \
		--enable=warning,portability,performance \
		--suppress=internalAstError \
		--include=config.h -D_GNU_SOURCE -DDK_DEBUG=1 \
		-I$(top_srcdir)/include -I$(top_srcdir)/src \
		$(top_srcdir)/src $(top_srcdir)/compat $(top_srcdir)/examples \
		$(top_srcdir)/utils/daxkind

# Two at a time, each with the flags that the compiler gets.  One file a run:
# with more, clang-tidy 14 takes the second va_list for uninitialised.
lint-tidy:
	printf '%s\n' $(top_srcdir)/src/*/*.c $(top_srcdir)/compat/*.c \
		$(top_srcdir)/examples/*.c \
		$(top_srcdir)/examples/*/*.c \
		$(top_srcdir)/utils/daxkind/*.c | xargs -P2 -n1 sh -c \
		'said=$$(clang-tidy --quiet "$$@" -- -std=gnu11 $(AM_CPPFLAGS) \
		$(JEMALLOC_CPPFLAGS) $(PMEM_CFLAGS) $(NUMA_CFLAGS) \
		$(DAXCTL_CFLAGS) $(ZLIB_CFLAGS) $(JSON_CFLAGS) -DDK_DEBUG=1 2>&1) || \
		{ echo "$$said" | grep -v "warnings* generated\.$$"; exit 1; }' \
		clang-tidy
