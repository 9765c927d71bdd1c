/* SPDX-License-Identifier: Apache-2.0 */
/* The watch thread: keeps state.token and the closed paths read, and knows whether broker and
 * database answer. */
#include "db/pool.h"
#include "kafka/tail.h"
#include "run/engine.h"

#include <time.h>

enum { OPEN_MS = 5000, POLL_MS = 100, PING_EVERY_MS = 5000, PING_MS = 1000, NAP_NS = 100000000 };

/* Every process is to obey a closing within 2 s. */
enum { CLOSINGS_EVERY_MS = 500, AWAY_MS = 2000 };

enum { ERASED_EVERY_MS = 1000 };

/* A handler that has been stuck for so many times what makes it so is a crash. */
enum { STUCK_TIMES = 3 };

/* What the thread has of state.token. */
struct reader {
    struct tail *tail; /* NULL: to be opened */
    int64_t wanted;    /* the request this reading answers */
    struct log_limit limit;
};

bool watch_tokens_read(struct engine *engine)
{
    return atomic_load(&engine->tokens_read) == atomic_load(&engine->tokens_wanted);
}

static void nap(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

static enum status open_tail(struct engine *engine, struct tail **tail, struct err *err)
{
    char name[TOPIC_NAME_SIZE];
    const char *topics[] = {name};
    struct tail_conf conf = {
        .kafka = &engine->settings->kafka,
        .client_id = engine->app->name,
        .topics = topics,
        .topic_count = 1,
        .from = TAIL_BEGINNING,
    };

    topic_name(&engine->settings->topic, TOPIC_STATE_TOKEN, NULL, name);
    return tail_open(&conf, deadline_in(OPEN_MS), tail, err);
}

static enum status take(struct tokens *tokens, const struct record *record, struct err *err)
{
    return tokens_take(tokens, record->key, record->headers, record->header_count, record->value,
                       err);
}

static void follow(struct engine *engine, struct reader *r)
{
    struct kafka_message *message = NULL;
    struct err err = {0};
    enum status rc = tail_poll(r->tail, POLL_MS, &message, &err);

    if (rc == ST_OK && message)
        rc = take(engine->tokens, kafka_message_record(message), &err);
    kafka_message_free(message);
    if (rc != ST_OK && log_limit(&r->limit, NULL))
        log_warn(EV("state_token.unreadable"), kv_cstr("code", err.code),
                 kv_cstr("error", err.text));
    if (tail_at_end(r->tail))
        atomic_store(&engine->tokens_read, r->wanted);
}

/* One reading from the beginning, until another is asked for. */
static void follow_tokens(struct engine *engine, struct reader *r)
{
    int64_t wanted = atomic_load(&engine->tokens_wanted);
    struct err err = {0};

    if (r->tail && r->wanted != wanted) {
        tail_close(r->tail);
        r->tail = NULL;
    }
    if (r->tail) {
        follow(engine, r);
        return;
    }
    r->wanted = wanted;
    if (open_tail(engine, &r->tail, &err) == ST_OK)
        return;
    if (log_limit(&r->limit, NULL))
        log_warn(EV("state_token.waits"), kv_cstr("code", err.code), kv_cstr("error", err.text));
    nap();
}

static void ping_database(struct engine *engine)
{
    struct db *db = NULL;
    struct err err = {0};
    enum status rc = db_pool_acquire(engine->pool, deadline_in(PING_MS), &db, &err);

    if (rc == ST_OK) {
        rc = db_exec(db, STR("SELECT 1"), NULL, 0, NULL, &err);
        db_pool_release(engine->pool, db);
    }
    atomic_store(&engine->db_answers, rc == ST_OK);
}

static void ping_broker(struct engine *engine)
{
    int32_t partitions = 0;
    struct err err = {0};

    atomic_store(&engine->broker_answers,
                 producer_topic(engine->producer, engine->dlq_topic, deadline_in(PING_MS),
                                &partitions, &err) == ST_OK);
}

/* Also where nothing is written: who was erased is known within a second or two. */
static void follow_erased(struct engine *engine, struct deadline *at)
{
    struct db *db = NULL;
    struct err err = {0};
    enum status rc;

    if (!deadline_passed(*at))
        return;
    rc = db_pool_acquire(engine->pool, deadline_in(PING_MS), &db, &err);
    if (rc == ST_OK) {
        rc = erased_follow(db, engine->erased, &err);
        db_pool_release(engine->pool, db);
    }
    if (rc != ST_OK)
        log_debug(EV("erased.unread"), kv_cstr("code", err.code));
    *at = deadline_in(rc == ST_OK ? ERASED_EVERY_MS : AWAY_MS);
}

/* What closes here is told at once, what closed elsewhere is known within a second. */
static void share_closings(struct engine *engine, struct deadline *at, bool *answers)
{
    bool is_due = deadline_passed(*at) || (*answers && quota_has_news(engine->quota));

    if (!engine->tokens || !is_due)
        return;
    *answers = quota_sync(engine->quota, deadline_in(PING_MS));
    *at = deadline_in(*answers ? CLOSINGS_EVERY_MS : AWAY_MS);
}

/* A handler far past its deadline is told of, and at last counts as a crash over its record. */
static void look_at_lanes(struct engine *engine, struct log_limit *limit)
{
    int64_t now_ms = clock_mono_ms();

    for (size_t i = 0; i < atomic_load(&engine->lane_count); i++) {
        int64_t since_ms = atomic_load(&engine->lanes[i].busy_since_ms);
        int64_t busy_ms = since_ms > 0 ? now_ms - since_ms : 0;

        if (busy_ms <= engine_stuck_ms(engine))
            continue;
        if (log_limit(limit, NULL))
            log_error(EV("lane.stuck"), kv_int("lane", (int64_t)i), kv_int("ms", busy_ms));
        if (busy_ms > engine_stuck_ms(engine) * STUCK_TIMES)
            crash_fault(engine->board, (int)i);
    }
}

void *watch_main(void *arg)
{
    struct engine *engine = arg;
    struct log_limit stuck = {0};
    struct deadline ping_at = deadline_in(0);
    struct deadline closings_at = deadline_in(0);
    struct deadline erased_at = deadline_in(0);
    bool answers = true;
    struct deadline sweep_at = deadline_in(0);
    struct reader reader = {0};

    while (!atomic_load(&engine->watch_ends)) {
        if (engine->tokens)
            follow_tokens(engine, &reader);
        else
            nap();
        look_at_lanes(engine, &stuck);
        share_closings(engine, &closings_at, &answers);
        follow_erased(engine, &erased_at);
        if (!deadline_passed(ping_at))
            continue;
        ping_broker(engine);
        ping_database(engine);
        effects_sweep(engine, &sweep_at);
        ping_at = deadline_in(PING_EVERY_MS);
    }
    tail_close(reader.tail);
    db_thread_done();
    return NULL;
}
