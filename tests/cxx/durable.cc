// SPDX-License-Identifier: BSD-2-Clause
/*
 * durable.cc -- durable kinds in C++: typed roots, walks and traces, and containers
 * that another process goes on with.  Compiled and run at each standard by
 * allocators.sh.
 *
 * durable DIRECTORY
 * durable FILE STEP   what a process of its own does; it fails by its status
 */
#include <daxkind_cxx.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                     \
	do {                                                                 \
		if (!(condition)) {                                          \
			std::fprintf(stderr, "%s:%d: %s failed\n", __FILE__, \
			    __LINE__, #condition);                           \
			std::exit(1);                                        \
		}                                                            \
	} while (0)

namespace
{

const std::size_t MIB = std::size_t(1) << 20;
const char *self;

/* A durable kind for as long as this lives. */
class store
{
public:
	store(const std::string &path, daxkind_restart_how how)
	{
		daxkind_restart restart;
		bool is_new = how == DAXKIND_RESTART_NEW;

		if (daxkind_region_open_durable(path.c_str(),
			is_new ? 16 * MIB : 0, "durable.cc 1",
			is_new ? DAXKIND_CREATE : 0, &region) < 0) {
			std::fprintf(stderr, "%s\n", daxkind_last_error());
			std::exit(1);
		}
		CHECK(daxkind_region_restart(
			  region, &restart, sizeof(restart)) == 0);
		CHECK(restart.how == how);
		CHECK(daxkind_kind_create(region, &the_kind) == 0);
	}
	store(const store &) = delete;
	store &operator=(const store &) = delete;
	~store()
	{
		CHECK(memkind_destroy_kind(the_kind) == 0);
		CHECK(daxkind_region_close(region) == 0);
	}
	libmemkind::durable_kind
	kind() const
	{
		return libmemkind::durable_kind(the_kind);
	}

private:
	daxkind_region *region;
	memkind_t the_kind;
};

/* --- roots, walks and traces ------------------------------------------------------ */

struct node {
	node *next;
	int nr;
	node(node *n, int i) : next(n), nr(i)
	{
	}
};

struct throwing {
	throwing()
	{
		throw std::runtime_error("no");
	}
};

std::size_t
count_blocks(const libmemkind::durable_kind &kind)
{
	std::size_t nr = 0;

	CHECK(kind.walk([&nr](void *, std::size_t) {
		nr++;
		return DAXKIND_KEEP;
	}));
	return nr;
}

void
make_nodes(const libmemkind::durable_kind &kind)
{
	node *last = nullptr;

	for (int i = 0; i < 10; i++) {
		void *at = memkind_malloc(kind.get(), sizeof(node));

		CHECK(at != nullptr);
		last = new (at) node(last, i);
		CHECK(memkind_malloc(kind.get(), 100) != nullptr);
	}
	kind.set_root("list", last);
}

void
test_roots(const std::string &path)
{
	{
		store s(path, DAXKIND_RESTART_NEW);
		auto kind = s.kind();

		CHECK(kind.root<int>("none") == nullptr);
		int &number = kind.root_or_make<int>("number", 42);
		CHECK(number == 42 && kind.root<int>("number") == &number);
		number = 43;
		make_nodes(kind);
		bool is_thrown = false;
		std::size_t nr = count_blocks(kind);
		try {
			kind.root_or_make<throwing>("throwing");
		} catch (const std::runtime_error &) {
			is_thrown = true;
		}
		CHECK(is_thrown && count_blocks(kind) == nr);
		int local = 0;
		try {
			is_thrown = false;
			kind.set_root("local", &local);
		} catch (const std::system_error &error) {
			is_thrown = error.code().value() == EINVAL &&
				    std::strlen(error.what()) > 10;
		}
		CHECK(is_thrown);
	}
	store s(path, DAXKIND_RESTART_CLEAN);
	auto kind = s.kind();
	CHECK(kind.root_or_make<int>("number", 42) == 43);
	int nr = 10;
	for (auto n = kind.root<node>("list"); n != nullptr; n = n->next)
		CHECK(n->nr == --nr);
	CHECK(nr == 0);
	kind.unset_root("number");
	CHECK(kind.root<int>("number") == nullptr);
	CHECK(count_blocks(kind) == 21);
}

void
test_walks(const std::string &path)
{
	store s(path, DAXKIND_RESTART_CLEAN);
	auto kind = s.kind();
	int nr = 0;
	bool is_thrown = false;

	CHECK(!kind.walk(
	    [&nr](void *, std::size_t) { return ++nr == 5 ? -1 : 0; }));
	CHECK(nr == 5);
	try {
		kind.walk([](void *, std::size_t) -> int {
			throw std::runtime_error("stop");
		});
	} catch (const std::runtime_error &) {
		is_thrown = true;
	}
	CHECK(is_thrown);
	try {
		is_thrown = false;
		libmemkind::durable_kind(MEMKIND_DEFAULT)
		    .walk([](void *, std::size_t) { return DAXKIND_KEEP; });
	} catch (const std::system_error &error) {
		is_thrown = error.code().value() == ENOTSUP;
	}
	CHECK(is_thrown);
	/* A trace that fails frees nothing. */
	try {
		is_thrown = false;
		kind.trace(
		    [](void *, std::size_t, const libmemkind::trace_marker &) {
			    throw std::runtime_error("stop");
		    });
	} catch (const std::runtime_error &) {
		is_thrown = true;
	}
	CHECK(is_thrown && count_blocks(kind) == 21);
	auto result = kind.trace([](void *block, std::size_t,
				     const libmemkind::trace_marker &marker) {
		marker.mark(static_cast<node *>(block)->next);
	});
	CHECK(result.kept_blocks == 10 && result.freed_blocks == 11);
	result = kind.trace();
	CHECK(result.kept_blocks == 10 && result.freed_blocks == 0);
	CHECK(result.kept_bytes >= 10 * sizeof(node));
	kind.walk([](void *, std::size_t) { return DAXKIND_DROP; });
	CHECK(count_blocks(kind) == 0);
	kind.unset_root("list");
}

/* --- containers -------------------------------------------------------------------- */

#ifdef DAXKIND_CXX_HAS_PMR
using text = std::pmr::string;
using map_of_texts = std::pmr::map<text, text>;

struct contents {
	explicit contents(std::pmr::memory_resource *r)
	    : texts(r), numbers(r), lists(r)
	{
	}
	map_of_texts texts;
	std::pmr::unordered_map<int, text> numbers;
	std::pmr::vector<std::pmr::vector<int>> lists;
};

text
text_of(int nr, std::pmr::memory_resource *r)
{
	/* Some are in the string itself, some in a block. */
	return text(static_cast<std::size_t>(nr % 60 + 1),
	    static_cast<char>('a' + nr % 26), r);
}

text
key_of(int nr, std::pmr::memory_resource *r)
{
	return text(std::to_string(nr), r) + text_of(nr, r);
}

void
add(contents &c, int from, int to, std::pmr::memory_resource *r)
{
	for (int i = from; i < to; i++) {
		c.texts.emplace(key_of(i, r), text_of(i * 7, r));
		c.numbers[i] = text_of(i, r);
		c.lists.emplace_back();
		for (int j = 0; j <= i % 30; j++)
			c.lists.back().push_back(i + j);
	}
}

void
check_contents(const contents &c, int nr, std::pmr::memory_resource *r)
{
	auto size = static_cast<std::size_t>(nr);

	CHECK(c.texts.size() == size && c.numbers.size() == size &&
	      c.lists.size() == size);
	CHECK(c.texts.get_allocator().resource() == r);
	for (int i = 0; i < nr; i++) {
		CHECK(c.texts.at(key_of(i, r)) == text_of(i * 7, r));
		CHECK(c.numbers.at(i) == text_of(i, r));
		const auto &list = c.lists[static_cast<std::size_t>(i)];
		CHECK(list.size() == static_cast<std::size_t>(i % 30 + 1));
		CHECK(list.back() == i + i % 30);
	}
}

contents &
contents_of(const libmemkind::durable_kind &kind, std::pmr::memory_resource *&r)
{
	r = kind.resource("resource");
	return kind.root_or_make<contents>("contents", r);
}

/* Each step finds what the last one left, and leaves nr entries. */
void
run_step(const std::string &path, daxkind_restart_how how, int nr, int nr_after)
{
	store s(path, how);
	std::pmr::memory_resource *r;
	contents &c = contents_of(s.kind(), r);

	check_contents(c, nr, r);
	if (nr > 0) {
		/* All of it is reached, and nothing else is there. */
		auto result = s.kind().trace();
		CHECK(result.freed_blocks == 0);
		CHECK(result.kept_blocks == count_blocks(s.kind()));
	}
	/* What others left can be changed and freed. */
	while (c.lists.size() > static_cast<std::size_t>(nr / 2))
		c.lists.pop_back();
	for (int i = nr / 2; i < nr; i++) {
		CHECK(c.texts.erase(key_of(i, r)) == 1);
		CHECK(c.numbers.erase(i) == 1);
	}
	add(c, nr / 2, nr_after, r);
	check_contents(c, nr_after, r);
}

enum step {
	STEP_ADD = 1,
	STEP_GET_KILLED
};

int
run_in_child(const std::string &path, step what)
{
	std::string number = std::to_string(static_cast<int>(what));
	pid_t pid = fork();
	int status = -1;

	CHECK(pid >= 0);
	if (pid == 0) {
		execl(self, self, path.c_str(), number.c_str(),
		    static_cast<char *>(nullptr));
		_exit(127);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

void
test_containers(const std::string &path)
{
	run_step(path, DAXKIND_RESTART_NEW, 0, 500);
	run_step(path, DAXKIND_RESTART_CLEAN, 500, 800);
	CHECK(run_in_child(path, STEP_ADD) == 0);
	int status = run_in_child(path, STEP_GET_KILLED);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	store s(path, DAXKIND_RESTART_CRASH);
	std::pmr::memory_resource *r;
	contents &c = contents_of(s.kind(), r);
	check_contents(c, 1200, r);
	CHECK(s.kind().trace().freed_blocks == 0);
	/* All goes. */
	c.~contents();
	memkind_free(s.kind().get(), &c);
	s.kind().unset_root("contents");
	CHECK(count_blocks(s.kind()) == 1);
}

int
child(const std::string &path, int what)
{
	if (what == STEP_ADD) {
		run_step(path, DAXKIND_RESTART_CLEAN, 800, 1000);
		return 0;
	}
	store s(path, DAXKIND_RESTART_CLEAN);
	std::pmr::memory_resource *r;
	contents &c = contents_of(s.kind(), r);
	check_contents(c, 1000, r);
	add(c, 1000, 1200, r);
	(void)std::raise(SIGKILL);
	return 1;
}
#else
int
child(const std::string &, int)
{
	return 1;
}
#endif

} // namespace

int
main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 2)
		return child(argv[1], std::atoi(argv[2]));
	std::string path = std::string(argc > 1 ? argv[1] : ".") + "/durable";
	(void)unlink(path.c_str());
	test_roots(path);
	test_walks(path);
	(void)unlink(path.c_str());
#ifdef DAXKIND_CXX_HAS_PMR
	test_containers(path);
	(void)unlink(path.c_str());
	std::puts("durable kinds and containers in them");
#else
	std::puts("durable kinds");
#endif
	return 0;
}
