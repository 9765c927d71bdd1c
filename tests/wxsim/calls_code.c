/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of one user's card: consume, unavailable, update, mark; and a user's cards
 * (wechat-api 4.11, 4.12, 4.14). */
#include "base/mem.h"
#include "wxsim/calls.h"
#include "wxsim/card_pushes.h"
#include "wxsim/errcode.h"

static const struct sim_field consume_fields[] = {
    {"code", SIM_STRING, SIM_NO_CODE, 20},
    {"card_id", SIM_STRING, SIM_OK, 32},
};

static const struct sim_field unavailable_fields[] = {
    {"code", SIM_STRING, SIM_NO_CODE, 20},
    {"card_id", SIM_STRING, SIM_OK, 32},
    {"reason", SIM_STRING, SIM_OK, 0},
};

static const struct sim_field update_fields[] = {
    {"code", SIM_STRING, SIM_NO_CODE, 20},
    {"card_id", SIM_STRING, SIM_OK, 32},
    {"new_code", SIM_STRING, SIM_NO_FIELD, 20},
};

static const struct sim_field mark_fields[] = {
    {"code", SIM_STRING, SIM_NO_CODE, 20},
    {"card_id", SIM_STRING, SIM_OK, 32},
    {"openid", SIM_STRING, SIM_NO_FIELD, 0},
    {"is_mark", SIM_BOOL, SIM_NO_FIELD, 0},
};

static const struct sim_field cards_fields[] = {
    {"openid", SIM_STRING, SIM_NO_FIELD, 0},
    {"card_id", SIM_STRING, SIM_OK, 32},
};

/* A card that nothing final has happened to: 40056 given away, 40099 consumed, 40127 all else. */
static int find_normal(const struct sim_call *call, struct sim_member **out)
{
    struct sim_member *card;
    const int errcode = sim_find_card(call, &card);

    if (errcode != SIM_OK)
        return errcode;
    if (sim_member_has_status(card, "GIFT_SUCC"))
        return SIM_BAD_CODE;
    if (sim_member_has_status(card, "CONSUMED"))
        return SIM_CONSUMED;
    if (!sim_member_has_status(card, "NORMAL"))
        return SIM_BAD_CARD_STATE;
    *out = card;
    return SIM_OK;
}

static const struct sim_template *template_of(const struct sim_call *call,
                                              const struct sim_member *card)
{
    return sim_world_template(call->world, str_from(card->appid), str_from(card->card_id));
}

static int check_consumable(const struct sim_call *call, const struct sim_member *card)
{
    const int64_t now_s = call->now_ms / 1000;

    if (card->marked_by != NULL && !str_eq_cstr(str_from(card->marked_by), card->openid))
        return SIM_MARKED_BY_OTHER;
    if (card->marked_by == NULL && template_of(call, card)->needs_mark)
        return SIM_NOT_MARKED;
    if (now_s < card->begin_s || (card->end_s > 0 && now_s > card->end_s))
        return SIM_NOT_NOW;
    return SIM_OK;
}

static int consume(struct sim_call *call)
{
    struct sim_member *card;
    int errcode = find_normal(call, &card);

    if (errcode == SIM_OK)
        errcode = check_consumable(call, card);
    if (errcode != SIM_OK)
        return errcode;
    if (!sim_member_set_text(&card->status, STR("CONSUMED")) ||
        !sim_push_consumed(call->world, card))
        return SIM_BUSY;
    card->history.consumed++;
    call->account->totals[SIM_CODES_CONSUMED]++;
    jsonw_key(&call->w, STR("card"));
    jsonw_object(&call->w);
    jsonw_key_str(&call->w, "card_id", str_from(card->card_id));
    jsonw_object_end(&call->w);
    jsonw_key_str(&call->w, "openid", str_from(card->openid));
    return SIM_OK;
}

/* The user is told, with the reason. */
static int unavailable(struct sim_call *call)
{
    struct sim_member *card;
    struct sim_message message = {
        .kind = SIM_BY_SYSTEM, .type = STR("unavailable"), .at_ms = call->now_ms};
    struct sim_user *user;
    const int errcode = find_normal(call, &card);

    if (errcode != SIM_OK)
        return errcode;
    user = sim_world_user(call->world, str_from(card->appid), str_from(card->openid));
    message.to = user;
    if (!sim_member_set_text(&card->status, STR("UNAVAILABLE")) ||
        !sim_messages_add(&call->world->messages, &message))
        return SIM_BUSY;
    user->told[SIM_BY_SYSTEM]++;
    call->account->totals[SIM_CODES_UNAVAILABLE]++;
    return SIM_OK;
}

static int update(struct sim_call *call)
{
    const struct str new_code = sim_call_str(call, "new_code");
    struct sim_member *card;
    struct err err;
    const int errcode = find_normal(call, &card);

    if (errcode != SIM_OK)
        return errcode;
    if (sim_world_member(call->world, str_from(card->appid), str_from(card->card_id), new_code) !=
        NULL)
        return SIM_INVALID_CODE;
    if (sim_world_change_code(call->world, card, new_code, &err) != ST_OK)
        return SIM_BUSY;
    call->account->totals[SIM_CODES_CHANGED]++;
    return SIM_OK;
}

/* Only who marked a code may take the mark away. */
static int mark(struct sim_call *call)
{
    const struct str openid = sim_call_str(call, "openid");
    struct sim_member *card;
    const int errcode = find_normal(call, &card);

    if (errcode != SIM_OK)
        return errcode;
    if (card->marked_by != NULL && !str_eq_cstr(openid, card->marked_by))
        return SIM_MARKED_BY_OTHER;
    if (sim_flag(call->body, "is_mark", false))
        return sim_member_set_text(&card->marked_by, openid) ? SIM_OK : SIM_BUSY;
    if (card->marked_by == NULL)
        return SIM_NOT_MARKED;
    mem_free(card->marked_by);
    card->marked_by = NULL;
    return SIM_OK;
}

/* Whose cards are asked for; read once, for all cards of the world are gone through. */
struct wanted {
    struct str appid;
    struct str openid;
    struct str card_id; /* empty: every card */
};

static bool is_wanted(const struct wanted *wanted, const struct sim_member *card)
{
    return str_eq_cstr(wanted->openid, card->openid) && str_eq_cstr(wanted->appid, card->appid) &&
           (str_is_empty(wanted->card_id) || str_eq_cstr(wanted->card_id, card->card_id)) &&
           !sim_member_has_status(card, "DELETE") && !sim_member_has_status(card, "GIFT_SUCC");
}

static int cards_of_user(struct sim_call *call)
{
    const struct wanted wanted = {str_from(call->account->appid), sim_call_str(call, "openid"),
                                  sim_call_str(call, "card_id")};

    if (sim_world_user(call->world, wanted.appid, wanted.openid) == NULL)
        return SIM_BAD_OPENID;
    jsonw_key(&call->w, STR("card_list"));
    jsonw_array(&call->w);
    for (struct map_entry *e = map_first(call->world->members); e != NULL; e = map_next(e)) {
        const struct sim_member *card = map_value(e);

        if (!is_wanted(&wanted, card))
            continue;
        jsonw_object(&call->w);
        jsonw_key_str(&call->w, "code", str_from(card->code));
        jsonw_key_str(&call->w, "card_id", str_from(card->card_id));
        jsonw_object_end(&call->w);
    }
    jsonw_array_end(&call->w);
    jsonw_key_bool(&call->w, "has_share_card", false);
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/card/code/consume", HTTP_POST, SIM_FIELDS(consume_fields), .fn = consume},
    {"/card/code/unavailable", HTTP_POST, SIM_FIELDS(unavailable_fields), .fn = unavailable},
    {"/card/code/update", HTTP_POST, SIM_FIELDS(update_fields), .fn = update},
    {"/card/code/mark", HTTP_POST, SIM_FIELDS(mark_fields), .fn = mark},
    {"/card/user/getcardlist", HTTP_POST, SIM_FIELDS(cards_fields), .fn = cards_of_user},
};
const struct sim_family SIM_CODE_CALLS = {rows, COUNT_OF(rows)};
