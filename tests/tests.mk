# SPDX-License-Identifier: BSD-2-Clause
# To add a test is to add its name to a list; its source is NAME.c.
# Exit status: 0 passed, 77 skipped, 99 could not run (Automake's own codes,
# for C tests too).

# tests of one module each; they reach internal functions
UNIT_TESTS = \
	tests/unit/base/test_apart \
	tests/unit/base/test_kept_fd \
	tests/unit/base/test_lock \
	tests/unit/base/test_log \
	tests/unit/base/test_os \
	tests/unit/base/test_os_calls \
	tests/unit/base/test_parse \
	tests/unit/base/test_pool \
	tests/unit/base/test_records \
	tests/unit/command/test_plan \
	tests/unit/dax/test_dax_list \
	tests/unit/dax/test_mounts \
	tests/unit/dram/test_dram_memory \
	tests/unit/dram/test_dram_source \
	tests/unit/dram/test_mem_policy \
	tests/unit/dram/test_node_choice \
	tests/unit/dram/test_topology \
	tests/unit/heap/test_arena_set \
	tests/unit/heap/test_extent_hooks \
	tests/unit/heap/test_heap \
	tests/unit/heap/test_je \
	tests/unit/heap/test_je_heap \
	tests/unit/heap/test_outbox \
	tests/unit/heap/test_page_map \
	tests/unit/heap/test_size_class \
	tests/unit/heap/test_slabs \
	tests/unit/heap/test_standstill \
	tests/unit/heap/test_thread_cache \
	tests/unit/kind/test_constructors \
	tests/unit/kind/test_fork \
	tests/unit/kind/test_kind \
	tests/unit/kind/test_sigbus \
	tests/unit/restart/test_check \
	tests/unit/restart/test_bad_blocks \
	tests/unit/restart/test_crash_images \
	tests/unit/restart/test_growth \
	tests/unit/restart/test_restart \
	tests/unit/restart/test_snapshot \
	tests/unit/restart/test_state_images \
	tests/unit/region/test_backing_anon \
	tests/unit/region/test_backing \
	tests/unit/region/test_backing_devdax \
	tests/unit/region/test_backing_file \
	tests/unit/region/test_backing_mapping \
	tests/unit/region/test_flush \
	tests/unit/region/test_flush_libpmem \
	tests/unit/region/test_flush_recording \
	tests/unit/region/test_reclaimer \
	tests/unit/region/test_region \
	tests/unit/region/test_region_index \
	tests/unit/space/test_node_set \
	tests/unit/space/test_rangeset \
	tests/unit/space/test_space \
	tests/unit/tiers/test_tier_fork

# tests of the public interface: our headers and the shared library only
API_TESTS = \
	tests/api/test_bg_threads \
	tests/api/test_cancel \
	tests/api/test_config \
	tests/api/test_decorators \
	tests/api/test_descriptors \
	tests/api/test_detect \
	tests/api/test_environ \
	tests/api/test_error \
	tests/api/test_file_space \
	tests/api/test_file_systems \
	tests/api/test_fixed \
	tests/api/test_fixed_ops \
	tests/api/test_full_fs \
	tests/api/test_grow \
	tests/api/test_hbw \
	tests/api/test_init_once \
	tests/api/test_kept_objects \
	tests/api/test_kind_pairs \
	tests/api/test_kinds_cycle \
	tests/api/test_locked_memory \
	tests/api/test_last_error \
	tests/api/test_malloc \
	tests/api/test_memtier \
	tests/api/test_names \
	tests/api/test_ops \
	tests/api/test_ops_tables \
	tests/api/test_own_ops \
	tests/api/test_durable \
	tests/api/test_durable_kill \
	tests/api/test_durable_trace \
	tests/api/test_persist \
	tests/api/test_pmem \
	tests/api/test_preloaded_malloc \
	tests/api/test_quarantine \
	tests/api/test_refill \
	tests/api/test_regions \
	tests/api/test_sigbus \
	tests/api/test_snapshot \
	tests/api/test_static_kinds \
	tests/api/test_stats \
	tests/api/test_threads

# threads and full regions: DAXKIND_STRESS_SECONDS for each in make check
STRESS_TESTS = \
	tests/stress/test_stress

# need a DAX device or file system: make check-dax runs them
DAX_TESTS = \
	tests/dax/test_dax_command \
	tests/dax/test_dax_fork \
	tests/dax/test_dax_owner \
	tests/dax/test_dax_region \
	tests/dax/test_dax_tiered_cache \
	tests/dax/test_devdax_badblocks \
	tests/dax/test_devdax_checks \
	tests/dax/test_devdax_names \
	tests/dax/test_fsdax_badblocks \
	tests/dax/test_fsdax_names \
	tests/dax/test_fsdax_space \
	tests/dax/test_kmem_kinds \
	tests/dax/test_kmem_names \
	tests/dax/test_nosync_command \
	tests/dax/test_nosync_region \
	tests/dax/test_tmpfs_region

# not tests by themselves: utils/dax-vm powerfail runs them
DAX_HELPERS = \
	tests/dax/verifier_durable_heap \
	tests/dax/verifier_flush_log \
	tests/dax/writer_durable_heap \
	tests/dax/writer_flush_log
POWER_LOG = \
	examples/checksum.c \
	examples/checksum.h \
	examples/flush_log.c \
	examples/flush_log.h \
	tests/dax/power_log.h

# The API fuzzer: test_corpus replays what it found worth keeping, in make
# check; fuzz_api is built by make fuzz.
FUZZER = \
	tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_api.c \
	tests/fuzz/image.c \
	tests/fuzz/image.h \
	tests/fuzz/shadow.c \
	tests/fuzz/shadow.h

# for all of these
TEST_SUPPORT = \
	tests/support/cmocka_all.h \
	tests/support/dax_env.c \
	tests/support/dax_env.h \
	tests/support/test_cases.c \
	tests/support/test_cases.h \
	tests/support/test_command.c \
	tests/support/test_command.h \
	tests/support/test_fill.c \
	tests/support/test_fill.h \
	tests/support/test_region.c \
	tests/support/test_region.h \
	tests/support/tested.h

# for unit tests only
UNIT_SUPPORT = \
	tests/support/fake_backing.c \
	tests/support/fake_backing.h \
	tests/support/fake_numa.c \
	tests/support/fake_numa.h \
	tests/support/hold.c \
	tests/support/hold.h \
	tests/support/mock_device.c \
	tests/support/mock_device.h \
	tests/support/mock_library.c \
	tests/support/mock_library.h \
	tests/support/mock_numa.c \
	tests/support/mock_numa.h \
	tests/support/mock_os.c \
	tests/support/mock_os.h \
	tests/support/mock_time.c \
	tests/support/mock_time.h \
	tests/support/plain_hooks.c \
	tests/support/plain_hooks.h

# Functions of os.h that unit tests may make fail: calls from other files go
# through the __wrap_NAME of UNIT_SUPPORT.
UNIT_WRAPS = \
	dax_device_find_number \
	dax_device_walk \
	library_load \
	lock_wait \
	lock_wait_ms \
	os_allocate \
	os_allocate_unshared \
	os_check_page_size \
	os_clone \
	os_copies_on_write \
	os_commit \
	os_current_node \
	os_delete \
	os_device_of_file \
	os_drop_pages \
	os_find_hole \
	os_fs_block \
	os_fs_size \
	os_fstat \
	os_is_mapped \
	os_link \
	os_lock_file \
	os_make_private \
	os_map_anon \
	os_map_anon_aligned \
	os_map_file \
	os_map_file_at \
	os_map_huge \
	os_membarrier \
	os_move_mapping \
	os_msync \
	os_new \
	os_now_coarse_us \
	os_now_us \
	os_open \
	os_open_linkable \
	os_open_read \
	os_open_unlinked \
	os_pause \
	os_pipe \
	os_populate \
	os_punch \
	os_punch_mapped \
	os_random \
	os_read_line \
	os_read_link_name \
	os_read_number \
	os_read_text \
	os_rename \
	os_reserve \
	os_set_size \
	os_stat \
	os_sync_new_file \
	os_sync_range \
	os_thread_join \
	os_thread_start \
	os_unmap \
	os_walk_extents \
	os_write \
	os_write_bulk \
	os_write_zero_pages \
	os_write_zeroes \
	pthread_cond_broadcast \
	pthread_cond_timedwait

# scripts that look at the built library and at the sources
SCRIPT_TESTS = \
	tests/abi/cancel.sh \
	tests/abi/hardened.sh \
	tests/abi/headers.sh \
	tests/abi/ignored.sh \
	tests/abi/install.sh \
	tests/abi/jemalloc_edits.sh \
	tests/abi/load.sh \
	tests/abi/manpages.sh \
	tests/abi/memkind_abi.sh \
	tests/abi/public.sh \
	tests/abi/settings.sh \
	tests/abi/static.sh \
	tests/abi/symbols.sh \
	tests/api/compare/cases.sh \
	tests/api/compare/compare.sh \
	tests/command/bench.sh \
	tests/cxx/allocators.sh \
	tests/lint/architecture.sh \
	tests/lint/check.sh \
	tests/lint/docs.sh \
	tests/lint/layers.sh \
	tests/man/man_examples.sh \
	tests/programs/memkind_examples.sh

if BUILD_LIBMEMKIND
SCRIPT_TESTS += tests/abi/debian_programs.sh
endif

# It is linked with the archive.
$(filter tests/abi/static.sh.log,$(TEST_LOGS)): libdaxkind.a

dist_check_SCRIPTS += $(SCRIPT_TESTS)
TESTS += $(SCRIPT_TESTS)
EXTRA_DIST += tests/abi/declared.awk tests/abi/libmemkind.symbols \
	tests/abi/used.awk tests/dax/README.md \
	tests/fuzz/corpus tests/support/tsan.supp \
	tests/api/compare/probe.c tests/api/differences.md \
	tests/cxx/allocators.cc tests/cxx/durable.cc \
	tests/programs/differences.md

# A fork takes all of jemalloc's locks, which are more than the sanitizer's
# search for deadlocks can hold; a debug build looks after the order of ours.
TSAN_DEFAULTS = detect_deadlocks=0:die_after_fork=0:history_size=7:suppressions=$(abs_top_srcdir)/tests/support/tsan.supp

AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	CC='$(CC)'; export CC; \
	CMOCKA_CFLAGS='$(CMOCKA_CFLAGS)'; export CMOCKA_CFLAGS; \
	CMOCKA_LIBS='$(CMOCKA_LIBS)'; export CMOCKA_LIBS; \
	: "$${DAXKIND_STRESS_SECONDS=3}"; export DAXKIND_STRESS_SECONDS; \
	: "$${UBSAN_OPTIONS=print_stacktrace=1}"; export UBSAN_OPTIONS; \
	: "$${TSAN_OPTIONS=$(TSAN_DEFAULTS)}"; \
	export TSAN_OPTIONS;

if BUILD_TESTS
if BUILD_COMMAND
# of the daxkind command, without DAX memory
COMMAND_TESTS = tests/command/test_command tests/command/test_plan
tests_command_test_plan_SOURCES = tests/command/test_plan.c \
	utils/daxkind/plan.c utils/daxkind/plan.h
tests_command_test_plan_CPPFLAGS = $(AM_CPPFLAGS)
tests_command_test_plan_LDADD = tests/libsupport.la libdaxkind-core.la \
	libtls.la $(JEMALLOC_ARCHIVE) $(CORE_LIBS) $(CMOCKA_LIBS)
tests_command_test_command_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS)
tests_command_test_command_DEPENDENCIES = tests/libsupport.la libdaxkind.interface
tests_command_test_command_LDADD = tests/libsupport.la libdaxkind.la \
	$(CMOCKA_LIBS) $(JSON_LIBS) $(PTHREAD_LIBS)
endif
CHECKED = $(UNIT_TESTS) $(API_TESTS) $(COMMAND_TESTS) $(STRESS_TESTS) \
	tests/abi/dlopen tests/abi/small_stacks tests/fuzz/test_corpus
CHECK_ALL += $(CHECKED) $(DAX_TESTS) $(DAX_HELPERS)
TESTS += $(CHECKED)
# What make check TESTS="..." was asked for on the command line.
TESTS_ASKED = $(if $(filter command,$(origin TESTS)),$(TESTS))
EXTRA_LTLIBRARIES += tests/libsupport.la tests/libunit.la
tests_libsupport_la_SOURCES = $(TEST_SUPPORT)
EXTRA_DIST += tests/support/coverage_exit.c
tests_libsupport_la_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
# One archive of everything, so that the order in which the linker meets a
# function, its mock and its users does not matter.
tests_libunit_la_SOURCES = $(UNIT_SUPPORT)
tests_libunit_la_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_libunit_la_LIBADD = tests/libsupport.la libdaxkind-core.la

# What unit tests are linked with ...
LDADD = $(TEST_LIBS)
# The undefined one: jemalloc uses it, too, and lies behind the archive with it.
$(UNIT_TESTS): private AM_LDFLAGS = $(DK_LDFLAGS) \
	$(UNIT_WRAPS:%=-Wl,--wrap=%) \
	-Wl,--undefined=__wrap_pthread_cond_timedwait
UNIT_NEEDS = tests/libunit.la libtls.la $(JEMALLOC_ARCHIVE)
$(UNIT_TESTS): private TEST_LIBS = $(UNIT_NEEDS) $(CORE_LIBS) $(CMOCKA_LIBS)
$(UNIT_TESTS): $(UNIT_NEEDS)
# ... and the others, which see the library as a user does.
LINKED_TESTS = $(API_TESTS) $(STRESS_TESTS) $(DAX_TESTS) $(DAX_HELPERS)
if BUILD_COVERAGE
# A child that ends by _exit() can only write the counters of the program: the
# whole library is in it, with what only its constructors reach.
tests_libsupport_la_SOURCES += tests/support/coverage_exit.c
LINKED_LIBRARY = \
	-Wl,--whole-archive,.libs/libdaxkind-core.a,--no-whole-archive \
	libtls.la $(JEMALLOC_ARCHIVE)
LINKED_NEEDS = libdaxkind-core.la libtls.la $(JEMALLOC_ARCHIVE)
LINKED_LIBS = $(CORE_LIBS)
else
LINKED_LIBRARY = libdaxkind.la
LINKED_NEEDS = libdaxkind.interface
LINKED_LIBS = $(PTHREAD_LIBS)
endif
$(LINKED_TESTS): private TEST_LIBS = \
	tests/libsupport.la $(LINKED_LIBRARY) $(CMOCKA_LIBS) $(LINKED_LIBS)
$(LINKED_TESTS): tests/libsupport.la $(LINKED_NEEDS)

tests_api_test_kept_objects_SOURCES = \
	examples/tiered_cache/kept.c \
	examples/tiered_cache/kept.h \
	tests/api/test_kept_objects.c
tests_api_test_kept_objects_CPPFLAGS = $(AM_CPPFLAGS)

tests_dax_verifier_durable_heap_SOURCES = \
	tests/dax/verifier_durable_heap.c tests/dax/power_heap.h
tests_dax_writer_durable_heap_SOURCES = \
	tests/dax/writer_durable_heap.c tests/dax/power_heap.h
tests_dax_verifier_flush_log_SOURCES = \
	tests/dax/verifier_flush_log.c $(POWER_LOG)
tests_dax_verifier_flush_log_CPPFLAGS = $(AM_CPPFLAGS)
tests_dax_writer_flush_log_SOURCES = tests/dax/writer_flush_log.c $(POWER_LOG)
tests_dax_writer_flush_log_CPPFLAGS = $(AM_CPPFLAGS)
tests_unit_command_test_plan_SOURCES = \
	tests/unit/command/test_plan.c \
	utils/daxkind/plan.c \
	utils/daxkind/plan.h
tests_unit_command_test_plan_CPPFLAGS = $(AM_CPPFLAGS)
# jemalloc's settings can be made to fail.
tests_unit_heap_test_je_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=jemk_mallctlbymib
# It looks at what the example's log leaves on the medium.
tests_unit_region_test_flush_recording_SOURCES = \
	tests/unit/region/test_flush_recording.c \
	examples/checksum.c \
	examples/checksum.h \
	examples/flush_log.c \
	examples/flush_log.h
tests_unit_region_test_flush_recording_CPPFLAGS = $(AM_CPPFLAGS)

# Not linked with the library: it is loaded while the program runs.
tests_abi_dlopen_LDADD = $(PTHREAD_LIBS)

tests_abi_small_stacks_LDADD = libdaxkind.la $(PTHREAD_LIBS)

tests_fuzz_test_corpus_SOURCES = tests/fuzz/test_corpus.c $(FUZZER)
tests_fuzz_test_corpus_DEPENDENCIES = libdaxkind.interface
tests_fuzz_test_corpus_LDADD = libdaxkind.la $(PTHREAD_LIBS)
endif

# With clang only; utils/fuzz has the flags for the rest.
EXTRA_PROGRAMS += tests/fuzz/fuzz_api
tests_fuzz_fuzz_api_DEPENDENCIES = libdaxkind.interface
tests_fuzz_fuzz_api_SOURCES = $(FUZZER)
tests_fuzz_fuzz_api_LDADD = libdaxkind.la $(PTHREAD_LIBS)
tests_fuzz_fuzz_api_LDFLAGS = $(AM_LDFLAGS) -no-install -fsanitize=fuzzer

# FUZZ_SECONDS=N: how long it looks for something new.
.PHONY: fuzz
fuzz:
	$(top_srcdir)/utils/fuzz

# What make check builds; nothing is run.
.PHONY: check-programs
check-programs: all
	$(MAKE) $(AM_MAKEFLAGS) $(CHECK_ALL)

# For a second build of the same sources, with another compiler or sanitizer:
# without what looks at the sources, or compiles them anew, whatever the build.
SOURCE_TESTS = \
	tests/abi/headers.sh \
	tests/abi/jemalloc_edits.sh \
	tests/abi/manpages.sh \
	tests/abi/public.sh \
	tests/api/compare/cases.sh \
	tests/api/compare/compare.sh \
	tests/lint/architecture.sh \
	tests/lint/check.sh \
	tests/lint/docs.sh \
	tests/lint/layers.sh \
	tests/programs/memkind_examples.sh
.PHONY: check-binaries
check-binaries: all
	$(MAKE) $(AM_MAKEFLAGS) check \
		TESTS='$(filter-out $(SOURCE_TESTS),$(TESTS))'

# And for one with other answers about devices, what depends on these.
.PHONY: check-devices
check-devices: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(filter \
		tests/abi/symbols.sh tests/abi/install.sh tests/abi/load.sh \
		tests/api/test_hbw tests/api/test_names tests/api/test_regions \
		tests/api/test_static_kinds tests/api/test_pmem \
		tests/command/% tests/compat/nodes.sh tests/unit/command/% \
		tests/unit/dax/% tests/unit/dram/% \
		tests/unit/region/test_backing% \
		tests/unit/kind/%,$(TESTS))'

# The tests that need DAX memory run in the emulated machine.
.PHONY: check-dax
check-dax: check-programs
	$(top_srcdir)/utils/dax-vm check $(abs_top_builddir)
