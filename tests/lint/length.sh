#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No source file over 600 lines: longer ones hold more than one idea.
cd "$(dirname "$0")/../.." || exit 2
find common ingress workers tests deploy .ci -type f \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' \) -exec wc -l {} + |
    awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines, 600 at most"; bad = 1 } END { exit bad }'
