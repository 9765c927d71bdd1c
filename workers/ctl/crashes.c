/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl crashes: records that were in hand when a worker died, and how near they are to its
 * dead letters. */
#include "base/clock.h"
#include "kafka/topics.h"
#include "listing.h"
#include "tables/suspect.h"

#include <stdio.h>

enum { NUMBER_SIZE = 48 };

struct crashes {
    struct listing *list;
    const char *worker;
    int64_t limit;
};

static void write_row(const struct crashes *c, const struct suspect *suspect, const char *last_at)
{
    struct jsonw *w = c->list->json;

    jsonw_object(w);
    jsonw_key_str(w, "worker", str_from(c->worker));
    jsonw_key_str(w, "topic", suspect->topic);
    jsonw_key_i64(w, "partition", suspect->part);
    jsonw_key_i64(w, "offset", suspect->off);
    jsonw_key_i64(w, "crashes", suspect->crashes);
    jsonw_key_i64(w, "crash_limit", c->limit);
    jsonw_key_str(w, "last_at", str_from(last_at));
    jsonw_object_end(w);
}

/* suspect_fn */
static enum status show_suspect(void *arg, const struct suspect *suspect, struct err *err)
{
    const struct crashes *c = arg;
    char last_at[CLOCK_RFC3339_SIZE];
    char place[NUMBER_SIZE];
    char crashes[NUMBER_SIZE];

    clock_format_rfc3339(suspect->last_at_ms, last_at);
    if (c->list->ctl->json) {
        write_row(c, suspect, last_at);
        return ST_OK;
    }
    (void)snprintf(place, sizeof(place), "%d:%lld", suspect->part, (long long)suspect->off);
    (void)snprintf(crashes, sizeof(crashes), "%lld of %lld", (long long)suspect->crashes,
                   (long long)c->limit);
    return listing_row(c->list,
                       (const struct str[]){str_from(c->worker), suspect->topic, str_from(place),
                                            str_from(crashes), str_from(last_at)},
                       err);
}

/* listing_fn */
static enum status list_all(struct listing *list, struct db *db, struct err *err)
{
    struct crashes c = {.list = list, .limit = list->ctl->settings->worker.crash_limit};
    enum status rc = ST_OK;

    for (const struct topic_worker *w = topic_workers(); rc == ST_OK && w->name; w++) {
        c.worker = w->name;
        rc = suspect_list(db, w->name, show_suspect, &c, err);
    }
    return rc;
}

int ctl_crashes(const struct ctl *ctl)
{
    static const char *const columns[] = {"worker", "topic", "place", "crashes", "last", NULL};

    return listing_run(ctl, columns, list_all, NULL);
}
