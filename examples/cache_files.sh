# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# cache_files.sh -- what the tests of tiered_cache share.

# 1000 files of 35 bytes to 28 KB under $1, 9 MB in all, the same in each run.
make_files() {
	mkdir "$1"
	awk -v dir="$1" 'BEGIN {
		srand(1)
		for (i = 0; i < 1000; i++) {
			name = dir "/" i
			nr_lines = 1 + int(800 * rand() * rand())
			for (line = 0; line < nr_lines; line++)
				printf "line %8d of file %5d: %9d\n", \
				    line, i, int(1e9 * rand()) >name
			close(name)
		}
	}'
}

# The number behind a key of the JSON's section, in file $1.
figure() {
	sed -n "/\"$2\"/s/.*\"$3\": \([0-9]*\).*/\1/p" "$1"
}
