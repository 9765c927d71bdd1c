/* SPDX-License-Identifier: Apache-2.0 */
/* member.activate: the activation that kabao-activate makes, under the same name (activate/card.h),
 * so that a card becomes active once whoever asks, and kabao.card.activated is told once. A card
 * that is active stays as it is. */
#include "activate/card.h"
#include "call.h"
#include "codec/jsonw.h"
#include "model/id.h"

enum { ANSWER_MAX = 1024 };

/* kabao-activate may ask again and finds what was done. */
static enum nature nature(const struct command *c UNUSED)
{
    return NATURE_REPEATABLE;
}

/* Codes that WeChat allots name their template. */
static enum status find_template(struct command *c, struct deadline until, struct str *card_id,
                                 struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct card card = {
        .account = c->account,
        .card_code = json_get_str(c->body, "code"),
        .traceparent = lane_traceparent(c->lane),
    };
    struct member member = {0};
    enum status rc = wechat_code_get(lane_wechat(c->lane), &card, until, lane_arena(c->lane),
                                     &member, &answer, err);

    if (rc != ST_OK)
        return rc;
    *card_id = arena_dup(lane_arena(c->lane), json_get_str(json_get(answer, "card"), "card_id"));
    return str_is_empty(*card_id)
               ? err_reject(err, REASON_REJECTED, "schema", "/body/card_id is required")
               : ST_OK;
}

static struct opt_i64 number_of(const struct json *body, const char *name)
{
    struct opt_i64 n = {0};

    n.set = json_get_i64(body, name, &n.value);
    return n;
}

static enum status activate(struct card_work *w, struct err *err)
{
    enum status rc = ST_OK;

    if (card_is_active(w))
        return card_report(w, clock_wall_ms(), err);
    if (card_is_told(w))
        rc = card_begin_again(w, clock_wall_ms() - CLOCKS_DIFFER_MS, err);
    return rc == ST_OK ? card_activate(w, err) : rc;
}

static enum status open_and_activate(struct card_work *w, struct err *err)
{
    struct err why = {0};
    enum status rc = card_change(w, NULL, NULL, err);

    if (rc != ST_OK)
        return rc;
    rc = card_read(w, &why);
    if (rc == ST_OK && !w->gone)
        rc = activate(w, &why);
    if (rc == ST_OK && w->gone)
        return err_reject(err, REASON_REJECTED, why.code, "%s", why.text);
    if (rc != ST_OK)
        *err = why;
    return rc;
}

/* What the card shows. */
static struct str answer_of(const struct card_work *w, struct arena *arena)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    struct jsonw json = {.out = &text};

    jsonw_object(&json);
    jsonw_key_str(&json, "membership_number",
                  card_is_active(w) ? w->member.membership_number : w->request->membership_number);
    jsonw_object_end(&json);
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){NULL, 0};
}

static enum status run(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err)
{
    const struct activation_request request = {
        .membership_number = json_get_str(c->body, "membership_number"),
        .init_bonus = number_of(c->body, "init_bonus"),
        .init_balance = number_of(c->body, "init_balance"),
    };
    AUTO(card_done)
    struct card_work w = {
        .lane = c->lane,
        .account = c->account,
        .request = &request,
        .body = command_body(c),
        .errmsg = &c->errmsg,
        .row = {.appid = str_from(c->account->appid),
                .card_id = json_get_str(c->body, "card_id"),
                .card_code = json_get_str(c->body, "code")},
    };
    struct arena *arena = lane_arena(c->lane);
    enum status rc = ST_OK;

    if (str_is_empty(w.row.card_id))
        rc = find_template(c, until, &w.row.card_id, err);
    if (rc != ST_OK)
        return rc;
    w.key = id_card_key(arena, w.row.appid, w.row.card_id, w.row.card_code);
    if (!str_is_set(w.key) || !str_is_set(w.body))
        return command_no_memory(err);
    rc = open_and_activate(&w, err);
    if (rc == ST_OK)
        reply_ok(reply, answer_of(&w, arena));
    return rc == ST_OK && !str_is_set(reply->answer) ? command_no_memory(err) : rc;
}

const struct special SPECIAL_MEMBER_ACTIVATE = {
    .type = "member.activate",
    .nature = nature,
    .run = run,
};
