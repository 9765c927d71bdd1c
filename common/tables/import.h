/* SPDX-License-Identifier: Apache-2.0 */
/* import_run, import_person, import_card: how far a run over an account's old members has come, and
 * what became of each of them. kabaoctl lists and sends; kabao-member writes down what a look at a
 * card brought. Functions that change several rows want a transaction around them. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"
#include "model/field.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    IMPORT_ID_SIZE = 33,   /* 32 hex digits */
    IMPORT_TEXT_SIZE = 65, /* of what is ASCII: openids, a fingerprint */
    IMPORT_FAILURES_MAX = 100,
    IMPORT_CHUNK = 64, /* rows of one statement */
};

/* People know IMPORT_NEW, IMPORT_SENT (asked for), IMPORT_DONE and IMPORT_FAILED. */
enum import_state {
    IMPORT_NEW,
    IMPORT_SENT,
    IMPORT_LOOKED, /* what the card shows is known; its account is not opened yet */
    IMPORT_DONE,
    IMPORT_GONE, /* WeChat knows no such card */
    IMPORT_FAILED,
    IMPORT_STATES
};

struct import_counts {
    int64_t people[IMPORT_STATES];
    int64_t cards[IMPORT_STATES];
    int64_t opened; /* of the cards that are done */
    int64_t not_found;
};

struct import_run {
    char run_id[IMPORT_ID_SIZE]; /* "": there is none */
    char source[IMPORT_TEXT_SIZE];
    char fingerprint[IMPORT_TEXT_SIZE]; /* "": none */
    char next_openid[IMPORT_TEXT_SIZE]; /* "": the first page */
    int64_t total;
    int64_t seen;
    bool listed;
    int64_t started_ms; /* wall, the database's; import_newest fills it in */
    int64_t finished_ms;
    struct import_counts counts; /* of a run that is finished, as the report had them */
};

/* Runs */

/* Keeps everybody else from importing into this appid until the connection ends (see db_lock).
 * *locked false: another is at it. */
MUST_CHECK enum status import_lock(struct db *db, struct str appid, bool *locked, struct err *err);
MUST_CHECK enum status import_newest(struct db *db, struct str appid, struct import_run *out,
                                     struct err *err);
/* A new run: run_id, source, fingerprint, total. */
MUST_CHECK enum status import_start(struct db *db, struct str appid, const struct import_run *run,
                                    struct err *err);
/* total, seen, next_openid, listed. */
MUST_CHECK enum status import_save(struct db *db, const struct import_run *run, struct err *err);
MUST_CHECK enum status import_finish(struct db *db, const struct import_run *run,
                                     const struct import_counts *counts, struct err *err);
/* Deletes the people and cards of the appid's other runs. In steps, as the next: it may be cut
 * short and repeated. Outside of transactions. */
MUST_CHECK enum status import_forget(struct db *db, struct str appid, const char *run_id,
                                     struct err *err);
/* Deletes those that are done, once the run is finished. */
MUST_CHECK enum status import_forget_done(struct db *db, const char *run_id, struct err *err);
/* Cards that were sent are new again: of a run that was cut short nobody knows whether they were.
 */
MUST_CHECK enum status import_take_back(struct db *db, const char *run_id, struct err *err);
/* By counting; minutes' worth of rows take seconds. not_found is left alone. */
MUST_CHECK enum status import_count(struct db *db, const char *run_id, struct import_counts *out,
                                    struct err *err);
/* Rows of member, deleted ones left out, of which the run has no card. */
MUST_CHECK enum status import_not_found(struct db *db, const char *run_id, struct str appid,
                                        int64_t *count, struct err *err);
/* What stands there without any run: rows of member that are not deleted, accounts of points. */
MUST_CHECK enum status import_standing(struct db *db, struct str appid, int64_t *members,
                                       int64_t *accounts, struct err *err);

/* People */

/* Those that are listed already stay as they are. IMPORT_CHUNK at most. */
MUST_CHECK enum status import_add_people(struct db *db, const char *run_id,
                                         const struct str *openids, size_t count, struct err *err);
/* Lives for the call; as db_row_fn otherwise. */
typedef enum status import_person_fn(void *arg, struct str openid, struct err *err);
MUST_CHECK enum status import_people(struct db *db, const char *run_id, enum import_state state,
                                     int64_t max, import_person_fn *fn, void *arg, struct err *err);
/* code, message: of IMPORT_FAILED. */
MUST_CHECK enum status import_person_is(struct db *db, const char *run_id, struct str openid,
                                        enum import_state state, struct str code,
                                        struct str message, struct err *err);

/* The answers to commands, which kabao-store keeps. */
struct import_answer {
    struct str command_id; /* lives for the call, as the rest */
    struct str outcome;
    struct str answer; /* JSON; absent: none, as error */
    struct str error;
};

typedef enum status import_answer_fn(void *arg, const struct import_answer *answer,
                                     struct err *err);
/* Of these ids, IMPORT_CHUNK at most, those that are there. */
MUST_CHECK enum status import_answers(struct db *db, const struct str *ids, size_t count,
                                      import_answer_fn *fn, void *arg, struct err *err);
/* An answer that was taken is of use to nobody else. */
MUST_CHECK enum status import_drop_answer(struct db *db, struct str command_id, struct err *err);

/* Cards */

/* Borrowed texts; absent: not known. */
struct import_card {
    struct str card_id;
    struct str card_code;
    struct str openid;
    struct str unionid;
    struct str membership_number;
    struct str mobile; /* E.164 */
    struct opt_i64 bonus;
    struct opt_i64 balance;
    struct opt_bool active;
};

/* As import_add_people. */
MUST_CHECK enum status import_add_cards(struct db *db, const char *run_id,
                                        const struct import_card *cards, size_t count,
                                        struct err *err);
typedef enum status import_card_fn(void *arg, const struct import_card *card, struct err *err);
/* By code, for that is the order in which accounts are locked. */
MUST_CHECK enum status import_cards(struct db *db, const char *run_id, enum import_state state,
                                    int64_t max, import_card_fn *fn, void *arg, struct err *err);
/* From `from` to `to`; *done false: it stood elsewhere. */
MUST_CHECK enum status import_card_moves(struct db *db, const char *run_id,
                                         const struct import_card *card, enum import_state from,
                                         enum import_state to, bool *done, struct err *err);
/* IMPORT_LOOKED becomes IMPORT_DONE. */
MUST_CHECK enum status import_card_done(struct db *db, const char *run_id,
                                        const struct import_card *card, bool opened,
                                        struct err *err);
/* Cards that wait for kabao-member, and for an account. */
MUST_CHECK enum status import_open_cards(struct db *db, const char *run_id, int64_t *sent,
                                         int64_t *looked, struct err *err);

/* kabao-member's: whether the run still wants to know of this card. */
MUST_CHECK enum status import_wants(struct db *db, struct str run_id,
                                    const struct import_card *card, bool *wanted, struct err *err);
/* What a look brought: IMPORT_LOOKED with what the card shows, IMPORT_GONE or IMPORT_FAILED with
 * why. What the source had said of the person is forgotten. A card that is looked at or done stays
 * as it is. */
MUST_CHECK enum status import_outcome(struct db *db, struct str run_id,
                                      const struct import_card *card, enum import_state state,
                                      const struct err *why, struct err *err);

/* The report */

struct import_failure {
    struct str openid; /* of a person, else absent */
    struct str card_id;
    struct str card_code;
    bool gone;
    struct str code;
    struct str message;
};

typedef enum status import_failure_fn(void *arg, const struct import_failure *failure,
                                      struct err *err);
/* The first IMPORT_FAILURES_MAX cards, then as many people. */
MUST_CHECK enum status import_failures(struct db *db, const char *run_id, import_failure_fn *fn,
                                       void *arg, struct err *err);
typedef enum status import_reason_fn(void *arg, struct str code, bool person, int64_t count,
                                     struct err *err);
MUST_CHECK enum status import_reasons(struct db *db, const char *run_id, import_reason_fn *fn,
                                      void *arg, struct err *err);
