/* SPDX-License-Identifier: Apache-2.0 */
/* What kabaoctl reconcile tells at the end. */
#pragma once

#include "reconcile_pass.h"

/* Counts of each pass, and the cards that failed. To stdout: tables, or one object. */
MUST_CHECK enum status report_print(const struct ctl *ctl, struct db *db, const struct pass *passes,
                                    size_t count, struct err *err);
