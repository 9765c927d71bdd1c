/* SPDX-License-Identifier: Apache-2.0 */
/* /sim/: what tests change and read. Not part of the platform. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "wxsim/api.h"
#include "wxsim/counters.h"
#include "wxsim/script.h"
#include "wxsim/world.h"

struct sim_control {
    struct sim_world *world;
    struct sim_script *script;
    struct sim_counters *counters;
};

/* Changes something as the body says, and may add members to the answer, whose object is open; what
 * it adds counts only with ST_OK. */
typedef enum status sim_change_fn(struct sim_control *c, struct json **body, struct jsonw *w,
                                  struct err *err);
/* Writes one value; ST_REJECT for parameters of the query that do not fit. */
typedef enum status sim_read_fn(const struct sim_control *c, const struct sim_request *request,
                                struct jsonw *w, struct err *err);

/* Carries a request to /sim/... out and fills answer with JSON; returns the HTTP status. */
int sim_control_run(struct sim_control *control, const struct sim_request *request,
                    struct buf *answer);
