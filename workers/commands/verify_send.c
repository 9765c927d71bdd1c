/* SPDX-License-Identifier: Apache-2.0 */
/* verify.send: a code by the first channel that takes it. A command that comes again sends the same
 * code again; who has none of the channels gets no code that is good. */
#include "call.h"
#include "code_channels.h"
#include "codec/jsonw.h"
#include "state.h"
#include "tell.h"

#include <string.h>

enum { ANSWER_MAX = 1024 };

static struct verify_order order_of(const struct command *c)
{
    const struct settings_verify *settings = &lane_settings(c->lane)->verify;
    struct verify_order order = {
        .appid = str_from(c->account->appid),
        .openid = json_get_str(c->body, "openid"),
        .purpose = json_get_str(c->body, "purpose"),
        .identity = c->message->event.id,
        .ttl_s = settings->ttl_s,
        .attempts = settings->attempts,
    };

    (void)json_get_i64(c->body, "ttl_s", &order.ttl_s);
    (void)json_get_i64(c->body, "attempts", &order.attempts);
    return order;
}

/* Before a code is made */

static bool has_channel(const struct command *c)
{
    struct str rest = str_from(lane_settings(c->lane)->verify.channels);
    struct str word;

    while (str_cut(rest, ' ', &word, &rest)) {
        const struct code_channel *channel = code_channel_find(word);

        if (channel && channel->is_open(c))
            return true;
    }
    return false;
}

static enum status refuse_data(struct command *c, const char *text, struct err *err)
{
    (void)str_copy(STR("/body/data"), c->fault.pointer, sizeof(c->fault.pointer));
    return err_reject(err, REASON_REJECTED, "schema", "/body/data %s", text);
}

static enum status check_data(struct command *c, const struct json *data, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(CODE_DATA_MAX);
    size_t at;

    json_format(data, &text);
    if (!buf_ok(&text))
        return refuse_data(c, "is too long", err);
    if (!str_find(buf_str(&text), STR("{code}"), &at))
        return refuse_data(c, "has no {code} in any of its values", err);
    return ST_OK;
}

static enum status check(struct command *c, struct err *err)
{
    const struct json *data = json_get(c->body, "data");
    enum status rc = command_verify_ready(c, err);

    if (rc == ST_OK && data)
        rc = check_data(c, data, err);
    if (rc != ST_OK || has_channel(c))
        return rc;
    return err_reject(err, REASON_REJECTED, "verify",
                      "no channel of [verify] channels is open to this command: template and "
                      "subscribe need template_id and data, webhook needs sms_url");
}

/* Sending */

/* Nothing of it is sent once the code is over, and the command is then looked at. */
static void limit_to_code(struct command *c, const struct verify_code *code)
{
    const int64_t left_ms = code->expires_at_ms - clock_wall_ms();

    c->send_by = deadline_min(c->send_by, deadline_in(left_ms > 0 ? left_ms : 0));
    lane_look_by(c->lane, c->send_by);
}

/* ST_REJECT: by the last channel that was open, or by one whose no is meant for all. */
static enum status send(const struct code_delivery *d, const struct code_channel **by,
                        struct err *err)
{
    struct str rest = str_from(lane_settings(d->c->lane)->verify.channels);
    struct str word;
    enum status rc = ST_REJECT;

    while (str_cut(rest, ' ', &word, &rest)) {
        const struct code_channel *channel = code_channel_find(word);
        struct err why = {0};

        if (!channel || !channel->is_open(d->c))
            continue;
        buf_clear(&d->c->errmsg);
        rc = channel->send(d, &why);
        *by = channel;
        if (rc == ST_OK)
            return rc;
        *err = why;
        if (rc != ST_REJECT || !code_may_go_otherwise(&why))
            return rc;
    }
    return rc;
}

static enum status write_answer(const struct command *c, const struct code_channel *by,
                                const struct verify_code *code, struct reply *reply,
                                struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    struct jsonw w = {.out = &text};
    char expires_at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(code->expires_at_ms, expires_at);
    jsonw_object(&w);
    jsonw_key_str(&w, "channel", str_from(by->name));
    jsonw_key_str(&w, "expires_at", str_from(expires_at));
    jsonw_object_end(&w);
    *reply = (struct reply){0};
    if (by->is_wechat)
        reply_ok(reply, buf_str(&text));
    reply->answer = arena_dup(lane_arena(c->lane), buf_str(&text));
    return buf_ok(&text) && str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

static enum status deliver(struct command *c, const struct verify_order *order,
                           const struct code_delivery *d, struct reply *reply, struct err *err)
{
    const struct code_channel *by = NULL;
    struct err unable = {0};
    enum status rc;

    limit_to_code(c, d->code);
    rc = send(d, &by, err);
    if (rc == ST_OK)
        return write_answer(c, by, d->code, reply, err);
    if (rc != ST_REJECT)
        return rc;
    rc = verify_withdraw(c->lane, order, &unable);
    if (rc == ST_OK)
        return ST_REJECT;
    *err = unable;
    return rc;
}

static enum status run(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err)
{
    const struct command_state *state = lane_state(c->lane);
    const struct verify_order order = order_of(c);
    struct verify_code code = {0};
    const struct code_delivery d = {.c = c, .code = &code, .until = until};
    enum status rc = check(c, err);

    if (rc == ST_OK)
        rc = verify_begin(c->lane, &state->codes, &order, &code, err);
    if (rc == ST_OK && code.is_used) /* by which channel it went nobody wrote down */
        rc = err_reject(err, REASON_REJECTED, "verify:over", "the code is used up");
    if (rc == ST_OK)
        rc = deliver(c, &order, &d, reply, err);
    explicit_bzero(&code, sizeof(code));
    return rc;
}

/* Told after */

static enum status tell(struct command *c, const struct reply *reply, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct binding record = tell_record(c, reply, "code_sent");
    enum status rc = tell_answer(reply, &answer, err);

    if (rc != ST_OK || !answer)
        return rc;
    record.openid = json_get_str(c->body, "openid");
    record.purpose = json_get_str(c->body, "purpose");
    record.expires_at = json_get_str(answer, "expires_at");
    return lane_emit(c->lane, &EMIT_BINDING, &record, err);
}

const struct special SPECIAL_VERIFY_SEND = {.type = "verify.send", .run = run, .after = tell};
