#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cppcheck over every C file that BUILD compiles; analysis of unchanged files is kept in BUILD. Switched off:
# variableScope (the house declares at the head of a function), unusedStructMember (rows of tables read members by offset).
cd "$(dirname "$0")/../.." || exit 2
build=${1:?usage: cppcheck.sh BUILD}
mkdir -p "$build/cppcheck"
exec cppcheck --project="$build/compile_commands.json" --cppcheck-build-dir="$build/cppcheck" -j "$(nproc)" --quiet \
    --enable=warning,performance,portability,style --library=posix,gnu --inline-suppr \
    --suppress=missingIncludeSystem --suppress=variableScope --suppress=unusedStructMember --error-exitcode=1
