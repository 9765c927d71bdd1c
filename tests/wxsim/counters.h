/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked and answered, by path. */
#pragma once

#include "base/attr.h"
#include "codec/jsonw.h"
#include "wxsim/api.h"
#include "wxsim/script.h"

#include <stdint.h>

struct sim_counters;

struct sim_counters *sim_counters_new(void); /* NULL when memory is short */
void sim_counters_free(struct sim_counters *c);
DECLARE_FREEP(struct sim_counters, sim_counters_free)
void sim_counters_reset(struct sim_counters *c);

/* One call: its fault, or with none (or a scripted errcode) the errcode answered. def NULL counts
 * as path "other". */
void sim_counters_add(struct sim_counters *c, const struct sim_call_def *def, enum sim_fault fault,
                      int errcode, bool carried_out);
/* {"calls":{path:{"total","carried_out","errcodes":{},"faults":{}}},"tokens":{appid:{kind:{"fetches",
 * "fresh"},"last":[{"kind","fresh","at_ms"}]}}} */
void sim_counters_write(const struct sim_counters *c, const struct sim_world *world,
                        struct jsonw *w);
