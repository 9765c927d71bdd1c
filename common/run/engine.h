/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's insides, shared by the files of run/ and by nobody else.
 *
 * Threads: main (signals, admin port), pump (Kafka's consumer: start, poll, commit, rebalance,
 * stop), lanes (handlers), reports (delivery reports), watch (state.token, database ping).
 * sched_lock guards what says so; it is never held across I/O. Lock order: sched_lock, then a
 * lane's emit_lock. */
#pragma once

#include "app/app.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "log/log.h"
#include "model/id.h"
#include "run/keys.h"
#include "run/lane.h"
#include "run/offsets.h"
#include "run/quota.h"
#include "run/retry.h"
#include "run/tokens.h"
#include "run/worker.h"
#include "trace/trace.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LANE_STACK_BYTES = 512 * 1024, LANE_ROWS_MAX = 256, LANES_DEFAULT = 64 };

/* One assigned partition of one input. The list is changed by the pump alone, under sched_lock, so
 * that the pump may walk it without. */
struct partition {
    struct partition *next;
    char topic[TOPIC_NAME_SIZE];
    int32_t number;
    struct offsets *offsets; /* guarded by sched_lock, as are the next two */
    size_t running;          /* its items in the hands of lanes */
    bool draining;           /* being revoked: nothing is deferred any more */
    int64_t sent;            /* pump only: the commit point last sent; -1: none */
    int64_t committed;       /* pump only: as the broker surely has it; -1: none */
    struct series *lag;      /* pump only, as the next */
    struct series *lag_seconds;
};

enum item_kind { ITEM_RECORD, ITEM_TICK, ITEM_KEY };

enum { TICK_PARTITION = -1 }; /* of the scheduler, for ticks: belongs to every instance */

/* A record, a tick, or a key scheduled by one, on its way through the engine. */
struct item {
    struct keys_item link; /* first: keys hands back its address */
    enum item_kind kind;
    struct kafka_message *message; /* ITEM_RECORD, as the next two */
    const struct record *record;
    struct partition *partition; /* NULL: ITEM_TICK; dead once the link is revoked */
    struct str key;              /* ITEM_KEY; its memory follows the item */
    size_t bytes;
    int64_t admitted_ms; /* monotonic */
    int64_t attempts;
    int64_t first_failed_ms; /* wall; 0: never failed */
    int64_t last_failed_ms;
};

/* Series on the hot path, found once: finding one takes a lock. */
struct engine_series {
    struct series *ok;
    struct series *ignored;
    struct series *dead;
    struct series *late;
    struct series *duration;
    struct series *wechat_seconds;
};

struct engine {
    const struct worker_def *def;
    struct app *app;
    const struct settings *settings;
    char group[TOPIC_NAME_SIZE];
    char dlq_topic[TOPIC_NAME_SIZE];
    void *state;
    pthread_mutex_t state_lock; /* for the worker: lane_state_lock */
    struct retry_policy retry;
    struct engine_series series;
    int64_t budget_ms; /* of one attempt; well within drain_timeout_ms */

    struct producer *producer;
    struct consumer *consumer; /* pump only */
    struct http_share *share;
    struct tokens *tokens;
    struct quota *quota;
    struct db_pool *pool;
    struct writer *writer;

    struct lane *lanes;
    atomic_size_t lane_count; /* those that run */
    size_t lanes_made;
    pthread_t reports; /* delivery reports */
    pthread_t watch;
    bool reports_started;
    bool watch_started;

    pthread_mutex_t sched_lock;
    pthread_cond_t lane_wanted; /* an item became ready, or lanes must end */
    pthread_cond_t lane_freed;  /* an item was settled or deferred */
    struct keys *keys;          /* guarded by sched_lock, as are the next eight */
    struct partition *partitions;
    size_t inflight;
    size_t inflight_bytes;
    size_t running;
    size_t idle; /* lanes that wait for lane_wanted */
    bool tick_queued;
    bool lanes_end;
    int exit_code;
    int32_t partition_count; /* of every keyed topic */
    bool full;               /* pump only, as the next: a limit of what is in flight is reached */
    bool paused;

    atomic_bool stopping;          /* told to stop, by engine_ask_stop */
    _Atomic int64_t drain_end_ms;  /* monotonic; 0: not stopping. Lanes must be done by then */
    _Atomic int64_t tokens_wanted; /* how often state.token was asked to be read anew */
    _Atomic int64_t tokens_read;   /* the last of these that was read to its end */
    atomic_bool db_answers;
    atomic_bool broker_answers;
    atomic_bool joined;
    atomic_bool watch_ends;
    atomic_bool reports_end;
    _Atomic int64_t polled_ms; /* monotonic */
    struct log_limit waits;    /* lines about records that wait */
};

struct lane {
    struct engine *engine;
    pthread_t thread;
    struct http_client *http;
    struct wechat *wechat;
    struct wechat_env env;
    struct arena arena;
    struct item *item; /* in hand; NULL between items */
    const struct message *message;
    struct trace trace; /* of the item in hand */
    struct str parent;  /* the id that emitted records derive from */
    struct id chance;   /* the same for items that are no record */
    bool ignored;       /* no route took the record */
    struct deadline until;
    struct buf value; /* of the record being emitted */
    struct db_row *rows;
    size_t row_count;
    size_t row_size;
    _Atomic int64_t busy_since_ms; /* monotonic; 0: idle */

    pthread_mutex_t emit_lock;
    pthread_cond_t emit_done;
    size_t emits_open;       /* guarded by emit_lock, as are the next two */
    struct err emit_failure; /* code set: one failed */
    bool emits_cut;          /* nobody waits for an acknowledgement any more: the process ends */
};

/* worker.c */
/* Starts the stop: from any thread, any number of times. */
void engine_ask_stop(struct engine *engine);
/* The same because of a failure, whose exit code the process gets unless it has one already. */
void engine_fail(struct engine *engine, enum status status, const struct err *err,
                 const char *event);

/* lane.c */
MUST_CHECK enum status lane_open(struct lane *lane, struct engine *engine, struct err *err);
void lane_close(struct lane *lane);
void *lane_main(void *arg); /* the lane */
/* Ends soon what the lane waits for, HTTP and acknowledgements, for good. */
void lane_cut(struct lane *lane);
/* Sends and counts towards lane_flush. */
MUST_CHECK enum status lane_send(struct lane *lane, const struct outgoing *record, struct err *err);

/* settle.c: what a verdict means; called by the lane that has the item, without locks. */
void settle_item(struct lane *lane, enum status verdict, struct err *err);
void item_free(struct item *item);

/* partitions.c */
struct consumer_events partitions_events(struct engine *engine);
/* Takes the message over: queued, or freed where its partition is not ours. */
void partitions_admit(struct engine *engine, struct kafka_message *message);
size_t partitions_count(const struct engine *engine); /* pump only */
/* A limit of what is in flight is reached. Called with sched_lock. */
bool partitions_full(const struct engine *engine);
/* keys_drop_fn: frees an item that will be read again. arg: the engine. */
void partitions_drop(void *arg, struct keys_item *link);

/* commit.c: what is done, to the broker; sure: waits for its answer. Pump only. */
void engine_commit(struct engine *engine, bool sure);
void engine_show_lag(struct engine *engine);

/* pump.c */
void *pump_main(void *arg); /* the engine */
/* Waits for lane_freed at most until the deadline; sched_lock is held. */
void pump_wait_freed(struct engine *engine, struct deadline until);

/* start.c: each step may be repeated while the broker or the database is away. */
MUST_CHECK enum status engine_start(struct engine *engine, struct err *err);
void engine_stop(struct engine *engine);

/* env.c: fills lane->env */
void lane_env(struct lane *lane);

/* watch.c */
void *watch_main(void *arg); /* the engine */
/* state.token was read to its end since that was last asked for. */
bool watch_tokens_read(struct engine *engine);
