#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over every C file that BUILD (configured with clang) compiles. What passed is remembered in BUILD under a
# hash of the file, all headers and the settings, so that a second run looks only at what changed.
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${1:?usage: tidy.sh BUILD}" && pwd) || exit 2
passed=$build/tidy
mkdir -p "$passed"
common=$(find common ingress workers tests -name '*.h' -print0 | sort -z |
    xargs -0 cat .clang-tidy tests/.clang-tidy "$build/CMakeCache.txt" | sha256sum | cut -c1-32)
export common passed build
sed -n 's/^  "file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sort -u |
    xargs -P "$(nproc)" -I{} sh -c '
        stamp=$passed/$( { echo "$common $1"; cat "$1"; } | sha256sum | cut -c1-32)
        [ -f "$stamp" ] && exit 0
        if found=$(clang-tidy-14 --quiet -p "$build" "$1" 2>&1); then : >"$stamp"; else
            printf "%s\n" "$found" | grep -v "warnings generated"
            exit 1
        fi' tidy {}
