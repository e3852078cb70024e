#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_layers.sh [-C TREE] [BUILD]: hold src/ against utils/layers.txt.
#
# From the sources alone: a file includes its own folder or one of a lower
# layer, whose number is in the head of each header, and each library has a
# door; a function whose name says that it wants a lock begins with
# lock_assert_held().  With the folder of a build, from the symbols of its
# objects, too: what a file calls, or looks at, is defined in its own folder or in
# one of a lower layer, however it was declared; and files that use each other in
# a circle are those of layers.txt.
set -eu
LC_ALL=C
export LC_ALL
tree=$(dirname -- "$0")/..
if [ "${1-}" = -C ]; then
	tree=$2
	shift 2
fi
build=
if [ $# -gt 0 ]; then
	build=$(cd "$1" && pwd)
	[ -d "$build/src" ] || {
		echo "check_layers.sh: no objects in $build/src" >&2
		exit 2
	}
fi
cd "$tree"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# "FOLDER/FILE type symbol" of each object that has a source: the build may be
# older than that.  Those of the shared library, where there are two.
symbols() {
	[ -n "$build" ] || return 0
	find "$build/src" -name '*.o' | sort | while read -r object; do
		file=${object##*/}
		folder=${object#"$build/src/"}
		folder=${folder%%/*}
		case $object in
		*/.libs/*) ;;
		*) [ ! -e "${object%/*}/.libs/$file" ] || continue ;;
		esac
		file=${file##*-}
		file=$folder/${file%.o}
		[ ! -e "src/$file.c" ] ||
			nm -P "$object" | sed -n "s,^\([^ ]*\) \([A-Zviuw]\)\( .*\)*\$,$file \2 \1,p"
	done
}
symbols >"$tmp/symbols"
[ -z "$build" ] || [ -s "$tmp/symbols" ] || {
	echo "check_layers.sh: no objects in $build/src" >&2
	exit 2
}

# shellcheck disable=SC2046 # a list
awk -v has_build="$build" '
function complain(text) {
	print text
	bad = 1
}
function complain_here(text) { complain(FILENAME ":" FNR ": " text) }
function folder_of(file) { return substr(file, 1, index(file, "/") - 1) }
# A header and the source of the same name are one file, but for a header that
# several sources have for theirs.
function node_of(file, stem) {
	stem = file
	sub(/\.[ch]$/, "", stem)
	return file ~ /\.h$/ && sources_of[stem] > 1 ? file : stem
}
function uses(from, to, why) {
	if (from == to)
		return
	if ((from, to) in edge)
		return
	neighbours[from] = neighbours[from] " " to
	edge[from, to] = why
	nodes[from]
	nodes[to]
}
# Reach all that node uses, directly or not.
function visit(start, node, list, n, i) {
	n = split(neighbours[node], list, " ")
	for (i = 1; i <= n; i++) {
		if (!((start, list[i]) in reach)) {
			reach[start, list[i]]
			visit(start, list[i])
		}
	}
}
function sorted(text, list, n, i, j, t) {
	n = split(text, list, " ")
	for (i = 2; i <= n; i++) {
		t = list[i]
		for (j = i - 1; j > 0 && list[j] > t; j--)
			list[j + 1] = list[j]
		list[j + 1] = t
	}
	text = ""
	for (i = 1; i <= n; i++)
		text = text (i > 1 ? " " : "") list[i]
	return text
}

# --- utils/layers.txt
FILENAME == "utils/layers.txt" {
	if ($0 ~ /^#/ || NF == 0)
		next
	if ($1 == "door") {
		door[$2] = ""
		for (i = 3; i <= NF; i++)
			door[$2] = door[$2] (i > 3 ? " " : "") $i
	} else if ($1 == "upward") {
		upward[$2, $3] = FNR
		if (NF < 4)
			complain_here("upward needs a reason")
	} else if ($1 == "circle") {
		text = $0
		sub(/^circle /, "", text)
		why = text
		if (!sub(/:.*/, "", text) || why !~ /: *[^ ]/)
			complain_here("circle needs a reason")
		circle[sorted(text)] = FNR
	} else if ($1 ~ /^[0-9]+$/) {
		layer[$2] = $1
	} else {
		complain_here("what is " $1 "?")
	}
	next
}

# --- symbols
FILENAME ~ /\/symbols$/ {
	if ($2 ~ /^[Uvw]$/)
		wanted[++nr_wanted] = $1 " " $3
	else if ($2 != "N")
		definer[$3] = $1
	next
}

# --- sources
FNR == 1 {
	file = FILENAME
	sub(/^src\//, "", file)
	me = folder_of(file)
	if (!(me in layer))
		complain_here("folder " me " is not in utils/layers.txt")
	is_first = 1
}
match($0, /[(]layer [0-9]+/) {
	n = substr($0, RSTART + 7, RLENGTH - 7)
	if (me in layer && n != layer[me])
		complain_here("layer " n " in the head of a file of " me \
		    ", which is layer " layer[me])
	says_layer[FILENAME]
}
/^#define [A-Z_]+_H$/ && FILENAME ~ /\.h$/ && !(FILENAME in says_layer) {
	complain_here("the head does not say the layer")
}
/^[ \t]*#[ \t]*include[ \t]*"[a-z_]+\// {
	inc = $0
	sub(/^[^"]*"/, "", inc)
	sub(/".*/, "", inc)
	there = folder_of(inc)
	if (!(there in layer))
		complain_here("includes from " there ", which is no folder of src")
	else if (there != me && layer[there] >= layer[me])
		complain_here("layer " layer[me] ", " me ", includes from " \
		    there " of layer " layer[there])
	stem = inc
	sub(/\.h$/, "", stem)
	if (is_first && file ~ /\.c$/ && there == me)
		sources_of[stem]++
	is_first = 0
	included[++nr_included] = file " " inc
}
/^[ \t]*#[ \t]*include[ \t]*</ {
	inc = $0
	sub(/^[^<]*</, "", inc)
	sub(/>.*/, "", inc)
	for (d in door)
		if (index(inc, d) == 1 &&
		    index(" " door[d] " ", " " file " ") == 0)
			complain_here("only " door[d] " includes <" inc ">")
}
/^[a-z_]*_locked\(/ && FILENAME ~ /\.c$/ {
	wants_assert = 1
}
wants_assert && $0 == "{" {
	wants_assert = 2
	next
}
wants_assert == 2 {
	if ($0 !~ /^\tlock_assert_held\(/)
		complain_here("a _locked function begins with lock_assert_held()")
	wants_assert = 0
}
/^extern .*\(/ && FILENAME ~ /\.c$/ {
	complain_here("the declaration of a function belongs in a header")
}

END {
	if (has_build == "")
		exit bad
	for (i = 1; i <= nr_wanted; i++) {
		split(wanted[i], part, " ")
		from = part[1]
		if (!(part[2] in definer))
			continue
		to = definer[part[2]]
		me = folder_of(from)
		there = folder_of(to)
		if (there == me || layer[there] < layer[me])
			uses(from, to, part[2])
		else if ((from, to) in upward)
			used_upward[from, to]
		else
			complain("src/" from ".c: layer " layer[me] ", " me \
			    ", uses " part[2] " of src/" to ".c, layer " \
			    layer[there])
	}
	for (key in upward) {
		split(key, part, SUBSEP)
		if (!(key in used_upward))
			complain("utils/layers.txt:" upward[key] ": " part[1] \
			    " does not call " part[2] " any more")
	}

	for (i = 1; i <= nr_included; i++) {
		split(included[i], part, " ")
		uses(node_of(part[1]), node_of(part[2]), "#include \"" part[2] "\"")
	}
	for (node in nodes)
		visit(node, node)
	for (node in nodes) {
		if (!((node, node) in reach) || node in told)
			continue
		members = ""
		for (other in nodes) {
			if ((node, other) in reach && (other, node) in reach) {
				members = members " " other
				told[other]
			}
		}
		members = sorted(members)
		if (members in circle) {
			found[members]
			continue
		}
		complain("files in a circle: " members)
		n = split(members, list, " ")
		for (i = 1; i <= n; i++)
			for (j = 1; j <= n; j++)
				if ((list[i], list[j]) in edge)
					print "    " list[i] " uses " list[j] \
					    ": " edge[list[i], list[j]]
	}
	for (members in circle)
		if (!(members in found))
			complain("utils/layers.txt:" circle[members] \
			    ": no such circle any more: " members)
	exit bad
}' utils/layers.txt "$tmp/symbols" $(find src -name '*.[ch]' | sort)
