// SPDX-License-Identifier: BSD-2-Clause
/*
 * allocators.cc -- the C++ allocators and memory resources in containers.
 * Compiled and run at each standard by allocators.sh, and for memkind, with
 * TEST_MEMKIND, by ../api/compare/cases.sh.
 */
#include <fixed_allocator.h>
#include <hbw_allocator.h>
#include <memkind_allocator.h>
#include <pmem_allocator.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <scoped_allocator>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include <sys/mman.h>

#define CHECK(condition)                                                     \
	do {                                                                 \
		if (!(condition)) {                                          \
			std::fprintf(stderr, "%s:%d: %s failed\n", __FILE__, \
			    __LINE__, #condition);                           \
			std::exit(1);                                        \
		}                                                            \
	} while (0)

#define CHECK_THROWS(exception, expression)     \
	do {                                    \
		bool thrown = false;            \
		try {                           \
			(void)(expression);     \
		} catch (const exception &) {   \
			thrown = true;          \
		}                               \
		CHECK(thrown &&#expression[0]); \
	} while (0)

namespace
{

namespace fixed = libmemkind::fixed;
namespace pmem = libmemkind::pmem;
namespace static_kind = libmemkind::static_kind;
using libmemkind::kinds;

const std::size_t MIB = std::size_t(1) << 20;
const char *dir;

/* Memory of the caller. */
class area
{
public:
	explicit area(std::size_t bytes) : size(bytes)
	{
		addr = static_cast<char *>(
		    mmap(nullptr, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		CHECK(addr != MAP_FAILED);
	}
	area(const area &) = delete;
	area &operator=(const area &) = delete;
	~area()
	{
		munmap(addr, size);
	}
	bool
	holds(const void *p) const
	{
		auto at = static_cast<const char *>(p);

		return at >= addr && at < addr + size;
	}

	char *addr;
	std::size_t size;
};

struct alignas(128) wide {
	char bytes[128];
};

struct alignas(8192) wider {
	char bytes[8192];
};

template <typename T>
bool
is_aligned(const T *p)
{
	return reinterpret_cast<std::uintptr_t>(p) % alignof(T) == 0;
}

/* --- what holds for every allocator -------------------------------------------- */

template <template <typename> class A>
void
check_types_and_blocks(A<int> &alloc)
{
	using traits = std::allocator_traits<A<int>>;

	/* its types */
	static_assert(
	    std::is_same<typename traits::value_type, int>::value, "");
	static_assert(std::is_same<typename traits::pointer, int *>::value, "");
	static_assert(std::is_same<typename traits::template rebind_alloc<char>,
			  A<char>>::value,
	    "");
	static_assert(
	    std::is_same<typename A<int>::template rebind<char>::other,
		A<char>>::value,
	    "");
	static_assert(
	    std::is_same<typename A<int>::size_type, std::size_t>::value, "");
	static_assert(std::is_nothrow_copy_constructible<A<int>>::value, "");
	static_assert(std::is_nothrow_move_constructible<A<int>>::value, "");

	/* blocks */
	int *p = alloc.allocate(1000);
	for (int i = 0; i < 1000; i++)
		p[i] = i;
	alloc.deallocate(p, 1000);
	CHECK_THROWS(std::bad_alloc, alloc.allocate(0));
	CHECK_THROWS(std::bad_alloc, alloc.allocate(SIZE_MAX / 8 + 1));
	CHECK(traits::max_size(alloc) <= SIZE_MAX / sizeof(int));
#ifndef TEST_MEMKIND
	CHECK(traits::max_size(alloc) <= PTRDIFF_MAX / sizeof(int));
#endif
}

template <template <typename> class A>
void
check_overflow(A<int> &alloc)
{
	CHECK_THROWS(std::bad_alloc, alloc.allocate(SIZE_MAX / 4 + 2));
	CHECK_THROWS(std::bad_alloc, alloc.allocate(SIZE_MAX));
}

/* Types that want more than malloc gives. */
template <template <typename> class A>
void
check_alignment(A<int> &alloc)
{
	A<wide> wide_alloc(alloc);
	A<wider> wider_alloc(alloc);
	for (std::size_t n = 1; n < 10; n++) {
		wide *w = wide_alloc.allocate(n);
		wider *v = wider_alloc.allocate(n);

		CHECK(is_aligned(w) && is_aligned(v));
		std::memset(static_cast<void *>(w), 1, n * sizeof(*w));
		std::memset(static_cast<void *>(v), 2, n * sizeof(*v));
		wide_alloc.deallocate(w, n);
		wider_alloc.deallocate(v, n);
	}
	std::vector<wide, A<wide>> wides(alloc);
	wides.resize(100);
	CHECK(is_aligned(wides.data()));
}

/* One kind, one allocator. */
template <template <typename> class A>
void
check_equality(A<int> &alloc)
{
	A<char> other(alloc);
	CHECK(other == alloc && alloc == other && !(other != alloc));
	A<int> back(alloc);
	back = other;
	back = alloc;
	CHECK(back == alloc);
}

/* It goes on being what it was. */
template <template <typename> class A>
void
check_moved_from(A<int> &alloc)
{
	A<int> back(alloc);
	A<int> moved(std::move(back));
	CHECK(moved == alloc && back == alloc);
	back = std::move(moved);
	moved.deallocate(moved.allocate(1), 1);

	std::vector<int, A<int>> v(10, 1, alloc);
	std::vector<int, A<int>> w(std::move(v));
	v.clear();
	v.push_back(1);
	CHECK(w.size() == 10 && v.size() == 1);
}

/* construct and destroy as members, as of old */
template <template <typename> class A>
void
check_members(A<int> &alloc)
{
	A<std::string> strings(alloc);
	std::string *s = strings.allocate(1);
	strings.construct(s, "xxx");
	CHECK(*s == "xxx");
	strings.destroy(s);
#ifndef TEST_MEMKIND
	strings.construct(s, 3, 'x');
	CHECK(*s == "xxx");
	strings.destroy(s);
#endif
	strings.deallocate(s, 1);
}

template <template <typename> class A>
void
check_containers(A<int> &alloc)
{
	std::vector<int, A<int>> v(alloc);
	for (int i = 0; i < 100000; i++)
		v.push_back(i);
	CHECK(v[99999] == 99999);
	v.shrink_to_fit();

	std::vector<int, A<int>> w(std::move(v));
	CHECK(w.size() == 100000);
	std::vector<int, A<int>> copy(w);
	CHECK(copy == w && copy.get_allocator() == w.get_allocator());
	std::swap(copy, w);

	std::list<std::string, A<std::string>> l(alloc);
	l.emplace_back(100, 'x');
	l.emplace_front("front");
	CHECK(l.back().size() == 100);

	using pair = std::pair<const int, int>;
	std::map<int, int, std::less<int>, A<pair>> m(std::less<int>(), alloc);
	std::unordered_map<int, int, std::hash<int>, std::equal_to<int>,
	    A<pair>>
	    u(10, std::hash<int>(), std::equal_to<int>(), alloc);
	for (int i = 0; i < 1000; i++) {
		m[i] = i;
		u[i] = i;
	}
	CHECK(m.size() == 1000 && u.at(999) == 999);

	using string = std::basic_string<char, std::char_traits<char>, A<char>>;
	using inner = std::scoped_allocator_adaptor<A<string>>;
	std::vector<string, inner> strings((inner(alloc)));
	strings.emplace_back("a string that is too long to lie in the object");
	CHECK(strings[0].get_allocator() == alloc);
}

template <void (*check)(fixed::allocator<int> &)>
void
on_fixed()
{
	area a(32 * MIB);
	fixed::allocator<int> alloc(a.addr, a.size);

	check(alloc);
}

template <void (*check)(pmem::allocator<int> &)>
void
on_pmem()
{
	pmem::allocator<int> alloc(dir, 32 * MIB);

	check(alloc);
}

template <void (*check)(static_kind::allocator<int> &)>
void
on_static()
{
	static_kind::allocator<int> alloc(kinds::DEFAULT);
	static_kind::allocator<int> regular(kinds::REGULAR);

	check(alloc);
	check(regular);
}

template <void (*check)(hbw::allocator<int> &)>
void
on_hbw()
{
	hbw::allocator<int> alloc;

	check(alloc);
}

/* --- what each has of its own ---------------------------------------------------- */

void
test_fixed()
{
	area a(16 * MIB), b(16 * MIB);

	{
		fixed::allocator<int> alloc(a.addr, a.size);
		fixed::allocator<int> other(b.addr, b.size);

		CHECK(alloc != other);
		int *p = alloc.allocate(10);
		int *q = other.allocate(10);
		CHECK(a.holds(p) && b.holds(q));
		alloc.deallocate(p, 10);
		other.deallocate(q, 10);
		CHECK_THROWS(std::bad_alloc, alloc.allocate(5 * MIB));
		/* taken already */
		CHECK_THROWS(std::invalid_argument,
		    fixed::allocator<int>(a.addr, a.size));
	}
	/* The kind ends with the last copy, which may be a container's. */
	{
		std::vector<int, fixed::allocator<int>> v(
		    (fixed::allocator<int>(a.addr, a.size)));
		v.resize(100);
		CHECK(a.holds(v.data()));
		CHECK_THROWS(std::invalid_argument,
		    fixed::allocator<int>(a.addr, a.size));
	}
	fixed::allocator<int> again(a.addr, a.size);
}

void
test_fixed_at_null()
{
	CHECK_THROWS(
	    std::invalid_argument, fixed::allocator<int>(nullptr, MIB));
}

void
test_pmem()
{
	std::string name = dir;
	pmem::allocator<int> alloc(dir, 32 * MIB);
	pmem::allocator<int> other(name, 32 * MIB);
	pmem::allocator<int> careful(
	    dir, 32 * MIB, libmemkind::allocation_policy::CONSERVATIVE);
	pmem::allocator<int> careful_too(
	    name, 32 * MIB, libmemkind::allocation_policy::DEFAULT);

	check_containers<pmem::allocator>(careful);
	CHECK(alloc != other && careful != careful_too);
	CHECK_THROWS(std::invalid_argument, pmem::allocator<int>(dir, MIB));
	CHECK_THROWS(std::invalid_argument,
	    pmem::allocator<int>("/nonexistent/dir", 32 * MIB));
	CHECK_THROWS(
	    std::invalid_argument, pmem::allocator<int>(dir, 32 * MIB,
				       libmemkind::allocation_policy::MAX));
}

void
test_hbw()
{
	hbw::allocator<int> alloc;

	CHECK(alloc == hbw::allocator<wide>());
	int x = 0;
	const int &same = x;
	CHECK(alloc.address(x) == &x);
	CHECK(alloc.address(same) == &x);
	std::vector<int, hbw::allocator<int>> v(100, 1); /* made by itself */
	CHECK(v[99] == 1);
}

void
test_static()
{
	static_kind::allocator<int> alloc(kinds::DEFAULT);
	static_kind::allocator<int> regular(kinds::REGULAR);

	CHECK(alloc != regular);
	CHECK(alloc == static_kind::allocator<char>(kinds::DEFAULT));
	int *p = regular.allocate(1);
	CHECK(memkind_detect_kind(p) == MEMKIND_REGULAR);
	regular.deallocate(p, 1);
	CHECK_THROWS(std::runtime_error,
	    static_kind::allocator<int>(static_cast<kinds>(23)));
	CHECK_THROWS(std::runtime_error,
	    static_kind::allocator<int>(static_cast<kinds>(-1)));
}

/* Each name is the kind of that name. */
void
test_names_of_kinds()
{
	const struct {
		kinds name;
		memkind_t kind;
	} rows[] = {
	    {kinds::DEFAULT, MEMKIND_DEFAULT},
	    {kinds::HUGETLB, MEMKIND_HUGETLB},
	    {kinds::INTERLEAVE, MEMKIND_INTERLEAVE},
	    {kinds::HBW, MEMKIND_HBW},
	    {kinds::HBW_ALL, MEMKIND_HBW_ALL},
	    {kinds::HBW_HUGETLB, MEMKIND_HBW_HUGETLB},
	    {kinds::HBW_ALL_HUGETLB, MEMKIND_HBW_ALL_HUGETLB},
	    {kinds::HBW_PREFERRED, MEMKIND_HBW_PREFERRED},
	    {kinds::HBW_PREFERRED_HUGETLB, MEMKIND_HBW_PREFERRED_HUGETLB},
	    {kinds::HBW_INTERLEAVE, MEMKIND_HBW_INTERLEAVE},
	    {kinds::REGULAR, MEMKIND_REGULAR},
	    {kinds::DAX_KMEM, MEMKIND_DAX_KMEM},
	    {kinds::DAX_KMEM_ALL, MEMKIND_DAX_KMEM_ALL},
	    {kinds::DAX_KMEM_PREFERRED, MEMKIND_DAX_KMEM_PREFERRED},
	    {kinds::DAX_KMEM_INTERLEAVE, MEMKIND_DAX_KMEM_INTERLEAVE},
	    {kinds::HIGHEST_CAPACITY, MEMKIND_HIGHEST_CAPACITY},
	    {kinds::HIGHEST_CAPACITY_PREFERRED,
		MEMKIND_HIGHEST_CAPACITY_PREFERRED},
	    {kinds::HIGHEST_CAPACITY_LOCAL, MEMKIND_HIGHEST_CAPACITY_LOCAL},
	    {kinds::HIGHEST_CAPACITY_LOCAL_PREFERRED,
		MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED},
	    {kinds::LOWEST_LATENCY_LOCAL, MEMKIND_LOWEST_LATENCY_LOCAL},
	    {kinds::LOWEST_LATENCY_LOCAL_PREFERRED,
		MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED},
	    {kinds::HIGHEST_BANDWIDTH_LOCAL, MEMKIND_HIGHEST_BANDWIDTH_LOCAL},
	    {kinds::HIGHEST_BANDWIDTH_LOCAL_PREFERRED,
		MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED},
	};
	int nr = 0;
	for (const auto &row : rows) {
		CHECK(static_cast<int>(row.name) == (nr == 0 ? 0 : nr));
#ifndef TEST_MEMKIND
		CHECK(static_kind::allocator<int>(row.name).holder().get() ==
		      row.kind);
#endif
		if (memkind_check_available(row.kind) == MEMKIND_SUCCESS &&
		    row.name != kinds::HUGETLB) {
			static_kind::allocator<int> alloc(row.name);
			int *p = alloc.allocate(1);

			CHECK(memkind_detect_kind(p) == row.kind);
			alloc.deallocate(p, 1);
		}
		nr++;
	}
}

#ifdef DAXKIND_CXX_HAS_PMR
void
check_resource(std::pmr::memory_resource &resource)
{
	static const std::size_t aligns[] = {1, 4, 8, 16, 64, 4096, 65536};

	for (std::size_t align : aligns) {
		for (std::size_t bytes : {0, 1, 100, 100000}) {
			void *p = resource.allocate(bytes, align);

			CHECK(reinterpret_cast<std::uintptr_t>(p) % align == 0);
			std::memset(p, 1, bytes);
			resource.deallocate(p, bytes, align);
		}
	}
	volatile std::size_t all = SIZE_MAX; /* or the compiler complains */
	CHECK_THROWS(std::bad_alloc, resource.allocate(all));
	CHECK_THROWS(std::bad_alloc, resource.allocate(all / 2, 4096));
	CHECK(resource.is_equal(resource));
	CHECK(!resource.is_equal(*std::pmr::new_delete_resource()));

	std::pmr::map<int, std::pmr::string> m(&resource);
	for (int i = 0; i < 1000; i++)
		m[i] = "a string that is too long to lie in the object";
	CHECK(m[5].get_allocator().resource() == &resource);
	std::pmr::unsynchronized_pool_resource pool(&resource);
	std::pmr::vector<int> v(1000, &pool);
}

void
test_resources()
{
	area a(16 * MIB);
	static_kind::memory_resource of_default(kinds::DEFAULT);
	libmemkind::memory_resource of_kind(MEMKIND_DEFAULT);
	pmem::memory_resource of_file(
	    dir, 32 * MIB, libmemkind::allocation_policy::CONSERVATIVE);
	pmem::memory_resource of_other(std::string(dir), 32 * MIB);

	hbw::memory_resource of_hbw, of_other_hbw;

	check_resource(of_hbw);
	CHECK(of_hbw == of_other_hbw && of_hbw != of_default);
	{
		fixed::memory_resource of_area(a.addr, a.size);

		check_resource(of_area);
		void *p = of_area.allocate(100);
		CHECK(a.holds(p));
		of_area.deallocate(p, 100);
		CHECK(libmemkind::memory_resource(of_area.kind()) == of_area);
	}
	fixed::memory_resource again(a.addr, a.size);
	check_resource(of_default);
	check_resource(of_kind);
	check_resource(of_file);
	CHECK(of_default == of_kind && of_kind == of_default);
	CHECK(of_file != of_other);
	CHECK_THROWS(std::invalid_argument,
	    pmem::memory_resource("/nonexistent/dir", 32 * MIB));
}
#endif

/* --- the list ---------------------------------------------------------------------- */

struct test_case {
	const char *name;
	void (*run)();
};

#define ON_ALL(check)                                                       \
	{#check " (fixed)", on_fixed<check<fixed::allocator>>},             \
	    {#check " (pmem)", on_pmem<check<pmem::allocator>>},            \
	    {#check " (static)", on_static<check<static_kind::allocator>>}, \
	{                                                                   \
#check " (hbw)", on_hbw < check < hbw::allocator>>          \
	}

/* What decides how an object is passed and laid out: that of memkind 1.14, so
 * that objects which were compiled with either header can be linked. */
template <typename A>
void
check_abi(std::size_t size, bool is_trivial)
{
	CHECK(sizeof(A) == size);
	CHECK(std::is_standard_layout<A>::value);
	CHECK(std::is_empty<A>::value == (size == 1));
	CHECK(std::is_trivially_copyable<A>::value == is_trivial);
	CHECK(std::is_trivially_copy_constructible<A>::value == is_trivial);
	CHECK(std::is_trivially_move_constructible<A>::value == is_trivial);
	CHECK(std::is_trivially_destructible<A>::value == is_trivial);
}

void
test_abi()
{
	check_abi<hbw::allocator<int>>(1, false);
	check_abi<hbw::allocator<std::string>>(1, false);
	check_abi<fixed::allocator<int>>(sizeof(std::shared_ptr<int>), false);
	check_abi<pmem::allocator<int>>(sizeof(std::shared_ptr<int>), false);
	check_abi<static_kind::allocator<int>>(sizeof(memkind_t), true);
}

const test_case cases[] = {
    ON_ALL(check_types_and_blocks),
    ON_ALL(check_overflow),
    ON_ALL(check_alignment),
    ON_ALL(check_equality),
    ON_ALL(check_moved_from),
    ON_ALL(check_members),
    ON_ALL(check_containers),
    {"test_fixed", test_fixed},
    {"test_fixed_at_null", test_fixed_at_null},
    {"test_pmem", test_pmem},
    {"test_static", test_static},
    {"test_names_of_kinds", test_names_of_kinds},
    {"test_hbw", test_hbw},
    {"test_abi", test_abi},
#ifdef DAXKIND_CXX_HAS_PMR
    {"test_resources", test_resources},
#endif
};

} // namespace

/* All, or as tests/support/test_cases.h has it. */
int
main(int argc, char **argv)
{
	const char *only = std::getenv("DAXKIND_TEST_CASE");
	const char *tmp = std::getenv("TMPDIR");
	int nr_run = 0;

	dir = argc > 1 ? argv[1] : tmp != nullptr ? tmp : ".";
	if (std::getenv("DAXKIND_TEST_LIST") != nullptr) {
		for (const test_case &test : cases)
			std::printf("case %s\n", test.name);
#ifndef DAXKIND_CXX_HAS_PMR
		std::puts("ours test_resources");
#endif
		return 0;
	}
	for (const test_case &test : cases) {
		if (only != nullptr && std::strcmp(only, test.name) != 0)
			continue;
		test.run();
		nr_run++;
	}
	if (nr_run == 0)
		return 99;
#ifdef DAXKIND_CXX_HAS_PMR
	std::puts("allocators and memory resources");
#else
	std::puts("allocators");
#endif
	return 0;
}
