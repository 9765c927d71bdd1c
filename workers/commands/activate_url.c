/* SPDX-License-Identifier: Apache-2.0 */
/* card.activate_url: beside the address, what a mini program must hand on, decoded. */
#include "call.h"
#include "codec/jsonw.h"
#include "wechat/command_call.h"

enum { EXTRA_MAX = 16384 };

static void write_extra(const struct activate_extra *extra, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, "encrypt_card_id", extra->encrypt_card_id);
    jsonw_key_str(&w, "outer_str", extra->outer_str);
    jsonw_key_str(&w, "biz", extra->biz);
    jsonw_object_end(&w);
}

/* {"url"} becomes {"url","extraData"}. */
static struct str add_extra(struct arena *arena, struct str answer, struct str extra)
{
    const char *comma = answer.len > 2 ? "," : "";

    return arena_printf(arena, "%.*s%s\"extraData\":%.*s}", (int)answer.len - 1, answer.ptr, comma,
                        STR_ARG(extra));
}

static enum status run(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(EXTRA_MAX);
    AUTO(json_freep) struct json *answer = NULL;
    struct arena *arena = lane_arena(c->lane);
    struct activate_extra extra;
    enum status rc = command_send(c, command_body(c), until, reply, err);

    if (rc != ST_OK || !str_is_set(reply->answer))
        return rc;
    rc = json_parse(reply->answer, &answer, err);
    if (rc != ST_OK)
        return rc;
    wechat_activate_extra(json_get_str(answer, "url"), arena, &extra);
    write_extra(&extra, &text);
    reply->answer = add_extra(arena, reply->answer, buf_str(&text));
    return buf_ok(&text) && str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

const struct special SPECIAL_CARD_ACTIVATE_URL = {.type = "card.activate_url", .run = run};
