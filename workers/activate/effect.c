/* SPDX-License-Identifier: Apache-2.0 */
#include "activate/effect.h"

#include "codec/jsonw.h"
#include "run/effects.h"
#include "wechat/activate.h"

enum { RESULT_MAX = 1024, TAKEN_MS = 200 };

/* One activation under way. */
struct making {
    struct card_work *w;
    struct str receipt;
    struct activate_request want;
    bool taken; /* somebody else acts on another receipt, or has acted since the card was read */
};

/* A restored card and a gift that brings its points keep what they have. */
static bool keeps_points(const struct card_work *w)
{
    return w->row.restored ||
           (!str_is_empty(w->row.previous_card_code) && w->account->on_gift == ON_GIFT_TRANSFER);
}

/* One that somebody chose: WeChat shows the code where nobody did. */
static bool has_number(const struct card_work *w)
{
    return !str_is_empty(w->member.membership_number) &&
           !str_eq(w->member.membership_number, w->row.card_code);
}

static struct str choose_number(const struct card_work *w)
{
    if (w->request && !str_is_empty(w->request->membership_number))
        return w->request->membership_number;
    if (w->row.restored && has_number(w))
        return arena_dup(lane_arena(w->lane), w->member.membership_number); /* outlives a re-read */
    return membership_number(w->account->membership_number, w->row.card_code, lane_arena(w->lane));
}

static bool choose(const struct card_work *w, struct activate_request *out)
{
    *out = (struct activate_request){.membership_number = choose_number(w)};
    if (str_is_set(w->body)) {
        out->init_bonus = w->request->init_bonus;
    } else if (!keeps_points(w)) {
        out->init_bonus = (struct opt_i64){true, w->account->init_bonus};
        if (w->request && w->request->init_bonus.set)
            out->init_bonus = w->request->init_bonus;
        if (w->request)
            out->init_balance = w->request->init_balance;
    }
    return str_is_set(out->membership_number);
}

static enum status note(const struct making *m, const char *by, struct str *result, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(RESULT_MAX);
    struct jsonw w = {.out = &text};
    const bool is_ours = str_eq_cstr(STR("kabao"), by);
    char now[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(clock_wall_ms(), now);
    jsonw_object(&w);
    jsonw_key_str(&w, "by", str_from(by));
    jsonw_key_str(&w, "membership_number",
                  card_is_active(m->w) ? m->w->member.membership_number
                                       : m->want.membership_number);
    if (is_ours && m->want.init_bonus.set)
        jsonw_key_i64(&w, "init_bonus", m->want.init_bonus.value);
    jsonw_key_str(&w, "activated_at", str_from(now));
    jsonw_object_end(&w);
    *result = arena_dup(lane_arena(m->w->lane), buf_str(&text));
    return buf_ok(&text) && str_is_set(*result)
               ? ST_OK
               : err_retry(err, "memory", "no memory for a result");
}

static enum status send_body(struct lane *lane, const struct card_work *w, struct deadline until,
                             struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct wechat_request request = {
        .account = w->account,
        .call = &CALL_MEMBER_ACTIVATE,
        .body = w->body,
        .traceparent = lane_traceparent(lane),
        .until = until,
        .errmsg = w->errmsg,
    };

    return wechat_call(lane_wechat(lane), &request, &answer, err);
}

static enum status call(struct lane *lane, struct deadline until, void *arg, struct str *result,
                        struct err *err)
{
    const struct making *m = arg;
    const struct card card = {
        .account = m->w->account,
        .card_id = m->w->row.card_id,
        .card_code = m->w->row.card_code,
        .traceparent = lane_traceparent(lane),
    };
    enum status rc;

    if (card_is_active(m->w))
        return note(m, "wechat", result, err);
    rc = str_is_set(m->w->body) ? send_body(lane, m->w, until, err)
                                : wechat_activate(lane_wechat(lane), &card, &m->want, until, err);
    return rc == ST_OK ? note(m, "kabao", result, err) : rc;
}

/* A card that is gone meanwhile was perhaps active before: the call says so again. */
static enum status probe(struct lane *lane UNUSED, struct deadline until UNUSED, void *arg,
                         bool *happened, struct str *result, struct err *err)
{
    const struct making *m = arg;
    enum status rc = card_read(m->w, err);

    *happened = rc == ST_OK && card_is_active(m->w);
    return *happened ? note(m, "kabao", result, err) : rc;
}

/* activation_wait_fn */
static bool mark_acting(struct activation_wait *row, void *arg)
{
    struct making *m = arg;

    m->taken = (!str_is_empty(row->acting) && !str_eq(row->acting, m->receipt)) ||
               row->seen_at_ms != m->w->row.seen_at_ms;
    if (m->taken)
        return false;
    row->acting = m->receipt;
    return true;
}

/* writer_fn: with the intent, so that whoever comes next goes on under the same name. Commands come
 * in no order with what else is done to the card: one activation at a time, and none for what the
 * card showed before another ended. */
static enum status begin(struct db *tx, void *arg, struct err *err)
{
    const struct making *m = arg;
    struct activation_wait row = m->w->row;
    enum status rc =
        activation_wait_change(tx, lane_arena(m->w->lane), &row, mark_acting, arg, err);

    if (rc == ST_OK && m->taken)
        return err_wait(err, "activation", deadline_in(TAKEN_MS),
                        "another one is under way, or was a moment ago");
    return rc;
}

static const struct step STEP_ACTIVATE = {
    .name = "activate",
    .nature = NATURE_PROBE,
    .call = call,
    .probe = probe,
    .begin = begin,
};

void activation_effect_id(struct str name, struct id *out)
{
    effect_id(&STEP_ACTIVATE, name, out);
}

/* A person may have said "done" without a result. */
static enum status read_result(const struct card_work *w, struct str text,
                               struct activation_made *out, struct err *err)
{
    AUTO(json_freep) struct json *json = NULL;
    struct arena *arena = lane_arena(w->lane);
    char now[CLOCK_RFC3339_SIZE];

    if (str_is_set(text)) {
        enum status rc = json_parse(text, &json, err);

        if (rc != ST_OK)
            return rc;
    }
    clock_format_rfc3339(clock_wall_ms(), now);
    out->by = arena_dup(arena, json_get_str(json, "by"));
    out->membership_number = arena_dup(arena, json_get_str(json, "membership_number"));
    out->init_bonus.set = json_get_i64(json, "init_bonus", &out->init_bonus.value);
    out->activated_at = arena_dup(arena, json_get_str(json, "activated_at"));
    if (str_is_empty(out->by))
        out->by = STR("kabao");
    if (str_is_empty(out->activated_at))
        out->activated_at = arena_dup(arena, str_from(now));
    return ST_OK;
}

enum status activation_make(struct card_work *w, struct str receipt, struct activation_made *out,
                            bool *made, struct err *err)
{
    struct making m = {.w = w, .receipt = receipt};
    struct effect effect = {.step = &STEP_ACTIVATE, .arg = &m};
    struct str result = {NULL, 0};
    enum status rc;

    effect.identity = activation_name(&w->row, receipt, lane_arena(w->lane));
    if (!choose(w, &m.want) || !str_is_set(effect.identity))
        return err_retry(err, "memory", "no memory for an activation");
    rc = lane_effect(w->lane, &effect, &result, made, err);
    return rc == ST_OK ? read_result(w, result, out, err) : rc;
}
