/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/binding.h"

#include "base/clock.h"

/* Both times only move forward: a replay in any order leaves the same row. */
static const struct column COLUMNS[] = {
    {"appid", COLUMN_KEY, NULL}, {"openid", COLUMN_KEY, NULL}, {"scene", COLUMN_KEY, NULL},
    {"user", 0, "bound_at"},     {"bound_at", 0, NULL},        {"unbound_at", 0, "unbound_at"},
};

const struct table TABLE_BINDING = {
    .name = "binding",
    .columns = COLUMNS,
    .column_count = COUNT_OF(COLUMNS),
};

const struct db_value *binding_row(struct arena *arena, const struct binding *b)
{
    struct db_value *row = arena_alloc(arena, sizeof(*row) * COUNT_OF(COLUMNS));
    bool bound = str_eq(b->kind, STR("bound"));
    int64_t at_ms = 0;
    size_t i = 0;

    if (!row)
        return NULL;
    (void)clock_parse_rfc3339(b->at.ptr, b->at.len, &at_ms);
    row[i++] = db_text(b->appid);
    row[i++] = db_text(b->openid);
    row[i++] = db_text(b->scene);
    row[i++] = bound ? db_text(b->user) : db_null();
    row[i++] = bound ? db_time(at_ms) : db_null();
    row[i++] = bound ? db_null() : db_time(at_ms);
    return row;
}
