/* SPDX-License-Identifier: Apache-2.0 */
/* verify.check: one try at a code, judged and counted in one transaction with the command's answer.
 */
#include "call.h"
#include "state.h"
#include "tell.h"

#define YES "{\"verified\":true}"
#define NO  "{\"verified\":false}"

static enum status decide(struct command *c, struct db *tx, struct reply *reply, struct err *err)
{
    const struct command_state *state = lane_state(c->lane);
    const struct verify_try t = {
        .appid = str_from(c->account->appid),
        .openid = json_get_str(c->body, "openid"),
        .purpose = json_get_str(c->body, "purpose"),
        .code = json_get_str(c->body, "code"),
    };
    bool right = false;
    enum status rc = command_verify_ready(c, err);

    if (rc == ST_OK)
        rc = verify_judge(tx, lane_arena(c->lane), &state->codes, &t, &right, err);
    if (rc == ST_OK)
        *reply = (struct reply){.answer = right ? STR(YES) : STR(NO)};
    return rc;
}

static enum status tell(struct command *c, const struct reply *reply, struct err *err)
{
    struct binding record = tell_record(c, reply, "code_verified");

    if (!str_eq(reply->answer, STR(YES)))
        return ST_OK;
    record.openid = json_get_str(c->body, "openid");
    record.purpose = json_get_str(c->body, "purpose");
    return lane_emit(c->lane, &EMIT_BINDING, &record, err);
}

const struct special SPECIAL_VERIFY_CHECK = {
    .type = "verify.check",
    .decide = decide,
    .after = tell,
};
