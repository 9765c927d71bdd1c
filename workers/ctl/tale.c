/* SPDX-License-Identifier: Apache-2.0 */
#include "tale.h"

#include "base/clock.h"
#include "base/header.h"
#include "base/num.h"
#include "trace/trace.h"

enum { TALE_MAX_MIB = 256, TRACE_AT = 3 };

/* What of a record's value is told. */
static const char *const MEMBERS[] = {
    "event",      "msg_type",
    "type",       "mode",
    "outcome",    "errcode",
    "kind",       "scene",
    "status",     "by",
    "has_active", "openid",
    "command_id", "bonus",
    "add_bonus",  "delta",
    "init_bonus", "balance",
    "version",    "rev",
    "user",       "membership_number",
};

const char *const TALE_STEPS[] = {"member", "activated", "requested", "pending", "result", NULL};

void tale_init(struct tale *tale)
{
    *tale = (struct tale){.arena = ARENA_INIT((size_t)TALE_MAX_MIB << 20)};
    tale->end = &tale->first;
}

void tale_done(struct tale *tale)
{
    arena_done(&tale->arena);
}

struct tale_node *tale_add(struct tale *tale, enum tale_kind kind)
{
    struct tale_node *node = arena_alloc(&tale->arena, sizeof(*node));

    if (!node) {
        tale->is_short = true;
        return NULL;
    }
    node->kind = kind;
    *tale->end = node;
    tale->end = &node->then;
    tale->count++;
    return node;
}

static struct str keep(struct tale *tale, struct str text)
{
    struct str copy = arena_dup(&tale->arena, text);

    tale->is_short = tale->is_short || str_is_set(copy) != str_is_set(text);
    return copy;
}

static void add_field(struct tale *tale, struct tale_node *node, struct str name, struct str text,
                      bool is_number)
{
    struct tale_field *field = arena_alloc(&tale->arena, sizeof(*field));

    if (!field) {
        tale->is_short = true;
        return;
    }
    *field = (struct tale_field){keep(tale, name), keep(tale, text), is_number, NULL};
    if (node->last_field)
        node->last_field->next = field;
    else
        node->fields = field;
    node->last_field = field;
}

void tale_field(struct tale *tale, struct tale_node *node, struct str name, struct str text)
{
    if (str_is_set(text))
        add_field(tale, node, name, text, false);
}

void tale_number(struct tale *tale, struct tale_node *node, struct str name, int64_t number)
{
    add_field(tale, node, name, arena_printf(&tale->arena, "%lld", (long long)number), true);
}

void tale_time(struct tale *tale, struct tale_node *node, struct str name, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];

    if (wall_ms == 0)
        return;
    clock_format_rfc3339(wall_ms, time);
    add_field(tale, node, name, str_from(time), false);
}

struct str tale_get(const struct tale_node *node, const char *name)
{
    for (const struct tale_field *field = node->fields; field; field = field->next)
        if (str_eq_cstr(field->name, name))
            return field->text;
    return (struct str){NULL, 0};
}

/* Records */

struct str tale_short_topic(struct str topic, const char *prefix)
{
    const size_t len = str_from(prefix).len + 1;

    if (!str_starts(topic, str_from(prefix)) || !str_ends(topic, STR(".v1")) || topic.len < len + 3)
        return topic;
    return str_of(topic.ptr + len, topic.len - len - 3);
}

struct str tale_trace_of(const struct record *record)
{
    struct str text = header_find(record->headers, record->header_count, STR("traceparent"));
    struct trace trace;

    if (!trace_parse(text, &trace))
        return (struct str){NULL, 0};
    return str_of(text.ptr + TRACE_AT, TRACE_ID_LEN);
}

static struct str header(const struct record *record, const char *name)
{
    return header_find(record->headers, record->header_count, str_from(name));
}

static int64_t header_number(const struct record *record, const char *name)
{
    int64_t number = -1;

    (void)num_parse_i64(header(record, name), 0, INT64_MAX, &number);
    return number;
}

static void tell_member(struct tale *tale, struct tale_node *node, struct str name,
                        const struct json *value)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);

    if (json_is(value, JSON_STRING)) {
        tale_field(tale, node, name, json_str(value));
    } else if (value && !json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY)) {
        json_format(value, &text);
        add_field(tale, node, name, buf_str(&text), true);
    }
}

static void tell_value(struct tale *tale, struct tale_node *node, struct str value)
{
    AUTO(json_freep) struct json *tree = NULL;
    const struct json *error;
    struct err err;

    if (!str_is_set(value) || json_parse(value, &tree, &err) != ST_OK)
        return;
    for (size_t i = 0; i < COUNT_OF(MEMBERS); i++)
        tell_member(tale, node, str_from(MEMBERS[i]), json_get(tree, MEMBERS[i]));
    error = json_get(tree, "error");
    tale_field(tale, node, STR("error_code"), json_get_str(error, "code"));
    tale_field(tale, node, STR("error_message"), json_get_str(error, "message"));
    node->outcome = keep(tale, json_get_str(tree, "outcome"));
}

/* A header as a field; digits are a number. */
static void tell_header(struct tale *tale, struct tale_node *node, const char *field,
                        const struct record *record, const char *name)
{
    const int64_t number = header_number(record, name);

    if (number >= 0)
        tale_number(tale, node, str_from(field), number);
    else
        tale_field(tale, node, str_from(field), header(record, name));
}

static void tell_failure(struct tale *tale, struct tale_node *node, const struct record *record)
{
    node->outcome = keep(tale, header(record, "dlq-reason"));
    tell_header(tale, node, "error_code", record, "dlq-error-code");
    tell_header(tale, node, "error_message", record, "dlq-error-message");
    tell_header(tale, node, "attempts", record, "dlq-attempts");
    tell_header(tale, node, "crashes", record, "dlq-crashes");
    tell_header(tale, node, "effect_id", record, "dlq-effect-id");
}

/* The failed attempts before a dead letter. */
static void tell_tries(struct tale *tale, const struct tale_node *letter,
                       const struct record *record)
{
    struct str first = header(record, "dlq-first-failed-at");
    struct tale_node *node;
    int64_t at_ms = 0;

    if (!str_is_set(first) || !clock_parse_rfc3339(first.ptr, first.len, &at_ms))
        return;
    node = tale_add(tale, TALE_TRIES);
    if (!node)
        return;
    node->at_ms = at_ms;
    node->what = node->worker = letter->worker;
    node->id = letter->id;
    node->trace = letter->trace;
    node->replay_id = letter->replay_id;
    node->original_topic = letter->original_topic;
    node->original_partition = letter->original_partition;
    node->original_offset = letter->original_offset;
    tell_header(tale, node, "attempts", record, "dlq-attempts");
    tell_header(tale, node, "last_failed_at", record, "dlq-last-failed-at");
}

static enum tale_kind kind_of(struct str topic)
{
    if (str_starts(topic, STR("dlq.")))
        return TALE_LETTER;
    return str_starts(topic, STR("redrive.")) ? TALE_REDRIVE : TALE_RECORD;
}

void tale_record(struct tale *tale, const struct record *record, const char *prefix)
{
    struct str topic = tale_short_topic(record->topic, prefix);
    struct str rest = {0};
    struct tale_node *node = tale_add(tale, kind_of(topic));

    if (!node)
        return;
    node->at_ms = record->timestamp_ms;
    node->what = keep(tale, header(record, "ce_type"));
    node->id = keep(tale, header(record, "ce_id"));
    node->trace = keep(tale, tale_trace_of(record));
    node->topic = keep(tale, topic);
    node->partition = record->partition;
    node->offset = record->offset;
    node->key = keep(tale, record->key);
    node->replay_id = keep(tale, header(record, "dlq-replay-id"));
    node->original_topic =
        keep(tale, tale_short_topic(header(record, "dlq-original-topic"), prefix));
    node->original_partition = header_number(record, "dlq-original-partition");
    node->original_offset = header_number(record, "dlq-original-offset");
    if (node->kind == TALE_RECORD) {
        tell_value(tale, node, record->value);
        return;
    }
    (void)str_cut(node->topic, '.', &rest, &node->worker);
    if (node->kind == TALE_LETTER) {
        tell_failure(tale, node, record);
        tell_tries(tale, node, record);
    }
}

/* Rows */

static void tell_column(struct tale *tale, struct tale_node *node, struct str name,
                        const struct db_value *value)
{
    char number[NUM_DOUBLE_SIZE];

    switch (value->type) {
    case DB_NULL: return;
    case DB_INT: tale_number(tale, node, name, value->value.i64); return;
    case DB_DOUBLE:
        num_format_double(value->value.f64, number);
        add_field(tale, node, name, str_from(number), true);
        return;
    case DB_TEXT: tale_field(tale, node, name, value->value.text); return;
    case DB_TIME_MS: tale_time(tale, node, name, value->value.i64); return;
    }
}

struct tale_node *tale_row(struct tale *tale, enum tale_kind kind, const struct story_row *row)
{
    struct tale_node *node = tale_add(tale, kind);

    if (!node)
        return NULL;
    for (size_t i = 0; i < row->count; i++)
        tell_column(tale, node, row->names[i], &row->values[i]);
    node->what = keep(tale, str_from(row->table));
    node->outcome = tale_get(node, "outcome");
    if (!str_is_set(node->outcome))
        node->outcome = tale_get(node, "state");
    return node;
}
