/* SPDX-License-Identifier: Apache-2.0 */
/* Closings by account and path, in a map under one lock. */
#include "run/quota.h"

#include "base/map.h"
#include "base/mem.h"
#include "log/log.h"
#include "metrics/catalog.h"
#include "wechat/errors.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { NAME_SIZE = 160, MINUTE_MS = 60000 };

struct closing {
    const char *path; /* of the calls table: static */
    struct deadline until;
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

static void resource_name(const struct account *account, const char *path, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, "wechat:%s:%s", account->name, path);
}

enum status quota_admit(struct quota *q, const struct account *account, const char *path,
                        struct err *err)
{
    struct deadline until = {0};
    const struct closing *closing;
    char name[NAME_SIZE];

    resource_name(account, path, name);
    (void)pthread_mutex_lock(&q->closings_lock);
    closing = map_get(q->closings, str_from(name));
    if (closing)
        until = closing->until;
    (void)pthread_mutex_unlock(&q->closings_lock);
    if (until.at_ms == 0 || deadline_passed(until))
        return ST_OK;
    return err_wait(err, name, until, "the path is closed for %" PRId64 " s",
                    deadline_left_ms(until) / 1000 + 1);
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

void quota_report(struct quota *q, const struct account *account, const char *path, int errcode)
{
    const struct errcode *row = errcode_find(errcode, NULL);
    int64_t close_ms = closing_ms(row->class);
    struct deadline until = deadline_in(close_ms);
    struct closing *closing;
    char name[NAME_SIZE];
    bool tell = false;

    if (close_ms == 0)
        return;
    resource_name(account, path, name);
    (void)pthread_mutex_lock(&q->closings_lock);
    closing = find_or_add(q, name, path);
    if (closing && until.at_ms > closing->until.at_ms) {
        tell = closing->until.at_ms == 0 || deadline_passed(closing->until);
        closing->until = until;
    }
    (void)pthread_mutex_unlock(&q->closings_lock);
    if (tell)
        log_warn(EV("wechat.path_closed"), kv_cstr("account", account->name), kv_cstr("api", path),
                 kv_int("errcode", errcode), kv_int("ms", close_ms), kv_cstr("remedy", row->note));
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
