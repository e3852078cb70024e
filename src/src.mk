# SPDX-License-Identifier: BSD-2-Clause
# Files of the library, a folder after the other, from the lowest up;
# utils/layers.txt has what each may use.
libdaxkind_core_la_SOURCES =
libdaxkind_core_la_SOURCES += \
	src/base/cancel.h \
	src/base/error.c \
	src/base/error.h \
	src/base/export.h \
	src/base/kept_fd.c \
	src/base/kept_fd.h \
	src/base/library.c \
	src/base/library.h \
	src/base/lock.c \
	src/base/lock.h \
	src/base/log.c \
	src/base/log.h \
	src/base/os.c \
	src/base/os.h \
	src/base/os_apart.c \
	src/base/os_file.c \
	src/base/os_maps.c \
	src/base/os_memory.c \
	src/base/os_result.h \
	src/base/os_space.c \
	src/base/os_text.c \
	src/base/parse.c \
	src/base/parse.h \
	src/base/pool.c \
	src/base/pool.h \
	src/base/reason.h \
	src/base/records.c \
	src/base/records.h \
	src/base/sched_point.c \
	src/base/sched_point.h \
	src/base/tls.h \
	src/base/util.h
libdaxkind_core_la_SOURCES += \
	src/space/node_set.c \
	src/space/node_set.h \
	src/space/rangeset.c \
	src/space/rangeset.h \
	src/space/space.c \
	src/space/space.h
libdaxkind_core_la_SOURCES += \
	src/dax/badblocks.c \
	src/dax/badblocks.h \
	src/dax/dax_device.h \
	src/dax/dax_list.c \
	src/dax/dax_list.h \
	src/dax/dax_name.c \
	src/dax/dax_name.h \
	src/dax/dax_namespace.h \
	src/dax/dax_sysfs.c \
	src/dax/dax_sysfs.h \
	src/dax/mounts.c \
	src/dax/mounts.h
libdaxkind_core_la_SOURCES += \
	src/region/backing.c \
	src/region/backing.h \
	src/region/backing_anon.c \
	src/region/backing_anon.h \
	src/region/backing_devdax.c \
	src/region/backing_file.c \
	src/region/backing_mapping.c \
	src/region/file_space.c \
	src/region/file_space.h \
	src/region/flush.c \
	src/region/flush.h \
	src/region/reclaimer.c \
	src/region/reclaimer.h \
	src/region/region.c \
	src/region/region.h \
	src/region/region_give.c \
	src/region/region_index.c \
	src/region/region_index.h \
	src/region/region_map.c \
	src/region/region_map.h \
	src/region/region_take.c \
	src/region/superblock.c \
	src/region/superblock.h
libdaxkind_core_la_SOURCES += \
	src/dram/dram_memory.c \
	src/dram/dram_memory.h \
	src/dram/dram_source.c \
	src/dram/dram_source.h \
	src/dram/mem_policy.c \
	src/dram/mem_policy.h \
	src/dram/node_choice.c \
	src/dram/node_choice.h \
	src/dram/topology.c \
	src/dram/topology.h
libdaxkind_core_la_SOURCES += \
	src/restart/check.c \
	src/restart/check.h \
	src/restart/fault.c \
	src/restart/fault.h \
	src/restart/ledger.c \
	src/restart/ledger.h \
	src/restart/ledger_walk.c \
	src/restart/medium.h \
	src/restart/recovery.c \
	src/restart/recovery.h \
	src/restart/restart.c \
	src/restart/restart.h \
	src/restart/roots.c \
	src/restart/roots.h \
	src/restart/snapshot.c \
	src/restart/snapshot.h \
	src/restart/superblock_copies.c \
	src/restart/superblock_copies.h
libdaxkind_core_la_SOURCES += \
	src/heap/arena_set.c \
	src/heap/arena_set.h \
	src/heap/cache.h \
	src/heap/cache_collect.c \
	src/heap/cache_collect.h \
	src/heap/cache_life.c \
	src/heap/cache_life.h \
	src/heap/cache_limits.c \
	src/heap/cache_limits.h \
	src/heap/durable_slabs.c \
	src/heap/durable_slabs.h \
	src/heap/extent_hooks.c \
	src/heap/extent_hooks.h \
	src/heap/heap.c \
	src/heap/heap.h \
	src/heap/heap_stats.h \
	src/heap/heap_trace.c \
	src/heap/heap_trace.h \
	src/heap/je.c \
	src/heap/je.h \
	src/heap/je_heap.c \
	src/heap/je_heap.h \
	src/heap/outbox.c \
	src/heap/outbox.h \
	src/heap/page_map.h \
	src/heap/quarantine.c \
	src/heap/quarantine.h \
	src/heap/size_class.c \
	src/heap/size_class.h \
	src/heap/slabs.c \
	src/heap/slabs.h \
	src/heap/thread_cache.c \
	src/heap/thread_cache.h
libdaxkind_core_la_SOURCES += \
	src/kind/block_ops.h \
	src/kind/environment.c \
	src/kind/environment.h \
	src/kind/error_code.c \
	src/kind/error_code.h \
	src/kind/kind.c \
	src/kind/kind.h \
	src/kind/kind_fork.c \
	src/kind/kind_fork.h \
	src/kind/kind_heap_ops.c \
	src/kind/kind_heap_ops.h \
	src/kind/kind_no_block.c \
	src/kind/kind_no_block.h \
	src/kind/kind_quarantine.c \
	src/kind/kind_quarantine.h \
	src/kind/kind_record.h \
	src/kind/kind_registry.c \
	src/kind/kind_registry.h \
	src/kind/kind_static.c \
	src/kind/kind_static.h \
	src/kind/kind_tally.c \
	src/kind/kind_tally.h \
	src/kind/ops_heap.c \
	src/kind/ops_heap.h \
	src/kind/sigbus.c \
	src/kind/sigbus.h \
	src/kind/static_heaps.c \
	src/kind/static_heaps.h
libdaxkind_core_la_SOURCES += \
	src/tiers/tier_fork.c \
	src/tiers/tier_fork.h \
	src/tiers/tiers.c \
	src/tiers/tiers.h
libdaxkind_core_la_SOURCES += \
	src/daxkind/daxkind_durable.c \
	src/daxkind/daxkind_persist.c \
	src/daxkind/daxkind_quarantine.c \
	src/daxkind/daxkind_region.c \
	src/daxkind/daxkind_answer.h \
	src/daxkind/daxkind_result.h
libdaxkind_core_la_SOURCES += \
	src/memkind/decorators.c \
	src/memkind/decorators.h \
	src/memkind/hbw.c \
	src/memkind/kind_lookup.c \
	src/memkind/kind_lookup.h \
	src/memkind/memkind_arena.c \
	src/memkind/memkind_error.c \
	src/memkind/memkind_fixed.c \
	src/memkind/memkind_kind.c \
	src/memkind/memkind_malloc.c \
	src/memkind/memkind_ops.c \
	src/memkind/memkind_result.h \
	src/memkind/memkind_stats.c \
	src/memkind/memtier.c \
	src/memkind/memtier_decorators.h \
	src/memkind/ops_tables.c \
	src/memkind/stats_report.c \
	src/memkind/stats_report.h
if HAVE_DAXCTL
libdaxkind_core_la_SOURCES += src/dax/dax_device.c src/dax/dax_namespace.c
else
libdaxkind_core_la_SOURCES += src/dax/dax_device_none.c \
	src/dax/dax_namespace_none.c
endif
EXTRA_DIST += \
	src/base/README.md \
	src/space/README.md \
	src/dax/README.md \
	src/region/README.md \
	src/dram/README.md \
	src/restart/README.md \
	src/heap/README.md \
	src/kind/README.md \
	src/tiers/README.md \
	src/daxkind/README.md \
	src/memkind/README.md
