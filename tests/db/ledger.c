/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/db/ledger.h"

#include "db/migrate.h"
#include "metrics/catalog.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static enum status on_call(struct lane *lane, struct deadline until, void *arg, struct str *result,
                           struct err *err)
{
    struct script *s = arg;

    assert_true(deadline_left_ms(until) > 0 && deadline_left_ms(until) <= LONG_MS);
    assert_non_null(lane);
    s->calls++;
    if (s->meanwhile)
        scratch_run(s->scratch, s->meanwhile);
    if (s->rc == ST_OK)
        *result = s->result;
    else
        *err = s->err;
    return s->rc;
}

// cppcheck-suppress constParameter ; the shape is that of struct step
static enum status on_probe(struct lane *lane, struct deadline until, void *arg, bool *happened,
                            struct str *result, struct err *err)
{
    struct script *s = arg;

    assert_true(lane && !deadline_passed(until));
    s->probes++;
    if (s->probe_rc == ST_REJECT)
        return err_reject(err, REASON_REJECTED, "wechat:40056", "there is no such card");
    if (s->probe_rc != ST_OK)
        return err_retry(err, "http:timeout", "no answer");
    *happened = s->happened;
    *result = STR("{\"probed\":true}");
    return ST_OK;
}

static enum status on_begin(struct db *tx, void *arg, struct err *err)
{
    struct script *s = arg;
    struct deadline until = deadline_in(s->begin_ms);

    s->begins++;
    while (!deadline_passed(until)) {
    }
    if (s->begin_is_stored) {
        s->begin_is_stored = false;
        assert_int_equal(db_exec(tx, STR("COMMIT"), NULL, 0, NULL, err), ST_OK);
        assert_int_not_equal(db_exec(tx, STR("KILL CONNECTION_ID()"), NULL, 0, NULL, err), ST_OK);
        return ST_OK;
    }
    if (s->begin_rc != ST_OK)
        return err_reject(err, REASON_REJECTED, "test:begin", "begin refuses");
    return db_exec(tx, STR("INSERT INTO log (what) VALUES ('begin')"), NULL, 0, NULL, err);
}

static enum status on_end(struct db *tx, void *arg, struct err *err)
{
    struct script *s = arg;

    s->ends++;
    if (s->end_rc != ST_OK)
        return err_reject(err, REASON_REJECTED, "test:end", "end refuses");
    return db_exec(tx, STR("INSERT INTO log (what) VALUES ('end')"), NULL, 0, NULL, err);
}

#define STEP(label, kind)                                                                         \
    {                                                                                             \
        .name = (label), .nature = (kind), .call = on_call, .probe = on_probe, .begin = on_begin, \
        .end = on_end                                                                             \
    }
const struct step REPEATABLE = STEP("again", NATURE_REPEATABLE);
const struct step PROBE = STEP("probe", NATURE_PROBE);
const struct step ONCE = STEP("once", NATURE_ONCE);

/* The fixture */

static void lane_make(struct fixture *f, struct lane *lane)
{
    lane->engine = &f->engine;
    lane->owner = (struct owner){3, 1};
    lane->parent = STR("event-1");
    trace_start(&lane->span.trace);
    lane->until = deadline_in(LONG_MS);
}

int ledger_begin(void **state)
{
    struct fixture *f = *state;

    scratch_run(&f->scratch, "DELETE FROM effect; DELETE FROM log; DELETE FROM owner;"
                             "INSERT INTO owner VALUES ('bonus',3,1)");
    f->app = (struct app){.metrics = metrics_new()};
    f->def = (struct worker_def){.name = "bonus"};
    f->settings.mysql = f->scratch.settings;
    f->engine.app = &f->app;
    f->engine.def = &f->def;
    f->engine.settings = &f->settings;
    f->engine.pool = db_pool_new(&f->settings.mysql);
    f->engine.writer = writer_new(&f->settings.mysql, f->engine.pool, f->app.metrics);
    memset(&f->script, 0, sizeof(f->script));
    f->script.result = STR("{\"n\":1}");
    f->script.scratch = &f->scratch;
    for (size_t i = 0; i < LANES; i++)
        lane_make(f, &f->lanes[i]);
    return 0;
}

int ledger_end(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < LANES; i++)
        arena_done(&f->lanes[i].arena);
    writer_free(f->engine.writer);
    db_pool_free(f->engine.pool);
    metrics_free(f->app.metrics);
    return 0;
}

int64_t rows(const struct fixture *f, const char *where)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM effect WHERE %s", where);
    return scratch_int(&f->scratch, sql);
}

int64_t logged(const struct fixture *f, const char *what)
{
    char sql[100];

    (void)snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM log WHERE what='%s'", what);
    return scratch_int(&f->scratch, sql);
}

int64_t counted(const struct fixture *f, const struct step *step, const char *outcome)
{
    return (int64_t)metric_value(metric_2(f->app.metrics, &METRIC_EFFECTS, step->name, outcome));
}

struct outcome try_with(struct fixture *f, const struct step *step, struct str hash)
{
    const struct effect effect = {step, STR("identity"), hash, &f->script};
    struct outcome out = {.made = false};

    out.rc = lane_effect(&f->lanes[0], &effect, &out.result, &out.made, &out.err);
    return out;
}

struct outcome try_one(struct fixture *f, const struct step *step)
{
    return try_with(f, step, (struct str){NULL, 0});
}

void fail_with(struct fixture *f, enum status rc, const char *code)
{
    f->script.rc = rc;
    f->script.err = (struct err){.reason = rc == ST_REJECT ? REASON_REJECTED : REASON_NONE};
    (void)str_copy(str_from(code), f->script.err.code, sizeof(f->script.err.code));
}

void leave_intent(struct fixture *f, const struct step *step, int64_t over_ms)
{
    fail_with(f, ST_RETRY, "http:timeout");
    assert_int_equal(try_one(f, step).rc, ST_RETRY);
    assert_int_equal(rows(f, "state='intent'"), 1);
    if (over_ms != NEVER) {
        char sql[200];

        (void)snprintf(sql, sizeof(sql),
                       "UPDATE effect SET until=UTC_TIMESTAMP(3)-INTERVAL %lld MICROSECOND",
                       (long long)over_ms * 1000);
        scratch_run(&f->scratch, sql);
    }
    f->script.rc = ST_OK;
    f->script.calls = 0;
}

void ledger_open(struct fixture *f, char **arguments)
{
    struct err err;

    scratch_open(&f->scratch, arguments);
    must(migrate_apply(f->scratch.db, NULL, NULL, &err), &err);
    scratch_run(&f->scratch, "CREATE TABLE log (what VARCHAR(10)) ENGINE=InnoDB");
}
