/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "rate.h"
#include "redrive_topic.h"
#include "scan.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { POLL_MS = 20, TOPICS_MAX = 16, NUMBER_SIZE = 24 };

enum own_header { OWN_TOPIC, OWN_PARTITION, OWN_OFFSET, OWN_TIMESTAMP, OWN_REPLAY_ID, OWN_COUNT };

static const struct str NAMES[OWN_COUNT] = {
    [OWN_TOPIC] = STR_INIT("dlq-original-topic"),
    [OWN_PARTITION] = STR_INIT("dlq-original-partition"),
    [OWN_OFFSET] = STR_INIT("dlq-original-offset"),
    [OWN_TIMESTAMP] = STR_INIT("dlq-original-timestamp"),
    [OWN_REPLAY_ID] = STR_INIT("dlq-replay-id"),
};

/* A record that is under way. */
struct slot {
    struct feed *feed;
    const char *topic; /* of feed.topics; NULL: free */
    int32_t partition;
    int64_t offset;
    struct slot *next; /* free ones */
};

struct feed {
    const struct settings *settings;
    const char *run;
    struct redrive_topic topic;
    struct rate rate;
    struct slot slots[FEED_OPEN_MAX];
    struct slot *free;
    size_t open;
    char topics[TOPICS_MAX][TOPIC_NAME_SIZE]; /* "": not used */
    struct map *there;                        /* dlq-replay-id: what is not to be sent again */
    struct feed_counts counts;
    bool failed; /* for good */
    struct err err;
};

/* What is written beside a record: texts that live until it is handed over. */
struct origin {
    char partition[NUMBER_SIZE];
    char offset[NUMBER_SIZE];
    char timestamp[CLOCK_RFC3339_SIZE];
    char id[REPLAY_ID_SIZE];
};

static void format_id(const char *run, struct str topic, int32_t partition, int64_t offset,
                      char out[REPLAY_ID_SIZE])
{
    char name[TOPIC_NAME_SIZE] = "";
    char text[TOPIC_NAME_SIZE + 128];
    int len;

    (void)str_copy(topic, name, sizeof(name));
    len = snprintf(text, sizeof(text), "%.64s %s %d %lld", run, name, partition, (long long)offset);
    replay_id(str_of(text, (size_t)len), out);
}

/* Opening */

enum status feed_open(const struct feed_conf *conf, struct feed **out, struct err *err)
{
    struct feed *f = mem_zalloc(sizeof(*f));
    enum status rc;

    if (!f)
        return err_fatal(err, "memory", "out of memory");
    f->settings = conf->settings;
    f->run = conf->run;
    f->rate.per_s = conf->rate > 0 ? conf->rate : FEED_RATE;
    for (size_t i = 0; i < FEED_OPEN_MAX; i++) {
        f->slots[i] = (struct slot){.feed = f, .next = f->free};
        f->free = &f->slots[i];
    }
    f->there = map_new_packed();
    rc = f->there ? redrive_topic_open(&f->topic, conf->settings, conf->worker, err)
                  : err_fatal(err, "memory", "out of memory");
    if (rc != ST_OK) {
        feed_close(f);
        return rc;
    }
    *out = f;
    return ST_OK;
}

void feed_close(struct feed *f)
{
    if (!f)
        return;
    redrive_topic_close(&f->topic);
    map_free(f->there, NULL);
    mem_free(f);
}

/* What is there */

struct recall {
    struct feed *feed;
    feed_wants_fn *wants;
    void *arg;
};

static bool find_number(const struct record *record, enum own_header name, int64_t max,
                        int64_t *out)
{
    return num_parse_i64(header_find(record->headers, record->header_count, NAMES[name]), 0, max,
                         out);
}

/* scan_fn */
static enum status note_record(void *arg, const struct record *record, struct err *err)
{
    struct recall *r = arg;
    struct str topic = header_find(record->headers, record->header_count, NAMES[OWN_TOPIC]);
    struct str id = header_find(record->headers, record->header_count, NAMES[OWN_REPLAY_ID]);
    char mine[REPLAY_ID_SIZE];
    int64_t partition = 0;
    int64_t offset = 0;

    if (!str_is_set(topic) || topic.len >= TOPIC_NAME_SIZE || !str_is_set(id) ||
        !find_number(record, OWN_PARTITION, INT32_MAX, &partition) ||
        !find_number(record, OWN_OFFSET, INT64_MAX, &offset))
        return ST_OK;
    format_id(r->feed->run, topic, (int32_t)partition, offset, mine);
    if (!str_eq_cstr(id, mine) ||
        (r->wants && !r->wants(r->arg, topic, (int32_t)partition, offset)))
        return ST_OK;
    if (!map_put(r->feed->there, id, r->feed, NULL))
        return err_fatal(err, "memory", "out of memory");
    return ST_OK;
}

enum status feed_recall(struct feed *f, int64_t since_ms, feed_wants_fn *wants, void *arg,
                        struct err *err)
{
    const struct scan scan = {
        .settings = f->settings,
        .topic = f->topic.name,
        .has_from = true,
        .from_ms = since_ms,
    };
    struct recall recall = {f, wants, arg};

    return scan_topic(&scan, note_record, &recall, err);
}

/* Sending */

static void release(struct slot *slot)
{
    struct feed *f = slot->feed;

    slot->topic = NULL;
    slot->next = f->free;
    f->free = slot;
    f->open--;
}

static void complain(const struct slot *slot, const struct err *err)
{
    (void)fprintf(stderr, "kabaoctl: %s %d:%lld: %s\n", slot->topic, slot->partition,
                  (long long)slot->offset, err->text);
}

static void fail(struct feed *f, const struct err *err)
{
    if (f->failed)
        return;
    f->failed = true;
    f->err = *err;
}

/* delivery_fn */
static void on_report(void *arg, int32_t partition, int64_t offset, const struct err *err)
{
    struct slot *slot = arg;

    (void)partition;
    (void)offset;
    if (err && err->reason != REASON_REJECTED) {
        fail(slot->feed, err);
        return;
    }
    if (err) {
        complain(slot, err);
        slot->feed->counts.refused++;
    } else {
        slot->feed->counts.sent++;
    }
    release(slot);
}

static enum status failure(const struct feed *f, struct err *err)
{
    *err = f->err;
    return ST_RETRY;
}

static const char *intern(struct feed *f, struct str topic)
{
    for (size_t i = 0; i < TOPICS_MAX; i++) {
        char *name = f->topics[i];

        if (str_eq_cstr(topic, name))
            return name;
        if (name[0] == '\0' && str_copy(topic, name, TOPIC_NAME_SIZE))
            return name;
    }
    return NULL;
}

/* A slot, and one's turn. */
static enum status wait_for_turn(struct feed *f, struct err *err)
{
    while (!f->failed && !f->free)
        producer_poll(f->topic.producer, POLL_MS);
    while (!f->failed && !rate_take(&f->rate)) {
        const int left_ms = rate_left_ms(&f->rate);

        if (left_ms > POLL_MS || f->open > 0)
            producer_poll(f->topic.producer, left_ms < POLL_MS ? left_ms : POLL_MS);
        else
            (void)poll(NULL, 0, left_ms);
    }
    return f->failed ? failure(f, err) : ST_OK;
}

static bool is_own(struct str name)
{
    for (size_t i = 0; i < OWN_COUNT; i++)
        if (str_eq(name, NAMES[i]))
            return true;
    return false;
}

static void describe(const struct record *record, struct origin *origin)
{
    (void)snprintf(origin->partition, sizeof(origin->partition), "%d", record->partition);
    (void)snprintf(origin->offset, sizeof(origin->offset), "%lld", (long long)record->offset);
    clock_format_rfc3339(record->timestamp_ms, origin->timestamp);
}

/* NULL: no memory. */
static struct header *write_headers(const struct record *record, const struct origin *origin,
                                    size_t *count)
{
    const struct str values[OWN_COUNT] = {
        [OWN_TOPIC] = record->topic,
        [OWN_PARTITION] = str_from(origin->partition),
        [OWN_OFFSET] = str_from(origin->offset),
        [OWN_TIMESTAMP] = str_from(origin->timestamp),
        [OWN_REPLAY_ID] = str_from(origin->id),
    };
    struct header *headers = mem_array(record->header_count + OWN_COUNT, sizeof(*headers));

    *count = 0;
    if (!headers)
        return NULL;
    for (size_t i = 0; i < record->header_count; i++)
        if (!is_own(record->headers[i].name))
            headers[(*count)++] = record->headers[i];
    for (size_t i = 0; i < OWN_COUNT; i++)
        headers[(*count)++] = (struct header){NAMES[i], values[i]};
    return headers;
}

static enum status hand_over(struct feed *f, const struct record *record, struct origin *origin,
                             struct err *err)
{
    struct slot *slot = f->free;
    AUTO(mem_freep) struct header *headers = NULL;
    struct outgoing copy = {
        .topic = f->topic.name,
        .partition = record->partition,
        .key = record->key,
        .value = record->value,
    };
    enum status rc;

    describe(record, origin);
    headers = write_headers(record, origin, &copy.header_count);
    slot->topic = intern(f, record->topic);
    if (!headers || !slot->topic)
        return err_fatal(err, "memory", "out of memory");
    copy.headers = headers;
    slot->partition = record->partition;
    slot->offset = record->offset;
    rc = producer_send(f->topic.producer, &copy, on_report, slot, err);
    if (rc == ST_OK) {
        f->free = slot->next;
        f->open++;
        return ST_OK;
    }
    if (rc == ST_REJECT) {
        complain(slot, err);
        f->counts.refused++;
    }
    slot->topic = NULL;
    return rc == ST_REJECT ? ST_OK : rc;
}

static bool is_there(struct feed *f, const char *id)
{
    return map_len(f->there) > 0 && map_take(f->there, str_from(id)) != NULL;
}

enum status feed_send(struct feed *f, const struct record *record, struct err *err)
{
    struct origin origin;
    enum status rc;

    if (f->failed)
        return failure(f, err);
    if (record->partition >= f->topic.partitions)
        return err_fatal(err, "kafka:partition", "%s has no partition %d as %.*s has",
                         f->topic.name, record->partition, STR_ARG(record->topic));
    format_id(f->run, record->topic, record->partition, record->offset, origin.id);
    if (is_there(f, origin.id)) {
        f->counts.found++;
        return ST_OK;
    }
    rc = wait_for_turn(f, err);
    return rc == ST_OK ? hand_over(f, record, &origin, err) : rc;
}

enum status feed_flush(struct feed *f, struct err *err)
{
    while (!f->failed && f->open > 0)
        producer_poll(f->topic.producer, POLL_MS);
    return f->failed ? failure(f, err) : ST_OK;
}

struct feed_counts feed_counts(const struct feed *f)
{
    return f->counts;
}
