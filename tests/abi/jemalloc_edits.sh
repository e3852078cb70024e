#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# utils/jemalloc changes a few places of jemalloc's source.  Where it does not
# find one of them it stops and says so, before anything is compiled.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# The places, as far as the script looks at them, in a source that has no
# configure that works.
make_source() {
	rm -rf "$tmp/source"
	mkdir -p "$tmp/source/src"
	cat >"$tmp/source/src/conf.c" <<'C'
static const char *
obtain_malloc_conf(unsigned which_source, char buf[PATH_MAX + 1]) {
	linklen = readlink("/etc/malloc.conf", buf, PATH_MAX);
}
	static const char *opts_explain[MALLOC_CONF_NSOURCES] = {
	    "string specified via --with-malloc-conf",
	    "string pointed to by the global variable malloc_conf",
	    "malloc_conf_2_conf_harder",
	};
C
	cat >"$tmp/source/src/arena.c" <<'C'
		bin->stats.curslabs = 0;
static void
arena_dalloc_bin(tsdn_t *tsdn, arena_t *arena, edata_t *edata, void *ptr) {
	malloc_mutex_lock(tsdn, &bin->lock);
}
C
	echo '	ecache_dalloc(tsdn, pac, ehooks, &pac->ecache_dirty, edata);' \
		>"$tmp/source/src/pac.c"
	echo '		addr = extent_alloc_mmap(NULL, size, alignment,' \
		'&zero, &commit);' >"$tmp/source/src/base.c"
	cat >"$tmp/source/src/ctl.c" <<'C'
				ctl_arena_stats_t	astats;
			ret->astats = &cont->astats;
	ql_tail_insert(&ctl_arenas->destroyed, ctl_arena, destroyed_link);
C
	cat >"$tmp/source/src/jemalloc.c" <<'C'
	for (i = 0; i < 9; i++) {
	prof_postfork_parent(tsd_tsdn(tsd));
	prof_postfork_child(tsd_tsdn(tsd));
C
	printf '%s\n' '#!/bin/sh' 'echo configured; exit 1' \
		>"$tmp/source/configure"
	chmod +x "$tmp/source/configure"
}

# expect TEXT: it fails, and its output has TEXT
expect() {
	if DAXKIND_JEMALLOC_SRC=$tmp/source "$top_srcdir/utils/jemalloc" \
		--prefix "$tmp/prefix" >"$tmp/out" 2>&1; then
		echo "it did not fail"
		exit 1
	fi
	grep -q -e "$1" "$tmp/out" || {
		cat "$tmp/out"
		echo "not said: $1"
		exit 1
	}
}

make_source
expect 'failed: .*configure' # all places were found
grep -qx configured "$tmp/out" || { cat "$tmp/out"; exit 1; }
for file in conf.c arena.c base.c ctl.c pac.c jemalloc.c; do
	make_source
	echo 'int elsewhere;' >"$tmp/source/src/$file"
	expect "$file.*: cannot "
	! grep -qx configured "$tmp/out" ||
		{ echo "built without the change of $file"; exit 1; }
done
make_source
echo 'readlink("/etc/jemk_malloc.conf");' >>"$tmp/source/src/conf.c"
expect 'still looks for settings'
make_source
rm "$tmp/source/src/jemalloc.c"
expect 'has no src/jemalloc.c'
echo 'each change that finds nothing is an error'
