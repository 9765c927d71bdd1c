/* SPDX-License-Identifier: Apache-2.0 */
#include "erased.h"

#include "base/header.h"

static int64_t time_of(struct str text)
{
    int64_t at_ms = 0;

    return clock_parse_rfc3339(text.ptr, text.len, &at_ms) ? at_ms : 0;
}

int64_t command_asked_ms(const struct command *c)
{
    const struct record *record = c->message->record;
    const int64_t said_ms = time_of(c->message->event.time);
    int64_t first_ms =
        time_of(header_find(record->headers, record->header_count, STR("dlq-original-timestamp")));

    if (first_ms == 0 && (said_ms == 0 || !lane_is_replay(c->lane)))
        first_ms = record->timestamp_ms;
    return said_ms > first_ms ? said_ms : first_ms;
}

/* WeChat's bodies call it code, some card_code. */
static struct str code_of(const struct json *body)
{
    struct str code = json_get_str(body, "code");

    return str_is_set(code) ? code : json_get_str(body, "card_code");
}

enum status command_refuse_erased(struct command *c, struct err *err)
{
    struct erased *erased = lane_erased(c->lane);
    const int64_t asked_ms = command_asked_ms(c);
    const struct erased_who card = {
        .appid = str_from(c->account->appid),
        .card_id = json_get_str(c->body, "card_id"),
        .card_code = code_of(c->body),
    };

    if (!erased_knows(erased, &card, asked_ms) &&
        !str_is_set(erased_named_in(erased, card.appid, c->body, asked_ms)))
        return ST_OK;
    (void)str_copy(STR("/body"), c->fault.pointer, sizeof(c->fault.pointer));
    return err_reject(err, REASON_REJECTED, "erased",
                      "/body is about somebody who was erased after it was asked for");
}

enum status command_hush_erased(const struct command *c, struct reply *reply, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct erased *erased = lane_erased(c->lane);
    enum status rc;

    if (erased_is_empty(erased) || !str_is_set(reply->answer))
        return ST_OK;
    rc = json_parse(reply->answer, &answer, err);
    if (rc == ST_OK && str_is_set(erased_named_in(erased, str_from(c->account->appid), answer,
                                                  command_asked_ms(c))))
        reply->answer = (struct str){NULL, 0};
    return rc;
}
