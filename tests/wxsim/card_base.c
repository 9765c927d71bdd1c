/* SPDX-License-Identifier: Apache-2.0 */
/* base_info: fields, dates, stock, conflicts (wechat-api 4.1.1). */
#include "base/attr.h"
#include "wxsim/card_rules.h"
#include "wxsim/colors.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"
#include "wxsim/shape.h"

static const struct sim_field fields[] = {
    {"logo_url", SIM_STRING, SIM_NO_FIELD, 128},
    {"code_type", SIM_STRING, SIM_NO_FIELD, 0},
    {"brand_name", SIM_STRING, SIM_NO_FIELD, 36},
    {"title", SIM_STRING, SIM_NO_FIELD, 27},
    {"color", SIM_STRING, SIM_NO_FIELD, 16},
    {"notice", SIM_STRING, SIM_NO_FIELD, 48},
    {"description", SIM_STRING, SIM_NO_FIELD, 3072},
    {"sku", SIM_OBJECT, SIM_NO_FIELD, 0},
    {"sku.quantity", SIM_INT, SIM_NO_FIELD, 0},
    {"date_info", SIM_OBJECT, SIM_NO_FIELD, 0},
    {"date_info.type", SIM_STRING, SIM_NO_FIELD, 0},
    {"date_info.begin_timestamp", SIM_TIME, SIM_OK, 0},
    {"date_info.end_timestamp", SIM_TIME, SIM_OK, 0},
    {"date_info.fixed_term", SIM_INT, SIM_OK, 0},
    {"date_info.fixed_begin_term", SIM_INT, SIM_OK, 0},
    {"use_custom_code", SIM_BOOL, SIM_OK, 0},
    {"get_custom_code_mode", SIM_STRING, SIM_OK, 32},
    {"bind_openid", SIM_BOOL, SIM_OK, 0},
    {"service_phone", SIM_STRING, SIM_OK, 24},
    {"location_id_list", SIM_ARRAY, SIM_OK, 0},
    {"use_all_locations", SIM_BOOL, SIM_OK, 0},
    {"center_title", SIM_STRING, SIM_OK, 18},
    {"center_sub_title", SIM_STRING, SIM_OK, 24},
    {"center_url", SIM_STRING, SIM_OK, 128},
    {"center_app_brand_user_name", SIM_STRING, SIM_OK, 128},
    {"center_app_brand_pass", SIM_STRING, SIM_OK, 128},
    {"custom_url_name", SIM_STRING, SIM_OK, 15},
    {"custom_url", SIM_STRING, SIM_OK, 128},
    {"custom_url_sub_title", SIM_STRING, SIM_OK, 18},
    {"custom_app_brand_user_name", SIM_STRING, SIM_OK, 128},
    {"custom_app_brand_pass", SIM_STRING, SIM_OK, 128},
    {"promotion_url_name", SIM_STRING, SIM_OK, 15},
    {"promotion_url", SIM_STRING, SIM_OK, 128},
    {"promotion_url_sub_title", SIM_STRING, SIM_OK, 18},
    {"promotion_app_brand_user_name", SIM_STRING, SIM_OK, 128},
    {"promotion_app_brand_pass", SIM_STRING, SIM_OK, 128},
    {"get_limit", SIM_UINT, SIM_OK, 0},
    {"use_limit", SIM_UINT, SIM_OK, 0},
    {"can_share", SIM_BOOL, SIM_OK, 0},
    {"can_give_friend", SIM_BOOL, SIM_OK, 0},
    {"need_push_on_view", SIM_BOOL, SIM_OK, 0},
    {"pay_info", SIM_OBJECT, SIM_OK, 0},
    {"pay_info.swipe_card", SIM_OBJECT, SIM_OK, 0},
    {"pay_info.swipe_card.is_swipe_card", SIM_BOOL, SIM_OK, 0},
    {"is_pay_and_qrcode", SIM_BOOL, SIM_OK, 0},
    {"use_dynamic_code", SIM_BOOL, SIM_OK, 0},
    {"source", SIM_STRING, SIM_OK, 36},
};

/* Mini programs: the account's own, by the platform's name for them. */
static const char *const programs[] = {"center_app_brand_user_name", "custom_app_brand_user_name",
                                       "promotion_app_brand_user_name", NULL};

static const char *const code_types[] = {"CODE_TYPE_TEXT",
                                         "CODE_TYPE_BARCODE",
                                         "CODE_TYPE_QRCODE",
                                         "CODE_TYPE_ONLY_QRCODE",
                                         "CODE_TYPE_ONLY_BARCODE",
                                         "CODE_TYPE_NONE",
                                         NULL};
static const char *const date_types[] = {"DATE_TYPE_PERMANENT", "DATE_TYPE_FIX_TIME_RANGE",
                                         "DATE_TYPE_FIX_TERM", NULL};
static const char *const code_modes[] = {"GET_CUSTOM_CODE_MODE_DEPOSIT", NULL};

static const struct sim_choice choices[] = {
    {"code_type", code_types, SIM_BAD_CODE_TYPE},
    {"date_info.type", date_types, SIM_BAD_TIME},
    {"get_custom_code_mode", code_modes, SIM_BAD_CARD_PARAMS},
};

static const char *const pictures[] = {"logo_url", NULL};

static int check_range(const struct json *dates)
{
    int64_t begin_s = 0;
    int64_t end_s = 0;

    if (!json_get_i64(dates, "begin_timestamp", &begin_s) ||
        !json_get_i64(dates, "end_timestamp", &end_s))
        return SIM_NO_FIELD;
    return begin_s < end_s ? SIM_OK : SIM_BAD_DATE_RANGE;
}

static int check_term(const struct json *dates)
{
    int64_t term = 0;
    int64_t begin = 0;

    if (!json_get_i64(dates, "fixed_term", &term) ||
        !json_get_i64(dates, "fixed_begin_term", &begin))
        return SIM_NO_FIELD;
    return term > 0 && begin >= 0 ? SIM_OK : SIM_BAD_TIME;
}

/* Only member cards, and gift cards like them, are for good. */
static int check_dates(const struct json *dates, const struct sim_card_kind *kind)
{
    const struct str type = json_get_str(dates, "type");

    if (str_eq(type, STR("DATE_TYPE_FIX_TIME_RANGE")))
        return check_range(dates);
    if (str_eq(type, STR("DATE_TYPE_FIX_TERM")))
        return check_term(dates);
    return str_eq_cstr(str_from(kind->type), "MEMBER_CARD") ||
                   str_eq_cstr(str_from(kind->type), "GENERAL_CARD")
               ? SIM_OK
               : SIM_BAD_TIME;
}

static int check_stock(const struct json *base)
{
    const bool deposit = !str_is_empty(json_get_str(base, "get_custom_code_mode"));
    int64_t quantity = 0;

    (void)json_i64(sim_lookup(base, STR("sku.quantity")), &quantity);
    if (quantity < 0 || quantity > SIM_STOCK_MAX)
        return SIM_BAD_STOCK;
    if (deposit && !sim_flag(base, "use_custom_code", false))
        return SIM_BAD_CARD_PARAMS;
    return deposit && quantity != 0 ? SIM_BAD_DEPOSIT_STOCK : SIM_OK;
}

static int check_programs(const struct json *base)
{
    for (const char *const *name = programs; *name != NULL; name++) {
        const struct str program = json_get_str(base, *name);

        if (!str_is_empty(program) &&
            (!str_starts(program, STR("gh_")) || !str_ends(program, STR("@app"))))
            return SIM_BAD_MINI_PROGRAM;
    }
    return SIM_OK;
}

static int check_values(const struct json *base)
{
    const struct str color = json_get_str(base, "color");
    int errcode = sim_choices_check(base, choices, COUNT_OF(choices));

    if (errcode == SIM_OK && !str_is_empty(color) && sim_color_find(color) == NULL)
        errcode = SIM_BAD_COLOR;
    if (errcode == SIM_OK)
        errcode = sim_pictures_check(base, pictures);
    if (errcode == SIM_OK)
        errcode = check_programs(base);
    return errcode;
}

int sim_base_check(const struct json *content, const struct sim_card_kind *kind, bool partial)
{
    const struct json *base = json_get(content, "base_info");
    int errcode;

    if (!json_is(base, JSON_OBJECT))
        return base == NULL ? (partial ? SIM_OK : SIM_NO_FIELD) : SIM_BAD_ARGS;
    errcode = sim_fields_check(base, fields, COUNT_OF(fields), partial);
    if (errcode == SIM_OK)
        errcode = check_values(base);
    if (errcode == SIM_OK && json_has(base, "date_info"))
        errcode = check_dates(json_get(base, "date_info"), kind);
    if (errcode == SIM_OK && !partial)
        errcode = check_stock(base);
    return errcode;
}

int sim_conflicts_check(const struct json *content)
{
    const struct json *base = json_get(content, "base_info");
    const bool centre = !str_is_empty(json_get_str(base, "center_title"));
    const bool pays = sim_flag(base, "pay_info.swipe_card.is_swipe_card", false) ||
                      sim_flag(base, "is_pay_and_qrcode", false);

    if (centre && pays)
        return SIM_CELL_CONFLICT;
    if (sim_flag(base, "use_all_locations", false) &&
        json_len(json_get(base, "location_id_list")) > 0)
        return SIM_BAD_CARD_PARAMS;
    if (sim_flag(content, "wx_activate", false) && !sim_flag(content, "auto_activate", false) &&
        !str_is_empty(json_get_str(content, "activate_url")))
        return SIM_BAD_CARD_PARAMS;
    return SIM_OK;
}

int sim_permissions_check(const struct json *content, const struct sim_account *account)
{
    const struct json *base = json_get(content, "base_info");

    const struct {
        int errcode;
        bool wanted;
    } wants[] = {
        {SIM_NO_CUSTOM_CODES, sim_flag(base, "use_custom_code", false)},
        {SIM_NO_STORED_VALUE, sim_flag(content, "supply_balance", false)},
        {SIM_NO_BONUS, sim_flag(content, "supply_bonus", false)},
        {SIM_NO_CUSTOM_URL, !str_is_empty(json_get_str(base, "custom_url"))},
    };

    for (size_t i = 0; i < COUNT_OF(wants); i++)
        if (wants[i].wanted && sim_account_denies(account, wants[i].errcode))
            return wants[i].errcode;
    return SIM_OK;
}
