/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of customer service (wechat-api 9.2). */
#include "wxsim/calls.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"

enum { BODY_MAX = 256 * 1024, TEXT_MAX = 2048 };

#define EVERY                                                                                    \
    {"touser", SIM_STRING, SIM_BAD_OPENID, 0}, {"msgtype", SIM_STRING, SIM_BAD_MESSAGE_TYPE, 0}, \
        {"customservice", SIM_OBJECT, SIM_OK, 0},                                                \
    {                                                                                            \
        "customservice.kf_account", SIM_STRING, SIM_OK, 0                                        \
    }
#define OBJECT(name)                \
    {                               \
        name, SIM_OBJECT, SIM_OK, 0 \
    }
#define MEDIA(name)                           \
    {                                         \
        name, SIM_STRING, SIM_BAD_MEDIA_ID, 0 \
    }
#define NEEDED(name, type)          \
    {                               \
        name, type, SIM_NO_FIELD, 0 \
    }
#define ALLOWED(name)               \
    {                               \
        name, SIM_STRING, SIM_OK, 0 \
    }
#define TYPE(name, fields)             \
    {                                  \
        name, fields, COUNT_OF(fields) \
    }

/* clang-format off */
static const struct sim_field fields[] = {
    {"touser", SIM_STRING, SIM_BAD_OPENID, 0},
    {"msgtype", SIM_STRING, SIM_BAD_MESSAGE_TYPE, 0},
};
static const struct sim_field text[] = {EVERY, OBJECT("text"), NEEDED("text.content", SIM_STRING)};
static const struct sim_field image[] = {EVERY, OBJECT("image"), MEDIA("image.media_id")};
static const struct sim_field voice[] = {EVERY, OBJECT("voice"), MEDIA("voice.media_id")};
static const struct sim_field video[] = {
    EVERY, OBJECT("video"), MEDIA("video.media_id"), ALLOWED("video.thumb_media_id"), ALLOWED("video.title"),
    ALLOWED("video.description"),
};
static const struct sim_field music[] = {
    EVERY, OBJECT("music"), MEDIA("music.thumb_media_id"), ALLOWED("music.title"), ALLOWED("music.description"),
    ALLOWED("music.musicurl"), ALLOWED("music.hqmusicurl"),
};
static const struct sim_field news[] = {EVERY, OBJECT("news"), NEEDED("news.articles", SIM_ARRAY)};
static const struct sim_field mpnews[] = {EVERY, OBJECT("mpnews"), MEDIA("mpnews.media_id")};
static const struct sim_field mpnewsarticle[] = {
    EVERY, OBJECT("mpnewsarticle"), NEEDED("mpnewsarticle.article_id", SIM_STRING),
};
static const struct sim_field msgmenu[] = {
    EVERY, OBJECT("msgmenu"), NEEDED("msgmenu.list", SIM_ARRAY), ALLOWED("msgmenu.head_content"),
    ALLOWED("msgmenu.tail_content"),
};
static const struct sim_field wxcard[] = {
    EVERY, OBJECT("wxcard"), {"wxcard.card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
};
static const struct sim_field miniprogrampage[] = {
    EVERY, OBJECT("miniprogrampage"), NEEDED("miniprogrampage.appid", SIM_STRING),
    NEEDED("miniprogrampage.pagepath", SIM_STRING), MEDIA("miniprogrampage.thumb_media_id"),
    ALLOWED("miniprogrampage.title"),
};

static const struct {
    const char *msgtype;
    const struct sim_field *fields;
    size_t count;
} types[] = {
    TYPE("text", text), TYPE("image", image), TYPE("voice", voice), TYPE("video", video), TYPE("music", music),
    TYPE("news", news), TYPE("mpnews", mpnews), TYPE("mpnewsarticle", mpnewsarticle), TYPE("msgmenu", msgmenu),
    TYPE("wxcard", wxcard), TYPE("miniprogrampage", miniprogrampage),
};

/* clang-format on */
static const struct sim_field article[] = {
    ALLOWED("title"),
    ALLOWED("description"),
    ALLOWED("url"),
    ALLOWED("picurl"),
};
static const struct sim_field entry[] = {
    NEEDED("id", SIM_STRING),
    NEEDED("content", SIM_STRING),
};

static int check_customservice(const struct json *body)
{
    const struct json *by = json_get(body, "customservice");

    return by != NULL && str_is_empty(json_get_str(by, "kf_account")) ? SIM_NO_FIELD : SIM_OK;
}

static int check_type(const struct sim_call *call)
{
    size_t i = 0;
    int errcode;

    while (i < COUNT_OF(types) && !str_eq_cstr(sim_call_str(call, "msgtype"), types[i].msgtype))
        i++;
    if (i == COUNT_OF(types))
        return SIM_BAD_MESSAGE_TYPE;
    errcode = sim_fields_check(call->body, types[i].fields, types[i].count, false);
    if (errcode == SIM_OK)
        errcode = sim_names_check(call->body, types[i].fields, types[i].count);
    return errcode == SIM_OK ? check_customservice(call->body) : errcode;
}

/* Articles and entries of a menu: the fields that they know, no others. */
static int check_items(const struct json *list, const struct sim_field *rows, size_t count)
{
    int errcode = sim_items_check(list, rows, count);

    for (size_t i = 0; errcode == SIM_OK && i < json_len(list); i++)
        errcode = sim_names_check(json_at(list, i), rows, count);
    return errcode;
}

static int check_content(const struct sim_call *call)
{
    const struct str card_id = json_str(sim_lookup(call->body, STR("wxcard.card_id")));
    const struct json *articles = sim_lookup(call->body, STR("news.articles"));
    struct sim_template *t;
    int errcode;

    if (json_str(sim_lookup(call->body, STR("text.content"))).len > TEXT_MAX)
        return SIM_LONG_CONTENT;
    if (str_eq(sim_call_str(call, "msgtype"), STR("news")) && json_len(articles) != 1)
        return SIM_BAD_ARGS;
    errcode = check_items(articles, article, COUNT_OF(article));
    if (errcode == SIM_OK)
        errcode = check_items(sim_lookup(call->body, STR("msgmenu.list")), entry, COUNT_OF(entry));
    if (errcode != SIM_OK)
        return errcode;
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
