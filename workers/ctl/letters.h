/* SPDX-License-Identifier: Apache-2.0 */
/* The dead letters of a worker: what is in its dlq topic, and what became of each. */
#pragma once

#include "base/arena.h"
#include "ctl.h"
#include "kafka/record.h"
#include "tables/letter.h"

struct dead {
    struct record record; /* its place is that in the dlq topic, its timestamp the time of death */
    struct letter letter;
};

struct letters_query {
    const char *worker;
    bool has_place; /* this one alone */
    int32_t part;
    int64_t off;
    struct str key;    /* absent: any, as the next */
    struct str reason; /* dlq-reason */
    int64_t from_ms;   /* died then or later; INT64_MIN: at any time */
    int64_t to_ms;     /* died before; INT64_MAX: at any time */
    bool unfinished;   /* only what is open or being redriven */
    bool whole;        /* value and all headers; else only the dlq- headers */
    int64_t max;       /* the first so many; 0: all */
};

/* Zero at first. */
struct letters {
    struct dead *list; /* by partition and offset */
    size_t count;
    size_t size;
    struct arena arena;
};

/* The table is read first, then the topic. ST_FATAL also when the letters take too much memory. */
MUST_CHECK enum status letters_read(const struct ctl *ctl, struct db *db,
                                    const struct letters_query *query, struct letters *out,
                                    struct err *err);
void letters_done(struct letters *letters);

/* A header of the letter; absent when it has none. */
struct str dead_header(const struct dead *dead, const char *name);
/* False: the header is absent or not a number from 0 to max. */
bool dead_number(const struct dead *dead, const char *name, int64_t max, int64_t *out);
/* "open" for what nobody dealt with; static. */
const char *dead_state(const struct dead *dead);
