/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letter: the dead letters that somebody dealt with, by their place in the worker's dlq topic.
 * What is in the topic and not here is open. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stddef.h>
#include <stdint.h>

enum letter_state {
    LETTER_OPEN,      /* no row */
    LETTER_REDRIVING, /* perhaps sent: the redrive topic tells, from redrive_from on */
    LETTER_REDRIVEN,
    LETTER_DISCARDED,
    LETTER_SETTLED, /* its outcome was decided by a person */
};

enum { LETTER_BY_SIZE = 65 };

struct letter {
    int32_t part;
    int64_t off;
    enum letter_state state;
    int64_t at_ms;           /* wall; of the state */
    int64_t redrive_from;    /* -1: was never to be redriven */
    char by[LETTER_BY_SIZE]; /* who, or which run, wrote the state */
};

/* "redriving" ..., "" for LETTER_OPEN; static. */
const char *letter_state_name(enum letter_state state);

/* Fills in all of *out; state LETTER_OPEN where there is no row. */
MUST_CHECK enum status letter_get(struct db *db, const char *worker, int32_t part, int64_t off,
                                  struct letter *out, struct err *err);
/* Before the record is sent to the redrive topic: part, off, at_ms, by, and as redrive_from the end
 * of the partition it will go to. Only an open letter becomes LETTER_REDRIVING; *stands is then
 * what is in the table, the same intent or what somebody wrote before. */
MUST_CHECK enum status letter_intend(struct db *db, const char *worker, const struct letter *intent,
                                     struct letter *stands, struct err *err);
/* Writes the letter's state, which is final, at_ms and by, unless a final state stands already. */
MUST_CHECK enum status letter_settle(struct db *db, const char *worker, const struct letter *letter,
                                     struct err *err);
/* The letter lives for the call; fn may not use the connection, and what it returns other than
 * ST_OK ends the list with that status. */
typedef enum status letter_fn(void *arg, const struct letter *letter, struct err *err);
/* All of the worker's, by partition and offset, a page at a time. */
MUST_CHECK enum status letter_list(struct db *db, const char *worker, letter_fn *fn, void *arg,
                                   struct err *err);
