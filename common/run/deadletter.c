/* SPDX-License-Identifier: Apache-2.0 */
#include "run/deadletter.h"

#include <stdbool.h>

/* The order in which they are written. */
enum own_header {
    OWN_ORIGINAL_TOPIC,
    OWN_ORIGINAL_PARTITION,
    OWN_ORIGINAL_OFFSET,
    OWN_ORIGINAL_TIMESTAMP,
    OWN_FIRST_FAILED_AT,
    OWN_KAFKA_DLT_TOPIC,
    OWN_CONSUMER_GROUP,
    OWN_WORKER,
    OWN_ATTEMPTS,
    OWN_CRASHES,
    OWN_LAST_FAILED_AT,
    OWN_REASON,
    OWN_ERROR_CODE,
    OWN_ERROR_MESSAGE,
    OWN_EFFECT_ID,
    OWN_COUNT
};

static const struct str NAMES[OWN_COUNT] = {
    [OWN_ORIGINAL_TOPIC] = STR_INIT("dlq-original-topic"),
    [OWN_ORIGINAL_PARTITION] = STR_INIT("dlq-original-partition"),
    [OWN_ORIGINAL_OFFSET] = STR_INIT("dlq-original-offset"),
    [OWN_ORIGINAL_TIMESTAMP] = STR_INIT("dlq-original-timestamp"),
    [OWN_FIRST_FAILED_AT] = STR_INIT("dlq-first-failed-at"),
    [OWN_KAFKA_DLT_TOPIC] = STR_INIT("kafka_dlt-original-topic"),
    [OWN_CONSUMER_GROUP] = STR_INIT("dlq-consumer-group"),
    [OWN_WORKER] = STR_INIT("dlq-worker"),
    [OWN_ATTEMPTS] = STR_INIT("dlq-attempts"),
    [OWN_CRASHES] = STR_INIT("dlq-crashes"),
    [OWN_LAST_FAILED_AT] = STR_INIT("dlq-last-failed-at"),
    [OWN_REASON] = STR_INIT("dlq-reason"),
    [OWN_ERROR_CODE] = STR_INIT("dlq-error-code"),
    [OWN_ERROR_MESSAGE] = STR_INIT("dlq-error-message"),
    [OWN_EFFECT_ID] = STR_INIT("dlq-effect-id"),
};

struct letter {
    struct arena *arena;
    struct header *headers;
    size_t count;
    bool short_of_memory;
};

/* Only what is written here is replaced; a stranger's header stays, whatever its name begins with.
 */
static bool is_ours(struct str name)
{
    for (size_t i = 0; i < OWN_COUNT; i++)
        if (str_eq(name, NAMES[i]))
            return true;
    return false;
}

static void add(struct letter *l, enum own_header name, struct str value)
{
    l->short_of_memory = l->short_of_memory || !str_is_set(value);
    l->headers[l->count++] = (struct header){NAMES[name], value};
}

/* A first-failure field that an earlier death wrote stays as it is. */
static void add_first(struct letter *l, const struct record *r, enum own_header name,
                      struct str value)
{
    struct str earlier = header_find(r->headers, r->header_count, NAMES[name]);

    add(l, name, str_is_set(earlier) ? earlier : value);
}

static struct str number(struct letter *l, int64_t value)
{
    return arena_printf(l->arena, "%lld", (long long)value);
}

static struct str when(struct letter *l, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(wall_ms, text);
    return arena_dup(l->arena, str_from(text));
}

static void add_provenance(struct letter *l, const struct deadletter *d)
{
    const struct record *r = d->record;

    add_first(l, r, OWN_ORIGINAL_TOPIC, r->topic);
    add_first(l, r, OWN_ORIGINAL_PARTITION, number(l, r->partition));
    add_first(l, r, OWN_ORIGINAL_OFFSET, number(l, r->offset));
    add_first(l, r, OWN_ORIGINAL_TIMESTAMP, when(l, r->timestamp_ms));
    add_first(l, r, OWN_FIRST_FAILED_AT, when(l, d->first_failed_ms));
    add_first(l, r, OWN_KAFKA_DLT_TOPIC, r->topic);
}

static void add_failure(struct letter *l, const struct deadletter *d)
{
    add(l, OWN_CONSUMER_GROUP, str_from(d->group));
    add(l, OWN_WORKER, str_from(d->worker));
    add(l, OWN_ATTEMPTS, number(l, d->attempts));
    add(l, OWN_CRASHES, number(l, d->crashes));
    add(l, OWN_LAST_FAILED_AT, when(l, d->last_failed_ms));
    add(l, OWN_REASON, str_from(reason_name(d->err->reason)));
    add(l, OWN_ERROR_CODE, str_from(d->err->code));
    add(l, OWN_ERROR_MESSAGE, str_from(d->err->text));
    if (!str_is_empty(str_from(d->effect)))
        add(l, OWN_EFFECT_ID, str_from(d->effect));
}

const struct header *deadletter_headers(const struct deadletter *d, struct arena *arena,
                                        size_t *count)
{
    const struct record *r = d->record;
    struct letter letter = {.arena = arena};

    *count = 0;
    letter.headers = arena_alloc(arena, (r->header_count + OWN_COUNT) * sizeof(*letter.headers));
    if (!letter.headers)
        return NULL;
    for (size_t i = 0; i < r->header_count; i++)
        if (!is_ours(r->headers[i].name))
            letter.headers[letter.count++] = r->headers[i];
    add_provenance(&letter, d);
    add_failure(&letter, d);
    if (letter.short_of_memory)
        return NULL;
    *count = letter.count;
    return letter.headers;
}
