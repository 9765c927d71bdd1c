/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that leave memory: one thread that takes waiting keys out of the scheduler, writes their
 * records to MySQL under the fence, and leaves an item in their place that stands for the rows. */
#include "base/mem.h"
#include "log/log.h"
#include "metrics/catalog.h"
#include "run/engine.h"
#include "tables/owner.h"

#include <stdlib.h>

enum {
    ROWS_MAX = 256,    /* of one transaction */
    KEYS_MAX = 200000, /* that one process keeps account of; then nothing more is taken in */
    WRITE_MS = 5000,
    PAUSE_MS = 500, /* after a failure */
    WISHES_EVERY_MS = 1000,
};

/* One key on its way. */
struct moving {
    struct item *stub; /* stands for the rows, in the scheduler's hands as a running item */
    bool fresh;        /* it had no rows before */
    size_t first;      /* of its records in parker.items */
    size_t count;
};

struct parker {
    struct engine *engine;
    struct moving keys[ROWS_MAX];
    size_t key_count;
    struct item *items[ROWS_MAX];
    struct parked_row rows[ROWS_MAX];
    size_t row_count;
    struct owner owners[ROWS_MAX];
    size_t owner_count;
    bool tried; /* the rows were sent: without an answer they may be stored all the same */
    struct deadline pause_until;
    struct deadline wishes_at;
    struct log_limit limit;
};

/* Asking. All of this with sched_lock. */

void park_ask(struct engine *engine, struct item *head)
{
    if (head->wants_park)
        return;
    head->wants_park = true;
    head->park_next = NULL;
    head->park_prev = engine->leaving_last;
    if (engine->leaving_last)
        engine->leaving_last->park_next = head;
    else
        engine->leaving = head;
    engine->leaving_last = head;
    (void)pthread_cond_signal(&engine->park_wanted);
}

void park_forget(struct engine *engine, struct item *head)
{
    if (!head->wants_park)
        return;
    head->wants_park = false;
    if (head->park_prev)
        head->park_prev->park_next = head->park_next;
    else
        engine->leaving = head->park_next;
    if (head->park_next)
        head->park_next->park_prev = head->park_prev;
    else
        engine->leaving_last = head->park_prev;
}

void park_uncount(struct engine *engine, const struct item *item)
{
    engine->parked_keys--;
    engine->parked_records -= item->rows;
}

/* Records that wait; items that stand for rows hold none. */
static size_t waiting_records(const struct engine *engine)
{
    size_t items = keys_waiting_items(engine->keys);

    return items > engine->parked_keys ? items - engine->parked_keys : 0;
}

static bool is_pressed(const struct engine *engine)
{
    const struct settings_worker *limit = &engine->settings->worker;
    size_t waiting = waiting_records(engine);

    if (engine->def->waits_in_kafka)
        return false;
    return waiting > (size_t)limit->max_inflight / 2 ||
           (waiting > 0 && waiting == engine->inflight &&
            engine->inflight_bytes > (size_t)limit->max_inflight_bytes / 2);
}

void park_relieve(struct engine *engine)
{
    if (engine->pressed || !is_pressed(engine))
        return;
    engine->pressed = true;
    (void)pthread_cond_signal(&engine->park_wanted);
}

struct candidates {
    struct item **items;
    size_t count;
    size_t max;
};

/* keys_each_fn */
static void add_candidate(void *arg, struct keys_item *head)
{
    struct candidates *c = arg;
    struct item *item = (struct item *)head;

    if (item->kind == ITEM_RECORD && !item->wants_park && c->count < c->max)
        c->items[c->count++] = item;
}

static int by_age(const void *left, const void *right)
{
    const struct item *a = *(struct item *const *)left;
    const struct item *b = *(struct item *const *)right;

    return (a->admitted_ms > b->admitted_ms) - (a->admitted_ms < b->admitted_ms);
}

static size_t records_of(const struct item *head)
{
    size_t count = 0;

    for (const struct keys_item *link = &head->link; link; link = link->next)
        count++;
    return count;
}

/* The longest-waiting keys, until a quarter less than the limit waits. */
static void ask_oldest(struct engine *engine)
{
    size_t most = (size_t)engine->settings->worker.max_inflight * 3 / 8;
    size_t waiting = waiting_records(engine);
    struct candidates c = {.max = keys_waiting(engine->keys)};

    engine->pressed = false;
    if (!is_pressed(engine))
        return;
    c.items = mem_array(c.max, sizeof(void *));
    if (!c.items)
        return;
    keys_each_deferred(engine->keys, add_candidate, &c);
    qsort(c.items, c.count, sizeof(void *), by_age);
    for (size_t i = 0; i < c.count && waiting > most; i++) {
        size_t records = records_of(c.items[i]);

        park_ask(engine, c.items[i]);
        waiting -= records < waiting ? records : waiting;
    }
    mem_free(c.items);
}

/* Taking keys out */

/* In the place of a record and all behind it. */
static struct item *stub_new(const struct engine *engine, const struct item *head)
{
    struct item *stub = item_new(ITEM_PARKED, head->record->key);

    if (!stub)
        return NULL;
    stub->link.redrive = head->link.redrive;
    stub->partition = head->partition;
    stub->topic_index = head->topic_index;
    stub->number = head->partition->number;
    stub->epoch = engine->epochs[stub->number];
    stub->offset = head->record->offset;
    stub->admitted_ms = head->admitted_ms;
    stub->due_ms = head->due_ms;
    return stub;
}

static int64_t wall_of(int64_t mono_ms)
{
    return mono_ms == 0 ? 0 : clock_wall_ms() + mono_ms - clock_mono_ms();
}

static void take_records(struct parker *p, struct moving *key)
{
    struct keys_item *link;

    while (p->row_count < ROWS_MAX &&
           (link = keys_take_next(p->engine->keys, &key->stub->link)) != NULL) {
        struct item *item = (struct item *)link;

        p->items[p->row_count] = item;
        p->rows[p->row_count++] = (struct parked_row){
            .attempts = item->attempts,
            .next_at_ms = wall_of(item->due_ms),
            .first_failed_ms = item->first_failed_ms,
            .last_failed_ms = item->last_failed_ms,
            .reason = str_from(item->reason),
            .record = *item->record,
        };
        key->count++;
    }
}

static void note_owner(struct parker *p, const struct item *stub)
{
    for (size_t i = 0; i < p->owner_count; i++)
        if (p->owners[i].part == stub->number)
            return;
    p->owners[p->owner_count++] = (struct owner){stub->number, stub->epoch};
}

static bool take_key(struct parker *p, struct item *head)
{
    struct engine *engine = p->engine;
    bool fresh = head->kind == ITEM_RECORD;
    struct item *stub = fresh ? stub_new(engine, head) : head;
    struct moving *key;

    if (!stub)
        return false;
    key = &p->keys[p->key_count++];
    *key = (struct moving){.stub = stub, .fresh = fresh, .first = p->row_count};
    park_forget(engine, head);
    keys_hold(engine->keys, &head->link);
    if (fresh)
        keys_put_first(engine->keys, &head->link, &stub->link);
    engine->running++;
    stub->partition->running++;
    take_records(p, key);
    note_owner(p, stub);
    return true;
}

static void take_keys(struct parker *p)
{
    struct engine *engine = p->engine;

    p->key_count = 0;
    p->row_count = 0;
    p->owner_count = 0;
    if (engine->pressed)
        ask_oldest(engine);
    while (engine->leaving && p->row_count < ROWS_MAX && p->key_count < ROWS_MAX) {
        struct item *head = engine->leaving;

        if (!keys_is_deferred(&head->link)) { /* its time came first: a lane is about to take it */
            park_forget(engine, head);
            continue;
        }
        if (head->kind == ITEM_RECORD && engine->parked_keys >= KEYS_MAX)
            return;
        if (!take_key(p, head))
            return;
    }
}

/* Writing */

/* writer_fn */
static enum status store(struct db *tx, void *arg, struct err *err)
{
    struct parker *p = arg;
    const char *worker = p->engine->def->name;
    bool mine = false;
    enum status rc = owner_check(tx, worker, p->owners, p->owner_count, &mine, err);

    if (rc != ST_OK)
        return rc;
    if (!mine)
        return err_wait(err, "owner", deadline_in(PAUSE_MS), "another instance has it");
    p->tried = true;
    return parked_insert(tx, worker, p->rows, p->row_count, err);
}

/* Their offsets are done from now on, and the rows the next commit's. */
static void let_go(struct parker *p, const struct moving *key)
{
    struct engine *engine = p->engine;
    struct item *stub = key->stub;

    for (size_t i = key->first; i < key->first + key->count; i++) {
        struct item *item = p->items[i];

        offsets_done(item->partition->offsets, item->record->offset);
        item->partition->settled++;
        engine->inflight--;
        engine->inflight_bytes -= item->bytes;
        item_free(item);
    }
    stub->rows += key->count;
    stub->covered_by = engine->commit_seq + 1;
    engine->parked_records += key->count;
    if (key->fresh)
        engine->parked_keys++;
    atomic_store(&engine->commit_wanted, true);
}

static void put_back(struct parker *p, const struct moving *key)
{
    for (size_t i = key->first + key->count; i-- > key->first;) {
        p->items[i]->may_have_row = p->items[i]->may_have_row || p->tried;
        keys_put_next(p->engine->keys, &key->stub->link, &p->items[i]->link);
    }
}

/* Somebody else will read them. */
static void drop(struct parker *p, const struct moving *key)
{
    for (size_t i = key->first; i < key->first + key->count; i++) {
        p->engine->inflight--;
        p->engine->inflight_bytes -= p->items[i]->bytes;
        item_free(p->items[i]);
    }
}

static void end_stub(struct parker *p, struct item *stub, bool counted)
{
    keys_settle(p->engine->keys, &stub->link);
    if (counted)
        park_uncount(p->engine, stub);
    item_free(stub);
}

static void settle_key(struct parker *p, const struct moving *key, bool stored)
{
    struct engine *engine = p->engine;
    struct item *stub = key->stub;
    bool revoked = keys_is_revoked(&stub->link);
    bool leaving = revoked || stub->partition->draining;

    engine->running--;
    if (!revoked)
        stub->partition->running--;
    if (stored && !revoked)
        let_go(p, key);
    else if (leaving)
        drop(p, key);
    else
        put_back(p, key);
    if (leaving || (!stored && key->fresh)) {
        end_stub(p, stub, !key->fresh || (stored && !revoked));
        return;
    }
    keys_defer(engine->keys, &stub->link, stub->due_ms);
    if (stored && stub->link.next)
        park_ask(engine, stub); /* more came meanwhile, or did not fit */
}

static void move_keys(struct parker *p)
{
    struct engine *engine = p->engine;
    struct err err = {0};
    enum status rc;

    take_keys(p);
    if (p->key_count == 0) {
        if (engine->leaving) /* no memory, or too many are there already */
            p->pause_until = deadline_in(PAUSE_MS);
        return;
    }
    p->tried = false;
    (void)pthread_mutex_unlock(&engine->sched_lock);
    rc = writer_run(engine->writer, store, p, deadline_in(WRITE_MS), &err);
    if (rc == ST_OK)
        log_info(EV("keys.parked"), kv_int("keys", (int64_t)p->key_count),
                 kv_int("records", (int64_t)p->row_count));
    else if (log_limit(&p->limit, NULL))
        log_warn(EV("park.delayed"), kv_cstr("code", err.code), kv_cstr("error", err.text));
    (void)pthread_mutex_lock(&engine->sched_lock);
    for (size_t i = 0; i < p->key_count; i++)
        settle_key(p, &p->keys[i], rc == ST_OK);
    (void)pthread_cond_broadcast(&engine->lane_freed);
    (void)pthread_cond_signal(&engine->lane_wanted);
    if (rc != ST_OK) {
        engine->pressed = true;
        p->pause_until = deadline_in(PAUSE_MS);
    }
}

static bool has_work(const struct parker *p)
{
    return (p->engine->leaving || p->engine->pressed) && deadline_passed(p->pause_until);
}

/* With sched_lock. */
static void wait_for_work(struct parker *p)
{
    struct engine *engine = p->engine;
    struct deadline until = p->wishes_at;
    struct timespec at;

    if (engine->leaving || engine->pressed)
        until = deadline_min(until, p->pause_until);
    at = deadline_timespec(until);
    (void)pthread_cond_timedwait(&engine->park_wanted, &engine->sched_lock, &at);
}

void *park_main(void *arg)
{
    struct engine *engine = arg;
    struct parker *p = mem_zalloc(sizeof(*p));
    struct err err = {0};

    if (!p) {
        engine_fail(engine, err_fatal(&err, "memory", "out of memory"), &err, "worker.failed");
        return NULL;
    }
    p->engine = engine;
    p->pause_until = deadline_in(0);
    p->wishes_at = deadline_in(WISHES_EVERY_MS);
    (void)pthread_mutex_lock(&engine->sched_lock);
    while (!engine->park_ends) {
        if (has_work(p))
            move_keys(p);
        else
            wait_for_work(p);
        if (!deadline_passed(p->wishes_at))
            continue;
        (void)pthread_mutex_unlock(&engine->sched_lock);
        wish_look(engine);
        (void)pthread_mutex_lock(&engine->sched_lock);
        p->wishes_at = deadline_in(WISHES_EVERY_MS);
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    mem_free(p);
    db_thread_done();
    return NULL;
}
