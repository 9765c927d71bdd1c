#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rows/s of common/db/writer beside single rows with autocommit, on a MariaDB of its own. KABAO_BIN names the build.
exec "$(dirname "${BASH_SOURCE[0]}")/../db/run.sh" "${KABAO_BIN:?}/../tests/db_bench"
