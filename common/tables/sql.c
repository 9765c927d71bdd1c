/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/sql.h"

void sql_places(struct buf *sql, size_t count)
{
    buf_add_char(sql, '(');
    for (size_t i = 0; i < count; i++)
        buf_add(sql, i == 0 ? STR("?") : STR(",?"));
    buf_add_char(sql, ')');
}

size_t sql_chunk(size_t count, size_t max)
{
    size_t chunk = 1;

    while (chunk * 2 <= count && chunk * 2 <= max)
        chunk *= 2;
    return chunk;
}

void sql_pad(struct db_value *values, size_t count, size_t size)
{
    for (size_t i = count; i < size; i++)
        values[i] = values[count - 1];
}

int64_t sql_int(const struct db_value *column, int64_t none)
{
    return column->type == DB_INT || column->type == DB_TIME_MS ? column->value.i64 : none;
}

struct str sql_text(const struct db_value *column)
{
    return column->type == DB_TEXT ? column->value.text : (struct str){NULL, 0};
}
