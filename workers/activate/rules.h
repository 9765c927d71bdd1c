/* SPDX-License-Identifier: Apache-2.0 */
/* What activation decides without asking anybody: numbers, receipts, names. No clock, no I/O. */
#pragma once

#include "base/arena.h"
#include "tables/activation_wait.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MEMBERSHIP_NUMBER_MAX = 20, /* bytes, WeChat's limit */
    CLOCKS_DIFFER_MS = 60000,   /* ours and WeChat's, at most */
};

/* [account] membership_number: "code", or "prefix:<text>": the text and as many last characters of
 * the code as fit. Absent: no memory. */
struct str membership_number(const char *rule, struct str card_code, struct arena *arena);

/* One user_get_card. */
struct receipt {
    struct str id; /* receipt_id() of its ce_id */
    int64_t at_ms;
    bool restored;
    struct str previous_card_code;
    struct str openid;
};

/* A record's id as the table has it: a longer one stands in as its hash. Absent: no memory. */
struct str receipt_id(struct str record_id, struct arena *arena);

/* Moves the row to this receipt if it is the newest, of two within one second the one with the
 * higher id, so that any order ends the same. What was asked and told before it is forgotten, what
 * came after it (its push was late) stays, seen_at always. False: it is the row's already, or an
 * older one. */
bool receipt_take(struct activation_wait *row, const struct receipt *receipt);

/* The card was active and is not any more, so it was received again, and no push has said so yet:
 * as if it had been at at_ms. Of the same row comes the same receipt. False: no memory. */
bool receipt_invent(struct activation_wait *row, int64_t at_ms, struct arena *arena);

/* The receipt's part in names: "-" while none is known. */
struct str receipt_name(const struct activation_wait *row);

/* What the activation of a receipt is called: "<card key>#<receipt>". Absent: no memory. */
struct str activation_name(const struct activation_wait *row, struct str receipt,
                           struct arena *arena);
