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

sim_call_fn sim_call_activate;
sim_call_fn sim_call_update_user;
sim_call_fn sim_call_temp_info;
sim_call_fn sim_call_decrypt;

sim_call_fn sim_call_ip_list;
sim_call_fn sim_call_quota_get;
sim_call_fn sim_call_clear_quota;

/* The card of a call's code, whatever its status; a custom code means nothing without its card_id.
 * An errcode, *out untouched then. */
int sim_find_card(const struct sim_call *call, struct sim_member **out);
