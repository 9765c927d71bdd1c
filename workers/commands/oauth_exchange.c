/* SPDX-License-Identifier: Apache-2.0 */
/* oauth.exchange: whose code of a web authorisation it is. Of the answer only what names the person
 * is told: the tokens in it are neither kept nor sent on. */
#include "call.h"
#include "codec/jsonw.h"
#include "state.h"
#include "wechat/oauth.h"

enum { ANSWER_MAX = 4096 };

static enum status read_answer(const struct command *c, const struct json *answer,
                               struct reply *reply, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    struct jsonw w = {.out = &text};
    struct str openid = json_get_str(answer, "openid");
    int64_t snapshot = 0;

    if (str_is_empty(openid))
        return err_retry(err, "wechat:garbage", "oauth.exchange: an answer without an openid");
    jsonw_object(&w);
    jsonw_key_str(&w, "openid", openid);
    jsonw_key_str(&w, "unionid", json_get_str(answer, "unionid"));
    jsonw_key_str(&w, "scope", json_get_str(answer, "scope"));
    if (json_get_i64(answer, "is_snapshotuser", &snapshot))
        jsonw_key_i64(&w, "is_snapshotuser", snapshot);
    jsonw_object_end(&w);
    if (!buf_ok(&text))
        return err_retry(err, "wechat:garbage", "oauth.exchange: an answer of odd length");
    reply_ok(reply, arena_dup(lane_arena(c->lane), buf_str(&text)));
    return str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

static enum status run(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct oauth_request request = {
        .account = c->account,
        .secret = command_app_secret(lane_state(c->lane), c->account),
        .code = json_get_str(c->body, "code"),
        .until = deadline_min(until, c->send_by),
    };
    enum status rc;

    if (str_is_empty(request.secret))
        return err_reject(err, REASON_REJECTED, "oauth",
                          "[account %s] secret_file is not set, or kabao-command cannot read it",
                          c->account->name);
    rc =
        oauth_exchange(lane_http(c->lane), &lane_settings(c->lane)->wechat, &request, &answer, err);
    return rc == ST_OK ? read_answer(c, answer, reply, err) : rc;
}

const struct special SPECIAL_OAUTH_EXCHANGE = {.type = "oauth.exchange", .run = run};
