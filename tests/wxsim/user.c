/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/user.h"

#include "base/mem.h"
#include "base/num.h"
#include "wxsim/errcode.h"
#include "wxsim/merge.h"
#include "wxsim/texts.h"

#include <string.h>

#define ROW(name, max, needed)                                         \
    {                                                                  \
#        name, offsetof(struct sim_user, name), (max), (needed), false \
    }

/* clang-format off */
static const struct sim_text rows[] = {
    ROW(appid, 32, true),
    ROW(openid, 28, true),
    ROW(unionid, 64, false),
    ROW(remark, 120, false),
    ROW(language, 8, false),
    ROW(subscribe_scene, 48, false),
    ROW(qr_scene_str, 64, false),
    ROW(contact, 8, false),
};

/* clang-format on */

enum { TWO_DAYS_S = 48 * 3600 };

static const char *const others[] = {"subscribe", "refuses",      "blocks",        "subscribe_time",
                                     "qr_scene",  "last_contact", "subscriptions", NULL};

/* How many messages within how long after the last contact (wechat-api 9.2); 0: any number. */
static const struct {
    const char *contact;
    int64_t messages;
    int64_t within_s;
} windows[] = {
    {"message", 5, TWO_DAYS_S}, {"menu", 3, 60}, {"follow", 3, 60}, {"scan", 3, 60},
    {"pay", 0, TWO_DAYS_S},
};

const char *sim_told_name(enum sim_told kind)
{
    static const char *const names[SIM_TOLD_KINDS] = {
        [SIM_BY_TEMPLATE] = "template",
        [SIM_BY_SUBSCRIBE] = "subscribe",
        [SIM_BY_CUSTOM] = "custom",
        [SIM_BY_SYSTEM] = "system",
    };

    return names[kind];
}

struct sim_user *sim_user_new(int64_t now_s)
{
    struct sim_user *user = mem_zalloc(sizeof(*user));

    if (user == NULL)
        return NULL;
    user->subscribe = true;
    user->subscribe_time = now_s;
    user->language = mem_strdup("zh_CN");
    user->subscribe_scene = mem_strdup("ADD_SCENE_QR_CODE");
    user->contact = mem_strdup("message");
    if (user->language != NULL && user->subscribe_scene != NULL && user->contact != NULL)
        return user;
    sim_user_free(user);
    return NULL;
}

static char *text_copy(struct str text)
{
    char *out = mem_alloc(text.len + 1);

    if (out == NULL)
        return NULL;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return out;
}

/* The text becomes the slot's; false: there is none, the slot stays. */
static bool replace(char **slot, char *text)
{
    if (text == NULL)
        return false;
    mem_free(*slot);
    *slot = text;
    return true;
}

void sim_user_free(void *user)
{
    struct sim_user *u = user;

    if (u == NULL)
        return;
    sim_texts_done(rows, COUNT_OF(rows), u);
    json_free(u->subscriptions);
    mem_free(u);
}

bool sim_user_name(struct sim_user *user, struct str appid, struct str openid)
{
    user->appid = text_copy(appid);
    user->openid = text_copy(openid);
    return user->appid != NULL && user->openid != NULL;
}

static enum status read_flags(struct sim_user *user, const struct json *from, struct err *err)
{
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {
        {"subscribe", &user->subscribe}, {"refuses", &user->refuses}, {"blocks", &user->blocks}};

    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (json_has(from, flags[i].key) && !json_bool(json_get(from, flags[i].key), flags[i].flag))
            return err_reject(err, REASON_SCHEMA, "schema", "%s must be true or false",
                              flags[i].key);
    return ST_OK;
}

static enum status read_numbers(struct sim_user *user, const struct json *from, struct err *err)
{
    const struct {
        const char *key;
        int64_t *number;
    } numbers[] = {{"subscribe_time", &user->subscribe_time},
                   {"qr_scene", &user->qr_scene},
                   {"last_contact", &user->last_contact_s}};

    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (json_has(from, numbers[i].key) &&
            !json_get_i64(from, numbers[i].key, numbers[i].number))
            return err_reject(err, REASON_SCHEMA, "schema", "%s must be a number", numbers[i].key);
    if (json_has(from, "last_contact"))
        user->since_contact = 0;
    return ST_OK;
}

static enum status read_subscriptions(struct sim_user *user, const struct json *from,
                                      struct err *err)
{
    const struct json *list = json_get(from, "subscriptions");
    struct json *copy = NULL;
    enum status rc;

    if (list == NULL)
        return ST_OK;
    if (!json_is(list, JSON_ARRAY))
        return err_reject(err, REASON_SCHEMA, "schema", "subscriptions must be an array");
    rc = sim_merge(NULL, list, &copy, err);
    if (rc != ST_OK)
        return rc;
    json_free(user->subscriptions);
    user->subscriptions = copy;
    return ST_OK;
}

static bool is_contact(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(windows); i++)
        if (name != NULL && strcmp(name, windows[i].contact) == 0)
            return true;
    return false;
}

enum status sim_user_read(struct sim_user *user, const struct json *from, struct err *err)
{
    enum status rc = sim_texts_only(rows, COUNT_OF(rows), others, from, err);

    if (rc == ST_OK)
        rc = sim_texts_read(rows, COUNT_OF(rows), from, user, err);
    if (rc == ST_OK && !is_contact(user->contact))
        rc = err_reject(err, REASON_SCHEMA, "schema",
                        "contact is message, menu, follow, scan or pay");
    if (rc == ST_OK)
        rc = read_flags(user, from, err);
    if (rc == ST_OK)
        rc = read_numbers(user, from, err);
    if (rc == ST_OK)
        rc = read_subscriptions(user, from, err);
    return rc;
}

void sim_user_write(const struct sim_user *user, struct jsonw *w)
{
    jsonw_object(w);
    sim_texts_write(rows, COUNT_OF(rows), user, w);
    jsonw_key_bool(w, "subscribe", user->subscribe);
    jsonw_key_i64(w, "subscribe_time", user->subscribe_time);
    jsonw_key_i64(w, "last_contact", user->last_contact_s);
    jsonw_key(w, STR("told"));
    jsonw_object(w);
    for (int i = 0; i < SIM_TOLD_KINDS; i++)
        jsonw_key_i64(w, sim_told_name((enum sim_told)i), user->told[i]);
    jsonw_object_end(w);
    jsonw_object_end(w);
}

bool sim_user_touch(struct sim_user *user, const char *contact, int64_t now_s)
{
    if (!replace(&user->contact, mem_strdup(contact)))
        return false;
    user->last_contact_s = now_s;
    user->since_contact = 0;
    return true;
}

bool sim_user_follow(struct sim_user *user, struct str scene, bool number, int64_t now_s)
{
    const bool by_text = str_is_set(scene) && !number;
    const char *how = str_is_set(scene) ? "ADD_SCENE_QR_CODE" : "ADD_SCENE_SEARCH";

    if (!replace(&user->subscribe_scene, mem_strdup(how)) ||
        !replace(&user->qr_scene_str, by_text ? text_copy(scene) : mem_strdup("")))
        return false;
    user->qr_scene = 0;
    if (number)
        (void)num_parse_i64(scene, 0, INT64_MAX, &user->qr_scene);
    user->subscribe = true;
    user->subscribe_time = now_s;
    return sim_user_touch(user, "follow", now_s);
}

void sim_user_unfollow(struct sim_user *user)
{
    user->subscribe = false;
}

bool sim_user_takes(const struct sim_user *user, struct str template_id)
{
    for (size_t i = 0; i < json_len(user->subscriptions); i++)
        if (str_eq(json_str(json_at(user->subscriptions, i)), template_id))
            return true;
    return false;
}

int sim_user_may_be_written_to(const struct sim_user *user, int64_t now_s)
{
    size_t i = 0;

    if (user->refuses)
        return SIM_REFUSED;
    if (user->blocks)
        return SIM_BLOCKED;
    if (!user->subscribe && strcmp(user->contact, "pay") != 0)
        return SIM_OUT_OF_TIME;
    while (strcmp(user->contact, windows[i].contact) != 0)
        i++;
    if (user->last_contact_s == 0 || now_s - user->last_contact_s >= windows[i].within_s)
        return SIM_OUT_OF_TIME;
    if (windows[i].messages > 0 && user->since_contact >= windows[i].messages)
        return SIM_OUT_OF_MESSAGES;
    return SIM_OK;
}
