#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lower never includes higher, and a third-party header appears in one folder only: layers.txt says which.
cd "$(dirname "$0")/../.." || exit 2
find common ingress workers tests -name '*.[ch]' -exec grep -HnE '^[[:space:]]*#[[:space:]]*include' {} + |
    awk -F: '
    function refuse(why) { print $1 ":" $2 ": " why; bad = 1 }
    function quoted(path, header,    own, module, n, parts, i) {
        own = path
        while (own != "" && !(own in allowed)) if (!sub(/\/[^\/]*$/, "", own)) own = ""
        module = header; sub(/\/.*/, "", module)
        if (header !~ /\// || !(module in is_module) || path ~ "^common/" module "/") return
        n = split(allowed[own], parts, " ")
        for (i = 1; i <= n; i++) if (parts[i] == module || parts[i] == header) return
        refuse(own " may not include \"" header "\"")
    }
    function vendor(path, header,    name) {
        for (name in home)
            if (index(header, name) == 1 && index(path, home[name] "/") != 1 && path !~ "^tests/[^w]")
                refuse("<" header "> belongs to " home[name])
    }
    FILENAME != "-" {
        n = split($0, word, " ")
        if (word[1] == "vendor") home[word[2]] = word[3]
        if (word[1] != "layer") next
        allowed[word[2]] = ""
        for (i = 3; i <= n; i++) allowed[word[2]] = allowed[word[2]] " " word[i]
        if (sub(/^common\//, "", word[2])) is_module[word[2]] = 1
        next
    }
    match($0, /"[^"]+"/) { quoted($1, substr($0, RSTART + 1, RLENGTH - 2)) }
    match($0, /<[^>]+>/) { vendor($1, substr($0, RSTART + 1, RLENGTH - 2)) }
    END { exit bad }' tests/lint/layers.txt -
