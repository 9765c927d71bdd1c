/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of outcomes.c, and what goes first when their time or the room is over. */
#pragma once

#include "base/slots.h"
#include "outcome_text.h"
#include "outcomes.h"

struct outcome {
    TAILQ_ENTRY(outcome) place;        /* among all, the oldest first */
    TAILQ_ENTRY(outcome) result_place; /* among those with a result, the oldest first */
    struct outcome_wait_list waits;
    struct outcome_text *result;
    struct outcome_text *second; /* of another record under this id */
    int64_t at_ms;
    int64_t second_at_ms;
    int64_t expires_ms;
    int64_t rank; /* of the result */
    size_t size;
    bool has_hash;  /* a request of this process or a record said it */
    bool confirmed; /* a record of the topic said it */
    bool contested; /* a second record with another hash is known */
    bool open;      /* the request that began it is not answered */
    bool sent;
    bool is_final;
    bool gone; /* there was a result, and it had to go */
    uint8_t hash[SHA256_LEN];
    char account[OUTCOME_NAME_MAX + 1];
    char type[OUTCOME_NAME_MAX + 1];
    char id[];
};

TAILQ_HEAD(outcome_list, outcome);

struct outcomes_table {
    struct map *by_id;
    struct slots slots; /* of entries */
    struct outcome_list all;
    struct outcome_list with_result;
    int64_t window_ms;
    size_t max_bytes;
    size_t entry_bytes;
    size_t result_bytes;
};

/* Not thread-safe. As outcomes_new; false: no memory. */
MUST_CHECK bool outcomes_table_init(struct outcomes_table *t, int64_t window_ms, size_t max_bytes);
void outcomes_table_done(struct outcomes_table *t); /* also of one that could not be made */

/* NULL: none, or its time is over. */
struct outcome *outcomes_table_find(struct outcomes_table *t, struct str id, int64_t now_ms);
/* However old it is. */
struct outcome *outcomes_table_get(const struct outcomes_table *t, struct str id);
/* For an id that is not there; others may have to go. NULL: no memory, or no id to remember. */
struct outcome *outcomes_table_add(struct outcomes_table *t, struct str id, int64_t at_ms);
/* It is as young as that, unless it is younger. */
void outcomes_table_touch(struct outcomes_table *t, struct outcome *e, int64_t at_ms);
/* Who waits for it waits on, for nothing. */
void outcomes_table_drop(struct outcomes_table *t, struct outcome *e);

/* In the place of the one before; text is the entry's from here on. */
void outcomes_table_set_result(struct outcomes_table *t, struct outcome *e,
                               struct outcome_text *text);
void outcomes_table_set_second(struct outcomes_table *t, struct outcome *e,
                               struct outcome_text *text);
void outcomes_table_drop_result(struct outcomes_table *t, struct outcome *e);
void outcomes_table_drop_second(struct outcomes_table *t, struct outcome *e);
/* Drops entries, all but keep, then results, until the rest fits. */
void outcomes_table_make_room(struct outcomes_table *t, const struct outcome *keep, int64_t now_ms);
