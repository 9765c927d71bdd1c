/* SPDX-License-Identifier: Apache-2.0 */
#include "replay_read.h"

#include "base/clock.h"
#include "kafka/admin.h"

#include <stdio.h>

enum { ASK_MS = 10000, MS_PER_HOUR = 3600000 };

struct reading {
    const struct replay_range *range;
    struct replay_counts *counts;
    size_t topic; /* the one that is read */
    scan_fn *fn;
    void *arg;
};

static bool is_wanted(const struct replay_range *range, const struct record *r)
{
    if (r->timestamp_ms < range->from_ms || r->timestamp_ms >= range->to_ms)
        return false;
    if (str_is_set(range->key) && !(str_is_set(r->key) && str_eq(range->key, r->key)))
        return false;
    return !str_is_set(range->type) ||
           str_match(range->type, header_find(r->headers, r->header_count, STR("ce_type")));
}

/* scan_fn */
static enum status take(void *arg, const struct record *record, struct err *err)
{
    struct reading *r = arg;

    if (!is_wanted(r->range, record))
        return ST_OK;
    r->counts->records[r->topic]++;
    r->counts->all++;
    return r->fn ? r->fn(r->arg, record, err) : ST_OK;
}

/* Older ones are gone; whether they were of the range nobody can say, unless the topic keeps its
 * records for longer than that. */
static enum status judge_loss(const struct settings *settings, const struct replay_range *range,
                              const char *topic, struct err *err)
{
    struct admin *admin = NULL;
    struct admin_topic is = {0};
    char since[CLOCK_RFC3339_SIZE];
    enum status rc = admin_open(&settings->kafka, &admin, err);
    int64_t kept_ms;

    if (rc == ST_OK)
        rc = admin_describe(admin, topic, deadline_in(ASK_MS), &is, err);
    admin_close(admin);
    if (rc != ST_OK)
        return rc;
    kept_ms = clock_wall_ms() - is.retention_ms;
    if (is.retention_ms < 0 || range->from_ms >= kept_ms) {
        (void)fprintf(stderr,
                      "kabaoctl: %s: older records were deleted before their time; that "
                      "none of them was of this range nobody can say\n",
                      topic);
        return ST_OK;
    }
    clock_format_rfc3339(kept_ms, since);
    return err_fatal(err, "gone",
                     "%s keeps %lld hours: records before %s are gone, the range begins earlier. "
                     "Give a later --from",
                     topic, (long long)(is.retention_ms / MS_PER_HOUR), since);
}

static enum status read_topic(const struct settings *settings, enum topic topic,
                              struct reading *reading, struct err *err)
{
    char name[TOPIC_NAME_SIZE];
    bool lacks = false;
    const struct scan scan = {
        .settings = settings,
        .topic = name,
        .has_from = true,
        .from_ms = reading->range->from_ms,
        .to_ms = reading->range->to_ms + REPLAY_DISORDER_MS,
        .lacks = &lacks,
    };
    enum status rc;

    topic_name(&settings->topic, topic, NULL, name);
    rc = scan_topic(&scan, take, reading, err);
    return rc == ST_OK && lacks ? judge_loss(settings, reading->range, name, err) : rc;
}

enum status replay_read(const struct settings *settings, const struct replay_range *range,
                        scan_fn *fn, void *arg, struct replay_counts *counts, struct err *err)
{
    const enum topic *inputs = topic_worker(range->worker.ptr)->inputs;
    struct reading reading = {.range = range, .counts = counts, .fn = fn, .arg = arg};
    enum status rc = ST_OK;

    *counts = (struct replay_counts){0};
    for (size_t i = 0; rc == ST_OK && i < TOPIC_INPUTS_MAX && inputs[i] != TOPIC_NONE; i++) {
        reading.topic = counts->topic_count++;
        counts->topics[i] = topic_def(inputs[i])->name;
        rc = read_topic(settings, inputs[i], &reading, err);
    }
    return rc;
}
