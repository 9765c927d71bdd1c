/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to hand cards out: QR codes, landing pages, articles, testers (wechat-api 4.14). */
#include "base/rand.h"
#include "codec/base64.h"
#include "wxsim/calls.h"
#include "wxsim/colors.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"
#include "wxsim/merge.h"

enum {
    CARDS_MAX = 5,
    EXPIRE_MIN_S = 60,
    EXPIRE_MAX_S = 1800,
    EXPIRE_PRESET_S = 365 * 86400,
    TESTERS_MAX = 10,
    TICKET_BYTES = 48,
    TEXT_MAX = 2048,
};

static const struct sim_field qrcode_fields[] = {
    {"action_name", SIM_STRING, SIM_BAD_ACTION, 0},
    {"expire_seconds", SIM_INT, SIM_OK, 0},
    {"action_info", SIM_OBJECT, SIM_BAD_ACTION, 0},
    {"action_info.card", SIM_OBJECT, SIM_OK, 0},
    {"action_info.card.card_id", SIM_STRING, SIM_OK, 32},
    {"action_info.card.code", SIM_STRING, SIM_OK, 20},
    {"action_info.card.openid", SIM_STRING, SIM_OK, 0},
    {"action_info.card.is_unique_code", SIM_BOOL, SIM_OK, 0},
    {"action_info.card.outer_str", SIM_STRING, SIM_OK, 128},
    {"action_info.card.outer_id", SIM_INT, SIM_OK, 0},
    {"action_info.multiple_card", SIM_OBJECT, SIM_OK, 0},
    {"action_info.multiple_card.card_list", SIM_ARRAY, SIM_OK, 0},
};

static const struct sim_field listed_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"code", SIM_STRING, SIM_OK, 20},
    {"outer_str", SIM_STRING, SIM_OK, 128},
};

static const struct sim_field page_fields[] = {
    {"banner", SIM_STRING, SIM_NO_FIELD, 0},        {"page_title", SIM_STRING, SIM_NO_FIELD, 0},
    {"can_share", SIM_BOOL, SIM_NO_FIELD, 0},       {"scene", SIM_STRING, SIM_NO_FIELD, 0},
    {"card_list", SIM_ARRAY, SIM_BAD_CARD_LIST, 0},
};

static const struct sim_field page_card_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"thumb_url", SIM_STRING, SIM_NO_FIELD, 0},
};

static const struct sim_field html_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
};

static const struct sim_field tester_fields[] = {
    {"openid", SIM_ARRAY, SIM_OK, 0},
    {"username", SIM_ARRAY, SIM_OK, 0},
};

static const char *const scenes[] = {"SCENE_NEAR_BY",          "SCENE_MENU", "SCENE_QRCODE",
                                     "SCENE_ARTICLE",          "SCENE_H5",   "SCENE_IVR",
                                     "SCENE_CARD_CUSTOM_CELL", NULL};
static const struct sim_choice page_choices[] = {{"scene", scenes, SIM_BAD_ARGS}};
static const char *const banner[] = {"banner", NULL};
static const char *const thumb[] = {"thumb_url", NULL};

/* A card that a code is made of: with its own code where the platform does not know it. */
static int check_card(const struct sim_call *call, const struct json *card)
{
    const bool has_code = !str_is_empty(json_get_str(card, "code"));
    const bool unique = sim_flag(card, "is_unique_code", false);
    struct sim_template *t;
    const int errcode = sim_find_living(call, json_get_str(card, "card_id"), &t);

    if (errcode != SIM_OK)
        return errcode;
    if (sim_template_has_foreign_codes(t) && !has_code)
        return SIM_NO_CODE;
    if (sim_flag(t->content, "base_info.bind_openid", false) &&
        str_is_empty(json_get_str(card, "openid")))
        return SIM_NO_FIELD;
    if (unique && !sim_template_is_approved(t))
        return SIM_BAD_TEMPLATE_STATE;
    return unique && t->quantity == 0 ? SIM_NO_STOCK : SIM_OK;
}

static int check_cards(const struct sim_call *call, const struct json *cards)
{
    int errcode = sim_items_check(cards, listed_fields, COUNT_OF(listed_fields));

    if (json_len(cards) < 1 || json_len(cards) > CARDS_MAX)
        return SIM_BAD_CARD_LIST;
    for (size_t i = 0; errcode == SIM_OK && i < json_len(cards); i++)
        errcode = sim_names_check(json_at(cards, i), listed_fields, COUNT_OF(listed_fields));
    for (size_t i = 0; errcode == SIM_OK && i < json_len(cards); i++)
        errcode = check_card(call, json_at(cards, i));
    return errcode;
}

static int check_action(const struct sim_call *call)
{
    const struct str action = sim_call_str(call, "action_name");
    const struct json *card = sim_lookup(call->body, STR("action_info.card"));
    const struct json *many = sim_lookup(call->body, STR("action_info.multiple_card"));

    if (str_eq(action, STR("QR_CARD")))
        return card != NULL ? check_card(call, card) : SIM_BAD_ACTION;
    if (str_eq(action, STR("QR_MULTIPLE_CARD")))
        return many != NULL ? check_cards(call, json_get(many, "card_list")) : SIM_BAD_ACTION;
    return SIM_BAD_ACTION;
}

/* As it goes into an address: unpadded, without '+' and '/'. */
static void add_ticket(struct buf *out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(128);
    uint8_t bytes[TICKET_BYTES];

    rand_bytes(bytes, sizeof(bytes));
    base64_format(bytes, sizeof(bytes), &text);
    for (size_t i = 0; i < text.len; i++)
        buf_add_char(out, text.ptr[i] == '+' ? '-' : text.ptr[i] == '/' ? '_' : text.ptr[i]);
}

static int qrcode(struct sim_call *call)
{
    AUTO(buf_done) struct buf ticket = BUF_INIT(TEXT_MAX);
    int64_t expire_s = EXPIRE_PRESET_S;
    const bool expires = json_get_i64(call->body, "expire_seconds", &expire_s);
    const int errcode = check_action(call);

    if (errcode != SIM_OK)
        return errcode;
    if (expires && (expire_s < EXPIRE_MIN_S || expire_s > EXPIRE_MAX_S))
        return SIM_BAD_ACTION;
    add_ticket(&ticket);
    call->account->totals[SIM_QRCODES]++;
    jsonw_key_str(&call->w, "ticket", buf_str(&ticket));
    jsonw_key_i64(&call->w, "expire_seconds", expire_s);
    jsonw_key_str(&call->w, "url",
                  arena_printf(call->request.arena, "http://weixin.qq.com/q/%.20s", ticket.ptr));
    jsonw_key_str(&call->w, "show_qrcode_url",
                  arena_printf(call->request.arena,
                               "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=%s",
                               ticket.ptr));
    return SIM_OK;
}

static int check_page_cards(const struct sim_call *call, const struct json *cards)
{
    int errcode = sim_items_check(cards, page_card_fields, COUNT_OF(page_card_fields));

    if (json_len(cards) == 0)
        return SIM_BAD_CARD_LIST;
    for (size_t i = 0; errcode == SIM_OK && i < json_len(cards); i++) {
        struct sim_template *t;

        errcode = sim_find_living(call, json_get_str(json_at(cards, i), "card_id"), &t);
        if (errcode == SIM_OK && sim_template_has_foreign_codes(t))
            errcode = SIM_CUSTOM_CODE;
        if (errcode == SIM_OK)
            errcode = sim_pictures_check(json_at(cards, i), thumb);
    }
    return errcode;
}

static int landing_page(struct sim_call *call)
{
    int errcode = sim_choices_check(call->body, page_choices, COUNT_OF(page_choices));
    int64_t id;

    if (errcode == SIM_OK)
        errcode = sim_pictures_check(call->body, banner);
    if (errcode == SIM_OK)
        errcode = check_page_cards(call, json_get(call->body, "card_list"));
    if (errcode != SIM_OK)
        return errcode;
    id = sim_next_id(call->world);
    jsonw_key_str(&call->w, "url",
                  arena_printf(call->request.arena,
                               "https://mp.weixin.qq.com/bizmall/cardshelf?shelf_id=%lld",
                               (long long)id));
    jsonw_key_i64(&call->w, "page_id", id);
    return SIM_OK;
}

static int html(struct sim_call *call)
{
    struct sim_template *t;
    const int errcode = sim_find_living(call, sim_call_str(call, "card_id"), &t);

    if (errcode != SIM_OK)
        return errcode;
    if (sim_template_has_foreign_codes(t))
        return SIM_CUSTOM_CODE;
    jsonw_key_str(&call->w, "content",
                  arena_printf(call->request.arena,
                               "<iframe class=\"res_iframe card_iframe js_editor_card\" "
                               "data-src=\"http://mp.weixin.qq.com/bizmall/appmsgcard?action=show"
                               "&biz=1&cardid=%s&wechat_card_js=1#wechat_rediect\"></iframe>",
                               t->card_id));
    return SIM_OK;
}

static int testers(struct sim_call *call)
{
    static const char *const lists[] = {"openid", "username"};
    struct json *copy = NULL;
    size_t count = 0;
    struct err err;

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const struct json *list = json_get(call->body, lists[i]);

        count += json_len(list);
        for (size_t at = 0; at < json_len(list); at++)
            if (str_is_empty(json_str(json_at(list, at))))
                return SIM_BAD_ARGS;
    }
    if (count > TESTERS_MAX)
        return SIM_BAD_ARGS;
    if (sim_merge(NULL, call->body, &copy, &err) != ST_OK)
        return SIM_BUSY;
    json_free(call->account->testers);
    call->account->testers = copy;
    return SIM_OK;
}

static int colors(struct sim_call *call)
{
    jsonw_key(&call->w, STR("colors"));
    jsonw_array(&call->w);
    for (size_t i = 0; i < SIM_COLOR_COUNT; i++) {
        jsonw_object(&call->w);
        jsonw_key_str(&call->w, "name", str_from(SIM_COLORS[i].name));
        jsonw_key_str(&call->w, "value", str_from(SIM_COLORS[i].value));
        jsonw_object_end(&call->w);
    }
    jsonw_array_end(&call->w);
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/card/qrcode/create", HTTP_POST, SIM_FIELDS(qrcode_fields), .fn = qrcode},
    {"/card/landingpage/create", HTTP_POST, SIM_FIELDS(page_fields), .fn = landing_page},
    {"/card/mpnews/gethtml", HTTP_POST, SIM_FIELDS(html_fields), .fn = html},
    {"/card/testwhitelist/set", HTTP_POST, SIM_FIELDS(tester_fields), .fn = testers},
    {"/card/getcolors", HTTP_GET, .fn = colors},
};
const struct sim_family SIM_SHARE_CALLS = {rows, COUNT_OF(rows)};
