# SPDX-License-Identifier: BSD-2-Clause
# What a header declares itself, from the output of cc -E with line markers:
#
#	awk -v header=FILE -f declared.awk
#
# prints "function NAME", "variable NAME", "inline NAME" for a function with a
# body, "class NAME" and "member NAME" for a function of a class.  Of C++ there
# are the names with their namespaces, and the public members of all classes
# but for constructors and operators.  A namespace "internal" or "detail" is not
# for users: of what is in it only members are printed, since classes that are
# for users inherit them.

/^# [0-9]+ "/ {
	name = $3
	gsub(/"/, "", name)
	is_own = name == header
	next
}
is_own && !/^#/ { text = text " " $0 }

END {
	gsub(/"[^"]*"/, "\"\"", text)
	while (match(text, /__attribute__ *\(\(([^()]|\([^()]*\))*\)\)/))
		text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
	gsub(/[ \t]+/, " ", text)

	# Of each open brace: what it holds, and where names in it belong.
	depth = 0
	inside[0] = "file"
	scope[0] = ""
	is_public[0] = 1
	while (match(text, /[;{}]/)) {
		statement = statement substr(text, 1, RSTART - 1)
		mark = substr(text, RSTART, 1)
		text = substr(text, RSTART + 1)
		trim()
		if (mark == "{")
			open_brace()
		else if (mark == ";")
			declare("function")
		else
			depth--
		statement = ""
	}
	if (depth != 0) {
		print header ": braces do not match" >"/dev/stderr"
		exit 1
	}
}

# Labels of access are no part of what follows them.
function trim() {
	sub(/^ +/, "", statement)
	while (match(statement, /^(public|private|protected) ?: ?/)) {
		is_public[depth] = statement ~ /^public/
		statement = substr(statement, RLENGTH + 1)
	}
}

function open_brace(    what, where, words) {
	what = "body"
	where = scope[depth]
	if (statement ~ /^extern ""/) {
		what = inside[depth]
	} else if (statement ~ /^namespace /) {
		what = "namespace"
		split(statement, words, / +/)
		where = where words[2] "::"
	} else if (statement ~ /^(template ?<[^(]*> ?)?class [a-z_]+[^(]*$/) {
		what = "class"
		sub(/^(template ?<[^(]*> ?)?class /, "", statement)
		sub(/[^a-z_].*/, "", statement)
		if (is_for_users(where))
			print "class " where statement
		class[depth + 1] = statement
	} else {
		declare("inline")
	}
	depth++
	inside[depth] = what
	scope[depth] = where
	is_public[depth] = what != "class"
}

function is_for_users(where) {
	return where !~ /(internal|detail)::/
}

# sort: of what has a parameter list.
function declare(sort,    name) {
	name = statement
	if (inside[depth] == "body" || !is_public[depth] ||
	    statement ~ /^(typedef|using|friend) / || statement ~ /operator/)
		return
	if (statement ~ /^[^=]*\(/) {
		sub(/ ?\(.*/, "", name)
		sub(/.*[^A-Za-z0-9_~]/, "", name)
		if (inside[depth] == "class") {
			if (name != class[depth] && name !~ /~/)
				print "member " name
		} else if (is_for_users(scope[depth])) {
			print (scope[depth] == "" ? sort : "inline"), \
			    scope[depth] name
		}
	} else if (statement ~ /^extern /) {
		sub(/ ?(\[[^]]*\])? ?$/, "", name)
		sub(/.*[ *]/, "", name)
		print "variable", name
	}
}
