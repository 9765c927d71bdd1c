/* SPDX-License-Identifier: Apache-2.0 */
/* card/create and card/update (wechat-api 4.1, 4.10, 5). */
#include "base/mem.h"
#include "base/rand.h"
#include "wxsim/calls.h"
#include "wxsim/card_pushes.h"
#include "wxsim/card_rules.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"
#include "wxsim/merge.h"

enum { CARD_ID_BYTES = 28, URL_CARDS_MAX = 5 };

static const struct sim_field create_fields[] = {
    {"card", SIM_OBJECT, SIM_NO_FIELD, 0},
    {"card.card_type", SIM_STRING, SIM_NO_FIELD, 0},
};

static const struct sim_field update_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
};

/* Of other types than member cards: what is theirs alone. */
static const struct {
    const char *type;
    struct sim_field field;
} own_fields[] = {
    {"GENERAL_COUPON", {"default_detail", SIM_STRING, SIM_NO_FIELD, 3072}},
    {"GROUPON", {"deal_detail", SIM_STRING, SIM_NO_FIELD, 3072}},
    {"CASH", {"least_cost", SIM_UINT, SIM_OK, 0}},
    {"CASH", {"reduce_cost", SIM_UINT, SIM_NO_FIELD, 0}},
    {"DISCOUNT", {"discount", SIM_UINT, SIM_NO_FIELD, 0}},
    {"GIFT", {"gift", SIM_STRING, SIM_NO_FIELD, 3072}},
    {"GENERAL_CARD", {"sub_card_type", SIM_STRING, SIM_NO_FIELD, 0}},
    {"MEETING_TICKET", {"meeting_detail", SIM_STRING, SIM_NO_FIELD, 0}},
    {"SCENIC_TICKET", {"ticket_class", SIM_STRING, SIM_OK, 0}},
    {"MOVIE_TICKET", {"detail", SIM_STRING, SIM_OK, 0}},
    {"BOARDING_PASS", {"from", SIM_STRING, SIM_NO_FIELD, 0}},
    {"BOARDING_PASS", {"to", SIM_STRING, SIM_NO_FIELD, 0}},
};

static int check_own(const struct json *content, const struct sim_card_kind *kind, bool partial)
{
    int errcode = SIM_OK;

    for (size_t i = 0; errcode == SIM_OK && i < COUNT_OF(own_fields); i++)
        if (str_eq_cstr(str_from(kind->type), own_fields[i].type))
            errcode = sim_fields_check(content, &own_fields[i].field, 1, partial);
    return errcode;
}

static int check_content(const struct json *content, const struct sim_card_kind *kind, bool partial)
{
    int errcode = sim_base_check(content, kind, partial);

    if (errcode == SIM_OK)
        errcode = str_eq_cstr(str_from(kind->type), "MEMBER_CARD")
                      ? sim_member_card_check(content, partial)
                      : check_own(content, kind, partial);
    return errcode == SIM_OK ? sim_advanced_check(content, kind) : errcode;
}

static int check_new(const struct sim_call *call, const struct sim_card_kind *kind,
                     const struct json *content)
{
    int errcode;

    if (kind == NULL)
        return SIM_BAD_CARD_TYPE;
    if (kind->closed)
        return SIM_GONE;
    if (!json_is(content, JSON_OBJECT))
        return SIM_NO_FIELD;
    if (sim_account_denies(call->account, SIM_NOT_ALLOWED))
        return SIM_NOT_ALLOWED;
    if (sim_account_denies(call->account, SIM_NO_MEMBER_CARDS))
        return SIM_NO_MEMBER_CARDS;
    errcode = check_content(content, kind, false);
    if (errcode == SIM_OK)
        errcode = sim_conflicts_check(content);
    return errcode == SIM_OK ? sim_permissions_check(content, call->account) : errcode;
}

static void make_card_id(char out[CARD_ID_BYTES + 1])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    out[0] = 'p';
    for (size_t i = 1; i < CARD_ID_BYTES; i++)
        out[i] = letters[rand_below(sizeof(letters) - 1)];
    out[CARD_ID_BYTES] = '\0';
}

static bool fill(struct sim_template *t, const struct sim_call *call,
                 const struct sim_card_kind *kind, const struct json *content)
{
    const bool waits = call->account->audit != NULL;
    struct err err;

    json_free(t->content);
    t->content = NULL;
    if (!sim_template_set_status(t, waits ? "CARD_STATUS_NOT_VERIFY" : "CARD_STATUS_VERIFY_OK") ||
        !sim_member_set_text(&t->card_type, str_from(kind->type)) ||
        sim_merge(NULL, content, &t->content, &err) != ST_OK)
        return false;
    t->use_custom_code = sim_flag(content, "base_info.use_custom_code", false);
    t->deposit =
        !str_is_empty(json_str(sim_lookup(content, STR("base_info.get_custom_code_mode"))));
    (void)json_i64(sim_lookup(content, STR("base_info.sku.quantity")), &t->quantity);
    t->total_quantity = t->quantity;
    return true;
}

static int create(struct sim_call *call)
{
    const struct json *card = json_get(call->body, "card");
    const struct sim_card_kind *kind = sim_card_kind(json_get_str(card, "card_type"));
    const struct json *content = kind != NULL ? json_get(card, kind->key) : NULL;
    const int errcode = check_new(call, kind, content);
    char card_id[CARD_ID_BYTES + 1];
    struct sim_template *t;
    struct err err;

    if (errcode != SIM_OK)
        return errcode;
    make_card_id(card_id);
    t = sim_template_new(str_from(call->account->appid), str_from(card_id), call->now_ms / 1000);
    if (t == NULL || !fill(t, call, kind, content)) {
        sim_template_free(t);
        return SIM_BUSY;
    }
    if (sim_world_add_template(call->world, t, &err) != ST_OK)
        return SIM_BUSY;
    call->account->totals[SIM_CARDS_CREATED]++;
    jsonw_key_str(&call->w, "card_id", str_from(card_id));
    if (call->account->audit == NULL && !sim_push_audit(call->world, t, true, STR("")))
        return SIM_BUSY;
    return SIM_OK;
}

/* Stays what it was at the card's birth. */
static const char *const fixed[] = {"sku", "use_custom_code", "get_custom_code_mode", "bind_openid",
                                    NULL};

static int check_fixed(const struct json *change)
{
    const struct json *base = json_get(change, "base_info");

    for (const char *const *name = fixed; *name != NULL; name++)
        if (json_has(base, *name))
            return SIM_BAD_ARGS;
    return SIM_OK;
}

static int64_t time_of(const struct json *content, const char *name)
{
    int64_t at_s = 0;

    (void)json_i64(sim_lookup(content, str_from(name)), &at_s);
    return at_s;
}

/* The type stays and the period only grows. */
static int check_period(const struct json *before, const struct json *change)
{
    static const char begin[] = "base_info.date_info.begin_timestamp";
    static const char end[] = "base_info.date_info.end_timestamp";
    const struct str type = json_str(sim_lookup(change, STR("base_info.date_info.type")));

    if (!str_is_set(type))
        return sim_lookup(change, STR("base_info.date_info")) == NULL ? SIM_OK : SIM_BAD_DATE_RANGE;
    if (!str_eq(type, json_str(sim_lookup(before, STR("base_info.date_info.type")))))
        return SIM_BAD_DATE_RANGE;
    if (!str_eq(type, STR("DATE_TYPE_FIX_TIME_RANGE")))
        return SIM_OK;
    return time_of(change, begin) <= time_of(before, begin) &&
                   time_of(change, end) >= time_of(before, end)
               ? SIM_OK
               : SIM_BAD_DATE_RANGE;
}

static int check_flags(const struct json *before, const struct json *change)
{
    static const char *const flags[] = {"supply_bonus", "supply_balance"};

    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (sim_flag(before, flags[i], false) && !sim_flag(change, flags[i], true))
            return SIM_NO_WAY_BACK;
    return SIM_OK;
}

static int check_follow_up(const struct json *change)
{
    static const char *const lists[] = {"activate_msg_operation.url_cell.card_id_list",
                                        "modify_msg_operation.url_cell.card_id_list"};

    for (size_t i = 0; i < COUNT_OF(lists); i++)
        if (json_len(sim_lookup(change, str_from(lists[i]))) > URL_CARDS_MAX)
            return SIM_TOO_MANY_CARDS;
    return SIM_OK;
}

static int check_change(const struct sim_template *t, const struct sim_card_kind *kind,
                        const struct json *change)
{
    int errcode = check_fixed(change);

    if (errcode == SIM_OK)
        errcode = check_period(t->content, change);
    if (errcode == SIM_OK)
        errcode = check_content(change, kind, true);
    if (errcode == SIM_OK)
        errcode = check_flags(t->content, change);
    return errcode == SIM_OK ? check_follow_up(change) : errcode;
}

/* Which changes go to audit: of member cards title and description, of others five (4.10). */
static bool needs_check(const struct sim_template *t, const struct json *change)
{
    static const char *const names[] = {"title", "description", "logo_url", "color", "notice"};
    const size_t count = sim_template_is(t, "MEMBER_CARD") ? 2 : COUNT_OF(names);

    for (size_t i = 0; i < count; i++)
        if (json_has(json_get(change, "base_info"), names[i]))
            return true;
    return false;
}

static int keep_change(struct sim_call *call, struct sim_template *t, const struct json *change)
{
    struct json *merged = NULL;
    struct err err;
    int errcode;

    if (sim_merge(t->content, change, &merged, &err) != ST_OK)
        return SIM_BUSY;
    errcode = sim_conflicts_check(merged);
    if (errcode == SIM_OK && sim_template_is(t, "MEMBER_CARD"))
        errcode = sim_member_card_slots(merged);
    if (errcode == SIM_OK)
        errcode = sim_permissions_check(merged, call->account);
    if (errcode != SIM_OK) {
        json_free(merged);
        return errcode;
    }
    json_free(t->content);
    t->content = merged;
    t->update_s = call->now_ms / 1000;
    call->account->totals[SIM_CARDS_UPDATED]++;
    return SIM_OK;
}

static int update(struct sim_call *call)
{
    const struct sim_card_kind *kind = sim_card_kind_in(call->body);
    struct sim_template *t;
    bool check;
    int errcode = sim_find_living(call, sim_call_str(call, "card_id"), &t);

    if (errcode != SIM_OK)
        return errcode;
    if (kind == NULL)
        return SIM_NO_FIELD;
    if (!sim_template_is(t, kind->type))
        return SIM_BAD_CARD_TYPE;
    errcode = check_change(t, kind, json_get(call->body, kind->key));
    if (errcode == SIM_OK)
        errcode = keep_change(call, t, json_get(call->body, kind->key));
    if (errcode != SIM_OK)
        return errcode;
    check = needs_check(t, json_get(call->body, kind->key));
    jsonw_key_bool(&call->w, "send_check", check);
    if (check && call->account->audit == NULL && !sim_push_audit(call->world, t, true, STR("")))
        return SIM_BUSY;
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/card/create", HTTP_POST, .open = true, SIM_FIELDS(create_fields), .fn = create},
    {"/card/update", HTTP_POST, .open = true, SIM_FIELDS(update_fields), .fn = update},
};
const struct sim_family SIM_CREATE_CALLS = {rows, COUNT_OF(rows)};
