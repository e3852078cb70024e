/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxkind_cxx.h -- what the C++ adapters of kinds share: an allocator and a
 * memory resource over a memkind_t.
 *
 * Included by memkind_allocator.h, pmem_allocator.h and fixed_allocator.h,
 * which programs use; of this header they may use libmemkind::memory_resource
 * (C++17), over any kind.  memkind_allocator(3) describes them.
 */
#ifndef DAXKIND_CXX_H
#define DAXKIND_CXX_H

#ifndef __cplusplus
#error "this header is for C++; memkind.h is for C"
#endif

#include <memkind.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#if defined(__has_include)
#if __cplusplus >= 201703L && __has_include(<memory_resource>)
#define DAXKIND_CXX_HAS_PMR 1
#include <memory_resource>
#endif
#endif

namespace libmemkind
{
namespace detail
{

/* Whether malloc is enough: a block of fewer bytes than align may be aligned to
 * its size only. */
inline bool
is_plain(std::size_t bytes, std::size_t align)
{
	return align <= sizeof(void *) ||
	       (align <= alignof(std::max_align_t) && align <= bytes);
}

/* Never NULL: throws std::bad_alloc, also for 0 bytes. */
inline void *
allocate_bytes(memkind_t kind, std::size_t bytes, std::size_t align)
{
	void *ptr = nullptr;

	if (is_plain(bytes, align))
		ptr = memkind_malloc(kind, bytes);
	else if (memkind_posix_memalign(kind, &ptr, align, bytes) != 0)
		ptr = nullptr;
	if (ptr == nullptr)
		throw std::bad_alloc();
	return ptr;
}

/* What memkind_create_*() returned, as an exception. */
inline void
check_created(int err)
{
	char text[MEMKIND_ERROR_MESSAGE_SIZE];

	if (err == MEMKIND_SUCCESS)
		return;
	memkind_error_message(err, text, sizeof(text));
	if (err == MEMKIND_ERROR_INVALID)
		throw std::invalid_argument(text);
	throw std::runtime_error(text);
}

/* A kind that ends with its last user. */
class owned_kind
{
public:
	explicit owned_kind(memkind_t kind) noexcept : the_kind(kind)
	{
	}
	owned_kind(const owned_kind &) = delete;
	owned_kind &operator=(const owned_kind &) = delete;
	~owned_kind()
	{
		(void)memkind_destroy_kind(the_kind);
	}
	memkind_t
	get() const noexcept
	{
		return the_kind;
	}

private:
	memkind_t the_kind;
};

/* Shared by all copies of an allocator.  Moving is copying: what was moved
 * from can still be used, as containers expect. */
class shared_kind
{
public:
	/* Takes the kind over, also when it throws. */
	explicit shared_kind(memkind_t kind)
	{
		std::unique_ptr<owned_kind> owner;

		try {
			owner.reset(new owned_kind(kind));
		} catch (...) {
			(void)memkind_destroy_kind(kind);
			throw;
		}
		the_owner = std::shared_ptr<owned_kind>(std::move(owner));
	}
	shared_kind(const shared_kind &) = default;
	shared_kind &operator=(const shared_kind &) = default;
	memkind_t
	get() const noexcept
	{
		return the_owner->get();
	}

private:
	std::shared_ptr<owned_kind> the_owner;
};

/* Lives as long as the program. */
class borrowed_kind
{
public:
	explicit borrowed_kind(memkind_t kind) noexcept : the_kind(kind)
	{
	}
	memkind_t
	get() const noexcept
	{
		return the_kind;
	}

private:
	memkind_t the_kind;
};

/*
 * An allocator of the standard library but for its name, its constructors and
 * rebind.  Holder is what it knows of its kind: get().
 */
template <typename T, typename Holder> class kind_allocator
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
	using is_always_equal = std::false_type;

	explicit kind_allocator(const Holder &holder) : the_holder(holder)
	{
	}

	/* std::bad_alloc: no room, n is 0, or n objects fit no address
	 * space. */
	pointer
	allocate(size_type n) const
	{
		if (n > max_size())
			throw std::bad_alloc();
		return static_cast<pointer>(allocate_bytes(
		    the_holder.get(), n * sizeof(T), alignof(T)));
	}
	void
	deallocate(pointer p, size_type) const noexcept
	{
		memkind_free(the_holder.get(), p);
	}
	size_type
	max_size() const noexcept
	{
		return static_cast<size_type>(PTRDIFF_MAX) / sizeof(T);
	}
	template <typename U, typename... Args>
	void
	construct(U *p, Args &&...args) const
	{
		::new (static_cast<void *>(p)) U(std::forward<Args>(args)...);
	}
	template <typename U>
	void
	destroy(U *p) const
	{
		p->~U();
		(void)p; /* some compilers see no use of it above */
	}

	const Holder &
	holder() const noexcept
	{
		return the_holder;
	}

private:
	Holder the_holder;
};

template <typename T, typename U, typename Holder>
bool
operator==(const kind_allocator<T, Holder> &a,
    const kind_allocator<U, Holder> &b) noexcept
{
	return a.holder().get() == b.holder().get();
}

template <typename T, typename U, typename Holder>
bool
operator!=(const kind_allocator<T, Holder> &a,
    const kind_allocator<U, Holder> &b) noexcept
{
	return !(a == b);
}

} // namespace detail

#ifdef DAXKIND_CXX_HAS_PMR
namespace detail
{

/* Two resources over one kind are equal, whoever owns it. */
class resource_base : public std::pmr::memory_resource
{
public:
	virtual memkind_t kind() const noexcept = 0;

protected:
	void *
	do_allocate(std::size_t bytes, std::size_t align) override
	{
		if (bytes > static_cast<std::size_t>(PTRDIFF_MAX))
			throw std::bad_alloc();
		return allocate_bytes(kind(), bytes != 0 ? bytes : 1, align);
	}
	void
	do_deallocate(void *p, std::size_t, std::size_t) override
	{
		memkind_free(kind(), p);
	}
	bool
	do_is_equal(
	    const std::pmr::memory_resource &other) const noexcept override
	{
		auto with_kind = dynamic_cast<const resource_base *>(&other);

		return with_kind != nullptr && with_kind->kind() == kind();
	}
};

/* Not copied, as resources are not; the kind of a Holder that owns it ends
 * with the resource. */
template <typename Holder> class kind_resource : public resource_base
{
public:
	explicit kind_resource(const Holder &holder) : the_holder(holder)
	{
	}
	kind_resource(const kind_resource &) = delete;
	kind_resource &operator=(const kind_resource &) = delete;
	memkind_t
	kind() const noexcept override
	{
		return the_holder.get();
	}

private:
	Holder the_holder;
};

} // namespace detail

/* A memory resource over a kind of the caller's, which outlives it. */
class memory_resource : public detail::kind_resource<detail::borrowed_kind>
{
public:
	explicit memory_resource(memkind_t kind)
	    : kind_resource(detail::borrowed_kind(kind))
	{
	}
};
#endif /* DAXKIND_CXX_HAS_PMR */

} // namespace libmemkind

#endif /* DAXKIND_CXX_H */
