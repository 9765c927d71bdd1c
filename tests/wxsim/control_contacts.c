/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/control_contacts.h"

#include "base/rand.h"
#include "wxsim/calls.h"
#include "wxsim/events.h"
#include "wxsim/handles.h"
#include "wxsim/scene.h"
#include "wxsim/texts.h"

enum { FIELDS_MAX = 8, TYPE_MAX = 32, MEDIA_TEXT = 64 };

static enum status refuse(struct err *err, const char *what)
{
    return err_reject(err, REASON_SCHEMA, "schema", "%s", what);
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a person or a push");
}

static int64_t now_s(const struct sim_control *c)
{
    return sim_world_now_ms(c->world) / 1000;
}

/* Records the push of the person and tells what it is. */
static enum status record(struct sim_control *c, const struct sim_user *user,
                          const struct sim_push *values, struct jsonw *w, struct err *err)
{
    struct sim_push push = *values;

    push.appid = user->appid;
    push.openid = user->openid;
    push.original_id = sim_world_account(c->world, str_from(user->appid))->original_id;
    push.at_ms = sim_world_now_ms(c->world);
    if (!sim_pushes_add(&c->world->pushes, &push))
        return no_memory(err);
    jsonw_key_str(w, "event", str_from(push.event));
    jsonw_key_i64(w, "n", c->world->pushes.last);
    return ST_OK;
}

/* The person that the body names, made when he is unknown. */
static enum status take_person(struct sim_control *c, const struct json *body,
                               struct sim_user **out, struct err *err)
{
    const struct str appid = json_get_str(body, "appid");
    struct sim_user *user;

    if (sim_world_account(c->world, appid) == NULL)
        return refuse(err, "no account has this appid");
    if (str_is_empty(json_get_str(body, "openid")))
        return refuse(err, "openid is missing");
    user = sim_world_person(c->world, appid, json_get_str(body, "openid"));
    if (user == NULL)
        return refuse(err, "openid has at most 28 bytes");
    *out = user;
    return ST_OK;
}

/* The same, of one who follows. */
static enum status take_follower(struct sim_control *c, const struct json *body,
                                 struct sim_user **out, struct err *err)
{
    struct sim_user *user =
        sim_world_user(c->world, json_get_str(body, "appid"), json_get_str(body, "openid"));

    if (user == NULL || !user->subscribe)
        return refuse(err, "nobody of this openid follows");
    *out = user;
    return ST_OK;
}

static enum status touch(const struct sim_control *c, struct sim_user *user, const char *how,
                         struct err *err)
{
    return sim_user_touch(user, how, now_s(c)) ? ST_OK : no_memory(err);
}

static bool is_good(const struct sim_control *c, const struct sim_handle *code, struct str appid)
{
    return str_eq_cstr(appid, code->appid) && code->expires_at_ms > sim_world_now_ms(c->world);
}

/* The code that can still be scanned, by its ticket or scene; of several of a scene the newest.
 * *ticket is borrowed. */
static const struct sim_handle *find_code(const struct sim_control *c, const struct json *body,
                                          struct str *ticket)
{
    const struct str appid = json_get_str(body, "appid");
    const struct str scene = json_get_str(body, "scene");
    const struct str wanted = json_get_str(body, "ticket");
    const struct sim_handle *found = NULL;

    for (struct map_entry *e = map_first(c->world->scenes); e != NULL; e = map_next(e)) {
        const struct sim_handle *code = map_value(e);
        const bool meant =
            str_is_set(wanted) ? str_eq(map_key(e), wanted) : str_eq_cstr(scene, code->content + 1);

        if (!meant || !is_good(c, code, appid))
            continue;
        found = code;
        *ticket = map_key(e);
    }
    return found;
}

/* The push of a scan: "qrscene_" stands before the scene of one who follows by it. */
static enum status push_scan(struct sim_control *c, const struct sim_user *user, struct str key,
                             struct str ticket, struct jsonw *w, struct err *err)
{
    const struct sim_push_field fields[] = {{.name = "EventKey", .text = key},
                                            {.name = "Ticket", .text = ticket}};
    const struct sim_push push = {
        .event = str_starts(key, STR("qrscene_")) ? "subscribe" : "SCAN",
        .fields = fields,
        .field_count = COUNT_OF(fields),
    };

    return record(c, user, &push, w, err);
}

static enum status follow_by(struct sim_control *c, struct sim_user *user,
                             const struct sim_handle *code, struct str ticket, struct jsonw *w,
                             struct err *err)
{
    AUTO(buf_done) struct buf key = BUF_INIT(1024);
    const struct str scene = str_from(code->content + 1);

    buf_add_cstr(&key, "qrscene_");
    buf_add(&key, scene);
    if (!buf_ok(&key) ||
        !sim_user_follow(user, scene, code->content[0] == SIM_SCENE_NUMBER, now_s(c)))
        return no_memory(err);
    return push_scan(c, user, buf_str(&key), ticket, w, err);
}

enum status sim_scan(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid", "openid", "ticket", "scene", NULL};
    const struct sim_handle *code;
    struct sim_user *user;
    struct str ticket;
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc != ST_OK)
        return rc;
    if (str_is_set(json_get_str(*body, "ticket")) == str_is_set(json_get_str(*body, "scene")))
        return refuse(err, "ticket or scene is needed, one of them");
    code = find_code(c, *body, &ticket);
    if (code == NULL)
        return refuse(err, "no code of it, or an expired one");
    rc = take_person(c, *body, &user, err);
    if (rc != ST_OK)
        return rc;
    jsonw_key_str(w, "scene", str_from(code->content + 1));
    if (!user->subscribe)
        return follow_by(c, user, code, ticket, w, err);
    rc = touch(c, user, "scan", err);
    return rc == ST_OK ? push_scan(c, user, str_from(code->content + 1), ticket, w, err) : rc;
}

enum status sim_follow(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid", "openid", NULL};
    const struct sim_push push = {.event = "subscribe"};
    struct sim_user *user;
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc == ST_OK)
        rc = take_person(c, *body, &user, err);
    if (rc != ST_OK)
        return rc;
    if (user->subscribe)
        return refuse(err, "he follows already");
    if (!sim_user_follow(user, (struct str){NULL, 0}, false, now_s(c)))
        return no_memory(err);
    return record(c, user, &push, w, err);
}

enum status sim_unfollow(struct sim_control *c, struct json **body, struct jsonw *w,
                         struct err *err)
{
    static const char *const keys[] = {"appid", "openid", NULL};
    const struct sim_push_field fields[] = {{.name = "EventKey", .text = STR("")}};
    const struct sim_push push = {
        .event = "unsubscribe", .fields = fields, .field_count = COUNT_OF(fields)};
    struct sim_user *user;
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc == ST_OK)
        rc = take_follower(c, *body, &user, err);
    if (rc != ST_OK)
        return rc;
    sim_user_unfollow(user);
    return record(c, user, &push, w, err);
}

static bool is_click(const struct json *button, struct str key)
{
    return str_eq(json_get_str(button, "type"), STR("click")) &&
           str_eq(json_get_str(button, "key"), key);
}

static bool has_button(const struct json *menu, struct str key)
{
    const struct json *buttons = json_get(menu, "button");

    for (size_t i = 0; i < json_len(buttons); i++) {
        const struct json *subs = json_get(json_at(buttons, i), "sub_button");

        if (is_click(json_at(buttons, i), key))
            return true;
        for (size_t at = 0; at < json_len(subs); at++)
            if (is_click(json_at(subs, at), key))
                return true;
    }
    return false;
}

enum status sim_click(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid", "openid", "key", NULL};
    const struct str key = json_get_str(*body, "key");
    const struct sim_push_field fields[] = {{.name = "EventKey", .text = key}};
    const struct sim_push push = {
        .event = "CLICK", .fields = fields, .field_count = COUNT_OF(fields)};
    struct sim_user *user;
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc == ST_OK)
        rc = take_follower(c, *body, &user, err);
    if (rc != ST_OK)
        return rc;
    if (str_is_empty(key) ||
        !has_button(sim_world_account(c->world, str_from(user->appid))->menu, key))
        return refuse(err, "the menu has no click button of this key");
    rc = touch(c, user, "menu", err);
    return rc == ST_OK ? record(c, user, &push, w, err) : rc;
}

static bool is_element(const struct sim_event *event, struct str name)
{
    for (size_t i = 0; i < event->element_count; i++)
        if (str_eq_cstr(name, event->elements[i].path))
            return !str_eq(name, STR("MsgId"));
    return false;
}

/* What the body says of the message, before anything changes. */
static enum status check_message(const struct sim_event *event, const struct json *body,
                                 struct err *err)
{
    const bool is_text = event != NULL && str_eq_cstr(str_from(event->msg_type), "text");
    const struct json *fields = json_get(body, "fields");

    if (event == NULL)
        return refuse(err, "type is text, image, voice, video, shortvideo, location or link");
    if (str_is_empty(json_get_str(body, "text")) == is_text)
        return refuse(err, "text is what a message of type text says, and no other");
    if (json_has(body, "fields") && !json_is(fields, JSON_OBJECT))
        return refuse(err, "fields must be an object");
    for (struct json_iter i = json_iter(fields); json_next(&i);)
        if (!is_element(event, i.key) || !str_is_set(json_str(i.value)))
            return refuse(err, "fields are texts, of elements that such a message has");
    return ST_OK;
}

/* The element's text: what the body says, else the sample's. */
static struct str value_of(const struct sim_element *element, const struct json *body,
                           struct str media)
{
    const struct str given = json_get_str(json_get(body, "fields"), element->path);

    if (str_eq_cstr(str_from(element->path), "Content"))
        return json_get_str(body, "text");
    if (str_is_set(given))
        return given;
    return str_eq_cstr(str_from(element->value), "$media") ? media : str_from(element->value);
}

static enum status push_message(struct sim_control *c, const struct sim_user *user,
                                const struct sim_event *event, const struct json *body,
                                struct jsonw *w, struct err *err)
{
    const int64_t msgid = sim_next_id(c->world);
    struct sim_push_field fields[FIELDS_MAX];
    struct sim_push push = {.event = event->name, .msg_type = event->msg_type, .fields = fields};
    char media[MEDIA_TEXT + 1];

    for (size_t i = 0; i < MEDIA_TEXT; i++)
        media[i] = "abcdefghijklmnopqrstuvwxyz0123456789-_"[rand_below(38)];
    media[MEDIA_TEXT] = '\0';
    for (size_t i = 0; i < event->element_count && i < FIELDS_MAX; i++) {
        const struct sim_element *element = &event->elements[i];

        fields[push.field_count] = (struct sim_push_field){.name = element->path, .number = msgid};
        if (!str_eq_cstr(str_from(element->path), "MsgId"))
            fields[push.field_count].text = value_of(element, body, str_from(media));
        push.field_count++;
    }
    jsonw_key_i64(w, "msgid", msgid);
    return record(c, user, &push, w, err);
}

enum status sim_say(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid", "openid", "type", "text", "fields", NULL};
    AUTO(buf_done) struct buf name = BUF_INIT(TYPE_MAX);
    const struct sim_event *event = NULL;
    struct sim_user *user;
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc != ST_OK)
        return rc;
    buf_add_cstr(&name, "message.");
    buf_add(&name, json_get_str(*body, "type"));
    if (buf_ok(&name))
        event = sim_event_find(buf_str(&name));
    rc = check_message(event, *body, err);
    if (rc == ST_OK)
        rc = take_follower(c, *body, &user, err);
    if (rc != ST_OK)
        return rc;
    rc = touch(c, user, "message", err);
    return rc == ST_OK ? push_message(c, user, event, *body, w, err) : rc;
}
