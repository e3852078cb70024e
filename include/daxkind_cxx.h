/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxkind_cxx.h -- what the C++ adapters of kinds share: an allocator and a
 * memory resource over a memkind_t; and durable kinds in C++.
 *
 * Included by memkind_allocator.h, pmem_allocator.h and fixed_allocator.h,
 * which programs use; of this header they may use libmemkind::memory_resource
 * (C++17), over any kind, and libmemkind::durable_kind.  memkind_allocator(3) and
 * daxkind_durable_kind(3) describe them.
 */
#ifndef DAXKIND_CXX_H
#define DAXKIND_CXX_H

#ifndef __cplusplus
#error "this header is for C++; memkind.h is for C"
#endif

#include <daxkind.h>
#include <memkind.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
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

/* --- durable kinds --------------------------------------------------------------- */

/* What a visitor of a trace marks blocks by. */
class trace_marker
{
public:
	explicit trace_marker(daxkind_marker *marker) noexcept
	    : the_marker(marker)
	{
	}
	/* The block that ptr is in is reached. */
	void
	mark(const void *ptr) const noexcept
	{
		daxkind_mark(the_marker, ptr);
	}

private:
	daxkind_marker *the_marker;
};

namespace detail
{

/* What a function of daxkind.h returned, as an exception. */
inline void
check_result(int rc)
{
	if (rc < 0)
		throw std::system_error(
		    -rc, std::generic_category(), daxkind_last_error());
}

/* Calls a visitor from a function of C, which no exception may pass. */
template <typename Visit> struct visitor {
	explicit visitor(Visit &visit) : the_visit(visit)
	{
	}
	static int
	walk(void *arg, void *block, std::size_t usable) noexcept
	{
		auto self = static_cast<visitor *>(arg);

		try {
			self->result = self->the_visit(block, usable);
		} catch (...) {
			self->catch_it();
		}
		return self->result;
	}
	static int
	trace(void *arg, void *block, std::size_t usable,
	    daxkind_marker *of_trace) noexcept
	{
		auto self = static_cast<visitor *>(arg);

		try {
			self->the_visit(block, usable, trace_marker(of_trace));
		} catch (...) {
			self->catch_it();
		}
		return self->result;
	}
	/* Whether it came to its end. */
	bool
	finish(int rc)
	{
		if (thrown)
			std::rethrow_exception(thrown);
		if (result >= 0)
			check_result(rc);
		return rc >= 0;
	}

	void
	catch_it() noexcept
	{
		thrown = std::current_exception();
		result = -ECANCELED;
	}

	Visit &the_visit;
	std::exception_ptr thrown;
	int result = 0;
};

} // namespace detail

/*
 * A durable kind, which is the caller's and outlives this.  Failures are
 * std::system_error, with the text of daxkind_last_error(), and where there is no
 * room std::bad_alloc.
 */
class durable_kind
{
public:
	explicit durable_kind(memkind_t kind) noexcept : the_kind(kind)
	{
	}
	memkind_t
	get() const noexcept
	{
		return the_kind;
	}

	/* What a root points to, or nullptr.  That it is a T is for the program
	 * to know: the layout of its region should say so. */
	template <typename T>
	T *
	root(const char *name) const noexcept
	{
		return static_cast<T *>(daxkind_root(the_kind, name));
	}
	template <typename T>
	void
	set_root(const char *name, const T *object) const
	{
		detail::check_result(daxkind_root_set(the_kind, name, object));
	}
	void
	unset_root(const char *name) const
	{
		detail::check_result(daxkind_root_set(the_kind, name, nullptr));
	}
	/* The same, made of args where there is none: it is durable before the
	 * root is. */
	template <typename T, typename... Args>
	T &
	root_or_make(const char *name, Args &&...args) const
	{
		T *object = root<T>(name);

		return object != nullptr
			   ? *object
			   : make<T>(name, std::forward<Args>(args)...);
	}

	/*
	 * visit(void *block, std::size_t usable) for each live block: it returns
	 * DAXKIND_KEEP, DAXKIND_DROP, or a negative value, which ends the walk.
	 * False: it was ended.  What visit throws ends it as well, and is thrown
	 * on.  See daxkind_walk() for what visit may do.
	 */
	template <typename Visit>
	bool
	walk(Visit &&visit) const
	{
		using visit_type = typename std::remove_reference<Visit>::type;
		detail::visitor<visit_type> calls(visit);

		return calls.finish(daxkind_walk(
		    the_kind, detail::visitor<visit_type>::walk, &calls));
	}
	/*
	 * Free what the roots do not reach.  visit(void *block, std::size_t
	 * usable, const trace_marker &marker) calls marker.mark() for what the
	 * block points to.  If it throws, nothing is freed, and the exception is
	 * thrown on.
	 */
	template <typename Visit>
	daxkind_trace_result
	trace(Visit &&visit) const
	{
		using visit_type = typename std::remove_reference<Visit>::type;
		detail::visitor<visit_type> calls(visit);
		daxkind_trace_result result = daxkind_trace_result();

		(void)calls.finish(
		    daxkind_trace(the_kind, detail::visitor<visit_type>::trace,
			&calls, &result, sizeof(result)));
		return result;
	}
	/* The same, where each aligned word may be a pointer. */
	daxkind_trace_result
	trace() const
	{
		daxkind_trace_result result = daxkind_trace_result();

		detail::check_result(daxkind_trace(
		    the_kind, nullptr, nullptr, &result, sizeof(result)));
		return result;
	}

#ifdef DAXKIND_CXX_HAS_PMR
	/*
	 * A memory resource over the kind for containers that are in the kind
	 * themselves.  They keep its address, so it is in the kind, too, under
	 * the name of a root; and as it has pointers into this process, each
	 * process makes it anew there: call this once after the kind was made,
	 * before such a container is used.  The region must be at its old
	 * address.
	 */
	std::pmr::memory_resource *
	resource(const char *name) const
	{
		auto resource = root<memory_resource>(name);

		if (resource == nullptr)
			return &make<memory_resource>(name, the_kind);
		return ::new (static_cast<void *>(resource))
		    memory_resource(the_kind);
	}
#endif

private:
	template <typename T, typename... Args>
	T &
	make(const char *name, Args &&...args) const
	{
		void *at =
		    detail::allocate_bytes(the_kind, sizeof(T), alignof(T));
		T *object = nullptr;

		try {
			object = ::new (at) T(std::forward<Args>(args)...);
			detail::check_result(
			    daxkind_persist(the_kind, at, sizeof(T)));
			set_root(name, object);
		} catch (...) {
			if (object != nullptr)
				object->~T();
			memkind_free(the_kind, at);
			throw;
		}
		return *object;
	}

	memkind_t the_kind;
};

} // namespace libmemkind

#endif /* DAXKIND_CXX_H */
