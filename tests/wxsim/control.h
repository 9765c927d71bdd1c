/* SPDX-License-Identifier: Apache-2.0 */
/* /sim/: what tests change and read. Not part of the platform. */
#pragma once

#include "base/buf.h"
#include "http/server.h"
#include "wxsim/counters.h"
#include "wxsim/script.h"
#include "wxsim/world.h"

struct sim_control {
    struct sim_world *world;
    struct sim_script *script;
    struct sim_counters *counters;
};

/* Carries a request to /sim/... out and fills answer with JSON; returns the HTTP status. */
int sim_control_run(struct sim_control *control, enum http_method method, struct str path,
                    struct str body, struct buf *answer);
