#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format 14 writes it.
cd "$(dirname "$0")/../.." || exit 2
find common ingress workers tests -name '*.[ch]' -print0 |
    xargs -0 -r -n 20 -P "$(nproc)" clang-format-14 --dry-run -Werror
