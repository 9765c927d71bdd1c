/* SPDX-License-Identifier: Apache-2.0 */
/* message.template: for ten minutes WeChat sends only once what has the same client_msg_id
 * (wechat-api 9.1), so within them a call may be made again. Afterwards, and where it is not made
 * again, whether a call that was cut has sent it is for a person to say. */
#include "call.h"
#include "codec/jsonw.h"
#include "model/id.h"

#include <string.h>

enum {
    AGAIN_MS = 9 * 60 * 1000,
    CLOCKS_APART_MS = 60 * 1000,
    MSG_ID_MAX = 32, /* bytes; an id of ours has as many */
};

/* From the record's own time, which is before the first call; one from the future says nothing, nor
 * does that of a record that was given again. */
static enum nature nature(const struct command *c)
{
    int64_t age_ms = clock_wall_ms() - c->message->record->timestamp_ms;

    if (lane_is_replay(c->lane) || deadline_passed(c->send_by))
        return NATURE_ONCE;
    return age_ms >= -CLOCKS_APART_MS && age_ms < AGAIN_MS ? NATURE_REPEATABLE : NATURE_ONCE;
}

/* The body, with the command's id where it has none of its own. */
static struct str named_body(const struct command *c)
{
    struct str body = command_body(c);
    struct str name = c->message->event.id;
    AUTO(buf_done) struct buf text = BUF_INIT(body.len + 256);
    struct jsonw w = {.out = &text};
    struct id stand_in;

    if (!str_is_set(body) || str_is_set(json_get_str(c->body, "client_msg_id")))
        return body;
    if (name.len > MSG_ID_MAX) {
        id_derive(name, STR("client_msg_id"), &stand_in);
        name = str_from(stand_in.text);
    }
    buf_add(&text, str_limit(body, body.len - 1));
    buf_add_cstr(&text, body.len > 2 ? ",\"client_msg_id\":" : "\"client_msg_id\":");
    jsonw_str(&w, name);
    buf_add_char(&text, '}');
    return buf_ok(&text) ? arena_dup(lane_arena(c->lane), buf_str(&text)) : (struct str){NULL, 0};
}

static enum status run(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err)
{
    return command_send(c, named_body(c), until, reply, err);
}

const struct special SPECIAL_MESSAGE_TEMPLATE = {
    .type = "message.template",
    .nature = nature,
    .run = run,
};
