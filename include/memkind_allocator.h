/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_allocator.h -- C++ allocator over one of the kinds that are always
 * there.
 *
 * libmemkind::static_kind::allocator<T> has the interface of memkind's; with
 * C++17 there is libmemkind::static_kind::memory_resource besides.
 * memkind_allocator(3) describes both.
 */
#ifndef MEMKIND_ALLOCATOR_H
#define MEMKIND_ALLOCATOR_H

#include <daxkind_cxx.h>

/* What else memkind's header brings along, for programs that rely on it. */
#include <cmath>
#include <exception>
#include <map>

namespace libmemkind
{

/* The kinds of memkind(3) by name. */
enum class kinds {
	DEFAULT = 0,
	HUGETLB = 1,
	INTERLEAVE = 2,
	HBW = 3,
	HBW_ALL = 4,
	HBW_HUGETLB = 5,
	HBW_ALL_HUGETLB = 6,
	HBW_PREFERRED = 7,
	HBW_PREFERRED_HUGETLB = 8,
	HBW_INTERLEAVE = 9,
	REGULAR = 10,
	DAX_KMEM = 11,
	DAX_KMEM_ALL = 12,
	DAX_KMEM_PREFERRED = 13,
	DAX_KMEM_INTERLEAVE = 14,
	HIGHEST_CAPACITY = 15,
	HIGHEST_CAPACITY_PREFERRED = 16,
	HIGHEST_CAPACITY_LOCAL = 17,
	HIGHEST_CAPACITY_LOCAL_PREFERRED = 18,
	LOWEST_LATENCY_LOCAL = 19,
	LOWEST_LATENCY_LOCAL_PREFERRED = 20,
	HIGHEST_BANDWIDTH_LOCAL = 21,
	HIGHEST_BANDWIDTH_LOCAL_PREFERRED = 22
};

namespace static_kind
{
namespace internal
{

inline detail::borrowed_kind
find(kinds name)
{
	const memkind_t in_order[] = {MEMKIND_DEFAULT, MEMKIND_HUGETLB,
	    MEMKIND_INTERLEAVE, MEMKIND_HBW, MEMKIND_HBW_ALL,
	    MEMKIND_HBW_HUGETLB, MEMKIND_HBW_ALL_HUGETLB, MEMKIND_HBW_PREFERRED,
	    MEMKIND_HBW_PREFERRED_HUGETLB, MEMKIND_HBW_INTERLEAVE,
	    MEMKIND_REGULAR, MEMKIND_DAX_KMEM, MEMKIND_DAX_KMEM_ALL,
	    MEMKIND_DAX_KMEM_PREFERRED, MEMKIND_DAX_KMEM_INTERLEAVE,
	    MEMKIND_HIGHEST_CAPACITY, MEMKIND_HIGHEST_CAPACITY_PREFERRED,
	    MEMKIND_HIGHEST_CAPACITY_LOCAL,
	    MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED,
	    MEMKIND_LOWEST_LATENCY_LOCAL,
	    MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED,
	    MEMKIND_HIGHEST_BANDWIDTH_LOCAL,
	    MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED};
	auto index = static_cast<unsigned>(name);

	if (index >= sizeof(in_order) / sizeof(in_order[0]))
		throw std::runtime_error("no such libmemkind::kinds");
	return detail::borrowed_kind(in_order[index]);
}

} // namespace internal

template <typename T>
class allocator : public detail::kind_allocator<T, detail::borrowed_kind>
{
	using base = detail::kind_allocator<T, detail::borrowed_kind>;

public:
	template <typename U> struct rebind {
		using other = allocator<U>;
	};

	explicit allocator(libmemkind::kinds kind) : base(internal::find(kind))
	{
	}
	template <typename U>
	allocator(const allocator<U> &other) noexcept : base(other.holder())
	{
	}
};

#ifdef DAXKIND_CXX_HAS_PMR
class memory_resource : public detail::kind_resource<detail::borrowed_kind>
{
public:
	explicit memory_resource(libmemkind::kinds kind)
	    : kind_resource(internal::find(kind))
	{
	}
};
#endif

} // namespace static_kind
} // namespace libmemkind

#endif /* MEMKIND_ALLOCATOR_H */
