/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/event.h"

#include "base/num.h"
#include "trace/trace.h"

enum { MS_PER_S = 1000, TRACE_ID_AT = 3 };

static const int64_t TIME_MAX_S = 253402300799; /* 9999-12-31 23:59:59 */

static const struct column EVENT_COLUMNS[] = {
    {"event_id", COLUMN_KEY, NULL},
    {"create_time", COLUMN_KEY, NULL},
    {"appid", 0, NULL},
    {"openid", 0, NULL},
    {"card_id", 0, NULL},
    {"card_code", 0, NULL},
    {"event", 0, NULL},
    {"body", 0, NULL},
    {"trace", 0, NULL},
    {"part", 0, NULL},
    {"off", 0, NULL},
};

const struct table TABLE_WECHAT_EVENT = {
    .name = "wechat_event",
    .columns = EVENT_COLUMNS,
    .column_count = COUNT_OF(EVENT_COLUMNS),
    .insert_only = true,
};

static const struct column CARD_USE_COLUMNS[] = {
    {"event_id", COLUMN_KEY, NULL},
    {"appid", 0, NULL},
    {"card_id", 0, NULL},
    {"card_code", 0, NULL},
    {"kind", 0, NULL},
    {"location_id", 0, NULL},
    {"trans_id", 0, NULL},
    {"fee", 0, NULL},
    {"original_fee", 0, NULL},
    {"at", 0, NULL},
};

const struct table TABLE_CARD_USE = {
    .name = "card_use",
    .columns = CARD_USE_COLUMNS,
    .column_count = COUNT_OF(CARD_USE_COLUMNS),
    .insert_only = true,
};

/* Not db_time, for which 0 is no time. */
static struct db_value create_time(const struct event *e)
{
    const int64_t s = e->create_time.value;
    const int64_t within = s < 0 ? 0 : s > TIME_MAX_S ? TIME_MAX_S : s;

    return (struct db_value){.type = DB_TIME_MS, .value.i64 = within * MS_PER_S};
}

static struct db_value int_or_null(struct opt_i64 number)
{
    return number.set ? db_int(number.value) : db_null();
}

static struct db_value trace_of(struct str traceparent)
{
    struct trace trace;

    if (!trace_parse(traceparent, &trace))
        return db_null();
    return db_text(str_of(traceparent.ptr + TRACE_ID_AT, TRACE_ID_LEN));
}

const struct db_value *event_row(struct arena *arena, const struct event *e,
                                 const struct event_origin *origin)
{
    struct db_value *row = arena_alloc(arena, sizeof(*row) * COUNT_OF(EVENT_COLUMNS));
    size_t i = 0;

    if (!row)
        return NULL;
    row[i++] = db_text(origin->id);
    row[i++] = create_time(e);
    row[i++] = db_text(e->appid);
    row[i++] = db_text(e->openid);
    row[i++] = db_text(e->card_id);
    row[i++] = db_text(e->card_code);
    row[i++] = db_text(str_is_set(e->event) ? e->event : e->msg_type);
    row[i++] = db_text(origin->body);
    row[i++] = trace_of(origin->traceparent);
    row[i++] = int_or_null(origin->part);
    row[i++] = int_or_null(origin->off);
    return row;
}

static struct db_value text_or_null(struct str text)
{
    return str_is_empty(text) ? db_null() : db_text(text);
}

static struct db_value fee(const struct event *e, const char *name)
{
    int64_t value = 0;

    return num_parse_i64(event_field(e, name), 0, INT64_MAX, &value) ? db_int(value) : db_null();
}

const struct db_value *card_use_row(struct arena *arena, const struct event *e, struct str event_id)
{
    struct db_value *row = arena_alloc(arena, sizeof(*row) * COUNT_OF(CARD_USE_COLUMNS));
    bool paid = str_eq(e->event, STR("user_pay_from_pay_cell"));
    size_t i = 0;

    if (!row)
        return NULL;
    row[i++] = db_text(event_id);
    row[i++] = db_text(e->appid);
    row[i++] = db_text(e->card_id);
    row[i++] = db_text(e->card_code);
    row[i++] = db_text(paid ? STR("pay") : STR("consume"));
    row[i++] = text_or_null(event_field(e, "LocationId"));
    row[i++] = text_or_null(event_field(e, "TransId"));
    row[i++] = fee(e, "Fee");
    row[i++] = fee(e, "OriginalFee");
    row[i++] = create_time(e);
    return row;
}
