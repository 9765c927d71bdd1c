/* SPDX-License-Identifier: Apache-2.0 */
/* A card may be activated again after it was deleted and restored: the latest stands. */
#include "tables/activation.h"

#include "base/clock.h"

static const struct column ACTIVATION_COLUMNS[] = {
    {"appid", COLUMN_KEY, NULL},       {"card_id", COLUMN_KEY, NULL},
    {"card_code", COLUMN_KEY, NULL},   {"membership_number", 0, "activated_at"},
    {"init_bonus", 0, "activated_at"}, {"activated_by", 0, "activated_at"},
    {"event_id", 0, "activated_at"},   {"activated_at", 0, NULL},
};

const struct table TABLE_ACTIVATION = {
    .name = "activation",
    .columns = ACTIVATION_COLUMNS,
    .column_count = COUNT_OF(ACTIVATION_COLUMNS),
};

/* activated_at guards itself: it only moves forward. */
static const struct column MEMBER_COLUMNS[] = {
    {"appid", COLUMN_KEY, NULL},
    {"card_id", COLUMN_KEY, NULL},
    {"card_code", COLUMN_KEY, NULL},
    {"activated_at", 0, "activated_at"},
};

const struct table TABLE_MEMBER_ACTIVATED = {
    .name = "member",
    .columns = MEMBER_COLUMNS,
    .column_count = COUNT_OF(MEMBER_COLUMNS),
};

static struct db_value activated_at(const struct activation *a)
{
    int64_t wall_ms = 0;

    (void)clock_parse_rfc3339(a->activated_at.ptr, a->activated_at.len, &wall_ms);
    return db_time(wall_ms);
}

const struct db_value *activation_row(struct arena *arena, const struct activation *a,
                                      struct str event_id)
{
    struct db_value *row = arena_alloc(arena, sizeof(*row) * COUNT_OF(ACTIVATION_COLUMNS));
    size_t i = 0;

    if (!row)
        return NULL;
    row[i++] = db_text(a->appid);
    row[i++] = db_text(a->card_id);
    row[i++] = db_text(a->card_code);
    row[i++] = db_text(a->membership_number);
    row[i++] = a->init_bonus.set ? db_int(a->init_bonus.value) : db_null();
    row[i++] = db_text(a->by);
    row[i++] = db_text(event_id);
    row[i++] = activated_at(a);
    return row;
}

const struct db_value *member_activated_row(struct arena *arena, const struct activation *a)
{
    struct db_value *row = arena_alloc(arena, sizeof(*row) * COUNT_OF(MEMBER_COLUMNS));
    size_t i = 0;

    if (!row)
        return NULL;
    row[i++] = db_text(a->appid);
    row[i++] = db_text(a->card_id);
    row[i++] = db_text(a->card_code);
    row[i++] = activated_at(a);
    return row;
}
