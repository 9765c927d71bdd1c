/* SPDX-License-Identifier: Apache-2.0 */
/* Records that may have crashed a worker: counted when its successor starts, run one at a time, and
 * cleared when they are settled. */
#include "base/mem.h"
#include "log/log.h"
#include "run/engine.h"
#include "tables/suspect.h"

#include <stdio.h>

enum { COUNT_MS = 5000, FORGET_MS = 5000 };

void suspects_free(struct suspected *list)
{
    while (list) {
        struct suspected *next = list->next;

        mem_free(list);
        list = next;
    }
}

/* Under sched_lock. */
static struct suspected **find(const struct lane *lane, struct suspected **link)
{
    while (*link && ((*link)->topic_index != lane->topic_index ||
                     (*link)->partition != lane->record->partition ||
                     (*link)->offset != lane->record->offset))
        link = &(*link)->next;
    return link;
}

bool suspects_enter(struct lane *lane)
{
    struct engine *engine = lane->engine;
    const struct suspected *suspect;
    bool may_run = true;

    (void)pthread_mutex_lock(&engine->sched_lock);
    suspect = *find(lane, &engine->suspects);
    if (suspect) {
        may_run = !engine->suspect_runs;
        engine->suspect_runs = true;
        lane->suspected = may_run;
        lane->crashes = may_run ? suspect->crashes : 0;
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return may_run;
}

static enum status forget(struct db *tx, void *arg, struct err *err)
{
    const struct lane *lane = arg;
    const struct source from = {
        .worker = lane->engine->def->name,
        .topic = lane->record->topic,
        .part = lane->record->partition,
    };

    return suspect_forget(tx, &from, lane->record->offset, err);
}

/* What stays behind when the database is away is covered by a commit, and deleted by the next
 * owner. */
void suspects_leave(struct lane *lane, bool settled)
{
    struct engine *engine = lane->engine;
    struct err err = {0};

    if (!lane->suspected)
        return;
    if (settled && writer_run(engine->writer, forget, lane, deadline_in(FORGET_MS), &err) != ST_OK)
        log_debug(EV("suspect.not_cleared"), kv_cstr("code", err.code));
    lane->suspected = false;
    (void)pthread_mutex_lock(&engine->sched_lock);
    engine->suspect_runs = false;
    if (settled) {
        struct suspected **link = find(lane, &engine->suspects);
        struct suspected *gone = *link;

        if (gone) {
            *link = gone->next;
            mem_free(gone);
        }
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
}

/* Counting */

struct counting {
    struct crash crash;
    struct suspect *suspects;
    size_t count;
};

static enum status count(struct db *tx, void *arg, struct err *err)
{
    const struct counting *c = arg;

    return suspect_count(tx, &c->crash, c->suspects, c->count, err);
}

static size_t name_suspects(const struct engine *engine, const struct crash_suspect *blamed,
                            size_t blamed_count, struct suspect *out)
{
    size_t named = 0;

    for (size_t i = 0; i < blamed_count; i++)
        if (blamed[i].topic >= 0 && (size_t)blamed[i].topic < engine->topic_count)
            out[named++] = (struct suspect){
                .topic = str_from(engine->topics[blamed[i].topic]),
                .part = blamed[i].partition,
                .off = blamed[i].offset,
            };
    return named;
}

static enum status count_blamed(struct engine *engine, const struct crash_suspect *blamed,
                                size_t blamed_count, struct err *err)
{
    struct counting c = {
        .crash = {.worker = engine->def->name, .at_ms = clock_wall_ms()},
        .suspects = mem_array(blamed_count, sizeof(*c.suspects)),
    };
    enum status rc;

    if (!c.suspects)
        return err_retry(err, "memory", "no memory for suspects");
    lane_chance_id("crash", &c.crash.id);
    c.count = name_suspects(engine, blamed, blamed_count, c.suspects);
    rc = writer_run(engine->writer, count, &c, deadline_in(COUNT_MS), err);
    mem_free(c.suspects);
    return rc;
}

enum status suspects_count(struct engine *engine, struct err *err)
{
    struct crash_suspect *blamed = mem_array(CRASH_LANES, sizeof(*blamed));
    bool sure = false;
    size_t blamed_count;
    enum status rc = ST_OK;

    if (!blamed)
        return err_retry(err, "memory", "no memory for suspects");
    blamed_count = crash_blame(engine->board, blamed, CRASH_LANES, &sure);
    if (blamed_count > 0)
        rc = count_blamed(engine, blamed, blamed_count, err);
    mem_free(blamed);
    if (rc != ST_OK)
        return rc;
    if (blamed_count > 0)
        log_warn(EV("crash.counted"), kv_int("suspects", (int64_t)blamed_count),
                 kv_bool("sure", sure));
    crash_clear(engine->board);
    return ST_OK;
}
