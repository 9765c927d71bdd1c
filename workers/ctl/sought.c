/* SPDX-License-Identifier: Apache-2.0 */
#include "sought.h"

#include "base/header.h"
#include "base/mem.h"
#include "kafka/topics.h"
#include "model/id.h"
#include "scan.h"

#include <stdio.h>

enum {
    NAMES_MAX = 64,
    RECORDS_MAX = 2000, /* told at most */
    MARGIN_MS = 300000, /* clocks differ */
    HOUR_MS = 3600000,
    DAY_MS = 86400000,
    PLACE_MAX = 320,
    TEXT_MAX = 1024,
    BEHIND_MAX = 5000, /* records behind a push that WeChat's next tries may be among */
};

bool sought_init(struct sought *s)
{
    *s = (struct sought){.from_ms = INT64_MAX, .placed = true};
    s->ids = map_new();
    s->made = map_new();
    s->traces = map_new();
    s->keys = map_new();
    s->told = map_new();
    return s->ids && s->made && s->traces && s->keys && s->told;
}

void sought_done(struct sought *s)
{
    map_free(s->ids, NULL);
    map_free(s->made, NULL);
    map_free(s->traces, NULL);
    map_free(s->keys, NULL);
    map_free(s->told, NULL);
}

bool sought_is_empty(const struct sought *s)
{
    return map_len(s->ids) == 0 && map_len(s->traces) == 0 && map_len(s->told) == 0;
}

/* Whether it is new. */
static bool add(struct sought *s, struct map *set, struct str text)
{
    if (str_is_empty(text) || map_get(set, text))
        return false;
    s->is_short = !map_put(set, text, s, NULL) || s->is_short;
    s->changed = true;
    return true;
}

void sought_id(struct sought *s, struct str ce_id)
{
    struct id id;

    if (!add(s, s->ids, ce_id))
        return;
    for (const char *const *step = TALE_STEPS; *step; step++) {
        id_derive(ce_id, str_from(*step), &id);
        (void)add(s, s->made, str_from(id.text));
    }
}

void sought_trace(struct sought *s, struct str trace)
{
    (void)add(s, s->traces, trace);
}

void sought_key(struct sought *s, struct str key)
{
    (void)add(s, s->keys, key);
}

void sought_told(struct sought *s, struct str key)
{
    (void)add(s, s->keys, key);
    (void)add(s, s->told, key);
}

void sought_from(struct sought *s, int64_t wall_ms)
{
    const int64_t from_ms = wall_ms - MARGIN_MS;

    if (from_ms >= s->from_ms)
        return;
    s->from_ms = from_ms < 0 ? 0 : from_ms;
    s->changed = true;
}

void sought_place(struct sought *s, int64_t partition, int64_t offset)
{
    for (size_t i = 0; i < s->span_count; i++) {
        struct tail_span *span = &s->spans[i];

        if (span->partition != partition)
            continue;
        span->from = offset < span->from ? offset : span->from;
        span->to = offset + BEHIND_MAX > span->to ? offset + BEHIND_MAX : span->to;
        return;
    }
    if (offset < 0 || s->span_count == SOUGHT_SPANS_MAX)
        s->placed = false;
    else
        s->spans[s->span_count++] = (struct tail_span){
            .partition = (int32_t)partition, .from = offset, .to = offset + BEHIND_MAX};
}

/* Reading */

/* Full names, in the arena; count is of those before. */
static size_t name_topic(const struct ctl *ctl, enum topic topic, const char *worker,
                         struct arena *arena, const char **names, size_t count)
{
    char name[TOPIC_NAME_SIZE];

    if (count == NAMES_MAX)
        return count;
    topic_name(&ctl->settings->topic, topic, worker, name);
    names[count] = arena_cstr(arena, str_from(name));
    return names[count] ? count + 1 : count;
}

/* Every topic but those of tokens. */
static size_t name_topics(const struct ctl *ctl, struct arena *arena, const char **names)
{
    size_t count = 0;

    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        if (topic == TOPIC_CMD_TOKEN || topic == TOPIC_STATE_TOKEN)
            continue;
        if (!topic_def(topic)->per_worker)
            count = name_topic(ctl, topic, NULL, arena, names, count);
        else
            for (const struct topic_worker *w = topic_workers(); w->name; w++)
                count = name_topic(ctl, topic, w->name, arena, names, count);
    }
    return count;
}

struct reading {
    const struct ctl *ctl;
    struct sought *s;
    struct tale *tale;
    struct map *seen; /* places */
    bool enough;
};

static bool is_sought(const struct sought *s, const struct record *record)
{
    struct str id = header_find(record->headers, record->header_count, STR("ce_id"));
    struct str trace = tale_trace_of(record);

    if (str_is_set(id) && (map_get(s->ids, id) || map_get(s->made, id)))
        return true;
    if (str_is_set(trace) && map_get(s->traces, trace))
        return true;
    return str_is_set(record->key) && map_get(s->told, record->key);
}

static void learn(struct sought *s, const struct record *record)
{
    struct str first =
        header_find(record->headers, record->header_count, STR("dlq-original-timestamp"));
    int64_t first_ms = record->timestamp_ms;

    if (str_is_set(first))
        (void)clock_parse_rfc3339(first.ptr, first.len, &first_ms);
    sought_trace(s, tale_trace_of(record));
    sought_key(s, record->key);
    sought_from(s, first_ms);
}

/* scan_fn */
static enum status read_record(void *arg, const struct record *record, struct err *err)
{
    struct reading *r = arg;
    char place[PLACE_MAX];

    if (!is_sought(r->s, record))
        return ST_OK;
    (void)snprintf(place, sizeof(place), "%.249s:%d:%lld", record->topic.ptr, record->partition,
                   (long long)record->offset);
    if (map_get(r->seen, str_from(place)))
        return ST_OK;
    if (!map_put(r->seen, str_from(place), r, NULL))
        return err_fatal(err, "memory", "out of memory");
    learn(r->s, record);
    tale_record(r->tale, record, r->ctl->settings->topic.prefix);
    r->enough = map_len(r->seen) >= RECORDS_MAX;
    return ST_OK;
}

static const struct str *list_keys(const struct sought *s, struct arena *arena)
{
    struct str *keys = arena_alloc(arena, (map_len(s->keys) + 1) * sizeof(*keys));
    size_t count = 0;

    if (!keys)
        return NULL;
    for (const struct map_entry *e = map_first(s->keys); e; e = map_next(e))
        keys[count++] = map_key(e);
    return keys;
}

static enum status scan_all(const struct ctl *ctl, struct scan *scan, scan_fn *fn, void *arg,
                            struct err *err)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    const char *names[NAMES_MAX];

    scan->settings = ctl->settings;
    scan->topics = names;
    scan->topic_count = name_topics(ctl, &arena, names);
    scan->skips_missing = true;
    return scan_topic(scan, fn, arg, err);
}

enum status sought_read(const struct ctl *ctl, struct sought *s, bool wide, struct tale *tale,
                        struct err *err)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    struct reading r = {.ctl = ctl, .s = s, .tale = tale, .seen = map_new()};
    struct scan scan = {
        .has_from = s->from_ms != INT64_MAX,
        .from_ms = s->from_ms,
        .enough = &r.enough,
    };
    char pushes[TOPIC_NAME_SIZE];
    enum status rc;

    topic_name(&ctl->settings->topic, TOPIC_EVENT_WECHAT, NULL, pushes);
    for (size_t i = 0; i < s->span_count; i++)
        s->spans[i].topic = pushes;
    if (!wide && s->placed) {
        scan.spans = s->spans;
        scan.span_count = s->span_count;
    }
    if (!wide) {
        scan.keys = list_keys(s, &arena);
        scan.key_count = map_len(s->keys);
    }
    rc = r.seen && (wide || scan.keys) ? scan_all(ctl, &scan, read_record, &r, err)
                                       : err_fatal(err, "memory", "out of memory");
    map_free(r.seen, NULL);
    if (rc == ST_OK && r.enough)
        (void)fprintf(stderr, "kabaoctl: only the first %d records are told\n", RECORDS_MAX);
    return rc;
}

/* Searching */

struct search {
    struct str text;
    struct str quoted; /* as it stands in a value */
    struct str suffix; /* of a key */
    struct sought *exact;
    struct sought *loose;
};

static bool is_loosely(const struct search *search, const struct record *record)
{
    size_t at;

    return str_eq(record->key, search->text) || str_ends(record->key, search->suffix) ||
           str_find(record->value, search->quoted, &at);
}

/* scan_fn */
static enum status search_record(void *arg, const struct record *record, struct err *err)
{
    const struct search *search = arg;
    struct str id = header_find(record->headers, record->header_count, STR("ce_id"));

    (void)err;
    if (str_eq(id, search->text) || str_eq(tale_trace_of(record), search->text)) {
        sought_id(search->exact, id);
        learn(search->exact, record);
    } else if (map_len(search->loose->ids) < RECORDS_MAX && is_loosely(search, record)) {
        sought_id(search->loose, id);
        learn(search->loose, record);
    }
    return ST_OK;
}

static enum status search_from(const struct ctl *ctl, struct search *search, int64_t ago_ms,
                               const char *what, struct err *err)
{
    struct scan scan = {.has_from = ago_ms > 0, .from_ms = clock_wall_ms() - ago_ms};

    (void)fprintf(stderr, "kabaoctl: no row knows it: reading every partition, %s\n", what);
    return scan_all(ctl, &scan, search_record, search, err);
}

enum status sought_search(const struct ctl *ctl, struct str text, struct sought *exact,
                          struct sought *loose, struct err *err)
{
    AUTO(buf_done) struct buf quoted = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf suffix = BUF_INIT(TEXT_MAX);
    struct search search = {.text = text, .exact = exact, .loose = loose};
    enum status rc;

    buf_addf(&quoted, "\"%.*s\"", STR_ARG(text));
    buf_addf(&suffix, ":%.*s", STR_ARG(text));
    if (!buf_ok(&quoted) || !buf_ok(&suffix))
        return err_fatal(err, "memory", "out of memory");
    search.quoted = buf_str(&quoted);
    search.suffix = buf_str(&suffix);
    rc = search_from(ctl, &search, HOUR_MS, "the last hour", err);
    if (rc == ST_OK && sought_is_empty(exact) && sought_is_empty(loose))
        rc = search_from(ctl, &search, DAY_MS, "the last day", err);
    if (rc == ST_OK && sought_is_empty(exact) && sought_is_empty(loose))
        rc = search_from(ctl, &search, 0, "everything", err);
    return rc;
}
