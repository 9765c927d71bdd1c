/* SPDX-License-Identifier: Apache-2.0 */
/* The menu, and what the console has of menus and replies (wechat-api 10). */
#include "wxsim/calls.h"
#include "wxsim/errcode.h"
#include "wxsim/merge.h"

enum {
    BUTTONS_MAX = 3,
    SUBS_MAX = 5,
    NAME_MAX = 16,
    SUB_NAME_MAX = 60,
    KEY_MAX = 128,
    URL_MAX = 1024,
};

static const struct sim_field create_fields[] = {
    {"button", SIM_ARRAY, SIM_BUTTON_COUNT, 0},
};

/* What a button's type makes necessary. */
static const struct {
    const char *type;
    const char *needs;
} types[] = {
    {"click", "key"},
    {"view", "url"},
    {"miniprogram", "url"},
    {"miniprogram", "appid"},
    {"miniprogram", "pagepath"},
    {"scancode_push", "key"},
    {"scancode_waitmsg", "key"},
    {"pic_sysphoto", "key"},
    {"pic_photo_or_album", "key"},
    {"pic_weixin", "key"},
    {"location_select", "key"},
    {"media_id", "media_id"},
    {"view_limited", "media_id"},
    {"article_id", "article_id"},
    {"article_view_limited", "article_id"},
};

/* Of a button as the API takes it; those of the console ("value", "news_info", sub menus in a list)
 * are none. */
static const char *const members[] = {"name",     "type",     "key",        "url",        "appid",
                                      "pagepath", "media_id", "article_id", "sub_button", NULL};

/* The errcodes of a level of the menu. */
struct level {
    size_t name_max;
    int name;
    int type;
    int key;
    int url;
    int host;
};

static const struct level top_level = {NAME_MAX,       SIM_BUTTON_NAME, SIM_BUTTON_TYPE,
                                       SIM_BUTTON_KEY, SIM_BUTTON_URL,  SIM_BUTTON_HOST};
static const struct level sub_level = {SUB_NAME_MAX, SIM_SUB_NAME, SIM_SUB_TYPE,
                                       SIM_SUB_KEY,  SIM_SUB_URL,  SIM_SUB_HOST};

static int missing(const char *needs, const struct level *level)
{
    const struct str name = str_from(needs);

    if (str_eq(name, STR("key")))
        return level->key;
    if (str_eq(name, STR("url")))
        return level->url;
    if (str_eq(name, STR("media_id")))
        return SIM_BAD_MEDIA_ID;
    return str_eq(name, STR("appid")) ? SIM_BAD_APPID : SIM_NO_FIELD;
}

static int check_action(const struct json *button, const struct level *level)
{
    const struct str type = json_get_str(button, "type");
    const struct str url = json_get_str(button, "url");
    bool known = false;

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (!str_eq_cstr(type, types[i].type))
            continue;
        known = true;
        if (str_is_empty(json_get_str(button, types[i].needs)))
            return missing(types[i].needs, level);
    }
    if (!known)
        return level->type;
    if (json_get_str(button, "key").len > KEY_MAX)
        return level->key;
    if (url.len > URL_MAX)
        return level->url;
    if (!str_is_empty(url) && !str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
        return level->host;
    return SIM_OK;
}

static int check_name(const struct json *button, const struct level *level)
{
    const struct str name = json_get_str(button, "name");

    return name.len >= 1 && name.len <= level->name_max ? SIM_OK : level->name;
}

static int check_members(const struct json *button)
{
    for (struct json_iter i = json_iter(button); json_next(&i);)
        if (!sim_is_one_of(i.key, members))
            return SIM_BAD_ARGS;
    return SIM_OK;
}

static int check_sub(const struct json *button)
{
    int errcode = json_is(button, JSON_OBJECT) ? check_name(button, &sub_level) : SIM_BAD_ARGS;

    if (errcode != SIM_OK)
        return errcode;
    if (json_len(json_get(button, "sub_button")) > 0)
        return SIM_MENU_LEVEL;
    errcode = check_action(button, &sub_level);
    return errcode == SIM_OK ? check_members(button) : errcode;
}

static int check_button(const struct json *button)
{
    const struct json *subs = json_get(button, "sub_button");
    int errcode = json_is(button, JSON_OBJECT) ? check_name(button, &top_level) : SIM_BAD_ARGS;

    if (errcode == SIM_OK && subs != NULL && !json_is(subs, JSON_ARRAY))
        errcode = SIM_BAD_ARGS;
    if (errcode != SIM_OK)
        return errcode;
    if (json_len(subs) > SUBS_MAX)
        return SIM_SUB_COUNT;
    errcode = json_len(subs) == 0 ? check_action(button, &top_level) : SIM_OK;
    if (errcode == SIM_OK)
        errcode = check_members(button);
    for (size_t i = 0; errcode == SIM_OK && i < json_len(subs); i++)
        errcode = check_sub(json_at(subs, i));
    return errcode;
}

static int create(struct sim_call *call)
{
    const struct json *buttons = json_get(call->body, "button");
    struct json *copy = NULL;
    struct err err;
    int errcode = SIM_OK;

    if (json_len(buttons) < 1 || json_len(buttons) > BUTTONS_MAX)
        return SIM_BUTTON_COUNT;
    for (size_t i = 0; errcode == SIM_OK && i < json_len(buttons); i++)
        errcode = check_button(json_at(buttons, i));
    if (errcode != SIM_OK)
        return errcode;
    if (sim_merge(NULL, call->body, &copy, &err) != ST_OK)
        return SIM_BUSY;
    json_free(call->account->menu);
    call->account->menu = copy;
    call->account->menu_id = sim_next_id(call->world);
    call->account->totals[SIM_MENUS_CREATED]++;
    return SIM_OK;
}

static int get(struct sim_call *call)
{
    if (call->account->menu == NULL)
        return SIM_NO_MENU;
    jsonw_key(&call->w, STR("menu"));
    jsonw_object(&call->w);
    jsonw_key(&call->w, STR("button"));
    sim_value_write(json_get(call->account->menu, "button"), &call->w);
    jsonw_key_i64(&call->w, "menuid", call->account->menu_id);
    jsonw_object_end(&call->w);
    return SIM_OK;
}

static int delete (struct sim_call *call)
{
    json_free(call->account->menu);
    call->account->menu = NULL;
    call->account->totals[SIM_MENUS_DELETED]++;
    return SIM_OK;
}

/* A sub menu stands in a list of its own here. */
static void write_button(const struct json *button, struct jsonw *w)
{
    jsonw_object(w);
    for (struct json_iter i = json_iter(button); json_next(&i);) {
        jsonw_key(w, i.key);
        if (!str_eq(i.key, STR("sub_button"))) {
            sim_value_write(i.value, w);
            continue;
        }
        jsonw_object(w);
        jsonw_key(w, STR("list"));
        sim_value_write(i.value, w);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

/* The API's menu, else the console's. */
static int current(struct sim_call *call)
{
    const struct sim_account *account = call->account;
    const struct json *buttons = json_get(account->menu, "button");

    jsonw_key_i64(&call->w, "is_menu_open", account->menu != NULL || account->console_menu != NULL);
    jsonw_key(&call->w, STR("selfmenu_info"));
    if (account->menu == NULL && account->console_menu != NULL) {
        sim_value_write(account->console_menu, &call->w);
        return SIM_OK;
    }
    jsonw_object(&call->w);
    jsonw_key(&call->w, STR("button"));
    jsonw_array(&call->w);
    for (size_t i = 0; i < json_len(buttons); i++)
        write_button(json_at(buttons, i), &call->w);
    jsonw_array_end(&call->w);
    jsonw_object_end(&call->w);
    return SIM_OK;
}

static int autoreply(struct sim_call *call)
{
    if (call->account->autoreply == NULL) {
        jsonw_key_i64(&call->w, "is_add_friend_reply_open", 0);
        jsonw_key_i64(&call->w, "is_autoreply_open", 0);
        return SIM_OK;
    }
    for (struct json_iter i = json_iter(call->account->autoreply); json_next(&i);) {
        jsonw_key(&call->w, i.key);
        sim_value_write(i.value, &call->w);
    }
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/cgi-bin/menu/create", HTTP_POST, SIM_FIELDS(create_fields), .fn = create},
    {"/cgi-bin/menu/get", HTTP_GET, .bare = true, .fn = get},
    {"/cgi-bin/menu/delete", HTTP_GET, .fn = delete},
    {"/cgi-bin/get_current_selfmenu_info", HTTP_GET, .bare = true, .fn = current},
    {"/cgi-bin/get_current_autoreply_info", HTTP_GET, .bare = true, .fn = autoreply},
};
const struct sim_family SIM_MENU_CALLS = {rows, COUNT_OF(rows)};
