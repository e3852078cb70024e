# SPDX-License-Identifier: BSD-2-Clause
# Examples: built with everything else, run by make check.  They see what a
# user sees: the public headers and the shared library.
EXAMPLES_CPPFLAGS = -I$(top_srcdir)/include
EXAMPLES = \
	examples/01_fixed_mapping \
	examples/02_fsdax_file \
	examples/03_devdax \
	examples/04_numa_bound \
	examples/05_hugetlb \
	examples/06_pmem_kind \
	examples/07_flush_log \
	examples/08_own_ops \
	examples/09_out_of_space \
	examples/10_durable_log \
	examples/11_durable_table \
	examples/12_kv_block_pool

noinst_PROGRAMS += $(EXAMPLES) examples/tiered_cache/tiered_cache
$(EXAMPLES): libdaxkind.interface
TESTS += $(EXAMPLES) examples/run_tiered_cache.sh examples/run_kept_cache.sh
EXTRA_DIST += \
	examples/.clang-tidy \
	examples/README.md \
	examples/cache_files.sh \
	examples/run_kept_cache.sh \
	examples/run_tiered_cache.sh

examples_01_fixed_mapping_SOURCES = examples/01_fixed_mapping.c
examples_01_fixed_mapping_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_01_fixed_mapping_LDADD = $(LIBDAXKIND)

examples_02_fsdax_file_SOURCES = examples/02_fsdax_file.c
examples_02_fsdax_file_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_02_fsdax_file_LDADD = $(LIBDAXKIND)

examples_03_devdax_SOURCES = examples/03_devdax.c
examples_03_devdax_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_03_devdax_LDADD = $(LIBDAXKIND)

examples_04_numa_bound_SOURCES = examples/04_numa_bound.c
examples_04_numa_bound_CPPFLAGS = $(EXAMPLES_CPPFLAGS) $(NUMA_CFLAGS)
examples_04_numa_bound_LDADD = $(LIBDAXKIND) $(NUMA_LIBS)

examples_05_hugetlb_SOURCES = examples/05_hugetlb.c
examples_05_hugetlb_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_05_hugetlb_LDADD = $(LIBDAXKIND)

examples_06_pmem_kind_SOURCES = examples/06_pmem_kind.c
examples_06_pmem_kind_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_06_pmem_kind_LDADD = $(LIBDAXKIND)

examples_07_flush_log_SOURCES = \
	examples/07_flush_log.c \
	examples/checksum.c \
	examples/checksum.h \
	examples/flush_log.c \
	examples/flush_log.h
examples_07_flush_log_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_07_flush_log_LDADD = $(LIBDAXKIND)

examples_08_own_ops_SOURCES = examples/08_own_ops.c
examples_08_own_ops_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_08_own_ops_LDADD = $(LIBDAXKIND)

examples_09_out_of_space_SOURCES = examples/09_out_of_space.c
examples_09_out_of_space_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_09_out_of_space_LDADD = $(LIBDAXKIND)

examples_10_durable_log_SOURCES = examples/10_durable_log.c
examples_10_durable_log_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_10_durable_log_LDADD = $(LIBDAXKIND)

examples_11_durable_table_SOURCES = examples/11_durable_table.c
examples_11_durable_table_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_11_durable_table_LDADD = $(LIBDAXKIND)

examples_12_kv_block_pool_SOURCES = \
	examples/12_kv_block_pool.c \
	examples/checksum.c \
	examples/checksum.h
examples_12_kv_block_pool_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_12_kv_block_pool_LDADD = $(LIBDAXKIND)

examples_tiered_cache_tiered_cache_SOURCES = \
	examples/checksum.c \
	examples/checksum.h \
	examples/tiered_cache/cache.c \
	examples/tiered_cache/cache.h \
	examples/tiered_cache/corpus.c \
	examples/tiered_cache/corpus.h \
	examples/tiered_cache/curve.c \
	examples/tiered_cache/curve.h \
	examples/tiered_cache/histogram.c \
	examples/tiered_cache/histogram.h \
	examples/tiered_cache/kept.c \
	examples/tiered_cache/kept.h \
	examples/tiered_cache/main.c \
	examples/tiered_cache/options.c \
	examples/tiered_cache/options.h \
	examples/tiered_cache/picture.c \
	examples/tiered_cache/picture.h \
	examples/tiered_cache/place.c \
	examples/tiered_cache/place.h \
	examples/tiered_cache/plot.c \
	examples/tiered_cache/plot.h \
	examples/tiered_cache/progress.c \
	examples/tiered_cache/progress.h \
	examples/tiered_cache/report.c \
	examples/tiered_cache/report.h \
	examples/tiered_cache/terminal.c \
	examples/tiered_cache/terminal.h \
	examples/tiered_cache/trace.c \
	examples/tiered_cache/trace.h \
	examples/tiered_cache/units.c \
	examples/tiered_cache/units.h \
	examples/tiered_cache/zipf.c \
	examples/tiered_cache/zipf.h
examples_tiered_cache_tiered_cache_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
examples_tiered_cache_tiered_cache_DEPENDENCIES = libdaxkind.interface
examples_tiered_cache_tiered_cache_LDADD = libdaxkind.la $(PTHREAD_LIBS) -lm
