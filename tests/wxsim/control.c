/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/control.h"

#include "wxsim/texts.h"

enum { AHEAD_MAX_S = 10 * 366 * 86400 };

/* Changes something as the body says. */
typedef enum status change_fn(struct sim_control *c, struct json **body, struct err *err);
typedef void read_fn(const struct sim_control *c, struct jsonw *w);

static enum status refuse(struct err *err, const char *what)
{
    return err_reject(err, REASON_SCHEMA, "schema", "%s", what);
}

/* One member, or {"members":[...]}. */
static enum status put_members(struct sim_control *c, struct json **body, struct err *err)
{
    static const char *const keys[] = {"members", NULL};
    const struct json *list = json_get(*body, "members");
    enum status rc;

    if (list == NULL)
        return sim_world_put_member(c->world, *body, err);
    rc = sim_texts_only(NULL, 0, keys, *body, err);
    if (rc == ST_OK && !json_is(list, JSON_ARRAY))
        rc = refuse(err, "members must be an array");
    for (size_t i = 0; rc == ST_OK && i < json_len(list); i++)
        rc = sim_world_put_member(c->world, json_at(list, i), err);
    return rc;
}

static enum status delete_member(struct sim_control *c, struct json **body, struct err *err)
{
    static const char *const keys[] = {"appid", "card_id", "code", "status", "forget", NULL};
    struct sim_member *member =
        sim_world_member(c->world, json_get_str(*body, "appid"), json_get_str(*body, "card_id"),
                         json_get_str(*body, "code"));
    const struct str status = json_get_str(*body, "status");
    bool forget = false;
    const enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc != ST_OK)
        return rc;
    if (member == NULL)
        return refuse(err, "no such member");
    if (json_has(*body, "forget") && !json_bool(json_get(*body, "forget"), &forget))
        return refuse(err, "forget must be true or false");
    if (!forget)
        return sim_member_set_status(member, str_is_set(status) ? status : STR("DELETE"), err);
    sim_world_drop_member(c->world, member);
    return ST_OK;
}

/* Runs change over the token lines that "kind" names; without one, over both of access tokens. */
static enum status change_tokens(struct sim_control *c, const struct json *body,
                                 void (*change)(struct sim_token_line *line, int64_t now_ms,
                                                bool sticky),
                                 struct err *err)
{
    static const char *const keys[] = {"appid", "kind", "sticky", NULL};
    struct sim_account *account = sim_world_account(c->world, json_get_str(body, "appid"));
    const struct str kind = json_get_str(body, "kind");
    const int64_t now_ms = sim_world_now_ms(c->world);
    bool sticky = false;
    bool found = false;
    const enum status rc = sim_texts_only(NULL, 0, keys, body, err);

    if (rc != ST_OK)
        return rc;
    if (account == NULL)
        return refuse(err, "no account has this appid");
    if (json_has(body, "sticky") && !json_bool(json_get(body, "sticky"), &sticky))
        return refuse(err, "sticky must be true or false");

    const struct {
        const char *kind;
        bool by_default;
        struct sim_token_line *line;
    } lines[] = {
        {"stable", true, &account->stable},
        {"classic", true, &account->by_classic},
        {"jsapi", false, &account->jsapi},
        {"wx_card", false, &account->wx_card},
    };

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (str_is_set(kind) ? !str_eq_cstr(kind, lines[i].kind) : !lines[i].by_default)
            continue;
        change(lines[i].line, now_ms, sticky);
        found = true;
    }
    return found ? ST_OK : refuse(err, "kind is stable, classic, jsapi or wx_card");
}

static void expire_line(struct sim_token_line *line, int64_t now_ms, bool sticky)
{
    (void)sticky;
    sim_token_expire(line, now_ms);
}

static enum status expire_tokens(struct sim_control *c, struct json **body, struct err *err)
{
    return change_tokens(c, *body, expire_line, err);
}

static enum status invalidate_tokens(struct sim_control *c, struct json **body, struct err *err)
{
    return change_tokens(c, *body, sim_token_invalidate, err);
}

static enum status replace_script(struct sim_control *c, struct json **body, struct err *err)
{
    return sim_script_load(c->script, TAKE(*body), err);
}

static enum status advance_clock(struct sim_control *c, struct json **body, struct err *err)
{
    static const char *const keys[] = {"advance_s", NULL};
    int64_t seconds = 0;
    const enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc != ST_OK)
        return rc;
    if (!json_get_i64(*body, "advance_s", &seconds) || seconds < 0 || seconds > AHEAD_MAX_S)
        return refuse(err, "advance_s must be a number from 0 to ten years");
    c->world->ahead_ms += seconds * 1000;
    return ST_OK;
}

static enum status reset_counters(struct sim_control *c, struct json **body, struct err *err)
{
    (void)body;
    (void)err;
    sim_counters_reset(c->counters);
    return ST_OK;
}

static void read_state(const struct sim_control *c, struct jsonw *w)
{
    sim_world_write(c->world, w);
}

static void write_line(const struct sim_token_line *line, struct jsonw *w)
{
    for (size_t i = 0; i < line->count; i++)
        jsonw_str(w, str_from(line->kept[i].text));
}

/* So that a test can search for them where they must not stand. */
static void read_tokens(const struct sim_control *c, struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key(w, STR("tokens"));
    jsonw_array(w);
    for (struct map_entry *e = map_first(c->world->accounts); e != NULL; e = map_next(e)) {
        const struct sim_account *account = map_value(e);

        write_line(&account->stable, w);
        write_line(&account->by_classic, w);
        write_line(&account->jsapi, w);
        write_line(&account->wx_card, w);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
}

static void read_counters(const struct sim_control *c, struct jsonw *w)
{
    sim_counters_write(c->counters, c->world, w);
}

static const struct {
    const char *path;
    change_fn *change; /* POST */
    read_fn *read;     /* GET */
} controls[] = {
    {"/sim/members", put_members, NULL},        {"/sim/members/delete", delete_member, NULL},
    {"/sim/state", NULL, read_state},           {"/sim/tokens", NULL, read_tokens},
    {"/sim/token/expire", expire_tokens, NULL}, {"/sim/token/invalidate", invalidate_tokens, NULL},
    {"/sim/counters", NULL, read_counters},     {"/sim/counters/reset", reset_counters, NULL},
    {"/sim/script", replace_script, NULL},      {"/sim/clock", advance_clock, NULL},
};

static int answer_error(struct buf *answer, int status, const char *why)
{
    struct jsonw w = {.out = answer};

    jsonw_object(&w);
    jsonw_key_str(&w, "error", str_from(why));
    jsonw_object_end(&w);
    return status;
}

static int run_change(struct sim_control *control, change_fn *change, struct str body,
                      struct buf *answer)
{
    AUTO(json_freep) struct json *document = NULL;
    struct err err;

    if (!str_is_empty(body) && json_parse(body, &document, &err) != ST_OK)
        return answer_error(answer, 400, err.text);
    if (change(control, &document, &err) != ST_OK)
        return answer_error(answer, 400, err.text);
    buf_add_cstr(answer, "{\"ok\":true}");
    return 200;
}

int sim_control_run(struct sim_control *control, enum http_method method, struct str path,
                    struct str body, struct buf *answer)
{
    struct jsonw w = {.out = answer};
    size_t i = 0;

    while (i < COUNT_OF(controls) && !str_eq_cstr(path, controls[i].path))
        i++;
    if (i == COUNT_OF(controls))
        return answer_error(answer, 404, "no such control");
    if (method == HTTP_POST && controls[i].change != NULL)
        return run_change(control, controls[i].change, body, answer);
    if (method != HTTP_GET || controls[i].read == NULL)
        return answer_error(answer, 405, "the other method");
    controls[i].read(control, &w);
    return 200;
}
