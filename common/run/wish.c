/* SPDX-License-Identifier: Apache-2.0 */
/* What people wish of parked keys (kabaoctl parked): written into the rows, acted on by the lane
 * that reads them; here the keys are woken. */
#include "base/mem.h"
#include "log/log.h"
#include "run/engine.h"

enum { LOOK_MS = 5000 };

/* parked_head_fn: its lane sees the wish in the row. A record without a key is not found; it sees
 * the wish when its own time comes. */
static enum status wake_head(void *arg, const struct parked_head *head, struct err *err UNUSED)
{
    struct engine *engine = arg;
    struct keys_item *link;

    (void)pthread_mutex_lock(&engine->sched_lock);
    link = keys_find(engine->keys, head->part, head->key);
    if (link && ((struct item *)link)->kind == ITEM_PARKED && keys_is_deferred(link)) {
        ((struct item *)link)->due_ms = 0;
        keys_wake(engine->keys, link, 0);
        (void)pthread_cond_signal(&engine->lane_wanted);
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return ST_OK;
}

static size_t list_parts(struct engine *engine, int32_t *parts)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&engine->sched_lock);
    for (const struct partition *p = engine->partitions; p; p = p->next)
        if (p->topic_index == 0 && engine->parked_keys > 0)
            parts[count++] = p->number;
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return count;
}

void wish_look(struct engine *engine)
{
    int32_t *parts = mem_array((size_t)engine->partition_count, sizeof(*parts));
    struct parked_parts mine = {.worker = engine->def->name, .parts = parts};
    struct db *db = NULL;
    struct err err = {0};

    if (!parts)
        return;
    mine.count = list_parts(engine, parts);
    if (mine.count > 0 && db_pool_acquire(engine->pool, deadline_in(LOOK_MS), &db, &err) == ST_OK) {
        if (parked_wishes(db, &mine, wake_head, engine, &err) != ST_OK)
            log_debug(EV("wish.unread"), kv_cstr("code", err.code));
        db_pool_release(engine->pool, db);
    }
    mem_free(parts);
}
