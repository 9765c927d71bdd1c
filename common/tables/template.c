/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/template.h"

static const struct column COLUMNS[] = {
    {"appid", COLUMN_KEY, NULL},
    {"card_id", COLUMN_KEY, NULL},
    {"status", 0, NULL},
    {"version", COLUMN_VERSION, NULL},
};

const struct table TABLE_CARD_TEMPLATE_STATUS = {
    .name = "card_template",
    .columns = COLUMNS,
    .column_count = COUNT_OF(COLUMNS),
};

const struct db_value *card_template_status_row(struct arena *arena, const struct event *e)
{
    struct db_value *row = arena_alloc(arena, sizeof(*row) * COUNT_OF(COLUMNS));
    bool passed = str_eq(e->event, STR("card_pass_check"));
    size_t i = 0;

    if (!row)
        return NULL;
    row[i++] = db_text(e->appid);
    row[i++] = db_text(e->card_id);
    row[i++] = db_text(passed ? STR("CARD_STATUS_VERIFY_OK") : STR("CARD_STATUS_VERIFY_FAIL"));
    row[i++] = db_int(e->create_time.value * 1000);
    return row;
}
