/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for people or for programs, by libsmartcols. */
#include "app/table.h"

#include "base/buf.h"
#include "base/mem.h"

#include <libsmartcols.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { COLUMNS_MAX = 32, CELL_MAX = 1 << 20, NAME_MAX_LEN = 64 };

struct text_table {
    struct libscols_table *table;
    size_t columns;
    bool json;
};

static bool add_column(struct text_table *t, const char *name, bool json)
{
    char title[NAME_MAX_LEN + 1];
    size_t i;

    for (i = 0; i < NAME_MAX_LEN && name[i]; i++)
        title[i] = json ? name[i] : (char)toupper((unsigned char)name[i]);
    title[i] = '\0';
    t->columns++;
    return scols_table_new_column(t->table, title, 0, 0) != NULL;
}

struct text_table *text_table_new(const char *const *columns, bool json)
{
    struct text_table *t = mem_zalloc(sizeof(*t));
    bool good;

    if (!t)
        return NULL;
    t->json = json;
    t->table = scols_new_table();
    good = t->table && scols_table_set_name(t->table, "rows") == 0 &&
           scols_table_enable_json(t->table, json) == 0 &&
           scols_table_enable_colors(t->table, !json && isatty(STDOUT_FILENO)) == 0;
    for (size_t i = 0; good && columns[i] && i < COLUMNS_MAX; i++)
        good = add_column(t, columns[i], json);
    if (!good) {
        text_table_free(t);
        return NULL;
    }
    return t;
}

void text_table_free(struct text_table *t)
{
    if (!t)
        return;
    scols_unref_table(t->table);
    mem_free(t);
}

static bool set_cell(struct libscols_line *line, size_t column, struct str text)
{
    AUTO(buf_done) struct buf cell = BUF_INIT(CELL_MAX);

    buf_add(&cell, str_limit(text, CELL_MAX));
    return buf_ok(&cell) && scols_line_set_data(line, column, cell.ptr ? cell.ptr : "") == 0;
}

static struct libscols_line *add_line(struct text_table *t, struct libscols_line *parent,
                                      const struct str *cells)
{
    struct libscols_line *line = scols_table_new_line(t->table, parent);

    if (!line)
        return NULL;
    for (size_t i = 0; i < t->columns; i++)
        if (str_is_set(cells[i]) && !set_cell(line, i, cells[i]))
            return NULL;
    return line;
}

bool text_table_row(struct text_table *t, const struct str *cells)
{
    return add_line(t, NULL, cells) != NULL;
}

bool text_table_tree(struct text_table *t, const char *column)
{
    for (size_t i = 0; i < t->columns; i++) {
        struct libscols_column *c = scols_table_get_column(t->table, i);
        const char *title = scols_cell_get_data(scols_column_get_header(c));

        if (title && strcasecmp(title, column) == 0)
            return scols_column_set_flags(c, SCOLS_FL_TREE) == 0;
    }
    return false;
}

struct text_line *text_table_branch(struct text_table *t, struct text_line *parent,
                                    const struct str *cells)
{
    return (struct text_line *)add_line(t, (struct libscols_line *)parent, cells);
}

bool text_line_colour(struct text_line *line, size_t column, enum text_colour colour)
{
    static const char *const names[] = {
        [TEXT_PLAIN] = NULL, [TEXT_GOOD] = "green", [TEXT_BAD] = "red"};
    struct libscols_cell *cell = scols_line_get_cell((struct libscols_line *)line, column);

    return cell && scols_cell_set_color(cell, names[colour]) == 0;
}

/* libsmartcols wraps the list in an object named after the table; programs get the list alone. */
static bool print_json(const struct text_table *t)
{
    char *text = NULL;
    const char *first;
    const char *last;
    bool good = scols_print_table_to_string(t->table, &text) == 0 && text;

    first = good ? strchr(text, '[') : NULL;
    last = good ? strrchr(text, ']') : NULL;
    if (first && last)
        (void)printf("%.*s\n", (int)(last - first) + 1, first);
    else if (good)
        (void)puts("[]");
    free(text);
    return good;
}

bool text_table_print(const struct text_table *t)
{
    return t->json ? print_json(t) : scols_print_table(t->table) == 0;
}
