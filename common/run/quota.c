/* SPDX-License-Identifier: Apache-2.0 */
/* Paths in a map by account and name; each has its own lock. */
#include "run/quota.h"

#include "base/map.h"
#include "base/mem.h"
#include "log/log.h"
#include "metrics/catalog.h"
#include "run/breaker.h"
#include "run/permits.h"
#include "tables/quota.h"
#include "wechat/client.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, DAY_MS = 86400000 };

enum { NAME_SIZE = sizeof(((struct err *)0)->resource), PATH_SIZE = 129, READ_MS = 5000 };

struct quota_path {
    struct quota_path *next; /* written before it is in the list */
    const struct account *account;
    char name[NAME_SIZE]; /* "wechat:<account>:<path>" */
    char path[PATH_SIZE];
    struct permits *permits; /* NULL: no limit */
    pthread_mutex_t closing_lock;
    struct deadline closed; /* until; guarded by closing_lock, as the next two */
    bool is_unsaved;        /* MySQL does not know yet */
    struct breaker breaker;
};

struct quota {
    const struct settings *settings;
    struct metrics *metrics;
    struct db_pool *pool;
    atomic_bool has_news;
    pthread_mutex_t paths_lock;
    struct map *paths;        /* by name; guarded by paths_lock, as the next */
    struct quota_path *first; /* none ever leaves */
};

/* Paths */

static void path_free(void *arg)
{
    struct quota_path *p = arg;

    if (!p)
        return;
    permits_free(p->permits);
    (void)pthread_mutex_destroy(&p->closing_lock);
    mem_free(p);
}

struct quota *quota_new(const struct settings *settings, struct metrics *metrics)
{
    struct quota *q = mem_zalloc(sizeof(*q));

    if (!q)
        return NULL;
    q->settings = settings;
    q->metrics = metrics;
    q->paths = map_new();
    if (!q->paths) {
        mem_free(q);
        return NULL;
    }
    (void)pthread_mutex_init(&q->paths_lock, NULL);
    return q;
}

void quota_free(struct quota *q)
{
    if (!q)
        return;
    map_free(q->paths, path_free);
    (void)pthread_mutex_destroy(&q->paths_lock);
    mem_free(q);
}

static struct quota_path *path_new(const struct settings_quota *settings,
                                   const struct account *account, const char *path,
                                   const char *name)
{
    const struct quota_limit *limit = quota_limit_of(settings, str_from(path));
    struct quota_path *p = mem_zalloc(sizeof(*p));

    if (!p)
        return NULL;
    p->account = account;
    (void)pthread_mutex_init(&p->closing_lock, NULL);
    (void)str_copy(str_from(name), p->name, sizeof(p->name));
    (void)str_copy(str_from(path), p->path, sizeof(p->path));
    if (limit->count == 0)
        return p;
    p->permits = permits_new(&(struct permits_of){account->appid, p->path, p->name}, limit,
                             settings->replay_share);
    if (p->permits)
        return p;
    path_free(p);
    return NULL;
}

/* With paths_lock. */
static struct quota_path *add_path(struct quota *q, const struct account *account, const char *path,
                                   const char *name)
{
    struct quota_path *p = path_new(&q->settings->quota, account, path, name);

    if (!p)
        return NULL;
    if (!map_put(q->paths, str_from(name), p, NULL)) {
        path_free(p);
        return NULL;
    }
    p->next = q->first;
    q->first = p;
    return p;
}

struct quota_path *quota_path(struct quota *q, const struct account *account, const char *path)
{
    struct quota_path *p;
    char name[NAME_SIZE];

    (void)snprintf(name, sizeof(name), "wechat:%s:%s", account->name, path);
    (void)pthread_mutex_lock(&q->paths_lock);
    p = map_get(q->paths, str_from(name));
    if (!p)
        p = add_path(q, account, path, name);
    (void)pthread_mutex_unlock(&q->paths_lock);
    return p;
}

static struct quota_path *first_path(struct quota *q)
{
    struct quota_path *first;

    (void)pthread_mutex_lock(&q->paths_lock);
    first = q->first;
    (void)pthread_mutex_unlock(&q->paths_lock);
    return first;
}

/* Closings; with closing_lock down to quota_admit */

static bool is_closed(const struct quota_path *p)
{
    return p->closed.at_ms != 0 && !deadline_passed(p->closed);
}

/* Later than it is closed already; true: it was open. */
static bool close_until(struct quota_path *p, struct deadline until)
{
    bool was_open = !is_closed(p);

    if (until.at_ms <= p->closed.at_ms)
        return false;
    p->closed = until;
    return was_open;
}

static enum status wait_dark(const struct quota_path *p, int64_t until_ms, struct err *err)
{
    return err_wait(err, p->name, (struct deadline){until_ms}, "no call comes through");
}

/* Before a permit is asked for: no probe is taken yet. */
static enum status look(const struct quota_path *p, struct err *err)
{
    if (is_closed(p))
        return err_wait(err, p->name, p->closed, "the path is closed for %" PRId64 " s",
                        deadline_left_ms(p->closed) / 1000 + 1);
    if (breaker_is_dark(&p->breaker) && clock_mono_ms() < p->breaker.probe_ms)
        return wait_dark(p, p->breaker.probe_ms, err);
    return ST_OK;
}

static enum status pass(struct quota_path *p, struct err *err)
{
    int64_t until_ms = 0;
    enum status rc = look(p, err);

    if (rc == ST_OK && breaker_is_dark(&p->breaker) &&
        breaker_admit(&p->breaker, clock_mono_ms(), &until_ms) == BREAKER_DARK)
        return wait_dark(p, until_ms, err);
    return rc;
}

static bool is_open(struct quota_path *p, enum status *rc, struct err *err)
{
    (void)pthread_mutex_lock(&p->closing_lock);
    *rc = look(p, err);
    (void)pthread_mutex_unlock(&p->closing_lock);
    return *rc == ST_OK;
}

static enum status take_permit(struct quota *q, struct quota_path *p,
                               const struct quota_caller *caller, struct err *err)
{
    const struct permits_taker taker = {
        .pool = q->pool,
        .until = caller->until,
        .is_replay = caller->is_replay,
    };
    int64_t closed_ms = 0;
    enum status rc;

    if (!is_open(p, &rc, err))
        return rc;
    rc = permits_take(p->permits, &taker, &closed_ms, err);
    if (closed_ms > 0) {
        (void)pthread_mutex_lock(&p->closing_lock);
        (void)close_until(p, deadline_in(closed_ms));
        (void)pthread_mutex_unlock(&p->closing_lock);
    }
    return rc;
}

enum status quota_admit(struct quota *q, struct quota_path *path, const struct quota_caller *caller,
                        struct err *err)
{
    enum status rc = path->permits ? take_permit(q, path, caller, err) : ST_OK;

    if (rc != ST_OK)
        return rc;
    (void)pthread_mutex_lock(&path->closing_lock);
    rc = pass(path, err);
    (void)pthread_mutex_unlock(&path->closing_lock);
    return rc;
}

int64_t quota_closing_ms(enum errcode_class class, int64_t wall_ms)
{
    int64_t left_ms = clock_next_midnight_utc8(wall_ms) - wall_ms;

    switch (class) {
    case ERRCODE_MINUTE:
    case ERRCODE_ALARM: return MINUTE_MS;
    case ERRCODE_DAY: return left_ms > DAY_MS - MINUTE_MS ? MINUTE_MS : left_ms;
    case ERRCODE_OK:
    case ERRCODE_RETRY:
    case ERRCODE_TOKEN:
    case ERRCODE_FINAL:
    case ERRCODE_BUG: return 0;
    }
    return 0;
}

/* An answer, whatever it says, is light. True: the path has just become dark. */
static bool note_outcome(struct quota_path *p, const struct quota_outcome *outcome)
{
    bool was_dark = breaker_is_dark(&p->breaker);
    bool ok = outcome->errcode != WECHAT_NO_ANSWER && outcome->errcode != WECHAT_BUSY;

    breaker_report(&p->breaker, outcome->began_ms, clock_mono_ms(), ok, outcome->key_hash);
    return !was_dark && breaker_is_dark(&p->breaker);
}

bool quota_report(struct quota *q, struct quota_path *path, const struct quota_outcome *outcome,
                  struct quota_dark *dark)
{
    const struct errcode *row = errcode_find(outcome->errcode, NULL);
    int64_t close_ms = quota_closing_ms(row->class, clock_wall_ms());
    bool tell_closed = false;
    bool tell_dark;
    bool is_dark;

    (void)pthread_mutex_lock(&path->closing_lock);
    if (close_ms > 0) {
        tell_closed = close_until(path, deadline_in(close_ms));
        path->is_unsaved = true;
        atomic_store(&q->has_news, true);
    }
    tell_dark = note_outcome(path, outcome);
    is_dark = breaker_is_dark(&path->breaker);
    dark->resource = path->name;
    dark->until = (struct deadline){path->breaker.probe_ms};
    (void)pthread_mutex_unlock(&path->closing_lock);
    if (tell_closed)
        log_warn(EV("wechat.path_closed"), kv_cstr("account", path->account->name),
                 kv_cstr("api", path->path), kv_int("errcode", outcome->errcode),
                 kv_int("ms", close_ms), kv_cstr("remedy", row->note));
    if (tell_dark)
        log_warn(EV("wechat.path_dark"), kv_cstr("account", path->account->name),
                 kv_cstr("api", path->path));
    return is_dark;
}

/* With others */

bool quota_has_news(struct quota *q)
{
    return atomic_load(&q->has_news);
}

/* How long the path stays closed, where others do not know; 0: they do. */
static int64_t take_news(struct quota_path *p)
{
    int64_t left_ms = 0;

    (void)pthread_mutex_lock(&p->closing_lock);
    if (p->is_unsaved)
        left_ms = deadline_left_ms(p->closed);
    p->is_unsaved = false;
    (void)pthread_mutex_unlock(&p->closing_lock);
    return left_ms;
}

static void keep_news(struct quota *q, struct quota_path *p)
{
    (void)pthread_mutex_lock(&p->closing_lock);
    p->is_unsaved = true;
    (void)pthread_mutex_unlock(&p->closing_lock);
    atomic_store(&q->has_news, true);
}

static enum status tell(struct quota *q, struct db *db, struct err *err)
{
    enum status rc = ST_OK;

    if (!atomic_exchange(&q->has_news, false))
        return ST_OK;
    for (struct quota_path *p = first_path(q); p; p = p->next) {
        const struct quota_key key = {str_from(p->account->appid), str_from(p->path)};
        int64_t left_ms = take_news(p);

        if (left_ms == 0)
            continue;
        if (rc == ST_OK)
            rc = quota_row_close(db, &key, left_ms, err);
        if (rc != ST_OK)
            keep_news(q, p);
    }
    return rc;
}

/* Accounts that this installation does not have are not its business. */
static enum status learn_row(void *arg, const struct quota_key *key, int64_t left_ms,
                             struct err *err)
{
    struct quota *q = arg;
    const struct account *account = settings_account_by_appid(q->settings, key->appid);
    struct quota_path *p;
    char text[PATH_SIZE];
    bool closes;

    if (!account || !str_copy(key->path, text, sizeof(text)))
        return ST_OK;
    p = quota_path(q, account, text);
    if (!p)
        return err_retry(err, "memory", "no memory for a path");
    (void)pthread_mutex_lock(&p->closing_lock);
    closes = close_until(p, deadline_in(left_ms));
    (void)pthread_mutex_unlock(&p->closing_lock);
    if (closes)
        log_warn(EV("wechat.path_closed_elsewhere"), kv_cstr("account", account->name),
                 kv_cstr("api", p->path), kv_int("ms", left_ms));
    return ST_OK;
}

static enum status exchange(struct quota *q, struct deadline until, struct err *err)
{
    struct db *db = NULL;
    enum status rc = db_pool_acquire(q->pool, until, &db, err);

    if (rc != ST_OK)
        return rc;
    rc = tell(q, db, err);
    if (rc == ST_OK)
        rc = quota_row_closed(db, learn_row, q, err);
    db_pool_release(q->pool, db);
    return rc;
}

enum status quota_open(struct quota *q, struct db_pool *pool, struct err *err)
{
    q->pool = pool;
    return exchange(q, deadline_in(READ_MS), err);
}

bool quota_sync(struct quota *q, struct deadline until)
{
    struct err unseen = {0}; /* the ping tells of it */

    return exchange(q, until, &unseen) == ST_OK;
}

/* By path alone: of several accounts, the one that is closed longest. */
void quota_collect(struct quota *q)
{
    struct quota_path *first = first_path(q);

    for (const struct quota_path *p = first; p; p = p->next)
        metric_set(metric_1(q->metrics, &METRIC_QUOTA_BLOCKED, p->path), 0);
    for (struct quota_path *p = first; p; p = p->next) {
        struct series *series = metric_1(q->metrics, &METRIC_QUOTA_BLOCKED, p->path);
        double left_s;

        (void)pthread_mutex_lock(&p->closing_lock);
        left_s = is_closed(p) ? (double)deadline_left_ms(p->closed) / 1000 : 0;
        (void)pthread_mutex_unlock(&p->closing_lock);
        if (left_s > metric_value(series))
            metric_set(series, left_s);
    }
}
