/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "base/hex.h"
#include "codec/crypto.h"
#include "codec/jsonw.h"
#include "codec/utf8.h"
#include "erased.h"
#include "wechat/command_call.h"

#include <string.h>

enum {
    BODY_MAX = 2 << 20,
    QUERY_MAX = 8 * 1024,
    ANSWER_MAX = 2 << 20, /* an HTTP reply has 1 MiB at most */
    KEPT_MAX = 60 * 1024, /* of an answer; the ledger keeps 64 KiB (effects.h) */
    KEPT_TEXT_MAX = 64 * 1024,
};

enum status command_no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a call");
}

/* One call */

static struct str keep(const struct command *c, const struct buf *text)
{
    return buf_ok(text) ? arena_dup(lane_arena(c->lane), buf_str(text)) : (struct str){NULL, 0};
}

static bool is_get(const struct command *c)
{
    return strcmp(c->type->call->method, "GET") == 0;
}

struct str command_body(const struct command *c)
{
    AUTO(buf_done) struct buf text = BUF_INIT(BODY_MAX);

    if (is_get(c))
        wechat_query_write(c->body, &text);
    else
        wechat_body_write(c->body, &text);
    return keep(c, &text);
}

static struct wechat_request request_of(struct command *c, const struct call *call, struct str body,
                                        struct deadline until)
{
    return (struct wechat_request){
        .account = c->account,
        .call = call,
        .body = body,
        .traceparent = lane_traceparent(c->lane),
        .until = until,
    };
}

void reply_ok(struct reply *reply, struct str answer)
{
    *reply = (struct reply){.errcode = {true, 0}, .errmsg = STR("ok"), .answer = answer};
}

static enum status read_answer(const struct command *c, const struct json *answer,
                               struct reply *reply, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);

    wechat_answer_write(answer, &text);
    reply_ok(reply, keep(c, &text));
    reply->errmsg = arena_dup(lane_arena(c->lane),
                              utf8_cut(json_get_str(answer, "errmsg"), COMMAND_ERRMSG_MAX));
    return str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

static enum status refuse_query(struct command *c, struct err *err)
{
    (void)str_copy(STR("/body"), c->fault.pointer, sizeof(c->fault.pointer));
    return err_reject(err, REASON_REJECTED, "schema", "/body is too long for the query of a GET");
}

enum status command_call(struct command *c, const struct call *call, struct str body,
                         struct deadline until, struct json **answer, struct err *err)
{
    struct wechat_request request = request_of(c, call, body, until);

    buf_clear(&c->errmsg);
    request.send_by = c->send_by;
    request.errmsg = &c->errmsg;
    return wechat_call(lane_wechat(c->lane), &request, answer, err);
}

enum status command_send(struct command *c, struct str body, struct deadline until,
                         struct reply *reply, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    enum status rc;

    if (!str_is_set(body))
        return command_no_memory(err);
    if (is_get(c) && body.len > QUERY_MAX)
        return refuse_query(c, err);
    rc = command_call(c, c->type->call, body, until, &answer, err);
    if (rc == ST_OK)
        return read_answer(c, answer, reply, err);
    if (rc != ST_RETRY || strcmp(err->code, "http:size") != 0)
        return rc;
    /* No refusal is that long. */
    reply_ok(reply, (struct str){NULL, 0});
    reply->errmsg = (struct str){NULL, 0};
    reply->too_large = true;
    return ST_OK;
}

enum status command_ask(struct command *c, const struct call *call, struct str body,
                        struct deadline until, struct json **answer, struct err *err)
{
    const struct wechat_request request = request_of(c, call, body, until);

    return wechat_call(lane_wechat(c->lane), &request, answer, err);
}

/* Before each call. */
static enum status may_send(const struct command *c, struct err *err)
{
    if (deadline_passed(c->send_by))
        return err_reject(err, REASON_EXPIRED, "deadline",
                          "the deadline passed before it was done");
    if (c->type->call->irreversible && lane_is_replay(c->lane))
        return err_reject(err, REASON_REJECTED, "replay",
                          "what cannot be taken back is not replayed: send a new command");
    return ST_OK;
}

static enum status run(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err)
{
    enum status rc = may_send(c, err);

    if (rc != ST_OK)
        return rc;
    if (c->special->run)
        return c->special->run(c, until, reply, err);
    return command_send(c, command_body(c), until, reply, err);
}

/* What the ledger keeps: {"at","errcode","errmsg","answer"}, so that a command that comes again
 * gets the same result */

static enum status stamp(const struct command *c, struct reply *reply, struct err *err)
{
    char now[CLOCK_RFC3339_SIZE];

    if (str_is_set(reply->at))
        return ST_OK;
    clock_format_rfc3339(clock_wall_ms(), now);
    reply->at = arena_dup(lane_arena(c->lane), str_from(now));
    return str_is_set(reply->at) ? ST_OK : command_no_memory(err);
}

static void write_kept(const struct reply *reply, struct buf *out)
{
    const bool fits = reply->answer.len <= KEPT_MAX;
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, "at", reply->at);
    if (reply->errcode.set)
        jsonw_key_i64(&w, "errcode", reply->errcode.value);
    jsonw_key_str(&w, "errmsg", reply->errmsg);
    if (reply->too_large || !fits)
        jsonw_key_bool(&w, "too_large", true);
    if (str_is_set(reply->answer) && fits) {
        jsonw_key(&w, STR("answer"));
        jsonw_raw(&w, reply->answer);
    }
    jsonw_object_end(&w);
}

static enum status keep_reply(const struct command *c, struct reply *reply, struct str *result,
                              struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(KEPT_TEXT_MAX);
    enum status rc = stamp(c, reply, err);

    if (rc == ST_OK)
        rc = command_hush_erased(c, reply, err);
    if (rc != ST_OK)
        return rc;
    write_kept(reply, &text);
    *result = keep(c, &text);
    return str_is_set(*result) ? ST_OK : command_no_memory(err);
}

/* A person may have said "done": then nothing was kept. */
static enum status read_kept(const struct command *c, struct str result, struct reply *reply,
                             struct err *err)
{
    AUTO(json_freep) struct json *kept = NULL;
    AUTO(buf_done) struct buf answer = BUF_INIT(KEPT_TEXT_MAX);
    struct arena *arena = lane_arena(c->lane);
    enum status rc = str_is_set(result) ? json_parse(result, &kept, err) : stamp(c, reply, err);

    if (rc != ST_OK || !str_is_set(result))
        return rc;
    reply->at = arena_dup(arena, json_get_str(kept, "at"));
    reply->errcode.set = json_get_i64(kept, "errcode", &reply->errcode.value);
    reply->errmsg = arena_dup(arena, json_get_str(kept, "errmsg"));
    reply->too_large = json_has(kept, "too_large");
    if (!json_has(kept, "answer"))
        return ST_OK;
    json_format(json_get(kept, "answer"), &answer);
    reply->answer = keep(c, &answer);
    return str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

/* The effect: one step, named by the command's id, of three natures or decided in the database */

static enum status call(struct lane *lane UNUSED, struct deadline until, void *arg,
                        struct str *result, struct err *err)
{
    struct command *c = arg;
    struct reply reply = {0};
    enum status rc = run(c, until, &reply, err);

    return rc == ST_OK ? keep_reply(c, &reply, result, err) : rc;
}

static enum status probe(struct lane *lane UNUSED, struct deadline until, void *arg, bool *happened,
                         struct str *result, struct err *err)
{
    struct command *c = arg;
    struct reply reply = {0};
    enum status rc = c->special->probe(c, until, happened, &reply, err);

    return rc == ST_OK && *happened ? keep_reply(c, &reply, result, err) : rc;
}

static enum status decide(struct db *tx, struct lane *lane UNUSED, void *arg, struct str *result,
                          struct err *err)
{
    struct command *c = arg;
    struct reply reply = {0};
    enum status rc = may_send(c, err);

    if (rc == ST_OK)
        rc = c->special->decide(c, tx, &reply, err);
    return rc == ST_OK ? keep_reply(c, &reply, result, err) : rc;
}

#define STEP "command"
static const struct step STEP_AGAIN = {.name = STEP, .nature = NATURE_REPEATABLE, .call = call};
static const struct step STEP_ONCE = {.name = STEP, .nature = NATURE_ONCE, .call = call};
static const struct step STEP_PROBE = {
    .name = STEP,
    .nature = NATURE_PROBE,
    .call = call,
    .probe = probe,
};
static const struct step STEP_DECIDE = {
    .name = STEP,
    .nature = NATURE_REPEATABLE,
    .decide = decide,
};

/* NULL: it only reads. */
static const struct step *step_of(const struct command *c)
{
    const struct special *special = c->special;

    if (special->decide)
        return &STEP_DECIDE;
    switch (special->nature ? special->nature(c) : command_nature(c->type, c->body)) {
    case NATURE_READ: return NULL;
    case NATURE_REPEATABLE: return &STEP_AGAIN;
    case NATURE_PROBE: return special->probe ? &STEP_PROBE : &STEP_ONCE;
    case NATURE_ONCE: break;
    }
    return &STEP_ONCE;
}

static enum status only_read(struct command *c, struct reply *reply, struct err *err)
{
    enum status rc = run(c, lane_deadline(c->lane), reply, err);

    if (rc == ST_OK)
        rc = command_hush_erased(c, reply, err);
    return rc == ST_OK ? stamp(c, reply, err) : rc;
}

enum status command_carry_out(struct command *c, struct reply *reply, struct err *err)
{
    const struct step *step = step_of(c);
    uint8_t hash[SHA256_LEN];
    struct effect effect = {.step = step, .identity = c->message->event.id, .arg = c};
    struct str result = {NULL, 0};
    bool made = false;
    enum status rc;

    if (!step)
        return only_read(c, reply, err);
    sha256(c->message->data, hash);
    hex_format(hash, sizeof(hash), c->request_hash);
    effect.request_hash = str_from(c->request_hash);
    rc = lane_effect(c->lane, &effect, &result, &made, err);
    return rc == ST_OK ? read_kept(c, result, reply, err) : rc;
}
