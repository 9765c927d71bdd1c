/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/control.h"

#include "wxsim/control_cards.h"
#include "wxsim/control_contacts.h"
#include "wxsim/control_life.h"
#include "wxsim/control_people.h"
#include "wxsim/control_replies.h"
#include "wxsim/login.h"
#include "wxsim/texts.h"

enum { AHEAD_MAX_S = 10 * 366 * 86400 };

static enum status refuse(struct err *err, const char *what)
{
    return err_reject(err, REASON_SCHEMA, "schema", "%s", what);
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

static enum status expire_tokens(struct sim_control *c, struct json **body, struct jsonw *w,
                                 struct err *err)
{
    (void)w;
    return change_tokens(c, *body, expire_line, err);
}

static enum status invalidate_tokens(struct sim_control *c, struct json **body, struct jsonw *w,
                                     struct err *err)
{
    (void)w;
    return change_tokens(c, *body, sim_token_invalidate, err);
}

static enum status replace_script(struct sim_control *c, struct json **body, struct jsonw *w,
                                  struct err *err)
{
    (void)w;
    return sim_script_load(c->script, TAKE(*body), err);
}

static enum status advance_clock(struct sim_control *c, struct json **body, struct jsonw *w,
                                 struct err *err)
{
    static const char *const keys[] = {"advance_s", NULL};
    int64_t seconds = 0;
    const enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    (void)w;
    if (rc != ST_OK)
        return rc;
    if (!json_get_i64(*body, "advance_s", &seconds) || seconds < 0 || seconds > AHEAD_MAX_S)
        return refuse(err, "advance_s must be a number from 0 to ten years");
    c->world->ahead_ms += seconds * 1000;
    return ST_OK;
}

static enum status reset_counters(struct sim_control *c, struct json **body, struct jsonw *w,
                                  struct err *err)
{
    (void)w;
    (void)body;
    (void)err;
    sim_counters_reset(c->counters);
    return ST_OK;
}

static enum status read_state(const struct sim_control *c, const struct sim_request *request,
                              struct jsonw *w, struct err *err)
{
    (void)request;
    (void)err;
    sim_world_write(c->world, w);
    return ST_OK;
}

static void write_line(const struct sim_token_line *line, struct jsonw *w)
{
    for (size_t i = 0; i < line->count; i++)
        jsonw_str(w, str_from(line->kept[i].text));
}

/* So that a test can search for them where they must not stand. */
static enum status read_tokens(const struct sim_control *c, const struct sim_request *request,
                               struct jsonw *w, struct err *err)
{
    (void)request;
    (void)err;
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
    for (struct map_entry *e = map_first(c->world->logins); e != NULL; e = map_next(e)) {
        const struct sim_login *login = map_value(e);

        if (!login->used)
            continue;
        jsonw_str(w, str_from(login->access_token));
        jsonw_str(w, str_from(login->refresh_token));
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
    return ST_OK;
}

static enum status read_counters(const struct sim_control *c, const struct sim_request *request,
                                 struct jsonw *w, struct err *err)
{
    (void)request;
    (void)err;
    sim_counters_write(c->counters, c->world, w);
    return ST_OK;
}

/* clang-format off */
static const struct {
    const char *path;
    sim_change_fn *change; /* POST */
    sim_read_fn *read;     /* GET */
} controls[] = {
    {"/sim/members", sim_put_members, NULL},
    {"/sim/members/delete", sim_delete_member, NULL},
    {"/sim/templates", sim_put_template, NULL},
    {"/sim/audit", sim_audit, NULL},
    {"/sim/users", sim_put_users, sim_read_users},
    {"/sim/messages", NULL, sim_read_messages},
    {"/sim/scan", sim_scan, NULL},
    {"/sim/follow", sim_follow, NULL},
    {"/sim/unfollow", sim_unfollow, NULL},
    {"/sim/click", sim_click, NULL},
    {"/sim/say", sim_say, NULL},
    {"/sim/oauth-code", sim_oauth_code, NULL},
    {"/sim/replies", sim_put_reply, sim_read_replies},
    {"/sim/totals", NULL, sim_read_totals},
    {"/sim/cards", NULL, sim_read_cards},
    {"/sim/effects", NULL, sim_read_effects},
    {"/sim/pushes", NULL, sim_read_pushes},
    {"/sim/receive", sim_receive, NULL},
    {"/sim/gift", sim_gift, NULL},
    {"/sim/submit", sim_submit, NULL},
    {"/sim/encrypt", sim_encrypt, NULL},
    {"/sim/foreign", sim_foreign, NULL},
    {"/sim/state", NULL, read_state},
    {"/sim/tokens", NULL, read_tokens},
    {"/sim/token/expire", expire_tokens, NULL},
    {"/sim/token/invalidate", invalidate_tokens, NULL},
    {"/sim/counters", NULL, read_counters},
    {"/sim/counters/reset", reset_counters, NULL},
    {"/sim/script", replace_script, NULL},
    {"/sim/clock", advance_clock, NULL},
};

/* clang-format on */

static int answer_error(struct buf *answer, int status, const char *why)
{
    struct jsonw w = {.out = answer};

    buf_clear(answer);
    jsonw_object(&w);
    jsonw_key_str(&w, "error", str_from(why));
    jsonw_object_end(&w);
    return status;
}

static int run_change(struct sim_control *control, sim_change_fn *change, struct str body,
                      struct buf *answer)
{
    AUTO(json_freep) struct json *document = NULL;
    struct jsonw w = {.out = answer};
    struct err err;

    if (!str_is_empty(body) && json_parse(body, &document, &err) != ST_OK)
        return answer_error(answer, 400, err.text);
    jsonw_object(&w);
    jsonw_key_bool(&w, "ok", true);
    if (change(control, &document, &w, &err) != ST_OK)
        return answer_error(answer, 400, err.text);
    jsonw_object_end(&w);
    return 200;
}

int sim_control_run(struct sim_control *control, const struct sim_request *request,
                    struct buf *answer)
{
    struct jsonw w = {.out = answer};
    struct err err;
    size_t i = 0;

    while (i < COUNT_OF(controls) && !str_eq_cstr(request->path, controls[i].path))
        i++;
    if (i == COUNT_OF(controls))
        return answer_error(answer, 404, "no such control");
    if (request->method == HTTP_POST && controls[i].change != NULL)
        return run_change(control, controls[i].change, request->body, answer);
    if (request->method != HTTP_GET || controls[i].read == NULL)
        return answer_error(answer, 405, "the other method");
    if (controls[i].read(control, request, &w, &err) != ST_OK)
        return answer_error(answer, 400, err.text);
    return 200;
}
