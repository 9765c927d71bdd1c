/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of customer service (wechat-api 9.2). */
#include "wxsim/calls.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"

enum { BODY_MAX = 256 * 1024, TEXT_MAX = 2048 };

static const struct sim_field fields[] = {
    {"touser", SIM_STRING, SIM_BAD_OPENID, 0},
    {"msgtype", SIM_STRING, SIM_BAD_MESSAGE_TYPE, 0},
    {"customservice", SIM_OBJECT, SIM_OK, 0},
    {"customservice.kf_account", SIM_STRING, SIM_OK, 0},
};

/* Objects of a msgtype and what they must have. */
static const struct {
    const char *msgtype;
    struct sim_field needs;
} types[] = {
    {"text", {"text.content", SIM_STRING, SIM_NO_FIELD, 0}},
    {"image", {"image.media_id", SIM_STRING, SIM_BAD_MEDIA_ID, 0}},
    {"voice", {"voice.media_id", SIM_STRING, SIM_BAD_MEDIA_ID, 0}},
    {"video", {"video.media_id", SIM_STRING, SIM_BAD_MEDIA_ID, 0}},
    {"music", {"music.thumb_media_id", SIM_STRING, SIM_BAD_MEDIA_ID, 0}},
    {"news", {"news.articles", SIM_ARRAY, SIM_NO_FIELD, 0}},
    {"mpnews", {"mpnews.media_id", SIM_STRING, SIM_BAD_MEDIA_ID, 0}},
    {"mpnewsarticle", {"mpnewsarticle.article_id", SIM_STRING, SIM_NO_FIELD, 0}},
    {"msgmenu", {"msgmenu.list", SIM_ARRAY, SIM_NO_FIELD, 0}},
    {"wxcard", {"wxcard.card_id", SIM_STRING, SIM_NO_CARD_ID, 32}},
    {"miniprogrampage", {"miniprogrampage.appid", SIM_STRING, SIM_NO_FIELD, 0}},
    {"miniprogrampage", {"miniprogrampage.pagepath", SIM_STRING, SIM_NO_FIELD, 0}},
    {"miniprogrampage", {"miniprogrampage.thumb_media_id", SIM_STRING, SIM_BAD_MEDIA_ID, 0}},
};

static int check_type(const struct sim_call *call)
{
    const struct str msgtype = sim_call_str(call, "msgtype");
    bool known = false;
    int errcode = SIM_OK;

    for (size_t i = 0; errcode == SIM_OK && i < COUNT_OF(types); i++) {
        if (!str_eq_cstr(msgtype, types[i].msgtype))
            continue;
        known = true;
        errcode = sim_fields_check(call->body, &types[i].needs, 1, false);
    }
    return known ? errcode : SIM_BAD_MESSAGE_TYPE;
}

static int check_content(const struct sim_call *call)
{
    const struct str card_id = json_str(sim_lookup(call->body, STR("wxcard.card_id")));
    struct sim_template *t;
    int errcode;

    if (json_str(sim_lookup(call->body, STR("text.content"))).len > TEXT_MAX)
        return SIM_LONG_CONTENT;
    if (str_eq(sim_call_str(call, "msgtype"), STR("news")) &&
        json_len(sim_lookup(call->body, STR("news.articles"))) != 1)
        return SIM_BAD_ARGS;
    if (!str_eq(sim_call_str(call, "msgtype"), STR("wxcard")))
        return SIM_OK;
    errcode = sim_find_living(call, card_id, &t);
    if (errcode != SIM_OK)
        return errcode;
    return sim_template_has_foreign_codes(t) ? SIM_CUSTOM_CODE : SIM_OK;
}

static int keep(struct sim_call *call, struct sim_user *user)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct sim_message message = {
        .kind = SIM_BY_CUSTOM,
        .to = user,
        .type = sim_call_str(call, "msgtype"),
        .at_ms = call->now_ms,
    };

    json_format(call->body, &body);
    message.body = buf_str(&body);
    if (!buf_ok(&body) || !sim_messages_add(&call->world->messages, &message))
        return SIM_BUSY;
    user->told[SIM_BY_CUSTOM]++;
    user->since_contact++;
    call->account->totals[SIM_CUSTOM_MESSAGES]++;
    return SIM_OK;
}

static int send_custom(struct sim_call *call)
{
    struct sim_user *user =
        sim_world_user(call->world, str_from(call->account->appid), sim_call_str(call, "touser"));
    int errcode = user != NULL ? check_type(call) : SIM_BAD_OPENID;

    if (errcode == SIM_OK)
        errcode = check_content(call);
    if (errcode == SIM_OK)
        errcode = sim_user_may_be_written_to(user, call->now_ms / 1000);
    return errcode == SIM_OK ? keep(call, user) : errcode;
}

static const struct sim_call_def rows[] = {
    {"/cgi-bin/message/custom/send", HTTP_POST, .open = true, SIM_FIELDS(fields),
     .fn = send_custom},
};
const struct sim_family SIM_CUSTOM_CALLS = {rows, COUNT_OF(rows)};
