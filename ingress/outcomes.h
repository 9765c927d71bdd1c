/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the commands of the last api_window_s: id -> {hash of the record's value, state,
 * result}. One table for the process, fed by its own requests and by the topics (feed.c), so that
 * every instance comes to know what the others took. Scenes have a table of their own (scenes.h).
 *
 * The first record under an id is the command; its hash comes from the topic, whose order is the
 * worker's. A second record with another value is answered by the worker with `rejected`, code
 * `idempotency`, under the same id: such a result is for those who wait with another hash, and is
 * shown to others only where no second record is known. */
#pragma once

#include "base/attr.h"
#include "base/str.h"
#include "codec/crypto.h"
#include "outcome_text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { OUTCOME_NAME_MAX = 64, OUTCOME_ID_MAX = 256 };

struct outcomes;
struct outcome;

/* Thread-safe, all of them. now_ms is the monotonic clock's. */

/* Entries leave after window_ms; results and entries may take max_bytes each, the oldest go
 * first. NULL: no memory. */
struct outcomes *outcomes_new(int64_t window_ms, size_t max_bytes);
void outcomes_free(struct outcomes *o); /* NULL is fine; nobody waits any more */

/* Of a command, as its request or record says. */
struct outcome_key {
    struct str id; /* at most OUTCOME_ID_MAX bytes; longer ones are not remembered */
    struct str account;
    struct str type;
    uint8_t hash[SHA256_LEN];
    int64_t expires_ms; /* on the wall clock, for outcomes_get; 0: no such time */
};

enum outcome_begin {
    BEGIN_NEW,     /* to be sent; outcomes_end is owed */
    BEGIN_OTHER,   /* the id stands for another value */
    BEGIN_DONE,    /* *result is the caller's to release */
    BEGIN_OPEN,    /* the first request is still open here */
    BEGIN_PENDING, /* sent, no result yet */
    BEGIN_MEMORY,
};

enum outcome_begin outcomes_begin(struct outcomes *o, const struct outcome_key *key, int64_t now_ms,
                                  struct outcome_text **result);
/* The request that began it is answered; sent: its record was acknowledged. */
void outcomes_end(struct outcomes *o, struct str id, bool sent);

enum outcome_state {
    OUTCOME_UNKNOWN,
    OUTCOME_RUNNING,
    OUTCOME_DONE, /* *result is the caller's to release */
    OUTCOME_GONE, /* its result was known, but is not kept any more */
};

struct outcome_view {
    enum outcome_state state;
    struct outcome_text *result;
    char account[OUTCOME_NAME_MAX + 1]; /* empty: unknown */
    char type[OUTCOME_NAME_MAX + 1];
    int64_t expires_ms; /* the first record's */
};

void outcomes_get(struct outcomes *o, struct str id, int64_t now_ms, struct outcome_view *out);

/* From the topics; at_ms is when the record was written, on the monotonic clock. */
void outcomes_saw_command(struct outcomes *o, const struct outcome_key *key, int64_t at_ms);

struct outcome_result {
    struct str id;
    struct str account; /* may be absent, as type */
    struct str type;
    struct str value;
    bool is_final;  /* false: failed or unknown, a later one takes its place */
    bool is_second; /* refused because of the id: it is not the first record's */
    /* Not 0: whichever came first, the higher rank stays, of equal ones the greater value. */
    int64_t rank;
};

void outcomes_saw_result(struct outcomes *o, const struct outcome_result *result, int64_t at_ms);

/* Waiting. One watch per loop that waits. */

TAILQ_HEAD(outcome_wait_list, outcome_wait);

struct outcome_watch {
    struct outcome_wait_list ready;
    atomic_bool some; /* ready has some: look without the lock first */
    void (*wake)(void *arg);
    void *arg;
};

enum outcome_wait_state { WAIT_NONE, WAIT_WAITING, WAIT_READY };

/* The waiter's memory; all but hash the table's. */
struct outcome_wait {
    TAILQ_ENTRY(outcome_wait) link;
    enum outcome_wait_state state;
    struct outcome *outcome; /* NULL: it left the table meanwhile */
    struct outcome_watch *watch;
    struct outcome_text *result; /* once taken the waiter's to release */
    bool any;                    /* no hash: whatever is shown under the id */
    uint8_t hash[SHA256_LEN];
};

void outcome_watch_init(struct outcome_watch *w, void (*wake)(void *arg), void *arg);
/* It may be ready before this returns; false: there is no such id. */
bool outcomes_wait(struct outcomes *o, struct str id, struct outcome_watch *watch,
                   struct outcome_wait *wait);
/* Ends the waiting; wait->result is set when it had come nevertheless, or when by now it is clear
 * that the record was refused for an older one's sake. */
void outcomes_forget(struct outcomes *o, struct outcome_wait *wait, int64_t now_ms);
/* One that got its result, or NULL. */
struct outcome_wait *outcomes_take(struct outcomes *o, struct outcome_watch *watch);
