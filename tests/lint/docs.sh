#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the code knows, the documents name: every setting (from BUILD's programs) in deploy/config/kabao.ini or a README,
# every metric in a README, every topic in schemas/asyncapi.yaml or a README, of which deploy/OPERATING.md is one; each of
# the larger folders has a README.
cd "$(dirname "$0")/../.." || exit 2
build=${1:?usage: docs.sh BUILD}
status=0
readmes=$(find . -name 'build*' -prune -o -name .git -prune -o '(' -name README.md -o -name OPERATING.md ')' -print)

named_in() { # what, files...; one name a line on stdin
    what=$1
    shift
    count=0
    while read -r name; do
        count=$((count + 1))
        grep -qswF -e "$name" "$@" && continue
        echo "$what $name stands in none of: $(echo "$@" | tr '\n' ' ')"
        status=1
    done
    [ "$count" -gt 0 ] || { echo "no $what found in the code: has its list moved?"; status=1; }
}

names=$(mktemp) && trap 'rm -f "$names"' EXIT
"$build/bin/kabao-ingress" --describe-config | sed -n 's/^#\{0,1\} *\([a-z][a-z0-9_.]*\) *=.*/\1/p' | sort -u >"$names"
named_in setting deploy/config/kabao.ini $readmes <"$names"
grep -oE '"kabao_[a-z_]+"' common/metrics/catalog.h | tr -d '"' | sort -u >"$names"
named_in metric $readmes <"$names"
grep -oE '"(event|state|cmd|result|dlq|redrive)\.[a-z]*"' common/kafka/topics.c | tr -d '"' | sort -u >"$names"
named_in topic schemas/asyncapi.yaml $readmes <"$names"

for folder in . ingress workers common schemas tests tests/e2e tests/wxsim deploy; do
    [ -f "$folder/README.md" ] || { echo "$folder: no README.md"; status=1; }
done
exit $status
