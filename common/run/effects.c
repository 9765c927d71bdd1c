/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger around a call: intent, call, done. Each transaction is one job of the writer, so that
 * many lanes share their COMMITs. */
#include "run/effects.h"

#include "base/hex.h"
#include "base/num.h"
#include "base/rand.h"
#include "metrics/catalog.h"
#include "run/engine.h"
#include "tables/effect.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

enum {
    MARGIN_MS = 2000,     /* between the last moment of a call and the end of its intent */
    CALL_LEAST_MS = 200,  /* with less left a call would only be cut */
    SETTLE_MS = 5000,     /* for what must be written although the attempt took all of its time */
    RESULT_MAX = 65536,   /* bytes that are kept of an answer */
    IDENTITY_MAX = 256,   /* as of a parent id (model/id.c) */
    STEP_MAX = 32,        /* column step */
    HOLDER_BYTES = 16,    /* column holder, in hex */
    SWEEP_SOON_MS = 1000, /* more is left */
    SWEEP_EVERY_MS = 600000,
    SWEEP_DATABASE_MS = 1000,
};

/* What the intent's transaction found. */
enum found {
    FOUND_NOTHING, /* the intent is ours */
    FOUND_OLD,     /* ours now: how the last one ended nobody knows */
    FOUND_YOUNG,
    FOUND_DONE,
    FOUND_UNKNOWN,
    FOUND_ANOTHER /* request has this identity */
};

/* One call of lane_effect. */
struct attempt {
    struct lane *lane;
    const struct effect *effect;
    struct id id;
    char holder[2 * HOLDER_BYTES + 1];
    char event_room[EFFECT_EVENT_ROOM];
    struct effect_intent intent;
    struct deadline until; /* of the call */
    bool written;          /* the intent: it may be stored though no answer to a COMMIT came */
    enum found found;
    struct effect_row row; /* as it stands */
    struct str result;     /* to be kept */
};

void effect_id(const struct step *step, struct str identity, struct id *out)
{
    char joined[STEP_MAX + 1 + IDENTITY_MAX];
    char stand_in[2 * SHA256_LEN + 1];
    uint8_t hash[SHA256_LEN];
    size_t len = strlen(step->name);

    assert(len > 0 && len <= STEP_MAX && identity.len > 0);
    if (identity.len > IDENTITY_MAX) {
        sha256(identity, hash);
        hex_format(hash, sizeof(hash), stand_in);
        identity = str_from(stand_in);
    }
    memcpy(joined, step->name, len);
    joined[len++] = '\x1f';
    memcpy(joined + len, identity.ptr, identity.len);
    sha256(str_of(joined, len + identity.len), hash);
    hex_format(hash, ID_LEN / 2, out->text);
}

static void count(const struct attempt *a, const char *outcome)
{
    metric_add(
        metric_2(a->lane->engine->app->metrics, &METRIC_EFFECTS, a->effect->step->name, outcome),
        1);
}

static void attempt_init(struct attempt *a, struct lane *lane, const struct effect *effect)
{
    uint8_t chance[HOLDER_BYTES];

    *a = (struct attempt){.lane = lane, .effect = effect, .until = lane->until};
    effect_id(effect->step, effect->identity, &a->id);
    rand_bytes(chance, sizeof(chance));
    hex_format(chance, sizeof(chance), a->holder);
    a->intent = (struct effect_intent){
        .id = str_from(a->id.text),
        .holder = str_from(a->holder),
        .event_id = effect_event_id(lane->parent, a->event_room),
        .step = str_from(effect->step->name),
        .request_hash = effect->request_hash,
    };
}

/* Writing */

/* What is written after the call may outlast the attempt. It is a fact: an erasure meanwhile does
 * not undo it (whoever erases awaits the intents it finds). */
static enum status settle(struct attempt *a, writer_fn *fn, struct err *err)
{
    struct deadline until = deadline_in(SETTLE_MS);

    if (deadline_left_ms(a->lane->until) > SETTLE_MS)
        until = a->lane->until;
    return blame_database(writer_run(a->lane->engine->writer, fn, a, until, err), err);
}

/* writer_fn */
static enum status withdraw_intent(struct db *tx, void *arg, struct err *err)
{
    const struct attempt *a = arg;

    return effect_withdraw(tx, &a->intent, err);
}

/* writer_fn */
static enum status release_intent(struct db *tx, void *arg, struct err *err)
{
    const struct attempt *a = arg;

    return effect_release(tx, &a->intent, err);
}

/* Nothing happened, or nothing more is known. What cannot be written stays open until its deadline.
 */
static void let_go(struct attempt *a, writer_fn *fn)
{
    struct err err = {0};

    if (settle(a, fn, &err) != ST_OK)
        lane_warn(a->lane, "effect.left_open", &err);
}

/* The intent */

static enum status check_fence(struct db *tx, const struct lane *lane, struct err *err)
{
    bool mine = false;
    enum status rc = owner_check(tx, lane->engine->def->name, &lane->owner, 1, &mine, err);

    if (rc != ST_OK || mine)
        return rc;
    return err_wait(err, "owner", deadline_in(0), "another instance has it");
}

static bool is_another(const struct attempt *a)
{
    struct str hash = a->effect->request_hash;

    return str_is_set(hash) && str_is_set(a->row.request_hash) &&
           !str_eq(hash, a->row.request_hash);
}

static enum status look_at_old(struct db *tx, struct attempt *a, struct err *err)
{
    bool taken = false;
    enum status rc;

    if (a->effect->step->nature == NATURE_ONCE) {
        a->found = FOUND_UNKNOWN;
        return effect_give_up(tx, &a->intent, err);
    }
    rc = effect_take_over(tx, &a->intent, &taken, err);
    a->found = taken ? FOUND_OLD : FOUND_YOUNG;
    return rc;
}

/* The intent, or the row that stands in its place. */
static enum status find_row(struct db *tx, struct attempt *a, struct err *err)
{
    enum status rc = effect_begin(tx, &a->intent, &a->lane->arena, &a->row, err);

    if (rc != ST_OK)
        return rc;
    if (is_another(a)) {
        a->found = FOUND_ANOTHER;
        return ST_OK;
    }
    switch (a->row.state) {
    case EFFECT_DONE: a->found = FOUND_DONE; return ST_OK;
    case EFFECT_UNKNOWN: a->found = FOUND_UNKNOWN; return ST_OK;
    case EFFECT_INTENT: break;
    }
    if (a->row.held) /* and when this runs again, it stays the old one that was taken over */
        a->found = a->found == FOUND_OLD ? FOUND_OLD : FOUND_NOTHING;
    else if (a->row.left_ms > 0)
        a->found = FOUND_YOUNG;
    else
        return look_at_old(tx, a, err);
    return ST_OK;
}

/* writer_fn */
static enum status write_intent(struct db *tx, void *arg, struct err *err)
{
    struct attempt *a = arg;
    const struct step *step = a->effect->step;
    enum status rc = check_fence(tx, a->lane, err);

    if (rc != ST_OK)
        return rc;
    a->intent.lasts_ms = deadline_left_ms(a->until) + MARGIN_MS;
    rc = find_row(tx, a, err);
    if (rc != ST_OK || a->found > FOUND_OLD)
        return rc;
    if (step->begin)
        rc = step->begin(tx, a->effect->arg, err);
    a->written = a->written || rc == ST_OK;
    return rc;
}

static enum status wait_for_other(const struct attempt *a, struct err *err)
{
    count(a, "waited");
    return err_wait(err, "effect", deadline_in(a->row.left_ms), "%s %s was begun and not ended",
                    a->effect->step->name, a->id.text);
}

static enum status refuse_another(const struct attempt *a, struct err *err)
{
    count(a, "refused");
    return err_reject(err, REASON_REJECTED, "idempotency",
                      "another request has the identity of %s %s", a->effect->step->name,
                      a->id.text);
}

static enum status give_up(const struct attempt *a, struct err *err)
{
    count(a, "unknown");
    a->lane->unknown = a->id;
    return err_reject(err, REASON_OUTCOME_UNKNOWN, "effect",
                      "nobody knows whether %s %s happened: see, then kabaoctl dlq replay --as "
                      "done|again",
                      a->effect->step->name, a->id.text);
}

/* ST_OK: ours, or done before. */
static enum status judge(const struct attempt *a, struct err *err)
{
    switch (a->found) {
    case FOUND_YOUNG: return wait_for_other(a, err);
    case FOUND_UNKNOWN: return give_up(a, err);
    case FOUND_ANOTHER: return refuse_another(a, err);
    case FOUND_NOTHING:
    case FOUND_OLD:
    case FOUND_DONE: break;
    }
    return ST_OK;
}

/* As judge. */
static enum status begin_effect(struct attempt *a, struct err *err)
{
    enum status rc = lane_commit(a->lane, (struct writer_job){.fn = write_intent, .arg = a}, err);

    if (rc != ST_OK) {
        if (a->written) /* by an earlier run, or by one whose answer was lost */
            let_go(a, a->found == FOUND_OLD ? release_intent : withdraw_intent);
        return rc;
    }
    return judge(a, err);
}

/* The call */

/* An errcode; not "wechat:garbage", and not -1, after which anything may have happened. */
static bool is_refusal(const char *code)
{
    static const struct str prefix = STR_INIT("wechat:");
    struct str text = str_from(code);
    int64_t errcode = WECHAT_BUSY;

    return str_starts(text, prefix) &&
           num_parse_i64(str_skip(text, prefix.len), INT_MIN, INT_MAX, &errcode) &&
           errcode != WECHAT_BUSY;
}

static bool is_nothing(enum status rc, const struct err *err)
{
    return rc == ST_WAIT || rc == ST_REJECT ||
           (rc == ST_RETRY && (http_client_sent_nothing(err) || is_refusal(err->code)));
}

/* What this call proves of itself it does not prove of the one before it. */
static void let_go_after(struct attempt *a, enum status rc)
{
    const bool in_doubt = a->found == FOUND_OLD && a->effect->step->nature == NATURE_REPEATABLE;

    let_go(a, in_doubt && rc != ST_REJECT ? release_intent : withdraw_intent);
}

static enum status call(struct attempt *a, struct err *err)
{
    const struct step *step = a->effect->step;
    enum status rc;

    /* The process may have stood still since the intent: somebody else may be at it. */
    if (deadline_left_ms(a->until) < CALL_LEAST_MS)
        rc = err_wait(err, "effect", deadline_in(0), "no time was left for %s", step->name);
    else
        rc = step->call(a->lane, a->until, a->effect->arg, &a->result, err);
    if (rc == ST_OK)
        return rc;
    if (!is_nothing(rc, err)) {
        count(a, "open");
        return rc;
    }
    count(a, rc == ST_WAIT ? "waited" : "refused");
    let_go_after(a, rc);
    return rc;
}

static enum status probe(struct attempt *a, bool *happened, struct err *err)
{
    enum status rc =
        a->effect->step->probe(a->lane, a->until, a->effect->arg, happened, &a->result, err);

    if (rc != ST_OK) {
        count(a, rc == ST_WAIT ? "waited" : "open");
        let_go(a, release_intent);
    }
    return rc;
}

/* ST_OK: it happened. */
static enum status make(struct attempt *a, struct err *err)
{
    bool happened = false;

    if (a->found == FOUND_OLD && a->effect->step->nature == NATURE_PROBE) {
        enum status rc = probe(a, &happened, err);

        if (rc != ST_OK || happened)
            return rc;
        a->result = (struct str){NULL, 0};
    }
    return call(a, err);
}

/* Decided in the database */

/* writer_fn */
static enum status write_decision(struct db *tx, void *arg, struct err *err)
{
    struct attempt *a = arg;
    enum status rc = check_fence(tx, a->lane, err);

    if (rc != ST_OK)
        return rc;
    a->result = (struct str){NULL, 0};
    a->found = FOUND_NOTHING;
    rc = find_row(tx, a, err);
    if (rc != ST_OK || a->found > FOUND_OLD)
        return rc;
    rc = a->effect->step->decide(tx, a->lane, a->effect->arg, &a->result, err);
    if (rc != ST_OK)
        return rc;
    assert(a->result.len <= RESULT_MAX);
    return effect_done(tx, &a->intent, a->result, &a->lane->arena, &a->row, err);
}

/* Nothing is left to be withdrawn: it was undone with the transaction. */
static enum status decide(struct attempt *a, struct err *err)
{
    enum status rc = lane_commit(a->lane, (struct writer_job){.fn = write_decision, .arg = a}, err);

    if (rc == ST_OK)
        rc = judge(a, err);
    if (rc != ST_OK)
        return rc;
    /* Held and done before: by this very attempt, whose answer to a COMMIT was lost. */
    count(a, a->row.held ? "done" : "suppressed");
    return ST_OK;
}

/* Done */

/* writer_fn */
static enum status write_done(struct db *tx, void *arg, struct err *err)
{
    struct attempt *a = arg;
    const struct step *step = a->effect->step;
    enum status rc = effect_done(tx, &a->intent, a->result, &a->lane->arena, &a->row, err);

    if (rc != ST_OK || !a->row.held || !step->end)
        return rc;
    return step->end(tx, a->effect->arg, err);
}

static enum status end_effect(struct attempt *a, struct err *err)
{
    struct err why = {0};
    enum status rc;

    if (a->result.len > RESULT_MAX) {
        (void)err_retry(&why, "effect:result", "an answer of %zu bytes", a->result.len);
        lane_warn(a->lane, "effect.result_dropped", &why);
        a->result = (struct str){NULL, 0};
    }
    rc = settle(a, write_done, err);
    if (rc == ST_REJECT) { /* it happened: to refuse it now would be a lie */
        why = *err;
        rc = err_retry(err, why.code, "%s", why.text);
    }
    count(a, rc != ST_OK ? "open" : a->row.held ? "done" : "suppressed");
    return rc;
}

enum status lane_effect(struct lane *lane, const struct effect *effect, struct str *result,
                        bool *made, struct err *err)
{
    struct attempt a;
    enum status rc;

    assert(effect->step->nature != NATURE_READ && lane->owner.part >= 0);
    assert(effect->step->nature != NATURE_PROBE || effect->step->probe);
    attempt_init(&a, lane, effect);
    if (effect->step->decide) {
        rc = decide(&a, err);
        if (rc == ST_OK) {
            *result = a.row.result;
            *made = a.row.held;
        }
        return rc;
    }
    rc = begin_effect(&a, err);
    if (rc != ST_OK)
        return rc;
    if (a.found == FOUND_DONE) {
        count(&a, "suppressed");
        *result = a.row.result;
        *made = false;
        return ST_OK;
    }
    rc = make(&a, err);
    if (rc == ST_OK)
        rc = end_effect(&a, err);
    if (rc != ST_OK)
        return rc;
    *result = a.row.result;
    *made = a.row.held;
    return ST_OK;
}

/* Keeping the table small */

void effects_sweep(struct engine *engine, struct deadline *next)
{
    struct db *db = NULL;
    struct err err = {0};
    int64_t deleted = 0;
    enum status rc;

    if (!deadline_passed(*next))
        return;
    rc = db_pool_acquire(engine->pool, deadline_in(SWEEP_DATABASE_MS), &db, &err);
    if (rc == ST_OK) {
        rc = effect_forget(db, &deleted, &err);
        db_pool_release(engine->pool, db);
    }
    if (rc != ST_OK)
        log_debug(EV("effect.not_forgotten"), kv_cstr("code", err.code));
    /* Half of it by chance, so that instances do not meet at the same rows. */
    *next = deadline_in(deleted == EFFECT_FORGET_ROWS
                            ? SWEEP_SOON_MS
                            : SWEEP_EVERY_MS / 2 + rand_below(SWEEP_EVERY_MS / 2));
}
