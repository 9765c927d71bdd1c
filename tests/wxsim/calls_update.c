/* SPDX-License-Identifier: Apache-2.0 */
/* Points and balance of a card (wechat-api 4.8). */
#include "wxsim/calls.h"
#include "wxsim/card_change.h"
#include "wxsim/card_pushes.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"

/* The points or the balance of a card, and what a call makes of it. */
struct amount {
    const char *name;
    const char *absolute; /* the call's fields */
    const char *add;
    const char *record;
    const char *notify;
    int over; /* the errcode of more than the limit */
    int64_t limit;
    int64_t before;
    int64_t after;
    int64_t change;
    int64_t shown; /* the change that the notice tells */
    bool asked;    /* the call says something about it */
};

static const struct amount BONUS = {
    .name = "bonus",
    .absolute = "bonus",
    .add = "add_bonus",
    .record = "record_bonus",
    .notify = "notify_optional.is_notify_bonus",
    .over = SIM_BONUS_LIMIT,
};
static const struct amount BALANCE = {
    .name = "balance",
    .absolute = "balance",
    .add = "add_balance",
    .record = "record_balance",
    .notify = "notify_optional.is_notify_balance",
    .over = SIM_BALANCE_LIMIT,
};

static const struct sim_card_text texts[] = {
    {"background_pic_url", offsetof(struct sim_member, background_pic_url)},
    {"custom_field_value1", offsetof(struct sim_member, custom_field_value1)},
    {"custom_field_value2", offsetof(struct sim_member, custom_field_value2)},
    {"custom_field_value3", offsetof(struct sim_member, custom_field_value3)},
};

/* The absolute value wins, the change is then only the number in the notice; alone it is added. */
static int read_amount(const struct json *body, struct amount *a)
{
    int64_t add = 0;
    const bool has_add = json_get_i64(body, a->add, &add);
    const bool has_absolute = json_get_i64(body, a->absolute, &a->after);

    a->asked = has_add || has_absolute;
    if (!a->asked)
        return SIM_OK;
    if (!has_absolute && __builtin_add_overflow(a->before, add, &a->after))
        return a->over;
    if (a->after > a->limit)
        return a->over;
    if (__builtin_sub_overflow(a->after, a->before, &a->change))
        return a->over;
    a->shown = has_add ? add : a->change;
    return SIM_OK;
}

static bool notifies(const struct sim_call *call, const char *option, bool preset)
{
    bool on = preset;

    (void)json_bool(sim_lookup(call->body, str_from(option)), &on);
    return on;
}

static void notice_amount(const struct sim_call *call, struct sim_member *card,
                          const struct amount *a)
{
    struct sim_notice notice = {
        .about = a->name, .add = a->shown, .value = a->after, .at_ms = call->now_ms};

    if (!a->asked || (a->shown == 0 && a->change == 0) || !notifies(call, a->notify, true))
        return;
    (void)str_copy(sim_call_str(call, a->record), notice.text, sizeof(notice.text));
    sim_history_notice(&card->history, &notice);
}

/* Only on request, and whether the value is another one or not. */
static void notice_custom_fields(const struct sim_call *call, struct sim_member *card)
{
    static const struct {
        const char *about;
        const char *field;
        const char *notify;
    } rows[] = {
        {"custom_field1", "custom_field_value1", "notify_optional.is_notify_custom_field1"},
        {"custom_field2", "custom_field_value2", "notify_optional.is_notify_custom_field2"},
        {"custom_field3", "custom_field_value3", "notify_optional.is_notify_custom_field3"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct str value = sim_call_str(call, rows[i].field);
        struct sim_notice notice = {.about = rows[i].about, .at_ms = call->now_ms};

        if (str_is_empty(value) || !notifies(call, rows[i].notify, false))
            continue;
        (void)str_copy(value, notice.text, sizeof(notice.text));
        sim_history_notice(&card->history, &notice);
    }
}

static void apply(const struct sim_call *call, struct sim_member *card, const struct amount *bonus,
                  const struct amount *balance)
{
    card->bonus = bonus->after;
    card->balance = balance->after;
    card->has_balance = card->has_balance || balance->asked;
    card->history.updates++;
    notice_amount(call, card, bonus);
    notice_amount(call, card, balance);
    notice_custom_fields(call, card);
}

int sim_call_update_user(struct sim_call *call)
{
    struct amount bonus = BONUS;
    struct amount balance = BALANCE;
    const struct sim_template *template;
    struct sim_member *card;
    int errcode = sim_find_usable_card(call, &card);

    if (errcode != SIM_OK)
        return errcode;
    template = sim_world_template(call->world, str_from(card->appid), str_from(card->card_id));
    bonus.limit = template->bonus_limit;
    bonus.before = bonus.after = card->bonus;
    balance.limit = template->balance_limit;
    balance.before = balance.after = card->balance;
    errcode = read_amount(call->body, &bonus);
    if (errcode == SIM_OK)
        errcode = read_amount(call->body, &balance);
    if (errcode == SIM_OK)
        errcode = sim_card_keep_texts(call, card, texts, COUNT_OF(texts));
    if (errcode == SIM_OK && !sim_push_update(call->world, card, bonus.change, balance.change))
        errcode = SIM_BUSY;
    if (errcode != SIM_OK)
        return errcode;
    apply(call, card, &bonus, &balance);
    jsonw_key_i64(&call->w, "result_bonus", card->bonus);
    jsonw_key_i64(&call->w, "result_balance", card->balance);
    jsonw_key_str(&call->w, "openid", str_from(card->openid));
    return SIM_OK;
}
