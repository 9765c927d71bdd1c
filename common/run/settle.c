/* SPDX-License-Identifier: Apache-2.0 */
/* What a verdict means for the item in hand: done, again, later, dead, or the end of the process.
 */
#include "base/mem.h"
#include "base/rand.h"
#include "metrics/catalog.h"
#include "run/deadletter.h"
#include "run/engine.h"

#include <string.h>

enum { WAIT_AT_LEAST_MS = 20, FAULT_PAUSE_MS = 1000, NEVER_MS = 3600 * 1000, FAMILY_SIZE = 16 };

/* A parked key that meets a closed path again and again looks ever more seldom. */
enum { PARKED_WAIT_MS = 1000, PARKED_WAIT_DOUBLINGS = 6 };

void item_free(struct item *item)
{
    if (!item)
        return;
    kafka_message_free(item->message);
    mem_free(item);
}

static void count(struct engine *engine, const struct metric_def *def, const char *label)
{
    metric_add(metric_1(engine->app->metrics, def, label), 1);
}

const char *lane_account_name(const struct lane *lane)
{
    const struct account *account =
        settings_account_by_appid(lane->engine->settings, lane->message->event.appid);

    return account ? account->name : "";
}

static void log_outcome(struct lane *lane, enum log_level level, const char *event,
                        const struct err *err)
{
    const struct item *item = lane->item;
    const struct record *record = lane->record;

    lane_span_settled(lane, event, err);
    if (!log_enabled(level))
        return;
    log_write(level, (const struct kv[]){
                         EV(event),
                         kv_str("trace", trace_id(&lane->span.trace)),
                         kv_cstr("account", lane_account_name(lane)),
                         kv_str("topic", record ? record->topic : STR("")),
                         kv_int("partition", record ? record->partition : -1),
                         kv_int("offset", record ? record->offset : -1),
                         kv_int("attempt", item->attempts + 1),
                         kv_cstr("code", err->code),
                         kv_cstr("error", err->text),
                         {.type = KV_END},
                     });
}

/* Takes the item off the scheduler; under sched_lock. False: its partition is somebody else's. */
static bool leave_lane(struct engine *engine, struct item *item)
{
    bool revoked = keys_is_revoked(&item->link);

    engine->running--;
    if (item->kind == ITEM_TICK)
        engine->tick_queued = false;
    if (item->partition && !revoked)
        item->partition->running--;
    return !revoked;
}

static void leave_engine(struct engine *engine, struct item *item)
{
    if (item->kind == ITEM_RECORD) {
        engine->inflight--;
        engine->inflight_bytes -= item->bytes;
    }
    (void)pthread_cond_broadcast(&engine->lane_freed);
}

/* done: the offset counts as finished; else the item is only dropped and will be read again. */
static void finish(struct lane *lane, bool done)
{
    struct engine *engine = lane->engine;
    struct item *item = lane->item;
    bool ours;

    suspects_leave(lane, done);
    (void)pthread_mutex_lock(&engine->sched_lock);
    ours = leave_lane(engine, item);
    keys_settle(engine->keys, &item->link);
    if (ours && done && item->kind == ITEM_RECORD) {
        offsets_done(item->partition->offsets, item->record->offset);
        item->partition->settled++;
    }
    if (item->kind == ITEM_PARKED)
        park_uncount(engine, item);
    leave_engine(engine, item);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    if (!ours)
        metric_add(engine->series.late, 1);
    item_free(item);
}

/* Its first record failed for long, or is in MySQL already and others stand behind it. */
static bool should_park(const struct engine *engine, const struct item *item)
{
    if (item->kind == ITEM_PARKED)
        return item->link.next != NULL;
    return item->kind == ITEM_RECORD && item->failing_since_ms > 0 &&
           item->due_ms - item->failing_since_ms >= engine->settings->worker.park_after_ms;
}

/* Of a deferred key. Under sched_lock. */
static void consider_parking(struct engine *engine, struct item *item)
{
    if (should_park(engine, item))
        park_ask(engine, item);
    else
        park_relieve(engine);
}

/* Puts the item back, first of its key; in a partition that is being revoked it is dropped. */
static void again(struct lane *lane, int64_t at_ms)
{
    struct engine *engine = lane->engine;
    struct item *item = lane->item;
    bool deferred = false;

    suspects_leave(lane, false);
    (void)pthread_mutex_lock(&engine->sched_lock);
    if (!keys_is_revoked(&item->link) && !(item->partition && item->partition->draining)) {
        (void)leave_lane(engine, item);
        item->due_ms = at_ms;
        keys_defer(engine->keys, &item->link, at_ms);
        consider_parking(engine, item);
        (void)pthread_cond_broadcast(&engine->lane_freed);
        deferred = true;
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    if (!deferred)
        finish(lane, false);
}

/* The row is gone; the next of its key may run at once. */
static void next_row(struct lane *lane)
{
    struct engine *engine = lane->engine;
    struct item *item = lane->item;

    suspects_leave(lane, true);
    (void)pthread_mutex_lock(&engine->sched_lock);
    if (item->rows > 0) {
        item->rows--;
        engine->parked_records--;
    }
    item->waits = 0;
    (void)pthread_mutex_unlock(&engine->sched_lock);
    /* At the end of the process the rest is left to the next owner, and what is queued behind it.
     */
    again(lane, clock_mono_ms() + (atomic_load(&engine->stopping) ? NEVER_MS : 0));
}

static void settled(struct lane *lane)
{
    if (lane->item->kind == ITEM_PARKED && lane->record)
        next_row(lane);
    else
        finish(lane, true);
}

static void settle_ok(struct lane *lane)
{
    const struct engine_series *series = &lane->engine->series;
    struct err none = {0};

    log_outcome(lane, LOG_DEBUG, "record.done", &none);
    if (lane->record)
        metric_add(lane->ignored ? series->ignored : series->ok, 1);
    settled(lane);
}

/* A record with a deadline of its own comes back by then. */
static int64_t not_later(const struct lane *lane, int64_t at_ms)
{
    const int64_t by_ms = lane->look_by.at_ms;

    return by_ms > clock_mono_ms() && by_ms < at_ms ? by_ms : at_ms;
}

static int64_t parked_wait_ms(struct item *item)
{
    int64_t most_ms = (int64_t)PARKED_WAIT_MS << item->waits;

    if (item->waits < PARKED_WAIT_DOUBLINGS)
        item->waits++;
    return most_ms / 2 + (int64_t)rand_below((uint32_t)most_ms / 2);
}

static void settle_wait(struct lane *lane, const struct err *err)
{
    int64_t soonest_ms = clock_mono_ms() + WAIT_AT_LEAST_MS;
    int64_t at_ms = err->until.at_ms > soonest_ms ? err->until.at_ms : soonest_ms;

    if (lane->item->kind == ITEM_PARKED && lane->ran)
        at_ms += parked_wait_ms(lane->item);
    log_outcome(lane, log_limit(&lane->engine->waits, NULL) ? LOG_INFO : LOG_DEBUG, "record.waits",
                err);
    again(lane, not_later(lane, at_ms));
}

static enum status send_dead_letter(struct lane *lane, const struct err *why, struct err *err)
{
    const struct item *item = lane->item;
    struct deadletter letter = {
        .record = lane->record,
        .worker = lane->engine->def->name,
        .group = lane->engine->group,
        .attempts = item->attempts + (why->reason == REASON_CRASH ? 0 : 1),
        .crashes = lane->crashes,
        .first_failed_ms = item->first_failed_ms,
        .last_failed_ms = item->last_failed_ms,
        .err = why,
        .effect = why->reason == REASON_OUTCOME_UNKNOWN ? lane->unknown.text : "",
    };
    struct outgoing out = {
        .topic = lane->engine->dlq_topic,
        .partition = -1,
        .key = lane->record->key,
        .value = lane->record->value,
    };
    struct span span;
    enum status rc;

    out.headers = deadletter_headers(&letter, &lane->arena, &out.header_count);
    if (!out.headers)
        return err_retry(err, "memory", "no memory for a dead letter");
    /* The letter keeps the record's headers, its traceparent too: it is the same record. */
    lane_span_open(lane, &span);
    rc = lane_send(lane, &out, &span, err);
    return rc == ST_OK ? lane_flush(lane, err) : rc;
}

static enum status bury(struct lane *lane, const struct err *why, struct err *err)
{
    const struct worker_def *def = lane->engine->def;
    enum status rc = ST_OK;

    /* A record that crashed even so may have done it there. */
    if (def->on_dead && lane->crashes <= lane->engine->settings->worker.crash_limit)
        rc = def->on_dead(lane, lane->message, why, err);
    if (rc != ST_OK) {
        struct err unseen = {0};

        /* No delivery report may outlive the item. */
        (void)(lane_flush(lane, &unseen) == ST_OK);
        return rc;
    }
    rc = lane_flush(lane, err);
    return rc == ST_OK ? send_dead_letter(lane, why, err) : rc;
}

static void note_failure(struct item *item, const struct err *err)
{
    item->last_failed_ms = clock_wall_ms();
    if (item->first_failed_ms == 0)
        item->first_failed_ms = item->last_failed_ms;
    if (item->failing_since_ms == 0)
        item->failing_since_ms = clock_mono_ms();
    (void)str_copy(str_from(err->code), item->reason, sizeof(item->reason));
}

static void settle_reject(struct lane *lane, const struct err *why)
{
    struct engine *engine = lane->engine;
    struct err err = {0};
    enum status rc;

    note_failure(lane->item, why);
    if (!lane->record) {
        log_outcome(lane, LOG_ERROR, "key.failed", why); /* the tick schedules it anew */
        finish(lane, true);
        return;
    }
    rc = bury(lane, why, &err);
    if (rc == ST_OK && parked_has_row(lane->item)) {
        lane->row_count = 0; /* what the handler put is not written */
        rc = parked_finish(lane, &err);
    }
    if (rc != ST_OK) {
        log_outcome(lane, LOG_WARN, "deadletter.delayed", &err);
        again(lane, clock_mono_ms() + FAULT_PAUSE_MS);
        return;
    }
    log_outcome(lane, LOG_WARN, "record.dead", why);
    count(engine, &METRIC_DLQ, reason_name(why->reason));
    metric_add(engine->series.dead, 1);
    settled(lane);
}

/* "wechat" of "wechat:40056": few, and which exactly stands in the log. */
static void count_retry(struct engine *engine, const char *code)
{
    char family[FAMILY_SIZE];
    struct str head = str_from(code);
    struct str rest;

    (void)str_cut(head, ':', &head, &rest);
    (void)str_copy(head, family, sizeof(family));
    count(engine, &METRIC_RETRIES, family);
}

static void settle_retry(struct lane *lane, struct err *err)
{
    struct engine *engine = lane->engine;
    struct item *item = lane->item;
    int64_t delay_ms = 0;
    int64_t at_ms;

    note_failure(item, err);
    if (!retry_next(&engine->retry, item->attempts + 1, rand_u64(), &delay_ms)) {
        err->reason = REASON_EXHAUSTED;
        settle_reject(lane, err);
        return;
    }
    log_outcome(lane, LOG_INFO, "record.retry", err);
    count_retry(engine, err->code);
    item->attempts++;
    at_ms = clock_mono_ms() + delay_ms;
    if (err->until.at_ms > at_ms)
        at_ms = err->until.at_ms;
    at_ms = not_later(lane, at_ms);
    if (item->kind == ITEM_PARKED)
        parked_note(lane, clock_wall_ms() + at_ms - clock_mono_ms());
    again(lane, at_ms);
}

/* The key stays where it is: nothing behind this item may run before it. */
static void settle_fatal(struct lane *lane, const struct err *err)
{
    log_outcome(lane, LOG_ERROR, "worker.fatal", err);
    engine_fail(lane->engine, ST_FATAL, err, "worker.stops");
    again(lane, clock_mono_ms() + NEVER_MS);
}

/* A tick comes again by itself. */
static void settle_tick(struct lane *lane, enum status verdict, const struct err *err)
{
    if (verdict == ST_RETRY || verdict == ST_REJECT)
        log_outcome(lane, LOG_WARN, "tick.failed", err);
    else
        lane_span_settled(lane, verdict == ST_WAIT ? "tick.waits" : "tick.done", err);
    if (verdict == ST_FATAL)
        engine_fail(lane->engine, verdict, err, "worker.stops");
    finish(lane, true);
}

/* The row could not even be read. */
static void settle_unread(struct lane *lane, enum status verdict, struct err *err)
{
    if (verdict == ST_WAIT) {
        settle_wait(lane, err);
        return;
    }
    if (verdict == ST_FATAL) {
        settle_fatal(lane, err);
        return;
    }
    log_outcome(lane, LOG_WARN, "parked.unread", err);
    again(lane, clock_mono_ms() + FAULT_PAUSE_MS);
}

void settle_item(struct lane *lane, enum status verdict, struct err *err)
{
    if (lane->item->kind == ITEM_TICK) {
        settle_tick(lane, verdict, err);
        return;
    }
    if (lane->item->kind == ITEM_PARKED && !lane->record && verdict != ST_OK) {
        settle_unread(lane, verdict, err);
        return;
    }
    switch (verdict) {
    case ST_OK: settle_ok(lane); break;
    case ST_WAIT: settle_wait(lane, err); break;
    case ST_RETRY: settle_retry(lane, err); break;
    case ST_REJECT: settle_reject(lane, err); break;
    case ST_FATAL: settle_fatal(lane, err); break;
    }
}
