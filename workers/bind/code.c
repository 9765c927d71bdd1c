/* SPDX-License-Identifier: Apache-2.0 */
#include "bind/code.h"

#include "wechat/message.h"

#include <inttypes.h>
#include <string.h>

struct coding {
    const struct scan *scan;
    const struct code_sender *sender;
    struct verify_order order;
    struct str user;
};

/* What the ledger keeps: how it went. Absent: no memory, and it is done again. */
static enum status keep(struct str text, struct str *result, struct err *err)
{
    *result = text;
    return str_is_set(text) ? ST_OK
                            : err_wait(err, "memory", deadline_in(0), "no memory for a result");
}

static enum status refuse(const char *reason, struct lane *lane, struct str *result,
                          struct err *err)
{
    return keep(arena_printf(lane_arena(lane), "{\"reason\":\"%s\"}", reason), result, err);
}

static enum status send_text(struct lane *lane, struct deadline until, const struct coding *c,
                             const struct verify_code *code, struct err *err)
{
    const struct message_to to = {
        .account = c->scan->account,
        .openid = c->scan->openid,
        .traceparent = lane_traceparent(lane),
        .until = until,
        .secret = str_from(code->text),
    };
    const struct bind_facts facts = {
        .user = c->user,
        .code = str_from(code->text),
        .ttl_s = (code->expires_at_ms - clock_wall_ms()) / 1000,
    };
    const struct str text =
        bind_text_of(c->sender->texts, c->scan->account, BIND_TEXT_CODE, &facts, lane_arena(lane));

    if (!str_is_set(text))
        return err_wait(err, "memory", deadline_in(0), "no memory for a message");
    return message_custom_text(lane_wechat(lane), &to, text, err);
}

static enum status sent(struct lane *lane, const struct verify_code *code, struct str *result,
                        struct err *err)
{
    return keep(arena_printf(lane_arena(lane), "{\"until_ms\":%" PRId64 "}", code->expires_at_ms),
                result, err);
}

static enum status withdraw(struct lane *lane, const struct coding *c, struct str *result,
                            struct err *err)
{
    struct err why = {0};

    if (verify_withdraw(lane, &c->order, &why) == ST_OK)
        return refuse("undelivered", lane, result, err);
    return err_wait(err, "mysql", deadline_in(0), "%s", why.text);
}

static enum status call_code(struct lane *lane, struct deadline until, void *arg,
                             struct str *result, struct err *err)
{
    const struct coding *c = arg;
    struct verify_code code = {.expires_at_ms = 0};
    struct err why = {0};
    enum status rc = verify_begin(lane, c->sender->key, &c->order, &code, &why);

    if (rc == ST_REJECT)
        return refuse(strcmp(why.code, "verify:over") == 0 ? "undelivered" : "limit", lane, result,
                      err);
    if (rc == ST_OK && !code.is_used)
        rc = send_text(lane, until, c, &code, &why);
    explicit_bzero(code.text, sizeof(code.text));
    if (rc == ST_OK)
        return sent(lane, &code, result, err);
    if (rc == ST_REJECT) {
        lane_warn(lane, "bind.untold", &why);
        return withdraw(lane, c, result, err);
    }
    *err = why;
    return rc;
}

static const struct step STEP_CODE = {
    .name = "bind.code",
    .nature = NATURE_REPEATABLE,
    .call = call_code,
};

static enum status read_outcome(struct lane *lane, struct str result, struct decision *d,
                                struct err *err)
{
    AUTO(json_freep) struct json *object = NULL;
    enum status rc = json_parse(result, &object, err);

    if (rc != ST_OK || json_get_i64(object, "until_ms", &d->code_until_ms))
        return rc;
    d->verdict = VERDICT_REFUSED;
    d->reason = arena_dup(lane_arena(lane), json_get_str(object, "reason"));
    return str_is_set(d->reason) ? ST_OK : err_retry(err, "memory", "no memory for a reason");
}

enum status send_code(struct lane *lane, const struct scan *scan, const struct code_sender *sender,
                      struct decision *d, struct err *err)
{
    const struct settings_verify *settings = &lane_settings(lane)->verify;
    struct coding coding = {
        .scan = scan,
        .sender = sender,
        .user = d->user,
        .order = {.appid = scan->appid,
                  .openid = scan->openid,
                  .purpose = d->purpose,
                  .identity = scan->id,
                  .ttl_s = d->code_ttl_s > 0 ? d->code_ttl_s : settings->ttl_s,
                  .attempts = settings->attempts},
    };
    const struct effect effect = {.step = &STEP_CODE, .identity = scan->id, .arg = &coding};
    struct str result = {NULL, 0};
    bool made = false;
    enum status rc;

    if (!sender->key->is_set)
        return err_reject(err, REASON_REJECTED, "verify", "[verify] key_file is not set");
    rc = lane_effect(lane, &effect, &result, &made, err);
    return rc == ST_OK ? read_outcome(lane, result, d, err) : rc;
}
