/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hbw_allocator.h -- C++ allocator over hbwmalloc.h.
 *
 * hbw::allocator<T> has the interface of memkind's; with C++17 there is
 * hbw::memory_resource besides.  memkind_allocator(3) describes both.
 */
#ifndef HBW_ALLOCATOR_H
#define HBW_ALLOCATOR_H

#include <daxkind_cxx.h>
#include <hbwmalloc.h>

namespace hbw
{
namespace internal
{

/* Never NULL: throws std::bad_alloc, also for 0 bytes. */
inline void *
allocate_bytes(std::size_t bytes, std::size_t align)
{
	void *ptr = nullptr;

	if (!libmemkind::detail::is_plain(bytes, align)) {
		if (hbw_posix_memalign(&ptr, align, bytes) != 0)
			ptr = nullptr;
	} else {
		ptr = hbw_malloc(bytes);
	}
	if (ptr == nullptr)
		throw std::bad_alloc();
	return ptr;
}

} // namespace internal

/* Has no state: all are equal. */
template <typename T> class allocator
{
public:
	using value_type = T;
	using pointer = T *;
	using const_pointer = const T *;
	using reference = typename std::add_lvalue_reference<T>::type;
	using const_reference = typename std::add_lvalue_reference<
	    typename std::add_const<T>::type>::type;
	using size_type = std::size_t;
	using difference_type = std::ptrdiff_t;
	using is_always_equal = std::true_type;
	using propagate_on_container_move_assignment = std::true_type;

	template <typename U> struct rebind {
		using other = allocator<U>;
	};

	allocator() noexcept
	{
	}
	allocator(const allocator &) noexcept = default;
	template <typename U> allocator(const allocator<U> &) noexcept
	{
	}
	allocator &operator=(const allocator &) noexcept = default;
	/* Not trivial, as memkind's: whether an argument is passed in a
	 * register or by address depends on it, and objects of both headers may
	 * meet. */
	~allocator() noexcept // NOLINT(modernize-use-equals-default)
	{
	}

	pointer
	address(reference x) const noexcept
	{
		return std::addressof(x);
	}
	const_pointer
	address(const_reference x) const noexcept
	{
		return std::addressof(x);
	}
	/* std::bad_alloc: no room, n is 0, or n objects exceed the address
	 * space. */
	pointer
	allocate(size_type n, const void * = nullptr)
	{
		if (n > max_size())
			throw std::bad_alloc();
		return static_cast<pointer>(
		    internal::allocate_bytes(n * sizeof(T), alignof(T)));
	}
	void
	deallocate(pointer p, size_type) noexcept
	{
		hbw_free(p);
	}
	size_type
	max_size() const noexcept
	{
		return static_cast<size_type>(PTRDIFF_MAX) / sizeof(T);
	}
	template <typename U, typename... Args>
	void
	construct(U *p, Args &&...args)
	{
		::new (static_cast<void *>(p)) U(std::forward<Args>(args)...);
	}
	template <typename U>
	void
	destroy(U *p)
	{
		p->~U();
		(void)p; /* some compilers see no use of it above */
	}
};

template <typename T, typename U>
bool
operator==(const allocator<T> &, const allocator<U> &) noexcept
{
	return true;
}

template <typename T, typename U>
bool
operator!=(const allocator<T> &, const allocator<U> &) noexcept
{
	return false;
}

#ifdef DAXKIND_CXX_HAS_PMR
class memory_resource : public std::pmr::memory_resource
{
protected:
	void *
	do_allocate(std::size_t bytes, std::size_t align) override
	{
		if (bytes > static_cast<std::size_t>(PTRDIFF_MAX))
			throw std::bad_alloc();
		return internal::allocate_bytes(bytes != 0 ? bytes : 1, align);
	}
	void
	do_deallocate(void *p, std::size_t, std::size_t) override
	{
		hbw_free(p);
	}
	bool
	do_is_equal(
	    const std::pmr::memory_resource &other) const noexcept override
	{
		return dynamic_cast<const memory_resource *>(&other) != nullptr;
	}
};
#endif

} // namespace hbw

#endif /* HBW_ALLOCATOR_H */
