/* SPDX-License-Identifier: Apache-2.0 */
/* One card in hand: its row, what WeChat says of it now, and what can be done with it. Everything
 * may be repeated at any point: the row, the ledger and the ids of what is emitted know what was
 * done. Texts are the lane's arena's, the record's or the settings'. */
#pragma once

#include "activate/rules.h"
#include "model/activation_request.h"
#include "run/lane.h"
#include "wechat/member.h"

/* Zeroed, but for the first four; the key's parts are row's. */
struct card_work {
    struct lane *lane;
    const struct account *account;
    struct str key;                           /* the card's */
    const struct activation_request *request; /* what is asked of the activation; NULL: nothing */
    struct str body;    /* sent as it is, request says what is in it; absent: made of the rules */
    struct buf *errmsg; /* with body: gets WeChat's words when it says no */
    struct activation_wait row;
    struct member member; /* as WeChat shows it, after card_read */
    struct json *answer;  /* the member's; freed by card_done */
    struct str form;      /* what stands in WeChat's own view of it; absent: nothing */
    bool gone;            /* deleted, given away or unknown: member is empty */
};

void card_done(struct card_work *w);

static inline bool card_is_active(const struct card_work *w)
{
    return w->member.has_active.set && w->member.has_active.value;
}

static inline bool card_is_told(const struct card_work *w)
{
    return w->row.told_at_ms != 0;
}

/* Changes the row, or only reads it (fn NULL). */
MUST_CHECK enum status card_change(struct card_work *w, activation_wait_fn *fn, void *arg,
                                   struct err *err);
/* userinfo/get. A card that is not there (any more) is ST_OK and gone; *err then says why. */
MUST_CHECK enum status card_read(struct card_work *w, struct err *err);

/* The card is active: kabao.card.activated, unless that was told for this receipt. at_ms: since
 * when, as far as is known. */
MUST_CHECK enum status card_report(struct card_work *w, int64_t at_ms, struct err *err);
/* After card_read showed an inactive card: activates it once for its receipt, then as card_report.
 * A card that turns out to be gone is ST_OK and gone, as in card_read. ST_REJECT: WeChat's no. */
MUST_CHECK enum status card_activate(struct card_work *w, struct err *err);
/* kabao.activation.requested, unless the CRM was asked already; its answer is due in
 * activation_deadline_s. */
MUST_CHECK enum status card_ask(struct card_work *w, struct err *err);
/* kabao.activation.pending; nothing more is awaited. */
MUST_CHECK enum status card_overdue(struct card_work *w, struct err *err);
/* Looks again in so long, unless something is awaited already. */
MUST_CHECK enum status card_wait(struct card_work *w, int64_t wait_ms, struct err *err);
/* Nothing more is awaited of a card that is gone; the log says why. */
MUST_CHECK enum status card_drop(struct card_work *w, const struct err *why, struct err *err);
/* The card was active once and is inactive: the receipt that nobody told of. */
MUST_CHECK enum status card_begin_again(struct card_work *w, int64_t at_ms, struct err *err);
