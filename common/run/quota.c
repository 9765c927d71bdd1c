/* SPDX-License-Identifier: Apache-2.0 */
/* Closings by account and path, in a map under one lock. */
#include "run/quota.h"

#include "base/map.h"
#include "base/mem.h"
#include "log/log.h"
#include "metrics/catalog.h"
#include "run/breaker.h"
#include "wechat/client.h"
#include "wechat/errors.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { MINUTE_MS = 60000 };

struct closing {
    const char *path; /* of the calls table: static */
    struct deadline until;
    struct breaker breaker;
};

struct quota {
    pthread_mutex_t closings_lock;
    struct map *closings; /* "<account>:<path>" -> struct closing; guarded by closings_lock */
    struct metrics *metrics;
};

struct quota *quota_new(struct metrics *metrics)
{
    struct quota *q = mem_zalloc(sizeof(*q));

    if (!q)
        return NULL;
    q->metrics = metrics;
    q->closings = map_new();
    if (!q->closings) {
        mem_free(q);
        return NULL;
    }
    (void)pthread_mutex_init(&q->closings_lock, NULL);
    return q;
}

void quota_free(struct quota *q)
{
    if (!q)
        return;
    map_free(q->closings, mem_free);
    (void)pthread_mutex_destroy(&q->closings_lock);
    mem_free(q);
}

static void resource_name(const struct account *account, const char *path,
                          char out[QUOTA_NAME_SIZE])
{
    (void)snprintf(out, QUOTA_NAME_SIZE, "wechat:%s:%s", account->name, path);
}

static enum status admit(struct closing *closing, const char *name, struct err *err)
{
    int64_t until_ms = 0;

    if (closing->until.at_ms != 0 && !deadline_passed(closing->until))
        return err_wait(err, name, closing->until, "the path is closed for %" PRId64 " s",
                        deadline_left_ms(closing->until) / 1000 + 1);
    if (breaker_admit(&closing->breaker, clock_mono_ms(), &until_ms) == BREAKER_DARK)
        return err_wait(err, name, (struct deadline){until_ms}, "no call comes through");
    return ST_OK;
}

enum status quota_admit(struct quota *q, const struct account *account, const char *path,
                        struct err *err)
{
    struct closing *closing;
    char name[QUOTA_NAME_SIZE];
    enum status rc = ST_OK;

    resource_name(account, path, name);
    (void)pthread_mutex_lock(&q->closings_lock);
    closing = map_get(q->closings, str_from(name));
    if (closing)
        rc = admit(closing, name, err);
    (void)pthread_mutex_unlock(&q->closings_lock);
    return rc;
}

static int64_t closing_ms(enum errcode_class class)
{
    switch (class) {
    case ERRCODE_MINUTE:
    case ERRCODE_ALARM: return MINUTE_MS;
    case ERRCODE_DAY: {
        int64_t now_ms = clock_wall_ms();

        return clock_next_midnight_utc8(now_ms) - now_ms;
    }
    case ERRCODE_OK:
    case ERRCODE_RETRY:
    case ERRCODE_TOKEN:
    case ERRCODE_FINAL:
    case ERRCODE_BUG: return 0;
    }
    return 0;
}

static struct closing *find_or_add(struct quota *q, const char *name, const char *path)
{
    struct closing *closing = map_get(q->closings, str_from(name));

    if (closing)
        return closing;
    closing = mem_zalloc(sizeof(*closing));
    if (!closing)
        return NULL;
    closing->path = path;
    if (!map_put(q->closings, str_from(name), closing, NULL)) {
        mem_free(closing);
        return NULL;
    }
    return closing;
}

/* Later than it is closed already; true: it was open. */
static bool close_until(struct closing *closing, struct deadline until)
{
    bool was_open = closing->until.at_ms == 0 || deadline_passed(closing->until);

    if (until.at_ms <= closing->until.at_ms)
        return false;
    closing->until = until;
    return was_open;
}

/* An answer, whatever it says, is light. True: the path has just become dark. */
static bool note_outcome(struct closing *closing, const struct quota_outcome *outcome)
{
    bool was_dark = breaker_is_dark(&closing->breaker);
    bool ok = outcome->errcode != WECHAT_NO_ANSWER && outcome->errcode != WECHAT_BUSY;

    breaker_report(&closing->breaker, outcome->began_ms, clock_mono_ms(), ok, outcome->key_hash);
    return !was_dark && breaker_is_dark(&closing->breaker);
}

bool quota_report(struct quota *q, const struct account *account, const char *path,
                  const struct quota_outcome *outcome, struct quota_dark *dark)
{
    const struct errcode *row = errcode_find(outcome->errcode, NULL);
    int64_t close_ms = closing_ms(row->class);
    struct closing *closing;
    bool tell_closed = false;
    bool tell_dark = false;
    bool is_dark = false;

    resource_name(account, path, dark->resource);
    (void)pthread_mutex_lock(&q->closings_lock);
    closing = find_or_add(q, dark->resource, path);
    if (closing) {
        tell_closed = close_ms > 0 && close_until(closing, deadline_in(close_ms));
        tell_dark = note_outcome(closing, outcome);
        is_dark = breaker_is_dark(&closing->breaker);
        dark->until = (struct deadline){closing->breaker.probe_ms};
    }
    (void)pthread_mutex_unlock(&q->closings_lock);
    if (tell_closed)
        log_warn(EV("wechat.path_closed"), kv_cstr("account", account->name), kv_cstr("api", path),
                 kv_int("errcode", outcome->errcode), kv_int("ms", close_ms),
                 kv_cstr("remedy", row->note));
    if (tell_dark)
        log_warn(EV("wechat.path_dark"), kv_cstr("account", account->name), kv_cstr("api", path));
    return is_dark;
}

void quota_collect(struct quota *q)
{
    (void)pthread_mutex_lock(&q->closings_lock);
    for (struct map_entry *e = map_first(q->closings); e; e = map_next(e)) {
        const struct closing *closing = map_value(e);
        int64_t left_ms = deadline_left_ms(closing->until);

        metric_set(metric_1(q->metrics, &METRIC_QUOTA_BLOCKED, closing->path),
                   (double)left_ms / 1000);
    }
    (void)pthread_mutex_unlock(&q->closings_lock);
}
