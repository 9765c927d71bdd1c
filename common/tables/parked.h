/* SPDX-License-Identifier: Apache-2.0 */
/* parked: records that wait in MySQL. Rows of one (worker, partition number, key), over all topics,
 * are a queue in order of id; a record without a key is a queue of its own.
 *
 * Every call is one statement, or a few of which each may be repeated. Texts handed to a function
 * live for the call; it may not use the connection, and what it returns other than ST_OK ends the
 * reading with that status. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"
#include "kafka/record.h"
#include "tables/covered.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARKED_KEY_MAX = 512, PARKED_KEY_ROOM = 72 };

/* The form in which a key is stored, compared and reported: itself up to PARKED_KEY_MAX bytes, else
 * "sha256:<hex>" written to room. Every function takes either form. */
struct str parked_key(struct str key, char room[PARKED_KEY_ROOM]);

/* What a person asks of a queue. */
enum parked_wish {
    PARKED_NO_WISH,
    PARKED_RELEASE, /* try its first record now */
    PARKED_DISCARD, /* give up every record that has this wish */
};

/* "release", "discard", "" for PARKED_NO_WISH; static. */
const char *parked_wish_name(enum parked_wish wish);

struct parked_row {
    int64_t id; /* given by the table */
    int64_t attempts;
    int64_t next_at_ms;      /* wall, as the next two; 0: at once */
    int64_t first_failed_ms; /* 0: it never failed itself */
    int64_t last_failed_ms;
    struct str reason;     /* of the last failure: an err's code; cut to 64 bytes */
    enum parked_wish wish; /* only read */
    bool damaged;          /* only read: the record's text is; the key is then as it is stored */
    struct record record;  /* damaged: no more than where it came from and its key */
};

/* Statements of several rows, ids in the order given. A row that is there already is overwritten,
 * but for its id and a wish. ST_REJECT: a record whose text would be over 16 MiB, or over the
 * server's max_allowed_packet. */
MUST_CHECK enum status parked_insert(struct db *db, const char *worker,
                                     const struct parked_row *rows, size_t count, struct err *err);
/* Deletes the rows that belong to Kafka. deleted: as in covered_delete. */
MUST_CHECK enum status parked_forget_uncovered(struct db *db, const struct source *from,
                                               const struct covered *covered, int64_t *deleted,
                                               struct err *err);
MUST_CHECK enum status parked_delete(struct db *db, const struct source *from, int64_t off,
                                     struct err *err);
/* attempts, times and reason of the row with the record's topic, partition and offset. A release is
 * fulfilled by that and cleared; a discard stays. */
MUST_CHECK enum status parked_update(struct db *db, const char *worker,
                                     const struct parked_row *row, struct err *err);

/* The first row of a queue. */
struct parked_head {
    int64_t id;
    int32_t part;
    struct str key; /* absent: topic and off name the queue, of one row */
    struct str topic;
    int64_t off;
    int64_t next_at_ms; /* wall; 0: at once */
    int64_t rows;       /* of the queue */
    enum parked_wish wish;
};
typedef enum status parked_head_fn(void *arg, const struct parked_head *head, struct err *err);

/* Every queue of a partition number, in order of id; about 10 us a row. No record is read. */
MUST_CHECK enum status parked_heads(struct db *db, const char *worker, int32_t part,
                                    parked_head_fn *fn, void *arg, struct err *err);

/* A queue, as its owner knows it. */
struct parked_queue {
    const char *worker;
    int32_t part;
    int64_t epoch;
    struct str key;   /* absent: the record at topic and off */
    struct str topic; /* only without a key, as the next */
    int64_t off;
};

enum parked_found {
    PARKED_LOST,  /* the epoch moved: another owns the partition */
    PARKED_EMPTY, /* the queue has no row */
    PARKED_FOUND
};

/* Row and epoch in one statement. PARKED_FOUND fills *out, whose memory is the arena's; else it is
 * untouched. */
MUST_CHECK enum status parked_first(struct db *db, const struct parked_queue *queue,
                                    struct arena *arena, struct parked_row *out,
                                    enum parked_found *found, struct err *err);

struct parked_parts {
    const char *worker;
    const int32_t *parts;
    size_t count;
};

/* Queues whose first row has a wish, by partition number, at most 1,000 in one call: more show when
 * these have been dealt with. head->rows is not counted (0). */
MUST_CHECK enum status parked_wishes(struct db *db, const struct parked_parts *mine,
                                     parked_head_fn *fn, void *arg, struct err *err);

/* For people: puts the wish on the queues of key, in any partition, or on all of the worker when
 * key is absent; a later wish replaces an earlier one. PARKED_RELEASE marks the first row of each,
 * PARKED_DISCARD every row there is now. *rows: how many. */
MUST_CHECK enum status parked_wish(struct db *db, const char *worker, struct str key,
                                   enum parked_wish wish, int64_t *rows, struct err *err);

struct parked_query {
    const char *worker;
    struct str key; /* absent: all */
    int64_t after_id;
    int64_t limit;
};
typedef enum status parked_row_fn(void *arg, const struct parked_row *row, struct err *err);

/* For people: rows with their records, in order of id, a few in memory at a time. */
MUST_CHECK enum status parked_list(struct db *db, const struct parked_query *query,
                                   parked_row_fn *fn, void *arg, struct err *err);

/* The topic lives for the call; as db_row_fn otherwise. */
typedef enum status parked_count_fn(void *arg, struct str topic, int32_t part, int64_t rows,
                                    struct err *err);
/* For people: rows of the worker by topic and partition. Walks through all of them. */
MUST_CHECK enum status parked_count(struct db *db, const char *worker, parked_count_fn *fn,
                                    void *arg, struct err *err);
