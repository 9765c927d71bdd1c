/* SPDX-License-Identifier: Apache-2.0 */
#include "activate/rules.h"

#include "model/id.h"

#include <string.h>

static const struct str PREFIX = STR_INIT("prefix:");

/* The longest tail of at most max bytes that begins with a character. */
static struct str tail(struct str text, size_t max)
{
    while (text.len > max) {
        size_t step = str_utf8_step(text);

        text = str_skip(text, step > 0 ? step : 1);
    }
    return text;
}

struct str membership_number(const char *rule, struct str card_code, struct arena *arena)
{
    struct str text = str_from(rule);
    struct str prefix = STR("");

    if (str_starts(text, PREFIX))
        prefix = str_limit(str_skip(text, PREFIX.len), MEMBERSHIP_NUMBER_MAX);
    card_code = tail(card_code, MEMBERSHIP_NUMBER_MAX - prefix.len);
    return arena_printf(arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(card_code));
}

struct str receipt_id(struct str record_id, struct arena *arena)
{
    struct id stand_in;

    if (record_id.len <= ACTIVATION_WAIT_ID_MAX)
        return arena_dup(arena, record_id);
    id_derive(record_id, STR("receipt"), &stand_in);
    return arena_dup(arena, str_from(stand_in.text));
}

static bool is_newer(const struct receipt *receipt, const struct activation_wait *row)
{
    if (str_is_empty(row->receipt_id))
        return true;
    if (receipt->at_ms != row->received_at_ms)
        return receipt->at_ms > row->received_at_ms;
    return str_cmp(receipt->id, row->receipt_id) > 0;
}

static bool is_before(int64_t ours_ms, const struct receipt *receipt)
{
    return ours_ms + CLOCKS_DIFFER_MS < receipt->at_ms;
}

static void forget_older(struct activation_wait *row, const struct receipt *receipt)
{
    if (is_before(row->asked_at_ms, receipt))
        row->asked_at_ms = 0;
    if (is_before(row->overdue_at_ms, receipt))
        row->overdue_at_ms = 0;
    if (is_before(row->ticket_at_ms, receipt)) {
        row->ticket_at_ms = 0;
        row->ticket_id = (struct str){NULL, 0};
        row->form = (struct str){NULL, 0};
    }
    if (row->asked_at_ms == 0)
        row->due_at_ms = 0;
    row->told_at_ms = 0;
}

bool receipt_take(struct activation_wait *row, const struct receipt *receipt)
{
    if (str_eq(row->receipt_id, receipt->id) || !is_newer(receipt, row))
        return false;
    row->receipt_id = receipt->id;
    row->received_at_ms = receipt->at_ms;
    row->restored = receipt->restored;
    row->previous_card_code = receipt->previous_card_code;
    row->openid = receipt->openid;
    forget_older(row, receipt);
    return true;
}

bool receipt_invent(struct activation_wait *row, int64_t at_ms, struct arena *arena)
{
    struct str name = activation_name(row, receipt_name(row), arena);
    struct receipt receipt = {.at_ms = at_ms, .restored = true, .openid = row->openid};
    struct id id;

    if (!str_is_set(name))
        return false;
    id_derive(name, STR("again"), &id);
    receipt.id = arena_printf(arena, "-%s", id.text);
    if (!str_is_set(receipt.id))
        return false;
    /* Whatever the clocks say, it comes after what is known. */
    if (receipt.at_ms <= row->received_at_ms)
        receipt.at_ms = row->received_at_ms + 1;
    return receipt_take(row, &receipt);
}

struct str receipt_name(const struct activation_wait *row)
{
    return str_is_empty(row->receipt_id) ? STR("-") : row->receipt_id;
}

struct str activation_name(const struct activation_wait *row, struct str receipt,
                           struct arena *arena)
{
    return arena_printf(arena, "%.*s:%.*s:%.*s#%.*s", STR_ARG(row->appid), STR_ARG(row->card_id),
                        STR_ARG(row->card_code), STR_ARG(receipt));
}
