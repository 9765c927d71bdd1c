/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/world.h"

#include "base/clock.h"
#include "base/mem.h"
#include "wxsim/handles.h"
#include "wxsim/login.h"
#include "wxsim/texts.h"

#include <string.h>

enum { KEY_MAX = 128, OPENID_MAX = 28 };

struct key {
    char text[KEY_MAX];
    size_t len;
    bool fits;
};

static struct key key_of(const struct str *parts, size_t count)
{
    struct key key = {.fits = true};

    for (size_t i = 0; i < count; i++) {
        if (parts[i].len + 1 > sizeof(key.text) - key.len) {
            key.fits = false;
            return key;
        }
        if (i > 0)
            key.text[key.len++] = ':';
        if (parts[i].len > 0)
            memcpy(key.text + key.len, parts[i].ptr, parts[i].len);
        key.len += parts[i].len;
    }
    return key;
}

static struct str key_str(const struct key *key)
{
    return str_of(key->text, key->len);
}

static void *find(const struct map *map, const struct str *parts, size_t count)
{
    const struct key key = key_of(parts, count);

    return key.fits ? map_get(map, key_str(&key)) : NULL;
}

static void member_free(void *member)
{
    if (member != NULL)
        sim_member_done(member);
    mem_free(member);
}

enum status sim_world_open(struct sim_world *world, struct err *err)
{
    *world = (struct sim_world){
        .accounts = map_new(),
        .templates = map_new(),
        .members = map_new(),
        .codes = map_new(),
        .tickets = map_new(),
        .encrypted = map_new(),
        .scenes = map_new(),
        .logins = map_new(),
        .users = map_new(),
    };
    if (world->accounts != NULL && world->templates != NULL && world->members != NULL &&
        world->codes != NULL && world->tickets != NULL && world->encrypted != NULL &&
        world->scenes != NULL && world->logins != NULL && world->users != NULL)
        return ST_OK;
    sim_world_close(world);
    return err_fatal(err, "memory", "no memory for the simulator's state");
}

void sim_world_close(struct sim_world *world)
{
    map_free(world->accounts, sim_account_free);
    map_free(world->templates, sim_template_free);
    map_free(world->members, member_free);
    map_free(world->codes, NULL);
    map_free(world->tickets, sim_handle_free);
    map_free(world->encrypted, sim_handle_free);
    map_free(world->scenes, sim_handle_free);
    map_free(world->logins, sim_login_free);
    map_free(world->users, sim_user_free);
    sim_pushes_done(&world->pushes);
    sim_messages_done(&world->messages);
    sim_replies_done(&world->replies);
    memset(world, 0, sizeof(*world));
}

int64_t sim_world_now_ms(const struct sim_world *world)
{
    return clock_wall_ms() + world->ahead_ms;
}

struct sim_account *sim_world_account(const struct sim_world *world, struct str appid)
{
    return map_get(world->accounts, appid);
}

struct sim_template *sim_world_template(const struct sim_world *world, struct str appid,
                                        struct str card_id)
{
    const struct str parts[] = {appid, card_id};

    return find(world->templates, parts, COUNT_OF(parts));
}

struct sim_member *sim_world_member(const struct sim_world *world, struct str appid,
                                    struct str card_id, struct str code)
{
    const struct str parts[] = {appid, card_id, code};

    return find(world->members, parts, COUNT_OF(parts));
}

struct sim_member *sim_world_code(const struct sim_world *world, struct str appid, struct str code)
{
    const struct str parts[] = {appid, code};

    return find(world->codes, parts, COUNT_OF(parts));
}

static enum status add_account(struct sim_world *world, const struct json *from, struct err *err)
{
    struct sim_account *account;
    const enum status rc = sim_account_read(from, &account, err);

    if (rc != ST_OK)
        return rc;
    if (sim_world_account(world, str_from(account->appid)) == NULL &&
        map_put(world->accounts, str_from(account->appid), account, NULL))
        return ST_OK;
    sim_account_free(account);
    return err_reject(err, REASON_SCHEMA, "schema", "the appid stands there twice");
}

enum status sim_world_add_template(struct sim_world *world, struct sim_template *template,
                                   struct err *err)
{
    const struct str parts[] = {str_from(template->appid), str_from(template->card_id)};
    const struct key key = key_of(parts, COUNT_OF(parts));
    void *old = NULL;

    if (!key.fits || !map_put(world->templates, key_str(&key), template, &old)) {
        sim_template_free(template);
        return err_retry(err, "memory", "no memory for a template");
    }
    sim_template_free(old);
    return ST_OK;
}

static enum status no_account(struct err *err)
{
    return err_reject(err, REASON_SCHEMA, "schema", "no account has its appid");
}

enum status sim_world_put_template(struct sim_world *world, const struct json *from,
                                   struct err *err)
{
    struct sim_template *template;
    enum status rc;

    if (sim_world_account(world, json_get_str(from, "appid")) == NULL)
        return no_account(err);
    rc = sim_template_read(from, sim_world_now_ms(world) / 1000, &template, err);
    return rc == ST_OK ? sim_world_add_template(world, template, err) : rc;
}

/* That of a card that came without one. */
static enum status ensure_template(struct sim_world *world, const struct sim_member *member,
                                   struct err *err)
{
    const struct str appid = str_from(member->appid);
    const struct str card_id = str_from(member->card_id);
    struct sim_template *template;

    if (sim_world_template(world, appid, card_id) != NULL)
        return ST_OK;
    template = sim_template_new(appid, card_id, sim_world_now_ms(world) / 1000);
    if (template == NULL)
        return err_retry(err, "memory", "no memory for a template");
    return sim_world_add_template(world, template, err);
}

struct sim_user *sim_world_user(const struct sim_world *world, struct str appid, struct str openid)
{
    const struct str parts[] = {appid, openid};

    return find(world->users, parts, COUNT_OF(parts));
}

static enum status add_user(struct sim_world *world, struct sim_user *user, struct err *err)
{
    const struct str parts[] = {str_from(user->appid), str_from(user->openid)};
    const struct key key = key_of(parts, COUNT_OF(parts));

    if (key.fits && map_put(world->users, key_str(&key), user, NULL))
        return ST_OK;
    sim_user_free(user);
    return err_retry(err, "memory", "no memory for a user");
}

enum status sim_world_put_user(struct sim_world *world, const struct json *from, struct err *err)
{
    const struct str appid = json_get_str(from, "appid");
    struct sim_user *user = sim_world_user(world, appid, json_get_str(from, "openid"));
    enum status rc;

    if (sim_world_account(world, appid) == NULL)
        return no_account(err);
    if (user != NULL)
        return sim_user_read(user, from, err);
    user = sim_user_new(sim_world_now_ms(world) / 1000);
    if (user == NULL)
        return err_retry(err, "memory", "no memory for a user");
    rc = sim_user_read(user, from, err);
    if (rc == ST_OK)
        return add_user(world, user, err);
    sim_user_free(user);
    return rc;
}

static struct sim_user *new_user(struct sim_world *world, struct str appid, struct str openid)
{
    struct sim_user *user = sim_user_new(sim_world_now_ms(world) / 1000);
    struct err err;

    if (user != NULL && sim_user_name(user, appid, openid))
        return add_user(world, user, &err) == ST_OK ? user : NULL;
    sim_user_free(user);
    return NULL;
}

struct sim_user *sim_world_person(struct sim_world *world, struct str appid, struct str openid)
{
    struct sim_user *user = sim_world_user(world, appid, openid);

    if (user != NULL || openid.len < 1 || openid.len > OPENID_MAX)
        return user;
    user = new_user(world, appid, openid);
    if (user != NULL)
        user->subscribe = false;
    return user;
}

/* Who has a card is a user who follows, unless the users' list says otherwise. */
static enum status ensure_user(struct sim_world *world, const struct sim_member *member,
                               struct err *err)
{
    const struct str appid = str_from(member->appid);
    const struct str openid = str_from(member->openid);

    if (sim_world_user(world, appid, openid) != NULL || new_user(world, appid, openid) != NULL)
        return ST_OK;
    return err_retry(err, "memory", "no memory for a user");
}

static enum status put_message_template(struct sim_world *world, const struct json *from,
                                        struct err *err)
{
    struct sim_account *account = sim_world_account(world, json_get_str(from, "appid"));

    return account != NULL ? sim_account_add_template(account, from, err) : no_account(err);
}

static enum status index_member(struct sim_world *world, struct sim_member *member, struct err *err)
{
    const struct str parts[] = {str_from(member->appid), str_from(member->card_id),
                                str_from(member->code)};
    const struct str short_parts[] = {parts[0], parts[2]};
    const struct key key = key_of(parts, COUNT_OF(parts));
    const struct key short_key = key_of(short_parts, COUNT_OF(short_parts));

    if (!key.fits || !map_put(world->members, key_str(&key), member, NULL))
        return err_retry(err, "memory", "no memory for a member");
    if (map_put(world->codes, key_str(&short_key), member, NULL))
        return ST_OK;
    (void)map_take(world->members, key_str(&key));
    return err_retry(err, "memory", "no memory for a member");
}

static enum status add_member(struct sim_world *world, const struct json *from, struct err *err)
{
    struct sim_member *member = mem_zalloc(sizeof(*member));
    enum status rc;

    if (member == NULL)
        return err_retry(err, "memory", "no memory for a member");
    rc = sim_member_read(member, from, err);
    if (rc == ST_OK)
        rc = ensure_template(world, member, err);
    if (rc == ST_OK)
        rc = ensure_user(world, member, err);
    if (rc == ST_OK)
        rc = index_member(world, member, err);
    if (rc != ST_OK)
        member_free(member);
    return rc;
}

enum status sim_world_put_member(struct sim_world *world, const struct json *from, struct err *err)
{
    const struct str appid = json_get_str(from, "appid");
    struct sim_member *member =
        sim_world_member(world, appid, json_get_str(from, "card_id"), json_get_str(from, "code"));

    if (sim_world_account(world, appid) == NULL)
        return no_account(err);
    if (member != NULL) {
        const enum status rc = sim_member_read(member, from, err);

        return rc == ST_OK ? ensure_user(world, member, err) : rc;
    }
    return add_member(world, from, err);
}

/* The member stays the caller's. */
static void forget(struct sim_world *world, struct sim_member *member)
{
    const struct str parts[] = {str_from(member->appid), str_from(member->card_id),
                                str_from(member->code)};
    const struct str short_parts[] = {parts[0], parts[2]};
    const struct key key = key_of(parts, COUNT_OF(parts));
    const struct key short_key = key_of(short_parts, COUNT_OF(short_parts));

    if (map_get(world->codes, key_str(&short_key)) == member)
        (void)map_take(world->codes, key_str(&short_key));
    (void)map_take(world->members, key_str(&key));
}

void sim_world_drop_member(struct sim_world *world, struct sim_member *member)
{
    forget(world, member);
    member_free(member);
}

enum status sim_world_change_code(struct sim_world *world, struct sim_member *member,
                                  struct str code, struct err *err)
{
    enum status rc;

    forget(world, member);
    if (!sim_member_set_text(&member->code, code))
        rc = err_retry(err, "memory", "no memory for a code");
    else
        rc = index_member(world, member, err);
    if (rc != ST_OK)
        member_free(member);
    return rc;
}

enum status sim_world_load(struct sim_world *world, const struct json *from, struct err *err)
{
    static const struct {
        const char *key;
        enum status (*add)(struct sim_world *world, const struct json *from, struct err *err);
    } lists[] = {
        {"accounts", add_account},
        {"templates", sim_world_put_template},
        {"users", sim_world_put_user},
        {"members", sim_world_put_member},
        {"message_templates", put_message_template},
    };

    static const char *const keys[] = {"accounts", "templates",         "members",
                                       "users",    "message_templates", NULL};
    struct err why;
    enum status rc = sim_texts_only(NULL, 0, keys, from, err);

    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(lists); i++) {
        const struct json *list = json_get(from, lists[i].key);

        if (json_has(from, lists[i].key) && !json_is(list, JSON_ARRAY))
            return err_reject(err, REASON_SCHEMA, "schema", "%s must be an array", lists[i].key);
        for (size_t at = 0; at < json_len(list); at++)
            if (lists[i].add(world, json_at(list, at), &why) != ST_OK)
                return err_reject(err, REASON_SCHEMA, "schema", "%s[%zu]: %s", lists[i].key, at,
                                  why.text);
    }
    return rc;
}

void sim_world_write(const struct sim_world *world, struct jsonw *w)
{
    const int64_t now_ms = sim_world_now_ms(world);

    jsonw_object(w);
    jsonw_key_i64(w, "now_ms", now_ms);
    jsonw_key_i64(w, "ahead_ms", world->ahead_ms);
    jsonw_key(w, STR("accounts"));
    jsonw_array(w);
    for (const struct map_entry *e = map_first(world->accounts); e != NULL; e = map_next(e))
        sim_account_write(map_value(e), now_ms, w);
    jsonw_array_end(w);
    jsonw_key(w, STR("templates"));
    jsonw_array(w);
    for (const struct map_entry *e = map_first(world->templates); e != NULL; e = map_next(e))
        sim_template_write(map_value(e), w);
    jsonw_array_end(w);
    jsonw_key(w, STR("members"));
    jsonw_array(w);
    for (const struct map_entry *e = map_first(world->members); e != NULL; e = map_next(e))
        sim_member_write(map_value(e), w);
    jsonw_array_end(w);
    jsonw_object_end(w);
}
