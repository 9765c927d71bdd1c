/* SPDX-License-Identifier: Apache-2.0 */
/* The commands in the CRM's 2xx answer: {"commands":[{"type","data"}, ...]}. Types are
 * kabao.bonus.change, kabao.activation.ticket and kabao.command.<type>, whose data may leave out
 * the member type. */
#pragma once

#include "run/lane.h"
#include "wechat/commands.h"

enum { ANSWER_COMMANDS_MAX = 100 };

/* The webhook that is answered. */
struct answer_to {
    struct str id;
    struct str key; /* of the record it told of; absent: it has none */
};

/* Emits all of them, or none where one is bad: ST_REJECT, REASON_SCHEMA, code "crm:answer", the
 * text names the place and never a value. Their ids derive from the webhook's id and the place, so
 * that the same answer to the same webhook makes the same records. An answer without commands is
 * fine, and so is one that is no JSON; but what begins as an object has to be one: a text that was
 * cut short must not pass for an answer without commands.
 *
 * A call to WeChat gets the key of the webhook's record, so that what is asked for on account of
 * one card is done in the order of that card's events; without one, its own id. */
MUST_CHECK enum status answer_take(struct lane *lane, const struct commands *commands,
                                   const struct answer_to *to, struct str body, struct err *err);
