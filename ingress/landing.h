/* SPDX-License-Identifier: Apache-2.0 */
/* What WeChat puts on the address of the landing page, read from its query, and where the browser
 * goes from there. No clock, no I/O. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "model/activation_request.h"
#include "model/id.h"

#include <stdbool.h>

/* query: raw, with or without a leading '&' (WeChat appends its parameters literally, wechat-api
 * 4.2). Fills card_id, encrypt_code, openid, outer_str and activate_ticket, the first of each name,
 * decoded once; empty ones are absent. False: card_id or encrypt_code is missing, or something has
 * a character or length that WeChat's have not. */
bool landing_read(struct str query, struct arena *arena, struct activation_request *out);
/* Of the same address the same identity. False: no memory. */
bool landing_id(struct str appid, const struct activation_request *request, struct arena *arena,
                struct id *out);
/* landing_url with card_id and outer_str, and nothing that could be used again. */
void landing_location(const char *landing_url, const struct activation_request *request,
                      struct buf *out);
