/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/card_pushes.h"

static bool record(struct sim_world *world, const char *event, const struct sim_member *card,
                   const struct sim_push_field *fields, size_t field_count)
{
    const struct sim_account *account = sim_world_account(world, str_from(card->appid));
    const struct sim_push push = {
        .event = event,
        .appid = card->appid,
        .original_id = account->original_id,
        .openid = card->openid,
        .card_id = card->card_id,
        .code = card->code,
        .at_ms = sim_world_now_ms(world),
        .fields = fields,
        .field_count = field_count,
    };

    return sim_pushes_add(&world->pushes, &push);
}

/* An element without text is there all the same. */
static struct str text_of(const char *text)
{
    return text != NULL ? str_from(text) : STR("");
}

bool sim_push_update(struct sim_world *world, const struct sim_member *card, int64_t bonus_change,
                     int64_t balance_change)
{
    const struct sim_push_field fields[] = {
        {.name = "ModifyBonus", .number = bonus_change},
        {.name = "ModifyBalance", .number = balance_change},
    };

    if (bonus_change == 0 && balance_change == 0)
        return true;
    return record(world, "update_member_card", card, fields, COUNT_OF(fields));
}

bool sim_push_received(struct sim_world *world, const struct sim_member *card,
                       const struct sim_member *given, bool restored)
{
    const struct sim_push_field fields[] = {
        {.name = "IsGiveByFriend", .number = given != NULL},
        {.name = "FriendUserName", .text = text_of(given != NULL ? given->openid : NULL)},
        {.name = "OuterId", .number = 0},
        {.name = "OldUserCardCode", .text = text_of(given != NULL ? given->code : NULL)},
        {.name = "OuterStr", .text = text_of(card->outer_str)},
        {.name = "IsRestoreMemberCard", .number = restored},
        {.name = "IsRecommendByFriend", .number = 0},
        {.name = "UnionId", .text = text_of(card->unionid)},
    };
    const size_t without_union = COUNT_OF(fields) - 1;

    return record(world, "user_get_card", card, fields,
                  card->unionid != NULL ? COUNT_OF(fields) : without_union);
}

bool sim_push_gifting(struct sim_world *world, const struct sim_member *card,
                      struct str friend_openid, bool returned)
{
    const struct sim_push_field fields[] = {
        {.name = "IsReturnBack", .number = returned},
        {.name = "FriendUserName", .text = str_is_set(friend_openid) ? friend_openid : STR("")},
        {.name = "IsChatRoom", .number = 0},
    };

    return record(world, "user_gifting_card", card, fields, COUNT_OF(fields));
}

bool sim_push_deleted(struct sim_world *world, const struct sim_member *card)
{
    return record(world, "user_del_card", card, NULL, 0);
}

bool sim_push_submitted(struct sim_world *world, const struct sim_member *card)
{
    return record(world, "submit_membercard_user_info", card, NULL, 0);
}

static bool record_event(struct sim_world *world, const struct sim_push *values)
{
    struct sim_push push = *values;

    push.original_id = sim_world_account(world, str_from(push.appid))->original_id;
    push.at_ms = sim_world_now_ms(world);
    return sim_pushes_add(&world->pushes, &push);
}

bool sim_push_audit(struct sim_world *world, const struct sim_template *t, bool passed,
                    struct str reason)
{
    const struct sim_push_field fields[] = {{.name = "RefuseReason", .text = reason}};
    const struct sim_push push = {
        .event = passed ? "card_pass_check" : "card_not_pass_check",
        .appid = t->appid,
        .openid = "oFromWeChatItself00000000000",
        .card_id = t->card_id,
        .fields = fields,
        .field_count = COUNT_OF(fields),
    };

    return record_event(world, &push);
}

bool sim_push_consumed(struct sim_world *world, const struct sim_member *card)
{
    const struct sim_push_field fields[] = {
        {.name = "ConsumeSource", .text = STR("FROM_API")},
        {.name = "LocationName", .text = STR("")},
        {.name = "StaffOpenId", .text = STR("")},
        {.name = "VerifyCode", .text = STR("")},
        {.name = "RemarkAmount", .text = STR("")},
        {.name = "OuterStr", .text = text_of(card->outer_str)},
    };

    return record(world, "user_consume_card", card, fields, COUNT_OF(fields));
}

bool sim_push_job_finish(struct sim_world *world, const struct sim_user *to, int64_t msgid)
{
    const struct sim_push_field fields[] = {
        {.name = "MsgID", .number = msgid},
        {.name = "Status", .text = to->blocks ? STR("failed:user block") : STR("success")},
    };
    const struct sim_push push = {
        .event = "TEMPLATESENDJOBFINISH",
        .appid = to->appid,
        .openid = to->openid,
        .fields = fields,
        .field_count = COUNT_OF(fields),
    };

    return record_event(world, &push);
}
