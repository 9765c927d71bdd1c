/* SPDX-License-Identifier: Apache-2.0 */
/* One reply of the console, or what a button of the console says, as a reply of the rules file
 * (conventions: auto-reply rules). Pure. */
#pragma once

#include "codec/json.h"
#include "codec/jsonw.h"

#include <stdbool.h>

enum { REPLY_WHY_SIZE = 320 };

/* item: {"type", content_key: text or media_id, "news_info"}. Writes the reply and returns true,
 * with why not empty where a part is lost; false, nothing written: why no reply can say it. */
bool autoreply_reply(const struct json *item, const char *content_key, struct jsonw *w,
                     char why[REPLY_WHY_SIZE]);
