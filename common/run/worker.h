/* SPDX-License-Identifier: Apache-2.0 */
/* A worker is a constant table and handlers that return a verdict; the engine owns Kafka, threads,
 * order, retries, dead letters, metrics and signals (design, section 6). */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"
#include "config/settings.h"
#include "http/client.h"
#include "kafka/record.h"
#include "kafka/topics.h"
#include "model/cloudevent.h"

struct lane;

/* One record in a handler's hands; everything is borrowed for the call. */
struct message {
    const struct record *record; /* as Kafka holds it */
    struct cloudevent event;     /* read from the headers (or the structured body) */
    struct str data;             /* the event's data as JSON text; absent for a tombstone */
    struct json *value;          /* the same parsed; NULL for a tombstone */
    int attempt;                 /* 1 for the first */
};

typedef enum status handler_fn(struct lane *lane, const struct message *message, struct err *err);

/* The first route whose type matches ("kabao.wechat.*"; "tombstone" for records without a value)
 * takes the record; one that matches none is settled at once and counted as "ignored". */
struct route {
    const char *type;
    handler_fn *handler;
};

struct worker_tick {
    int64_t every_ms;
    /* Runs on a lane every so often; may call lane_schedule. NULL: no tick. */
    enum status (*fn)(struct lane *lane, struct err *err);
    /* Runs for a scheduled key, in order with the records of that key. */
    enum status (*on_key)(struct lane *lane, struct str key, struct err *err);
};

/* What a worker's own settings say of its lanes. */
struct worker_lanes {
    int64_t count;   /* in place of [worker] lanes; 0: those */
    bool calls_http; /* lane_http of this kind; not beside calls_wechat, which has its own */
    struct http_client_conf http;
};

enum { WORKER_INPUTS_MAX = TOPIC_INPUTS_MAX };

struct worker_def {
    const char *name;                      /* "member": group, dead-letter topic, metrics */
    const char *purpose;                   /* --help */
    enum topic inputs[WORKER_INPUTS_MAX];  /* ends with TOPIC_NONE */
    enum topic outputs[WORKER_INPUTS_MAX]; /* checked at start */
    bool replies; /* emits to the topics of [topic] reply_to_allowed, too: checked at start */
    const struct route *routes; /* ends with {0} */
    int64_t lanes;              /* when [worker] lanes is not set; 0: 64 */
    /* What waits for a resource (ST_WAIT) does not make room for more by moving to MySQL: with
     * max_inflight of them nothing more is taken in. For those who wait for one that may be away
     * for days; keys that fail are parked all the same. */
    bool waits_in_kafka;
    /* Fills what is not zero; NULL: nothing. */
    void (*lanes_of)(const struct settings *settings, struct worker_lanes *out);
    /* Whether the settings ask for records of this type ("tombstone" as in routes): what they do
     * not ask for counts as "ignored", unread. From any lane. NULL: all are wanted. */
    bool (*wants)(const struct settings *settings, struct str type);
    bool
        calls_wechat; /* lanes get tokens: state.token is read to its end before the first record */
    bool keeps_tokens; /* kabao-token: state.token too, and read anew to its end on every assignment
                        */
    unsigned metric_groups; /* of enum metric_group (metrics/catalog.h), beside the engine's */
    size_t state_size;      /* zeroed before open; shared by all lanes */
    enum status (*open)(void *state, const struct settings *settings,
                        struct err *err); /* may be NULL */
    void (*close)(void *state);
    struct worker_tick tick;
    /* Before the record's dead letter is written; may emit (a requester gets its result). Event and
     * value are empty where the record could not be read. Not called for a record over which a
     * worker died once more than crash_limit: it may have been here. May be NULL. */
    enum status (*on_dead)(struct lane *lane, const struct message *message, const struct err *why,
                           struct err *err);
};

int worker_main(int argc, char **argv, const struct worker_def *def);
