#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Hold the #include lines of src/ against utils/layers.txt: a file includes its
# own layer or a lower one, and each library has one door.
set -eu
cd "$(dirname -- "$0")/.."
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
		for (i = 2; i <= NF; i++)
			layer[$i] = $1
	next
}
FNR == 1 {
	file = FILENAME
	sub(/.*\//, "", file)
	me = file
	sub(/\.[ch]$/, "", me)
	if (!(me in layer))
		complain(me " is not in utils/layers.txt")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	inc = $0
	sub(/^[^"]*"/, "", inc)
	sub(/\.h".*/, "", inc)
	if (inc in layer && layer[inc] > layer[me])
		complain("layer " layer[me] " includes " inc ".h of layer " \
		    layer[inc])
}
/^[ \t]*#[ \t]*include[ \t]*</ {
	inc = $0
	sub(/^[^<]*</, "", inc)
	sub(/>.*/, "", inc)
	for (d in door)
		if (index(inc, d) == 1 && file != door[d])
			complain("only " door[d] " includes <" inc ">")
}
/^extern .*\(/ && FILENAME ~ /\.c$/ {
	complain("the declaration of a function belongs in a header")
}
END { exit bad }' utils/layers.txt src/*.[ch]
