/* SPDX-License-Identifier: Apache-2.0 */
/* Reads without a group. A record that cannot be understood is the workers' business. */
#include "feed.h"

#include "base/mem.h"
#include "codec/json.h"
#include "http/loops.h"
#include "kafka/tail.h"
#include "kafka/topics.h"
#include "log/log.h"
#include "model/cloudevent.h"
#include "model/schema_ids.h"

#include <poll.h>
#include <stdatomic.h>

/* Opening asks the broker twice per partition, one after the other: the time it gets grows where it
 * was not enough. It also delays a stop. */
enum { OPEN_MS = 5000, OPEN_MAX_MS = 20000 };

enum { FEEDS = 4, POLL_MS = 100, AGAIN_MS = 300, ARENA_MAX = 32 << 20 };

struct feed;

typedef void take_fn(struct feed *f, const struct cloudevent *event, const struct record *record,
                     struct str data);

struct feed {
    const struct settings *settings;
    struct outcomes *outcomes;
    char names[FEEDS][TOPIC_NAME_SIZE];
    const char *topics[FEEDS];
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

/* By its headers: each command of this very ingress comes along here, on a core that has pushes to
 * take: its JSON is not read once more. */
static void take_command(struct feed *f, const struct cloudevent *event,
                         const struct record *record, struct str type)
{
    const struct account *account = settings_account_by_appid(f->settings, event->appid);
    struct outcome_key key = {.id = event->id, .type = type};

    if (account)
        key.account = str_from(account->name);
    sha256(record->value, key.hash);
    outcomes_saw_command(f->outcomes, &key, written_at_ms(record));
}

static void take_wechat_command(struct feed *f, const struct cloudevent *event,
                                const struct record *record, struct str data UNUSED)
{
    static const struct str prefix = STR_INIT(CE_TYPE_COMMAND_PREFIX);

    if (str_starts(event->type, prefix))
        take_command(f, event, record, str_skip(event->type, prefix.len));
}

static void take_bonus_command(struct feed *f, const struct cloudevent *event,
                               const struct record *record, struct str data UNUSED)
{
    take_command(f, event, record, STR("bonus"));
}

static void take_result(struct feed *f, const struct record *record, struct str data,
                        struct str bonus)
{
    AUTO(json_freep) struct json *value = NULL;
    struct err err = {0};
    struct outcome_result result = {.value = record->value};
    struct str outcome;

    if (json_parse(data, &value, &err) != ST_OK)
        return;
    outcome = json_get_str(value, "outcome");
    if (str_eq(outcome, STR("observed"))) /* on a card: it answers nobody */
        return;
    result.id = json_get_str(value, "command_id");
    result.account = json_get_str(value, "account");
    result.type = str_is_set(bonus) ? bonus : json_get_str(value, "type");
    result.is_final = !str_eq(outcome, STR("failed")) && !str_eq(outcome, STR("unknown"));
    result.is_second = str_eq(json_get_str(json_get(value, "error"), "code"), STR("idempotency"));
    outcomes_saw_result(f->outcomes, &result, written_at_ms(record));
}

static void take_wechat_result(struct feed *f, const struct cloudevent *event UNUSED,
                               const struct record *record, struct str data)
{
    take_result(f, record, data, (struct str){NULL, 0});
}

static void take_bonus_result(struct feed *f, const struct cloudevent *event UNUSED,
                              const struct record *record, struct str data)
{
    take_result(f, record, data, STR("bonus"));
}

static const struct {
    enum topic topic;
    take_fn *take;
} SOURCES[FEEDS] = {
    {TOPIC_CMD_WECHAT, take_wechat_command},
    {TOPIC_CMD_BONUS, take_bonus_command},
    {TOPIC_RESULT_WECHAT, take_wechat_result},
    {TOPIC_RESULT_BONUS, take_bonus_result},
};

static void take(struct feed *f, const struct record *record)
{
    struct cloudevent event;
    struct str data;
    struct err err = {0};

    arena_reset(&f->arena);
    if (!str_is_set(record->value) ||
        cloudevent_read(record->headers, record->header_count, record->value, &f->arena, &event,
                        &data, &err) != ST_OK)
        return;
    for (size_t i = 0; i < FEEDS; i++)
        if (str_eq_cstr(record->topic, f->topics[i]))
            SOURCES[i].take(f, &event, record, data);
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
            log_info(EV("api.filled"));
        }
    }
    return rc == ST_FATAL ? rc : ST_OK;
}

static enum status read_topics(struct feed *f, struct err *err)
{
    const struct tail_conf conf = {
        .kafka = &f->settings->kafka,
        .client_id = "kabao-ingress-api",
        .topics = f->topics,
        .topic_count = FEEDS,
        .from = TAIL_TIME,
        .gathers = true,
        .from_wall_ms = clock_wall_ms() - f->settings->ingress.api_window_s * 1000,
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
            log_warn(EV("api.feed_waits"), kv_cstr("code", err.code), kv_cstr("error", err.text));
        (void)poll(NULL, 0, AGAIN_MS);
    }
}

enum status feed_open(const struct settings *settings, struct outcomes *outcomes, struct feed **out,
                      struct err *err)
{
    struct feed *f = mem_zalloc(sizeof(*f));
    void *args[] = {f};
    enum status rc;

    if (!f)
        return err_fatal(err, "memory", "out of memory");
    f->settings = settings;
    f->outcomes = outcomes;
    f->arena.max = ARENA_MAX;
    f->open_ms = OPEN_MS;
    for (size_t i = 0; i < FEEDS; i++) {
        topic_name(&settings->topic, SOURCES[i].topic, NULL, f->names[i]);
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
