# SPDX-License-Identifier: BSD-2-Clause
# The manual, sorted.  MAN_PAGES are what make lint reads and tests/man takes
# its examples from.  MAN_ALIASES are for functions that share a page: two lines,
# of which .so must be the first, or man(1) does not follow it; mandoc's lint
# knows no .so.
MAN_PAGES = \
	man/daxkind-emulation.7 \
	man/daxkind.1 \
	man/daxkind.7 \
	man/daxkind_kind_create.3 \
	man/daxkind_last_error.3 \
	man/daxkind_persist.3 \
	man/daxkind_quarantine.3 \
	man/daxkind_region_info.3 \
	man/daxkind_region_open.3 \
	man/libmemtier.3 \
	man/libmemtier.7 \
	man/memkind.3 \
	man/memkind_allocator.3 \
	man/memkind_create_fixed.3 \
	man/memkind_create_kind.3 \
	man/memkind_create_pmem.3 \
	man/memkind_destroy_kind.3 \
	man/memkind_error_message.3 \
	man/memkind_fixed.3 \
	man/memkind_get_stat.3 \
	man/memkind_malloc.3 \
	man/memkind_set_bg_threads.3
MAN_ALIASES = \
	man/MEMKIND_DAX_KMEM.3 \
	man/MEMKIND_DAX_KMEM_ALL.3 \
	man/MEMKIND_DAX_KMEM_INTERLEAVE.3 \
	man/MEMKIND_DAX_KMEM_PREFERRED.3 \
	man/MEMKIND_DEFAULT.3 \
	man/MEMKIND_FIXED_OPS.3 \
	man/MEMKIND_HBW.3 \
	man/MEMKIND_HBW_ALL.3 \
	man/MEMKIND_HBW_ALL_HUGETLB.3 \
	man/MEMKIND_HBW_HUGETLB.3 \
	man/MEMKIND_HBW_INTERLEAVE.3 \
	man/MEMKIND_HBW_PREFERRED.3 \
	man/MEMKIND_HBW_PREFERRED_HUGETLB.3 \
	man/MEMKIND_HIGHEST_BANDWIDTH_LOCAL.3 \
	man/MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED.3 \
	man/MEMKIND_HIGHEST_CAPACITY.3 \
	man/MEMKIND_HIGHEST_CAPACITY_LOCAL.3 \
	man/MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED.3 \
	man/MEMKIND_HIGHEST_CAPACITY_PREFERRED.3 \
	man/MEMKIND_HUGETLB.3 \
	man/MEMKIND_INTERLEAVE.3 \
	man/MEMKIND_LOWEST_LATENCY_LOCAL.3 \
	man/MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED.3 \
	man/MEMKIND_REGULAR.3 \
	man/daxkind_drain.3 \
	man/daxkind_flush.3 \
	man/daxkind_kind_create_with_ops.3 \
	man/daxkind_kind_region.3 \
	man/daxkind_kind_set_policy.3 \
	man/daxkind_memcpy_nodrain.3 \
	man/daxkind_memcpy_persist.3 \
	man/daxkind_memset_nodrain.3 \
	man/daxkind_memset_persist.3 \
	man/daxkind_region_check.3 \
	man/daxkind_region_close.3 \
	man/daxkind_region_open_devdax.3 \
	man/daxkind_region_open_dir.3 \
	man/daxkind_region_open_file.3 \
	man/daxkind_region_open_mapping.3 \
	man/daxkind_region_space.3 \
	man/daxkind_region_walk.3 \
	man/daxkind_sigbus_install.3 \
	man/daxkind_sigbus_remove.3 \
	man/daxkind_version.3 \
	man/fixed_allocator.3 \
	man/fixedallocator.3 \
	man/memkind_calloc.3 \
	man/memkind_check_available.3 \
	man/memkind_check_dax_path.3 \
	man/memkind_config_delete.3 \
	man/memkind_config_new.3 \
	man/memkind_config_set_memory_usage_policy.3 \
	man/memkind_config_set_path.3 \
	man/memkind_config_set_size.3 \
	man/memkind_create_pmem_with_config.3 \
	man/memkind_defrag_reallocate.3 \
	man/memkind_detect_kind.3 \
	man/memkind_fixed_create.3 \
	man/memkind_fixed_destroy.3 \
	man/memkind_fixed_mmap.3 \
	man/memkind_free.3 \
	man/memkind_get_capacity.3 \
	man/memkind_get_version.3 \
	man/memkind_malloc_usable_size.3 \
	man/memkind_posix_memalign.3 \
	man/memkind_realloc.3 \
	man/memkind_set_allow_zero_allocs.3 \
	man/memkind_stats_print.3 \
	man/memkind_update_cached_stats.3 \
	man/memkindallocator.3 \
	man/memtier_builder_add_tier.3 \
	man/memtier_builder_construct_memtier_memory.3 \
	man/memtier_builder_delete.3 \
	man/memtier_builder_new.3 \
	man/memtier_calloc.3 \
	man/memtier_ctl_set.3 \
	man/memtier_delete_memtier_memory.3 \
	man/memtier_free.3 \
	man/memtier_kind_allocated_size.3 \
	man/memtier_kind_calloc.3 \
	man/memtier_kind_free.3 \
	man/memtier_kind_malloc.3 \
	man/memtier_kind_posix_memalign.3 \
	man/memtier_kind_realloc.3 \
	man/memtier_malloc.3 \
	man/memtier_posix_memalign.3 \
	man/memtier_realloc.3 \
	man/memtier_usable_size.3 \
	man/pmem_allocator.3 \
	man/pmemallocator.3
if BUILD_LIBVMEM
MAN_PAGES += man/libvmem.3
MAN_ALIASES += \
	man/vmem_aligned_alloc.3 \
	man/vmem_calloc.3 \
	man/vmem_check.3 \
	man/vmem_check_version.3 \
	man/vmem_create.3 \
	man/vmem_create_in_region.3 \
	man/vmem_delete.3 \
	man/vmem_errormsg.3 \
	man/vmem_free.3 \
	man/vmem_malloc.3 \
	man/vmem_malloc_usable_size.3 \
	man/vmem_realloc.3 \
	man/vmem_set_funcs.3 \
	man/vmem_stats_print.3 \
	man/vmem_strdup.3 \
	man/vmem_wcsdup.3
endif
dist_man_MANS += $(MAN_PAGES) $(MAN_ALIASES)
