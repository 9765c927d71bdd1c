/* SPDX-License-Identifier: Apache-2.0 */
/* The siblings of base_info: of member cards, and advanced_info of all (wechat-api 4.1.2, 5.2). */
#include "base/attr.h"
#include "wxsim/card_rules.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"
#include "wxsim/shape.h"

#define CUSTOM_FIELD(name)                                                              \
    {(name), SIM_OBJECT, SIM_OK, 0}, {name ".name_type", SIM_STRING, SIM_OK, 0},        \
        {name ".name", SIM_STRING, SIM_OK, 24}, {name ".url", SIM_STRING, SIM_OK, 128}, \
        {name ".app_brand_user_name", SIM_STRING, SIM_OK, 128},                         \
    {                                                                                   \
        name ".app_brand_pass", SIM_STRING, SIM_OK, 128                                 \
    }
#define CUSTOM_CELL(name)                                                               \
    {(name), SIM_OBJECT, SIM_OK, 0}, {name ".name", SIM_STRING, SIM_OK, 15},            \
        {name ".tips", SIM_STRING, SIM_OK, 18}, {name ".url", SIM_STRING, SIM_OK, 128}, \
        {name ".app_brand_user_name", SIM_STRING, SIM_OK, 128},                         \
    {                                                                                   \
        name ".app_brand_pass", SIM_STRING, SIM_OK, 128                                 \
    }

static const struct sim_field fields[] = {
    {"background_pic_url", SIM_STRING, SIM_OK, 128},
    {"prerogative", SIM_STRING, SIM_NO_FIELD, 3072},
    {"auto_activate", SIM_BOOL, SIM_OK, 0},
    {"wx_activate", SIM_BOOL, SIM_OK, 0},
    {"wx_activate_after_submit", SIM_BOOL, SIM_OK, 0},
    {"wx_activate_after_submit_url", SIM_STRING, SIM_OK, 128},
    {"activate_url", SIM_STRING, SIM_OK, 128},
    {"activate_app_brand_user_name", SIM_STRING, SIM_OK, 128},
    {"activate_app_brand_pass", SIM_STRING, SIM_OK, 128},
    {"supply_bonus", SIM_BOOL, SIM_NO_FIELD, 0},
    {"bonus_url", SIM_STRING, SIM_OK, 128},
    {"bonus_app_brand_user_name", SIM_STRING, SIM_OK, 128},
    {"bonus_app_brand_pass", SIM_STRING, SIM_OK, 128},
    {"bonus_cleared", SIM_STRING, SIM_OK, 128},
    {"bonus_rules", SIM_STRING, SIM_OK, 128},
    {"supply_balance", SIM_BOOL, SIM_NO_FIELD, 0},
    {"balance_url", SIM_STRING, SIM_OK, 128},
    {"balance_app_brand_user_name", SIM_STRING, SIM_OK, 128},
    {"balance_app_brand_pass", SIM_STRING, SIM_OK, 128},
    {"balance_rules", SIM_STRING, SIM_OK, 128},
    CUSTOM_FIELD("custom_field1"),
    CUSTOM_FIELD("custom_field2"),
    CUSTOM_FIELD("custom_field3"),
    CUSTOM_CELL("custom_cell1"),
    CUSTOM_CELL("custom_cell2"),
    CUSTOM_CELL("custom_cell3"),
    {"bonus_rule", SIM_OBJECT, SIM_OK, 0},
    {"bonus_rule.cost_money_unit", SIM_UINT, SIM_OK, 0},
    {"bonus_rule.increase_bonus", SIM_UINT, SIM_OK, 0},
    {"bonus_rule.max_increase_bonus", SIM_UINT, SIM_OK, 0},
    {"bonus_rule.init_increase_bonus", SIM_UINT, SIM_OK, 0},
    {"bonus_rule.cost_bonus_unit", SIM_UINT, SIM_OK, 0},
    {"bonus_rule.reduce_money", SIM_UINT, SIM_OK, 0},
    {"bonus_rule.least_money_to_use_bonus", SIM_UINT, SIM_OK, 0},
    {"bonus_rule.max_reduce_bonus", SIM_UINT, SIM_OK, 0},
    {"discount", SIM_UINT, SIM_OK, 0},
};

/* Texts that the flags make necessary. */
static const struct sim_field bonus_texts[] = {
    {"bonus_cleared", SIM_STRING, SIM_NO_FIELD, 128},
    {"bonus_rules", SIM_STRING, SIM_NO_FIELD, 128},
};
static const struct sim_field balance_texts[] = {
    {"balance_rules", SIM_STRING, SIM_NO_FIELD, 128},
};

static const char *const name_types[] = {
    "FIELD_NAME_TYPE_LEVEL",      "FIELD_NAME_TYPE_COUPON",     "FIELD_NAME_TYPE_STAMP",
    "FIELD_NAME_TYPE_DISCOUNT",   "FIELD_NAME_TYPE_ACHIEVEMEN", "FIELD_NAME_TYPE_MILEAGE",
    "FIELD_NAME_TYPE_SET_POINTS", "FIELD_NAME_TYPE_TIMS",       NULL};
static const struct sim_choice choices[] = {
    {"custom_field1.name_type", name_types, SIM_BAD_ARGS},
    {"custom_field2.name_type", name_types, SIM_BAD_ARGS},
    {"custom_field3.name_type", name_types, SIM_BAD_ARGS},
};

static const char *const pictures[] = {"background_pic_url", NULL};
static const char *const slots[] = {"custom_field1", "custom_field2", "custom_field3"};

int sim_member_card_slots(const struct json *content)
{
    size_t used = 0;

    for (size_t i = 0; i < COUNT_OF(slots); i++) {
        const struct json *slot = json_get(content, slots[i]);

        if (slot == NULL)
            continue;
        used++;
        if (str_is_empty(json_get_str(slot, "name_type")) &&
            str_is_empty(json_get_str(slot, "name")))
            return SIM_NO_FIELD;
    }
    used += sim_flag(content, "supply_bonus", false);
    used += sim_flag(content, "supply_balance", false);
    return used > COUNT_OF(slots) ? SIM_TOO_MANY_FIELDS : SIM_OK;
}

static int check_texts(const struct json *content)
{
    int errcode = SIM_OK;

    if (sim_flag(content, "supply_bonus", false))
        errcode = sim_fields_check(content, bonus_texts, COUNT_OF(bonus_texts), false);
    if (errcode == SIM_OK && sim_flag(content, "supply_balance", false))
        errcode = sim_fields_check(content, balance_texts, COUNT_OF(balance_texts), false);
    return errcode;
}

static int check_jump(const struct json *content)
{
    const struct str url = json_get_str(content, "wx_activate_after_submit_url");

    if (str_is_empty(url))
        return sim_flag(content, "wx_activate_after_submit", false) ? SIM_NO_FIELD : SIM_OK;
    return str_starts(url, STR("http://")) || str_starts(url, STR("https://")) ? SIM_OK
                                                                               : SIM_BAD_ARGS;
}

int sim_member_card_check(const struct json *content, bool partial)
{
    int errcode = sim_fields_check(content, fields, COUNT_OF(fields), partial);

    if (errcode == SIM_OK)
        errcode = sim_choices_check(content, choices, COUNT_OF(choices));
    if (errcode == SIM_OK)
        errcode = sim_pictures_check(content, pictures);
    if (errcode == SIM_OK && !partial)
        errcode = check_texts(content);
    if (errcode == SIM_OK)
        errcode = sim_member_card_slots(content);
    if (errcode == SIM_OK && !partial)
        errcode = check_jump(content);
    return errcode;
}

static const struct sim_field advanced[] = {
    {"use_condition", SIM_OBJECT, SIM_OK, 0},
    {"use_condition.accept_category", SIM_STRING, SIM_OK, 512},
    {"use_condition.reject_category", SIM_STRING, SIM_OK, 512},
    {"use_condition.least_cost", SIM_UINT, SIM_OK, 0},
    {"use_condition.object_use_for", SIM_STRING, SIM_OK, 512},
    {"use_condition.can_use_with_other_discount", SIM_BOOL, SIM_OK, 0},
    {"abstract", SIM_OBJECT, SIM_OK, 0},
    {"abstract.abstract", SIM_STRING, SIM_OK, 24},
    {"share_friends", SIM_BOOL, SIM_OK, 0},
};
static const struct sim_field image_texts[] = {
    {"image_url", SIM_STRING, SIM_NO_FIELD, 128},
    {"text", SIM_STRING, SIM_NO_IMAGE_TEXT, 512},
};
static const struct sim_field time_limits[] = {
    {"type", SIM_STRING, SIM_NO_FIELD, 0}, {"begin_hour", SIM_UINT, SIM_OK, 0},
    {"begin_minute", SIM_UINT, SIM_OK, 0}, {"end_hour", SIM_UINT, SIM_OK, 0},
    {"end_minute", SIM_UINT, SIM_OK, 0},
};
static const char *const lists[] = {"abstract.icon_url_list", "text_image_list", "business_service",
                                    "time_limit"};
static const char *const services[] = {"BIZ_SERVICE_DELIVER", "BIZ_SERVICE_FREE_PARK",
                                       "BIZ_SERVICE_WITH_PET", "BIZ_SERVICE_FREE_WIFI", NULL};
static const char *const days[] = {"MONDAY",   "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY",
                                   "SATURDAY", "SUNDAY",  "HOLIDAY",   NULL};
static const char *const image_urls[] = {"image_url", NULL};
static const struct sim_choice time_choices[] = {{"type", days, SIM_BAD_ARGS}};

static int check_icons(const struct json *icons)
{
    for (size_t i = 0; i < json_len(icons); i++) {
        const struct str url = json_str(json_at(icons, i));

        if (!str_is_set(url) || url.len > 128)
            return SIM_BAD_ICON;
        if (!sim_is_picture(url))
            return SIM_BAD_PICTURE_URL;
    }
    return SIM_OK;
}

static int check_services(const struct json *list)
{
    for (size_t i = 0; i < json_len(list); i++)
        if (!sim_is_one_of(json_str(json_at(list, i)), services))
            return SIM_BAD_ARGS;
    return SIM_OK;
}

static int check_lists(const struct json *info)
{
    const struct json *images = json_get(info, "text_image_list");
    const struct json *times = json_get(info, "time_limit");
    int errcode = sim_items_check(images, image_texts, COUNT_OF(image_texts));

    for (size_t i = 0; errcode == SIM_OK && i < json_len(images); i++)
        errcode = sim_pictures_check(json_at(images, i), image_urls);
    if (errcode == SIM_OK)
        errcode = sim_items_check(times, time_limits, COUNT_OF(time_limits));
    for (size_t i = 0; errcode == SIM_OK && i < json_len(times); i++)
        errcode = sim_choices_check(json_at(times, i), time_choices, COUNT_OF(time_choices));
    if (errcode == SIM_OK)
        errcode = check_icons(sim_lookup(info, STR("abstract.icon_url_list")));
    return errcode == SIM_OK ? check_services(json_get(info, "business_service")) : errcode;
}

int sim_advanced_check(const struct json *content, const struct sim_card_kind *kind)
{
    const struct json *info = json_get(content, "advanced_info");
    int64_t least_cost = 0;
    int errcode;

    if (info == NULL)
        return SIM_OK;
    if (!json_is(info, JSON_OBJECT))
        return SIM_BAD_JSON;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const struct json *list = sim_lookup(info, str_from(lists[i]));

        if (list != NULL && !json_is(list, JSON_ARRAY))
            return SIM_BAD_JSON;
    }
    errcode = sim_fields_check(info, advanced, COUNT_OF(advanced), true);
    if (errcode != SIM_OK)
        return errcode;
    (void)json_i64(sim_lookup(info, STR("use_condition.least_cost")), &least_cost);
    if (least_cost != 0 && !str_eq_cstr(str_from(kind->type), "CASH") &&
        !str_eq_cstr(str_from(kind->type), "GIFT"))
        return SIM_LEAST_COST_NOT_HERE;
    return check_lists(info);
}
