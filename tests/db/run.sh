#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh PROGRAM [ARGUMENT...]: runs PROGRAM SOCKET PASSWORD_FILE [ARGUMENT...] beside a MariaDB of its own.
# shellcheck source=../../deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../deploy/lib.sh"

dir=$(mktemp -d /tmp/kabao-db.XXXXXX)
on_exit rm -rf "$dir"
on_exit "$KABAO_ROOT/deploy/mariadb.sh" stop "$dir"
"$KABAO_ROOT/deploy/mariadb.sh" start "$dir"
"$1" "$(cat "$dir/socket")" "$dir/password" "${@:2}"
