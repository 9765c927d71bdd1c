/* SPDX-License-Identifier: Apache-2.0 */
#include "redrive.h"

#include "base/map.h"
#include "base/mem.h"
#include "redrive_topic.h"
#include "scan.h"

#include <stdio.h>

enum { POLL_MS = 100, ARENA_MAX = 64 << 20 };

/* A letter that is looked for. */
struct expected {
    const struct dead *dead;
    int32_t partition;
    bool there;
};

struct redrive {
    const struct settings *settings;
    const char *worker;
    struct redrive_topic topic;
    int64_t *ends;        /* by partition */
    struct map *expected; /* id -> struct expected */
    struct arena arena;   /* of the expected */
};

static void format_id(const char *worker, const struct dead *dead, char out[REPLAY_ID_SIZE])
{
    char text[128];
    int len = snprintf(text, sizeof(text), "%s %d %lld", worker, dead->record.partition,
                       (long long)dead->record.offset);

    replay_id(str_of(text, (size_t)len), out);
}

static enum status open_all(struct redrive *r, struct err *err)
{
    enum status rc = redrive_topic_open(&r->topic, r->settings, r->worker, err);

    if (rc != ST_OK)
        return rc;
    r->ends = mem_array((size_t)r->topic.partitions, sizeof(*r->ends));
    r->expected = map_new();
    return r->ends && r->expected ? ST_OK : err_fatal(err, "memory", "out of memory");
}

enum status redrive_open(const struct ctl *ctl, const char *worker, struct redrive **out,
                         struct err *err)
{
    struct redrive *r = mem_zalloc(sizeof(*r));
    enum status rc;

    if (!r)
        return err_fatal(err, "memory", "out of memory");
    r->settings = ctl->settings;
    r->worker = worker;
    r->arena.max = ARENA_MAX;
    rc = open_all(r, err);
    if (rc != ST_OK) {
        redrive_close(r);
        return rc;
    }
    *out = r;
    return ST_OK;
}

void redrive_close(struct redrive *r)
{
    if (!r)
        return;
    redrive_topic_close(&r->topic);
    map_free(r->expected, NULL);
    arena_done(&r->arena);
    mem_free(r->ends);
    mem_free(r);
}

bool redrive_partition(const struct redrive *r, const struct dead *dead, int32_t *partition)
{
    int64_t number = 0;

    if (!dead_number(dead, "dlq-original-partition", r->topic.partitions - 1, &number))
        return false;
    *partition = (int32_t)number;
    return true;
}

/* What is there */

enum status redrive_expect(struct redrive *r, const struct dead *dead, struct err *err)
{
    struct expected *expected = arena_alloc(&r->arena, sizeof(*expected));
    char id[REPLAY_ID_SIZE];

    if (!expected)
        return err_fatal(err, "memory", "out of memory");
    *expected = (struct expected){.dead = dead};
    if (!redrive_partition(r, dead, &expected->partition))
        return ST_OK;
    format_id(r->worker, dead, id);
    if (!map_put(r->expected, str_from(id), expected, NULL))
        return err_fatal(err, "memory", "out of memory");
    return ST_OK;
}

/* scan_fn */
static enum status note_record(void *arg, const struct record *record, struct err *err)
{
    struct redrive *r = arg;
    struct str id = header_find(record->headers, record->header_count, REPLAY_ID_HEADER);
    struct expected *expected = str_is_set(id) ? map_get(r->expected, id) : NULL;

    (void)err;
    if (record->partition < r->topic.partitions && record->offset >= r->ends[record->partition])
        r->ends[record->partition] = record->offset + 1;
    if (expected && record->partition == expected->partition &&
        record->offset >= expected->dead->letter.redrive_from)
        expected->there = true;
    return ST_OK;
}

enum status redrive_read(struct redrive *r, struct err *err)
{
    const struct scan scan = {.settings = r->settings, .topic = r->topic.name};

    if (map_len(r->expected) > 0)
        redrive_topic_settle();
    return scan_topic(&scan, note_record, r, err);
}

bool redrive_has(const struct redrive *r, const struct dead *dead)
{
    const struct expected *expected;
    char id[REPLAY_ID_SIZE];

    format_id(r->worker, dead, id);
    expected = map_get(r->expected, str_from(id));
    return expected && expected->there;
}

int64_t redrive_end(const struct redrive *r, int32_t partition)
{
    return r->ends[partition];
}

/* Sending */

struct report {
    bool came;
    bool failed;
    struct err err;
};

/* delivery_fn */
static void on_report(void *arg, int32_t partition, int64_t offset, const struct err *err)
{
    struct report *report = arg;

    (void)partition;
    (void)offset;
    report->came = true;
    report->failed = err != NULL;
    if (err)
        report->err = *err;
}

/* The letter's own headers, and the id in place of that of an earlier redrive. */
static struct header *replay_headers(const struct dead *dead, const char *id, size_t *count)
{
    const struct record *record = &dead->record;
    struct header *headers = mem_array(record->header_count + 1, sizeof(*headers));

    *count = 0;
    for (size_t i = 0; headers && i < record->header_count; i++)
        if (!str_eq(record->headers[i].name, REPLAY_ID_HEADER))
            headers[(*count)++] = record->headers[i];
    if (headers)
        headers[(*count)++] = (struct header){REPLAY_ID_HEADER, str_from(id)};
    return headers;
}

static enum status send_and_wait(struct redrive *r, const struct outgoing *record, struct err *err)
{
    struct report report = {0};
    enum status rc;

    rc = producer_send(r->topic.producer, record, on_report, &report, err);
    if (rc != ST_OK)
        return rc;
    while (!report.came)
        producer_poll(r->topic.producer, POLL_MS);
    if (!report.failed)
        return ST_OK;
    *err = report.err;
    return err->reason == REASON_REJECTED ? ST_REJECT : ST_RETRY;
}

enum status redrive_send(struct redrive *r, const struct dead *dead, int32_t partition,
                         struct err *err)
{
    char id[REPLAY_ID_SIZE];
    size_t count = 0;
    AUTO(mem_freep) struct header *headers = NULL;
    struct outgoing record = {
        .topic = r->topic.name,
        .partition = partition,
        .key = dead->record.key,
        .value = dead->record.value,
    };

    format_id(r->worker, dead, id);
    headers = replay_headers(dead, id, &count);
    if (!headers)
        return err_fatal(err, "memory", "out of memory");
    record.headers = headers;
    record.header_count = count;
    return send_and_wait(r, &record, err);
}
