/* SPDX-License-Identifier: Apache-2.0 */
/* Template messages and subscription notices (wechat-api 9.1). */
#include "codec/utf8.h"
#include "wxsim/calls.h"
#include "wxsim/card_pushes.h"
#include "wxsim/errcode.h"

enum { BODY_MAX = 256 * 1024 };

static const struct sim_field template_fields[] = {
    {"touser", SIM_STRING, SIM_BAD_OPENID, 0},
    {"template_id", SIM_STRING, SIM_BAD_TEMPLATE_ID, 0},
    {"url", SIM_STRING, SIM_OK, 0},
    {"miniprogram", SIM_OBJECT, SIM_OK, 0},
    {"miniprogram.appid", SIM_STRING, SIM_OK, 0},
    {"miniprogram.pagepath", SIM_STRING, SIM_OK, 0},
    {"client_msg_id", SIM_STRING, SIM_OK, 0},
    {"data", SIM_OBJECT, SIM_BAD_DATA, 0},
};

static const struct sim_field subscribe_fields[] = {
    {"touser", SIM_STRING, SIM_BAD_OPENID, 0},
    {"template_id", SIM_STRING, SIM_BAD_TEMPLATE_ID, 0},
    {"page", SIM_STRING, SIM_OK, 0},
    {"miniprogram", SIM_OBJECT, SIM_OK, 0},
    {"miniprogram.appid", SIM_STRING, SIM_OK, 0},
    {"miniprogram.pagepath", SIM_STRING, SIM_OK, 0},
    {"data", SIM_OBJECT, SIM_BAD_DATA, 0},
};

/* What a value may be, by the beginning of its key. */
static const struct {
    const char *prefix;
    size_t characters;
    bool ascii;
} value_rules[] = {
    {"thing", 20, false},
    {"character_string", 32, true},
    {"phrase", 5, false},
};

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    return true;
}

static bool value_fits(struct str key, const struct json *entry)
{
    const struct json *value = json_get(entry, "value");
    const struct str text = json_str(value);

    if (!json_is(entry, JSON_OBJECT) || value == NULL ||
        (!str_is_set(text) && !json_is(value, JSON_INT) && !json_is(value, JSON_DOUBLE)))
        return false;
    for (size_t i = 0; i < COUNT_OF(value_rules); i++)
        if (str_starts(key, str_from(value_rules[i].prefix)) &&
            (utf8_length(text) > value_rules[i].characters ||
             (value_rules[i].ascii && !is_ascii(text))))
            return false;
    return true;
}

static bool is_declared(const struct json *keys, struct str key)
{
    for (size_t i = 0; i < json_len(keys); i++)
        if (str_eq(json_str(json_at(keys, i)), key))
            return true;
    return false;
}

/* With the template's keys exactly, where the account declared them. */
static int check_data(const struct json *data, const struct json *keys)
{
    for (struct json_iter i = json_iter(data); json_next(&i);)
        if (!value_fits(i.key, i.value) || (keys != NULL && !is_declared(keys, i.key)))
            return SIM_BAD_DATA;
    for (size_t i = 0; i < json_len(keys); i++)
        if (json_get(data, json_str(json_at(keys, i)).ptr) == NULL)
            return SIM_BAD_DATA;
    return SIM_OK;
}

static int check_template(const struct sim_call *call, bool subscribe)
{
    const struct sim_account *account = call->account;
    const struct sim_wording *wording =
        map_get(account->wordings, sim_call_str(call, "template_id"));

    if (map_len(account->wordings) > 0 && (wording == NULL || wording->subscribe != subscribe))
        return SIM_BAD_TEMPLATE_ID;
    return check_data(json_get(call->body, "data"), wording != NULL ? wording->keys : NULL);
}

static int find_user(const struct sim_call *call, struct sim_user **out)
{
    struct sim_user *user =
        sim_world_user(call->world, str_from(call->account->appid), sim_call_str(call, "touser"));

    if (user == NULL)
        return SIM_BAD_OPENID;
    *out = user;
    return SIM_OK;
}

static int tell(struct sim_call *call, struct sim_user *user, enum sim_told kind, int64_t msgid)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct sim_message message = {
        .kind = kind,
        .to = user,
        .template_id = sim_call_str(call, "template_id"),
        .client_msg_id = sim_call_str(call, "client_msg_id"),
        .msgid = msgid,
        .at_ms = call->now_ms,
    };

    json_format(call->body, &body);
    message.body = buf_str(&body);
    if (!buf_ok(&body) || !sim_messages_add(&call->world->messages, &message))
        return SIM_BUSY;
    user->told[kind]++;
    return SIM_OK;
}

static int send_template(struct sim_call *call)
{
    struct sim_user *user;
    int64_t msgid;
    int errcode = find_user(call, &user);

    if (errcode == SIM_OK)
        errcode = check_template(call, false);
    if (errcode != SIM_OK)
        return errcode;
    if (!user->subscribe)
        return SIM_NOT_FOLLOWING;
    msgid = sim_messages_repeated(&call->world->messages, user, sim_call_str(call, "client_msg_id"),
                                  call->now_ms);
    if (msgid == 0) {
        msgid = sim_next_id(call->world);
        errcode = tell(call, user, SIM_BY_TEMPLATE, msgid);
        if (errcode == SIM_OK && !sim_push_job_finish(call->world, user, msgid))
            errcode = SIM_BUSY;
        call->account->totals[SIM_TEMPLATE_MESSAGES] += errcode == SIM_OK;
    }
    jsonw_key_i64(&call->w, "msgid", msgid);
    return errcode;
}

static int send_subscribe(struct sim_call *call)
{
    struct sim_user *user;
    int errcode = find_user(call, &user);

    if (errcode == SIM_OK)
        errcode = check_template(call, true);
    if (errcode == SIM_OK && !sim_user_takes(user, sim_call_str(call, "template_id")))
        errcode = SIM_NOT_SUBSCRIBED;
    if (errcode == SIM_OK)
        errcode = tell(call, user, SIM_BY_SUBSCRIBE, 0);
    call->account->totals[SIM_SUBSCRIBE_MESSAGES] += errcode == SIM_OK;
    return errcode;
}

static const struct sim_call_def rows[] = {
    {"/cgi-bin/message/template/send", HTTP_POST, SIM_FIELDS(template_fields), .fn = send_template},
    {"/cgi-bin/message/subscribe/bizsend", HTTP_POST, SIM_FIELDS(subscribe_fields),
     .fn = send_subscribe},
};
const struct sim_family SIM_NOTICE_CALLS = {rows, COUNT_OF(rows)};
