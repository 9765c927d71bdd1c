/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an event or a card, as a tree with times: records, rows, calls, failures. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "codec/json.h"
#include "kafka/record.h"
#include "tables/story.h"

#include <stdbool.h>
#include <stdint.h>

enum tale_kind {
    TALE_RECORD,
    TALE_LETTER,  /* a record in a dlq topic */
    TALE_REDRIVE, /* one in a redrive topic */
    TALE_TRIES,   /* that a worker failed at it, as a dead letter tells */
    TALE_DEALT,   /* what somebody did with a dead letter */
    TALE_PARKED,
    TALE_CRASH,
    TALE_EFFECT,
    TALE_ROW,
    TALE_KINDS
};

/* Texts are as they came: whoever prints masks them by their names. */
struct tale_field {
    struct str name;
    struct str text;
    bool is_number;
    struct tale_field *next;
};

/* Absent texts and times of 0: not known. Everything lives in the tale's arena. */
struct tale_node {
    enum tale_kind kind;
    int64_t at_ms;      /* wall */
    struct str what;    /* ce_type, table, step */
    struct str outcome; /* as the record or row has it: "done", "rejected" */
    struct str id;      /* ce_id; of rows and effects: of the record they belong to */
    struct str trace;
    struct str worker; /* TALE_LETTER to TALE_CRASH */
    struct str topic;  /* of what has a place: the short name, "event.wechat" */
    int32_t partition;
    int64_t offset;
    struct str key;
    struct str replay_id; /* TALE_LETTER, TALE_REDRIVE */
    struct str original_topic;
    int64_t original_partition;
    int64_t original_offset;
    struct tale_field *fields;
    struct tale_field *last_field;

    struct tale_node *parent;
    struct tale_node *child; /* the first, after tale_arrange */
    struct tale_node *next;  /* sibling; of a root: the next root */
    struct tale_node *then;  /* in the order they were told */
};

struct tale {
    struct arena arena;
    struct tale_node *first;
    struct tale_node **end;
    struct tale_node *roots; /* after tale_arrange */
    size_t count;
    bool is_short; /* of memory: something is missing */
};

/* The steps that name derived records (run/emit.h), then NULL. */
extern const char *const TALE_STEPS[];

void tale_init(struct tale *tale);
void tale_done(struct tale *tale);

/* NULL: no memory, which is_short keeps in mind. */
struct tale_node *tale_add(struct tale *tale, enum tale_kind kind);
/* Copies name and text; an absent text is left out. */
void tale_field(struct tale *tale, struct tale_node *node, struct str name, struct str text);
void tale_number(struct tale *tale, struct tale_node *node, struct str name, int64_t number);
void tale_time(struct tale *tale, struct tale_node *node, struct str name, int64_t wall_ms);
struct str tale_get(const struct tale_node *node, const char *name); /* a field; absent: none */

/* prefix: of topics. A dead letter brings its TALE_TRIES along. */
void tale_record(struct tale *tale, const struct record *record, const char *prefix);
/* Every column but NULLs becomes a field, `outcome` and `state` the outcome. */
struct tale_node *tale_row(struct tale *tale, enum tale_kind kind, const struct story_row *row);

/* Gives each node its parent, sorts siblings and roots by time. */
void tale_arrange(struct tale *tale);

/* "kabao.event.wechat.v1" -> "event.wechat". Borrowed. */
struct str tale_short_topic(struct str topic, const char *prefix);
/* The 32 hex digits of the record's traceparent; absent: it has none. Borrowed. */
struct str tale_trace_of(const struct record *record);
