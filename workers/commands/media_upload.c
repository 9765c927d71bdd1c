/* SPDX-License-Identifier: Apache-2.0 */
/* media.uploadimg, media.upload: the body is ours, WeChat gets a form. */
#include "call.h"
#include "media.h"
#include "wechat/command_call.h"

enum { ANSWER_MAX = 1 << 20 };

static void warn_elsewhere(struct lane *lane)
{
    struct err err;

    (void)err_retry(&err, "media:elsewhere",
                    "WeChat put the picture elsewhere than on mmbiz.qpic.cn: card fields answer "
                    "40141 to it; upload it again later");
    lane_warn(lane, "media.elsewhere", &err);
}

static enum status read_answer(struct command *c, const struct json *answer, struct reply *reply,
                               struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    struct str kept = {NULL, 0};

    wechat_answer_write(answer, &text);
    if (buf_ok(&text))
        kept = arena_dup(lane_arena(c->lane), buf_str(&text));
    if (!str_is_set(kept))
        return command_no_memory(err);
    if (media_is_elsewhere(answer))
        warn_elsewhere(c->lane);
    reply_ok(reply, kept);
    return ST_OK;
}

static enum status upload(struct command *c, struct deadline until, struct reply *reply,
                          struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct media_request request = {
        .wechat = lane_wechat(c->lane),
        .http = lane_http(c->lane),
        .hosts = str_from(lane_settings(c->lane)->media.hosts),
        .body = c->body,
        .call =
            {
                .account = c->account,
                .call = c->type->call,
                .traceparent = lane_traceparent(c->lane),
                .until = until,
                .send_by = c->send_by,
                .errmsg = &c->errmsg,
            },
    };
    enum status rc;

    buf_clear(&c->errmsg);
    rc = media_send(&request, &answer, err);
    return rc == ST_OK ? read_answer(c, answer, reply, err) : rc;
}

const struct special SPECIAL_MEDIA_UPLOADIMG = {.type = "media.uploadimg", .run = upload};
const struct special SPECIAL_MEDIA_UPLOAD = {.type = "media.upload", .run = upload};
