/* SPDX-License-Identifier: Apache-2.0 */
/* get_current_autoreply_info (wechat-api 10) as rules of the rules file (conventions: auto-reply
 * rules). What a passive reply cannot do is listed. Pure. */
#pragma once

#include "autoreply_lost.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <stddef.h>

struct autoreply_converting {
    struct jsonw *w; /* an open list of rules */
    struct losses *lost;
    size_t count; /* rules written */
    bool failed;  /* no memory */
};

/* The reply to those who follow. */
void autoreply_subscribe(const struct json *answer, struct autoreply_converting *c);
/* In the order of the console; each rule becomes one for every match mode that its keywords have.
 */
void autoreply_keywords(const struct json *answer, struct autoreply_converting *c);
/* The reply to all other messages: the last rule. */
void autoreply_default(const struct json *answer, struct autoreply_converting *c);
