/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmem_allocator.h -- C++ allocator over an unlinked file in a directory.
 *
 * libmemkind::pmem::allocator<T> has the interface of memkind's; with C++17
 * there is libmemkind::pmem::memory_resource besides.
 * memkind_allocator(3) describes both.
 */
#ifndef PMEM_ALLOCATOR_H
#define PMEM_ALLOCATOR_H

#include <daxkind_cxx.h>

/* What else memkind's header brings along, for programs that rely on it. */
#include <atomic>
#include <exception>

namespace libmemkind
{

/* When free file space goes back to the file system. */
enum class allocation_policy {
	DEFAULT = MEMKIND_MEM_USAGE_POLICY_DEFAULT,
	CONSERVATIVE = MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE,
	MAX
};

namespace pmem
{
namespace internal
{

inline detail::shared_kind
create(const char *dir, std::size_t max_size, allocation_policy policy)
{
	memkind_t kind = nullptr;
	struct memkind_config *config = memkind_config_new();

	if (config == nullptr)
		throw std::runtime_error("no memory for a memkind_config");
	memkind_config_set_path(config, dir);
	memkind_config_set_size(config, max_size);
	memkind_config_set_memory_usage_policy(
	    config, static_cast<memkind_mem_usage_policy>(policy));
	int err = memkind_create_pmem_with_config(config, &kind);
	memkind_config_delete(config);
	detail::check_created(err);
	return detail::shared_kind(kind);
}

} // namespace internal

template <typename T>
class allocator : public detail::kind_allocator<T, detail::shared_kind>
{
	using base = detail::kind_allocator<T, detail::shared_kind>;

public:
	template <typename U> struct rebind {
		using other = allocator<U>;
	};

	/* Makes a kind over a file in dir, which ends with the last copy. */
	explicit allocator(const char *dir, std::size_t max_size,
	    allocation_policy policy = allocation_policy::DEFAULT)
	    : base(internal::create(dir, max_size, policy))
	{
	}
	explicit allocator(const std::string &dir, std::size_t max_size,
	    allocation_policy policy = allocation_policy::DEFAULT)
	    : allocator(dir.c_str(), max_size, policy)
	{
	}
	/* Copying, for another type too, shares the kind; so does moving. */
	template <typename U>
	allocator(const allocator<U> &other) noexcept : base(other.holder())
	{
	}
};

#ifdef DAXKIND_CXX_HAS_PMR
class memory_resource : public detail::kind_resource<detail::shared_kind>
{
public:
	explicit memory_resource(const std::string &dir, std::size_t max_size,
	    allocation_policy policy = allocation_policy::DEFAULT)
	    : kind_resource(internal::create(dir.c_str(), max_size, policy))
	{
	}
};
#endif

} // namespace pmem
} // namespace libmemkind

#endif /* PMEM_ALLOCATOR_H */
