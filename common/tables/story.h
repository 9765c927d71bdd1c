/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of every table as people are shown them: what is known of a record, a card, a person. Only
 * reads, each query by a key. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is read, and the values it takes. */
enum story {
    STORY_EVENT,           /* event_id */
    STORY_EVENTS_OF_TRACE, /* trace id; STORY_MAX at most, as all that has an "S" */
    STORY_EVENTS_OF_CODE,  /* card_code; the newest first, as the next two */
    STORY_EVENTS_OF_CARD,  /* appid, card_id, card_code */
    STORY_EVENTS_OF_USER,  /* openid */
    STORY_CARDS,           /* card_code: every card that has it */
    STORY_MEMBER,          /* appid, card_id, card_code; as the next five */
    STORY_MEMBER_FIELDS,
    STORY_ACTIVATION,
    STORY_ACTIVATION_WAIT,
    STORY_BONUS_ACCOUNT,
    STORY_BONUS_ENTRIES,  /* the newest first */
    STORY_BONUS_ENTRY,    /* command_id, as bonus_id has it */
    STORY_COMMAND_RESULT, /* command_id */
    STORY_BINDINGS,       /* appid, openid */
    STORY_CARD_USE,       /* event_id */
    STORY_EFFECT,         /* effect_id */
};

enum { STORY_MAX = 1000, STORY_COLUMNS_MAX = 32, STORY_KEYS_MAX = 3 };

/* Lives for the call. */
struct story_row {
    const char *table;
    struct str names[STORY_COLUMNS_MAX];
    const struct db_value *values;
    size_t count;
};

/* As db_row_fn. */
typedef enum status story_fn(void *arg, const struct story_row *row, struct err *err);

struct story_query {
    enum story what;
    const struct str *keys; /* as many texts as the enum says */
    int64_t max;            /* rows at most; 0: STORY_MAX */
};

MUST_CHECK enum status story_read(struct db *db, const struct story_query *query, story_fn *fn,
                                  void *arg, struct err *err);

/* A column by its name; absent, 0: NULL, of another type, or there is none. */
struct str story_text(const struct story_row *row, const char *name);
bool story_is_null(const struct story_row *row, const char *name);
int64_t story_int(const struct story_row *row, const char *name); /* times too: wall ms */
