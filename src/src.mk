# SPDX-License-Identifier: BSD-2-Clause
# Files of the library, by layer; utils/layers.txt has the layers for make lint.
libdaxkind_core_la_SOURCES = \
	src/export.h src/util.h \
	src/os.c src/os.h src/os_file.c src/os_maps.c src/os_memory.c \
	src/os_result.h src/log.c src/log.h src/lock.c src/lock.h \
	src/pool.c src/pool.h \
	src/rangeset.c src/rangeset.h src/space.c src/space.h \
	src/node_set.c src/node_set.h \
	src/flush.c src/flush.h src/numa_nodes.c src/numa_nodes.h \
	src/numa_topology.c src/numa_topology.h \
	src/node_choice.c src/node_choice.h \
	src/dram_source.c src/dram_source.h \
	src/dram_cache.c src/dram_cache.h \
	src/badblocks.c src/badblocks.h \
	src/backing.h src/backing_mapping.c src/backing_file.c \
	src/backing_devdax.c src/daxctl_query.h src/ndctl_query.h \
	src/dax_sysfs.c src/dax_sysfs.h \
	src/mounts.c src/mounts.h src/namespace.c src/namespace.h \
	src/region.c src/region.h src/region_index.c src/region_index.h \
	src/keeper.c src/keeper.h \
	src/je.c src/je.h src/extent_hooks.c src/extent_hooks.h \
	src/arena_set.c src/arena_set.h src/page_map.h \
	src/size_class.c src/size_class.h src/slabs.c src/slabs.h \
	src/quarantine.c src/quarantine.h \
	src/tls.h src/thread_cache.c src/thread_cache.h src/heap.c src/heap.h \
	src/decorators.c src/decorators.h \
	src/environment.c src/error.c src/error.h src/kind.c src/kind.h \
	src/kind_arenas.c src/kind_arenas.h \
	src/tier_fork.c src/tier_fork.h \
	src/kind_registry.c src/kind_registry.h \
	src/kind_heap_ops.c src/kind_heap_ops.h \
	src/kind_quarantine.c src/kind_quarantine.h \
	src/kind_tally.c src/kind_tally.h src/tiers.c src/tiers.h \
	src/api_hbw.c src/api_memtier.c src/memtier_decorators.h \
	src/sigbus.c src/sigbus.h src/kind_fork.c \
	src/kind_default.c src/kind_static.c src/kind_static.h \
	src/api.h src/api_alloc.c src/api_arena.c src/api_error.c \
	src/api_fixed.c src/api_kind.c src/api_ops.c src/api_persist.c src/api_quarantine.c \
	src/api_region.c src/api_stats.c src/api_tables.c
if HAVE_DAXCTL
libdaxkind_core_la_SOURCES += src/daxctl_query.c src/ndctl_query.c
else
libdaxkind_core_la_SOURCES += src/daxctl_query_none.c src/ndctl_query_none.c
endif
