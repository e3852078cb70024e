# SPDX-License-Identifier: BSD-2-Clause
# make coverage: which lines of the library the unit and API tests execute, in
# a build that is configured with --enable-coverage; utils/check has the flags.
COVERAGE_TESTS = $(UNIT_TESTS) $(API_TESTS)

.PHONY: coverage coverage-table
coverage:
if !BUILD_COVERAGE
	@echo 'make coverage: configure with --enable-coverage' >&2; exit 1
endif
	find src -name '*.gcda' -exec rm -f {} +
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(COVERAGE_TESTS)'
	$(MAKE) $(AM_MAKEFLAGS) coverage-table

# of what was executed so far; FILES="src/...": lines that never were
coverage-table:
	@top_srcdir='$(top_srcdir)' $(top_srcdir)/utils/check_coverage.sh $(FILES)
EXTRA_DIST += utils/check_coverage.sh utils/coverage.txt
