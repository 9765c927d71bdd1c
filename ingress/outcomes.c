/* SPDX-License-Identifier: Apache-2.0 */
/* What of the table is shown to whom, and who waits for it; one lock. */
#include "outcomes.h"

#include "base/mem.h"
#include "outcomes_table.h"

#include <pthread.h>
#include <string.h>

/* The topics are read side by side: a result may come before the record that it answers. */
enum { CATCH_UP_MS = 2000 };

struct outcomes {
    pthread_mutex_t lock;
    struct outcomes_table table;
};

static void set_names(struct outcome *e, struct str account, struct str type)
{
    if (e->account[0] == '\0' && str_is_set(account))
        (void)str_copy(account, e->account, sizeof(e->account));
    if (e->type[0] == '\0' && str_is_set(type))
        (void)str_copy(type, e->type, sizeof(e->type));
}

/* What is to be seen */

static bool has_hash(const struct outcome *e, const uint8_t hash[SHA256_LEN])
{
    return e->has_hash && memcmp(e->hash, hash, SHA256_LEN) == 0;
}

static struct outcome_text *shown(const struct outcome *e, int64_t now_ms)
{
    if (e->result)
        return e->result;
    return e->second && !e->contested && now_ms - e->second_at_ms >= CATCH_UP_MS ? e->second : NULL;
}

/* A result before the record is known might be another record's. */
static struct outcome_text *shown_to(const struct outcome *e, const struct outcome_wait *w)
{
    if (w->any)
        return e->result;
    if (!e->confirmed)
        return NULL;
    return has_hash(e, w->hash) ? e->result : e->second;
}

static void hand_over(struct outcome *e, struct outcome_wait *w, struct outcome_text *text)
{
    TAILQ_REMOVE(&e->waits, w, link);
    w->outcome = NULL;
    w->result = outcome_text_hold(text);
    w->state = WAIT_READY;
    TAILQ_INSERT_TAIL(&w->watch->ready, w, link);
    if (!atomic_exchange(&w->watch->some, true))
        w->watch->wake(w->watch->arg);
}

static void serve(struct outcome *e)
{
    struct outcome_wait *w = TAILQ_FIRST(&e->waits);

    while (w) {
        struct outcome_wait *next = TAILQ_NEXT(w, link);
        struct outcome_text *text = shown_to(e, w);

        if (text)
            hand_over(e, w, text);
        w = next;
    }
}

/* Requests */

static enum outcome_begin start(struct outcomes_table *t, struct outcome *e,
                                const struct outcome_key *key)
{
    /* Results without a known record may be those of another: the worker will say again. */
    outcomes_table_drop_result(t, e);
    outcomes_table_drop_second(t, e);
    e->has_hash = true;
    memcpy(e->hash, key->hash, SHA256_LEN);
    e->open = true;
    e->sent = false;
    e->gone = false;
    set_names(e, key->account, key->type);
    return BEGIN_NEW;
}

static enum outcome_begin begin(struct outcomes_table *t, const struct outcome_key *key,
                                int64_t now_ms, struct outcome_text **result)
{
    struct outcome *e = outcomes_table_find(t, key->id, now_ms);
    struct outcome_text *text;

    if (!e)
        e = outcomes_table_add(t, key->id, now_ms);
    if (!e)
        return BEGIN_MEMORY;
    if (!e->has_hash)
        return start(t, e, key);
    if (!has_hash(e, key->hash))
        return BEGIN_OTHER;
    text = e->confirmed ? shown(e, now_ms) : NULL;
    if (text) {
        *result = outcome_text_hold(text);
        return BEGIN_DONE;
    }
    if (e->open)
        return BEGIN_OPEN;
    return e->gone ? start(t, e, key) : BEGIN_PENDING;
}

enum outcome_begin outcomes_begin(struct outcomes *o, const struct outcome_key *key, int64_t now_ms,
                                  struct outcome_text **result)
{
    enum outcome_begin verdict;

    (void)pthread_mutex_lock(&o->lock);
    verdict = begin(&o->table, key, now_ms, result);
    (void)pthread_mutex_unlock(&o->lock);
    return verdict;
}

/* A result says that there is a record after all; whose, the topic will say. */
static void leave_unsent(struct outcomes_table *t, struct outcome *e)
{
    if (e->result || e->second)
        e->has_hash = false;
    else
        outcomes_table_drop(t, e);
}

void outcomes_end(struct outcomes *o, struct str id, bool sent)
{
    struct outcome *e;

    (void)pthread_mutex_lock(&o->lock);
    e = outcomes_table_get(&o->table, id);
    if (e) {
        e->open = false;
        e->sent = e->sent || sent;
        if (!e->sent && !e->confirmed)
            leave_unsent(&o->table, e);
    }
    (void)pthread_mutex_unlock(&o->lock);
}

static void view(const struct outcome *e, int64_t now_ms, struct outcome_view *out)
{
    struct outcome_text *text = shown(e, now_ms);

    (void)str_copy(str_from(e->account), out->account, sizeof(out->account));
    (void)str_copy(str_from(e->type), out->type, sizeof(out->type));
    out->expires_ms = e->expires_ms;
    out->state = e->gone ? OUTCOME_GONE : OUTCOME_RUNNING;
    if (!text)
        return;
    out->state = OUTCOME_DONE;
    out->result = outcome_text_hold(text);
}

void outcomes_get(struct outcomes *o, struct str id, int64_t now_ms, struct outcome_view *out)
{
    const struct outcome *e;

    *out = (struct outcome_view){0};
    (void)pthread_mutex_lock(&o->lock);
    e = outcomes_table_find(&o->table, id, now_ms);
    if (e)
        view(e, now_ms, out);
    (void)pthread_mutex_unlock(&o->lock);
}

/* The topics */

static void see_command(struct outcome *e, const struct outcome_key *key)
{
    if (e->confirmed) {
        e->contested = e->contested || !has_hash(e, key->hash);
        return;
    }
    e->contested = e->has_hash && !has_hash(e, key->hash);
    e->confirmed = true;
    e->has_hash = true;
    memcpy(e->hash, key->hash, SHA256_LEN);
    e->expires_ms = key->expires_ms;
    set_names(e, key->account, key->type);
    serve(e);
}

void outcomes_saw_command(struct outcomes *o, const struct outcome_key *key, int64_t at_ms)
{
    struct outcome *e;

    (void)pthread_mutex_lock(&o->lock);
    e = outcomes_table_find(&o->table, key->id, at_ms);
    if (!e)
        e = outcomes_table_add(&o->table, key->id, at_ms);
    if (e)
        see_command(e, key);
    (void)pthread_mutex_unlock(&o->lock);
}

static bool stays(const struct outcome *e, const struct outcome_result *r)
{
    if (r->is_second || !e->result)
        return false;
    if (e->rank != r->rank)
        return e->rank > r->rank;
    return e->is_final || (r->rank != 0 && str_cmp(outcome_text(e->result), r->value) >= 0);
}

static void see_result(struct outcomes_table *t, struct outcome *e, const struct outcome_result *r,
                       int64_t at_ms)
{
    struct outcome_text *text;

    if (stays(e, r))
        return;
    text = outcome_text_new(r->value);
    if (!text)
        return;
    set_names(e, r->account, r->type);
    outcomes_table_touch(t, e, at_ms);
    if (r->is_second) {
        outcomes_table_set_second(t, e, text);
        e->second_at_ms = at_ms;
    } else {
        outcomes_table_set_result(t, e, text);
        e->is_final = r->is_final;
        e->rank = r->rank;
    }
    serve(e);
    outcomes_table_make_room(t, e, at_ms);
}

void outcomes_saw_result(struct outcomes *o, const struct outcome_result *result, int64_t at_ms)
{
    struct outcome *e;

    (void)pthread_mutex_lock(&o->lock);
    e = outcomes_table_find(&o->table, result->id, at_ms);
    if (!e)
        e = outcomes_table_add(&o->table, result->id, at_ms);
    if (e)
        see_result(&o->table, e, result, at_ms);
    (void)pthread_mutex_unlock(&o->lock);
}

/* Waiting */

void outcome_watch_init(struct outcome_watch *w, void (*wake)(void *arg), void *arg)
{
    TAILQ_INIT(&w->ready);
    atomic_init(&w->some, false);
    w->wake = wake;
    w->arg = arg;
}

bool outcomes_wait(struct outcomes *o, struct str id, struct outcome_watch *watch,
                   struct outcome_wait *wait)
{
    struct outcome *e;

    (void)pthread_mutex_lock(&o->lock);
    e = outcomes_table_get(&o->table, id);
    if (e) {
        wait->state = WAIT_WAITING;
        wait->outcome = e;
        wait->watch = watch;
        TAILQ_INSERT_TAIL(&e->waits, wait, link);
        serve(e);
    }
    (void)pthread_mutex_unlock(&o->lock);
    return e;
}

/* The id is that of a record longer ago than the table reaches: the worker refused the only one
 * that is known. */
static struct outcome_text *last_word(const struct outcome *e, const struct outcome_wait *w,
                                      int64_t now_ms)
{
    return w->any || (e->confirmed && has_hash(e, w->hash)) ? shown(e, now_ms) : NULL;
}

static void leave(struct outcome *e, struct outcome_wait *w, int64_t now_ms)
{
    struct outcome_text *text = last_word(e, w, now_ms);

    TAILQ_REMOVE(&e->waits, w, link);
    if (text)
        w->result = outcome_text_hold(text);
}

void outcomes_forget(struct outcomes *o, struct outcome_wait *wait, int64_t now_ms)
{
    (void)pthread_mutex_lock(&o->lock);
    if (wait->state == WAIT_READY)
        TAILQ_REMOVE(&wait->watch->ready, wait, link);
    else if (wait->state == WAIT_WAITING && wait->outcome)
        leave(wait->outcome, wait, now_ms);
    wait->state = WAIT_NONE;
    wait->outcome = NULL;
    (void)pthread_mutex_unlock(&o->lock);
}

struct outcome_wait *outcomes_take(struct outcomes *o, struct outcome_watch *watch)
{
    struct outcome_wait *w;

    (void)pthread_mutex_lock(&o->lock);
    w = TAILQ_FIRST(&watch->ready);
    if (w) {
        TAILQ_REMOVE(&watch->ready, w, link);
        w->state = WAIT_NONE;
    } else {
        atomic_store(&watch->some, false);
    }
    (void)pthread_mutex_unlock(&o->lock);
    return w;
}

struct outcomes *outcomes_new(int64_t window_ms, size_t max_bytes)
{
    struct outcomes *o = mem_zalloc(sizeof(*o));

    if (!o)
        return NULL;
    (void)pthread_mutex_init(&o->lock, NULL);
    if (outcomes_table_init(&o->table, window_ms, max_bytes))
        return o;
    outcomes_free(o);
    return NULL;
}

void outcomes_free(struct outcomes *o)
{
    if (!o)
        return;
    outcomes_table_done(&o->table);
    (void)pthread_mutex_destroy(&o->lock);
    mem_free(o);
}
