/* SPDX-License-Identifier: Apache-2.0 */
/* Reads without a group. A record that cannot be understood is the workers' business. */
#include "feed.h"

#include "base/mem.h"
#include "http/loops.h"
#include "kafka/tail.h"
#include "log/log.h"

#include <assert.h>
#include <poll.h>
#include <stdatomic.h>

/* Opening asks the broker twice per partition, one after the other: the time it gets grows where it
 * was not enough. It also delays a stop. */
enum { OPEN_MS = 5000, OPEN_MAX_MS = 20000 };

enum { POLL_MS = 100, AGAIN_MS = 300, ARENA_MAX = 32 << 20 };

struct feed {
    struct feed_conf conf;
    char names[FEED_SOURCES_MAX][TOPIC_NAME_SIZE];
    const char *topics[FEED_SOURCES_MAX];
    struct arena arena; /* of one record */
    struct loops *thread;
    struct log_limit limit;
    int64_t open_ms;
    atomic_bool filled;
    atomic_bool stopping;
};

static int64_t written_at_ms(const struct record *record)
{
    const int64_t age_ms = clock_wall_ms() - record->timestamp_ms;

    return clock_mono_ms() - (age_ms > 0 ? age_ms : 0);
}

static void take(struct feed *f, const struct record *record)
{
    struct cloudevent event;
    struct feed_record taken = {.event = &event, .value = record->value};
    struct err err = {0};

    arena_reset(&f->arena);
    if (!str_is_set(record->value) ||
        cloudevent_read(record->headers, record->header_count, record->value, &f->arena, &event,
                        &taken.data, &err) != ST_OK)
        return;
    taken.written_at_ms = written_at_ms(record);
    for (size_t i = 0; i < f->conf.source_count; i++)
        if (str_eq_cstr(record->topic, f->topics[i]))
            f->conf.sources[i].take(f->conf.arg, &taken);
}

static enum status follow(struct feed *f, struct tail *tail, struct err *err)
{
    enum status rc = ST_OK;

    while (rc != ST_FATAL && !atomic_load(&f->stopping)) {
        struct kafka_message *message = NULL;

        rc = tail_poll(tail, POLL_MS, &message, err);
        if (rc == ST_OK && message)
            take(f, kafka_message_record(message));
        kafka_message_free(message);
        if (tail_at_end(tail) && !atomic_load(&f->filled)) {
            atomic_store(&f->filled, true);
            log_info(EV("api.filled"), kv_cstr("feed", f->conf.name));
        }
    }
    return rc == ST_FATAL ? rc : ST_OK;
}

static enum status read_topics(struct feed *f, struct err *err)
{
    const struct tail_conf conf = {
        .kafka = &f->conf.settings->kafka,
        .client_id = f->conf.name,
        .topics = f->topics,
        .topic_count = f->conf.source_count,
        .from = TAIL_TIME,
        .gathers = true,
        .from_wall_ms = clock_wall_ms() - f->conf.window_s * 1000,
    };
    struct tail *tail = NULL;
    enum status rc = tail_open(&conf, deadline_in(f->open_ms), &tail, err);

    if (rc == ST_OK)
        rc = follow(f, tail, err);
    else if (f->open_ms < OPEN_MAX_MS)
        f->open_ms *= 2;
    tail_close(tail);
    return rc;
}

/* Whatever goes wrong, it begins anew: what is read twice changes nothing. */
static void feed_main(void *arg)
{
    struct feed *f = arg;

    while (!atomic_load(&f->stopping)) {
        struct err err = {0};

        if (read_topics(f, &err) == ST_OK)
            continue;
        atomic_store(&f->filled, false);
        if (log_limit(&f->limit, NULL))
            log_warn(EV("api.feed_waits"), kv_cstr("feed", f->conf.name), kv_cstr("code", err.code),
                     kv_cstr("error", err.text));
        (void)poll(NULL, 0, AGAIN_MS);
    }
}

enum status feed_open(const struct feed_conf *conf, struct feed **out, struct err *err)
{
    struct feed *f = mem_zalloc(sizeof(*f));
    void *args[] = {f};
    enum status rc;

    if (!f)
        return err_fatal(err, "memory", "out of memory");
    assert(conf->source_count <= FEED_SOURCES_MAX);
    f->conf = *conf;
    f->arena.max = ARENA_MAX;
    f->open_ms = OPEN_MS;
    for (size_t i = 0; i < conf->source_count; i++) {
        topic_name(&conf->settings->topic, conf->sources[i].topic, NULL, f->names[i]);
        f->topics[i] = f->names[i];
    }
    rc = loops_start(feed_main, args, 1, &f->thread, err);
    if (rc != ST_OK) {
        mem_free(f);
        return rc;
    }
    *out = f;
    return ST_OK;
}

void feed_close(struct feed *f)
{
    if (!f)
        return;
    atomic_store(&f->stopping, true);
    loops_join(f->thread);
    arena_done(&f->arena);
    mem_free(f);
}

bool feed_is_filled(const struct feed *f)
{
    return atomic_load(&f->filled);
}
