/* SPDX-License-Identifier: Apache-2.0 */
/* The calls as rows: path, nature, and what refuses one for good. */
#include "wechat/calls.h"

#include "base/attr.h"

#include <stdlib.h>
#include <string.h>

/* The card is not there or is no member card: asking again changes nothing. */
static const int no_such_card[] = {40073, 40116, 40174, 45030, 71004, 72001, 72003, 0};

#define ROW(name, verb, address, kind, ...)                                                       \
    {                                                                                             \
        .type = (name), .method = (verb), .path = (address), .nature = NATURE_##kind, __VA_ARGS__ \
    }
#define GET(name, address, kind)       ROW(name, "GET", address, kind, .final_codes = NULL)
#define POST(name, address, kind)      ROW(name, "POST", address, kind, .final_codes = NULL)
#define POST_CARD(name, address, kind) ROW(name, "POST", address, kind, .final_codes = no_such_card)
/* What cannot be taken back. */
#define POST_FINAL(name, address, kind) ROW(name, "POST", address, kind, .irreversible = true)

/* Rows that code names stand in the table as well, hence macros. */
#define CODE_DECRYPT_ROW     POST("code.decrypt", "/card/code/decrypt", READ)
#define CODE_GET_ROW         POST_CARD("code.get", "/card/code/get", READ)
#define MEMBER_ACTIVATE_ROW  POST_CARD("member.activate", "/card/membercard/activate", PROBE)
#define MEMBER_GET_ROW       POST_CARD("member.get", "/card/membercard/userinfo/get", READ)
#define MEMBER_TEMP_INFO_ROW POST("member.temp_info", "/card/membercard/activatetempinfo/get", READ)
#define MESSAGE_CUSTOM_ROW   POST("message.custom", "/cgi-bin/message/custom/send", ONCE)
#define MESSAGE_NOTICE_ROW   POST("message.subscribe", "/cgi-bin/message/subscribe/bizsend", ONCE)
#define MESSAGE_TEMPLATE_ROW POST("message.template", "/cgi-bin/message/template/send", ONCE)
#define QRCODE_CREATE_ROW    POST("qrcode.create", "/cgi-bin/qrcode/create", REPEATABLE)
/* The member may be told of it. One that is silent may be sent again: command_nature. */
#define MEMBER_UPDATE_ROW POST_CARD("member.update", "/card/membercard/updateuser", ONCE)

const struct call CALL_CODE_DECRYPT = CODE_DECRYPT_ROW;
const struct call CALL_CODE_GET = CODE_GET_ROW;
const struct call CALL_MEMBER_ACTIVATE = MEMBER_ACTIVATE_ROW;
const struct call CALL_MEMBER_GET = MEMBER_GET_ROW;
const struct call CALL_MEMBER_TEMP_INFO = MEMBER_TEMP_INFO_ROW;
const struct call CALL_MEMBER_UPDATE = MEMBER_UPDATE_ROW;

const struct call CALL_MESSAGE_CUSTOM = MESSAGE_CUSTOM_ROW;
const struct call CALL_MESSAGE_NOTICE = MESSAGE_NOTICE_ROW;
const struct call CALL_MESSAGE_TEMPLATE = MESSAGE_TEMPLATE_ROW;
const struct call CALL_QRCODE_CREATE = QRCODE_CREATE_ROW;

/* With AppSecret and a code of the member's, not with a token. A code is good once: sent again it
 * gets 40163. */
const struct call CALL_OAUTH_EXCHANGE = {
    .type = "oauth.exchange",
    .method = "GET",
    .path = "/sns/oauth2/access_token",
    .nature = NATURE_REPEATABLE,
};

const struct call CALL_TOKEN_STABLE = {
    .type = "token.stable",
    .method = "POST",
    .path = "/cgi-bin/stable_token",
    .nature = NATURE_REPEATABLE,
};

/* Each call retires the token before it. */
const struct call CALL_TOKEN_CLASSIC = {
    .type = "token.classic",
    .method = "GET",
    .path = "/cgi-bin/token",
    .nature = NATURE_REPEATABLE,
};

const struct call CALL_TICKET_GET = {
    .type = "ticket.get",
    .method = "GET",
    .path = "/cgi-bin/ticket/getticket",
    .nature = NATURE_READ,
};

static const struct call calls[] = {
    GET("autoreply.get", "/cgi-bin/get_current_autoreply_info", READ),
    POST("callback.check", "/cgi-bin/callback/check", READ),
    POST("card.activate_url", "/card/membercard/activate/geturl", READ),
    GET("card.colors", "/card/getcolors", READ),
    POST("card.create", "/card/create", ONCE),
    POST_FINAL("card.delete", "/card/delete", PROBE),
    POST("card.form.set", "/card/membercard/activateuserform/set", REPEATABLE),
    POST("card.get", "/card/get", READ),
    POST("card.landing_page", "/card/landingpage/create", REPEATABLE),
    POST("card.list", "/card/batchget", READ),
    POST("card.modify_stock", "/card/modifystock", ONCE),
    POST("card.mpnews_html", "/card/mpnews/gethtml", READ),
    POST("card.paycell", "/card/paycell/set", REPEATABLE),
    POST("card.paygift.add", "/card/paygiftcard/add", ONCE),
    POST("card.paygift.delete", "/card/paygiftcard/delete", REPEATABLE),
    POST("card.paygift.get", "/card/paygiftcard/getbyid", READ),
    POST("card.paygift.list", "/card/paygiftcard/batchget", READ),
    POST("card.qrcode", "/card/qrcode/create", REPEATABLE),
    POST("card.selfconsume", "/card/selfconsumecell/set", REPEATABLE),
    POST("card.test_whitelist", "/card/testwhitelist/set", REPEATABLE),
    POST("card.update", "/card/update", REPEATABLE),
    POST("code.check", "/card/code/checkcode", READ),
    POST_FINAL("code.consume", "/card/code/consume", PROBE),
    CODE_DECRYPT_ROW,
    POST("code.deposit", "/card/code/deposit", REPEATABLE),
    POST("code.deposit_count", "/card/code/getdepositcount", READ),
    CODE_GET_ROW,
    POST("code.mark", "/card/code/mark", REPEATABLE),
    POST_FINAL("code.unavailable", "/card/code/unavailable", PROBE),
    POST("code.update", "/card/code/update", PROBE),
    POST("media.upload", "/cgi-bin/media/upload", REPEATABLE),
    POST("media.uploadimg", "/cgi-bin/media/uploadimg", REPEATABLE),
    MEMBER_ACTIVATE_ROW,
    MEMBER_GET_ROW,
    MEMBER_TEMP_INFO_ROW,
    MEMBER_UPDATE_ROW,
    POST("menu.create", "/cgi-bin/menu/create", REPEATABLE),
    GET("menu.current", "/cgi-bin/get_current_selfmenu_info", READ),
    GET("menu.delete", "/cgi-bin/menu/delete", REPEATABLE),
    GET("menu.get", "/cgi-bin/menu/get", READ),
    MESSAGE_CUSTOM_ROW,
    MESSAGE_NOTICE_ROW,
    MESSAGE_TEMPLATE_ROW,
    QRCODE_CREATE_ROW,
    POST("quota.clear", "/cgi-bin/clear_quota", REPEATABLE),
    POST("quota.get", "/cgi-bin/openapi/quota/get", READ),
    POST("user.cards", "/card/user/getcardlist", READ),
    GET("user.info", "/cgi-bin/user/info", READ),
    GET("user.list", "/cgi-bin/user/get", READ),
};

static int compare_type(const void *type, const void *row)
{
    const struct call *call = row;

    return strcmp(type, call->type);
}

const struct call *call_find(const char *type)
{
    return bsearch(type, calls, COUNT_OF(calls), sizeof(*calls), compare_type);
}

const struct call *call_all(size_t *count)
{
    *count = COUNT_OF(calls);
    return calls;
}
