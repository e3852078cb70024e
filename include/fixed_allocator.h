/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixed_allocator.h -- C++ allocator over memory that the caller has mapped.
 *
 * libmemkind::fixed::allocator<T> has the interface of memkind's; with C++17
 * there is libmemkind::fixed::memory_resource besides.
 * memkind_allocator(3) describes both.
 */
#ifndef FIXED_ALLOCATOR_H
#define FIXED_ALLOCATOR_H

#include <daxkind_cxx.h>

/* What else memkind's header brings along, for programs that rely on it. */
#include <atomic>
#include <exception>

namespace libmemkind
{
namespace fixed
{
namespace internal
{

inline detail::shared_kind
create(void *addr, std::size_t size)
{
	memkind_t kind = nullptr;

	detail::check_created(memkind_create_fixed(addr, size, &kind));
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

	/* Makes a kind over the area, which ends with the last copy. */
	explicit allocator(void *addr, std::size_t size)
	    : base(internal::create(addr, size))
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
	explicit memory_resource(void *addr, std::size_t size)
	    : kind_resource(internal::create(addr, size))
	{
	}
};
#endif

} // namespace fixed
} // namespace libmemkind

#endif /* FIXED_ALLOCATOR_H */
