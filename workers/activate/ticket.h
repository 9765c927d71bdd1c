/* SPDX-License-Identifier: Apache-2.0 */
/* What a web page or mini program says is believed only as far as WeChat confirms it. */
#pragma once

#include "activate/card.h"

/* Sent by a page, with what WeChat put on its address; else by somebody who is trusted. */
bool is_ticket(const struct activation_request *request);

/* A request that does not name the card, or stands under another key than the card's: the same goes
 * to cmd.activation once more, with the code that WeChat decrypts, under the card's key, so that it
 * is carried out in the card's order. *moved: that was done. Afterwards request names the card. */
MUST_CHECK enum status ticket_move(struct lane *lane, const struct message *message,
                                   const struct account *account,
                                   struct activation_request *request, bool *moved,
                                   struct err *err);

/* The form behind request->activate_ticket, into the row; a ticket that the row has already is not
 * asked for again. ST_REJECT: WeChat does not know it (72011), or says for the third time that it
 * is over (72012, sometimes spurious). */
MUST_CHECK enum status ticket_accept(struct card_work *w, const struct message *message,
                                     struct err *err);
