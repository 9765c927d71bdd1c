/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-store: every event, every member's state and every command's result into MySQL. The rows of
 * one record are written together; any order of records and any replay leaves the same rows. */
#include "base/header.h"
#include "base/num.h"
#include "model/activation.h"
#include "model/binding.h"
#include "model/event.h"
#include "model/member.h"
#include "model/wechat_result.h"
#include "run/lane.h"
#include "tables/activation.h"
#include "tables/binding.h"
#include "tables/command_result.h"
#include "tables/event.h"
#include "tables/member.h"
#include "tables/template.h"
#include "tables/upkeep.h"

enum { UPKEEP_EVERY_MS = 3600000, BODY_MAX = 4 << 20 };

/* A call that was under way when somebody was erased may end so much later. */
enum { CALL_ENDS_MS = 60000 };

static enum status put(struct lane *lane, const struct table *table, const struct db_value *row,
                       struct err *err)
{
    if (!row)
        return err_retry(err, "memory", "no memory for a row of %s", table->name);
    return lane_put(lane, table, row, err);
}

static struct opt_i64 header_number(const struct record *record, struct str name)
{
    const struct str text = header_find(record->headers, record->header_count, name);
    struct opt_i64 number = {0};

    number.set = num_parse_i64(text, 0, INT64_MAX, &number.value);
    return number;
}

static bool is_card_use(const struct event *e)
{
    return str_eq(e->event, STR("user_consume_card")) ||
           str_eq(e->event, STR("user_pay_from_pay_cell"));
}

static bool is_audit(const struct event *e)
{
    return !str_is_empty(e->card_id) && (str_eq(e->event, STR("card_pass_check")) ||
                                         str_eq(e->event, STR("card_not_pass_check")));
}

/* A record that was given again tells in its headers where it stood first. */
static struct event_origin origin_of(const struct lane *lane, const struct message *message)
{
    const struct record *record = message->record;
    struct event_origin origin = {
        .id = message->event.id,
        .body = message->data,
        .traceparent = message->event.traceparent,
        .part = {true, record->partition},
        .off = {true, record->offset},
    };

    if (lane_is_replay(lane)) {
        origin.part = header_number(record, STR("dlq-original-partition"));
        origin.off = header_number(record, STR("dlq-original-offset"));
    }
    return origin;
}

/* People who were erased (tables/erased.h) */

static bool is_erased_push(struct lane *lane, const struct event *e)
{
    const struct erased_who who = {
        .appid = e->appid,
        .openid = e->openid,
        .card_id = e->card_id,
        .card_code = e->card_code,
    };
    const struct account *account = lane_account(lane, e->account);

    if (account && account->on_revoke == ON_REVOKE_ERASE && str_is_set(event_revoked(e)))
        return true;
    return erased_knows(lane_erased(lane), &who, e->create_time.value * 1000);
}

/* Others' pushes that name them, as who gave a card or got it: as the sweep leaves such rows. */
static enum status take_names_out(struct lane *lane, const struct message *message,
                                  const struct event *e, struct str *body, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(BODY_MAX);
    const struct str named =
        erased_named_in(lane_erased(lane), e->appid, message->value, e->create_time.value * 1000);
    struct str quoted;
    struct str rest = *body;
    size_t at;

    if (!str_is_set(named))
        return ST_OK;
    quoted = arena_printf(lane_arena(lane), "\"%.*s\"", STR_ARG(named));
    while (str_is_set(quoted) && str_find(rest, quoted, &at)) {
        buf_add(&text, str_limit(rest, at));
        buf_add(&text, STR("\"erased\""));
        rest = str_skip(rest, at + quoted.len);
    }
    buf_add(&text, rest);
    *body = arena_dup(lane_arena(lane), buf_str(&text));
    return buf_ok(&text) && str_is_set(quoted) && str_is_set(*body)
               ? ST_OK
               : err_retry(err, "memory", "no memory for a body");
}

/* The row of an erased person's push is kept, without the person. */
static enum status anonymise(struct lane *lane, const struct message *message, struct event *e,
                             struct event_origin *origin, struct err *err)
{
    static const struct str none = {NULL, 0};

    if (!is_erased_push(lane, e))
        return take_names_out(lane, message, e, &origin->body, err);
    e->openid = none;
    origin->body = none;
    return ST_OK;
}

static enum status on_push(struct lane *lane, const struct message *message, struct err *err)
{
    struct arena *arena = lane_arena(lane);
    struct event_origin origin = origin_of(lane, message);
    struct str id = message->event.id;
    struct event e = {0};
    enum status rc = event_parse(message->value, &e, err);

    if (rc == ST_OK)
        rc = anonymise(lane, message, &e, &origin, err);
    if (rc == ST_OK)
        rc = put(lane, &TABLE_WECHAT_EVENT, event_row(arena, &e, &origin), err);
    if (rc == ST_OK && is_card_use(&e))
        rc = put(lane, &TABLE_CARD_USE, card_use_row(arena, &e, id), err);
    if (rc == ST_OK && is_audit(&e))
        rc = put(lane, &TABLE_CARD_TEMPLATE_STATUS, card_template_status_row(arena, &e), err);
    return rc;
}

static enum status put_form(struct lane *lane, const struct member *m, struct err *err)
{
    enum status rc = ST_OK;

    for (struct json_iter i = json_iter(m->form.tree); rc == ST_OK && json_next(&i);)
        rc = put(lane, &TABLE_MEMBER_FIELD, member_field_row(lane_arena(lane), m, i.key, i.value),
                 err);
    return rc;
}

static enum status put_custom_form(struct lane *lane, const struct member *m, struct err *err)
{
    const struct json *answers = m->custom_form.tree;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < json_len(answers); i++) {
        const struct json *answer = json_at(answers, i);
        struct str name = json_get_str(answer, "name");
        const struct json *value = json_get(answer, "values");

        if (!value)
            value = json_get(answer, "value");
        if (value && !str_is_empty(name))
            rc = put(lane, &TABLE_MEMBER_FIELD, member_field_row(lane_arena(lane), m, name, value),
                     err);
    }
    return rc;
}

static bool is_erased_member(struct lane *lane, const struct member *m)
{
    const struct erased_who who = {
        .appid = m->appid,
        .openid = m->openid,
        .unionid = m->unionid,
        .card_id = m->card_id,
        .card_code = m->card_code,
    };

    return erased_knows(lane_erased(lane), &who, m->version.value);
}

/* kabao-member asks before it tells, but a record cannot be fenced as a row can: one that came
 * after the tombstone would stand in the compacted topic for ever. One that is given again came
 * before. */
static enum status bury(struct lane *lane, const struct member *m, struct err *err)
{
    return lane_is_replay(lane) ? ST_OK : lane_emit(lane, &EMIT_MEMBER_GONE, m, err);
}

static enum status on_member(struct lane *lane, const struct message *message, struct err *err)
{
    struct member m = {0};
    enum status rc = member_parse(message->value, &m, err);

    if (rc == ST_OK && is_erased_member(lane, &m))
        return bury(lane, &m, err);
    if (rc == ST_OK)
        rc = put(lane, &TABLE_MEMBER, member_row(lane_arena(lane), &m), err);
    if (rc == ST_OK)
        rc = put_form(lane, &m, err);
    return rc == ST_OK ? put_custom_form(lane, &m, err) : rc;
}

static int64_t time_of(struct str text)
{
    int64_t at_ms = 0;

    (void)clock_parse_rfc3339(text.ptr, text.len, &at_ms);
    return at_ms;
}

static bool is_erased_activation(struct lane *lane, const struct activation *a)
{
    const struct erased_who who = {
        .appid = a->appid,
        .openid = a->openid,
        .card_id = a->card_id,
        .card_code = a->card_code,
    };

    return erased_knows(lane_erased(lane), &who, time_of(a->activated_at));
}

static enum status on_activated(struct lane *lane, const struct message *message, struct err *err)
{
    struct arena *arena = lane_arena(lane);
    struct activation a = {0};
    enum status rc = activation_parse(message->value, &a, err);

    if (rc == ST_OK && is_erased_activation(lane, &a))
        a.membership_number = (struct str){NULL, 0};
    if (rc == ST_OK)
        rc = put(lane, &TABLE_ACTIVATION, activation_row(arena, &a, message->event.id), err);
    if (rc == ST_OK)
        rc = put(lane, &TABLE_MEMBER_ACTIVATED, member_activated_row(arena, &a), err);
    return rc;
}

static enum status on_binding(struct lane *lane, const struct message *message, struct err *err)
{
    struct binding b = {0};
    enum status rc = binding_parse(message->value, &b, err);

    if (rc != ST_OK || str_is_empty(b.openid) || str_is_empty(b.scene))
        return rc;
    if (erased_knows(lane_erased(lane), &(struct erased_who){.appid = b.appid, .openid = b.openid},
                     time_of(b.at)))
        return ST_OK;
    return put(lane, &TABLE_BINDING, binding_row(lane_arena(lane), &b), err);
}

/* writer_fn */
static enum status put_result(struct db *tx, void *arg, struct err *err)
{
    return command_result_put(tx, arg, err);
}

/* An answer that is of one person, but names nobody: it could not be found again. */
static bool is_nobodys(const struct wechat_result *r)
{
    return str_eq(r->type, STR("member.temp_info"));
}

static bool is_erased_answer(struct lane *lane, const struct wechat_result *r,
                             const struct command_result *row)
{
    const struct account *account = lane_account(lane, r->account);
    const struct str appid = account ? str_from(account->appid) : (struct str){NULL, 0};

    return is_nobodys(r) || str_is_set(erased_named_in(lane_erased(lane), appid, r->answer.tree,
                                                       row->at_ms - CALL_ENDS_MS));
}

static enum status on_result(struct lane *lane, const struct message *message, struct err *err)
{
    struct wechat_result r = {0};
    struct command_result row;
    enum status rc = wechat_result_parse(message->value, &r, err);

    if (rc != ST_OK || !command_result_counts(&r))
        return rc;
    rc = command_result_of(lane_arena(lane), &r, &row, err);
    if (rc == ST_OK && is_erased_answer(lane, &r, &row))
        row.answer = row.errmsg = row.error = (struct str){NULL, 0};
    return rc == ST_OK ? lane_run(lane, put_result, &row, err) : rc;
}

/* Keeping the tables small */

/* What fails here, a missing right too, keeps nothing from being stored. */
static enum status on_tick(struct lane *lane, struct err *err UNUSED)
{
    const struct settings *settings = lane_settings(lane);
    struct upkeep done;
    struct err failure = {0};
    const enum status rc = upkeep_run(&settings->mysql, settings->store.keep_months,
                                      lane_deadline(lane), &done, &failure);

    if (rc != ST_OK)
        lane_error(lane, "upkeep.failed", &failure);
    lane_count(lane, &METRIC_STORE_UPKEEP, rc != ST_OK ? "failed" : done.busy ? "busy" : "ok");
    return ST_OK;
}

static const struct route ROUTES[] = {
    {"kabao.wechat.*", on_push},
    {"kabao.member.*", on_member},
    {"kabao.card.activated", on_activated},
    {"kabao.binding.bound", on_binding},
    {"kabao.binding.unbound", on_binding},
    {"kabao.command.result", on_result},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "store",
        .purpose =
            "keeps MySQL true to every event, every member's state and every command's result",
        .inputs = {TOPIC_EVENT_WECHAT, TOPIC_STATE_MEMBER, TOPIC_EVENT_ACTIVATION,
                   TOPIC_EVENT_BINDING, TOPIC_RESULT_WECHAT},
        .outputs = {TOPIC_STATE_MEMBER},
        .routes = ROUTES,
        .lanes = 256,
        .metric_groups = METRIC_GROUP_STORE,
        .tick = {.every_ms = UPKEEP_EVERY_MS, .fn = on_tick},
    };

    return worker_main(argc, argv, &def);
}
