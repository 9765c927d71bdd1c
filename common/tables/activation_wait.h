/* SPDX-License-Identifier: Apache-2.0 */
/* activation_wait: what kabao-activate knows of a card since its last receipt, one row per card.
 * Written in the order of the card's key; two instances at one card, of which one does not know yet
 * that it lost the partition, never undo each other's changes: each is made on the locked row. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

/* Of receipt_id, ticket_id and acting. */
enum { ACTIVATION_WAIT_ID_MAX = 64 };

/* Absent texts and times of 0: NULL. Times are wall ms. */
struct activation_wait {
    struct str appid;
    struct str card_id;
    struct str card_code;
    struct str receipt_id;
    int64_t received_at_ms;
    bool restored;
    struct str previous_card_code;
    struct str openid;
    int64_t submitted_at_ms;
    struct str ticket_id;
    int64_t ticket_at_ms;
    struct str form; /* JSON */
    struct str acting;
    int64_t asked_at_ms;
    int64_t overdue_at_ms;
    int64_t due_at_ms;
    int64_t told_at_ms;
    int64_t seen_at_ms;
};

/* Changes the row (new ones have nothing but their key) and says whether there was anything to
 * change. Runs again when the transaction does: on the row as it is then. */
typedef bool activation_wait_fn(struct activation_wait *row, void *arg);

/* Inside a transaction: locks the card's row, has fn change it, writes it. row brings the key, and
 * is then what stands, its texts in the arena or fn's. fn NULL: only reads. ST_RETRY: another
 * inserted the row at the same time. */
MUST_CHECK enum status activation_wait_change(struct db *tx, struct arena *arena,
                                              struct activation_wait *row, activation_wait_fn *fn,
                                              void *arg, struct err *err);

/* Texts live for the call. */
typedef void activation_wait_due_fn(void *arg, struct str appid, struct str card_id,
                                    struct str card_code);

/* Every card that is due at now_ms, earliest first, 10,000 at most. */
MUST_CHECK enum status activation_wait_due(struct db *db, int64_t now_ms,
                                           activation_wait_due_fn *fn, void *arg, struct err *err);
