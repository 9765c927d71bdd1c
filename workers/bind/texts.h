/* SPDX-License-Identifier: Apache-2.0 */
/* What those who scan are told: bind_texts_file of an account, a JSON object of texts. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"

enum bind_text {
    BIND_TEXT_BOUND,
    BIND_TEXT_LOGIN,   /* a scene without a user */
    BIND_TEXT_UNKNOWN, /* as the reasons of event.binding, down to limit */
    BIND_TEXT_EXPIRED,
    BIND_TEXT_USED,
    BIND_TEXT_REBIND,
    BIND_TEXT_LIMIT,
    BIND_TEXT_CODE, /* the only one with a preset */
    BIND_TEXT_COUNT,
};

/* Name in the file: "bound", "login", "unknown", ... */
const char *bind_text_name(enum bind_text text);

struct bind_texts; /* of all accounts */

/* ST_FATAL names setting, file and what is wrong: no JSON object, an unknown name, an unknown
 * placeholder, a text that is empty or over 2048 bytes, "code" without {code}. */
MUST_CHECK enum status bind_texts_open(const struct settings *settings, struct bind_texts **out,
                                       struct err *err);
void bind_texts_close(struct bind_texts *t); /* NULL is fine */

/* What a text may name; absent ones become "". */
struct bind_facts {
    struct str user; /* {user} */
    struct str code; /* {code} */
    int64_t ttl_s;   /* {minutes}, rounded up */
};

/* In the arena; absent: there is no such text, or no memory. */
struct str bind_text_of(const struct bind_texts *t, const struct account *account,
                        enum bind_text text, const struct bind_facts *facts, struct arena *arena);
