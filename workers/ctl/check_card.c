/* SPDX-License-Identifier: Apache-2.0 */
#include "check_card.h"

#include "base/attr.h"
#include "http/url.h"

#include <stdio.h>

enum { ACTIVATIONS = ACTIVATION_CRM + 1, PAGE_MAX = 200, TITLE_MAX = 60 };

static const char *const MODES[CARD_MODES] = {
    [CARD_AUTO] = "active when it is received (auto_activate)",
    [CARD_FORM] = "WeChat's form, and WeChat activates (wx_activate)",
    [CARD_JUMP] = "WeChat's form, then a page; the merchant activates (wx_activate_after_submit)",
    [CARD_PAGE] = "a page; the merchant activates (activate_url)",
    [CARD_NONE] = "no way to activate it",
};

static bool is_on(const struct json *object, const char *name)
{
    bool on = false;

    return json_bool(json_get(object, name), &on) && on;
}

static bool has_text(const struct json *object, const char *name)
{
    return !str_is_empty(str_trim(json_get_str(object, name)));
}

/* An address after the form makes it a jump, whatever the flag says. */
enum card_mode card_mode(const struct json *card)
{
    if (is_on(card, "auto_activate"))
        return CARD_AUTO;
    if (is_on(card, "wx_activate"))
        return is_on(card, "wx_activate_after_submit") ||
                       has_text(card, "wx_activate_after_submit_url")
                   ? CARD_JUMP
                   : CARD_FORM;
    if (has_text(card, "activate_url") || has_text(card, "activate_app_brand_user_name"))
        return CARD_PAGE;
    return CARD_NONE;
}

/* Status */

static const struct {
    const char *status;
    enum check_state state;
    const char *text;
} STATUSES[] = {
    {"CARD_STATUS_VERIFY_OK", CHECK_OK, "approved"},
    {"CARD_STATUS_DISPATCH", CHECK_OK, "given out in the console"},
    {"CARD_STATUS_NOT_VERIFY", CHECK_NOTE,
     "waits for WeChat's audit, up to 3 working days; card.test_whitelist lets ten testers receive "
     "it meanwhile"},
    {"CARD_STATUS_VERIFY_FAIL", CHECK_FAIL,
     "refused by WeChat's audit: the push card_not_pass_check says why (kabaoctl tail "
     "event.wechat); mend it with card.update"},
};

static void judge_status(const struct json *base, enum card_mode mode,
                         const struct check_findings *f)
{
    const struct str status = json_get_str(base, "status");
    const struct str title = str_limit(json_get_str(base, "title"), TITLE_MAX);
    enum check_state state = CHECK_NOTE;
    const char *says = "in a state that kabao does not know";

    for (size_t i = 0; i < COUNT_OF(STATUSES); i++)
        if (str_eq_cstr(status, STATUSES[i].status)) {
            state = STATUSES[i].state;
            says = STATUSES[i].text;
        }
    check_find(f, state, "%.*s: %s; activation: %s", STR_ARG(title), says, MODES[mode]);
}

/* Who activates */

struct fit {
    enum check_state state;
    const char *text; /* behind "activation = crm: "; NULL: they fit */
};

#define STAYS_INACTIVE                                                                          \
    "nobody activates the cards: set on_ticket (with landing_url) or crm, or let a program of " \
    "yours do it by cmd.activation"
#define NO_TICKET                                                                     \
    "nothing of this card leads to a page: give it activate_url, or wx_activate and " \
    "wx_activate_after_submit_url (card.update), or set activation = on_receive"

static const struct fit FITS[CARD_MODES][ACTIVATIONS] = {
    [CARD_AUTO] =
        {
            [ACTIVATION_ON_RECEIVE] = {CHECK_NOTE,
                                       "WeChat activates it by itself: the number and the points "
                                       "of the settings do not come; take auto_activate out of the "
                                       "card for those, else set activation = none"},
            [ACTIVATION_ON_TICKET] = {CHECK_NOTE,
                                      "WeChat activates it by itself and no ticket ever comes: "
                                      "set activation = none"},
            [ACTIVATION_CRM] = {CHECK_NOTE,
                                "WeChat activates it by itself, before the CRM is asked: take "
                                "auto_activate out of the card, or set activation = none"},
        },
    [CARD_FORM] =
        {
            [ACTIVATION_ON_RECEIVE] = {CHECK_NOTE,
                                       "kabao activates the card before its form is seen: few "
                                       "members will fill it in; none leaves it to WeChat"},
            [ACTIVATION_ON_TICKET] = {CHECK_NOTE,
                                      "WeChat activates it with the form, which brings no ticket: "
                                      "give the card wx_activate_after_submit_url, or set "
                                      "activation = none"},
            [ACTIVATION_CRM] = {CHECK_NOTE,
                                "WeChat activates it with the form, before the CRM answers: give "
                                "the card wx_activate_after_submit_url, or set activation = none"},
        },
    [CARD_JUMP] =
        {
            [ACTIVATION_NONE] = {CHECK_FAIL, STAYS_INACTIVE},
            [ACTIVATION_ON_RECEIVE] = {CHECK_NOTE,
                                       "kabao activates the card before its form is seen: few "
                                       "members will fill it in; on_ticket waits for the form"},
        },
    [CARD_PAGE] = {[ACTIVATION_NONE] = {CHECK_FAIL, STAYS_INACTIVE}},
    [CARD_NONE] =
        {
            [ACTIVATION_NONE] = {CHECK_FAIL,
                                 "nothing activates the cards: set on_receive, or give the card "
                                 "auto_activate, wx_activate or activate_url (card.update)"},
            [ACTIVATION_ON_TICKET] = {CHECK_FAIL, NO_TICKET},
            [ACTIVATION_CRM] = {CHECK_FAIL, NO_TICKET},
        },
};

static const char *const ACTIVATION_NAMES[ACTIVATIONS] = {
    [ACTIVATION_NONE] = "none",
    [ACTIVATION_ON_RECEIVE] = "on_receive",
    [ACTIVATION_ON_TICKET] = "on_ticket",
    [ACTIVATION_CRM] = "crm",
};

static void judge_activation(enum card_mode mode, const struct account *account,
                             const struct check_findings *f)
{
    const struct fit *fit = &FITS[mode][account->activation];

    if (!fit->text)
        return;
    check_find(f, fit->state, "[account %s] activation = %s: %s", account->name,
               ACTIVATION_NAMES[account->activation], fit->text);
}

/* The page that WeChat opens */

static bool is_own_page(struct str page, const struct account *account)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/wechat/%s/activate", account->name);
    return str_ends(page, str_from(path));
}

static void judge_page(const struct json *card, enum card_mode mode, const struct account *account,
                       const struct check_findings *f)
{
    const struct str url = str_trim(
        json_get_str(card, mode == CARD_JUMP ? "wx_activate_after_submit_url" : "activate_url"));
    const struct str page = str_limit(url_without_query(url), PAGE_MAX);
    size_t at;

    if ((mode != CARD_JUMP && mode != CARD_PAGE) || str_is_empty(url))
        return;
    if (is_own_page(page, account)) {
        if (account->landing_url)
            return;
        check_find(f, CHECK_FAIL,
                   "its page is kabao's, which is off: set [account %s] landing_url to where "
                   "members go from there",
                   account->name);
        return;
    }
    if (account->activation == ACTIVATION_ON_TICKET || account->activation == ACTIVATION_CRM) {
        check_find(f, CHECK_NOTE,
                   "WeChat opens %.*s: that page has to hand what it is given to POST "
                   "/v1/activations; kabao's own is .../wechat/%s/activate",
                   STR_ARG(page), account->name);
    }
    if (mode == CARD_JUMP && !str_find(url, STR("?"), &at))
        check_find(
            f, CHECK_NOTE,
            "WeChat appends &card_id=... to wx_activate_after_submit_url as it stands: end it in "
            "?x=1, or your page is not found");
}

/* Codes, gifts, points, stock */

static void judge_codes(const struct json *base, const struct check_findings *f)
{
    const bool deposits =
        str_eq(json_get_str(base, "get_custom_code_mode"), STR("GET_CUSTOM_CODE_MODE_DEPOSIT"));

    if (!is_on(base, "use_custom_code"))
        return;
    check_find(
        f, CHECK_NOTE,
        deposits ? "its codes are yours, imported before (code.deposit): the stock is at most as "
                   "many as were imported, and mini programs cannot open its form"
                 : "its codes are yours (use_custom_code): only JS-SDK and mini program give such "
                   "cards out, no message, article or shelf; mini programs cannot open its form");
}

static void judge_gifts(const struct json *base, const struct account *account,
                        const struct check_findings *f)
{
    if (!is_on(base, "can_give_friend"))
        return;
    check_find(f, account->on_gift == ON_GIFT_FRESH ? CHECK_NOTE : CHECK_OK,
               "members may give it away (can_give_friend), and [account %s] on_gift = %s: %s",
               account->name, account->on_gift == ON_GIFT_FRESH ? "fresh" : "transfer",
               account->on_gift == ON_GIFT_FRESH
                   ? "whoever gets it starts without the giver's points; can_give_friend = "
                     "false (card.update) forbids it, on_gift = transfer takes the points along"
                   : "the points go along");
}

static void judge_points(const struct json *card, const struct check_findings *f)
{
    bool shown = true;

    if (json_bool(json_get(card, "supply_bonus"), &shown) && !shown)
        check_find(
            f, CHECK_NOTE,
            "it shows no points (supply_bonus false): card.update can switch them on, and never "
            "off again");
}

static void judge_stock(const struct json *base, const struct check_findings *f)
{
    int64_t left = 1;

    if (json_get_i64(json_get(base, "sku"), "quantity", &left) && left <= 0)
        check_find(
            f, CHECK_FAIL,
            "none is left to be received (sku.quantity 0): card.modify_stock adds some; with "
            "codes of your own, code.deposit goes before");
}

void card_judge(const struct json *card, const struct account *account,
                const struct check_findings *f)
{
    const struct json *base = json_get(card, "base_info");
    const enum card_mode mode = card_mode(card);

    judge_status(base, mode, f);
    judge_activation(mode, account, f);
    judge_page(card, mode, account, f);
    judge_codes(base, f);
    judge_gifts(base, account, f);
    judge_points(card, f);
    judge_stock(base, f);
}
