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

static const struct sim_field activate_fields[] = {
    {"membership_number", SIM_STRING, SIM_NO_FIELD, 20},
    {"code", SIM_STRING, SIM_NO_CODE, 20},
    {"card_id", SIM_STRING, SIM_OK, 32},
    {"background_pic_url", SIM_STRING, SIM_OK, 128},
    {"activate_begin_time", SIM_UINT, SIM_OK, 0},
    {"activate_end_time", SIM_UINT, SIM_OK, 0},
    {"init_bonus", SIM_INT, SIM_OK, 0},
    {"init_bonus_record", SIM_STRING, SIM_OK, 32},
    {"init_balance", SIM_INT, SIM_OK, 0},
    {"init_custom_field_value1", SIM_STRING, SIM_OK, 12},
    {"init_custom_field_value2", SIM_STRING, SIM_OK, 12},
    {"init_custom_field_value3", SIM_STRING, SIM_OK, 12},
};

static const struct sim_field update_user_fields[] = {
    {"code", SIM_STRING, SIM_NO_CODE, 20},
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"background_pic_url", SIM_STRING, SIM_OK, 128},
    {"bonus", SIM_INT, SIM_OK, 0},
    {"add_bonus", SIM_INT, SIM_OK, 0},
    {"record_bonus", SIM_STRING, SIM_OK, 42},
    {"balance", SIM_INT, SIM_OK, 0},
    {"add_balance", SIM_INT, SIM_OK, 0},
    {"record_balance", SIM_STRING, SIM_OK, 42},
    {"custom_field_value1", SIM_STRING, SIM_OK, 12},
    {"custom_field_value2", SIM_STRING, SIM_OK, 12},
    {"custom_field_value3", SIM_STRING, SIM_OK, 12},
    {"notify_optional", SIM_OBJECT, SIM_OK, 0},
    {"notify_optional.is_notify_bonus", SIM_BOOL, SIM_OK, 0},
    {"notify_optional.is_notify_balance", SIM_BOOL, SIM_OK, 0},
    {"notify_optional.is_notify_custom_field1", SIM_BOOL, SIM_OK, 0},
    {"notify_optional.is_notify_custom_field2", SIM_BOOL, SIM_OK, 0},
    {"notify_optional.is_notify_custom_field3", SIM_BOOL, SIM_OK, 0},
};

static const struct sim_field temp_info_fields[] = {
    {"activate_ticket", SIM_STRING, SIM_NO_FIELD, 0},
};

static const struct sim_field decrypt_fields[] = {
    {"encrypt_code", SIM_STRING, SIM_NO_FIELD, 0},
};

static const struct sim_field quota_get_fields[] = {
    {"cgi_path", SIM_STRING, SIM_BAD_ARGS, 0},
};

static const struct sim_field clear_quota_fields[] = {
    {"appid", SIM_STRING, SIM_NO_APPID, 0},
};

static const struct sim_call_def rows[] = {
    {"/cgi-bin/token", HTTP_GET, .no_token = true, .bare = true, .fn = sim_call_token},
    {"/cgi-bin/stable_token", HTTP_POST, .no_token = true, .bare = true,
     SIM_FIELDS(stable_token_fields), .fn = sim_call_stable_token},
    {"/cgi-bin/ticket/getticket", HTTP_GET, .fn = sim_call_ticket},
    {"/card/membercard/userinfo/get", HTTP_POST, SIM_FIELDS(userinfo_get_fields),
     .fn = sim_call_userinfo_get},
    {"/card/membercard/activate", HTTP_POST, SIM_FIELDS(activate_fields), .fn = sim_call_activate},
    {"/card/membercard/updateuser", HTTP_POST, SIM_FIELDS(update_user_fields),
     .fn = sim_call_update_user},
    {"/card/membercard/activatetempinfo/get", HTTP_POST, SIM_FIELDS(temp_info_fields),
     .fn = sim_call_temp_info},
    {"/card/code/decrypt", HTTP_POST, SIM_FIELDS(decrypt_fields), .fn = sim_call_decrypt},
    {"/card/code/get", HTTP_POST, SIM_FIELDS(code_get_fields), .fn = sim_call_code_get},
    {"/cgi-bin/getcallbackip", HTTP_GET, .bare = true, .fn = sim_call_ip_list},
    {"/cgi-bin/get_api_domain_ip", HTTP_GET, .bare = true, .fn = sim_call_ip_list},
    {"/cgi-bin/openapi/quota/get", HTTP_POST, SIM_FIELDS(quota_get_fields),
     .fn = sim_call_quota_get},
    {"/cgi-bin/clear_quota", HTTP_POST, SIM_FIELDS(clear_quota_fields), .fn = sim_call_clear_quota},
};

static const struct sim_family member_calls = {rows, COUNT_OF(rows)};

static const struct sim_family *const families[] = {
    &member_calls,       &SIM_CREATE_CALLS,  &SIM_TEMPLATE_CALLS, &SIM_FORM_CALLS,
    &SIM_CODE_CALLS,     &SIM_DEPOSIT_CALLS, &SIM_SHARE_CALLS,    &SIM_CELL_CALLS,
    &SIM_PAY_RULE_CALLS, &SIM_NOTICE_CALLS,  &SIM_CUSTOM_CALLS,   &SIM_MENU_CALLS,
    &SIM_USER_CALLS,     &SIM_SCENE_CALLS,   &SIM_MEDIA_CALLS,    &SIM_LOGIN_CALLS,
};

size_t sim_calls_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(families); i++)
        count += families[i]->count;
    return count;
}

const struct sim_call_def *sim_calls_at(size_t number)
{
    size_t i = 0;

    while (number >= families[i]->count)
        number -= families[i++]->count;
    return &families[i]->rows[number];
}

size_t sim_calls_number(const struct sim_call_def *def)
{
    size_t number = 0;

    while (sim_calls_at(number) != def)
        number++;
    return number;
}

const struct sim_call_def *sim_calls_find(struct str path)
{
    for (size_t i = 0; i < COUNT_OF(families); i++)
        for (size_t at = 0; at < families[i]->count; at++)
            if (str_eq_cstr(path, families[i]->rows[at].path))
                return &families[i]->rows[at];
    return NULL;
}
