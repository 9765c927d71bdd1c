/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl restore: what its steps share. A step reads one topic from the backup's time on and
 * writes what the database has lost of it; run twice, it writes the same. */
#pragma once

#include "base/map.h"
#include "codec/json.h"
#include "ctl.h"
#include "db/mysql.h"
#include "kafka/record.h"
#include "kafka/topics.h"
#include "model/cloudevent.h"
#include "tables/restore.h"
#include "wechat/commands.h"

enum restore_count {
    RESTORED_RESULTS,     /* records that were read of result.*, event.activation, event.binding */
    RESTORED_EFFECTS,     /* rows of the ledger */
    RESTORED_ENTRIES,     /* changes of points, and accounts they are in */
    RESTORED_DOUBT,       /* commands that may have been begun, settled by their nature */
    RESTORED_FOR_PERSONS, /* of those: a person must say */
    RESTORED_SCENES,
    RESTORED_UNPARKED,
    RESTORED_CODES,
    RESTORED_REDRIVEN,
    RESTORED_COUNTS
};

/* What is known of a command, a scan or a card. */
struct known {
    struct str scene; /* of bind.start, verify.start */
    int64_t expires_at_ms;
    int64_t init_bonus; /* of an activation */
};

struct doubt {
    struct str id;
    struct str type;
    struct str why;
    struct doubt *next;
};

struct restore {
    const struct ctl *ctl;
    const struct settings *settings;
    struct db *db;
    struct commands *types;
    int64_t from_ms;
    struct restore_run run;
    int64_t to_ms; /* nothing that came later was begun */
    /* One letter and an id -> struct known: c a command of cmd.wechat that has a result, b one of
     * cmd.bonus, s a scan that was decided, o the account an activation opened (by card key). */
    struct map *known;
    struct arena arena; /* theirs */
    struct doubt *doubts;
    struct doubt **doubts_end;
    int64_t counts[RESTORED_COUNTS];
};

/* A record, parsed. */
struct given {
    const struct record *record;
    struct cloudevent event;
    struct str data;
    const struct json *value; /* NULL: a tombstone */
    struct arena *arena;      /* for the call */
};

/* Another status than ST_OK ends the step. */
typedef enum status given_fn(struct restore *r, const struct given *given, struct err *err);

/* How far one step is. */
struct restore_progress {
    char what[TOPIC_NAME_SIZE + 32];
    int64_t records;
    int64_t shown_ms;
};

/* On a terminal, some times a second and at the end. */
void restore_show(struct restore_progress *progress, bool at_end);

/* Reads a topic from the backup's time to its end in transactions of some hundred records, says how
 * far it is on a terminal. What is no event, or no JSON, has no result either and is passed over.
 */
MUST_CHECK enum status restore_read(struct restore *r, enum topic topic, given_fn *fn,
                                    struct err *err);

struct known *restore_known(const struct restore *r, char kind, struct str id); /* NULL: nothing */
/* Zeroed, or what was known before. NULL: no memory. */
struct known *restore_know(struct restore *r, char kind, struct str id);
/* For a person to see. */
MUST_CHECK enum status restore_doubt(struct restore *r, const struct given *given, const char *why,
                                     struct err *err);
const struct account *restore_account(const struct restore *r, struct str name); /* or NULL */
enum status restore_no_memory(struct err *err);

/* The steps, in this order. */
given_fn restore_result;        /* result.wechat: the ledger of commands */
given_fn restore_command;       /* cmd.wechat: scenes; those without a result may have been begun */
given_fn restore_points;        /* result.bonus: the ledger, entries, accounts */
given_fn restore_receipt;       /* event.wechat: the last receipt of each card */
given_fn restore_activation;    /* event.activation: the ledger, accounts that moved */
given_fn restore_bonus_command; /* cmd.bonus: those without a result join their accounts */
given_fn restore_binding;       /* event.binding: who is bound */
given_fn restore_scan;          /* event.wechat: the ledger of scans */
/* A part of restore_activation: the card's activation was told. */
struct activation;
MUST_CHECK enum status restore_told(struct restore *r, const struct given *given,
                                    const struct activation *a, struct err *err);
/* Parked records that have been settled since. */
MUST_CHECK enum status restore_parked(struct restore *r, struct err *err);
/* Gives each worker what it had done and the database has lost. */
MUST_CHECK enum status restore_redrive(struct restore *r, struct err *err);
