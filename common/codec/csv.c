/* SPDX-License-Identifier: Apache-2.0 */
/* libcsv splits rows into cells; the file goes to it line by line, which gives the rows their line
 * numbers, and what it would let grow or pass is bounded here. */
#include "codec/csv.h"

#include "base/file.h"
#include "base/mem.h"
#include "codec/utf8.h"

#include <csv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

/* An open cell may grow past CELL_MAX, so that a quote never closed is told from a cell too long.
 */
enum { CHUNK = 64 * 1024, CELL_MAX = 64 * 1024, OPEN_MAX = 2 * CELL_MAX, GROW_BY = 4096 };

struct column {
    size_t cell; /* of a row, from 0; SIZE_MAX: not in this file */
    size_t at;   /* where the row's value begins in texts */
    size_t len;
};

struct reader {
    const char *path;
    const struct csv_column *wanted;
    size_t count;
    csv_row_fn *fn;
    void *arg;
    struct err *err;
    enum status rc; /* the first that was not ST_OK; nothing is done after it */
    size_t line;
    size_t row_line; /* 0 between rows */
    size_t cell;     /* of the row at hand, the next one */
    size_t cells;    /* of the header; 0 until it was read */
    struct column *columns;
    struct str *values;
    struct buf texts; /* the wanted cells of the row at hand */
};

static void refuse(struct reader *r, size_t line, const char *why)
{
    r->rc = err_fatal(r->err, "csv", "%s:%zu: %s", r->path, line, why);
}

static void memory_is_short(struct reader *r)
{
    r->rc = err_fatal(r->err, "memory", "%s: memory is short", r->path);
}

static void name_column(struct reader *r, struct str name)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!str_ieq(name, str_from(r->wanted[i].name)))
            continue;
        if (r->columns[i].cell != SIZE_MAX) {
            r->rc = err_fatal(r->err, "csv", "%s:%zu: the header names column %s twice", r->path,
                              r->row_line, r->wanted[i].name);
            return;
        }
        r->columns[i].cell = r->cell;
    }
}

static void keep_cell(struct reader *r, struct str text)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->columns[i].cell != r->cell)
            continue;
        r->columns[i].at = r->texts.len;
        r->columns[i].len = text.len;
        buf_add(&r->texts, text);
    }
}

static void on_cell(void *bytes, size_t len, void *arg)
{
    struct reader *r = arg;
    const struct str text = str_trim(str_of(bytes ? bytes : "", len));

    if (r->rc != ST_OK)
        return;
    if (len > CELL_MAX)
        refuse(r, r->row_line, "a cell over 64 KiB");
    else if (!utf8_valid(text) || (text.len > 0 && memchr(text.ptr, '\0', text.len)))
        refuse(r, r->row_line,
               "not UTF-8 text (GBK from a spreadsheet?): save it as \"CSV UTF-8\"");
    else if (r->cells == 0)
        name_column(r, text);
    else if (r->cell >= r->cells)
        refuse(r, r->row_line, "more cells than the header has");
    else
        keep_cell(r, text);
    r->cell++;
}

static void end_header(struct reader *r)
{
    r->cells = r->cell;
    for (size_t i = 0; i < r->count; i++) {
        if (r->wanted[i].required && r->columns[i].cell == SIZE_MAX) {
            r->rc = err_fatal(r->err, "csv", "%s:%zu: the header has no column %s", r->path,
                              r->row_line, r->wanted[i].name);
            return;
        }
    }
}

static void give_row(struct reader *r)
{
    const struct str all = buf_str(&r->texts);

    if (!buf_ok(&r->texts)) {
        memory_is_short(r);
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct column *c = &r->columns[i];

        r->values[i] =
            c->cell == SIZE_MAX ? str_from(NULL) : str_of(str_skip(all, c->at).ptr, c->len);
    }
    r->rc = r->fn(r->arg, r->row_line, r->values, r->err);
}

static void begin_row(struct reader *r)
{
    r->cell = 0;
    r->row_line = 0;
    buf_clear(&r->texts);
    for (size_t i = 0; i < r->count; i++) {
        r->columns[i].at = 0;
        r->columns[i].len = 0;
    }
}

static void on_row(int terminator, void *arg)
{
    struct reader *r = arg;

    (void)terminator;
    if (r->rc == ST_OK && r->cells == 0)
        end_header(r);
    else if (r->rc == ST_OK)
        give_row(r);
    begin_row(r);
}

/* CR is a blank: before LF it goes with the others at the end of a cell. */
static int is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int is_line_end(unsigned char c)
{
    return c == '\n';
}

/* part: within one line, of which it may be the end. */
static void feed(struct reader *r, struct csv_parser *parser, struct str part)
{
    if (r->row_line == 0 && str_is_empty(str_trim(part)))
        return;
    if (r->row_line == 0)
        r->row_line = r->line;
    if (csv_parse(parser, part.ptr, part.len, on_cell, on_row, r) == part.len) {
        if (r->rc == ST_OK && parser->entry_pos > OPEN_MAX)
            refuse(r, r->row_line, "a cell over 64 KiB: is its quote closed?");
    } else if (r->rc == ST_OK && csv_error(parser) == CSV_EPARSE) {
        refuse(r, r->line, "a quote inside a cell: double it and quote the whole cell");
    } else if (r->rc == ST_OK) {
        memory_is_short(r);
    }
}

static void feed_lines(struct reader *r, struct csv_parser *parser, struct str chunk)
{
    while (r->rc == ST_OK && chunk.len > 0) {
        const char *end = memchr(chunk.ptr, '\n', chunk.len);
        const size_t len = end ? (size_t)(end - chunk.ptr) + 1 : chunk.len;

        feed(r, parser, str_of(chunk.ptr, len));
        r->line += end ? 1 : 0;
        chunk = str_skip(chunk, len);
    }
}

/* The last row may lack its line end. */
static void finish(struct reader *r, struct csv_parser *parser)
{
    if (r->rc == ST_OK && r->row_line > 0 && csv_fini(parser, on_cell, on_row, r) != 0)
        refuse(r, r->row_line, "a quote of this row is not closed");
    if (r->rc == ST_OK && r->cells == 0)
        r->rc = err_fatal(r->err, "csv", "%s: no header row", r->path);
}

static void read_file(struct reader *r, int fd, struct csv_parser *parser)
{
    AUTO(buf_done) struct buf chunk = BUF_INIT(CHUNK);
    bool first = true;

    while (r->rc == ST_OK) {
        buf_clear(&chunk);
        r->rc = file_read(fd, r->path, &chunk, r->err);
        if (r->rc != ST_OK || chunk.len == 0)
            break;
        feed_lines(r, parser, first ? utf8_without_mark(buf_str(&chunk)) : buf_str(&chunk));
        first = false;
    }
    finish(r, parser);
}

static void parse_file(struct reader *r, int fd)
{
    struct csv_parser parser;

    (void)csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_realloc_func(&parser, mem_resize);
    csv_set_free_func(&parser, mem_free);
    csv_set_blk_size(&parser, GROW_BY);
    csv_set_space_func(&parser, is_blank);
    csv_set_term_func(&parser, is_line_end);
    begin_row(r);
    read_file(r, fd, &parser);
    csv_free(&parser);
}

static size_t count_columns(const struct csv_column *columns)
{
    size_t count = 0;

    while (columns[count].name)
        count++;
    return count;
}

static enum status read_rows(struct reader *r, int fd)
{
    AUTO(mem_freep) struct column *places = mem_array(r->count + 1, sizeof(*places));
    AUTO(mem_freep) struct str *values = mem_array(r->count + 1, sizeof(*values));

    if (!places || !values)
        return err_fatal(r->err, "memory", "%s: memory is short", r->path);
    for (size_t i = 0; i < r->count; i++)
        places[i].cell = SIZE_MAX;
    r->columns = places;
    r->values = values;
    r->line = 1;
    r->texts.max = r->count * CELL_MAX;
    parse_file(r, fd);
    buf_done(&r->texts);
    return r->rc;
}

enum status csv_read(const char *path, const struct csv_column *columns, csv_row_fn *fn, void *arg,
                     struct err *err)
{
    AUTO(file_close) const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct reader r = {.path = path,
                       .wanted = columns,
                       .count = count_columns(columns),
                       .fn = fn,
                       .arg = arg,
                       .err = err};

    if (fd < 0)
        return err_errno(err, ST_FATAL, errno, path);
    return read_rows(&r, fd);
}

static bool needs_quotes(struct str value)
{
    if (value.len == 0)
        return false;
    if (is_blank((unsigned char)value.ptr[0]) || is_blank((unsigned char)value.ptr[value.len - 1]))
        return true;
    for (size_t i = 0; i < value.len; i++) {
        if (strchr(",\"\r\n", value.ptr[i]) != NULL)
            return true;
    }
    return false;
}

static void add_quoted(struct buf *out, struct str value)
{
    const size_t size = csv_write(NULL, 0, value.ptr, value.len);
    char *room = buf_room(out, size);

    if (room != NULL)
        buf_grew(out, csv_write(room, size, value.ptr, value.len));
}

void csv_add_row(struct buf *out, const struct str *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* An empty line is no row: the only cell of one shows itself. */
        const bool lonely = count == 1 && str_is_empty(values[i]);

        if (i > 0)
            buf_add_char(out, ',');
        if (lonely)
            buf_add_cstr(out, "\"\"");
        else if (needs_quotes(values[i]))
            add_quoted(out, values[i]);
        else
            buf_add(out, values[i]);
    }
    buf_add_cstr(out, "\r\n");
}
