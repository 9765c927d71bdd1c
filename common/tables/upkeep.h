/* SPDX-License-Identifier: Apache-2.0 */
/* What kabao-store does once in a while so that its tables do not grow for ever: months of
 * wechat_event (months.h), old rows of command_result. What else is forgotten, others do:
 * effect_forget, bonus_entry_forget, scene_forget, verify_forget. */
#pragma once

#include "base/clock.h"
#include "tables/months.h"

#include <stdbool.h>

struct upkeep {
    bool busy; /* another instance is at it: nothing was done */
    struct months months;
    int64_t results; /* of commands, forgotten */
};

/* On a connection of its own, under a lock by name: one instance at a time. Ends soon after the
 * deadline; what is left is for the next time. What fails does not keep the rest from being done;
 * *out tells what was done in any case, err the first failure. */
MUST_CHECK enum status upkeep_run(const struct settings_mysql *mysql, int64_t keep_months,
                                  struct deadline until, struct upkeep *out, struct err *err);
