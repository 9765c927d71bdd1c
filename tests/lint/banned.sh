#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Functions nobody calls, functions only one place may call, warnings switched off, and lines every file must have.
cd "$(dirname "$0")/../.." || exit 2
status=0
sources=$(find common ingress workers tests -name '*.[ch]')

# Code of the files on stdin as path:line:text, without comments and the insides of strings.
code() {
    xargs -r awk '
    FNR == 1 { inside = 0 }
    {
        line = $0
        if (inside && !sub(/^.*\*\//, "", line)) next
        inside = 0
        gsub(/\\./, "", line); gsub(/"[^"]*"/, "\"\"", line); gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", line)
        sub(/\/\/.*/, "", line)
        if (sub(/\/\*.*/, "", line)) inside = 1
        print FILENAME ":" FNR ":" line
    }'
}

refuse() { # why, pattern of names; path:line:text on stdin
    found=$(grep -E ":.*(^|[^A-Za-z0-9_.>])($2)[[:space:]]*\(") || return 0
    printf '%s\n' "$found" | sed "s|^|$1: |"
    status=1
}

all=$(mktemp) && trap 'rm -f "$all"' EXIT
echo "$sources" | code >"$all"

refuse "banned" 'strcpy|strcat|v?sprintf|strncpy|strtok|atoi|atol|atoll|atof|sscanf|gets|alloca|rand|srand|localtime|gmtime|strerror|getenv|signal|system|popen' <"$all"
grep -v '^common/base/num\.c:' "$all" >"$all.rest"
refuse "only in base/num.c" 'strto(l|ll|ul|ull|d|f|imax|umax)' <"$all.rest"
# The adapters of libraries give back what their library allocated.
grep -vE '^(common/base/mem\.c|common/(codec|http|kafka|db|config|app)/|tests/)' "$all" >"$all.rest"
refuse "only in base/mem.c and library adapters" 'malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf' <"$all.rest"
rm -f "$all.rest"

# A finding of clang-tidy may be silenced by its name, with a reason beside it.
reasoned='NOLINT(NEXTLINE|BEGIN)?\([^)]+\): [A-Za-z]|NOLINTEND\([^)]+\)|/[*/] [A-Z].*NOLINT(NEXTLINE)?\([^)]+\)'
if grep -HnE '#[[:space:]]*pragma[[:space:]]+(GCC|clang)[[:space:]]+diagnostic|NOLINT' $sources | grep -vE "$reasoned"; then
    echo "a warning switched off without a name or a reason"
    status=1
fi
for file in $sources; do
    head -n 1 "$file" | grep -qxF '/* SPDX-License-Identifier: Apache-2.0 */' || { echo "$file: no SPDX line"; status=1; }
    case $file in *.h) grep -q '^#pragma once$' "$file" || { echo "$file: no #pragma once"; status=1; } ;; esac
done
exit $status
