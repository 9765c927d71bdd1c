/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-command: a command in, WeChat's answer out. What a body must look like stands in
 * schemas/commands, what a call is in common/wechat/calls.c; here is only the order of things:
 *
 *   read -> refused | call (commands/call.c: the ledger, once) -> told -> answer
 *   (commands/answer.c)
 */
#include "commands/answer.h"
#include "commands/call.h"
#include "commands/erased.h"
#include "commands/state.h"
#include "model/schema_ids.h"

#include <string.h>

/* Reading */

/* What an answer needs, of a record that may be anything. */
static struct command command_of(struct lane *lane, const struct message *message)
{
    struct str reply_to = json_get_str(message->value, "reply_to");
    struct command c = {
        .lane = lane,
        .message = message,
        .account = lane_account(lane, json_get_str(message->value, "account")),
        .special = special_find(""),
        .body = json_get(message->value, "body"),
        .errmsg = BUF_INIT(COMMAND_ERRMSG_MAX),
    };

    if (str_has_word(str_from(lane_settings(lane)->topic.reply_to_allowed), reply_to))
        c.reply_to = reply_to;
    return c;
}

void command_done(struct command *c)
{
    buf_done(&c->errmsg);
}

static enum status refuse(struct command *c, const char *pointer, const char *code,
                          const char *text, struct err *err)
{
    (void)str_copy(str_from(pointer), c->fault.pointer, sizeof(c->fault.pointer));
    return err_reject(err, REASON_REJECTED, code, "%s %s", pointer, text);
}

static enum status take_deadline(struct command *c, struct err *err)
{
    struct str text = json_get_str(c->message->value, "deadline");
    int64_t at_ms = 0;

    if (!str_is_set(text))
        return ST_OK;
    if (!clock_parse_rfc3339(text.ptr, text.len, &at_ms))
        return refuse(c, "/deadline", "schema", "is no time of RFC 3339", err);
    at_ms -= clock_wall_ms();
    c->send_by = deadline_in(at_ms > 0 ? at_ms : 0);
    lane_look_by(c->lane, c->send_by);
    return ST_OK;
}

static enum status command_read(struct command *c, struct err *err)
{
    const struct command_state *state = lane_state(c->lane);
    const struct json *value = c->message->value;
    enum status rc = command_check(state->types, value, &c->type, &c->fault, err);

    if (rc != ST_OK)
        return rc;
    c->special = special_find(c->type->call->type);
    if (!c->account)
        return refuse(c, "/account", "account", "is none of the settings", err);
    if (json_has(value, "reply_to") && !str_is_set(c->reply_to))
        return refuse(c, "/reply_to", "reply_to", "is not in [topic] reply_to_allowed", err);
    if (c->type->is_ours && !c->special->run && !c->special->decide)
        return refuse(c, "/type", "type", "is no command of this installation", err);
    return take_deadline(c, err);
}

/* Carrying out */

static enum status carried_out(struct command *c, const struct reply *reply, struct err *err)
{
    enum status rc = ST_OK;

    if (c->special->after)
        rc = c->special->after(c, reply, err);
    if (rc == ST_OK && c->special->after)
        rc = lane_flush(c->lane, err);
    return rc == ST_OK ? answer_done(c, reply, err) : rc;
}

static enum status on_command(struct lane *lane, const struct message *message, struct err *err)
{
    AUTO(command_done) struct command c = command_of(lane, message);
    struct reply reply = {0};
    struct err why = {0};
    enum status rc = command_read(&c, &why);

    if (rc == ST_OK && c.special != &SPECIAL_MEMBER_ERASE)
        rc = command_refuse_erased(&c, &why);
    if (rc == ST_OK)
        rc = command_carry_out(&c, &reply, &why);
    if (rc == ST_OK)
        return carried_out(&c, &reply, err);
    if (rc == ST_REJECT && why.reason == REASON_EXPIRED)
        return answer_not_done(&c, "expired", &why, err);
    if (rc == ST_REJECT && why.reason != REASON_OUTCOME_UNKNOWN)
        return answer_not_done(&c, "rejected", &why, err);
    *err = why;
    return rc;
}

/* A command that nobody tries any more, or that a person must look at: its dead letter follows. */
static enum status on_dead(struct lane *lane, const struct message *message, const struct err *why,
                           struct err *err)
{
    AUTO(command_done) struct command c = command_of(lane, message);
    const char *outcome = why->reason == REASON_OUTCOME_UNKNOWN ? "unknown" : "failed";
    struct err named = *why;

    if (!message->value || str_is_empty(message->event.id))
        return ST_OK;
    (void)str_copy(str_from(reason_name(why->reason)), named.code, sizeof(named.code));
    return answer_not_done(&c, outcome, &named, err);
}

/* The program */

static const struct route ROUTES[] = {
    {CE_TYPE_COMMAND_PREFIX "*", on_command},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "command",
        .purpose = "makes the WeChat calls that others ask for, and tells what became of them",
        .inputs = {TOPIC_CMD_WECHAT},
        .outputs = {TOPIC_RESULT_WECHAT, TOPIC_EVENT_ACTIVATION, TOPIC_EVENT_BINDING,
                    TOPIC_STATE_MEMBER, TOPIC_CMD_TOKEN},
        .replies = true,
        .routes = ROUTES,
        .calls_wechat = true,
        .state_size = sizeof(struct command_state),
        .open = command_open,
        .close = command_close,
        .on_dead = on_dead,
    };

    return worker_main(argc, argv, &def);
}
