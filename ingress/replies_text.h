/* SPDX-License-Identifier: Apache-2.0 */
/* Placeholders in the texts of replies: "{openid}", "{card_code}", "{card_id}", "{scene}". A brace
 * is no placeholder unless letters, digits or "_" and the other brace follow. */
#pragma once

#include "base/buf.h"
#include "model/event.h"

/* The first placeholder's name, without braces; absent: none. */
struct str replies_placeholder(struct str text);
/* The first that is not known; absent: all are. */
struct str replies_unknown_placeholder(struct str text);
/* Adds text with what the event knows, nothing for what it does not know; values count up to 256
 * bytes, and are percent-encoded in a URL. Values are not looked through again. */
void replies_expand(struct str text, bool is_url, const struct event *event, struct buf *out);
