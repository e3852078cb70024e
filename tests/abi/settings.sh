#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Settings of the private jemalloc are compiled in and come from nowhere else:
# not from the link /etc/jemk_malloc.conf, the environment or a variable of the
# program.  With others heaps are corrupted (retain:true) or programs ended.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
fail() {
	echo "$*"
	exit 1
}

dir=$(cd "$top_builddir" && pwd)/.libs
for lib in libdaxkind.so libmemkind.so.0; do
	[ -e "$dir/$lib" ] || continue
	for name in /etc/jemk_malloc.conf JEMK_MALLOC_CONF; do
		! grep -q "$name" "$dir/$lib" || fail "$lib knows of $name"
	done
done

# It prints nothing but whether settings are as compiled in; jemalloc prints
# where each of its settings came from when confirm_conf is one.
san=$(nm -D --undefined-only "$dir/libdaxkind.so" | sed -n \
	-e 's/.*__asan_init.*/-fsanitize=address/p' \
	-e 's/.*__tsan_init.*/-fsanitize=thread/p' \
	-e 's/.*__ubsan_handle.*/-fsanitize=undefined/p' \
	-e 's/.*__gcov_.*/--coverage/p' | sort -u)
cat >"$tmp/program.c" <<'C'
#include <memkind.h>
#include <stdio.h>
#include <string.h>

#ifdef SETTINGS
const char *jemk_malloc_conf = SETTINGS;
const char *jemk_malloc_conf_2_conf_harder = SETTINGS;
#endif

static char Report[1 << 20];

/* The report comes in pieces. */
static void
collect(void *arg, const char *text)
{
	(void)arg;
	if (strlen(Report) + strlen(text) < sizeof(Report))
		strcat(Report, text);
}

int
main(void)
{
	void *block = memkind_malloc(MEMKIND_DEFAULT, 100);

	if (block == NULL)
		return 2;
	memkind_free(MEMKIND_DEFAULT, block);
	if (memkind_stats_print(collect, NULL, MEMKIND_STAT_PRINT_ALL) != 0)
		return 3;
	puts(strstr(Report, "opt.retain: false\n") != NULL ? "as built"
							   : "changed");
	return 0;
}
C
settings=confirm_conf:true,retain:true
# shellcheck disable=SC2086 # a list of flags
$CC $san -I"$top_srcdir/include" "$tmp/program.c" -o "$tmp/plain" \
	"$dir/libdaxkind.so"
# shellcheck disable=SC2086 # a list of flags
$CC $san -rdynamic -DSETTINGS="\"$settings\"" -I"$top_srcdir/include" \
	"$tmp/program.c" -o "$tmp/variables" "$dir/libdaxkind.so"
LD_LIBRARY_PATH=$dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# check WHAT COMMAND...: it says that all is as built, and nothing else
check() {
	what=$1
	shift
	"$@" >"$tmp/out" 2>&1 || { cat "$tmp/out"; fail "$what: status $?"; }
	[ "$(cat "$tmp/out")" = 'as built' ] || {
		cat "$tmp/out"
		fail "$what: settings come from outside"
	}
}
check 'as it is' "$tmp/plain"
check 'variables of the program' "$tmp/variables"
check 'the environment' env "JEMK_MALLOC_CONF=$settings" \
	"MALLOC_CONF=$settings" "$tmp/plain"

# The link, in an /etc of our own.
own_etc() { # command
	# shellcheck disable=SC2016 # the inner shell expands them
	unshare --mount ${as_root:+"$as_root"} sh -c '
		mount -t tmpfs none /etc && cp "$1/ld.so.cache" /etc/ &&
		ln -s "$2" /etc/jemk_malloc.conf &&
		ln -s "$2" /etc/malloc.conf && shift 2 && exec "$@"' \
		sh "$tmp" "$settings" "$@"
}
cp /etc/ld.so.cache "$tmp/" 2>/dev/null || : >"$tmp/ld.so.cache"
as_root=
[ "$(id -u)" -eq 0 ] || as_root=--map-root-user
if ! own_etc true 2>"$tmp/why"; then
	echo "skipped: no mount namespace with an /etc of our own: $(cat "$tmp/why")"
	exit 77
fi
check 'a link in /etc' own_etc "$tmp/plain"
echo 'settings are as built: by file, environment and variables'
