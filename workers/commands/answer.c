/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "base/num.h"
#include "codec/jsonw.h"
#include "model/schema_ids.h"

#include <limits.h>
#include <string.h>

enum { ERROR_MAX = 4096, ACCOUNT_MAX = 32, TYPE_MAX = 64 };

#define SIZE_TEXT "the answer is too large for a record"

/* In the arena; absent: no memory. */
static struct str error_json(const struct command *c, struct str code, struct str message)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ERROR_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    jsonw_key_str(&w, "code", str_is_empty(code) ? STR("rejected") : code);
    jsonw_key_str(&w, "message", message);
    if (c->fault.pointer[0])
        jsonw_key_str(&w, "pointer", str_from(c->fault.pointer));
    jsonw_object_end(&w);
    return buf_ok(&text) ? arena_dup(lane_arena(c->lane), buf_str(&text)) : (struct str){NULL, 0};
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a result");
}

/* As far as it can be said of a command that perhaps satisfies no schema. */
static struct str text_of(const struct command *c, const char *name, size_t max)
{
    struct str text = json_get_str(c->message->value, name);

    return text.len > 0 && text.len <= max ? text : (struct str){NULL, 0};
}

static struct result_emit describe(const struct command *c)
{
    const struct cloudevent *event = &c->message->event;
    struct result_emit out = {.key = c->message->record->key, .appid = event->appid};

    if (str_is_empty(out.key))
        out.key = event->id;
    if (str_is_empty(out.appid) && str_starts(event->source, STR(CE_SOURCE_PREFIX)))
        out.appid = str_skip(event->source, sizeof(CE_SOURCE_PREFIX) - 1);
    if (c->account)
        out.appid = str_from(c->account->appid);
    out.result.account = text_of(c, "account", ACCOUNT_MAX);
    out.result.type = text_of(c, "type", TYPE_MAX);
    out.result.command_id = event->id;
    return out;
}

/* ST_REJECT: the broker will not take it. */
static enum status send(struct command *c, const struct emit *kind, const struct result_emit *out,
                        struct err *err)
{
    enum status rc = lane_emit(c->lane, kind, out, err);

    return rc == ST_OK ? lane_flush(c->lane, err) : rc;
}

static enum status send_smaller(struct command *c, const struct emit *kind, struct result_emit *out,
                                struct err *err)
{
    struct err why = {0};
    enum status rc = send(c, kind, out, &why);

    if (rc != ST_REJECT || !str_is_set(out->result.answer.text)) {
        if (rc != ST_OK)
            *err = why;
        return rc;
    }
    out->result.answer.text = (struct str){NULL, 0};
    out->result.error.text = error_json(c, STR("size"), STR(SIZE_TEXT));
    return str_is_set(out->result.error.text) ? send(c, kind, out, err) : no_memory(err);
}

/* Whatever else becomes of the command has another id: another outcome may follow. */
static enum status emit(struct command *c, struct result_emit *out, const char *step,
                        struct err *err)
{
    struct emit kind = EMIT_WECHAT_RESULT;
    struct err why = {0};
    enum status rc;

    kind.step = step;
    rc = send_smaller(c, &kind, out, err);
    if (rc != ST_OK || !str_is_set(c->reply_to))
        return rc;
    out->topic = c->reply_to;
    rc = send_smaller(c, &kind, out, &why);
    if (rc == ST_REJECT) { /* result.wechat has it */
        lane_error(c->lane, "command.reply_to", &why);
        return ST_OK;
    }
    if (rc != ST_OK)
        *err = why;
    return rc;
}

enum status answer_done(struct command *c, const struct reply *reply, struct err *err)
{
    struct result_emit out = describe(c);

    out.result.outcome = STR("done");
    out.result.errcode = reply->errcode;
    if (!str_is_empty(reply->errmsg))
        out.result.errmsg = reply->errmsg;
    out.result.answer.text = reply->answer;
    out.result.at = reply->at;
    if (c->request_hash[0])
        out.result.request_hash = str_from(c->request_hash);
    if (reply->too_large) {
        out.result.error.text = error_json(c, STR("size"), STR(SIZE_TEXT));
        if (!str_is_set(out.result.error.text))
            return no_memory(err);
    }
    return emit(c, &out, EMIT_WECHAT_RESULT.step, err);
}

/* "wechat:40056" */
static struct opt_i64 errcode_of(const char *code)
{
    static const struct str prefix = STR_INIT("wechat:");
    struct opt_i64 errcode = {0};
    struct str text = str_from(code);

    errcode.set = str_starts(text, prefix) &&
                  num_parse_i64(str_skip(text, prefix.len), INT_MIN, INT_MAX, &errcode.value);
    return errcode;
}

enum status answer_not_done(struct command *c, const char *outcome, const struct err *why,
                            struct err *err)
{
    struct result_emit out = describe(c);
    const bool is_conflict = strcmp(why->code, "idempotency") == 0;
    struct str step = arena_printf(lane_arena(c->lane), "%s.%s", EMIT_WECHAT_RESULT.step,
                                   is_conflict ? why->code : outcome);
    char now[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(clock_wall_ms(), now);
    out.result.outcome = str_from(outcome);
    out.result.errcode = errcode_of(why->code);
    if (out.result.errcode.set && c->errmsg.len > 0)
        out.result.errmsg = buf_str(&c->errmsg);
    out.result.at = str_from(now);
    out.result.error.text = error_json(c, str_from(why->code), str_from(why->text));
    if (!str_is_set(out.result.error.text) || !str_is_set(step))
        return no_memory(err);
    return emit(c, &out, step.ptr, err);
}
