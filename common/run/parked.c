/* SPDX-License-Identifier: Apache-2.0 */
/* A parked key in a lane's hands: its first row is read, run as any record, and deleted in the
 * transaction that settles it. */
#include "log/log.h"
#include "run/engine.h"

#include <stdio.h>

enum { COVER_WAIT_MS = 100, LOST_WAIT_MS = 1000, TAKE_MS = 5000 };

/* What was done must not be done again because the attempt took all of its time. */
enum { FINISH_MS = 5000 };

int engine_topic(const struct engine *engine, struct str topic)
{
    for (size_t i = 0; i < engine->topic_count; i++)
        if (str_eq_cstr(topic, engine->topics[i]))
            return (int)i;
    return -1;
}

bool engine_is_redrive(const struct engine *engine, int topic_index)
{
    return topic_index == (int)engine->topic_count - 1;
}

/* Before the commit that covers them is surely the broker's, the records are Kafka's. */
static bool is_covered(struct engine *engine, const struct item *item)
{
    bool covered;

    (void)pthread_mutex_lock(&engine->sched_lock);
    covered = item->covered_by <= engine->commit_acked;
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return covered;
}

static enum status read_first(struct lane *lane, enum parked_found *found, struct err *err)
{
    const struct engine *engine = lane->engine;
    const struct item *item = lane->item;
    const struct parked_queue queue = {
        .worker = engine->def->name,
        .part = item->number,
        .epoch = item->epoch,
        .key = item->key,
        .topic = str_from(engine->topics[item->topic_index]),
        .off = item->offset,
    };
    struct db *db = NULL;
    enum status rc =
        db_pool_acquire(engine->pool, deadline_min(lane->until, deadline_in(TAKE_MS)), &db, err);

    if (rc != ST_OK)
        return blame_database(rc, err);
    rc = parked_first(db, &queue, &lane->arena, &lane->row, found, err);
    db_pool_release(engine->pool, db);
    return blame_database(rc, err);
}

/* The wall's clock may have jumped: no wait is longer than the longest between attempts. */
static int64_t wait_left_ms(const struct lane *lane)
{
    int64_t left_ms = lane->row.next_at_ms - clock_wall_ms();
    int64_t most_ms = lane->engine->settings->worker.retry_max_ms;

    if (lane->row.wish != PARKED_NO_WISH || left_ms <= 0)
        return 0;
    return left_ms < most_ms ? left_ms : most_ms;
}

static enum status look_at_row(struct lane *lane, struct err *err)
{
    const struct parked_row *row = &lane->row;
    struct item *item = lane->item;
    int64_t left_ms = wait_left_ms(lane);

    lane->record = &row->record;
    lane->topic_index = engine_topic(lane->engine, row->record.topic);
    item->attempts = row->attempts;
    item->first_failed_ms = row->first_failed_ms;
    item->last_failed_ms = row->last_failed_ms;
    if (row->damaged)
        return err_reject(err, REASON_MALFORMED, "parked:record", "the parked row is damaged");
    if (row->wish == PARKED_DISCARD)
        return err_reject(err, REASON_REJECTED, "operator:discard", "given up by an operator");
    if (left_ms > 0)
        return err_wait(err, "parked", deadline_in(left_ms), "its time has not come");
    return ST_OK;
}

enum status parked_take(struct lane *lane, struct err *err)
{
    enum parked_found found = PARKED_EMPTY;
    enum status rc;

    if (!is_covered(lane->engine, lane->item))
        return err_wait(err, "commit", deadline_in(COVER_WAIT_MS), "its place is not committed");
    rc = read_first(lane, &found, err);
    if (rc != ST_OK || found == PARKED_EMPTY)
        return rc;
    if (found == PARKED_LOST)
        return err_wait(err, "owner", deadline_in(LOST_WAIT_MS), "another instance has it");
    return look_at_row(lane, err);
}

bool parked_has_row(const struct item *item)
{
    return item->kind == ITEM_PARKED || item->may_have_row;
}

static struct source source_of(const struct lane *lane)
{
    return (struct source){
        .worker = lane->engine->def->name,
        .topic = lane->record->topic,
        .part = lane->record->partition,
    };
}

/* writer_fn; what is done is a fact, no fence is asked. */
static enum status delete_row(struct db *tx, void *arg, struct err *err)
{
    const struct lane *lane = arg;
    const struct source from = source_of(lane);

    return parked_delete(tx, &from, lane->record->offset, err);
}

enum status parked_finish(struct lane *lane, struct err *err)
{
    const struct writer_job job = {
        .rows = lane->rows,
        .count = lane->row_count,
        .fn = delete_row,
        .arg = lane,
        .guarded = lane->row_count > 0,
        .version = lane->erased_seen,
    };

    if (!lane->record)
        return ST_OK;
    return blame_database(writer_do(lane->engine->writer, &job, deadline_in(FINISH_MS), err), err);
}

static enum status update_row(struct db *tx, void *arg, struct err *err)
{
    const struct lane *lane = arg;

    return parked_update(tx, lane->engine->def->name, &lane->row, err);
}

void parked_note(struct lane *lane, int64_t next_at_ms)
{
    const struct item *item = lane->item;
    struct err err = {0};

    lane->row.attempts = item->attempts;
    lane->row.next_at_ms = next_at_ms;
    lane->row.first_failed_ms = item->first_failed_ms;
    lane->row.last_failed_ms = item->last_failed_ms;
    lane->row.reason = str_from(item->reason);
    if (writer_run(lane->engine->writer, update_row, lane, deadline_in(FINISH_MS), &err) != ST_OK)
        log_debug(EV("parked.not_noted"), kv_cstr("code", err.code), kv_cstr("error", err.text));
}
