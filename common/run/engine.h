/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's insides, shared by the files of run/ and by nobody else.
 *
 * Threads: main (signals, admin port), pump (Kafka's consumer: start, poll, commit, rebalance,
 * stop), lanes (handlers), park (moves waiting keys to MySQL), reports (delivery reports), watch
 * (state.token, pings, stuck lanes). sched_lock guards what says so; it is never held across I/O.
 * Lock order: sched_lock, then a lane's emit_lock. */
#pragma once

#include "app/app.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "log/log.h"
#include "model/id.h"
#include "run/crash.h"
#include "run/keys.h"
#include "run/lane.h"
#include "run/marks.h"
#include "run/offsets.h"
#include "run/quota.h"
#include "run/retry.h"
#include "run/worker.h"
#include "tables/erased.h"
#include "tables/owner.h"
#include "tables/parked.h"
#include "trace/span.h"
#include "wechat/tokens.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LANE_STACK_BYTES = 512 * 1024, LANE_ROWS_MAX = 256, LANES_DEFAULT = 64 };

/* The worker's inputs, and its redrive topic behind them. */
enum { TOPICS_MAX = WORKER_INPUTS_MAX + 1 };

enum { RANGES_MAX = 2048 };

/* One assigned partition of one topic. The list is changed by the pump alone, under sched_lock, so
 * that the pump may walk it without. */
struct partition {
    struct partition *next;
    const char *topic; /* engine->topics[topic_index] */
    int topic_index;
    int32_t number;
    struct offsets *offsets; /* guarded by sched_lock, as are the next three */
    uint64_t settled;        /* how often one of its records was done */
    size_t running;          /* its items in the hands of lanes and of park */
    bool draining;           /* being revoked: nothing is deferred any more */
    bool begun;              /* a record of it was taken in */
    int64_t begin;           /* of what a group without a commit has before it; -1: not known */
    uint64_t sent;           /* pump only, as all below: `settled` as last committed */
    uint64_t committed;      /* the same, as the broker surely has it */
    struct buf marks;        /* the metadata of the commit last sent */
    bool whole;              /* nothing had to be left out of marks */
    struct series *lag;
    struct series *lag_seconds;
};

enum item_kind { ITEM_RECORD, ITEM_PARKED, ITEM_TICK, ITEM_KEY };

enum { TICK_PARTITION = -1 }; /* of the scheduler, for ticks: belongs to every instance */

/* A record, a key's rows in MySQL, a tick, or a key scheduled by one, on its way through the
 * engine. */
struct item {
    struct keys_item link; /* first: keys hands back its address */
    enum item_kind kind;
    struct kafka_message *message; /* ITEM_RECORD, as the next */
    const struct record *record;
    struct partition *partition; /* NULL: ITEM_TICK; dead once the link is revoked */
    struct str key;              /* ITEM_PARKED (absent: one record without a key), ITEM_KEY; its
                                    memory follows the item */
    size_t bytes;
    int64_t admitted_ms; /* monotonic */
    int64_t due_ms;      /* monotonic: not to run before; 0: at once */
    int64_t attempts;    /* this and the next three: of the record in hand, or of the key's first */
    int64_t first_failed_ms;                      /* wall; 0: never failed */
    int64_t last_failed_ms;                       /* wall */
    int64_t failing_since_ms;                     /* monotonic; 0: never failed */
    char reason[sizeof(((struct err *)0)->code)]; /* why it failed last */

    struct item *park_prev; /* among those that want to leave memory; guarded by sched_lock */
    struct item *park_next;
    bool wants_park;
    bool may_have_row; /* ITEM_RECORD: nobody knows whether it was stored; no row may outlive it */

    int topic_index; /* of the record; ITEM_PARKED: this and offset name a queue without a key */
    int64_t offset;
    int32_t number;      /* ITEM_PARKED, as all below: the queue's partition number */
    int64_t epoch;       /* by which it is ours */
    size_t rows;         /* how many there are of the key */
    uint64_t covered_by; /* the commit after which the rows are MySQL's */
    int waits;           /* in a row */
};

/* A record that was in hand when a child died, of the assigned partitions. */
struct suspected {
    struct suspected *next;
    int topic_index;
    int32_t partition;
    int64_t offset;
    int64_t crashes;
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
    char topics[TOPICS_MAX][TOPIC_NAME_SIZE];
    size_t topic_count;
    struct worker_lanes own_lanes; /* as the worker's settings have them */
    void *state;
    pthread_mutex_t state_lock; /* for the worker: lane_state_lock */
    struct crash_board *board;
    struct retry_policy retry;
    struct engine_series series;
    int64_t budget_ms; /* of one attempt; well within drain_timeout_ms */
    /* Without a sign of life for so long the partitions may be somebody else's: two thirds of the
     * group's session. */
    int64_t owner_sure_ms;

    struct producer *producer;
    struct consumer *consumer; /* pump only */
    struct http_share *share;
    struct tokens *tokens;
    struct quota *quota;
    struct db_pool *pool;
    struct erased *erased;
    struct writer *writer;

    struct lane *lanes;
    atomic_size_t lane_count; /* those that run */
    size_t lanes_made;
    pthread_t reports; /* delivery reports */
    pthread_t watch;
    pthread_t park;
    bool reports_started;
    bool watch_started;
    bool park_started;

    pthread_mutex_t sched_lock;
    pthread_cond_t lane_wanted; /* an item became ready, or lanes must end */
    pthread_cond_t lane_freed;  /* an item was settled or deferred */
    pthread_cond_t park_wanted; /* a key wants to leave memory, or park must end */
    struct keys *keys;          /* guarded by sched_lock, as is all down to full */
    struct partition *partitions;
    int64_t *epochs; /* by partition number, of those that are assigned */
    struct suspected *suspects;
    bool suspect_runs;
    struct item *leaving; /* keys that want to leave memory, the first to ask first */
    struct item *leaving_last;
    bool pressed; /* more waits than memory should hold */
    size_t parked_keys;
    size_t parked_records;
    uint64_t commit_seq;   /* the last commit that was asked for surely */
    uint64_t commit_acked; /* the last of these that the broker has, nothing left out */
    bool park_ends;
    size_t inflight;
    size_t inflight_bytes;
    size_t running;
    size_t idle; /* lanes that wait for lane_wanted */
    bool tick_queued;
    bool lanes_end;
    int exit_code;
    int32_t partition_count; /* of every keyed topic */
    size_t redrive_lanes;    /* records given again may take so many */
    bool full; /* pump only, as all to ranges: a limit of what is in flight is reached */
    bool paused;
    bool crowded;                /* a commit's metadata is nearly full: nothing more is taken in */
    struct offset_range *ranges; /* RANGES_MAX */
    bool *behind;                /* by partition number: records lie unread */

    atomic_bool stopping;          /* told to stop, by engine_ask_stop */
    _Atomic int64_t drain_end_ms;  /* monotonic; 0: not stopping. Lanes must be done by then */
    _Atomic int64_t tokens_wanted; /* how often state.token was asked to be read anew */
    _Atomic int64_t tokens_read;   /* the last of these that was read to its end */
    atomic_bool db_answers;
    atomic_bool broker_answers;
    atomic_bool joined;
    atomic_bool watch_ends;
    atomic_bool reports_end;
    atomic_bool commit_wanted; /* rows wait to become MySQL's */
    _Atomic int64_t polled_ms; /* monotonic */
    _Atomic int64_t owner_ms;  /* monotonic: when the partitions were last known to be ours */
    _Atomic int64_t commit_failing_ms; /* monotonic: since when; 0: the last one succeeded */
    struct log_limit waits;            /* lines about records that wait */
};

struct lane {
    struct engine *engine;
    int number;
    pthread_t thread;
    struct http_client *http;
    struct wechat *wechat;
    struct wechat_env env;
    struct arena arena;
    struct item *item; /* in hand; NULL between items */
    const struct message *message;
    const struct record *record; /* of the item in hand; NULL: it has none */
    int topic_index;             /* of the record */
    struct parked_row row;       /* ITEM_PARKED: where the record came from */
    int64_t crashes;             /* of the record, so far */
    int64_t erased_seen;         /* the generation the item in hand is decided by */
    struct owner owner; /* the fence around the item in hand; of a tick: part TICK_PARTITION */
    struct id unknown;  /* the effect of which nobody knows whether it happened; empty: none */
    bool suspected;     /* no other suspect runs until suspects_leave */
    bool ran;           /* the handler was called */
    const char *answered_path;            /* of the calls table: static */
    struct series *answered;              /* its calls with errcode 0 */
    const struct account *called_account; /* of the last call, as the next two */
    const char *called_path;              /* of the calls table: static */
    struct quota_path *called;
    bool is_dark; /* the path of the last call is */
    struct quota_dark dark;
    struct span span;  /* handle, of the item in hand; its trace is the item's */
    bool caused;       /* it did something: a span below it */
    struct str parent; /* the id that emitted records derive from */
    struct str parent_time;
    struct id chance; /* the same for items that are no record */
    bool ignored;     /* no route took the record */
    struct deadline until;
    struct deadline look_by; /* the record's own; zero: none */
    struct buf value;        /* of the record being emitted */
    struct db_row *rows;
    size_t row_count;
    size_t row_size;
    _Atomic int64_t busy_since_ms; /* monotonic: in the handler; 0: not */

    pthread_mutex_t emit_lock;
    pthread_cond_t emit_done;
    size_t emits_open;       /* guarded by emit_lock, as are the next two */
    struct err emit_failure; /* code set: one failed */
    bool emits_cut;          /* nobody waits for an acknowledgement any more: the process ends */
};

/* worker.c */
/* A handler that runs for longer is stuck: twice what an attempt may take. */
int64_t engine_stuck_ms(const struct engine *engine);
/* Starts the stop: from any thread, any number of times. */
void engine_ask_stop(struct engine *engine);
/* The same because of a failure, whose exit code the process gets unless it has one already. */
void engine_fail(struct engine *engine, enum status status, const struct err *err,
                 const char *event);

/* send.c */
/* Sends and counts towards lane_flush. span: the record's, open or not; ends with its report. */
MUST_CHECK enum status lane_send(struct lane *lane, const struct outgoing *record,
                                 const struct span *span, struct err *err);
/* The lane waits for no acknowledgement any more. */
void lane_stop_waiting(struct lane *lane);
/* An id for what comes of no record. */
void lane_chance_id(const char *step, struct id *id);

/* spans.c */
/* What comes of no record begins a trace. */
void lane_root(struct lane *lane);
/* The item in hand was settled, which the log calls by this event. */
void lane_span_settled(struct lane *lane, const char *event, const struct err *err);

/* blame.c: ST_RETRY becomes ST_WAIT where the broker, the database or the path is to blame. */
enum status blame_broker(enum status rc, struct err *err);
enum status blame_database(enum status rc, struct err *err);
enum status blame_path(const struct lane *lane, enum status rc, struct err *err);

/* lane.c */
MUST_CHECK enum status lane_open(struct lane *lane, struct engine *engine, struct err *err);
void lane_close(struct lane *lane);
void *lane_main(void *arg); /* the lane */
/* Writes what the item in hand decided, unless somebody was erased since it began: ST_WAIT, until
 * at once. */
MUST_CHECK enum status lane_commit(struct lane *lane, struct writer_job job, struct err *err);
/* Ends soon what the lane waits for, HTTP and acknowledgements, for good. */
void lane_cut(struct lane *lane);
/* settle.c */
/* Of the record in hand; empty: of none of the settings. */
const char *lane_account_name(const struct lane *lane);
/* What a verdict means; called by the lane that has the item, without locks. */
void settle_item(struct lane *lane, enum status verdict, struct err *err);
void item_free(struct item *item);
/* NULL: no memory. The key is copied behind it. */
struct item *item_new(enum item_kind kind, struct str key);

/* parked.c: a key's rows, from the lane that has its item */
/* Reads the first row; ST_OK with lane->record NULL: none is left. */
MUST_CHECK enum status parked_take(struct lane *lane, struct err *err);
/* What is settled may stand in MySQL. */
bool parked_has_row(const struct item *item);
/* The lane's rows, and the end of the parked one, in one transaction. */
MUST_CHECK enum status parked_finish(struct lane *lane, struct err *err);
/* Keeps what the last attempt changed. */
void parked_note(struct lane *lane, int64_t next_at_ms);

/* park.c: keys that leave memory. All but park_main are called with sched_lock. */
void *park_main(void *arg); /* the engine */
/* A deferred key's first item: its records go to MySQL. */
void park_ask(struct engine *engine, struct item *head);
/* It runs, or is gone: nothing is asked any more. */
void park_forget(struct engine *engine, struct item *head);
/* Something more waits: when that is more than memory should hold, the longest-waiting keys leave.
 */
void park_relieve(struct engine *engine);
/* An item with rows leaves the engine, which goes on to count those of others. */
void park_uncount(struct engine *engine, const struct item *item);

/* effects.c: deletes old effects, a few at a time, when *next has come; then moves it. */
void effects_sweep(struct engine *engine, struct deadline *next);

/* The index of a topic of this worker, -1 when it is none. */
int engine_topic(const struct engine *engine, struct str topic);
bool engine_is_redrive(const struct engine *engine, int topic_index);

/* wish.c: wakes the parked keys somebody asked something of. Without locks; park only. */
void wish_look(struct engine *engine);

/* takeover.c: the fence, what belongs to whom, and what the last owner left. */
MUST_CHECK enum status takeover(struct engine *engine, const struct topic_partition *partitions,
                                size_t count, struct err *err);
/* Whether all assigned partitions are still ours, by the fence; false also when nobody can tell. */
bool takeover_holds(struct engine *engine);
void partition_free(struct partition *p);

/* suspects.c */
/* How often the record in hand crashed a worker; false: another suspect runs, this one must wait.
 */
bool suspects_enter(struct lane *lane);
/* settled: it crashed nobody this time. */
void suspects_leave(struct lane *lane, bool settled);
/* Counts what the last child had in hand, before the group is joined. */
MUST_CHECK enum status suspects_count(struct engine *engine, struct err *err);
void suspects_free(struct suspected *list);

/* partitions.c */
struct consumer_events partitions_events(struct engine *engine);
/* Takes the message over: queued, or freed where its partition is not ours. */
void partitions_admit(struct engine *engine, struct kafka_message *message);
size_t partitions_count(const struct engine *engine); /* pump only */
/* A limit of what is in flight is reached. Called with sched_lock. */
bool partitions_full(const struct engine *engine);
/* One record more, and what is done beyond the commit could not all be remembered. With sched_lock.
 */
bool partitions_crowded(const struct partition *p);
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
