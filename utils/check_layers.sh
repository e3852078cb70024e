#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Hold the #include lines of src/ against utils/layers.txt: a file includes its
# own folder or one of a lower layer, and each library has one door.  A function
# whose name says that it wants a lock begins with lock_assert_held().
set -eu
cd "$(dirname -- "$0")/.."
# shellcheck disable=SC2046 # a list
awk '
function complain(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	bad = 1
}
FNR == NR {
	if ($0 ~ /^#/ || NF == 0)
		next
	if ($1 == "door")
		door[$2] = $3
	else
		layer[$2] = $1
	next
}
FNR == 1 {
	file = FILENAME
	sub(/^src\//, "", file)
	me = file
	sub(/\/.*/, "", me)
	if (!(me in layer))
		complain("folder " me " is not in utils/layers.txt")
}
/^[ \t]*#[ \t]*include[ \t]*"[a-z_]+\// {
	inc = $0
	sub(/^[^"]*"/, "", inc)
	sub(/\/.*/, "", inc)
	if (!(inc in layer))
		complain("includes from " inc ", which is no folder of src")
	else if (inc != me && layer[inc] >= layer[me])
		complain("layer " layer[me] ", " me ", includes from " inc \
		    " of layer " layer[inc])
}
/^[ \t]*#[ \t]*include[ \t]*</ {
	inc = $0
	sub(/^[^<]*</, "", inc)
	sub(/>.*/, "", inc)
	for (d in door)
		if (index(inc, d) == 1 && file != door[d])
			complain("only " door[d] " includes <" inc ">")
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
		complain("a _locked function begins with lock_assert_held()")
	wants_assert = 0
}
/^extern .*\(/ && FILENAME ~ /\.c$/ {
	complain("the declaration of a function belongs in a header")
}
END { exit bad }' utils/layers.txt $(find src -name '*.[ch]' | sort)
