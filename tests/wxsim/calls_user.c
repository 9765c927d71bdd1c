/* SPDX-License-Identifier: Apache-2.0 */
/* Followers, and the check of the network (wechat-api 3.6, 11.2). */
#include "wxsim/calls.h"
#include "wxsim/errcode.h"

enum { PAGE_BYTES_MAX = 512 * 1024 };

static const struct sim_field check_fields[] = {
    {"action", SIM_STRING, SIM_BAD_ARGS, 0},
    {"check_operator", SIM_STRING, SIM_BAD_ARGS, 0},
};

static const char *const languages[] = {"zh_CN", "zh_TW", "en", NULL};
static const char *const actions[] = {"all", "dns", "ping", NULL};
static const char *const operators[] = {"DEFAULT", "CHINANET", "UNICOM", "CAP", NULL};

static const struct sim_choice check_choices[] = {
    {"action", actions, SIM_BAD_ARGS},
    {"check_operator", operators, SIM_BAD_ARGS},
};

static void write_follower(struct jsonw *w, const struct sim_user *user)
{
    jsonw_key_i64(w, "subscribe", user->subscribe);
    jsonw_key_str(w, "openid", str_from(user->openid));
    jsonw_key_str(w, "unionid", str_from(user->unionid));
    if (!user->subscribe)
        return;
    jsonw_key_str(w, "language", str_from(user->language));
    jsonw_key_i64(w, "subscribe_time", user->subscribe_time);
    jsonw_key_str(w, "remark", user->remark != NULL ? str_from(user->remark) : STR(""));
    jsonw_key_i64(w, "groupid", 0);
    jsonw_key(w, STR("tagid_list"));
    jsonw_array(w);
    jsonw_array_end(w);
    jsonw_key_str(w, "subscribe_scene", str_from(user->subscribe_scene));
    jsonw_key_i64(w, "qr_scene", user->qr_scene);
    jsonw_key_str(w, "qr_scene_str",
                  user->qr_scene_str != NULL ? str_from(user->qr_scene_str) : STR(""));
}

static int info(struct sim_call *call)
{
    const struct str lang = sim_call_param(call, "lang");
    const struct sim_user *user =
        sim_world_user(call->world, str_from(call->account->appid), sim_call_param(call, "openid"));

    if (!str_is_empty(lang) && !sim_is_one_of(lang, languages))
        return SIM_BAD_ARGS;
    if (user == NULL)
        return SIM_BAD_OPENID;
    write_follower(&call->w, user);
    return SIM_OK;
}

static bool follows(const struct sim_call *call, const struct sim_user *user)
{
    return user->subscribe && str_eq_cstr(str_from(user->appid), call->account->appid);
}

static int64_t count_followers(const struct sim_call *call)
{
    int64_t count = 0;

    for (struct map_entry *e = map_first(call->world->users); e != NULL; e = map_next(e))
        count += follows(call, map_value(e));
    return count;
}

/* The entry behind the user's own; NULL: none. */
static struct map_entry *entry_after(const struct map *users, const struct sim_user *user)
{
    struct map_entry *e = map_first(users);

    while (e != NULL && map_value(e) != user)
        e = map_next(e);
    return e != NULL ? map_next(e) : NULL;
}

/* One page, from the follower behind next_openid on. */
static int list(struct sim_call *call)
{
    const struct str next = sim_call_param(call, "next_openid");
    const struct map *users = call->world->users;
    AUTO(buf_done) struct buf text = BUF_INIT(PAGE_BYTES_MAX);
    struct jsonw w = {.out = &text};
    struct map_entry *e = map_first(users);
    const char *last = "";
    int64_t count = 0;

    if (!str_is_empty(next)) {
        const struct sim_user *from =
            sim_world_user(call->world, str_from(call->account->appid), next);

        if (from == NULL)
            return SIM_BAD_OPENID;
        e = entry_after(users, from);
    }
    jsonw_array(&w);
    for (; e != NULL && count < call->account->page_size; e = map_next(e)) {
        const struct sim_user *user = map_value(e);

        if (!follows(call, user))
            continue;
        jsonw_str(&w, str_from(user->openid));
        last = user->openid;
        count++;
    }
    jsonw_array_end(&w);
    jsonw_key_i64(&call->w, "total", count_followers(call));
    jsonw_key_i64(&call->w, "count", count);
    if (count > 0) {
        jsonw_key(&call->w, STR("data"));
        jsonw_object(&call->w);
        jsonw_key(&call->w, STR("openid"));
        jsonw_raw(&call->w, buf_str(&text));
        jsonw_object_end(&call->w);
    }
    jsonw_key_str(&call->w, "next_openid", str_from(last));
    return SIM_OK;
}

/* The lists as the account has them. */
static int write_check(struct sim_call *call, const struct json *lists)
{
    for (struct json_iter i = json_iter(lists); json_next(&i);) {
        AUTO(buf_done) struct buf text = BUF_INIT(PAGE_BYTES_MAX);

        json_format(i.value, &text);
        jsonw_key(&call->w, i.key);
        jsonw_raw(&call->w, buf_str(&text));
    }
    return SIM_OK;
}

static int check_callback(struct sim_call *call)
{
    const struct str action = sim_call_str(call, "action");
    const int errcode = sim_choices_check(call->body, check_choices, COUNT_OF(check_choices));

    if (errcode != SIM_OK)
        return errcode;
    if (call->account->callback_check != NULL)
        return write_check(call, call->account->callback_check);
    if (!str_eq(action, STR("ping"))) {
        jsonw_key(&call->w, STR("dns"));
        jsonw_raw(&call->w, STR("[{\"ip\":\"203.0.113.7\",\"real_operator\":\"UNICOM\"}]"));
    }
    if (!str_eq(action, STR("dns"))) {
        jsonw_key(&call->w, STR("ping"));
        jsonw_raw(&call->w, STR("[{\"ip\":\"203.0.113.7\",\"from_operator\":\"UNICOM\","
                                "\"package_loss\":\"0%\",\"time\":\"23.079ms\"}]"));
    }
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/cgi-bin/user/info", HTTP_GET, .bare = true, .fn = info},
    {"/cgi-bin/user/get", HTTP_GET, .bare = true, .fn = list},
    {"/cgi-bin/callback/check", HTTP_POST, SIM_FIELDS(check_fields), .fn = check_callback},
};
const struct sim_family SIM_USER_CALLS = {rows, COUNT_OF(rows)};
