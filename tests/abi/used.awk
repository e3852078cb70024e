# SPDX-License-Identifier: BSD-2-Clause
# What C and C++ sources use, comments and texts left out: "name NAME" for any
# name, with its namespaces, and "call NAME" for one that is called, or stands in
# a row of a table.  What begins in the first column is a definition or for the
# preprocessor.

FNR == 1 { in_comment = 0 }
{
	line = $0
	if (in_comment) {
		if (!sub(/^.*\*\//, " ", line))
			next
		in_comment = 0
	}
	gsub(/\\./, "", line) # no quotation mark is left but those of texts
	gsub(/"[^"]*"/, "\"\"", line)
	gsub(/'[^']*'/, "0", line)
	while (match(line, /\/\*/)) {
		rest = substr(line, RSTART + 2)
		line = substr(line, 1, RSTART - 1) " "
		if (!match(rest, /\*\//)) {
			in_comment = 1
			break
		}
		line = line substr(rest, RSTART + 2)
	}
	sub(/\/\/.*/, "", line)
	if (line !~ /^[ \t]/)
		next
	is_row = line ~ /^[ \t]+(\{.*|[A-Za-z0-9_]+)\},?$/
	while (match(line, /[A-Za-z_][A-Za-z0-9_:]*/)) {
		name = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		print "name", name
		if (line ~ /^(<[A-Za-z0-9_:, ]*>)?\(/ || (is_row && line ~ /^[,}]/))
			print "call", name
	}
}
