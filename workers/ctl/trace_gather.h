/* SPDX-License-Identifier: Apache-2.0 */
/* All that topics and tables know of what is sought, as a tale. */
#pragma once

#include "trace_rows.h"

/* db: NULL where there is none; then records tell all there is to tell. is_list: of an owner's
 * events, which are not looked for where their keys do not lead. tale: initialised; what it held
 * is dropped. */
MUST_CHECK enum status trace_gather(const struct ctl *ctl, struct db *db, struct sought *s,
                                    bool is_list, struct tale *tale, struct err *err);
