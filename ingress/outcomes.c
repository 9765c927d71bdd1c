/* SPDX-License-Identifier: Apache-2.0 */
/* The table of outcomes: one lock, two lists that say what goes first. */
#include "outcomes.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/slots.h"

#include <pthread.h>
#include <string.h>

/* The topics are read side by side: a result may come before the record that it answers. */
enum { CATCH_UP_MS = 2000 };

enum { MAP_SHARE_BYTES = 160, TURNS_MAX = 16 };

struct outcome_text {
    atomic_size_t users;
    size_t len;
    char bytes[];
};

struct outcome {
    TAILQ_ENTRY(outcome) place;        /* among all, the oldest first */
    TAILQ_ENTRY(outcome) result_place; /* among those with a result, the oldest first */
    struct outcome_wait_list waits;
    struct outcome_text *result;
    struct outcome_text *second; /* of another record under this id */
    int64_t at_ms;
    int64_t second_at_ms;
    int64_t expires_ms;
    int64_t rank; /* of the result */
    size_t size;
    bool has_hash;  /* a request of this process or a record said it */
    bool confirmed; /* a record of the topic said it */
    bool contested; /* a second record with another hash is known */
    bool open;      /* the request that began it is not answered */
    bool sent;
    bool is_final;
    bool gone; /* there was a result, and it had to go */
    uint8_t hash[SHA256_LEN];
    char account[OUTCOME_NAME_MAX + 1];
    char type[OUTCOME_NAME_MAX + 1];
    char id[];
};

TAILQ_HEAD(outcome_list, outcome);

struct outcomes {
    pthread_mutex_t lock;
    struct map *by_id;
    struct slots slots; /* of entries */
    struct outcome_list all;
    struct outcome_list with_result;
    int64_t window_ms;
    size_t max_bytes;
    size_t entry_bytes;
    size_t result_bytes;
};

/* Texts */

static struct outcome_text *text_new(struct str s)
{
    struct outcome_text *text = mem_alloc(sizeof(*text) + s.len);

    if (!text)
        return NULL;
    atomic_init(&text->users, 1);
    text->len = s.len;
    if (s.len > 0)
        memcpy(text->bytes, s.ptr, s.len);
    return text;
}

static struct outcome_text *text_hold(struct outcome_text *text)
{
    (void)atomic_fetch_add(&text->users, 1);
    return text;
}

struct str outcome_text(const struct outcome_text *text)
{
    return str_of(text->bytes, text->len);
}

void outcome_text_release(struct outcome_text *text)
{
    if (text && atomic_fetch_sub(&text->users, 1) == 1)
        mem_free(text);
}

/* Coming and going */

static void drop_result(struct outcomes *o, struct outcome *e)
{
    if (!e->result)
        return;
    o->result_bytes -= e->result->len;
    TAILQ_REMOVE(&o->with_result, e, result_place);
    outcome_text_release(e->result);
    e->result = NULL;
}

static void drop_second(struct outcomes *o, struct outcome *e)
{
    if (!e->second)
        return;
    o->result_bytes -= e->second->len;
    outcome_text_release(e->second);
    e->second = NULL;
}

static size_t size_of(size_t id_len)
{
    return sizeof(struct outcome) + id_len + 1;
}

static void entry_free(struct outcomes *o, struct outcome *e)
{
    slots_give(&o->slots, e, e->size);
}

static void drop(struct outcomes *o, struct outcome *e)
{
    struct outcome_wait *w;

    while ((w = TAILQ_FIRST(&e->waits))) {
        TAILQ_REMOVE(&e->waits, w, link);
        w->outcome = NULL;
    }
    drop_result(o, e);
    drop_second(o, e);
    TAILQ_REMOVE(&o->all, e, place);
    o->entry_bytes -= e->size + MAP_SHARE_BYTES;
    (void)map_take(o->by_id, str_from(e->id));
    entry_free(o, e);
}

static bool is_over(const struct outcomes *o, const struct outcome *e, int64_t now_ms)
{
    return !e->open && now_ms - e->at_ms > o->window_ms;
}

/* The entry, unless its time is over. */
static struct outcome *find(struct outcomes *o, struct str id, int64_t now_ms)
{
    struct outcome *e = map_get(o->by_id, id);

    if (!e || !is_over(o, e, now_ms))
        return e;
    drop(o, e);
    return NULL;
}

/* The next to go, not the one in hand; open ones get another turn. */
static struct outcome *oldest(struct outcomes *o, const struct outcome *keep)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        struct outcome *e = TAILQ_FIRST(&o->all);

        if (!e || e == keep || !e->open)
            return e != keep ? e : NULL;
        TAILQ_REMOVE(&o->all, e, place);
        TAILQ_INSERT_TAIL(&o->all, e, place);
    }
    return NULL;
}

static void make_room(struct outcomes *o, const struct outcome *keep, int64_t now_ms)
{
    struct outcome *e;

    while ((e = oldest(o, keep)) && (is_over(o, e, now_ms) || o->entry_bytes > o->max_bytes))
        drop(o, e);
    while (o->result_bytes > o->max_bytes && (e = TAILQ_FIRST(&o->with_result))) {
        drop_result(o, e);
        e->gone = true;
    }
}

static struct outcome *add(struct outcomes *o, struct str id, int64_t at_ms)
{
    const size_t size = size_of(id.len);
    struct outcome *e;

    if (id.len == 0 || id.len > OUTCOME_ID_MAX)
        return NULL;
    e = slots_alloc(&o->slots, size);
    if (!e)
        return NULL;
    (void)str_copy(id, e->id, id.len + 1);
    e->at_ms = at_ms;
    e->size = size;
    TAILQ_INIT(&e->waits);
    if (!map_put(o->by_id, str_from(e->id), e, NULL)) {
        entry_free(o, e);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&o->all, e, place);
    o->entry_bytes += e->size + MAP_SHARE_BYTES;
    make_room(o, e, at_ms);
    return e;
}

static void touch(struct outcomes *o, struct outcome *e, int64_t at_ms)
{
    if (at_ms <= e->at_ms)
        return;
    e->at_ms = at_ms;
    TAILQ_REMOVE(&o->all, e, place);
    TAILQ_INSERT_TAIL(&o->all, e, place);
}

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
    w->result = text_hold(text);
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

static enum outcome_begin start(struct outcomes *o, struct outcome *e,
                                const struct outcome_key *key)
{
    /* Results without a known record may be those of another: the worker will say again. */
    drop_result(o, e);
    drop_second(o, e);
    e->has_hash = true;
    memcpy(e->hash, key->hash, SHA256_LEN);
    e->open = true;
    e->sent = false;
    e->gone = false;
    set_names(e, key->account, key->type);
    return BEGIN_NEW;
}

static enum outcome_begin begin(struct outcomes *o, const struct outcome_key *key, int64_t now_ms,
                                struct outcome_text **result)
{
    struct outcome *e = find(o, key->id, now_ms);
    struct outcome_text *text;

    if (!e)
        e = add(o, key->id, now_ms);
    if (!e)
        return BEGIN_MEMORY;
    if (!e->has_hash)
        return start(o, e, key);
    if (!has_hash(e, key->hash))
        return BEGIN_OTHER;
    text = e->confirmed ? shown(e, now_ms) : NULL;
    if (text) {
        *result = text_hold(text);
        return BEGIN_DONE;
    }
    if (e->open)
        return BEGIN_OPEN;
    return e->gone ? start(o, e, key) : BEGIN_PENDING;
}

enum outcome_begin outcomes_begin(struct outcomes *o, const struct outcome_key *key, int64_t now_ms,
                                  struct outcome_text **result)
{
    enum outcome_begin verdict;

    (void)pthread_mutex_lock(&o->lock);
    verdict = begin(o, key, now_ms, result);
    (void)pthread_mutex_unlock(&o->lock);
    return verdict;
}

/* A result says that there is a record after all; whose, the topic will say. */
static void leave_unsent(struct outcomes *o, struct outcome *e)
{
    if (e->result || e->second)
        e->has_hash = false;
    else
        drop(o, e);
}

void outcomes_end(struct outcomes *o, struct str id, bool sent)
{
    struct outcome *e;

    (void)pthread_mutex_lock(&o->lock);
    e = map_get(o->by_id, id);
    if (e) {
        e->open = false;
        e->sent = e->sent || sent;
        if (!e->sent && !e->confirmed)
            leave_unsent(o, e);
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
    out->result = text_hold(text);
}

void outcomes_get(struct outcomes *o, struct str id, int64_t now_ms, struct outcome_view *out)
{
    const struct outcome *e;

    *out = (struct outcome_view){0};
    (void)pthread_mutex_lock(&o->lock);
    e = find(o, id, now_ms);
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
    e = find(o, key->id, at_ms);
    if (!e)
        e = add(o, key->id, at_ms);
    if (e)
        see_command(e, key);
    (void)pthread_mutex_unlock(&o->lock);
}

static void take_second(struct outcomes *o, struct outcome *e, struct outcome_text *text,
                        int64_t at_ms)
{
    drop_second(o, e);
    e->second = text;
    e->second_at_ms = at_ms;
    o->result_bytes += text->len;
}

static bool stays(const struct outcome *e, const struct outcome_result *r)
{
    if (r->is_second || !e->result)
        return false;
    if (e->rank != r->rank)
        return e->rank > r->rank;
    return e->is_final || (r->rank != 0 && str_cmp(outcome_text(e->result), r->value) >= 0);
}

static void take_result(struct outcomes *o, struct outcome *e, struct outcome_text *text,
                        const struct outcome_result *r)
{
    drop_result(o, e);
    e->result = text;
    e->is_final = r->is_final;
    e->rank = r->rank;
    e->gone = false;
    o->result_bytes += text->len;
    TAILQ_INSERT_TAIL(&o->with_result, e, result_place);
}

static void see_result(struct outcomes *o, struct outcome *e, const struct outcome_result *r,
                       int64_t at_ms)
{
    struct outcome_text *text;

    if (stays(e, r))
        return;
    text = text_new(r->value);
    if (!text)
        return;
    set_names(e, r->account, r->type);
    touch(o, e, at_ms);
    if (r->is_second)
        take_second(o, e, text, at_ms);
    else
        take_result(o, e, text, r);
    serve(e);
    make_room(o, e, at_ms);
}

void outcomes_saw_result(struct outcomes *o, const struct outcome_result *result, int64_t at_ms)
{
    struct outcome *e;

    (void)pthread_mutex_lock(&o->lock);
    e = find(o, result->id, at_ms);
    if (!e)
        e = add(o, result->id, at_ms);
    if (e)
        see_result(o, e, result, at_ms);
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
    e = map_get(o->by_id, id);
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
        w->result = text_hold(text);
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
    o->window_ms = window_ms;
    o->max_bytes = max_bytes;
    TAILQ_INIT(&o->all);
    TAILQ_INIT(&o->with_result);
    slots_init(&o->slots, size_of(MAP_PACKED_KEY_MAX));
    o->by_id = map_new_packed();
    if (o->by_id)
        return o;
    outcomes_free(o);
    return NULL;
}

void outcomes_free(struct outcomes *o)
{
    struct outcome *e;

    if (!o)
        return;
    while ((e = TAILQ_FIRST(&o->all)))
        drop(o, e);
    map_free(o->by_id, NULL);
    slots_done(&o->slots);
    (void)pthread_mutex_destroy(&o->lock);
    mem_free(o);
}
