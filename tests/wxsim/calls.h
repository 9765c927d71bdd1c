/* SPDX-License-Identifier: Apache-2.0 */
/* Every simulated call as a row. A new one is a row and a function in the calls_*.c of its family;
 * a new family is a line here and in calls.c. */
#pragma once

#include "wxsim/api.h"

struct sim_family {
    const struct sim_call_def *rows;
    size_t count;
};

/* NULL: no such path. */
const struct sim_call_def *sim_calls_find(struct str path);
/* Calls are numbered from 0 to the count. */
size_t sim_calls_count(void);
const struct sim_call_def *sim_calls_at(size_t number);
size_t sim_calls_number(const struct sim_call_def *def);

#define SIM_FIELDS(list) .fields = (list), .field_count = COUNT_OF(list)

extern const struct sim_family SIM_CREATE_CALLS;
extern const struct sim_family SIM_TEMPLATE_CALLS;
extern const struct sim_family SIM_FORM_CALLS;
extern const struct sim_family SIM_CODE_CALLS;
extern const struct sim_family SIM_DEPOSIT_CALLS;
extern const struct sim_family SIM_SHARE_CALLS;
extern const struct sim_family SIM_CELL_CALLS;
extern const struct sim_family SIM_PAY_RULE_CALLS;
extern const struct sim_family SIM_NOTICE_CALLS;
extern const struct sim_family SIM_CUSTOM_CALLS;
extern const struct sim_family SIM_MENU_CALLS;
extern const struct sim_family SIM_USER_CALLS;
extern const struct sim_family SIM_SCENE_CALLS;
extern const struct sim_family SIM_MEDIA_CALLS;
extern const struct sim_family SIM_LOGIN_CALLS;

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

/* SIM_OK and the call's account is the one named, or 41002, 40013, 41004, 40125. */
int sim_check_credentials(struct sim_call *call, struct str appid, struct str secret);
/* The card of a call's code, whatever its status; a custom code means nothing without its card_id.
 * An errcode, *out untouched then. */
int sim_find_card(const struct sim_call *call, struct sim_member **out);
/* The template that the call's card_id names, deleted ones too; 41012, 40073. */
int sim_find_template(const struct sim_call *call, struct str card_id, struct sim_template **out);
/* The same, and 40078 when it was deleted. */
int sim_find_living(const struct sim_call *call, struct str card_id, struct sim_template **out);
/* The next number of the platform's own: large, as the platform's are (wechat-api 0). */
int64_t sim_next_id(struct sim_world *world);
