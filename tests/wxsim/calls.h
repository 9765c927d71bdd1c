/* SPDX-License-Identifier: Apache-2.0 */
/* Every simulated call as a row. A new one is a row in calls.c and a function in the calls_*.c of
 * its family. */
#pragma once

#include "wxsim/api.h"

extern const struct sim_call_def SIM_CALLS[];
extern const size_t SIM_CALL_COUNT;

const struct sim_call_def *sim_calls_find(struct str path); /* NULL: no such path */

sim_call_fn sim_call_token;
sim_call_fn sim_call_stable_token;
sim_call_fn sim_call_ticket;

sim_call_fn sim_call_userinfo_get;
sim_call_fn sim_call_code_get;

sim_call_fn sim_call_ip_list;
sim_call_fn sim_call_quota_get;
sim_call_fn sim_call_clear_quota;
