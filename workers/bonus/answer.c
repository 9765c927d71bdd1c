/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "codec/jsonw.h"
#include "model/bonus_result.h"
#include "model/schema_ids.h"

#include <string.h>

enum { ERROR_MAX = 2048 };

/* {"code","message"}, in the arena; absent: no memory. */
static struct str error_json(struct arena *arena, struct str code, struct str message)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ERROR_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    jsonw_key_str(&w, "code", str_is_empty(code) ? STR("rejected") : code);
    jsonw_key_str(&w, "message", message);
    jsonw_object_end(&w);
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){NULL, 0};
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a result");
}

static enum status emit(struct lane *lane, const struct bonus_result *result, const char *step,
                        struct err *err)
{
    struct emit kind = EMIT_BONUS_RESULT;

    if (step)
        kind.step = step;
    return lane_emit(lane, &kind, result, err);
}

enum status answer_entry(struct lane *lane, const struct message *message, const struct change *c,
                         struct err *err)
{
    const struct bonus_entry *e = &c->state.entry;
    const bool is_over = e->outcome != BONUS_FAILED && e->outcome != BONUS_UNKNOWN;
    struct bonus_result result = {
        .account = str_from(c->card.account->name),
        .appid = c->word.key.appid,
        .card_id = c->word.key.card_id,
        .card_code = c->word.key.card_code,
        .command_id = message->event.id,
        .outcome = bonus_outcome_name(e->outcome),
        .mode = bonus_mode_name(e->mode),
        .delta = {true, e->delta},
        .balance_delta = {e->balance.set, e->balance_delta},
        .bonus = e->bonus,
        .balance = e->balance,
        .version = e->version,
        .rev = e->rev,
        .request_hash = e->request_hash[0] ? str_from(e->request_hash) : (struct str){NULL, 0},
    };
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(e->at_ms, at);
    result.at = str_from(at);
    if (e->error_code[0]) {
        result.error.text =
            error_json(lane_arena(lane), str_from(e->error_code), str_from(e->error_message));
        if (!str_is_set(result.error.text))
            return no_memory(err);
    }
    return emit(lane, &result, is_over ? NULL : "result.failed", err);
}

/* Without an entry */

static struct str text_of(const struct json *value, const char *name)
{
    struct str text = json_get_str(value, name);

    return str_is_empty(text) ? (struct str){NULL, 0} : text;
}

/* The card is told whole or not at all. */
static void set_card(struct lane *lane, const struct message *message, struct bonus_result *result)
{
    const struct json *value = message->value;
    const struct account *account = lane_account(lane, text_of(value, "account"));
    struct str source = message->event.source;

    result->appid = message->event.appid;
    if (str_is_empty(result->appid) && str_starts(source, STR(CE_SOURCE_PREFIX)))
        result->appid = str_skip(source, sizeof(CE_SOURCE_PREFIX) - 1);
    result->card_id = text_of(value, "card_id");
    result->card_code = text_of(value, "card_code");
    if (!account)
        return;
    result->account = str_from(account->name);
    result->appid = str_from(account->appid);
}

enum status answer_without_entry(struct lane *lane, const struct message *message,
                                 enum bonus_outcome outcome, const struct err *why, struct err *err)
{
    struct bonus_result result = {
        .command_id = message->event.id,
        .outcome = bonus_outcome_name(outcome),
        .mode = bonus_mode_name(bonus_mode_of(json_get_str(message->value, "mode"))),
    };
    char at[CLOCK_RFC3339_SIZE];
    const char *step = outcome == BONUS_REJECTED ? NULL : "result.failed";

    if (strcmp(why->code, "idempotency") == 0) /* the other command's result stands beside it */
        step = "result.idempotency";
    set_card(lane, message, &result);
    clock_format_rfc3339(message->record->timestamp_ms, at); /* the same each time */
    result.at = str_from(at);
    result.error.text = error_json(lane_arena(lane), str_from(why->code), str_from(why->text));
    if (!str_is_set(result.error.text))
        return no_memory(err);
    return emit(lane, &result, step, err);
}
