/* SPDX-License-Identifier: Apache-2.0 */
/* code.consume, code.unavailable, code.update: whether it happened can be seen with code/get. */
#include "call.h"
#include "codec/jsonw.h"
#include "wechat/member.h"

enum { ANSWER_MAX = 1024 };

/* What WeChat says of a code of the body; *found: it knows it. */
struct look {
    struct member member;
    struct json *answer;
    bool found;
};

static void look_done(struct look *look)
{
    json_free(look->answer);
}

static enum status look_at(struct command *c, const char *code, struct deadline until,
                           struct look *out, struct err *err)
{
    const struct card card = {
        .account = c->account,
        .card_id = json_get_str(c->body, "card_id"),
        .card_code = json_get_str(c->body, code),
        .traceparent = lane_traceparent(c->lane),
    };
    enum status rc = wechat_code_get(lane_wechat(c->lane), &card, until, lane_arena(c->lane),
                                     &out->member, &out->answer, err);

    out->found = rc == ST_OK;
    return rc == ST_REJECT ? ST_OK : rc;
}

/* As code/consume answers. */
static struct str consume_answer(const struct command *c, const struct look *look)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    jsonw_key(&w, STR("card"));
    jsonw_object(&w);
    jsonw_key_str(&w, "card_id", json_get_str(json_get(look->answer, "card"), "card_id"));
    jsonw_object_end(&w);
    jsonw_key_str(&w, "openid", look->member.openid);
    jsonw_object_end(&w);
    return buf_ok(&text) ? arena_dup(lane_arena(c->lane), buf_str(&text)) : (struct str){NULL, 0};
}

static enum status probe_consume(struct command *c, struct deadline until, bool *happened,
                                 struct reply *reply, struct err *err)
{
    AUTO(look_done) struct look look = {0};
    enum status rc = look_at(c, "code", until, &look, err);

    *happened = rc == ST_OK && look.found && str_eq(look.member.status, STR("CONSUMED"));
    if (!*happened)
        return rc;
    reply_ok(reply, consume_answer(c, &look));
    return str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

static enum status probe_unavailable(struct command *c, struct deadline until, bool *happened,
                                     struct reply *reply, struct err *err)
{
    AUTO(look_done) struct look look = {0};
    enum status rc = look_at(c, "code", until, &look, err);

    *happened = rc == ST_OK && look.found && str_eq(look.member.status, STR("UNAVAILABLE"));
    if (*happened)
        reply_ok(reply, STR("{}"));
    return rc;
}

static enum status probe_update(struct command *c, struct deadline until, bool *happened,
                                struct reply *reply, struct err *err)
{
    AUTO(look_done) struct look old = {0};
    AUTO(look_done) struct look new = {0};
    enum status rc = look_at(c, "code", until, &old, err);

    if (rc == ST_OK)
        rc = look_at(c, "new_code", until, &new, err);
    *happened = rc == ST_OK && new.found && !old.found;
    if (*happened)
        reply_ok(reply, STR("{}"));
    return rc;
}

const struct special SPECIAL_CODE_CONSUME = {.type = "code.consume", .probe = probe_consume};
const struct special SPECIAL_CODE_UNAVAILABLE = {
    .type = "code.unavailable",
    .probe = probe_unavailable,
};
const struct special SPECIAL_CODE_UPDATE = {.type = "code.update", .probe = probe_update};
