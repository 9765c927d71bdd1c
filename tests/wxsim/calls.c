/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/calls.h"

#include "wxsim/errcode.h"

static const struct sim_field stable_token_fields[] = {
    {"grant_type", SIM_STRING, SIM_BAD_GRANT, 0},
    {"appid", SIM_STRING, SIM_NO_APPID, 0},
    {"secret", SIM_STRING, SIM_NO_SECRET, 0},
    {"force_refresh", SIM_BOOL, SIM_OK, 0},
};

static const struct sim_field userinfo_get_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"code", SIM_STRING, SIM_NO_CODE, 20},
};

/* card_id is asked for by the handler: only custom codes need it. */
static const struct sim_field code_get_fields[] = {
    {"code", SIM_STRING, SIM_NO_CODE, 20},
    {"card_id", SIM_STRING, SIM_OK, 32},
    {"check_consume", SIM_BOOL, SIM_OK, 0},
};

static const struct sim_field quota_get_fields[] = {
    {"cgi_path", SIM_STRING, SIM_BAD_ARGS, 0},
};

static const struct sim_field clear_quota_fields[] = {
    {"appid", SIM_STRING, SIM_NO_APPID, 0},
};

#define FIELDS(rows) .fields = (rows), .field_count = COUNT_OF(rows)

const struct sim_call_def SIM_CALLS[] = {
    {"/cgi-bin/token", HTTP_GET, .no_token = true, .bare = true, .fn = sim_call_token},
    {"/cgi-bin/stable_token", HTTP_POST, .no_token = true, .bare = true,
     FIELDS(stable_token_fields), .fn = sim_call_stable_token},
    {"/cgi-bin/ticket/getticket", HTTP_GET, .fn = sim_call_ticket},
    {"/card/membercard/userinfo/get", HTTP_POST, FIELDS(userinfo_get_fields),
     .fn = sim_call_userinfo_get},
    {"/card/code/get", HTTP_POST, FIELDS(code_get_fields), .fn = sim_call_code_get},
    {"/cgi-bin/getcallbackip", HTTP_GET, .bare = true, .fn = sim_call_ip_list},
    {"/cgi-bin/get_api_domain_ip", HTTP_GET, .bare = true, .fn = sim_call_ip_list},
    {"/cgi-bin/openapi/quota/get", HTTP_POST, FIELDS(quota_get_fields), .fn = sim_call_quota_get},
    {"/cgi-bin/clear_quota", HTTP_POST, FIELDS(clear_quota_fields), .fn = sim_call_clear_quota},
};
const size_t SIM_CALL_COUNT = COUNT_OF(SIM_CALLS);

const struct sim_call_def *sim_calls_find(struct str path)
{
    for (size_t i = 0; i < SIM_CALL_COUNT; i++)
        if (str_eq_cstr(path, SIM_CALLS[i].path))
            return &SIM_CALLS[i];
    return NULL;
}
