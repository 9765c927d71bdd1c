/* SPDX-License-Identifier: Apache-2.0 */
/* What of the console's menu and replies could not be brought over: a list for people and programs.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "codec/jsonw.h"

#include <stdbool.h>

struct lost {
    struct str where; /* "autoreply.get /keyword_autoreply_info/list/0": command, JSON Pointer into
                         its answer, and in brackets the name that the console shows */
    struct str why;
    struct lost *next;
};

struct losses {
    struct arena arena;
    struct lost *first;
    struct lost *last;
    size_t count;
    bool failed; /* no memory: the list is not whole */
};

#define LOSSES_INIT                  \
    {                                \
        .arena = ARENA_INIT(1 << 24) \
    }

void losses_done(struct losses *l);
/* Copies. name: of the rule or button; absent or empty: it has none. */
void losses_add(struct losses *l, const char *where, struct str name, const char *why);
void losses_write(const struct losses *l, struct jsonw *w); /* [{"where","why"}] */
/* To standard error, a line each, what could move a terminal's cursor escaped. */
void losses_print(const struct losses *l);
